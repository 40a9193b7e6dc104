//! Lives of members from their first sign-in on, each decided command by command by the rules: quick ones, clumsy ones, ones that stop.

mod choices;
mod desk;

use std::sync::Arc;

use cqrs_es::{Aggregate, DomainEvent};
use jiff::{SignedDuration, Timestamp};
use kadode::domain::delivery::{Delivery, DeliveryEvent, MailFacts, MailKind, SkipReason};
use kadode::domain::ids::{ImportId, MailId, MemberId};
use kadode::domain::onboarding::{Command, Event, Issued, Onboarding, Refusal, Step, Ticket};
use kadode::policies::LoadedPolicy;
use rand::Rng;
use rand::rngs::StdRng;
use uuid::Uuid;

pub(super) use self::desk::giver_of;
use super::text::Text;
use super::{DAY, Fault, HOUR, SPREAD, START, WINDOW};

/// So many lives are made; members share them, each with ids and times of their own.
pub(super) const LIVES: usize = 400;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The command that reminds.
pub(super) const REMIND: &str = "RemindMember";

/// More moves than any life has.
const MOVES: usize = 300;

/// What happens to a member, in the order of the log.
pub(super) struct Life {
    pub(super) entries: Vec<Entry>,
    /// Whether somebody was reminded, which happens by day whenever the life begins.
    pub(super) has_reminder: bool,
}

/// One event of it.
pub(super) struct Entry {
    /// When, after the beginning.
    pub(super) after: SignedDuration,
    /// The number of the mail whose stream it is in; none, if it is in the member's.
    pub(super) mail: Option<u64>,
    pub(super) sequence: u32,
    pub(super) event_type: String,
    pub(super) payload: Text,
    pub(super) command: &'static str,
    /// The same for events of one append.
    pub(super) command_id: u64,
}

/// Somebody's ways.
struct Ways {
    /// The step that they never do.
    stops_at: Option<Step>,
    /// How often something goes wrong.
    slips: f64,
    /// How often they go away for long.
    strays: f64,
    /// How often the same person comes back when all is done.
    visits: u32,
    /// Whose customer their address belongs to, by its class.
    domain: &'static str,
}

/// A member under way.
struct Walk<'a> {
    random: &'a mut StdRng,
    policy: &'a LoadedPolicy,
    ways: Ways,
    state: Onboarding,
    at: Timestamp,
    /// When they last did something in their session.
    active: Timestamp,
    /// Why nothing more comes of the present link or code.
    stuck: Option<Refusal>,
    sequence: u32,
    fresh: u64,
    ticket: Ticket,
    entries: Vec<Entry>,
}

/// The lives of those who are enrolled under a policy.
pub(super) fn lives(policy: &LoadedPolicy, random: &mut StdRng) -> Result<Vec<Life>, Fault> {
    (0..LIVES).map(|_| life(policy, random)).collect()
}

fn life(policy: &LoadedPolicy, random: &mut StdRng) -> Result<Life, Fault> {
    let ways = Ways::any(random);
    let late: f64 = random.random_range(0.0..1.0);
    let mut walk = Walk {
        ways,
        policy,
        state: Onboarding::default(),
        // Most begin soon.
        at: START + HOUR + in_micros(DAY.mul_f64(28.0 * late.powi(3))),
        active: START,
        stuck: None,
        sequence: 1,
        fresh: 0,
        ticket: "HD-1".parse()?,
        entries: Vec::new(),
        random,
    };
    walk.enrol()?;
    walk.goes()?;
    // Mails arrive while the member goes on; what happens at one time stays together.
    let mut entries = walk.entries;
    entries.sort_by_key(|entry| entry.after);
    let has_reminder = entries.iter().any(|it| it.command == REMIND);
    Ok(Life {
        entries,
        has_reminder,
    })
}

impl Ways {
    fn any(random: &mut StdRng) -> Self {
        const STOPS: [(u32, Step); 10] = [
            (12, Step::SignIn),
            (3, Step::BirthDate),
            (2, Step::Terms),
            (4, Step::Email),
            (5, Step::EmailLink),
            (2, Step::EmailUpdate),
            (2, Step::OtpMethod),
            (3, Step::Password),
            (2, Step::SignInAgain),
            (3, Step::Otp),
        ];
        const DOMAINS: [&str; 6] = ["docomo", "au", "gmail", "icloud", "yahoo_japan", "other"];
        let mut drawn = random.random_range(0..100);
        let stops = STOPS.iter().find(|(percent, _)| {
            let found = drawn < *percent;
            drawn = drawn.saturating_sub(*percent);
            found
        });
        Self {
            stops_at: stops.map(|(_, step)| *step),
            slips: if random.random_bool(0.25) { 0.3 } else { 0.06 },
            strays: if random.random_bool(0.3) { 0.1 } else { 0.01 },
            visits: random.random_range(0..3),
            domain: DOMAINS[random.random_range(0..DOMAINS.len())],
        }
    }
}

