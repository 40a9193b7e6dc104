//! What each event makes of what is known of a member.

use cqrs_es::{Aggregate, event_sink::EventSink};
use jiff::Timestamp;

use super::budget;
use super::state::{
    Challenge, ComingPassword, Contact, Enrolment, Link, Mailbox, Onboarding, OwnPassword,
    Reminded, Replaces, Reset, Session, SessionKind, SpentChallenge,
};
use super::support::{Intervention, Proofing, Proposal, Verdict};
use super::{Event, Issued, Refusal};
use crate::domain::ids::{NoticeId, PrintId, ProposalId};

impl Aggregate for Onboarding {
    const TYPE: &'static str = "onboarding";
    type Command = Issued;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Issued,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(&command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "one arm an event")]
    fn apply(&mut self, event: Event) {
        match event {
            Event::MemberEnrolled {
                cohort,
                policy,
                terms,
                valid_from,
                expires_at,
                ..
            } => {
                self.enrolment = Some(Enrolment {
                    cohort,
                    policy,
                    terms,
                    valid_from,
                    expires_at,
                });
            }
            Event::CredentialsAccepted { session, at } => {
                let kind = if self.password.is_some() {
                    self.signed_in_again = true;
                    SessionKind::OtpPending
                } else {
                    SessionKind::Onboarding
                };
                self.signed_in = true;
                self.session = Some(Session {
                    id: session,
                    kind,
                    began: at,
                });
            }
            Event::BirthDateConfirmed {} => self.birth_date_confirmed = true,
            Event::TermsAccepted { .. } => self.terms_accepted = true,
            Event::EmailRegistered {
                contact,
                issue,
                language,
                at,
                expires_at,
                ..
            } => {
                self.forget_clearing();
                let link = Link::of(issue, at, expires_at);
                self.contact = Some(Contact::entered(contact, language, link));
                self.mailbox = None;
                self.cleared = None;
                budget::note(&mut self.links_sent, at);
            }
            Event::EmailLinkReissued {
                issue,
                at,
                expires_at,
                ..
            } => {
                if let Some(contact) = &mut self.contact {
                    contact.links.push(Link::of(issue, at, expires_at));
                }
                budget::note(&mut self.links_sent, at);
            }
            Event::EmailLinkFollowed { .. } => {
                if let Some(contact) = &mut self.contact {
                    contact.followed = true;
                }
            }
            Event::EmailDisowned { contact } => {
                self.forget_clearing();
                self.contact = None;
                self.disowned.push(contact);
            }
            Event::EmailVerified { .. } => {
                if let Some(contact) = &mut self.contact {
                    contact.verified = true;
                    self.mailbox = Some(Mailbox::of(contact));
                }
            }
            Event::EmailChangeRequested {
                contact,
                issue,
                language,
                at,
                expires_at,
                ..
            } => {
                let link = Link::of(issue, at, expires_at);
                self.coming = Some(Contact::entered(contact, language, link));
                budget::note(&mut self.change_links_sent, at);
            }
            Event::EmailChangeLinkFollowed { .. } => {
                if let Some(coming) = &mut self.coming {
                    coming.followed = true;
                }
            }
            Event::EmailChangeConfirmed {
                contact,
                counts_from,
                ..
            } => {
                self.tell(contact.into());
                if let Some(coming) = &mut self.coming {
                    coming.verified = true;
                    coming.counts_from = Some(counts_from);
                }
            }
            Event::EmailChangeDisowned { contact } => {
                self.coming = None;
                self.disowned.push(contact);
            }
            Event::EmailChangeCancelled { .. } => self.coming = None,
            Event::EmailChanged { .. } => {
                self.contact = self.coming.take();
                self.mailbox = self.contact.as_ref().map(Mailbox::of);
                self.forget_coming();
            }
            Event::OtpMethodChosen { method } => self.otp_method = Some(method),
            Event::PasswordChanged { credential, form } => {
                self.tell(credential.into());
                self.password = Some(OwnPassword {
                    credential,
                    form,
                    reset: None,
                    replaces: None,
                });
            }
            Event::PasswordReplaced {
                credential,
                form,
                at,
            } => {
                self.password = self.password.map(|present| OwnPassword {
                    credential,
                    form,
                    replaces: Some(Replaces {
                        first: present.first(),
                        at,
                    }),
                    ..present
                });
                budget::note(&mut self.passwords_replaced, at);
                self.forget_coming();
            }
            Event::PasswordResetRequested {
                issue,
                at,
                expires_at,
                ..
            } => {
                self.reset_links.retain(|link| at < link.expires_at);
                self.reset_links.push(Link::of(issue, at, expires_at));
                budget::note(&mut self.reset_links_sent, at);
            }
            Event::PasswordResetConfirmed {
                issue,
                credential,
                form,
                at,
                counts_from,
            } => {
                self.tell(credential.into());
                self.reset_links.clear();
                self.coming_password = Some(ComingPassword {
                    credential,
                    form,
                    reset: Reset {
                        issue,
                        at,
                        counts_from,
                    },
                });
            }
            Event::PasswordResetCancelled { .. } => {
                self.coming_password = None;
                self.reset_links.clear();
            }
            Event::PasswordReset { .. } => {
                let coming = self.coming_password.take();
                self.password = coming.map(|coming| OwnPassword {
                    credential: coming.credential,
                    form: coming.form,
                    reset: Some(coming.reset),
                    replaces: None,
                });
                self.logged_out = true;
                self.session = None;
                self.challenge = None;
                self.forget_coming();
            }
            Event::LoggedOut { .. } => {
                self.logged_out |= self.password.is_some();
                self.session = None;
                self.challenge = None;
            }
            Event::OtpIssued {
                challenge,
                key,
                at,
                expires_at,
                ..
            } => {
                if let Some(session) = &mut self.session {
                    session.kind = SessionKind::OtpPending;
                    session.began = at;
                }
                self.challenge = Some(Challenge {
                    id: challenge,
                    key,
                    expires_at,
                    mails: 1,
                    last_mail_at: at,
                    wrong: 0,
                });
                budget::note(&mut self.codes_sent, at);
            }
            Event::OtpReissued {
                challenge,
                key,
                at,
                expires_at,
                ..
            } => {
                if let Some(present) = &mut self.challenge {
                    present.id = challenge;
                    present.key = key;
                    present.expires_at = expires_at;
                    present.mails += 1;
                    present.last_mail_at = at;
                }
                budget::note(&mut self.codes_sent, at);
            }
            Event::OtpRejected { .. } => {
                if let Some(challenge) = &mut self.challenge {
                    challenge.wrong += 1;
                }
            }
            Event::OtpLoginSucceeded { .. } => {
                self.spend_code(SessionKind::Full);
            }
            Event::OnboardingCompleted {} => self.completed = true,
            Event::NotMeReported {} => {
                self.freeze();
                self.not_me_reported = true;
                self.proofing = None;
                // Whoever set the account up entered it.
                self.mailbox = None;
            }
            Event::SignInConfirmed { .. } => self.spend_code(SessionKind::Onboarding),
            Event::AccountFrozen {} => self.freeze(),
            Event::AccountReleased {} => {
                self.frozen = false;
                self.not_me_reported = false;
            }
            Event::EmailCleared { .. } => {
                if self.contact.as_ref().is_some_and(|it| it.verified) {
                    self.use_up_proofing();
                }
                // How codes come depends on the address that they come to.
                self.contact = None;
                self.cleared = self.mailbox.take();
                self.taken_away.extend(self.cleared);
                self.otp_method = None;
            }
            Event::CredentialsReissued {
                issue,
                print,
                at,
                expires_at,
            } => {
                self.use_up_proofing();
                self.start_over((issue, print), at, expires_at);
            }
            Event::PersonalDataErased {} => {
                let before = std::mem::take(self);
                *self = Self {
                    enrolment: before.enrolment,
                    reissues: before.reissues,
                    proposals: decided(before.proposals),
                    erased: true,
                    ..Self::default()
                };
            }
            Event::Intervened {
                intervention,
                grounds,
                staff,
                at,
            } => {
                let proofing = Proofing {
                    reason: grounds.reason,
                    by: staff,
                    at,
                    used: false,
                };
                self.intervened(intervention, proofing);
            }
            Event::InterventionProposed {
                proposal,
                intervention,
                grounds,
                staff,
                at,
                expires_at,
            } => {
                let step = self.stands_at();
                self.proposals
                    .retain(|it| !it.is_of_before(intervention, staff, at));
                self.proposals.push(Proposal {
                    id: proposal,
                    intervention,
                    grounds,
                    by: staff,
                    expires_at,
                    step: Some(step),
                    verdict: None,
                });
            }
            Event::InterventionApproved { proposal, at, .. } => {
                self.judge(proposal, Verdict::Approved { at });
            }
            Event::InterventionDeclined { proposal, .. } => {
                self.judge(proposal, Verdict::Declined);
            }
            Event::MemberReminded {
                step,
                after_days,
                since,
                ..
            } => {
                self.reminded = Some(Reminded {
                    step,
                    since,
                    after_days,
                });
            }
            Event::ProfileChanged { import, .. } => self.last_change = Some(import),
            Event::MemberLeft { .. } => {
                self.left = true;
                self.forget_coming();
            }
            Event::MemberReturned { .. } => self.left = false,
            Event::CredentialsRejected { .. }
            | Event::BirthDateRejected {}
            | Event::PasswordResetRejected {}
            | Event::FirstLoginCompleted {} => {}
        }
    }
}

