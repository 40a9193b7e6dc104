//! The processor: how fast it runs argon2 and nothing else, and how much of its time a process has used.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::Fault;

/// Linux counts a process's time in hundredths of a second (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// How often argon2 runs in a second on all cores, with the program's parameters (OWASP: 19 MiB, two passes, one lane), where each
/// core keeps its memory: the fastest that the crate can do.
pub(crate) fn pure_rate(lasting: Duration) -> Result<f64, Fault> {
    let began = Instant::now();
    let threads: Vec<_> = (0..cores())
        .map(|_| thread::spawn(move || runs_until(began + lasting)))
        .collect();
    let mut runs = 0;
    for thread in threads {
        let ran = thread.join().map_err(|_| "a thread panicked")?;
        runs += ran.map_err(|error| error.to_string())?;
    }
    Ok(f64::from(runs) / began.elapsed().as_secs_f64())
}

fn runs_until(end: Instant) -> Result<u32, argon2::Error> {
    let params = Params::new(19456, 2, 1, None)?;
    let mut kept = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (password, salt, mut hash) = ([1; 32], [2; 16], [0; 32]);
    let mut runs = 0;
    while Instant::now() < end {
        argon2.hash_password_into_with_memory(&password, &salt, &mut hash, &mut kept)?;
        runs += 1;
    }
    Ok(runs)
}

/// How many cores there are to run on.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The machine's load averages.
pub(crate) fn load_average() -> Result<String, Fault> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// The processor's time that a process or thread has used, by its folder in /proc.
pub(crate) fn used(folder: &Path) -> Result<Duration, Fault> {
    let text = fs::read_to_string(folder.join("stat"))?;
    // The name, in brackets, may hold anything; the times are the 14th and 15th field.
    let (_, rest) = text.rsplit_once(')').ok_or("/proc/*/stat: no name")?;
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(TICK * ticks)
}

/// The processor's time that the threads of this name have used, of a process by its folder in /proc.
pub(crate) fn used_by_threads(folder: &Path, name: &str) -> Result<Duration, Fault> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(folder.join("task"))? {
        let folder = thread?.path();
        if fs::read_to_string(folder.join("comm"))?.trim_end() == name {
            sum += used(&folder)?;
        }
    }
    Ok(sum)
}
