//! A society's whole history, made by the rules: thousands of members enrolled by several imports and taken through their steps, and the
//! staff who look on. The same for the same numbers; shared by tests and benchmarks.

mod house;
mod lives;
mod members;
mod text;
mod writing;

use jiff::{SignedDuration, Timestamp};
use kadode::domain::ids::ImportId;
use kadode::domain::onboarding::{Command, Event, Issued, Onboarding};
use kadode::policies::LoadedPolicy;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use self::house::House;
use self::lives::{LIVES, Life, REMIND, giver_of, lives};
use self::members::{COHORTS, Traits, cohort_of};

/// Whatever goes wrong here, in words.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// When the society begins: 1 April 2026, 8:00 in Tokyo.
const START: Timestamp = Timestamp::constant(1_774_998_000, 0);

/// When nothing more is told: 1 August 2026, in Tokyo.
const END: Timestamp = Timestamp::constant(1_785_510_000, 0);

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Between one enrolment of an import and the next.
const APART: SignedDuration = SignedDuration::from_millis(20);

/// How long an import's initial credentials count, by the sample policy.
const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// By so much less do lives count on, since each begins up to a day later than it was made for.
const SPREAD: SignedDuration = DAY;

/// By how much lives with a reminder are spread at most: so long each of them stays by day.
const SPREAD_BY_DAY: SignedDuration = SignedDuration::from_hours(8);

/// From a decision to its commit.
const TO_COMMIT: SignedDuration = SignedDuration::from_millis(4);

/// The number of the command that enrols, which no life counts up to.
const ENROLMENT: u64 = 1 << 40;

/// An import of a roster.
struct Import {
    /// When, after the start.
    at: SignedDuration,
    /// How many of a hundred members it brings.
    percent: u32,
    /// The policy in force, by its place in [`POLICIES`].
    policy: usize,
}

const fn import(days: i64, percent: u32, policy: usize) -> Import {
    Import {
        at: SignedDuration::from_hours(24 * days + 2),
        percent,
        policy,
    }
}

/// The first day is by far the busiest.
const IMPORTS: [Import; 4] = [
    import(0, 55, 0),
    import(19, 20, 0),
    import(54, 15, 1),
    import(96, 10, 0),
];

/// When a policy comes into force, in days after the start, and which: the sample, one with step 4, and the sample again.
const ADOPTED: [(i64, usize); 3] = [(0, 0), (40, 1), (80, 0)];

/// A history, before it is written.
pub(crate) struct Society {
    seed: u64,
    members: u32,
    /// How many of a hundred members have begun, or will; of the others, nothing is known but their enrolment.
    active: u32,
    policies: [LoadedPolicy; 2],
    /// Lives that members lead, without and with step 4.
    lives: [Vec<Life>; 2],
    house: House,
}

/// One event in the order of the log: when it was recorded, whose it is, and its place there.
type Place = (Timestamp, u32, u32);

/// An event that is ready to be written.
struct Ready {
    kind: &'static str,
    id: String,
    sequence: u32,
    event_type: String,
    payload: String,
    /// Without the policy and the time.
    metadata: String,
}

impl Society {
    /// The history of so many members, of a hundred of whom so many are `active`.
    pub(crate) fn of(members: u32, active: u32, seed: u64) -> Result<Self, Fault> {
        let policies = policies()?;
        let mut random = StdRng::seed_from_u64(seed);
        Ok(Self {
            seed,
            members,
            active,
            lives: [
                lives(&policies[0], &mut random)?,
                lives(&policies[1], &mut random)?,
            ],
            house: House::of(members, seed, &policies)?,
            policies,
        })
    }

    /// The middle of the busiest day: the first on which members sign in.
    pub(crate) fn busy_moment() -> Timestamp {
        START + DAY + HOUR * 7 + SignedDuration::from_millis(123_456)
    }

