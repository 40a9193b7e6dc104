//! Whether the time of an answer tells if a user ID is known: failing sign-ins with both kinds, mixed at random, compared by rank.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;
use tokio::task::JoinSet;

use crate::Fault;
use crate::http::Browser;
use crate::society::{Member, Society};

/// How many try at once. Each failing sign-in takes a quarter of a second, of which argon2 has a tenth and the wait for the next line of
/// the grid the rest: so few never keep two cores busy, and times are those of the work and not of a queue.
const AT_ONCE: usize = 5;

/// A user ID that is tried once.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    user_id: String,
    known: bool,
}

impl Try {
    /// A member's, with a wrong password.
    pub(crate) fn known(number: usize) -> Self {
        Self {
            user_id: Member { number }.user_id(),
            known: true,
        }
    }

    /// Nobody's, of the same form.
    pub(crate) fn unknown(number: usize) -> Self {
        Self {
            user_id: format!("kq{number:05}"),
            known: false,
        }
    }
}

/// How long the answers took.
pub(crate) struct Answered {
    pub(crate) known: Vec<Duration>,
    pub(crate) unknown: Vec<Duration>,
}

/// Tries all in random order, each from a network of its own, so that no waiting time of one meets another.
pub(crate) async fn try_all(society: &Society, mut tries: Vec<Try>) -> Result<Answered, Fault> {
    tries.shuffle(&mut StdRng::from_os_rng());
    let tries = Arc::new(tries);
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        workers.spawn(work(society.address, tries.clone(), next.clone()));
    }
    let mut answered = Answered {
        known: Vec::new(),
        unknown: Vec::new(),
    };
    while let Some(worker) = workers.join_next().await {
        for (known, took) in worker?? {
            if known {
                answered.known.push(took);
            } else {
                answered.unknown.push(took);
            }
        }
    }
    Ok(answered)
}

async fn work(
    server: std::net::SocketAddr,
    tries: Arc<Vec<Try>>,
    next: Arc<AtomicUsize>,
) -> Result<Vec<(bool, Duration)>, Fault> {
    let mut took = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        let Some(Try { user_id, known }) = tries.get(number) else {
            return Ok(took);
        };
        let mut browser = Browser::new(server, number);
        browser.connect().await?;
        let typed = json!({"user_id": user_id, "password": "a wrong password"});
        let answer = browser.post("/api/v1/sessions", &typed).await?;
        if answer.status != 401 {
            return Err(format!("a failing sign-in was answered {}", answer.status).into());
        }
        took.push((*known, answer.took));
    }
}

/// What Mann and Whitney's test says of two samples.
pub(crate) struct Ranks {
    /// How probable it is that one of the first is smaller than one of the second; a half, if they do not differ.
    pub(crate) first_smaller: f64,
    /// Standard deviations from a half.
    pub(crate) z: f64,
    /// How probable so large a difference is between samples that do not differ (two-sided).
    pub(crate) p: f64,
}

impl fmt::Display for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            z,
            p,
            first_smaller,
        } = self;
        write!(f, "{z:.2}, {p:.3}, {first_smaller:.3}")
    }
}

/// Mann-Whitney U by the normal approximation, which is exact enough from twenty on; times do not tie often enough to matter.
pub(crate) fn compare(first: &[Duration], second: &[Duration]) -> Ranks {
    let count = |sample: &[Duration]| f64::from(u32::try_from(sample.len()).unwrap_or(u32::MAX));
    let (m, n) = (count(first), count(second));
    let mut second: Vec<_> = second.to_vec();
    second.sort_unstable();
    let u: f64 = first
        .iter()
        .map(|time| {
            let smaller = second.partition_point(|other| other < time);
            let not_larger = second.partition_point(|other| other <= time);
            f64::midpoint(count(&second[smaller..]), count(&second[not_larger..]))
        })
        .sum();
    let z = (u - m * n / 2.0) / (m * n * (m + n + 1.0) / 12.0).sqrt();
    Ranks {
        first_smaller: u / (m * n),
        z,
        p: two_sided(z),
    }
}

/// The normal distribution's mass beyond ±z (Abramowitz and Stegun, 7.1.26: good to seven digits).
fn two_sided(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / 0.327_591_1_f64.mul_add(x, 1.0);
    let factors = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let sum = factors
        .iter()
        .fold(0.0_f64, |sum, factor| sum.mul_add(t, *factor));
    sum * t * (-x * x).exp()
}
