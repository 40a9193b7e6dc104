//! Whether what a member waits for grows with the log: the same commands, status reads and starts on logs of growing length.

use std::time::{Duration, Instant};

use kadode::ambient::Clock;
use kadode::app::{Opening, Society};
use kadode::domain::ids::MemberId;
use kadode::projections::status::StatusReader;
use kadode::subscription::Position;

use crate::ours::Ours;
use crate::table::{Table, Times};
use crate::work::{Story, fresh};
use crate::{Fault, Kind};

/// Members that are taken through all steps at each length.
const FELT: usize = 300;

/// Starts at each length.
const STARTS: usize = 9;

/// Longer than five million events take.
const PATIENCE: Duration = Duration::from_mins(30);

/// Members copied by one statement.
const AT_ONCE: i64 = 10_000;

/// What may be slower than on the shortest log, and by how much.
const GROWTH: f64 = 1.1;

/// Figures of one length: medians in milliseconds.
struct Felt {
    command: f64,
    status: f64,
    start: f64,
}

/// Measures on logs of each of `lengths` events, which grow.
pub(crate) async fn run(kind: Kind, lengths: &[Position], table: &mut Table) -> Result<(), Fault> {
    let ours = Ours::open(kind).await?;
    let one = MemberId(fresh());
    for command in Story::read()?.commands() {
        ours.run(one, command).await?;
    }
    sqlx::query("CREATE TABLE template AS SELECT * FROM events WHERE aggregate_id = $1")
        .bind(one.to_string())
        .execute(&ours.society().database.write)
        .await?;
    let mut first: Option<Felt> = None;
    for length in lengths {
        let say = |what: &str| eprintln!("log: {kind:?}, {length} events: {what}");
        say("copying a member");
        grow(&ours, kind, *length).await?;
        say("folding");
        let (head, began) = (ours.society().log.committed_head().await?, Instant::now());
        ours.shows(head, PATIENCE).await?;
        say(&format!("folded in {:.0} s", began.elapsed().as_secs_f64()));
        if kind == Kind::Postgres {
            say("vacuuming");
            rest(&ours).await?;
        }
        let felt = feel(&ours, kind, *length, table).await?;
        match &first {
            None => first = Some(felt),
            Some(first) => {
                let growths = [
                    felt.command / first.command,
                    felt.status / first.status,
                    felt.start / first.start,
                ];
                let [command, status, start] = growths.map(|growth| format!("{growth:.2}"));
                table.demand(
                    &format!(
                        "{kind:?}, {length} events: medians to those at {}",
                        lengths[0]
                    ),
                    format!("command {command}, status {status}, start {start}"),
                    &format!("each at most {GROWTH}"),
                    growths.iter().all(|growth| *growth <= GROWTH),
                );
            }
        }
    }
    Ok(())
}

/// Copies the member of the template until the log has `length` events; their ids are spread, as if all went on at once.
async fn grow(ours: &Ours, kind: Kind, length: Position) -> Result<(), Fault> {
    let society = ours.society();
    let database = &society.database;
    let each: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM template")
        .fetch_one(&database.read)
        .await?;
    loop {
        let head = society.log.committed_head().await?;
        let members = ((length - head) / each).min(AT_ONCE);
        if members <= 0 {
            return Ok(());
        }
        let (numbers, id) = match kind {
            Kind::Sqlite => (
                "WITH RECURSIVE numbers (n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1 + $2 - 1)",
                "printf('%08x-0000-7000-8000-%012x', (n * 2654435761) & 4294967295, n)",
            ),
            Kind::Postgres => (
                "WITH numbers AS (SELECT n FROM generate_series($1, $1 + $2 - 1) AS n)",
                "lpad(to_hex((n * 2654435761) & 4294967295), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0')",
            ),
        };
        let sql = format!(
            "{numbers} INSERT INTO events SELECT $3 + (n - $1) * $4 + sequence, aggregate_type, {id}, sequence, event_type, \
             event_version, payload, metadata, recorded_at FROM numbers, template ORDER BY n, sequence"
        );
        let mut transaction = database.begin().await?;
        if kind == Kind::Postgres {
            sqlx::query("SELECT set_config('kadode.appending', 'yes', true)")
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(&sql)
            .bind(head)
            .bind(members)
            .bind(head)
            .bind(each)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
}

/// Has the server do what it would else do in the background, after so many rows, while it is measured.
async fn rest(ours: &Ours) -> Result<(), Fault> {
    let mut connection = ours.society().database.write.acquire().await?;
    for statement in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
        sqlx::raw_sql(statement).execute(&mut *connection).await?;
    }
    connection.give_back();
    Ok(())
}

async fn feel(ours: &Ours, kind: Kind, length: Position, table: &mut Table) -> Result<Felt, Fault> {
    let society = ours.society();
    let read = society.database.read.clone();
    let (log, clock) = (society.log.clone(), society.clock.clone());
    let statuses = StatusReader::new(log, read.clone(), ours.progress(), clock);
    let members: Vec<String> = sqlx::query_scalar(
        "SELECT aggregate_id FROM events WHERE sequence = 1 AND aggregate_type = 'onboarding' AND position > $1 LIMIT 1000",
    )
    .bind(length / 2)
    .fetch_all(&read)
    .await?;
    let mut others = members.iter().cycle();
    let (mut commands, mut reads, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..FELT {
        let member = MemberId(fresh());
        let mut last = 0;
        for command in Story::read()?.commands() {
            let began = Instant::now();
            last = ours.run(member, command).await?;
            commands.push(began.elapsed());
            let other = others.next().ok_or("no member")?.parse()?;
            let began = Instant::now();
            statuses.of(other).await?.ok_or("no status")?;
            reads.push(began.elapsed());
        }
        ours.shows(last, PATIENCE).await?;
    }
    for _ in 0..STARTS {
        let began = Instant::now();
        let started = Society::open(ours.settings(), Opening::TO_FILL, Clock::machine(), |_| ());
        let started = started.await?;
        starts.push(began.elapsed());
        started.close().await;
    }
    let [commands, reads, starts] = [commands, reads, starts].map(Times::of);
    let label = |what: &str| format!("{kind:?}, {length} events: {what}: p50 / p95 / p99");
    table.tell(&label("a command"), &commands);
    table.tell(&label("a status read"), &reads);
    table.tell(&label("a start"), &starts);
    table.tell(
        &format!("{kind:?}, {length} events: most memory used so far"),
        most_memory()?,
    );
    Ok(Felt {
        command: commands.percentile(50),
        status: reads.percentile(50),
        start: starts.percentile(50),
    })
}

/// As the system has it of this process, for all lengths until now.
fn most_memory() -> Result<String, Fault> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(most.ok_or("no VmHWM")?.trim().to_owned())
}
