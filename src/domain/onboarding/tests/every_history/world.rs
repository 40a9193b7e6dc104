//! One member, and whoever acts for or against them.

use super::monitor::{Monitor, Password, Typed};
use super::moves::{Code, Move, at_step, change_password, disown, follow, sign_in, submit};
use super::*;
use crate::domain::policy::ReminderLimits;

/// A command that was settled earlier.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Held {
    SignIn(Password, CredentialInForce, SessionId, u128),
    Code(SessionId, ChallengeId),
    Update(SessionId),
    Password(SessionId),
    Confirm(SessionId),
    ChangeEmail(SessionId, CredentialInForce, Password, u128),
    ReplacePassword(SessionId, CredentialInForce, Password, u128),
}

/// The member, as the rules and the monitor know them, and what others still have in their hands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    state: Onboarding,
    monitor: Monitor,
    held: Option<Held>,
    earlier_session: Option<SessionId>,
    earlier_link: Option<(ContactId, IssueId)>,
    earlier_change: Option<(ContactId, IssueId)>,
    earlier_reset: Option<IssueId>,
    earlier_code: Option<ChallengeId>,
    pub(super) detours: u8,
}

/// Few, so that every bound is met.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.otp.tries = 2;
    limits.otp.mails.each = 2;
    limits.otp.mails.per_hour = 3;
    limits.email_link.mails.each = 2;
    limits.email_link.mails.per_hour = 3;
    limits.reminders = Some(ReminderLimits::default());
    limits.later.address_hours = 24;
    limits.support.release_takes_two = true;
    limits.support.reissue_takes_proof = true;
    limits
}

const AT: i64 = 0;

const IMPORT: ImportId = ImportId(Uuid::nil());

impl World {
    pub(super) fn new() -> Self {
        Self {
            state: Onboarding::default(),
            monitor: Monitor::default(),
            held: None,
            earlier_session: None,
            earlier_link: None,
            earlier_change: None,
            earlier_reset: None,
            earlier_code: None,
            detours: 0,
        }
    }

    /// A member who has completed and is signed in.
    pub(super) fn completed() -> Self {
        let mut world = Self::new();
        while !world.is_completed() {
            world = world.after(world.due_move()).unwrap().unwrap();
        }
        world
    }

    pub(super) fn has_changed(&self) -> bool {
        let contact = self.state.contact.as_ref();
        contact.is_some_and(|it| it.counts_from.is_some())
    }

    pub(super) fn is_reset(&self) -> bool {
        let own = self.state.password;
        own.is_some_and(|own| own.reset.is_some())
    }

    pub(super) fn is_replaced(&self) -> bool {
        let own = self.state.password;
        own.is_some_and(|own| own.replaces.is_some())
    }

    pub(super) fn is_completed(&self) -> bool {
        self.monitor.completed
    }

    /// The world after a move; none, if the move means nothing here, or changes nothing.
    pub(super) fn after(&self, by: Move) -> Option<Result<Self, String>> {
        let mut next = self.clone();
        next.detours += by.detours();
        match by {
            Move::Minute => next.pass(SignedDuration::from_secs(61)),
            Move::Hour => next.pass(SignedDuration::from_secs(61 * 60)),
            Move::Day => next.pass(SignedDuration::from_hours(24)),
            Move::ThreeDays => next.pass(SignedDuration::from_hours(72)),
            Move::HoldSignIn(_)
            | Move::HoldCode
            | Move::HoldUpdate
            | Move::HoldPassword
            | Move::HoldConfirm
            | Move::HoldChange
            | Move::HoldReplacement => {
                if self.held.is_some() {
                    return None;
                }
                next.held = Some(self.hold(by)?);
            }
            Move::Arrive => {
                let (command, typed) = Self::arriving(self.held.as_ref()?);
                next.held = None;
                if let Err(why) = next.decide(command, typed) {
                    return Some(Err(why));
                }
            }
            _ => {
                let (command, typed) = self.command(by)?;
                match next.decide(command, typed) {
                    Ok(0) => return None,
                    Ok(_) => {}
                    Err(why) => return Some(Err(why)),
                }
            }
        }
        Some(Ok(next))
    }

