//! The steps 3 to 9 and 14 of a signed-in member: what was typed is checked, facts are settled, the command is carried out.

use std::sync::Arc;

use jiff::tz::TimeZone;
use secrecy::SecretString;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::SignedIn;
use crate::api::Api;
use crate::api::input;
use crate::api::problem::Problem;
use crate::commands::{Outcome, Position};
use crate::domain::birth_date::{BirthDate, BirthDateFault};
use crate::domain::email::{EmailAddress, EmailFault};
use crate::domain::ids::{ContactId, CredentialId, FormId, MemberId};
use crate::domain::onboarding::{
    CodeCheck, Command, Event, Onboarding, OtpMethod, SessionKind, Step,
};
use crate::domain::password::{self, Forbidden};
use crate::vault::Session;

/// What is to be told after a command that went well.
#[derive(Clone, Debug)]
pub struct Done {
    /// The session, as it is now.
    pub session: Session,
    /// What a status has to show.
    pub mark: Position,
    /// The session's new secret, where it was exchanged.
    pub secret: Option<SecretString>,
    /// The device cookie, where one is to be set.
    pub device: Option<SecretString>,
    /// Whether anything was stored; not so, if the effect stood already.
    pub stored: bool,
}

impl Api {
    /// Step 3.
    ///
    /// # Errors
    /// [`Problem::Mismatch`], [`Problem::Waiting`], and those of all steps.
    pub async fn confirm_birth_date(&self, who: &SignedIn, typed: &str) -> Result<Done, Problem> {
        let invalid = |why| Problem::Invalid {
            field: "birth_date",
            why,
        };
        let today = self
            .clock
            .now()
            .to_zoned(TimeZone::fixed(jiff::tz::offset(9)))
            .date();
        let state = self.member_status(&who.session, 0).await?.state;
        if state.birth_date_confirmed {
            return Ok(already_done(who));
        }
        let normal = input::normalise_id(typed);
        if normal.is_empty() {
            return Err(invalid("required"));
        }
        let date = BirthDate::parse(&normal, today).map_err(|fault| match fault {
            BirthDateFault::NotADate => invalid("not_a_date"),
            BirthDateFault::InTheFuture => invalid("in_the_future"),
        })?;
        let profile = self.vault.profiles.get(who.session.member).await?.profile;
        let matches = profile.birth_date == date.date();
        let lanes = self
            .vault
            .waits
            .lanes(
                &profile.user_id,
                Some(&profile.symbol),
                who.visit.address,
                who.visit.device.as_deref(),
            )
            .await?;
        let session = who.session.id;
        let (api, lanes_of_try) = (self.clone(), lanes.clone());
        let counted = Arc::new(std::sync::Mutex::new(None));
        let count = counted.clone();
        let outcome = self
            .carry_out(
                "ConfirmBirthDate",
                who.session.member,
                &who.visit,
                move |state| {
                    let (api, lanes, count) = (api.clone(), lanes_of_try.clone(), count.clone());
                    async move {
                        // A try is counted before it is looked at, but only where it is a try at all.
                        let is_try = state.due() == Step::BirthDate
                            && state
                                .session
                                .as_ref()
                                .is_some_and(|open| open.id == session);
                        let mut waiting_until = None;
                        if is_try && lock(&count).is_none() {
                            match api.begin_try(&lanes).await {
                                Ok(tries_left) => *lock(&count) = Some(tries_left),
                                Err(Problem::Waiting(wait)) => waiting_until = Some(wait.until),
                                Err(problem) => return Err(problem),
                            }
                        }
                        Ok(Command::ConfirmBirthDate {
                            session,
                            matches,
                            waiting_until,
                        })
                    }
                },
            )
            .await?;
        let tries_left = *lock(&counted);
        if happened(&outcome, |event| {
            matches!(event, Event::BirthDateRejected {})
        }) {
            self.vault.waits.failed(&lanes, self.clock.now()).await?;
            return Err(Problem::Mismatch {
                field: "birth_date",
                tries_left: tries_left.unwrap_or(0),
            });
        }
        let mut done = self.done(who, &outcome).await?;
        if tries_left.is_some() {
            self.vault.waits.succeeded(&lanes).await?;
            let device = self.remember_browser(&who.visit, &profile.user_id).await?;
            done.device = Some(device);
        }
        Ok(done)
    }