    /// The last moments of some days.
    pub(crate) fn ends_of_days() -> [Timestamp; 4] {
        let microsecond = SignedDuration::from_micros(1);
        [2, 30, 61, 115].map(|days| START - HOUR * 8 + DAY * days - microsecond)
    }

    /// The places of all events, in the order of the log.
    fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for member in 0..self.members {
            let traits = self.traits_of(member);
            let enrolled = self.enrolled_at(member, &traits);
            places.push((enrolled, member, 0));
            if !traits.is_active {
                continue;
            }
            let entries = &self.life_of(&traits).entries;
            for (index, entry) in (1..).zip(entries) {
                places.push((traits.begins + entry.after + TO_COMMIT, member, index));
            }
        }
        let house = (self.members..).zip(&self.house.streams);
        for (owner, stream) in house {
            let events = (0..).zip(&stream.events);
            places.extend(events.map(|(index, event)| (event.at, owner, index)));
        }
        places.retain(|(at, _, _)| *at < END);
        // Events of one append have one time, and so stay together.
        places.sort_unstable();
        places
    }

    /// The event at a place.
    fn ready(&self, place: Place) -> Result<Ready, Fault> {
        let (_, owner, index) = place;
        if let Some(stream) = owner.checked_sub(self.members) {
            let stream = self.house.streams.get(stream as usize);
            let found = stream.and_then(|it| Some((it, it.events.get(index as usize)?)));
            let (stream, event) = found.ok_or("no such event")?;
            return Ok(Ready {
                kind: stream.kind,
                id: stream.id.clone(),
                sequence: index + 1,
                event_type: event.event_type.clone(),
                payload: event.payload.clone(),
                metadata: event.metadata.clone(),
            });
        }
        let traits = self.traits_of(owner);
        let id = |number| id(self.seed, owner, number);
        let Some(index) = index.checked_sub(1) else {
            let event = self.enrolment(&traits)?;
            let command = id(ENROLMENT);
            return Ok(Ready {
                kind: "onboarding",
                id: id(0).to_string(),
                sequence: 1,
                event_type: event.name().to_owned(),
                payload: serde_json::to_string(&event)?,
                metadata: metadata("system", "import", "Enrol", command),
            });
        };
        let entry = self.life_of(&traits).entries.get(index as usize);
        let entry = entry.ok_or("no such entry")?;
        let member = id(0).to_string();
        let (actor, actor_id) = match (entry.mail, entry.command) {
            (Some(_), _) => ("system", "sender".to_owned()),
            (None, "LeaveMember" | "ReturnMember" | "ChangeProfile") => {
                ("system", "import".to_owned())
            }
            (None, REMIND) => ("system", "reminder".to_owned()),
            (None, command) => giver_of(command).map_or_else(
                || ("member", member.clone()),
                |staff| ("staff", id(staff).to_string()),
            ),
        };
        Ok(Ready {
            kind: if entry.mail.is_none() {
                "onboarding"
            } else {
                "mail"
            },
            id: entry
                .mail
                .map_or_else(|| member.clone(), |mail| id(mail).to_string()),
            sequence: entry.sequence,
            event_type: entry.event_type.clone(),
            payload: entry.payload.of(traits.begins, id),
            metadata: metadata(actor, &actor_id, entry.command, id(entry.command_id)),
        })
    }

    fn life_of(&self, traits: &Traits) -> &Life {
        let lives = &self.lives[IMPORTS[traits.import].policy];
        &lives[traits.life]
    }

    /// Who a member is: drawn anew whenever it is asked, so that millions need no memory.
    fn traits_of(&self, member: u32) -> Traits {
        let mut random = StdRng::seed_from_u64(self.seed ^ (u64::from(member) << 20));
        let (mut import, mut first) = (0, 0);
        let mut end = self.share(0);
        while member >= end && import + 1 < IMPORTS.len() {
            import += 1;
            first = end;
            end += self.share(import);
        }
        let is_active = random.random_ratio(self.active, 100);
        let life = random.random_range(0..LIVES);
        let most = if self.lives[IMPORTS[import].policy][life].has_reminder {
            SPREAD_BY_DAY
        } else {
            SPREAD
        };
        let spread = random.random_range(0..most.as_micros());
        let spread = i64::try_from(spread).unwrap_or_default();
        Traits {
            import,
            nth: member - first,
            is_active,
            life,
            begins: valid_from(import) + SignedDuration::from_micros(spread),
            cohort: COHORTS[cohort_of(import, &mut random)],
            joined: random.random_range(0.0..1.0),
        }
    }

    fn share(&self, import: usize) -> u32 {
        let share = u64::from(self.members) * u64::from(IMPORTS[import].percent) / 100;
        u32::try_from(share).unwrap_or(u32::MAX)
    }

    fn enrolled_at(&self, member: u32, traits: &Traits) -> Timestamp {
        debug_assert!(member < self.members);
        let nth = i32::try_from(traits.nth).unwrap_or(i32::MAX);
        START + IMPORTS[traits.import].at + APART * nth
    }

    fn enrolment(&self, traits: &Traits) -> Result<Event, Fault> {
        let policy = &self.policies[IMPORTS[traits.import].policy];
        let valid_from = valid_from(traits.import);
        let terms = policy.policy.terms.as_ref();
        let command = Command::Enrol {
            cohort: traits.cohort.name.to_owned(),
            policy: policy.version.clone(),
            import: ImportId(id(self.seed, u32::MAX, traits.import as u64)),
            joined_month: traits.cohort.joined_month(traits.joined),
            terms: terms.map(|terms| terms.version.clone()),
            valid_from,
            expires_at: valid_from + WINDOW,
        };
        let issued = Issued {
            at: valid_from,
            limits: policy.policy.limits.clone().into(),
            command,
        };
        let events = Onboarding::default().decide(&issued)?;
        Ok(events.into_iter().next().ok_or("no enrolment")?)
    }
}

