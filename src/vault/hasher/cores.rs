//! The threads that run argon2: one a core, and behind everything else that wants the core.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::{Output, ParamsString, Salt, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};

use super::Peppered;

/// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// By how much these threads are nicer than the others: a request that needs a moment of the processor must not wait until a
/// run of argon2 has used up its share.
const NICENESS: i32 = 10;

/// How long a thread keeps its memory when there is nothing to hash.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// How long a run takes before one was measured (testing on two cores: 15 to 25 ms).
const FIRST_GUESS: Duration = Duration::from_millis(20);

/// The memory that one run works in.
pub(super) type Memory = Vec<Block>;

type Run = Box<dyn FnOnce(&mut Memory) + Send>;

/// The threads; they end with the last clone of this.
#[derive(Clone, Debug)]
pub(super) struct Cores {
    count: u32,
    runs: Sender<Run>,
    /// Microseconds that a run took lately.
    lately: Arc<AtomicU64>,
}

impl Cores {
    pub(super) fn new(count: u32) -> Self {
        let (sender, runs) = mpsc::channel();
        let runs = Arc::new(Mutex::new(runs));
        let guess = u64::try_from(FIRST_GUESS.as_micros()).unwrap_or_default();
        let lately = Arc::new(AtomicU64::new(guess));
        for _ in 0..count {
            let (runs, lately) = (runs.clone(), lately.clone());
            let thread = std::thread::Builder::new().name("argon2".to_owned());
            if let Err(error) = thread.spawn(move || hash_for_ever(&runs, &lately)) {
                tracing::error!(%error, "a thread for argon2 cannot be had");
            }
        }
        Self {
            count,
            runs: sender,
            lately,
        }
    }

    /// Has `run` done, first come first served. Answers whether there is a thread to do it.
    pub(super) fn start(&self, run: impl FnOnce(&mut Memory) + Send + 'static) -> bool {
        self.runs.send(Box::new(run)).is_ok()
    }

    /// How long after one run the next ends, where there are always some waiting.
    pub(super) fn pace(&self) -> Duration {
        Duration::from_micros(self.lately.load(Ordering::Relaxed)) / self.count.max(1)
    }
}

fn hash_for_ever(runs: &Mutex<Receiver<Run>>, lately: &AtomicU64) {
    // Where it is not allowed, hashing is only less polite.
    let _ = rustix::process::nice(NICENESS);
    let mut memory = Memory::new();
    loop {
        let next = runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv_timeout(KEPT_FOR);
        match next {
            Ok(run) => {
                let began = Instant::now();
                run(&mut memory);
                let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                let before = lately.load(Ordering::Relaxed);
                lately.store((before / 8 * 7).saturating_add(took / 8), Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => memory = Memory::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn parameters() -> Option<Params> {
    Params::new(MEMORY_KIB, PASSES, LANES, None).ok()
}

/// A run that proves nothing.
pub(super) fn dummy(memory: &mut Memory) -> Option<()> {
    argon2(parameters()?, &[0; 32], &[0; 16], &mut [0; 32], memory)
}

/// One run, in memory that is used again: to have it anew from the system takes a sixth of the time (measured).
fn argon2(
    params: Params,
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
    memory: &mut Memory,
) -> Option<()> {
    if memory.len() < params.block_count() {
        memory.resize(params.block_count(), Block::default());
    }
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, out, memory)
        .ok()
}

/// A verifier in PHC string form.
pub(super) fn verifier_of(
    password: &Peppered,
    salt: [u8; 16],
    memory: &mut Memory,
) -> Option<String> {
    let params = parameters()?;
    let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2(params.clone(), &**password, &salt, &mut hash, memory)?;
    let salt = SaltString::encode_b64(&salt).ok()?;
    let verifier = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).ok()?,
        salt: Some(salt.as_salt()),
        hash: Some(Output::new(&hash).ok()?),
    };
    Some(verifier.to_string())
}

/// Whether the password is the verifier's; with the parameters that the verifier names, so that those of what is new may change.
pub(super) fn is_of(verifier: &str, password: &Peppered, memory: &mut Memory) -> Option<bool> {
    let verifier = PasswordHash::new(verifier).ok()?;
    let known = verifier.algorithm == Algorithm::Argon2id.ident()
        && verifier.version == Some(Version::V0x13.into());
    let params = Params::try_from(&verifier).ok().filter(|_| known)?;
    let mut bytes = [0; Salt::MAX_LENGTH];
    let salt = verifier.salt?.decode_b64(&mut bytes).ok()?;
    let right = verifier.hash?;
    let hash = Output::init_with(right.len(), |hash| {
        argon2(params, &**password, salt, hash, memory).ok_or(argon2::password_hash::Error::Crypto)
    });
    // In constant time, as the crate compares outputs.
    hash.ok().map(|hash| hash == right)
}

#[cfg(test)]
mod tests {
    use argon2::{Argon2, PasswordHasher};

    use secrecy::zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_verifier_made_in_used_memory_is_the_one_that_the_crate_makes() {
        let mut memory = Vec::new();
        let password = Zeroizing::new([7; 32]);
        for salt in [[1; 16], [2; 16]] {
            let own = verifier_of(&password, salt, &mut memory).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters().unwrap());
            let salt = SaltString::encode_b64(&salt).unwrap();
            let theirs = argon2.hash_password(&*password, &salt).unwrap();
            assert_eq!(own, theirs.to_string());
        }
    }

    #[test]
    fn a_verifier_with_other_parameters_is_still_good_for_its_password_and_no_other() {
        let mut memory = Vec::new();
        let argon2 = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(12288, 3, 1, None).unwrap(),
        );
        let salt = SaltString::encode_b64(&[3; 16]).unwrap();
        let verifier = argon2.hash_password(&[7; 32], &salt).unwrap().to_string();
        let is_of = |byte, memory: &mut _| is_of(&verifier, &Zeroizing::new([byte; 32]), memory);
        assert_eq!(is_of(7, &mut memory), Some(true));
        assert_eq!(is_of(8, &mut memory), Some(false));
    }
}
