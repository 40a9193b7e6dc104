//! 2,000 members onboard at once on a real `kadode serve`, and failing sign-ins are timed: prints one table, and fails if a floor is
//! not held. Run by `scripts/load`.

mod figures;
mod http;
mod member;
mod post;
mod processor;
mod ranks;
mod society;
#[path = "../shared/table.rs"]
mod table;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use self::figures::{Cost, Figures};
use self::http::Browser;
use self::member::{Journey, STORY};
use self::post::Post;
use self::processor::{cores, load_average, pure_rate, used};
use self::ranks::Try;
use self::society::{Member, Society};
use self::table::{Table, Times};

/// Whatever goes wrong here, in words.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Members who onboard at once, unless the first argument says how many.
const MEMBERS: usize = 2000;

/// Members who sign in at once and do nothing else.
const SIGN_INS: u32 = 600;

/// Within what time they set out; the last to do so does long before the first has arrived.
const SETTING_OUT: Duration = Duration::from_secs(10);

/// Failing sign-ins of each kind, unless the second argument says how many.
const TRIES: usize = 1000;

/// Failing sign-ins of each kind whose runs of argon2 are counted for their kind alone.
const COUNTED: usize = 50;

/// How long argon2 alone is measured, before and after.
const PURE: Duration = Duration::from_secs(6);

/// The whole run ends by then, one way or the other.
const LONGEST: Duration = Duration::from_mins(7);

/// How sure the rank test has to be of a difference: a false alarm in a hundred runs.
const SURE: f64 = 0.01;

/// A difference that the rank test has to see: else it is blind, and finds none because it finds nothing.
const SEEN: Duration = Duration::from_millis(1);

const HASHING: [Cost; 2] = [Cost::SignIn, Cost::PasswordChange];

fn main() -> ExitCode {
    match measured() {
        Ok(table) => {
            println!("\n{table}");
            ExitCode::from(u8::from(!table.holds()))
        }
        Err(fault) => {
            eprintln!("journeys: {fault}");
            ExitCode::from(2)
        }
    }
}

fn measured() -> Result<Table, Fault> {
    // One thread, so that the client takes as little as it can from what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Cargo adds a flag of its own.
    let mut numbers = std::env::args().skip(1).filter_map(|it| it.parse().ok());
    let members = numbers.next().unwrap_or(MEMBERS);
    let tries = numbers.next().unwrap_or(TRIES);
    runtime.block_on(async { tokio::time::timeout(LONGEST, run(members, tries)).await? })
}

async fn run(members: usize, tries: usize) -> Result<Table, Fault> {
    let mut table = Table::default();
    table.tell("cores", cores());
    table.tell("load average before (1, 5, 15 minutes)", load_average()?);
    let before = alone()?;
    say("importing");
    // Half of the known user IDs of the rank test are of members who have come to the end, half of such who never came.
    let fresh = (tries + COUNTED).div_ceil(2);
    let society = Society::open(members + fresh + SIGN_INS as usize).await?;
    say(&format!("{SIGN_INS} members sign in at once"));
    let sign_ins = sign_in(&society, members + fresh, &mut table).await?;
    let between = alone()?;
    table.tell(
        "sign-ins at once and nothing else: a second, of argon2 alone",
        format!(
            "{sign_ins:.1}, {:.3}",
            sign_ins / f64::midpoint(before, between)
        ),
    );
    say(&format!("{members} members set out"));
    let walked = walk(&society, members, &mut table).await?;
    let after = alone()?;
    table.tell(
        "argon2 alone, before + after, a second",
        format!("{before:.1} + {after:.1}"),
    );
    let alone = f64::midpoint(before, after);
    let Walked { rate, left, .. } = walked;
    table.tell("sign-ins and new passwords a second", format!("{rate:.1}"));
    table.tell("of argon2 alone", format!("{:.3}", rate / alone));
    // All share the cores: the client, the other steps, the disk's part in them.
    table.demand(
        "of argon2 alone in the processor's time that all else leaves",
        format!("{:.3}", rate / (alone * left)),
        "0.9",
        rate >= 0.9 * alone * left,
    );
    say("failing sign-ins");
    rank(&society, members, tries, &mut table).await?;
    say("stopping, and reading the log");
    let streams = society.close().await?;
    let lost = walked.members.iter().flat_map(|member| {
        let kept = streams.get(member).map(Vec::as_slice).unwrap_or_default();
        let beyond = STORY.iter().enumerate();
        beyond.filter(|(at, step)| kept.get(*at).map(String::as_str) != Some(**step))
    });
    let lost = lost.count();
    table.demand(
        "acknowledged steps that the log lacks",
        lost,
        "0",
        lost == 0,
    );
    table.tell("load average after", load_average()?);
    Ok(table)
}

