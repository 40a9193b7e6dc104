//! What a member does next, as they then stand.

use jiff::{SignedDuration, Timestamp};
use kadode::domain::ids::{
    ChallengeId, ContactId, CredentialId, FormId, ImportId, IssueId, SessionId,
};
use kadode::domain::onboarding::{
    CodeCheck, Command, LogOutReason, NewCode, NewLink, OtpMethod, PasswordCheck, ProfileField,
    Refusal, SessionKind, Step,
};
use kadode::domain::values::{KeyId, Language};
use uuid::Uuid;

use super::Walk;

/// The import of later rosters.
const LATER: ImportId = ImportId(Uuid::from_u128(7));

impl Walk<'_> {
    /// What they do next: mostly what is due, now and then something else.
    pub(super) fn chosen(&mut self) -> (&'static str, Command) {
        let slip = self.slips(self.ways.slips);
        if self.state.frozen || self.slips(0.01) {
            return self.helped();
        }
        if let Some(told) = self.told_by_roster() {
            return told;
        }
        if let Some(own) = self.state.password
            && self.slips(0.002)
        {
            let about = own.notice();
            return ("ReportNotMe", Command::ReportNotMe { about });
        }
        if let Some(asked) = self.forgets(slip) {
            return asked;
        }
        let Some(session) = self.open_session() else {
            return ("SignIn", self.sign_in(slip));
        };
        let contact = self.state.contact.as_ref().map(|contact| {
            let newest = contact
                .links
                .last()
                .map_or(Uuid::nil(), |link| link.issue.0);
            (contact.id, IssueId(newest))
        });
        match (self.state.due(), contact) {
            (Step::BirthDate, _) => (
                "ConfirmBirthDate",
                Command::ConfirmBirthDate {
                    session,
                    matches: !slip,
                    waiting_until: None,
                },
            ),
            (Step::Terms, _) => {
                let terms = self.policy.policy.terms.as_ref();
                let version = terms.map_or_else(String::new, |terms| terms.version.clone());
                ("AcceptTerms", Command::AcceptTerms { session, version })
            }
            (Step::EmailLink, Some((contact, issue))) => {
                let expired = self.stuck.take() == Some(Refusal::LinkExpired);
                if expired || slip && self.slips(0.6) {
                    let link = self.new_link();
                    (
                        "ResendEmailLink",
                        Command::ResendEmailLink { session, link },
                    )
                } else if slip && self.slips(0.4) {
                    ("DisownEmail", Command::DisownEmail { contact, issue })
                } else if slip {
                    self.register(session)
                } else {
                    (
                        "FollowEmailLink",
                        Command::FollowEmailLink { contact, issue },
                    )
                }
            }
            (Step::OtpMethod, _) if slip => self.register(session),
            (Step::EmailUpdate, Some((contact, issue))) if slip => {
                ("DisownEmail", Command::DisownEmail { contact, issue })
            }
            (Step::Email, _) => self.register(session),
            (Step::EmailUpdate, _) => update(session),
            (Step::OtpMethod, _) => (
                "ChooseOtpMethod",
                Command::ChooseOtpMethod {
                    session,
                    method: OtpMethod::Email,
                },
            ),
            (Step::Password, _) => (
                "ChangePassword",
                Command::ChangePassword {
                    session,
                    credential: CredentialId(self.fresh()),
                    form: FormId(self.fresh()),
                },
            ),
            (Step::Otp, _) => self.enter_code(session, slip),
            (Step::Completed, _) if self.slips(0.05) => {
                let command = Command::ReplacePassword {
                    session,
                    against: self.state.credential_in_force(),
                    check: compared(slip),
                    credential: CredentialId(self.fresh()),
                    form: FormId(self.fresh()),
                };
                ("ReplacePassword", command)
            }
            (Step::Completed, _) if self.slips(0.4) => self.changes(session, slip),
            // Some close the window at step 10, or are called away when all is done.
            (Step::LogOut, _) if slip => ("SignIn", self.sign_in(false)),
            _ => {
                let why = LogOutReason::Member;
                ("LogOut", Command::LogOut { session, why })
            }
        }
    }

    /// A forgotten password, from the request to the link; and that it came to mind after all.
    fn forgets(&mut self, slip: bool) -> Option<(&'static str, Command)> {
        self.state.password?;
        let Some(session) = self.open_session() else {
            if let Some(issue) = self.state.reset_links.last().map(|link| link.issue)
                && self.slips(0.6)
            {
                let command = Command::ResetPassword {
                    issue,
                    credential: CredentialId(self.fresh()),
                    form: FormId(self.fresh()),
                };
                return Some(("ResetPassword", command));
            }
            if !self.slips(0.1) {
                return None;
            }
            let command = Command::RequestPasswordReset {
                matches: !slip,
                link: self.new_link(),
            };
            return Some(("RequestPasswordReset", command));
        };
        let takes_back = self.state.coming_password.is_some() && self.slips(0.2);
        let command = Command::CancelPasswordReset { session };
        takes_back.then_some(("CancelPasswordReset", command))
    }

    /// What a later roster tells, now and then.
    fn told_by_roster(&mut self) -> Option<(&'static str, Command)> {
        let import = LATER;
        if self.state.left {
            let back = self.slips(0.3);
            return back.then_some(("ReturnMember", Command::Return { import }));
        }
        if self.slips(0.002) {
            return Some(("LeaveMember", Command::Leave { import }));
        }
        let fields = vec![ProfileField::Name, ProfileField::Number];
        self.slips(0.002)
            .then_some(("ChangeProfile", Command::ChangeProfile { import, fields }))
    }

    fn enter_code(&mut self, session: SessionId, slip: bool) -> (&'static str, Command) {
        if slip && self.slips(0.4) {
            let code = self.new_code();
            return ("ResendOtp", Command::ResendOtp { session, code });
        }
        let check = if slip {
            CodeCheck::Mismatch
        } else {
            CodeCheck::Match
        };
        let against = self.state.challenge.as_ref().map(|it| it.id);
        let submit = Command::SubmitOtp {
            session,
            against,
            check,
        };
        ("SubmitOtp", submit)
    }

    fn register(&mut self, session: SessionId) -> (&'static str, Command) {
        let command = Command::RegisterEmail {
            session,
            contact: ContactId(self.fresh()),
            same_as: None,
            link: self.new_link(),
        };
        ("RegisterEmail", command)
    }

    /// Another address, from its entry to its confirmation.
    fn changes(&mut self, session: SessionId, slip: bool) -> (&'static str, Command) {
        let Some(coming) = &self.state.coming else {
            let command = Command::ChangeEmail {
                session,
                against: self.state.credential_in_force(),
                check: compared(slip),
                contact: ContactId(self.fresh()),
                same_as: None,
                link: self.new_link(),
            };
            return ("ChangeEmail", command);
        };
        let (contact, followed) = (coming.id, coming.followed);
        let newest = coming.links.last();
        let issue = newest.map_or(IssueId(Uuid::nil()), |link| link.issue);
        match (followed, slip) {
            (false, false) => (
                "FollowEmailLink",
                Command::FollowEmailLink { contact, issue },
            ),
            (false, true) => ("DisownEmail", Command::DisownEmail { contact, issue }),
            (true, false) => (
                "ConfirmEmailChange",
                Command::ConfirmEmailChange { session },
            ),
            (true, true) => ("CancelEmailChange", Command::CancelEmailChange { session }),
        }
    }

    fn sign_in(&mut self, slip: bool) -> Command {
        self.stuck = None;
        let is_open = self.open_session().is_some();
        let lapsed = self.state.session.as_ref().map(|open| open.id);
        let check = match slip {
            false => PasswordCheck::Match,
            true if self.state.password.is_some() && self.slips(0.5) => PasswordCheck::Replaced,
            true => PasswordCheck::Mismatch,
        };
        Command::SignIn {
            session: SessionId(self.fresh()),
            against: self.state.as_of(self.at).credential_in_force(),
            check,
            lapsed: lapsed.filter(|_| !is_open),
            known_browser: !self.slips(0.1),
            code: self.new_code(),
        }
    }

    /// The session, if its time has not run out, and its code is good for anything.
    fn open_session(&self) -> Option<SessionId> {
        let state = self.state.as_of(self.at);
        let open = state.session.as_ref()?;
        let limits = &self.policy.policy.limits;
        let (idle, most) = match open.kind {
            SessionKind::Onboarding => (
                limits.session.onboarding_idle_minutes,
                limits.session.onboarding_minutes,
            ),
            SessionKind::OtpPending => (limits.otp.pending_minutes, limits.otp.pending_minutes),
            SessionKind::Full => (
                limits.session.full_idle_minutes,
                limits.session.full_minutes,
            ),
        };
        let within = |since: Timestamp, minutes: u32| {
            self.at.duration_since(since) < SignedDuration::from_mins(minutes.into())
        };
        let code_is_dead = matches!(self.stuck, Some(Refusal::CodeDead | Refusal::CodeExpired));
        (within(self.active, idle) && within(open.began, most) && !code_is_dead).then_some(open.id)
    }

    pub(super) fn new_link(&mut self) -> NewLink {
        NewLink {
            issue: IssueId(self.fresh()),
            key: KeyId("2026".to_owned()),
            language: Language::Ja,
            sent_to_address: Vec::new(),
        }
    }

    fn new_code(&mut self) -> NewCode {
        NewCode {
            challenge: ChallengeId(self.fresh()),
            key: KeyId("2026".to_owned()),
            language: Language::Ja,
            sent_to_address: Vec::new(),
        }
    }
}

/// How a password compares that is asked for once more.
const fn compared(slip: bool) -> PasswordCheck {
    if slip {
        PasswordCheck::Mismatch
    } else {
        PasswordCheck::Match
    }
}

/// In the browser in which the address was entered.
const fn update(session: SessionId) -> (&'static str, Command) {
    let code = None;
    ("UpdateEmail", Command::UpdateEmail { session, code })
}