    /// Carries a command out; how many events it made.
    fn decide(&mut self, command: Command, typed: Typed) -> Result<usize, String> {
        let limits = limits();
        let issued = Issued {
            at: minute(AT),
            limits: Arc::new(limits.clone()),
            command,
        };
        let Ok(events) = self.state.decide(&issued) else {
            return Ok(0);
        };
        if !events.is_empty() {
            // Whoever finds it in the log can tell that it is legal.
            let append = Append {
                events: &events,
                between: (minute(AT), minute(AT)),
                limits: &issued.limits,
                may_go_on: false,
            };
            self.state.retrace(append).map_err(|why| why.to_string())?;
        }
        for event in &events {
            self.remember_what_is_replaced(event);
            self.in_time(event)?;
            self.monitor.take(event, typed, &limits)?;
            self.state.apply(event.clone());
        }
        // It is shown or told, and no rule asks it.
        for proposal in &mut self.state.proposals {
            proposal.step = None;
        }
        self.state.taken_away.clear();
        Ok(events.len())
    }

    /// Reminds the member as if they had been at their step for long; answers whether they were.
    pub(super) fn reminded(&self) -> Result<bool, String> {
        let mut world = self.clone();
        let command = Command::Remind {
            step: self.state.stands_at(),
            since: minute(AT - 10 * 24 * 60),
        };
        let events = world.decide(command, Typed::default())?;
        world.state.reminded = self.state.reminded;
        if world.state == self.state {
            Ok(events > 0)
        } else {
            Err("a reminder changed more than that it was sent".to_owned())
        }
    }

    /// Another address or password counts after its delay, and no earlier.
    fn in_time(&self, event: &Event) -> Result<(), String> {
        let comes = match event {
            Event::EmailChanged { .. } => self.state.coming.as_ref().and_then(|it| it.counts_from),
            Event::PasswordReset { .. } => {
                self.state.coming_password.map(|it| it.reset.counts_from)
            }
            _ => return Ok(()),
        };
        if comes.is_none_or(|comes| comes > minute(AT)) {
            return Err(format!("{} before its time", event.name()));
        }
        Ok(())
    }

    fn remember_what_is_replaced(&mut self, event: &Event) {
        match event {
            Event::LoggedOut { session, .. } => self.earlier_session = Some(*session),
            Event::EmailRegistered { .. }
            | Event::EmailLinkReissued { .. }
            | Event::EmailDisowned { .. } => {
                self.earlier_link = self.newest_link().or(self.earlier_link);
            }
            Event::EmailChangeRequested { .. }
            | Event::EmailChangeDisowned { .. }
            | Event::EmailChangeCancelled { .. } => {
                self.earlier_change = self.change_link().or(self.earlier_change);
            }
            Event::PasswordResetRequested { .. } | Event::PasswordResetConfirmed { .. } => {
                self.earlier_reset = self.newest_reset().or(self.earlier_reset);
            }
            Event::OtpIssued { .. }
            | Event::OtpReissued { .. }
            | Event::OtpLoginSucceeded { .. } => {
                let present = self.state.challenge.as_ref().map(|it| it.id);
                self.earlier_code = present.or(self.earlier_code);
            }
            _ => {}
        }
    }

    fn newest_link(&self) -> Option<(ContactId, IssueId)> {
        let contact = self.state.contact.as_ref()?;
        Some((contact.id, contact.links.last()?.issue))
    }

    fn newest_reset(&self) -> Option<IssueId> {
        Some(self.state.reset_links.last()?.issue)
    }

    fn change_link(&self) -> Option<(ContactId, IssueId)> {
        let coming = self.state.coming.as_ref()?;
        Some((coming.id, coming.links.last()?.issue))
    }