/// How often argon2 runs alone, in a second.
fn alone() -> Result<f64, Fault> {
    say("measuring argon2 alone");
    pure_rate(PURE)
}

/// Lets members sign in with the password on their paper, all at once and nothing else; answers how many do so in a second.
async fn sign_in(society: &Society, from: usize, table: &mut Table) -> Result<f64, Fault> {
    let figures = Arc::new(Figures::default());
    let post = Arc::new(Post::new(society.mails()));
    let own = Path::new("/proc/self");
    let (server, client) = (society.used()?, used(own)?);
    let began = Instant::now();
    let mut all = JoinSet::new();
    for number in from..from + SIGN_INS as usize {
        let (post, figures) = (post.clone(), figures.clone());
        let browser = Browser::new(society.address, number);
        all.spawn(async move {
            let member = Member { number };
            let password = member.initial_password();
            let mut journey = Journey {
                member,
                browser,
                post: &post,
                figures: &figures,
            };
            journey.begin(&password).await
        });
    }
    while let Some(signed_in) = all.join_next().await {
        signed_in??;
    }
    let now = society.used()?;
    let argon2 = now.argon2.saturating_sub(server.argon2);
    let others = now.all.saturating_sub(server.all).saturating_sub(argon2);
    let client = used(own)?.saturating_sub(client);
    let each = |time: Duration| time.as_secs_f64() * 1000.0 / f64::from(SIGN_INS);
    table.tell(
        "processor a sign-in: argon2, all else by the server, this client",
        format!(
            "{:.1}, {:.1}, {:.1} ms",
            each(argon2),
            each(others),
            each(client)
        ),
    );
    Ok(busy_rate(began, &figures.moments(&[Cost::SignIn])))
}

struct Walked {
    members: Vec<String>,
    rate: f64,
    /// The share of the processor's time that neither the client nor what is not argon2 in the server used.
    left: f64,
}

/// Lets all members walk at once.
async fn walk(society: &Society, count: usize, table: &mut Table) -> Result<Walked, Fault> {
    let figures = Arc::new(Figures::default());
    let post = Arc::new(Post::new(society.mails()));
    let runs_before = society.counted("kadode_argon2_runs_total").await?;
    let own = Path::new("/proc/self");
    let (server, client) = (society.used()?, used(own)?);
    let began = Instant::now();
    let delivering = post.clone();
    let mut delivery = JoinSet::new();
    delivery.spawn(async move { delivering.deliver().await });
    let mut journeys = JoinSet::new();
    for number in 0..count {
        let (post, figures) = (post.clone(), figures.clone());
        let browser = Browser::new(society.address, number);
        journeys.spawn(async move {
            let count = u32::try_from(count)?;
            tokio::time::sleep(SETTING_OUT / count * u32::try_from(number)?).await;
            let member = Member { number };
            let mut journey = Journey {
                member,
                browser,
                post: &post,
                figures: &figures,
            };
            let walked = journey.walk().await;
            walked.map_err(|fault| Fault::from(format!("member {number}: {fault}")))
        });
    }
    let (mut members, mut stuck) = (Vec::new(), 0);
    while let Some(journey) = journeys.join_next().await {
        match journey? {
            Ok(member) => members.push(member),
            Err(fault) => {
                stuck += 1;
                eprintln!("{fault}");
            }
        }
    }
    let took = began.elapsed();
    let now = society.used()?;
    let argon2 = now.argon2.saturating_sub(server.argon2);
    let others = now.all.saturating_sub(server.all).saturating_sub(argon2);
    let client = used(own)?.saturating_sub(client);
    let runs = society.counted("kadode_argon2_runs_total").await? - runs_before;
    let mails = society.counted("kadode_mails_total").await?;
    let all = took.as_secs_f64() * f64::from(u32::try_from(cores()).unwrap_or(1));
    let share = |time: Duration| {
        let time = time.as_secs_f64();
        format!("{time:.1} s, {:.1} %", time / all * 100.0)
    };
    table.demand(
        "members who set out, and who arrived",
        format!("{count}, {}", members.len()),
        "all",
        stuck == 0,
    );
    table.tell("time for all", format!("{:.1} s", took.as_secs_f64()));
    tell_turned_away(&figures, count, stuck == 0, table);
    table.tell(
        "mails sent, mails read",
        format!("{mails}, {}", post.delivered()),
    );
    let [sign_ins, passwords] = HASHING.map(|cost| figures.count(&[cost]));
    table.demand(
        "sign-ins + new passwords, runs of argon2",
        format!("{sign_ins} + {passwords}, {runs}"),
        "equal",
        u64::from(sign_ins + passwords) == runs,
    );
    table.tell("processor used for argon2", share(argon2));
    table.tell("processor used for all else by the server", share(others));
    table.tell("processor used by this client", share(client));
    demand_times(&figures, table);
    table.tell(
        "sign-ins and new passwords: p50 / p95 / p99",
        figures.times(&HASHING),
    );
    let rate = busy_rate(began, &figures.moments(&HASHING));
    let left = 1.0 - (others + client).as_secs_f64() / all;
    Ok(Walked {
        members,
        rate,
        left,
    })
}

