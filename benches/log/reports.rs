//! Whether searches, timelines and reports answer at once on a long log: the history of a society, made by the rules.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use kadode::api::reports::making::{Wanted, made};
use kadode::domain::ids::MemberId;
use kadode::projections::history::search::{Filter, Page, position_at, search};
use kadode::projections::reports::Name;
use kadode::projections::reports::report::Asked;
use kadode::projections::status::StatusReader;
use kadode::subscription::Position;
use sqlx::{Connection, PgConnection};

use crate::filters::filters;
use crate::ours::Ours;
use crate::society::Society;
use crate::table::{Table, Times};
use crate::{Fault, Kind};

/// How long an answer may take, of twenty all but one; in milliseconds.
const MOST: f64 = 200.0;

/// How often each thing is asked.
const ASKED: usize = 40;

/// Events on a page of the list, and one more that says whether there are others.
const OF_LIST: i64 = 101;

/// The same of one member's history.
const OF_TIMELINE: i64 = 201;

/// As many events has a member, with those of the house.
const EVENTS_A_MEMBER: Position = 20;

/// Longer than five million events take.
const PATIENCE: Duration = Duration::from_hours(1);

const SEED: u64 = 20_260_401;

/// Measures on a log of about so many events.
pub(crate) async fn run(kind: Kind, events: Position, table: &mut Table) -> Result<(), Fault> {
    let ours = Ours::open(kind).await?;
    let say = |what: &str| eprintln!("log: {kind:?}, {events} events: {what}");
    say("making a society's history");
    let head = fill(&ours, events).await?;
    say("folding");
    let began = Instant::now();
    ours.shows(head, PATIENCE).await?;
    let lasted = began.elapsed();
    say(&format!(
        "{head} events folded in {:.0} s",
        lasted.as_secs_f64()
    ));
    if kind == Kind::Postgres {
        // What the server does by itself after a while.
        let mut cleaner = PgConnection::connect(&ours.settings().database).await?;
        sqlx::query("VACUUM ANALYZE").execute(&mut cleaner).await?;
    }
    let bench = Bench {
        ours: &ours,
        kind,
        head,
    };
    bench.searches(table).await?;
    bench.timelines(table).await?;
    bench.reports(table).await
}

/// Writes the history of a society, about so many events; answers with the last position.
pub(crate) async fn fill(ours: &Ours, events: Position) -> Result<Position, Fault> {
    let members = u32::try_from(events / EVENTS_A_MEMBER)?;
    let length = Society::of(members, 100, SEED)?
        .write(&ours.society().database)
        .await?;
    Ok(Position::try_from(length)?)
}

struct Bench<'a> {
    ours: &'a Ours,
    kind: Kind,
    head: Position,
}

impl Bench<'_> {
    fn demand(&self, what: &str, times: Vec<Duration>, table: &mut Table) {
        let times = Times::of(times);
        let label = format!(
            "{:?}, {} events: {what}: p50 / p95 / p99",
            self.kind, self.head
        );
        let holds = times.percentile(95) <= MOST;
        table.demand(&label, &times, &format!("p95 at most {MOST} ms"), holds);
    }

    async fn searches(&self, table: &mut Table) -> Result<(), Fault> {
        let read = &self.ours.society().database.read;
        for (name, filter) in filters() {
            let pages = [
                ("newest", Page::Backward(0, self.head)),
                ("in the middle", Page::Backward(0, self.head / 2)),
            ];
            for (which, page) in pages {
                let mut times = Vec::new();
                for _ in 0..ASKED {
                    let began = Instant::now();
                    search(read, &filter, page, OF_LIST).await?;
                    times.push(began.elapsed());
                }
                self.demand(&format!("search for {name}, {which}"), times, table);
            }
        }
        Ok(())
    }

    /// What the page of one member's history reads.
    async fn timelines(&self, table: &mut Table) -> Result<(), Fault> {
        let society = self.ours.society();
        let read = &society.database.read;
        let (log, clock) = (society.log.clone(), society.clock.clone());
        let statuses = StatusReader::new(log, read.clone(), self.ours.progress(), clock);
        let members: Vec<String> = sqlx::query_scalar(
            "SELECT stream_id FROM history WHERE event_type = 'OnboardingCompleted' ORDER BY position LIMIT $1",
        )
        .bind(i64::try_from(ASKED)?)
        .fetch_all(read)
        .await?;
        let moments = [
            None,
            Some(Society::busy_moment() + SignedDuration::from_hours(24)),
        ];
        for (which, moment) in ["now", "as of a moment"].into_iter().zip(moments) {
            let mut times = Vec::new();
            for member in &members {
                let member: MemberId = member.parse()?;
                let began = Instant::now();
                statuses.of(member).await?.ok_or("no status")?;
                let end = match moment {
                    Some(moment) => position_at(read, moment).await?,
                    None => self.head,
                };
                statuses.at(member, end).await?;
                let filter = Filter {
                    member: Some(member),
                    ..Filter::default()
                };
                search(read, &filter, Page::Backward(0, end), OF_TIMELINE).await?;
                times.push(began.elapsed());
            }
            self.demand(&format!("one member's timeline, {which}"), times, table);
        }
        Ok(())
    }

    /// Seals the log, and lets it have had as many checkpoints before as a year has minutes, on the days of its events.
    async fn checkpoints(&self) -> Result<(), Fault> {
        const YEAR: Position = 365 * 24 * 60;
        let society = self.ours.society();
        society
            .sealer()
            .ok_or("no key for the ledger")?
            .seal()
            .await?;
        sqlx::query(
            "INSERT INTO ledger_checkpoints (size, sealed_at, note) \
             SELECT position, recorded_at, '' FROM history WHERE position % $1 = 0 AND position < $2",
        )
        .bind((self.head / YEAR).max(1))
        .bind(self.head)
        .execute(&society.database.write)
        .await?;
        if self.kind == Kind::Postgres {
            // They come one by one, and its own cleaner goes along with them.
            sqlx::query("VACUUM ANALYZE ledger_checkpoints")
                .execute(&society.database.write)
                .await?;
        }
        Ok(())
    }

    async fn reports(&self, table: &mut Table) -> Result<(), Fault> {
        let society = self.ours.society();
        let ledger = society.ledger();
        self.checkpoints().await?;
        let now = Society::busy_moment() + SignedDuration::from_hours(24 * 365);
        for name in Name::ALL {
            let asked = [
                ("now", vec![None]),
                (
                    "as of days' ends",
                    Society::ends_of_days().map(Some).to_vec(),
                ),
                (
                    "as of the middle of a busy day",
                    vec![Some(Society::busy_moment())],
                ),
            ];
            for (which, moments) in asked {
                let mut times = Vec::new();
                for as_of in moments.into_iter().cycle().take(ASKED) {
                    let wanted = Wanted {
                        name,
                        as_of,
                        asked: Asked::default(),
                    };
                    let began = Instant::now();
                    made(&society.database.read, &ledger, &wanted, now).await?;
                    times.push(began.elapsed());
                }
                self.demand(&format!("report {}, {which}", name.name()), times, table);
            }
        }
        Ok(())
    }
}
