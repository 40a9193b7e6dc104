//! Step 14: the one-time password.

use jiff::Timestamp;

use super::{Decision, NOTHING_NEW, minutes, not_too_soon, within_budget};
use crate::domain::ids::ChallengeId;
use crate::domain::onboarding::command::{CodeCheck, NewCode};
use crate::domain::onboarding::event::Event;
use crate::domain::onboarding::{Challenge, Onboarding, Refusal, Session, SessionKind, later};
use crate::domain::policy::Limits;

impl Onboarding {
    pub(super) fn resend_otp(
        &self,
        at: Timestamp,
        limits: &Limits,
        open: &Session,
        code: &NewCode,
    ) -> Decision {
        let Some(present) = &self.challenge else {
            return match open.kind {
                SessionKind::Full => NOTHING_NEW,
                SessionKind::Onboarding if self.confirmed_sign_in() => NOTHING_NEW,
                SessionKind::Onboarding | SessionKind::OtpPending => {
                    Err(Refusal::OutOfOrder { due: self.due() })
                }
            };
        };
        let otp = &limits.otp;
        if present.wrong >= otp.tries {
            return Err(Refusal::CodeDead);
        }
        not_too_soon(Some(present.last_mail_at), at, &otp.mails)?;
        room_for_another_code(present, open, limits)?;
        self.room_for_code(at, limits, &code.sent_to_address)?;
        let half = minutes(otp.lifetime_minutes) / 2;
        let (challenge, key, expires_at) = if present.expires_at.duration_since(at) >= half {
            (present.id, &present.key, present.expires_at)
        } else {
            (
                code.challenge,
                &code.key,
                later(at, minutes(otp.lifetime_minutes)),
            )
        };
        Ok(vec![Event::OtpReissued {
            session: open.id,
            challenge,
            key: key.clone(),
            language: code.language,
            at,
            expires_at,
        }])
    }

    /// Whether the budgets leave room for a code, as every sign-in that needs one asks.
    pub(super) fn room_for_code(
        &self,
        at: Timestamp,
        limits: &Limits,
        sent_to_address: &[Timestamp],
    ) -> Result<(), Refusal> {
        within_budget(&self.codes_sent, sent_to_address, at, &limits.otp.mails)
    }

    pub(super) fn submit_otp(
        &self,
        at: Timestamp,
        limits: &Limits,
        open: &Session,
        against: Option<ChallengeId>,
        check: CodeCheck,
    ) -> Decision {
        let Some(present) = &self.challenge else {
            return match open.kind {
                SessionKind::Full => NOTHING_NEW,
                SessionKind::Onboarding if self.confirmed_sign_in() => NOTHING_NEW,
                SessionKind::Onboarding | SessionKind::OtpPending => {
                    Err(Refusal::OutOfOrder { due: self.due() })
                }
            };
        };
        if against != Some(present.id) {
            return Err(Refusal::StaleFacts);
        }
        if present.wrong >= limits.otp.tries {
            return Err(Refusal::CodeDead);
        }
        if at >= present.expires_at {
            return Err(Refusal::CodeExpired);
        }
        match check {
            CodeCheck::Match if self.password.is_none() => Ok(vec![Event::SignInConfirmed {
                session: open.id,
                challenge: present.id,
            }]),
            CodeCheck::Match => {
                let mut events = vec![Event::OtpLoginSucceeded {
                    session: open.id,
                    challenge: present.id,
                }];
                if !self.completed {
                    events.push(Event::OnboardingCompleted {});
                }
                Ok(events)
            }
            CodeCheck::Spent => Err(Refusal::CodeUsed),
            CodeCheck::Mismatch => {
                let tries_left = limits.otp.tries.saturating_sub(present.wrong + 1);
                Ok(vec![Event::OtpRejected { tries_left }])
            }
        }
    }

    /// Whether the present session, one before step 9, has entered its code.
    const fn confirmed_sign_in(&self) -> bool {
        self.password.is_none() && self.spent_challenge.is_some()
    }
}

/// Whether the present sign-in may have another mail; if not, the next one may.
pub(super) fn room_for_another_code(
    present: &Challenge,
    open: &Session,
    limits: &Limits,
) -> Result<(), Refusal> {
    if present.mails >= limits.otp.mails.each {
        return Err(Refusal::BudgetSpent {
            until: later(open.began, minutes(limits.otp.pending_minutes)),
        });
    }
    Ok(())
}