/// Tells how many answers sent somebody away, and demands that some did where so many come that the queue has to fill.
fn tell_turned_away(figures: &Figures, members: usize, all_arrived: bool, table: &mut Table) {
    let [crowded, too_soon] = [Cost::Crowded, Cost::TooSoon].map(|cost| figures.count(&[cost]));
    let what = "answers 503, all repeated with success";
    if members >= MEMBERS {
        let holds = all_arrived && crowded > 0;
        table.demand(what, crowded, "at least one", holds);
    } else {
        // So few need not fill the queue.
        table.tell(what, crowded);
    }
    table.tell("answers 429, all repeated with success", too_soon);
}

/// Demands that whoever waits for no argon2 is answered soon.
fn demand_times(figures: &Figures, table: &mut Table) {
    for (what, costs) in [
        ("pages: p50 / p95 / p99", &[Cost::Page][..]),
        ("steps without argon2: p50 / p95 / p99", &[Cost::Command]),
        (
            "503 and 429: p50 / p95 / p99",
            &[Cost::Crowded, Cost::TooSoon],
        ),
        (
            "all of these: p50 / p95 / p99",
            &[Cost::Page, Cost::Command, Cost::Crowded, Cost::TooSoon],
        ),
    ] {
        let times = figures.times(costs);
        table.demand(what, &times, "p95 under 50 ms", times.percentile(95) < 50.0);
    }
}

/// Answers a second, from the start until the last tenth, in which too few are left to keep the hasher busy.
fn busy_rate(began: Instant, moments: &[Instant]) -> f64 {
    let counted = moments.len() * 9 / 10;
    let until = moments.get(counted.saturating_sub(1)).unwrap_or(&began);
    let counted = f64::from(u32::try_from(counted).unwrap_or(u32::MAX));
    counted / until.duration_since(began).as_secs_f64()
}

/// Times failing sign-ins, and counts what they cost.
async fn rank(
    society: &Society,
    members: usize,
    tries: usize,
    table: &mut Table,
) -> Result<(), Fault> {
    let known = |number: usize| {
        if number.is_multiple_of(2) {
            Try::known(number / 2)
        } else {
            Try::known(members + number / 2)
        }
    };
    let mut runs = Vec::new();
    let alone = tries..tries + COUNTED;
    for tries in [
        alone.clone().map(known).collect(),
        alone.map(Try::unknown).collect(),
    ] {
        let before = society.counted("kadode_argon2_runs_total").await?;
        ranks::try_all(society, tries).await?;
        runs.push(society.counted("kadode_argon2_runs_total").await? - before);
    }
    let expected = u64::try_from(COUNTED)?;
    table.demand(
        &format!("argon2 runs of {COUNTED} wrong passwords, {COUNTED} unknown IDs"),
        format!("{}, {}", runs[0], runs[1]),
        "equal",
        runs == [expected, expected],
    );
    let mixed = (0..tries).flat_map(|number| [known(number), Try::unknown(number)]);
    let answered = ranks::try_all(society, mixed.collect()).await?;
    let ranks = ranks::compare(&answered.known, &answered.unknown);
    let longer: Vec<_> = answered.unknown.iter().map(|took| *took + SEEN).collect();
    let seen = ranks::compare(&answered.known, &longer);
    table.tell("wrong password: p50 / p95 / p99", Times::of(answered.known));
    table.tell("unknown ID: p50 / p95 / p99", Times::of(answered.unknown));
    table.demand(
        &format!("Mann-Whitney of {tries} and {tries}: z, p, P(wrong < unknown)"),
        &ranks,
        "p at least 0.01",
        ranks.p >= SURE,
    );
    table.demand(
        "the same, had each unknown ID taken 1 ms longer",
        &seen,
        "p below 0.01",
        seen.p < SURE,
    );
    Ok(())
}

fn say(what: &str) {
    eprintln!("journeys: {what}");
}
