//! The pages that need no session: for the lost paper, for the mailed link, for a notice, and for what cannot be shown.

use askama::Template;
use jiff::Timestamp;

use super::frame::{Page, StepState};
use super::views::{CredentialSource, Phrase};
use super::words::Text;

/// `/help`, for those who lost the paper; open to anybody.
#[derive(Template)]
#[template(path = "pages/help.html")]
pub struct Help {
    /// What surrounds the page.
    pub page: Page,
    /// Where each group of members finds its first ID and password.
    pub sources: Vec<CredentialSource>,
}

/// `/forgotten-password`: asks for a link.
#[derive(Template)]
#[template(path = "pages/forgotten.html")]
pub struct Forgotten {
    /// What surrounds the page.
    pub page: Page,
    /// Whether a link was just asked for; nothing more is to be entered then.
    pub asked: bool,
    /// The user ID, as typed.
    pub user_id: String,
    /// The date of birth, as typed.
    pub birth_date: String,
    /// Hours until another password counts.
    pub hours: u32,
}

/// `/forgotten-password/{token}`: the mailed link, in any browser. Shows nothing personal, changes nothing until sent.
#[derive(Template)]
#[template(path = "pages/new_password.html")]
pub struct NewPassword {
    /// What surrounds the page.
    pub page: Page,
    /// Empty: whose link it is, is not shown.
    pub user_id: String,
    /// Where the form is sent.
    pub action: String,
    /// The fewest characters a password may have.
    pub minimum: u32,
    /// A generated password, ready to be taken.
    pub phrase: Phrase,
    /// Marks one showing of the form, so that a repeated sending is recognised.
    pub idempotency_key: String,
    /// Hours until it counts.
    pub hours: u32,
}

/// What a link for a forgotten password came to; shown in place of [`NewPassword`] where there is nothing left to set.
#[derive(Template)]
#[template(path = "pages/reset_result.html")]
pub struct ResetResult {
    /// What surrounds the page.
    pub page: Page,
    /// What it came to.
    pub outcome: ResetOutcome,
}

/// What a link for a forgotten password can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetOutcome {
    /// Another password is set.
    Set {
        /// The moment from which it counts.
        counts_from: Timestamp,
    },
    /// Another address counts first.
    AddressChanges {
        /// The moment from which that counts.
        from: Timestamp,
    },
    /// Past its life.
    Expired,
    /// Another link was used, or what the link was for has ended.
    Replaced,
    /// Not a link of ours, or one that was cut in two by a mail program.
    Unknown,
}

impl ResetResult {
    /// Whether there is something to go on with: not from a link of nobody's, nor before an address counts.
    const fn leads_on(&self) -> bool {
        !matches!(
            self.outcome,
            ResetOutcome::Unknown | ResetOutcome::AddressChanges { .. }
        )
    }

    const fn key(&self) -> (&'static str, &'static str) {
        match self.outcome {
            ResetOutcome::Set { .. } => ("new_password.set", "new_password.set_next"),
            ResetOutcome::AddressChanges { .. } => (
                "new_password.address_changes",
                "new_password.address_changes_next",
            ),
            ResetOutcome::Expired => ("new_password.expired", "new_password.expired_next"),
            ResetOutcome::Replaced => ("new_password.replaced", "new_password.replaced_next"),
            ResetOutcome::Unknown => ("link_result.unknown", "link_result.unknown_next"),
        }
    }
}

/// `/email/{token}`: the mailed link, in any browser. Shows nothing personal, changes nothing until pressed.
#[derive(Template)]
#[template(path = "pages/confirm_email.html")]
pub struct ConfirmEmail {
    /// What surrounds the page.
    pub page: Page,
    /// The token of the link.
    pub token: String,
}

/// `/email/{token}/disown`: asks once more before an address is given back.
#[derive(Template)]
#[template(path = "pages/disown_email.html")]
pub struct DisownEmail {
    /// What surrounds the page.
    pub page: Page,
    /// The token of the link.
    pub token: String,
}

/// What a mailed link came to; shown in place of [`ConfirmEmail`] where there is nothing left to press.
#[derive(Template)]
#[template(path = "pages/link_result.html")]
pub struct LinkResult {
    /// What surrounds the page.
    pub page: Page,
    /// What it came to.
    pub outcome: LinkOutcome,
}

/// What a mailed link can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOutcome {
    /// Followed: 更新 is to be pressed on the screen that was left.
    Followed,
    /// The address is verified already; nothing left to do here.
    Verified,
    /// The receiver said that it is not theirs.
    Disowned,
    /// Past its life.
    Expired,
    /// The member has registered another address since.
    Replaced,
    /// Not a link of ours, or one that was cut in two by a mail program.
    Unknown,
}