fn valid_from(import: usize) -> Timestamp {
    // Midnight after the import, in Tokyo: the start is at 8:00.
    START + IMPORTS[import].at - HOUR * 2 + HOUR * 16
}

/// The sample with reminders, and the same with step 4.
fn policies() -> Result<[LoadedPolicy; 2], Fault> {
    let sample = include_str!("../../../policies/sample.toml");
    let sample = sample.replace("# [limits.reminders]", "[limits.reminders]");
    let with_terms = sample
        .replace("sample-2026-04", "sample-2026-05")
        .replace("# [terms]", "[terms]")
        .replace("# version = ", "version = ")
        .replace("# text = ", "text = ");
    Ok([
        LoadedPolicy::parse("sample", sample)?,
        LoadedPolicy::parse("with terms", with_terms)?,
    ])
}

/// The policy in force at a moment.
fn policy_at(policies: &[LoadedPolicy; 2], at: Timestamp) -> &LoadedPolicy {
    let mut adopted = ADOPTED.iter().rev();
    let present = adopted.find(|(days, _)| START + SignedDuration::from_hours(24 * days) <= at);
    &policies[present.map_or(0, |(_, policy)| *policy)]
}

/// An id that only this one of all members has under this number; the member's own under 0.
fn id(seed: u64, member: u32, number: u64) -> Uuid {
    let halves = [0, 1].map(|half| {
        let mixed = mixed(seed ^ mixed(u64::from(member) ^ mixed(number * 2 + half)));
        u128::from(mixed)
    });
    Uuid::from_u128(halves[0] << 64 | halves[1])
}

/// `SplitMix64`, of which equal numbers come from equal ones alone.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Metadata as the program writes it, without the policy and the time.
fn metadata(actor: &str, actor_id: &str, command: &str, command_id: Uuid) -> String {
    format!(
        r#"{{"actor":"{actor}","actor_id":"{actor_id}","command":"{command}","command_id":"{command_id}","software":"kadode {}""#,
        env!("CARGO_PKG_VERSION")
    )
}