    /// Step 4.
    ///
    /// # Errors
    /// Those of all steps.
    pub async fn accept_terms(&self, who: &SignedIn, version: String) -> Result<Done, Problem> {
        let session = who.session.id;
        self.simple(who, "AcceptTerms", move |_| Command::AcceptTerms {
            session,
            version: version.clone(),
        })
        .await
    }

    /// Step 5, and its correction.
    ///
    /// # Errors
    /// [`Problem::Invalid`], [`Problem::BudgetSpent`], and those of all steps.
    pub async fn register_email(&self, who: &SignedIn, typed: &str) -> Result<Done, Problem> {
        let invalid = |why| Problem::Invalid {
            field: "email",
            why,
        };
        let normal = input::normalise_email(typed);
        if normal.is_empty() {
            return Err(invalid("required"));
        }
        let address = EmailAddress::parse(&normal).map_err(|fault| match fault {
            EmailFault::NotAnAddress => invalid("not_an_address"),
            EmailFault::NotSupported => invalid("not_supported"),
        })?;
        let (session, member) = (who.session.id, who.session.member);
        let contact = ContactId(self.entropy.id());
        let (api, language) = (self.clone(), who.visit.language);
        let outcome = self
            .carry_out(
                "RegisterEmail",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let (api, address) = (api.clone(), address.clone());
                    async move {
                        let present = state.contact.as_ref().map(|contact| contact.id);
                        let same_as = match present {
                            Some(present)
                                if api
                                    .vault
                                    .contacts
                                    .same_address(present, address.as_str())
                                    .await? =>
                            {
                                Some(present)
                            }
                            Some(_) | None => None,
                        };
                        let mut of_link = same_as;
                        // A row only where the rules will take it: what they refuse must leave no trace.
                        if same_as.is_none()
                            && takes_address(&state)
                            && state.session.as_ref().is_some_and(|it| it.id == session)
                        {
                            // Vault first, event second: an event never points at nothing.
                            let now = api.clock.now();
                            api.vault
                                .contacts
                                .store(contact, member, address.as_str(), now)
                                .await?;
                            of_link = Some(contact);
                        }
                        let link = api.new_link(of_link, language).await?;
                        Ok(Command::RegisterEmail {
                            session,
                            contact,
                            same_as,
                            link,
                        })
                    }
                },
            )
            .await?;
        self.done(who, &outcome).await
    }

    /// Step 5: 再送信.
    ///
    /// # Errors
    /// [`Problem::TooSoon`], [`Problem::BudgetSpent`], and those of all steps.
    pub async fn resend_email_link(&self, who: &SignedIn) -> Result<Done, Problem> {
        let (session, member) = (who.session.id, who.session.member);
        let (api, language) = (self.clone(), who.visit.language);
        let outcome = self
            .carry_out(
                "ResendEmailLink",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let api = api.clone();
                    async move {
                        let contact = state.contact.as_ref().map(|contact| contact.id);
                        let link = api.new_link(contact, language).await?;
                        Ok(Command::ResendEmailLink { session, link })
                    }
                },
            )
            .await?;
        self.done(who, &outcome).await
    }

    /// Step 7: 更新.
    ///
    /// # Errors
    /// Those of all steps.
    pub async fn update_email(&self, who: &SignedIn) -> Result<Done, Problem> {
        let session = who.session.id;
        self.simple(who, "UpdateEmail", move |_| Command::UpdateEmail {
            session,
        })
        .await
    }

    /// Step 8.
    ///
    /// # Errors
    /// Those of all steps.
    pub async fn choose_otp_method(&self, who: &SignedIn, method: &str) -> Result<Done, Problem> {
        let state = self.member_status(&who.session, 0).await?.state;
        if state.otp_method.is_some() {
            return Ok(already_done(who));
        }
        if method != "email" {
            let why = if method.is_empty() {
                "required"
            } else {
                "unknown"
            };
            return Err(Problem::Invalid {
                field: "method",
                why,
            });
        }
        let session = who.session.id;
        self.simple(who, "ChooseOtpMethod", move |_| Command::ChooseOtpMethod {
            session,
            method: OtpMethod::Email,
        })
        .await
    }

    /// Step 9. `form` names one showing of the form, so that a repeated one is recognised.
    ///
    /// # Errors
    /// [`Problem::Invalid`], [`Problem::AlreadySet`], [`Problem::SessionRotated`], and those of all steps.
    pub async fn change_password(
        &self,
        who: &SignedIn,
        typed: &str,
        form: Option<&str>,
    ) -> Result<Done, Problem> {
        let (session, member) = (who.session.id, who.session.member);
        let form = FormId(form.map_or_else(
            || self.entropy.id(),
            |text| Uuid::new_v5(&member.0, text.as_bytes()),
        ));
        let state = self.member_status(&who.session, 0).await?.state;
        if state.due() == Step::Password {
            self.check_password(&state, member, typed).await?;
        }
        let credential = CredentialId(self.entropy.id());
        if state.due() == Step::Password {
            let slot = self
                .vault
                .hasher
                .acquire()
                .await
                .map_err(|_| Problem::Busy)?;
            let password: String = typed.nfc().collect();
            let now = self.clock.now();
            self.vault
                .credentials
                .store(slot, credential, member, &password, now)
                .await?;
        }
        let due_before = state.due() == Step::Password;
        let outcome = self
            .carry_out(
                "ChangePassword",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    // Without a verifier in the vault, nothing may point at it: look again with the state as it is.
                    let unprepared = !due_before && state.due() == Step::Password;
                    async move {
                        if unprepared {
                            return Err(Problem::Busy);
                        }
                        Ok(Command::ChangePassword {
                            session,
                            credential,
                            form,
                        })
                    }
                },
            )
            .await?;
        self.done_rotating(who, &outcome).await
    }

    async fn check_password(
        &self,
        state: &Onboarding,
        member: MemberId,
        typed: &str,
    ) -> Result<(), Problem> {
        let invalid = |why| Problem::Invalid {
            field: "new_password",
            why,
        };
        if typed.is_empty() {
            return Err(invalid("required"));
        }
        if typed.contains('\0') {
            return Err(invalid("too_simple"));
        }
        let profile = self.vault.profiles.get(member).await?.profile;
        let address = self.address(state.contact.as_ref().map(|it| it.id)).await?;
        let mut own_data = vec![profile.user_id, profile.name.clone()];
        own_data.extend(profile.name.split_whitespace().map(str::to_owned));
        own_data.extend(profile.gid);
        if let Some(address) = address {
            own_data.extend(address.as_str().split(['@', '.']).map(str::to_owned));
        }
        let password: String = typed.nfc().collect();
        let forbidden = Forbidden {
            blocklist: &self.blocklist,
            context_words: &self.policy.society.context_words,
            own_data: &own_data,
        };
        password::check(&password, self.limits.password, &forbidden)
            .map_err(|fault| invalid(fault.why()))?;
        if self.is_initial(member, state, typed).await? {
            // The paper must not stay valid for ever (ASVS 5.0.0, 6.4.1).
            return Err(invalid("contains_own_data"));
        }
        Ok(())
    }

    /// Step 14: 再送信.
    ///
    /// # Errors
    /// [`Problem::TooSoon`], [`Problem::BudgetSpent`], [`Problem::CodeDead`], and those of all steps.
    pub async fn resend_otp(&self, who: &SignedIn) -> Result<Done, Problem> {
        let (session, member) = (who.session.id, who.session.member);
        let (api, language) = (self.clone(), who.visit.language);
        let outcome = self
            .carry_out(
                "ResendOtp",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let api = api.clone();
                    async move {
                        let contact = state.contact.as_ref().map(|contact| contact.id);
                        let code = api.new_code(contact, language).await?;
                        Ok(Command::ResendOtp { session, code })
                    }
                },
            )
            .await?;
        self.done(who, &outcome).await
    }

    /// Step 14: 実行.
    ///
    /// # Errors
    /// [`Problem::Mismatch`], [`Problem::CodeExpired`], [`Problem::CodeDead`], [`Problem::CodeUsed`],
    /// [`Problem::SessionRotated`], and those of all steps.
    pub async fn submit_otp(&self, who: &SignedIn, typed: &str) -> Result<Done, Problem> {
        let code = input::normalise_digits(typed);
        let why = match (
            code.is_empty(),
            code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()),
        ) {
            (true, _) => Some("required"),
            (false, false) => Some("not_six_digits"),
            (false, true) => None,
        };
        if let Some(why) = why {
            return Err(Problem::Invalid { field: "code", why });
        }
        let (session, member) = (who.session.id, who.session.member);
        let api = self.clone();
        let outcome = self
            .carry_out(
                "SubmitOtp",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let (api, code) = (api.clone(), code.clone());
                    async move {
                        let against = state.challenge.as_ref().map(|challenge| challenge.id);
                        let check = api.check_code(member, &state, &code)?;
                        Ok(Command::SubmitOtp {
                            session,
                            against,
                            check,
                        })
                    }
                },
            )
            .await?;
        for event in &outcome.events {
            if let Event::OtpRejected { tries_left } = event {
                return Err(Problem::Mismatch {
                    field: "code",
                    tries_left: *tries_left,
                });
            }
        }
        self.done_rotating(who, &outcome).await
    }

    fn check_code(
        &self,
        member: MemberId,
        state: &Onboarding,
        code: &str,
    ) -> Result<CodeCheck, Problem> {
        let one_time = &self.vault.one_time;
        if let Some(present) = &state.challenge
            && one_time.matches(&present.key, member, present.id, code)?
        {
            return Ok(CodeCheck::Match);
        }
        if let Some(spent) = &state.spent_challenge
            && one_time.matches(&spent.key, member, spent.id, code)?
        {
            return Ok(CodeCheck::Spent);
        }
        Ok(CodeCheck::Mismatch)
    }

    /// A step with no facts to settle.
    async fn simple(
        &self,
        who: &SignedIn,
        name: &'static str,
        command: impl Fn(&Onboarding) -> Command + Send + Sync + 'static,
    ) -> Result<Done, Problem> {
        let outcome = self
            .carry_out(
                name,
                who.session.member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let command = command(&state);
                    async move { Ok(command) }
                },
            )
            .await?;
        self.done(who, &outcome).await
    }

    /// Remembers in the session what it has seen.
    async fn done(&self, who: &SignedIn, outcome: &Outcome<Onboarding>) -> Result<Done, Problem> {
        let stored = !outcome.events.is_empty();
        let mut session = who.session.clone();
        if stored {
            self.vault
                .sessions
                .set_mark(session.id, outcome.mark)
                .await?;
            session.mark = outcome.mark;
        }
        Ok(Done {
            session,
            mark: outcome.mark,
            secret: None,
            device: None,
            stored,
        })
    }

    /// As `done`, and exchanges the session's secret: only the request whose own command was stored gets the new one.
    async fn done_rotating(
        &self,
        who: &SignedIn,
        outcome: &Outcome<Onboarding>,
    ) -> Result<Done, Problem> {
        if outcome.events.is_empty() {
            // A repeated form: with the new cookie all is well, with the old one nothing is granted; nor in the moment
            // between the event and the new secret. Should the program end in that moment, the member signs in again.
            if !self.session_of(&who.visit).await?.rotated {
                return Err(Problem::SessionRotated);
            }
            return self.done(who, outcome).await;
        }
        let kind = outcome
            .state
            .session_kind()
            .unwrap_or(SessionKind::Onboarding);
        let sessions = &self.vault.sessions;
        sessions.set_mark(who.session.id, outcome.mark).await?;
        let rotated = sessions
            .rotate(&who.session, kind, self.clock.now())
            .await?;
        let fresh = rotated.ok_or(Problem::SessionRotated)?;
        let mut session = fresh.session;
        session.mark = outcome.mark;
        let secret = Some(fresh.secret);
        Ok(Done {
            session,
            mark: outcome.mark,
            secret,
            device: None,
            stored: true,
        })
    }
}

/// The answer to a step whose effect stands: nothing is looked at and nothing stored.
fn already_done(who: &SignedIn) -> Done {
    let session = who.session.clone();
    let mark = session.mark;
    Done {
        session,
        mark,
        secret: None,
        device: None,
        stored: false,
    }
}

/// Whether an address may be entered or corrected now (steps 5 to 8).
fn takes_address(state: &Onboarding) -> bool {
    matches!(
        state.due(),
        Step::Email | Step::EmailLink | Step::EmailUpdate | Step::OtpMethod
    )
}

fn happened(outcome: &Outcome<Onboarding>, is_it: impl Fn(&Event) -> bool) -> bool {
    outcome.events.iter().any(is_it)
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