impl Walk<'_> {
    /// The same as every member's, which stands in the log in place of this.
    fn enrol(&mut self) -> Result<(), Fault> {
        let terms = self.policy.policy.terms.as_ref();
        let command = Command::Enrol {
            cohort: String::new(),
            policy: self.policy.version.clone(),
            import: ImportId(Uuid::nil()),
            joined_month: None,
            terms: terms.map(|terms| terms.version.clone()),
            valid_from: START,
            expires_at: START + WINDOW - SPREAD,
        };
        for event in self.decided(command)? {
            self.state.apply(event);
        }
        Ok(())
    }

    fn goes(&mut self) -> Result<(), Fault> {
        for _ in 0..MOVES {
            let mut alone = self.state.clone();
            alone.session = None;
            let due = alone.due();
            let is_left = self.state.frozen && self.slips(0.4);
            if self.ways.stops_at == Some(due) || is_left {
                self.is_reminded()?;
                break;
            }
            if due == Step::Completed && self.state.session.is_none() {
                if self.ways.visits == 0 {
                    break;
                }
                self.ways.visits -= 1;
                let days = self.random.random_range(0.2..20.0);
                self.rests(DAY.mul_f64(days));
            } else if self.slips(self.ways.strays) {
                let hours: f64 = self.random.random_range(0.3..1.0);
                self.rests(HOUR.mul_f64(100.0 * hours.powi(4)));
            } else {
                let seconds = self.random.random_range(2.0..90.0);
                self.rests(SECOND.mul_f64(seconds));
            }
            let (name, command) = self.chosen();
            match self.decided(command) {
                Ok(events) => self.takes(name, events)?,
                Err(
                    refusal @ (Refusal::LinkExpired | Refusal::CodeDead | Refusal::CodeExpired),
                ) => {
                    self.stuck = Some(refusal);
                }
                // Too late for the password on the paper.
                Err(Refusal::WindowClosed) => break,
                // Another time.
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Twice, of whoever can be reached and can go on. In the life's own days, from nine to twelve hours after a day's beginning: so it is by day
    /// when the life begins at eight in the morning, as here, and when it begins in the first eight hours of a day, as members' lives do.
    fn is_reminded(&mut self) -> Result<(), Fault> {
        let since = self.active;
        for days in [4, 8] {
            let whole = since.duration_since(START).as_hours() / 24 + days;
            let hours = self.random.random_range(9.0..12.0);
            self.at = START + DAY * i32::try_from(whole)? + in_micros(HOUR.mul_f64(hours));
            let step = self.state.stands_at();
            // Who cannot be reminded is not.
            if let Ok(events) = self.decided(Command::Remind { step, since }) {
                self.takes(REMIND, events)?;
            }
        }
        Ok(())
    }

    fn rests(&mut self, time: SignedDuration) {
        self.at += in_micros(time);
    }

    fn decided(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        self.state.decide(&Issued {
            at: self.at,
            limits: Arc::new(self.policy.policy.limits.clone()),
            command,
        })
    }

    /// What was decided happens, and mails leave.
    fn takes(&mut self, command: &'static str, events: Vec<Event>) -> Result<(), Fault> {
        self.active = self.at;
        let command_id = self.fresh_number();
        for event in events {
            self.sequence += 1;
            self.entries.push(Entry {
                after: self.at.duration_since(START),
                mail: None,
                sequence: self.sequence,
                event_type: event.name().to_owned(),
                payload: Text::from(&event, START)?,
                command,
                command_id,
            });
            self.state.apply(event.clone());
            // What staff do is told to whoever has a verified address.
            let reached =
                |kind: &MailKind| *kind != MailKind::SupportActed || self.state.mailbox.is_some();
            if let Some(kind) = mail_of(&event).filter(reached) {
                self.mails(kind)?;
            }
        }
        Ok(())
    }

    fn mails(&mut self, kind: MailKind) -> Result<(), Fault> {
        let number = self.fresh_number();
        let to = if kind == MailKind::EmailChangeLink {
            &self.state.coming
        } else {
            &self.state.contact
        };
        let contact = to.as_ref().map(|contact| contact.id);
        let mail = MailFacts {
            mail: MailId(Uuid::from_u128(number.into())),
            kind,
            member: MemberId(Uuid::nil()),
            contact,
        };
        let domain_class = self.ways.domain.to_owned();
        let event = match self.random.random_range(0..100) {
            0..=2 => DeliveryEvent::MailFailed {
                mail,
                smtp_code: Some(550),
                domain_class,
            },
            3 => DeliveryEvent::MailFailed {
                mail,
                smtp_code: None,
                domain_class,
            },
            4 => DeliveryEvent::MailSkipped {
                mail,
                why: SkipReason::Expired,
            },
            5 => DeliveryEvent::MailSkipped {
                mail,
                why: SkipReason::Superseded,
            },
            drawn => DeliveryEvent::MailAccepted {
                mail,
                smtp_code: if drawn == 6 { 251 } else { 250 },
                domain_class,
            },
        };
        if !Delivery::default().yields(std::slice::from_ref(&event)) {
            return Err("a mail that the rules do not make".into());
        }
        let slow = if self.slips(0.1) { 900.0 } else { 8.0 };
        let seconds = self.random.random_range(0.2..slow);
        let command_id = self.fresh_number();
        let after = self.at.duration_since(START) + in_micros(SECOND.mul_f64(seconds));
        self.entries.push(Entry {
            after,
            mail: Some(number),
            sequence: 1,
            event_type: event.event_type(),
            payload: Text::from(&event, START)?,
            command: "ConcludeMail",
            command_id,
        });
        Ok(())
    }

    fn slips(&mut self, often: f64) -> bool {
        self.random.random_bool(often)
    }

    fn fresh(&mut self) -> Uuid {
        Uuid::from_u128(self.fresh_number().into())
    }

    fn fresh_number(&mut self) -> u64 {
        self.fresh += 1;
        self.fresh
    }
}

/// As exact as the program's clock.
const fn in_micros(time: SignedDuration) -> SignedDuration {
    SignedDuration::new(time.as_secs(), time.subsec_micros() * 1000)
}

fn mail_of(event: &Event) -> Option<MailKind> {
    match event.name() {
        "EmailRegistered" | "EmailLinkReissued" => Some(MailKind::EmailLink),
        "EmailChangeRequested" => Some(MailKind::EmailChangeLink),
        "PasswordResetRequested" => Some(MailKind::PasswordResetLink),
        "OtpIssued" | "OtpReissued" => Some(MailKind::Otp),
        _ => event.notice(),
    }
}