/// Notices whose links count at once: as many as the default budgets of links, of addresses and of passwords, let follow each other in thirty
/// days, in which somebody may read of the first on paper. Fewer could be pushed out by whoever asks for more.
const TOLD: usize = 1200;

impl Onboarding {
    fn spend_code(&mut self, kind: SessionKind) {
        if let Some(session) = &mut self.session {
            session.kind = kind;
        }
        self.spent_challenge = self.challenge.take().map(|spent| SpentChallenge {
            id: spent.id,
            key: spent.key,
        });
    }

    /// What a proof of identity was for was done: a policy may let it count no more.
    const fn use_up_proofing(&mut self) {
        if let Some(proofing) = &mut self.proofing {
            proofing.used = true;
        }
    }

    fn intervened(&mut self, intervention: Intervention, proofing: Proofing) {
        if intervention == Intervention::RecordProofing {
            self.proofing = Some(proofing);
        } else if intervention == Intervention::LiftWait {
            if let Some(at) = proofing.at {
                budget::note(&mut self.lifts, at);
            }
        } else if intervention == Intervention::Freeze {
            // Whoever lost a device, or gave a password away, may get in again, but no browser of before.
            self.browsers_from = proofing.at.max(self.browsers_from);
        }
    }

    fn freeze(&mut self) {
        self.frozen = true;
        self.session = None;
        self.challenge = None;
        self.forget_coming();
    }

