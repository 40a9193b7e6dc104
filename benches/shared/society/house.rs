//! What is of no single member: policies, the staff's accounts and what they look at, tallies, and what is done for the society.

mod office;

use cqrs_es::{Aggregate, DomainEvent};
use jiff::{SignedDuration, Timestamp};
use kadode::domain::adoption::{AdoptionEvent, Adoptions};
use kadode::domain::attempts::AttemptsEvent;
use kadode::domain::ids::{CredentialId, MemberId, PrintId, SessionId, StaffId, TotpId};
use kadode::domain::staff::{Command, Event, Facts, Initial, Issued, Role, Staff, Totp};
use kadode::domain::values::{KeyId, TOKYO};
use kadode::domain::viewing::{Look, Purpose, View, ViewingEvent, Viewings};
use kadode::policies::LoadedPolicy;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use uuid::Uuid;

use super::{ADOPTED, DAY, END, Fault, HOUR, IMPORTS, START, TO_COMMIT, id, metadata};

/// Kinds that are tallied most.
const TALLIED: [&str; 6] = [
    "budget-spent",
    "mismatch",
    "sign-in-failed",
    "too-soon",
    "unknown-id",
    "waiting",
];

/// All streams that are of no single member.
pub(super) struct House {
    pub(super) streams: Vec<Stream>,
    seed: u64,
    fresh: u64,
    random: StdRng,
}

/// A stream with its events.
pub(super) struct Stream {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) events: Vec<Told>,
}

/// An event of it.
pub(super) struct Told {
    pub(super) at: Timestamp,
    pub(super) event_type: String,
    pub(super) payload: String,
    pub(super) metadata: String,
}

/// One of the staff.
struct Account {
    id: StaffId,
    state: Staff,
    stream: Stream,
}

impl House {
    pub(super) fn of(members: u32, seed: u64, policies: &[LoadedPolicy; 2]) -> Result<Self, Fault> {
        let mut house = Self {
            streams: Vec::new(),
            seed,
            fresh: 0,
            random: StdRng::seed_from_u64(seed ^ 1),
        };
        house.policies(policies)?;
        house.tallies()?;
        // Those of the first import are there on every later day.
        let there = u64::from(members) * u64::from(IMPORTS[0].percent) / 100;
        let there = u32::try_from(there).unwrap_or(u32::MAX).max(1);
        let decide_on_rosters = house.staff(there)?;
        house.rosters(members, decide_on_rosters)?;
        house.anomalies(there)?;
        house.custody()?;
        Ok(house)
    }

    fn policies(&mut self, policies: &[LoadedPolicy; 2]) -> Result<(), Fault> {
        let mut adoptions = Adoptions::default();
        let mut stream = Stream::new("policy", "society".to_owned());
        for (days, which) in ADOPTED {
            let LoadedPolicy { version, text, .. } = &policies[which];
            let event = AdoptionEvent::PolicyAdopted {
                policy: version.clone(),
                text: adoptions.text_of(version).is_none().then(|| text.clone()),
            };
            adoptions.apply(event.clone());
            let at = START + SignedDuration::from_hours(24 * days);
            let metadata = self.metadata("system", "policy", "AdoptPolicy");
            stream.tell(at, &event, metadata)?;
        }
        self.streams.push(stream);
        Ok(())
    }

    /// Some ten minutes of each day have news.
    fn tallies(&mut self) -> Result<(), Fault> {
        let mut midnight = START - HOUR * 8 + DAY;
        while midnight < END {
            let day = TOKYO.to_datetime(midnight).date();
            let mut stream = Stream::new("attempts", day.to_string());
            for window in 0..144 {
                if !self.random.random_bool(0.15) {
                    continue;
                }
                let window = midnight + SignedDuration::from_mins(10 * window);
                let metadata = self.metadata("system", "tally", "Tally");
                for kind in TALLIED {
                    if self.random.random_bool(0.3) {
                        let event = AttemptsEvent::AttemptsTallied {
                            window,
                            kind: kind.to_owned(),
                            count: self.random.random_range(1..40),
                        };
                        let at = window + SignedDuration::from_secs(601);
                        stream.tell(at, &event, metadata.clone())?;
                    }
                }
            }
            self.streams.push(stream);
            midnight += DAY;
        }
        Ok(())
    }

    /// Each account is used on most days, and whoever is signed in looks at some things. Answers who brings rosters, and who decides on them.
    fn staff(&mut self, there: u32) -> Result<[StaffId; 2], Fault> {
        let roles = [
            Role::Administrator,
            Role::Auditor,
            Role::Auditor,
            Role::Support,
            Role::Compliance,
        ];
        let mut accounts = Vec::new();
        for role in roles {
            let mut account = Account {
                id: StaffId(self.fresh()),
                state: Staff::default(),
                stream: Stream::new("staff", String::new()),
            };
            account.stream.id = account.id.to_string();
            let command = Command::Add {
                role,
                initial: self.initial(START),
                totp: self.totp(),
            };
            let metadata = self.metadata("system", "operator", "AddStaff");
            account.gives(START + HOUR, command, &metadata)?;
            accounts.push(account);
        }
        let mut day = START + DAY;
        while day < END {
            let date = TOKYO.to_datetime(day).date().to_string();
            let mut views = Stream::new("audit", date);
            let mut viewings = Viewings::default();
            let mut at = day;
            for account in &mut accounts {
                at += SignedDuration::from_secs(self.random.random_range(400..5000));
                if self.random.random_bool(0.7) {
                    self.a_visit(account, &mut at, there, &mut views, &mut viewings)?;
                }
            }
            self.streams.push(views);
            day += DAY;
        }
        let leaver = accounts.last_mut().ok_or("no account")?;
        self.farewell(leaver)?;
        let decide_on_rosters = [accounts[3].id, accounts[0].id];
        self.streams
            .extend(accounts.into_iter().map(|it| it.stream));
        Ok(decide_on_rosters)
    }

