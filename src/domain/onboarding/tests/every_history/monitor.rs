//! What may never happen, told once more and independently of the rules: holds each event against those before it.
//! The fuzz target `onboarding` takes this file too.

use super::*;

/// What was typed, which the command's facts may misstate when they were settled earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Typed {
    /// The password, at a sign-in.
    pub(super) password: Option<Password>,
    /// Whose code, at step 14; none for one that never was.
    pub(super) code: Option<ChallengeId>,
    /// The session whose cookie came along.
    pub(super) session: Option<SessionId>,
    /// Whether that was in a browser that nobody knows.
    pub(super) elsewhere: bool,
}

/// A password that somebody may type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Password {
    Initial,
    Own,
    /// One that took, or is to take, the place of that of step 9.
    New,
    Wrong,
}

/// How far another address has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Coming {
    Entered,
    Followed,
    Confirmed,
}

/// What has happened so far, as far as anything is forbidden by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something that happened or did not"
)]
pub(super) struct Monitor {
    enrolled: bool,
    terms_needed: bool,
    birth_date: bool,
    terms: bool,
    address: Option<ContactId>,
    followed: bool,
    verified: bool,
    /// An address was verified, and no other was entered since, nor was it taken away.
    reachable: bool,
    method: bool,
    pub(super) password: bool,
    first_login: bool,
    logged_out: bool,
    pub(super) session: Option<SessionId>,
    /// The session is one that began with the member's own password.
    second: bool,
    full: bool,
    /// The session waits for a code, as its browser was one that nobody knew when it signed in or confirmed the address.
    unconfirmed: bool,
    frozen: bool,
    left: bool,
    erased: bool,
    not_me: bool,
    proven: bool,
    /// Who proposed what, undecided.
    proposed: Vec<(ProposalId, Intervention, StaffId)>,
    /// The address that is to take the present one's place, and how far that has come.
    coming: Option<(ContactId, Coming)>,
    /// The mailed links by which another password may be set, the password that was, and whether another than that of step 9 has come to count.
    resets: Vec<IssueId>,
    coming_password: Option<CredentialId>,
    pub(super) reset: bool,
    code: Option<ChallengeId>,
    wrong: u32,
    pub(super) otp_succeeded: bool,
    pub(super) completed: bool,
}