    /// What is to take something's place was asked for with what counted then, and ends with that.
    fn forget_coming(&mut self) {
        self.coming = None;
        self.coming_password = None;
        self.reset_links.clear();
    }

    fn tell(&mut self, of: NoticeId) {
        self.told_of.push(of);
        if self.told_of.len() > TOLD {
            self.told_of.remove(0);
        }
    }

    /// What was mailed, disowned and proposed stays known; nothing that the member had set.
    fn start_over(
        &mut self,
        (issue, print): (u32, Option<PrintId>),
        at: Timestamp,
        expires_at: Timestamp,
    ) {
        let before = std::mem::take(self);
        *self = Self {
            enrolment: before.enrolment.map(|enrolment| Enrolment {
                // Not before the day that the import told.
                valid_from: at.max(enrolment.valid_from),
                expires_at,
                ..enrolment
            }),
            disowned: before.disowned,
            links_sent: before.links_sent,
            change_links_sent: before.change_links_sent,
            reset_links_sent: before.reset_links_sent,
            passwords_replaced: before.passwords_replaced,
            mailbox: before.mailbox,
            cleared: before.cleared,
            taken_away: before.taken_away,
            codes_sent: before.codes_sent,
            frozen: before.frozen,
            left: before.left,
            last_change: before.last_change,
            not_me_reported: before.not_me_reported,
            proofing: before.proofing,
            lifts: before.lifts,
            browsers_from: Some(at),
            reissues: issue,
            print,
            proposals: decided(before.proposals),
            ..Self::default()
        };
    }

    /// It was proposed of another address.
    fn forget_clearing(&mut self) {
        let is_clearing = |it: &Proposal| it.intervention == Intervention::ClearEmail;
        self.proposals
            .retain(|it| !is_clearing(it) || it.verdict.is_some());
    }

    fn judge(&mut self, proposal: ProposalId, verdict: Verdict) {
        let proposed = self.proposals.iter_mut().find(|it| it.id == proposal);
        if let Some(proposed) = proposed {
            proposed.verdict = Some(verdict);
        }
    }
}

/// Of proposals, those that nobody can approve any more: what was proposed of how a member stood means nothing of how they stand now.
fn decided(mut proposals: Vec<Proposal>) -> Vec<Proposal> {
    proposals.retain(|proposal| proposal.verdict.is_some());
    proposals
}
