//! The pages of the flow as GET shows them, and as a form that was not taken comes back.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::SignedDuration;

use super::answers::{Told, page};
use super::forms::FormToken;
use super::frame::Page;
use super::messages::Notice;
use super::standing::{Reader, Standing};
use super::views::{
    BirthDate, ComingAddress, Completed, Email, EmailChange, EmailLink, FirstLoginCompleted,
    History, LogOut, Otp, OtpMethod, Password, PasswordChange, Terms,
};
use super::{phrase, story};
use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::status::{resend_after, tries_left};
use crate::domain::delivery::MailKind;
use crate::domain::ids::ContactId;
use crate::domain::onboarding::Step;
use crate::projections::history;
use crate::vault::Purpose;

/// A page of a member in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    BirthDate,
    Terms,
    Email,
    EmailLink,
    OtpMethod,
    Password,
    FirstLoginCompleted,
    LogOut,
    Otp,
    Completed,
    EmailChange,
    PasswordChange,
    History,
}

impl Screen {
    /// The address at which GET shows it.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::BirthDate => "/birth-date",
            Self::Terms => "/terms",
            Self::Email => "/email",
            Self::EmailLink => "/email-link",
            Self::OtpMethod => "/otp-method",
            Self::Password => "/password",
            Self::FirstLoginCompleted => "/first-login-completed",
            Self::LogOut => "/log-out",
            Self::Otp => "/otp",
            Self::Completed => "/completed",
            Self::EmailChange => "/email-change",
            Self::PasswordChange => "/password-change",
            Self::History => "/history",
        }
    }

    /// Whether it may be shown to a member who stands there.
    fn fits(self, standing: &Standing) -> bool {
        let due = standing.due();
        match self {
            Self::BirthDate => due == Step::BirthDate,
            Self::Terms => due == Step::Terms,
            // The address can be corrected until the method is chosen.
            Self::Email => matches!(
                due,
                Step::Email | Step::EmailLink | Step::EmailUpdate | Step::OtpMethod
            ),
            Self::EmailLink => matches!(due, Step::EmailLink | Step::EmailUpdate),
            Self::OtpMethod => due == Step::OtpMethod,
            Self::Password => due == Step::Password,
            Self::FirstLoginCompleted => due == Step::LogOut,
            Self::Otp => due == Step::Otp,
            Self::Completed | Self::EmailChange | Self::PasswordChange => due == Step::Completed,
            Self::LogOut => true,
            Self::History => !standing.pending(),
        }
    }

    /// The step that it is about.
    const fn step(self, due: Step) -> Step {
        match self {
            // One step is reached in the moment that the one before is done; its page stands for it all the same.
            Self::FirstLoginCompleted => Step::FirstLoginCompleted,
            Self::BirthDate
            | Self::Terms
            | Self::Email
            | Self::EmailLink
            | Self::OtpMethod
            | Self::Password
            | Self::LogOut
            | Self::Otp
            | Self::Completed
            | Self::EmailChange
            | Self::PasswordChange
            | Self::History => due,
        }
    }
}

/// `GET` of a page: it, or the one of the step that is due.
pub(super) async fn get(api: Api, reader: Reader, screen: Screen) -> Response {
    let Reader(standing, notice) = reader;
    let dead = screen == Screen::Otp && standing.code_is_dead(&api);
    if !screen.fits(&standing) || dead {
        return standing.to_due_page(&api, None);
    }
    show(&api, &standing, screen, Told::noticed(notice)).await
}

/// `GET /`: to the page of the step that is due.
pub(super) async fn root(State(api): State<Api>, Reader(standing, notice): Reader) -> Response {
    standing.to_due_page(&api, notice)
}

/// A page, as far as the stores can tell what stands on it.
pub(super) async fn show(api: &Api, standing: &Standing, screen: Screen, told: Told) -> Response {
    rendered(api, standing, screen, told)
        .await
        .unwrap_or_else(|problem| super::problem(api, &standing.visit, &problem))
}