impl LinkResult {
    fn key(&self) -> (&'static str, &'static str) {
        match self.outcome {
            LinkOutcome::Followed => ("link_result.followed", "link_result.followed_next"),
            LinkOutcome::Verified => ("link_result.verified", "link_result.verified_next"),
            LinkOutcome::Disowned => ("link_result.disowned", "link_result.disowned_next"),
            LinkOutcome::Expired => ("link_result.expired", "link_result.expired_next"),
            LinkOutcome::Replaced => ("link_result.replaced", "link_result.replaced_next"),
            LinkOutcome::Unknown => ("link_result.unknown", "link_result.unknown_next"),
        }
    }

    /// Whether the member's entry of the address stands, and its owner cannot take it back here.
    fn still_stands(&self) -> bool {
        matches!(self.outcome, LinkOutcome::Expired | LinkOutcome::Verified)
    }

    fn good(&self) -> bool {
        matches!(self.outcome, LinkOutcome::Followed | LinkOutcome::Verified)
    }
}

/// `/not-me/{token}`: the link of a notice, in any browser. Shows nothing personal, changes nothing until pressed.
#[derive(Template)]
#[template(path = "pages/not_me.html")]
pub struct NotMe {
    /// What surrounds the page.
    pub page: Page,
    /// The token of the notice.
    pub token: String,
}

/// What the link of a notice came to; shown in place of [`NotMe`] where there is nothing left to press.
#[derive(Template)]
#[template(path = "pages/not_me_result.html")]
pub struct NotMeResult {
    /// What surrounds the page.
    pub page: Page,
    /// What it came to.
    pub outcome: NotMeOutcome,
}

/// What the link of a notice can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMeOutcome {
    /// Nobody can sign in any more.
    Stopped,
    /// The password that it is about counts no more.
    Replaced,
    /// Not a link of ours, or one that was cut in two.
    Unknown,
}

impl NotMeResult {
    const fn key(&self) -> (&'static str, &'static str) {
        match self.outcome {
            NotMeOutcome::Stopped => ("not_me.stopped", "not_me.stopped_next"),
            NotMeOutcome::Replaced => ("not_me.replaced", "not_me.replaced_next"),
            NotMeOutcome::Unknown => ("not_me.unknown", "not_me.unknown_next"),
        }
    }
}

/// What stands in place of a page that cannot be shown, at any address.
#[derive(Template)]
#[template(path = "pages/problem.html")]
pub struct Problem {
    /// What surrounds the page.
    pub page: Page,
    /// What the matter is.
    pub kind: ProblemKind,
    /// The address that members see: scheme, host and port.
    pub origin: String,
}

/// Why a page cannot be shown.
#[derive(Clone, Copy, Debug)]
pub enum ProblemKind {
    /// 404 and 405: no such page.
    NotFound,
    /// 403: the form was opened too long ago, or comes from elsewhere.
    FormTooOld,
    /// 429: nothing is taken until then.
    Waiting {
        /// When to try again.
        until: Timestamp,
    },
    /// 421: opened under another name than the one that members see.
    Elsewhere,
    /// 503: too many at once, or something behind is away.
    Busy,
    /// Anything else that a member cannot mend.
    Unexpected,
}

impl Problem {
    fn title(&self) -> Text {
        self.page.t(match self.kind {
            ProblemKind::NotFound => "problem.not_found",
            ProblemKind::FormTooOld => "problem.form_too_old",
            ProblemKind::Waiting { .. } => "problem.waiting",
            ProblemKind::Elsewhere => "problem.elsewhere",
            ProblemKind::Busy => "problem.busy",
            ProblemKind::Unexpected => "problem.unexpected",
        })
    }

    fn next(&self) -> Text {
        match &self.kind {
            ProblemKind::NotFound => self.page.t("problem.not_found_next"),
            ProblemKind::FormTooOld => self.page.t("problem.form_too_old_next"),
            ProblemKind::Waiting { until } => self
                .page
                .t("problem.waiting_next")
                .with("from", self.page.from(until)),
            ProblemKind::Elsewhere => self
                .page
                .t("problem.elsewhere_next")
                .with("address", &self.origin),
            ProblemKind::Busy => self.page.t("problem.busy_next"),
            ProblemKind::Unexpected => self.page.t("problem.unexpected_next"),
        }
    }
}