impl Monitor {
    /// Takes one event of a decision on what was typed.
    #[expect(clippy::too_many_lines, reason = "one arm an event")]
    pub(super) fn take(
        &mut self,
        event: &Event,
        typed: Typed,
        limits: &Limits,
    ) -> Result<(), String> {
        let must = |holds: bool, why: &str| {
            if holds {
                Ok(())
            } else {
                Err(format!("{} though {why}", event.name()))
            }
        };
        let in_session = |open: Option<SessionId>| {
            must(
                open.is_some() && open == typed.session,
                "the present session did not ask",
            )
        };
        let unconfirmed = self.unconfirmed;
        let in_steps = |open: Option<SessionId>| {
            in_session(open)?;
            must(
                !unconfirmed,
                "a browser that nobody knew had not entered the code",
            )
        };
        match event {
            Event::MemberEnrolled { terms, .. } => {
                must(!self.enrolled, "enrolled before")?;
                self.enrolled = true;
                self.terms_needed = terms.is_some();
            }
            Event::CredentialsAccepted { session, .. } => {
                must(
                    self.enrolled && !self.frozen && !self.left && !self.erased,
                    "not enrolled, frozen, gone or erased",
                )?;
                must(self.session.is_none(), "another session is open")?;
                must(
                    typed.password == Some(self.in_force()),
                    "the password in force was not typed",
                )?;
                self.session = Some(*session);
                self.second = self.password;
                self.full = false;
                self.unconfirmed = typed.elsewhere && self.verified && !self.password;
                self.wrong = 0;
            }
            Event::CredentialsRejected { .. } => must(self.enrolled, "not enrolled")?,
            Event::BirthDateConfirmed {} => {
                in_steps(self.session)?;
                must(!self.birth_date, "it was confirmed before")?;
                self.birth_date = true;
            }
            Event::BirthDateRejected {} => in_steps(self.session)?,
            Event::TermsAccepted { .. } => {
                in_steps(self.session)?;
                must(self.birth_date && self.terms_needed, "step 4 was not due")?;
                self.terms = true;
            }
            Event::EmailRegistered { contact, .. } => {
                in_steps(self.session)?;
                must(
                    self.birth_date && (self.terms || !self.terms_needed),
                    "step 5 was not due",
                )?;
                must(!self.method, "the method was chosen")?;
                self.address = Some(*contact);
                self.followed = false;
                self.verified = false;
                self.reachable = false;
            }
            Event::EmailLinkReissued { contact, .. } => {
                must(
                    self.address == Some(*contact),
                    "that is not the present address",
                )?;
            }
            Event::EmailLinkFollowed { contact } => {
                must(
                    self.address == Some(*contact),
                    "that is not the present address",
                )?;
                self.followed = true;
            }
            Event::EmailDisowned { contact } => {
                must(
                    self.address == Some(*contact) && !self.verified,
                    "it could not be disowned",
                )?;
                self.address = None;
                self.followed = false;
            }
            Event::EmailVerified { contact } => {
                in_steps(self.session)?;
                must(
                    self.address == Some(*contact) && self.followed,
                    "its link was not followed",
                )?;
                self.verified = true;
                self.reachable = true;
                self.unconfirmed = typed.elsewhere;
            }
            Event::EmailChangeRequested { contact, .. } => {
                in_session(self.session)?;
                must(self.full && self.completed, "it is no full session")?;
                must(
                    typed.password == Some(self.in_force()),
                    "the password was not typed once more",
                )?;
                must(
                    self.address != Some(*contact),
                    "that is the present address",
                )?;
                self.coming = Some((*contact, Coming::Entered));
            }
            Event::EmailChangeLinkFollowed { contact } => {
                must(
                    self.coming == Some((*contact, Coming::Entered)),
                    "no such address waits for its link",
                )?;
                self.coming = Some((*contact, Coming::Followed));
            }
            Event::EmailChangeConfirmed {
                contact, replaces, ..
            } => {
                in_session(self.session)?;
                must(self.full, "it is no full session")?;
                must(
                    self.coming == Some((*contact, Coming::Followed)),
                    "its link was not followed",
                )?;
                must(
                    self.address == Some(*replaces),
                    "another address would be told",
                )?;
                self.coming = Some((*contact, Coming::Confirmed));
            }
            Event::EmailChangeDisowned { contact } => {
                let coming = self.coming.filter(|(it, _)| it == contact);
                must(
                    coming.is_some_and(|(_, how_far)| how_far < Coming::Confirmed),
                    "it could not be disowned",
                )?;
                self.coming = None;
            }
            Event::EmailChangeCancelled { contact } => {
                in_session(self.session)?;
                must(self.full, "it is no full session")?;
                must(
                    self.coming.is_some_and(|(it, _)| it == *contact),
                    "there was none",
                )?;
                self.coming = None;
            }
            Event::EmailChanged { contact } => {
                must(
                    self.coming == Some((*contact, Coming::Confirmed)),
                    "it was not confirmed, or ended since",
                )?;
                must(!self.frozen && !self.erased, "nobody can sign in")?;
                self.address = Some(*contact);
                self.nothing_comes();
            }
            Event::PasswordReplaced { .. } => {
                in_session(self.session)?;
                must(self.full && self.completed, "it is no full session")?;
                must(
                    typed.password == Some(self.in_force()),
                    "the present password was not typed",
                )?;
                self.reset = true;
                self.nothing_comes();
            }
            Event::PasswordResetRequested { contact, issue, .. } => {
                must(
                    self.password && !self.frozen && !self.left && !self.erased,
                    "there was no password, or nobody can sign in",
                )?;
                must(
                    self.address == Some(*contact),
                    "that is not the present address",
                )?;
                self.resets.push(*issue);
            }
            Event::PasswordResetRejected {} => must(self.password, "there was no password")?,
            Event::PasswordResetConfirmed {
                issue, credential, ..
            } => {
                must(
                    self.resets.contains(issue),
                    "no such link was mailed, or it ended since",
                )?;
                self.resets.clear();
                self.coming_password = Some(*credential);
            }
            Event::PasswordResetCancelled { credential } => {
                in_session(self.session)?;
                must(self.full, "it is no full session")?;
                must(self.coming_password == Some(*credential), "there was none")?;
                self.coming_password = None;
            }
            Event::PasswordReset { credential } => {
                must(
                    self.coming_password == Some(*credential),
                    "it was not set, or ended since",
                )?;
                must(
                    !self.frozen && !self.left && !self.erased,
                    "nobody can sign in",
                )?;
                self.reset = true;
                self.logged_out = true;
                self.session = None;
                self.full = false;
                self.code = None;
                self.nothing_comes();
            }
            Event::OtpMethodChosen { .. } => {
                in_steps(self.session)?;
                must(self.verified && !self.method, "step 8 was not due")?;
                self.method = true;
            }
            Event::PasswordChanged { .. } => {
                in_steps(self.session)?;
                must(self.method && !self.password, "step 9 was not due")?;
                self.password = true;
            }
            Event::FirstLoginCompleted {} => {
                must(self.password && !self.first_login, "step 10 was not due")?;
                self.first_login = true;
            }
            Event::LoggedOut { session, .. } => {
                must(self.session == Some(*session), "that session was not open")?;
                self.logged_out |= self.first_login;
                self.session = None;
                self.code = None;
            }
            Event::OtpIssued {
                session, challenge, ..
            } => {
                must(
                    self.session == Some(*session) && (self.second || self.verified) && !self.full,
                    "no session waits for a code",
                )?;
                self.unconfirmed = !self.second;
                self.code = Some(*challenge);
            }
            Event::SignInConfirmed { session, challenge } => {
                in_session(self.session)?;
                must(
                    self.session == Some(*session) && self.unconfirmed && !self.password,
                    "no session waits for that code",
                )?;
                must(
                    self.code == Some(*challenge) && typed.code == self.code,
                    "that code was not typed, or not mailed to this session last",
                )?;
                must(self.wrong < limits.otp.tries, "its tries are spent")?;
                self.code = None;
                self.unconfirmed = false;
            }
            Event::OtpReissued {
                session, challenge, ..
            } => {
                in_session(self.session)?;
                must(
                    self.session == Some(*session) && self.code.is_some(),
                    "no session waits for a code",
                )?;
                must(self.wrong < limits.otp.tries, "its tries are spent")?;
                self.code = Some(*challenge);
            }
            Event::OtpRejected { .. } => {
                in_session(self.session)?;
                must(typed.code != self.code, "the right code was typed")?;
                self.wrong += 1;
                must(self.wrong <= limits.otp.tries, "its tries were spent")?;
            }
            Event::OtpLoginSucceeded { session, challenge } => {
                in_session(self.session)?;
                must(
                    self.session == Some(*session) && self.second && !self.full,
                    "no session waits for a code",
                )?;
                must(
                    self.code == Some(*challenge) && typed.code == self.code,
                    "that code was not typed, or not mailed to this session last",
                )?;
                must(self.wrong < limits.otp.tries, "its tries are spent")?;
                must(self.logged_out, "step 11 was passed over")?;
                self.code = None;
                self.full = true;
                self.otp_succeeded = true;
            }
            Event::OnboardingCompleted {} => {
                must(self.otp_succeeded && !self.completed, "step 15 was not due")?;
                self.completed = true;
            }
            Event::NotMeReported {} => {
                must(self.password, "there was nothing to report")?;
                self.frozen = true;
                self.not_me = true;
                self.reachable = false;
                self.proven = false;
                self.session = None;
                self.code = None;
                self.nothing_comes();
            }
            Event::Intervened { intervention, .. } => {
                let alone = match intervention {
                    Intervention::ReissueCredentials
                    | Intervention::Unmask
                    | Intervention::Erase => false,
                    Intervention::ClearEmail => !self.verified,
                    Intervention::Release => !self.not_me && !limits.support.release_takes_two,
                    _ => true,
                };
                must(alone, "a second person had to approve it")?;
                self.proven |= *intervention == Intervention::RecordProofing;
            }
            Event::InterventionProposed {
                proposal,
                intervention,
                staff,
                ..
            } => self.proposed.push((*proposal, *intervention, *staff)),
            Event::InterventionApproved {
                proposal, staff, ..
            } => {
                let proposed = self.proposed.iter().position(|(id, ..)| id == proposal);
                let at = proposed.ok_or("approved though nobody proposed it")?;
                let (_, intervention, by) = self.proposed.remove(at);
                must(by != *staff, "nobody else had proposed it")?;
                let asks = match intervention {
                    Intervention::Release => self.not_me,
                    Intervention::ReissueCredentials => {
                        limits.support.reissue_takes_proof && (self.verified || self.password)
                    }
                    _ => false,
                };
                must(self.proven || !asks, "nothing was proven")?;
            }
            Event::InterventionDeclined { proposal, .. } => {
                self.proposed.retain(|(id, ..)| id != proposal);
            }
            Event::EmailCleared { contact } => {
                must(
                    self.address == Some(*contact) && !self.password,
                    "codes go to that address",
                )?;
                self.address = None;
                self.followed = false;
                self.verified = false;
                self.reachable = false;
                self.method = false;
            }
            Event::AccountFrozen {} => {
                must(
                    !self.frozen && self.session.is_none(),
                    "it was frozen, or a session open",
                )?;
                self.frozen = true;
                self.nothing_comes();
            }
            Event::MemberLeft { .. } => {
                must(
                    !self.left && !self.erased && self.session.is_none(),
                    "it was gone or erased, or a session open",
                )?;
                self.left = true;
                self.nothing_comes();
            }
            Event::MemberReturned { .. } => {
                must(self.left, "it was not gone")?;
                self.left = false;
            }
            Event::MemberReminded { .. } => must(
                self.reachable && !(self.completed || self.frozen || self.left || self.erased),
                "no mail reaches them, or they cannot go on, or need not",
            )?,
            Event::ProfileChanged { .. } => must(!self.erased, "nobody is known")?,
            Event::PersonalDataErased {} => {
                must(
                    !self.erased && self.session.is_none(),
                    "it was erased, or a session open",
                )?;
                *self = Self {
                    enrolled: true,
                    erased: true,
                    ..Self::default()
                };
            }
            Event::AccountReleased {} => {
                must(self.frozen, "it was not frozen")?;
                self.frozen = false;
                self.not_me = false;
            }
            Event::CredentialsReissued { .. } => {
                must(
                    !self.not_me && self.session.is_none(),
                    "it was reported, or a session open",
                )?;
                *self = Self {
                    enrolled: true,
                    frozen: self.frozen,
                    left: self.left,
                    reachable: self.reachable,
                    terms_needed: self.terms_needed,
                    proven: self.proven,
                    proposed: std::mem::take(&mut self.proposed),
                    ..Self::default()
                };
            }
        }
        Ok(())
    }

    /// The password that opens a session.
    pub(super) const fn in_force(&self) -> Password {
        match (self.password, self.reset) {
            (false, _) => Password::Initial,
            (true, false) => Password::Own,
            (true, true) => Password::New,
        }
    }

    /// What was to take something's place ends.
    fn nothing_comes(&mut self) {
        self.coming = None;
        self.coming_password = None;
        self.resets.clear();
    }
}