    #[expect(clippy::too_many_lines, reason = "one arm a move")]
    fn command(&self, by: Move) -> Option<(Command, Typed)> {
        let present = self.state.session.as_ref().map(|open| open.id);
        let (by, cookie) = match by {
            Move::WithEarlierCookie(step) => (at_step(step), Some(self.earlier_session?)),
            by => (by, present),
        };
        let typed = Typed {
            session: cookie,
            ..Typed::default()
        };
        let command = match by {
            Move::Enrol { terms } => Command::Enrol {
                cohort: "joined-to-2024-12-01".to_owned(),
                policy: policy(),
                import: ImportId(Uuid::from_u128(1)),
                joined_month: None,
                terms: terms.then(|| "2026-04".to_owned()),
                valid_from: opening(),
                expires_at: closing(),
            },
            Move::SignIn(password) => {
                let typed = Typed {
                    password: Some(password),
                    ..typed
                };
                let against = self.credential_in_force();
                let (session, challenge) = (self.free_session(), self.free_challenge());
                let command = sign_in(password, against, session, challenge, true);
                return Some((command, typed));
            }
            Move::SignInElsewhere => {
                let password = Password::Initial;
                let typed = Typed {
                    password: Some(password),
                    elsewhere: true,
                    ..typed
                };
                let against = self.credential_in_force();
                let (session, challenge) = (self.free_session(), self.free_challenge());
                let command = sign_in(password, against, session, challenge, false);
                return Some((command, typed));
            }
            Move::Leave => Command::Leave { import: IMPORT },
            Move::Return => Command::Return { import: IMPORT },
            Move::Staff(intervention) => Command::Intervene {
                intervention,
                grounds: grounds(*intervention.reasons().first()?),
                staff: staff(1),
                failed_at: None,
                link: new_link(self.free_link()),
            },
            Move::Prove => {
                return self.command(Move::Staff(Intervention::RecordProofing));
            }
            Move::Propose(intervention) => {
                let taken = |n| self.state.proposal(proposal(n)).is_some();
                propose(smallest(|n| !taken(n)), intervention)
            }
            Move::Approve { own } => Command::ApproveIntervention {
                proposal: self.state.proposals.last()?.id,
                staff: staff(if own { 1 } else { 2 }),
                print: Some(print()),
            },
            Move::BirthDate { right } => Command::ConfirmBirthDate {
                session: cookie?,
                matches: right,
                waiting_until: None,
            },
            Move::Terms => Command::AcceptTerms {
                session: cookie?,
                version: "2026-04".to_owned(),
            },
            Move::Email { same } => {
                let present = self.state.contact.as_ref().map(|contact| contact.id);
                if same && present.is_none() {
                    return None;
                }
                let n = self.free_link();
                Command::RegisterEmail {
                    session: cookie?,
                    contact: contact(n),
                    same_as: present.filter(|_| same),
                    link: new_link(n),
                }
            }
            Move::ResendLink => Command::ResendEmailLink {
                session: cookie?,
                link: new_link(self.free_link()),
            },
            Move::Follow => follow(self.newest_link()?),
            Move::FollowEarlier => follow(self.earlier_link?),
            Move::Disown => disown(self.newest_link()?),
            Move::DisownEarlier => disown(self.earlier_link?),
            Move::Update => Command::UpdateEmail {
                session: cookie?,
                code: None,
            },
            Move::UpdateElsewhere => {
                let typed = Typed {
                    elsewhere: true,
                    ..typed
                };
                let command = Command::UpdateEmail {
                    session: cookie?,
                    code: Some(new_code(self.free_challenge())),
                };
                return Some((command, typed));
            }
            Move::Method => Command::ChooseOtpMethod {
                session: cookie?,
                method: OtpMethod::Email,
            },
            Move::Password { again } => change_password(cookie?, if again { 2 } else { 1 }),
            Move::LogOut => Command::LogOut {
                session: cookie?,
                why: LogOutReason::Member,
            },
            Move::ResendOtp => Command::ResendOtp {
                session: cookie?,
                code: new_code(self.free_challenge()),
            },
            Move::Code(code) => {
                let present = self.state.challenge.as_ref().map(|it| it.id);
                let of = match code {
                    Code::Present => present?.into(),
                    Code::Earlier => self.earlier_code?.into(),
                    Code::Wrong => None,
                };
                let typed = Typed { code: of, ..typed };
                return Some((submit(cookie?, present, of, &self.state), typed));
            }
            Move::NotMe => report_not_me(),
            Move::NotMeOfChange => {
                let addresses = [&self.state.contact, &self.state.coming];
                let mut told = addresses.into_iter().flatten();
                let told = told.find(|it| it.counts_from.is_some())?;
                Command::ReportNotMe {
                    about: told.id.into(),
                }
            }
            Move::ChangeEmail { password, again } => {
                let typed = Typed {
                    password: Some(password),
                    ..typed
                };
                let coming = self.state.coming.as_ref().map(|it| it.id);
                let n = self.free_link();
                let command = Command::ChangeEmail {
                    session: cookie?,
                    against: self.credential_in_force(),
                    check: self.once_more(password),
                    contact: contact(n),
                    same_as: if again { Some(coming?) } else { None },
                    link: new_link(n),
                };
                return Some((command, typed));
            }
            Move::FollowChange => follow(self.change_link()?),
            Move::FollowEarlierChange => follow(self.earlier_change?),
            Move::DisownChange => disown(self.change_link()?),
            Move::ConfirmChange => Command::ConfirmEmailChange { session: cookie? },
            Move::CancelChange => Command::CancelEmailChange { session: cookie? },
            Move::Forget { right } => {
                let known = |n| {
                    let of_present = self.state.reset_links.iter().any(|it| it.issue == issue(n));
                    let coming = self.state.coming_password.map(|it| it.reset.issue);
                    let present = self.state.password.and_then(|it| Some(it.reset?.issue));
                    of_present || [coming, present, self.earlier_reset].contains(&Some(issue(n)))
                };
                forget(smallest(|n| !known(n)), right)
            }
            Move::Reset => self.reset_by(self.newest_reset()?),
            Move::ResetByEarlier => self.reset_by(self.earlier_reset?),
            Move::CancelReset => Command::CancelPasswordReset { session: cookie? },
            Move::NotMeOfReset => {
                let coming = self.state.coming_password.map(|it| it.credential);
                let present = self.state.password.filter(|_| self.monitor.reset);
                Command::ReportNotMe {
                    about: coming
                        .map(NoticeId::from)
                        .or(present.map(|own| own.notice()))?,
                }
            }
            Move::ReplacePassword { password, again } => {
                let typed = Typed {
                    password: Some(password),
                    ..typed
                };
                let n = self.free_password();
                let command = Command::ReplacePassword {
                    session: cookie?,
                    against: self.credential_in_force(),
                    check: self.once_more(password),
                    credential: credential(n),
                    form: if again {
                        self.state.password?.form
                    } else {
                        form(n)
                    },
                };
                return Some((command, typed));
            }
            Move::HoldSignIn(_)
            | Move::HoldCode
            | Move::HoldUpdate
            | Move::HoldPassword
            | Move::HoldConfirm
            | Move::HoldChange
            | Move::HoldReplacement
            | Move::Arrive
            | Move::WithEarlierCookie(_)
            | Move::Minute
            | Move::Hour
            | Move::Day
            | Move::ThreeDays => return None,
        };
        Some((command, typed))
    }

