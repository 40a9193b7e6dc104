//! The queue in front of argon2: slots to look things up for a run, places to wait for a slot, and appointments for whom there is no place.

mod cores;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::zeroize::Zeroizing;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use self::cores::{Cores, Memory};
use super::VaultError;

/// How many slots there are for each core. Whoever has one looks things up before it is spent, and the core must not wait for that;
/// but the wait for the core counts as work where answers leave on a grid, so there are few.
const SLOTS_A_CORE: u32 = 3;

/// The latest appointment.
const LATEST: Duration = Duration::from_secs(30);

/// What is hashed: never the password itself, but its MAC under the pepper.
pub(super) type Peppered = Zeroizing<[u8; 32]>;

/// The queue in front of argon2. Cheap to clone; clones share the queue, and the threads end with the last one.
#[derive(Clone, Debug)]
pub struct Hasher {
    slots: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    /// How many may wait.
    places: usize,
    /// When the next appointment is free.
    appointments: Arc<Mutex<Instant>>,
    cores: Cores,
    runs: Arc<AtomicU64>,
}

/// The right to one run of argon2, and the duty: whoever took it and answers a sign-in must spend it, so that every
/// such answer costs the same.
#[derive(Debug)]
#[must_use = "a sign-in costs one run of argon2, whatever its outcome"]
pub struct Slot {
    permit: OwnedSemaphorePermit,
    cores: Cores,
    runs: Arc<AtomicU64>,
}

/// Too many wait for the hasher already: 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many wait for the password hasher")]
pub struct QueueFull {
    /// When to come again: each at a time of their own, when there should be a place for them.
    pub come_in: Duration,
}

impl Hasher {
    /// A hasher for all cores, for whose slots at most `waiting` may wait.
    #[must_use]
    pub fn new(waiting: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let cores = u32::try_from(cores).unwrap_or(1);
        Self::with(cores, cores * SLOTS_A_CORE, waiting)
    }

    pub(super) fn with(cores: u32, slots: u32, waiting: usize) -> Self {
        let places = waiting.min(Semaphore::MAX_PERMITS);
        Self {
            slots: Arc::new(Semaphore::new(usize::try_from(slots).unwrap_or(1))),
            queue: Arc::new(Semaphore::new(places)),
            places,
            appointments: Arc::new(Mutex::new(Instant::now())),
            cores: Cores::new(cores),
            runs: Arc::default(),
        }
    }

    /// Waits for a slot.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn acquire(&self) -> Result<Slot, QueueFull> {
        let permit = if let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() {
            permit
        } else {
            // The place in the queue is given back when this future ends, or is dropped.
            let _place = self.queue.try_acquire().map_err(|_| self.full())?;
            Arc::clone(&self.slots)
                .acquire_owned()
                .await
                .map_err(|_| self.full())?
        };
        Ok(Slot {
            permit,
            cores: self.cores.clone(),
            runs: Arc::clone(&self.runs),
        })
    }

    /// Whether [`Hasher::acquire`] would not fail now: asked before other work is begun in vain.
    ///
    /// # Errors
    /// Too many wait already.
    pub fn has_room(&self) -> Result<(), QueueFull> {
        if self.queue.available_permits() == 0 && self.slots.available_permits() == 0 {
            return Err(self.full());
        }
        Ok(())
    }

    /// How often argon2 ran since the start.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::SeqCst)
    }

    /// Gives an appointment: behind the one that was given before, and when half of those who wait have had their turn. Told in whole seconds,
    /// people come later than told, and meanwhile the cores must not run out of work.
    fn full(&self) -> QueueFull {
        let now = Instant::now();
        let pace = self.cores.pace();
        let ahead = u32::try_from(self.places / 2).unwrap_or(u32::MAX);
        let mut next = self
            .appointments
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let come_in = next
            .saturating_duration_since(now)
            .max(pace.saturating_mul(ahead))
            .min(LATEST);
        *next = now + come_in + pace;
        QueueFull { come_in }
    }
}

impl Slot {
    /// A verifier in PHC string form.
    pub(super) async fn hash(
        self,
        password: Peppered,
        salt: [u8; 16],
    ) -> Result<String, VaultError> {
        self.run(move |memory| cores::verifier_of(&password, salt, memory))
            .await
    }

    /// Whether the password is the verifier's.
    pub(super) async fn verify(
        self,
        verifier: Zeroizing<String>,
        password: Peppered,
    ) -> Result<bool, VaultError> {
        self.run(move |memory| cores::is_of(&verifier, &password, memory))
            .await
    }

    /// A run that proves nothing, where there is no verifier: an unknown ID, or a password from paper.
    ///
    /// # Errors
    /// The machine is out of memory or shutting down.
    pub async fn dummy(self) -> Result<(), VaultError> {
        self.run(cores::dummy).await
    }

    /// The permit moves into the thread, which goes on even if whoever waits for it has gone.
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Memory) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let Self {
            permit,
            cores,
            runs,
        } = self;
        let (told, done) = oneshot::channel();
        let started = cores.start(move |memory| {
            runs.fetch_add(1, Ordering::SeqCst);
            metrics::counter!("kadode_argon2_runs_total").increment(1);
            let done = work(memory);
            drop(permit);
            let _ = told.send(done);
        });
        if !started {
            return Err(VaultError::Hasher);
        }
        done.await.map_err(|_| VaultError::Hasher)?
    }
}