    fn a_visit(
        &mut self,
        account: &mut Account,
        at: &mut Timestamp,
        there: u32,
        views: &mut Stream,
        viewings: &mut Viewings,
    ) -> Result<(), Fault> {
        let actor = account.id.to_string();
        loop {
            *at += SignedDuration::from_secs(self.random.random_range(31..60));
            let password_matches = self.random.random_bool(0.8);
            let knows_code = self.random.random_bool(0.9);
            let present = account.state.account.clone().ok_or("no account")?;
            let command = Command::SignIn {
                session: SessionId(self.fresh()),
                facts: Facts {
                    against: present.password,
                    password_matches,
                    totp: present.totp,
                    step: knows_code.then_some(at.as_second() / 30),
                },
                lapsed: account
                    .state
                    .session
                    .filter(|_| self.random.random_bool(0.5)),
            };
            let metadata = self.metadata("staff", &actor, "SignIn");
            account.gives(*at, command, &metadata)?;
            if password_matches && knows_code {
                break;
            }
        }
        let session = account.state.session.ok_or("no session")?;
        if account.state.password_is_due() {
            *at += SignedDuration::from_secs(40);
            let credential = CredentialId(self.fresh());
            let metadata = self.metadata("staff", &actor, "ChangePassword");
            let command = Command::ChangePassword {
                session,
                credential,
            };
            account.gives(*at, command, &metadata)?;
        }
        for _ in 0..self.random.random_range(1..12) {
            *at += SignedDuration::from_secs(self.random.random_range(5..200));
            let look = self.look(account.id, *at, there);
            let event = ViewingEvent::AuditDataViewed { look };
            if viewings.yields(std::slice::from_ref(&event)) {
                viewings.apply(event.clone());
                let metadata = self.metadata("staff", &actor, "ViewAuditData");
                views.tell(*at + TO_COMMIT, &event, metadata)?;
            }
        }
        if self.random.random_bool(0.6) {
            *at += SignedDuration::from_secs(20);
            let metadata = self.metadata("staff", &actor, "SignOut");
            account.gives(*at, Command::SignOut { session }, &metadata)?;
        }
        Ok(())
    }

    fn look(&mut self, viewer: StaffId, at: Timestamp, there: u32) -> Look {
        const VIEWS: [View; 5] = [
            View::MemberSearch,
            View::MemberHistory,
            View::MemberData,
            View::EventList,
            View::Export,
        ];
        let view = VIEWS[self.random.random_range(0..VIEWS.len())];
        let member = MemberId(id(self.seed, self.random.random_range(0..there), 0));
        let purpose = Purpose::ALL[self.random.random_range(0..Purpose::ALL.len())];
        Look {
            viewer,
            token: None,
            view,
            member: matches!(view, View::MemberHistory | View::MemberData).then_some(member),
            purpose: (view == View::MemberData).then_some(purpose),
            part: None,
            after: (view == View::Export).then_some(0),
            at,
        }
    }

    fn initial(&mut self, at: Timestamp) -> Initial {
        Initial {
            print: PrintId(self.fresh()),
            key: key(),
            expires_at: at + DAY * 30,
        }
    }

    fn totp(&mut self) -> Totp {
        Totp {
            totp: TotpId(self.fresh()),
            key: key(),
        }
    }

    fn metadata(&mut self, actor: &str, actor_id: &str, command: &str) -> String {
        metadata(actor, actor_id, command, self.fresh())
    }

    fn fresh(&mut self) -> Uuid {
        self.fresh += 1;
        // Of nobody among the members, nor of an import.
        id(self.seed, u32::MAX - 1, self.fresh)
    }
}

impl Account {
    fn gives(&mut self, at: Timestamp, command: Command, metadata: &str) -> Result<(), Fault> {
        let events: Vec<Event> = self.state.decide(&Issued { at, command })?;
        for event in events {
            self.state.apply(event.clone());
            self.stream
                .tell(at + TO_COMMIT, &event, metadata.to_owned())?;
        }
        Ok(())
    }
}

impl Stream {
    fn new(kind: &'static str, id: String) -> Self {
        Self {
            kind,
            id,
            events: Vec::new(),
        }
    }

    fn tell<E: DomainEvent + Serialize>(
        &mut self,
        at: Timestamp,
        event: &E,
        metadata: String,
    ) -> Result<(), Fault> {
        self.events.push(Told {
            at,
            event_type: event.event_type(),
            payload: serde_json::to_string(event)?,
            metadata,
        });
        Ok(())
    }
}

fn key() -> KeyId {
    KeyId("2026".to_owned())
}
