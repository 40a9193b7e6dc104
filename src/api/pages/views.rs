//! The pages of the flow: one struct a page, plain data in, HTML out; what is shown where is decided in `templates/pages/`.

use askama::Template;
use jiff::Timestamp;

use super::frame::{Page, StepState};
use super::words::Text;

/// `/sign-in`, steps 2 and 13.
#[derive(Template)]
#[template(path = "pages/sign_in.html")]
pub struct SignIn {
    /// What surrounds the page.
    pub page: Page,
    /// The user ID as typed before.
    pub user_id: String,
    /// Whether it is step 13: only the new password counts.
    pub again: bool,
    /// Where each group of members finds its first ID and password.
    pub sources: Vec<CredentialSource>,
}

/// Where one group of members finds its first user ID and password; texts of the policy, in the page's language.
#[derive(Clone, Debug)]
pub struct CredentialSource {
    /// Who they are.
    pub who: String,
    /// Where their user ID stands.
    pub user_id_from: String,
    /// Where or how they find their first password.
    pub password_from: String,
}

/// `/birth-date`, step 3.
#[derive(Template)]
#[template(path = "pages/birth_date.html")]
pub struct BirthDate {
    /// What surrounds the page.
    pub page: Page,
    /// The date as typed before.
    pub typed: String,
}

/// `/terms`, step 4, where the policy has it.
#[derive(Template)]
#[template(path = "pages/terms.html")]
pub struct Terms {
    /// What surrounds the page.
    pub page: Page,
    /// The terms; line breaks are kept.
    pub terms: String,
    /// The version consented to.
    pub version: String,
}

/// `/email`, step 5, and again to correct the address.
#[derive(Template)]
#[template(path = "pages/email.html")]
pub struct Email {
    /// What surrounds the page.
    pub page: Page,
    /// The address as typed before.
    pub typed: String,
    /// The domain our mails come from, to be let through before the first is sent.
    pub sender_domain: String,
    /// The address registered so far, masked; none the first time.
    pub registered: Option<String>,
}

/// `/email-link`, steps 6 and 7.
#[derive(Template)]
#[template(path = "pages/email_link.html")]
pub struct EmailLink {
    /// What surrounds the page.
    pub page: Page,
    /// The registered address, masked.
    pub masked: String,
    /// The domain our mails come from.
    pub sender_domain: String,
    /// Whether the mailed link has been followed, so that only 更新 is left.
    pub followed: bool,
    /// Whether the mail is known not to have reached its box.
    pub undelivered: bool,
    /// When the mail may be asked for again.
    pub resend_after: Timestamp,
    /// When the last link sent stops working.
    pub expires_at: Timestamp,
}

/// `/otp-method`, step 8.
#[derive(Template)]
#[template(path = "pages/otp_method.html")]
pub struct OtpMethod {
    /// What surrounds the page.
    pub page: Page,
    /// The verified address, masked.
    pub masked: String,
}

/// `/password`, step 9.
#[derive(Template)]
#[template(path = "pages/password.html")]
pub struct Password {
    /// What surrounds the page.
    pub page: Page,
    /// Where the form is sent.
    pub action: String,
    /// The user ID, for password keepers.
    pub user_id: String,
    /// The fewest characters a password may have.
    pub minimum: u32,
    /// A generated password, ready to be taken.
    pub phrase: Phrase,
    /// Marks one showing of the form, so that a repeated sending is recognised.
    pub idempotency_key: String,
}

/// A generated password that can be read aloud.
#[derive(Clone, Debug)]
pub struct Phrase {
    /// Words in Latin letters, joined by hyphens: the password itself.
    pub romaji: String,
    /// The same words in kana, joined by middle dots.
    pub kana: String,
}

/// `/first-login-completed`, step 10.
#[derive(Template)]
#[template(path = "pages/first_login_completed.html")]
pub struct FirstLoginCompleted {
    /// What surrounds the page.
    pub page: Page,
}