    /// How a password compares that a session is asked for once more.
    fn once_more(&self, typed: Password) -> PasswordCheck {
        match typed {
            Password::Initial => PasswordCheck::Replaced,
            typed if typed == self.monitor.in_force() => PasswordCheck::Match,
            Password::Own | Password::New | Password::Wrong => PasswordCheck::Mismatch,
        }
    }

    /// A password that is neither the first, nor the present, nor the coming one.
    fn free_password(&self) -> u128 {
        let present = self.state.password.map(|it| it.credential);
        let coming = self.state.coming_password.map(|it| it.credential);
        let held = match self.held {
            Some(Held::ReplacePassword(.., n)) => Some(credential(n)),
            _ => None,
        };
        let taken = |n| [present, coming, held, Some(credential(1))].contains(&Some(credential(n)));
        smallest(|n| !taken(n))
    }

    fn reset_by(&self, by: IssueId) -> Command {
        let n = self.free_password();
        Command::ResetPassword {
            issue: by,
            credential: credential(n),
            form: form(n),
        }
    }

    fn hold(&self, by: Move) -> Option<Held> {
        let session = self.state.session.as_ref().map(|open| open.id);
        Some(match by {
            Move::HoldSignIn(password) => {
                self.state.enrolment.as_ref()?;
                Held::SignIn(
                    password,
                    self.credential_in_force(),
                    self.free_session(),
                    self.free_challenge(),
                )
            }
            Move::HoldCode => Held::Code(session?, self.state.challenge.as_ref()?.id),
            Move::HoldUpdate => {
                self.state.contact.as_ref()?;
                Held::Update(session?)
            }
            Move::HoldConfirm => {
                self.state.coming.as_ref()?;
                Held::Confirm(session?)
            }
            Move::HoldPassword if self.state.otp_method.is_some() => Held::Password(session?),
            Move::HoldChange if self.is_completed() => Held::ChangeEmail(
                session?,
                self.credential_in_force(),
                self.monitor.in_force(),
                self.free_link(),
            ),
            Move::HoldReplacement if self.is_completed() => Held::ReplacePassword(
                session?,
                self.credential_in_force(),
                self.monitor.in_force(),
                self.free_password(),
            ),
            _ => return None,
        })
    }

