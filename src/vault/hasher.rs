//! Argon2 off the async threads: at most one hash a core at a time, behind a queue of bounded length.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::SaltString;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use secrecy::zeroize::Zeroizing;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::VaultError;

/// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What is hashed: never the password itself, but its MAC under the pepper.
pub(super) type Peppered = Zeroizing<[u8; 32]>;

/// The queue in front of argon2. Cheap to clone; clones share the queue.
#[derive(Clone, Debug)]
pub struct Hasher {
    cores: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    runs: Arc<AtomicU64>,
}

/// The right to one run of argon2, and the duty: whoever took it and answers a sign-in must spend it, so that every
/// such answer costs the same.
#[derive(Debug)]
#[must_use = "a sign-in costs one run of argon2, whatever its outcome"]
pub struct Slot {
    core: OwnedSemaphorePermit,
    runs: Arc<AtomicU64>,
}

/// Too many wait for the hasher already: 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many wait for the password hasher")]
pub struct QueueFull;

impl Hasher {
    /// A hasher with one slot a core, for which at most `waiting` may wait.
    #[must_use]
    pub fn new(waiting: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with_cores(cores, waiting)
    }

    pub(super) fn with_cores(cores: usize, waiting: usize) -> Self {
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            queue: Arc::new(Semaphore::new(waiting.min(Semaphore::MAX_PERMITS))),
            runs: Arc::default(),
        }
    }

    /// Waits for a slot.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn acquire(&self) -> Result<Slot, QueueFull> {
        let core = if let Ok(core) = Arc::clone(&self.cores).try_acquire_owned() {
            core
        } else {
            // The place in the queue is given back when this future ends, or is dropped.
            let _place = self.queue.try_acquire().map_err(|_| QueueFull)?;
            Arc::clone(&self.cores)
                .acquire_owned()
                .await
                .map_err(|_| QueueFull)?
        };
        Ok(Slot {
            core,
            runs: Arc::clone(&self.runs),
        })
    }

    /// How often argon2 ran since the start.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::SeqCst)
    }
}

impl Slot {
    /// A verifier in PHC string form.
    pub(super) async fn hash(
        self,
        password: Peppered,
        salt: [u8; 16],
    ) -> Result<String, VaultError> {
        self.run(move |argon2| {
            let salt = SaltString::encode_b64(&salt).ok()?;
            Some(
                argon2
                    .hash_password(password.as_slice(), &salt)
                    .ok()?
                    .to_string(),
            )
        })
        .await?
        .ok_or(VaultError::Hasher)
    }

    /// Whether the password is the verifier's.
    pub(super) async fn verify(
        self,
        verifier: Zeroizing<String>,
        password: Peppered,
    ) -> Result<bool, VaultError> {
        self.run(move |argon2| {
            let verifier = PasswordHash::new(&verifier).ok()?;
            Some(
                argon2
                    .verify_password(password.as_slice(), &verifier)
                    .is_ok(),
            )
        })
        .await?
        .ok_or(VaultError::Hasher)
    }

    /// A run that proves nothing, where there is no verifier: an unknown ID, or a password from paper.
    ///
    /// # Errors
    /// The machine is out of memory or shutting down.
    pub async fn dummy(self) -> Result<(), VaultError> {
        self.run(|argon2| {
            argon2
                .hash_password_into(&[0; 32], &[0; 16], &mut [0; 32])
                .ok()
        })
        .await?
        .ok_or(VaultError::Hasher)
    }

    /// The permit moves into the thread, which goes on even if whoever waits for it has gone.
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Argon2<'_>) -> Option<T> + Send + 'static,
    ) -> Result<Option<T>, VaultError> {
        tokio::task::spawn_blocking(move || {
            let Self { core, runs } = self;
            runs.fetch_add(1, Ordering::SeqCst);
            let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
            let done = work(&Argon2::new(Algorithm::Argon2id, Version::V0x13, params));
            drop(core);
            done
        })
        .await
        .map_err(|_| VaultError::Hasher)
    }
}