async fn rendered(
    api: &Api,
    standing: &Standing,
    screen: Screen,
    mut told: Told,
) -> Result<Response, Problem> {
    let state = &standing.status.state;
    let was_disowned = state.contact.is_none() && !state.disowned.is_empty();
    if screen == Screen::Email && was_disowned && told.trouble.is_none() {
        told.notice = Some(Notice::EmailDisowned);
    }
    let form = FormToken::of(api, &standing.visit);
    let at = screen.step(standing.due());
    let surroundings = standing.page(api, &form, screen.path(), at, &told).await?;
    let Told { typed, problem, .. } = told;
    let asked = Asked {
        api,
        standing,
        form,
        problem,
    };
    asked.view(screen, surroundings, typed).await
}

/// A page that is asked for, with what its answer needs.
struct Asked<'a> {
    api: &'a Api,
    standing: &'a Standing,
    form: FormToken,
    problem: Option<Problem>,
}

impl Asked<'_> {
    async fn view(self, screen: Screen, page: Page, typed: String) -> Result<Response, Problem> {
        let society = &self.api.policy.society;
        let language = self.standing.visit.language;
        Ok(match screen {
            Screen::BirthDate => self.answer(&BirthDate { page, typed }),
            Screen::Terms => {
                let terms = self.api.terms_of(&self.standing.status.state).await?;
                self.answer(&Terms {
                    page,
                    terms: terms.text.in_language(language).to_owned(),
                    version: terms.version,
                })
            }
            Screen::Email => {
                let registered = self.masked().await?;
                self.answer(&Email {
                    page,
                    typed,
                    sender_domain: society.mail_domain().to_owned(),
                    registered,
                })
            }
            Screen::EmailLink => {
                let view = self.email_link(page).await?;
                self.answer(&view)
            }
            Screen::OtpMethod => {
                let masked = self.masked().await?.unwrap_or_default();
                self.answer(&OtpMethod { page, masked })
            }
            Screen::Password => {
                let view = self.password(page).await?;
                self.answer(&view)
            }
            Screen::FirstLoginCompleted => self.answer(&FirstLoginCompleted { page }),
            Screen::LogOut => self.answer(&LogOut { page }),
            Screen::Otp => {
                let view = self.otp(page).await?;
                self.answer(&view)
            }
            Screen::Completed => {
                let status = &self.standing.status;
                let hold_until = self.api.hold_until(status).await?;
                let coming = status.state.coming.as_ref();
                let address = coming.and_then(|it| it.counts_from);
                let password = status.state.coming_password.map(|it| it.reset.counts_from);
                // What counts first ends the other.
                let ends_address = address.zip(password).is_some_and(|(it, first)| first < it);
                self.answer(&Completed {
                    page,
                    portal_url: society.portal_url.clone(),
                    hold_until,
                    address_changes_at: address.filter(|_| !ends_address),
                    password_changes_at: password,
                    ends_address,
                })
            }
            Screen::EmailChange => {
                let view = self.email_change(page, typed).await?;
                self.answer(&view)
            }
            Screen::PasswordChange => {
                let state = &self.standing.status.state;
                let ends_pending = state.coming.is_some() || state.coming_password.is_some();
                let at_step_nine = self.password(page).await?;
                self.answer(&PasswordChange {
                    page: at_step_nine.page,
                    user_id: at_step_nine.user_id,
                    minimum: at_step_nine.minimum,
                    phrase: at_step_nine.phrase,
                    idempotency_key: at_step_nine.idempotency_key,
                    ends_pending,
                })
            }
            Screen::History => {
                let member = self.standing.session.member;
                self.api.statuses.caught_up().await;
                let entries = history::of_member(&self.api.read, member).await?;
                let rows = story::rows(&entries, language);
                self.answer(&History { page, rows })
            }
        })
    }

    fn answer(self, view: &impl Template) -> Response {
        page(view, self.form, self.problem.as_ref())
    }

    async fn email_link(&self, page: Page) -> Result<EmailLink, Problem> {
        let state = &self.standing.status.state;
        let contact = state.contact.as_ref().ok_or(Problem::NoSession)?;
        let last = contact.links.last().ok_or(Problem::Internal)?;
        let apart = self.api.limits.email_link.mails.apart_seconds;
        Ok(EmailLink {
            page,
            masked: self.masked().await?.unwrap_or_default(),
            sender_domain: self.api.policy.society.mail_domain().to_owned(),
            followed: contact.followed,
            undelivered: self.undelivered(MailKind::EmailLink).await?,
            resend_after: last.sent_at + SignedDuration::from_secs(apart.into()),
            expires_at: last.expires_at,
        })
    }

    async fn email_change(&self, page: Page, typed: String) -> Result<EmailChange, Problem> {
        let coming = self.standing.status.state.coming.as_ref();
        let address = self.api.address(coming.map(|it| it.id)).await?;
        let coming = match coming.zip(address) {
            None => None,
            Some((coming, address)) => Some(ComingAddress {
                masked: address.masked(),
                followed: coming.followed,
                undelivered: self
                    .undelivered_to(MailKind::EmailChangeLink, coming.id)
                    .await?,
                expires_at: coming.links.last().ok_or(Problem::Internal)?.expires_at,
                counts_from: coming.counts_from,
            }),
        };
        let member = self.standing.session.member;
        Ok(EmailChange {
            page,
            typed,
            user_id: self.api.vault.profiles.get(member).await?.profile.user_id,
            present: self.masked().await?.unwrap_or_default(),
            sender_domain: self.api.policy.society.mail_domain().to_owned(),
            hours: self.api.limits.later.address_hours,
            coming,
        })
    }

    async fn password(&self, page: Page) -> Result<Password, Problem> {
        let minimum = self.api.limits.password.min_length;
        let member = self.standing.session.member;
        let secret = self.standing.visit.secret.as_deref().unwrap_or_default();
        let keys = &self.api.vault.keys;
        let phrase = keys.tag(Purpose::Forms, &[b"phrase", secret.as_bytes()]);
        Ok(Password {
            page,
            action: "/password".to_owned(),
            user_id: self.api.vault.profiles.get(member).await?.profile.user_id,
            minimum,
            phrase: phrase::generate(&phrase, minimum),
            idempotency_key: self.api.entropy.id().to_string(),
        })
    }

    async fn otp(&self, page: Page) -> Result<Otp, Problem> {
        let state = &self.standing.status.state;
        let challenge = state.challenge.as_ref().ok_or(Problem::NoSession)?;
        Ok(Otp {
            page,
            masked: self.masked().await?.unwrap_or_default(),
            sender_domain: self.api.policy.society.mail_domain().to_owned(),
            reference: self.api.reference(self.standing.session.member, state),
            expires_at: challenge.expires_at,
            tries_left: tries_left(challenge, &self.api.limits),
            resend_after: resend_after(challenge, &self.api.limits),
            undelivered: self.undelivered(MailKind::Otp).await?,
        })
    }

    /// The member's address, masked.
    async fn masked(&self) -> Result<Option<String>, Problem> {
        let contact = self.standing.status.state.contact.as_ref();
        let address = self.api.address(contact.map(|contact| contact.id)).await?;
        Ok(address.map(|address| address.masked()))
    }

    /// Whether the last mail of this kind to the member's address is known not to have been delivered.
    async fn undelivered(&self, kind: MailKind) -> Result<bool, Problem> {
        let Some(contact) = &self.standing.status.state.contact else {
            return Ok(false);
        };
        self.undelivered_to(kind, contact.id).await
    }

    async fn undelivered_to(&self, kind: MailKind, contact: ContactId) -> Result<bool, Problem> {
        self.api.statuses.caught_up().await;
        let entries = history::of_member(&self.api.read, self.standing.session.member).await?;
        Ok(story::undelivered(&entries, kind, contact))
    }
}