/// `/log-out`, step 11, and at any other time.
#[derive(Template)]
#[template(path = "pages/log_out.html")]
pub struct LogOut {
    /// What surrounds the page.
    pub page: Page,
}

impl LogOut {
    fn to_try_the_new_password(&self) -> bool {
        self.page
            .due()
            .is_some_and(|step| step.number == 10 || step.number == 11)
    }

    fn in_mid_flow(&self) -> bool {
        self.page.due().is_some_and(|step| step.number < 10)
    }
}

/// `/otp`, step 14.
#[derive(Template)]
#[template(path = "pages/otp.html")]
pub struct Otp {
    /// What surrounds the page.
    pub page: Page,
    /// Where the code was sent, masked.
    pub masked: String,
    /// The domain our mails come from.
    pub sender_domain: String,
    /// Four letters that stand in the mail too, so that a member knows which mail is meant.
    pub reference: String,
    /// When the code stops working.
    pub expires_at: Timestamp,
    /// The tries left for this sign-in.
    pub tries_left: u32,
    /// When the mail may be asked for again.
    pub resend_after: Timestamp,
    /// Whether the mail is known not to have reached its box.
    pub undelivered: bool,
}

/// `/completed`, step 15.
#[derive(Template)]
#[template(path = "pages/completed.html")]
pub struct Completed {
    /// What surrounds the page.
    pub page: Page,
    /// The society's portal.
    pub portal_url: String,
    /// Until when it should hold health data back, while it should.
    pub hold_until: Option<Timestamp>,
    /// When another address takes the present one's place, while that is to come.
    pub address_changes_at: Option<Timestamp>,
    /// When another password takes the present one's place, while that is to come.
    pub password_changes_at: Option<Timestamp>,
    /// Whether that ends a change of address that was to come later.
    pub ends_address: bool,
}

/// `/email-change`, after completion: the form, or what became of it.
#[derive(Template)]
#[template(path = "pages/email_change.html")]
pub struct EmailChange {
    /// What surrounds the page.
    pub page: Page,
    /// The address as typed before.
    pub typed: String,
    /// The user ID, for password keepers.
    pub user_id: String,
    /// The present address, masked.
    pub present: String,
    /// The domain our mails come from.
    pub sender_domain: String,
    /// Hours from the confirmation until another address counts.
    pub hours: u32,
    /// The address that is to take its place.
    pub coming: Option<ComingAddress>,
}

/// An address that is to take the present one's place.
#[derive(Clone, Debug)]
pub struct ComingAddress {
    /// The address, masked.
    pub masked: String,
    /// Whether the mailed link has been followed, so that only 更新 is left.
    pub followed: bool,
    /// Whether the mail is known not to have reached its box.
    pub undelivered: bool,
    /// When the link stops working.
    pub expires_at: Timestamp,
    /// When the address counts; none until 更新 was pressed.
    pub counts_from: Option<Timestamp>,
}

/// `/password-change`, after completion.
#[derive(Template)]
#[template(path = "pages/password_change.html")]
pub struct PasswordChange {
    /// What surrounds the page.
    pub page: Page,
    /// The user ID, for password keepers.
    pub user_id: String,
    /// The fewest characters a password may have.
    pub minimum: u32,
    /// A generated password, for whoever cannot think of one.
    pub phrase: Phrase,
    /// Marks one showing of the form, so that a repeated sending is recognised.
    pub idempotency_key: String,
    /// Whether another address is to come, which ends with the change.
    pub ends_pending: bool,
}

/// `/history`, the member's own.
#[derive(Template)]
#[template(path = "pages/history.html")]
pub struct History {
    /// What surrounds the page.
    pub page: Page,
    /// What happened, newest first.
    pub rows: Vec<HistoryRow>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct HistoryRow {
    /// When.
    pub at: Timestamp,
    /// What, from [`super::messages::Happening::text`].
    pub text: Text,
}