    /// The command as it was settled, whatever has happened since.
    fn arriving(held: &Held) -> (Command, Typed) {
        let mut typed = Typed::default();
        let command = match *held {
            Held::SignIn(password, against, session, challenge) => {
                typed.password = Some(password);
                sign_in(password, against, session, challenge, true)
            }
            Held::Code(session, code) => {
                typed.session = Some(session);
                typed.code = Some(code);
                Command::SubmitOtp {
                    session,
                    against: Some(code),
                    check: CodeCheck::Match,
                }
            }
            Held::Update(session) => {
                typed.session = Some(session);
                Command::UpdateEmail {
                    session,
                    code: None,
                }
            }
            Held::Password(session) => {
                typed.session = Some(session);
                change_password(session, 3)
            }
            Held::Confirm(session) => {
                typed.session = Some(session);
                Command::ConfirmEmailChange { session }
            }
            Held::ChangeEmail(session, against, password, n) => {
                typed.session = Some(session);
                typed.password = Some(password);
                Command::ChangeEmail {
                    session,
                    against,
                    check: PasswordCheck::Match,
                    contact: contact(n),
                    same_as: None,
                    link: new_link(n),
                }
            }
            Held::ReplacePassword(session, against, password, n) => {
                typed.session = Some(session);
                typed.password = Some(password);
                Command::ReplacePassword {
                    session,
                    against,
                    check: PasswordCheck::Match,
                    credential: credential(n),
                    form: form(n),
                }
            }
        };
        (command, typed)
    }

    // The smallest number that nobody has in hand, so that histories which differ in numbers alone are one.
    fn free_session(&self) -> SessionId {
        let held = match &self.held {
            Some(
                Held::SignIn(_, _, session, _)
                | Held::Code(session, _)
                | Held::Update(session)
                | Held::Password(session)
                | Held::Confirm(session)
                | Held::ChangeEmail(session, ..)
                | Held::ReplacePassword(session, ..),
            ) => Some(*session),
            None => None,
        };
        let present = self.state.session.as_ref().map(|open| open.id);
        let taken = [held, present, self.earlier_session];
        session(smallest(|n| !taken.contains(&Some(session(n)))))
    }

    fn free_challenge(&self) -> u128 {
        let held = match &self.held {
            Some(Held::SignIn(_, _, _, n)) => Some(challenge(*n)),
            Some(Held::Code(_, challenge)) => Some(*challenge),
            _ => None,
        };
        let present = self.state.challenge.as_ref().map(|it| it.id);
        let spent = self.state.spent_challenge.as_ref().map(|it| it.id);
        let taken = [held, present, spent, self.earlier_code];
        smallest(|n| !taken.contains(&Some(challenge(n))))
    }

    fn free_link(&self) -> u128 {
        let state = &self.state;
        smallest(|n| {
            let mut known = [&state.contact, &state.coming].into_iter().flatten();
            let of_present = known.any(|it| {
                it.id == contact(n) || it.links.iter().any(|link| link.issue == issue(n))
            });
            let mut earlier = [self.earlier_link, self.earlier_change]
                .into_iter()
                .flatten();
            let earlier = earlier.any(|(of, by)| of == contact(n) || by == issue(n));
            let held = matches!(self.held, Some(Held::ChangeEmail(.., held)) if held == n);
            !of_present && !earlier && !held && !state.disowned.contains(&contact(n))
        })
    }

