//! The threads that run argon2: one a core, and behind everything else that wants the core.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use argon2::password_hash::{Output, ParamsString, Salt, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::Peppered;
use crate::vault::VaultError;

/// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// By how much these threads are nicer than the others: a request that needs a moment of the processor must not wait until a
/// run of argon2 has used up its share.
const NICENESS: i32 = 10;

/// How long a thread keeps its memory when there is nothing to hash.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// How much room is asked for at once, in blocks of 1 KiB. The allocator (glibc: `M_MMAP_THRESHOLD`) gives back to the system, at once and each
/// time, only what is larger than 32 MiB; what is never touched costs nothing.
const ROOM: usize = 33 * 1024;

/// How long a run takes before one was measured (testing on two cores: 15 to 25 ms).
const FIRST_GUESS: Duration = Duration::from_millis(20);

/// What is damaged where a verifier cannot be read.
const VERIFIERS: &str = "credentials";

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
        let (sender, runs) = crossbeam_channel::unbounded();
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

fn hash_for_ever(runs: &Receiver<Run>, lately: &AtomicU64) {
    // Where it is not allowed, hashing is only less polite.
    let _ = rustix::process::nice(NICENESS);
    let mut memory = Memory::new();
    loop {
        let next = if memory.capacity() == 0 {
            runs.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            runs.recv_timeout(KEPT_FOR)
        };
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

fn parameters() -> Result<Params, VaultError> {
    Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| VaultError::Hasher)
}

/// A run that proves nothing.
pub(super) fn dummy(memory: &mut Memory) -> Result<(), VaultError> {
    argon2(parameters()?, &[0; 32], &[0; 16], &mut [0; 32], memory)
}

/// One run, in memory that is used again: to have it anew from the system takes a sixth of the time (measured).
fn argon2(
    params: Params,
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
    memory: &mut Memory,
) -> Result<(), VaultError> {
    make_room(memory, params.block_count())?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, out, memory)
        .map_err(|_| VaultError::Hasher)
}

/// Has at least so many blocks, or an error: a plain `resize` would end the program where the system has no memory left.
fn make_room(memory: &mut Memory, blocks: usize) -> Result<(), VaultError> {
    if memory.len() < blocks {
        let more = blocks.max(ROOM) - memory.len();
        memory
            .try_reserve_exact(more)
            .map_err(|_| VaultError::Hasher)?;
        memory.resize(blocks, Block::default());
    }
    Ok(())
}

/// A verifier in PHC string form.
pub(super) fn verifier_of(
    password: &Peppered,
    salt: [u8; 16],
    memory: &mut Memory,
) -> Result<String, VaultError> {
    let params = parameters()?;
    let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2(params.clone(), &**password, &salt, &mut hash, memory)?;
    phc_of(&params, salt, &hash).map_err(|_| VaultError::Hasher)
}

fn phc_of(
    params: &Params,
    salt: [u8; 16],
    hash: &[u8],
) -> Result<String, argon2::password_hash::Error> {
    let salt = SaltString::encode_b64(&salt)?;
    let verifier = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(salt.as_salt()),
        hash: Some(Output::new(hash)?),
    };
    Ok(verifier.to_string())
}

/// Whether the password is the verifier's; with the parameters that the verifier names, so that those of what is new may change.
pub(super) fn is_of(
    verifier: &str,
    password: &Peppered,
    memory: &mut Memory,
) -> Result<bool, VaultError> {
    let damaged = || VaultError::Damaged(VERIFIERS);
    let verifier = PasswordHash::new(verifier).map_err(|_| damaged())?;
    let known = verifier.algorithm == Algorithm::Argon2id.ident()
        && verifier.version == Some(Version::V0x13.into());
    let params = Params::try_from(&verifier).ok().filter(|_| known);
    let (Some(params), Some(salt), Some(right)) = (params, verifier.salt, verifier.hash) else {
        return Err(damaged());
    };
    let mut bytes = [0; Salt::MAX_LENGTH];
    let salt = salt.decode_b64(&mut bytes).map_err(|_| damaged())?;
    let mut hash = [0; Output::MAX_LENGTH];
    let hash = hash.get_mut(..right.len()).ok_or_else(damaged)?;
    argon2(params, &**password, salt, hash, memory)?;
    // In constant time, as the crate compares outputs.
    Ok(Output::new(hash).map_err(|_| damaged())? == right)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use argon2::{Argon2, PasswordHasher};
    use secrecy::zeroize::Zeroizing;

    use super::*;

    /// How much of the machine's memory this process has, in MiB.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let (_, rest) = status.split_once("VmRSS:").unwrap();
        let kib: usize = rest.split_whitespace().next().unwrap().parse().unwrap();
        kib / 1024
    }

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
        assert!(is_of(7, &mut memory).unwrap());
        assert!(!is_of(8, &mut memory).unwrap());
    }

    #[tokio::test]
    async fn threads_with_nothing_to_hash_give_all_their_memory_back_each_time() {
        let cores = Cores::new(8);
        for round in 1..=3 {
            let before = resident();
            let hashed = Arc::new(Barrier::new(9));
            for _ in 0..8 {
                let hashed = hashed.clone();
                cores.start(move |memory| {
                    dummy(memory).unwrap();
                    hashed.wait();
                });
            }
            hashed.wait();
            assert!(resident() > before + 130, "each had some 19 MiB");
            let began = Instant::now();
            while resident() > before + 15 {
                let left = resident() - before;
                assert!(
                    began.elapsed() < KEPT_FOR * 5,
                    "{left} MiB left in round {round}"
                );
                tokio::time::sleep(KEPT_FOR / 100).await;
            }
        }
    }

    #[test]
    fn where_the_system_has_no_memory_left_that_is_an_error_and_not_the_end_of_the_program() {
        let answer = make_room(&mut Memory::new(), usize::MAX);
        assert!(matches!(answer, Err(VaultError::Hasher)), "{answer:?}");
    }
}