    /// Time passes: everything that has a moment falls back by as much. What is older than two days is all the same to every rule.
    fn pass(&mut self, by: SignedDuration) {
        let oldest = minute(-2 * 24 * 60);
        let back = |at: &mut Timestamp| *at = (*at - by).max(oldest);
        let state = &mut self.state;
        state.links_sent.iter_mut().for_each(back);
        state.change_links_sent.iter_mut().for_each(back);
        state.reset_links_sent.iter_mut().for_each(back);
        state.passwords_replaced.iter_mut().for_each(back);
        for link in &mut state.reset_links {
            back(&mut link.sent_at);
            back(&mut link.expires_at);
        }
        if let Some(coming) = &mut state.coming_password {
            back(&mut coming.reset.at);
            back(&mut coming.reset.counts_from);
        }
        if let Some(own) = &mut state.password {
            if let Some(reset) = &mut own.reset {
                back(&mut reset.at);
                back(&mut reset.counts_from);
            }
            if let Some(replaces) = &mut own.replaces {
                back(&mut replaces.at);
            }
        }
        state.codes_sent.iter_mut().for_each(back);
        if let Some(session) = &mut state.session {
            back(&mut session.began);
        }
        for address in [&mut state.contact, &mut state.coming]
            .into_iter()
            .flatten()
        {
            address.counts_from.iter_mut().for_each(back);
            for link in &mut address.links {
                back(&mut link.sent_at);
                back(&mut link.expires_at);
            }
        }
        if let Some(challenge) = &mut state.challenge {
            back(&mut challenge.expires_at);
            back(&mut challenge.last_mail_at);
        }
        state.lifts.iter_mut().for_each(back);
        state.browsers_from.iter_mut().for_each(back);
        if let Some(proofing) = &mut state.proofing {
            proofing.at.iter_mut().for_each(back);
        }
        for proposal in &mut state.proposals {
            back(&mut proposal.expires_at);
        }
    }

    /// Whether a member with their paper, their mailbox and patience reaches the end from here, unless somebody froze the account.
    pub(super) fn can_be_completed(&self) -> bool {
        let mut world = self.clone();
        world.held = None;
        for _ in 0..40 {
            if world.state.frozen || world.state.left || world.state.erased || world.is_completed()
            {
                return true;
            }
            if let Some(Ok(next)) = world.after(world.due_move()) {
                world = next;
                continue;
            }
            // A link is over, a code dead, or a budget spent: an hour later, signed in anew, with another mail.
            world.pass(SignedDuration::from_secs(61 * 60));
            for by in [Move::SignIn(world.password_in_force()), Move::ResendLink] {
                if let Some(Ok(next)) = world.after(by) {
                    world = next;
                }
            }
        }
        false
    }

    /// Whether a member with their password, their mailbox and patience comes in, unless somebody froze the account or they start over.
    pub(super) fn can_come_in(&self) -> bool {
        let mut world = self.clone();
        world.held = None;
        for _ in 0..10 {
            let state = &world.state;
            let is_out = state.frozen || state.erased || state.password.is_none();
            if is_out || state.session_kind() == Some(SessionKind::Full) {
                return true;
            }
            if let Some(Ok(next)) = world.after(world.due_move()) {
                world = next;
                continue;
            }
            world.pass(SignedDuration::from_secs(61 * 60));
            if let Some(Ok(next)) = world.after(Move::SignIn(world.password_in_force())) {
                world = next;
            }
        }
        false
    }

    /// As facts are settled: what has come due counts.
    fn credential_in_force(&self) -> CredentialInForce {
        self.state.as_of(minute(AT)).credential_in_force()
    }

    fn password_in_force(&self) -> Password {
        match self.state.as_of(minute(AT)).password {
            None => Password::Initial,
            Some(own) if own.replaced_at().is_some() => Password::New,
            Some(_) => Password::Own,
        }
    }

    fn due_move(&self) -> Move {
        match self.state.due() {
            Step::SignIn if self.state.enrolment.is_none() => Move::Enrol { terms: true },
            _ if self.state.session.is_none() => Move::SignIn(self.password_in_force()),
            due => at_step(due),
        }
    }
}

fn smallest(is_free: impl Fn(u128) -> bool) -> u128 {
    (1..100).find(|&n| is_free(n)).unwrap()
}
