//! The way in: loads a stream, settles what is uncertain, decides, appends; again after a lost race, and never twice.

mod once;
mod recent;
mod turns;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, AggregateError, EventStore};
use tokio::time::Instant;

use self::once::{Done, Failure, once, stored};
use self::recent::{Left, Recent};
use self::turns::Turns;
use crate::domain::ids::{CommandId, StaffId};
use crate::domain::onboarding::{Onboarding, Refusal};
use crate::domain::staff::{self, Staff};
pub use crate::store::Position;
use crate::store::{EventLog, GivenUp, Repository};

/// How long a command waits for its turn and for its append, and is tried again where it lost its race against another program.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it rests after the store failed.
const PAUSE: Duration = Duration::from_millis(50);

/// The only way to change anything; cheap to clone.
#[derive(Clone)]
pub struct Commands {
    log: EventLog,
    turns: Turns,
    recent: Recent,
    again: bool,
}

/// Who gives a command, and how; stored beside each of its events.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// The command's id, which its retries keep.
    pub id: CommandId,
    /// The command's name.
    pub command: &'static str,
    /// Who gives it.
    pub actor: Actor,
    /// The request it came with.
    pub request_id: Option<String>,
    /// The present policy: name and hash.
    pub policy: String,
    /// Address and user agent, sealed.
    pub trace: Option<String>,
}

/// Who gives a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The member, or whoever holds the member's credentials or link.
    Member(String),
    /// Somebody of the society's staff, or a program with a token of theirs.
    Staff(StaffId),
    /// The program itself.
    System(&'static str),
    /// A part of the program that whoever runs it told to.
    Operator {
        /// Which part.
        part: &'static str,
        /// Who runs it, as they say.
        name: String,
    },
}

/// What a command brought about.
#[derive(Clone, Debug)]
pub struct Outcome<A: Aggregate> {
    /// What happened; nothing, if the effect stood already.
    pub events: Vec<A::Event>,
    /// The state that results.
    pub state: A,
    /// The log position of the last of them, or where nothing was new, one by which all this is committed.
    pub mark: Position,
}

/// Why a command brought nothing about.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<R: std::error::Error, S> {
    /// The rules stand against it.
    #[error("{0}")]
    Refused(R),
    /// What is uncertain could not be settled.
    #[error("the facts could not be settled")]
    Unsettled(S),
    /// Its turn did not come, it lost its race, or its append was not taken, for two seconds.
    #[error("the stream or the store was busy for two seconds")]
    Busy,
    /// The store is away or refuses.
    #[error("{0}")]
    Store(String),
}

/// An aggregate whose commands go this way.
pub trait Decider: Aggregate<Services = ()> + Clone + 'static {
    /// Whether the refusal means that the facts have to be settled again.
    fn stale(refusal: &Self::Error) -> bool;
}

impl Decider for Onboarding {
    fn stale(refusal: &Refusal) -> bool {
        *refusal == Refusal::StaleFacts
    }
}

impl Decider for Staff {
    fn stale(refusal: &staff::Refusal) -> bool {
        *refusal == staff::Refusal::StaleFacts
    }
}

macro_rules! never_stale {
    ($($aggregate:ty),+) => {$(
        impl Decider for $aggregate {
            fn stale(_refusal: &Self::Error) -> bool {
                false
            }
        }
    )+};
}
never_stale!(
    crate::domain::adoption::Adoptions,
    crate::domain::anomalies::Anomaly,
    crate::domain::attempts::Attempts,
    crate::domain::custody::Custody,
    crate::domain::delivery::Delivery,
    crate::domain::rosters::Rosters,
    crate::domain::viewing::Viewings
);

impl Commands {
    /// The way into `log`.
    #[must_use]
    pub fn new(log: EventLog) -> Self {
        Self {
            log,
            turns: Turns::default(),
            recent: Recent::default(),
            again: false,
        }
    }

    /// The same way in, for commands that were given before without a clear answer: one that was stored is found by its id, and
    /// not repeated.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            again: true,
            ..self.clone()
        }
    }

    /// Takes it that nothing is in a stream yet, so that its first command need not load it. Should there be something, that shows at
    /// the append.
    pub fn presume_empty<A: Decider>(&self, id: &str) {
        let left = Left {
            state: A::default(),
            sequence: 0,
        };
        self.recent.keep(format!("{}-{id}", A::TYPE), left);
    }

    /// The state of a stream now, with nothing asked. A command that follows need not load it again.
    ///
    /// # Errors
    /// The store is away, or an event cannot be read.
    pub async fn load<A: Decider>(&self, id: &str) -> Result<A, String> {
        let repository = self.log.repository(Instant::now() + PATIENCE);
        let store = PersistedEventStore::<Repository, A>::new_event_store(repository);
        let context = store
            .load_aggregate(id)
            .await
            .map_err(|error| error.to_string())?;
        let state = context.aggregate;
        let left = Left {
            state: state.clone(),
            sequence: context.current_sequence,
        };
        self.recent.keep_loaded(format!("{}-{id}", A::TYPE), left);
        Ok(state)
    }

    /// Which of these streams have an event.
    ///
    /// # Errors
    /// The store is away.
    pub async fn begun<A: Decider>(&self, ids: &[String]) -> Result<HashSet<String>, String> {
        let begun = self.log.begun(A::TYPE, ids).await;
        begun.map_err(|error| error.to_string())
    }

    /// Carries out one command on stream `{A::TYPE}-{id}`. `settle` makes the command from the present state; it runs
    /// again after a lost race. Once begun, the command is carried out even if the caller goes away.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn run<A, S, F, Fut>(
        &self,
        id: String,
        attribution: Attribution,
        settle: F,
    ) -> Result<Outcome<A>, CommandError<A::Error, S>>
    where
        A: Decider,
        A::Command: Send,
        A::Event: Send,
        A::Error: Send + 'static,
        S: Send + 'static,
        F: FnMut(Arc<A>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<A::Command, S>> + Send + 'static,
    {
        let commands = self.clone();
        let task = tokio::spawn(async move {
            let deadline = Instant::now() + PATIENCE;
            let stream = format!("{}-{id}", A::TYPE);
            let turn = commands.turns.take(stream.clone());
            let Ok(_turn) = tokio::time::timeout_at(deadline, turn).await else {
                return Err(CommandError::Busy);
            };
            attempt(&commands, stream, id, attribution, settle, deadline).await
        });
        task.await
            .unwrap_or_else(|error| Err(CommandError::Store(error.to_string())))
    }
}

async fn attempt<A, S, F, Fut>(
    commands: &Commands,
    stream: String,
    id: String,
    attribution: Attribution,
    mut settle: F,
    deadline: Instant,
) -> Result<Outcome<A>, CommandError<A::Error, S>>
where
    A: Decider,
    F: FnMut(Arc<A>) -> Fut,
    Fut: Future<Output = Result<A::Command, S>>,
{
    let log = &commands.log;
    let command = attribution.id;
    let metadata = attribution.metadata();
    let mut doubtful = commands.again;
    let mut left = commands.recent.take::<A>(&stream).filter(|_| !doubtful);
    loop {
        let repository = log.repository(deadline);
        let store = PersistedEventStore::<Repository, A>::new_event_store(repository.clone());
        let known = left.take();
        let was_known = known.is_some();
        let once = once(
            &store,
            &id,
            command,
            doubtful,
            known,
            &metadata,
            &mut settle,
        );
        let failure = match once.await {
            Ok(Done {
                events,
                state,
                sequence,
            }) => {
                if was_known && events.is_empty() {
                    // Nothing was appended that would prove the state to be the present one.
                    continue;
                }
                let mark = match repository.committed() {
                    Some(position) => position,
                    None => committed_by_now(log).await.map_err(CommandError::Store)?,
                };
                let left = Left {
                    state: state.clone(),
                    sequence,
                };
                commands.recent.keep(stream, left);
                return Ok(Outcome {
                    events,
                    state,
                    mark,
                });
            }
            Err(failure) => failure,
        };
        if was_known && !failure.is_of_the_store() {
            // The state may be an old one, and the answer with it: once more with the present one.
            continue;
        }
        match failure {
            Failure::Settle(error) => return Err(CommandError::Unsettled(error)),
            Failure::Aggregate(AggregateError::UserError(refusal)) if !A::stale(&refusal) => {
                return Err(CommandError::Refused(refusal));
            }
            Failure::Aggregate(
                AggregateError::UserError(_) | AggregateError::AggregateConflict,
            ) => {
                if Instant::now() >= deadline {
                    return Err(CommandError::Busy);
                }
                tokio::task::yield_now().await;
            }
            Failure::Aggregate(AggregateError::DeserializationError(error)) => {
                return Err(CommandError::Store(error.to_string()));
            }
            Failure::Aggregate(
                AggregateError::DatabaseConnectionError(error)
                | AggregateError::UnexpectedError(error),
            ) => {
                if error.is::<GivenUp>() {
                    return Err(CommandError::Busy);
                }
                // The commit may have gone through all the same: look before deciding again, or failing.
                doubtful = true;
                if Instant::now() < deadline {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                return match stored(&store, &id, command).await {
                    Ok(Some(Done { events, state, .. })) => Ok(Outcome {
                        events,
                        state,
                        mark: committed_by_now(log).await.map_err(CommandError::Store)?,
                    }),
                    Ok(None) | Err(_) => Err(CommandError::Store(error.to_string())),
                };
            }
        }
    }
}

/// For what was committed at some time before: a position that is not below its own. Asked of the database, until it answers: by what
/// this program has heard of, a page could show the state before the click.
async fn committed_by_now(log: &EventLog) -> Result<Position, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match log.committed_head().await {
            Ok(position) => return Ok(position),
            Err(error) if Instant::now() >= deadline => return Err(error.to_string()),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

impl Attribution {
    fn metadata(&self) -> HashMap<String, String> {
        let (kind, id) = match &self.actor {
            Actor::Member(id) => ("member", id.clone()),
            Actor::Staff(id) => ("staff", id.to_string()),
            Actor::System(part) | Actor::Operator { part, .. } => ("system", (*part).to_owned()),
        };
        let mut metadata = HashMap::from([
            ("actor".to_owned(), kind.to_owned()),
            ("actor_id".to_owned(), id),
            ("command".to_owned(), self.command.to_owned()),
            ("command_id".to_owned(), self.id.to_string()),
            ("policy".to_owned(), self.policy.clone()),
            (
                "software".to_owned(),
                concat!("kadode ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
        ]);
        if let Actor::Operator { name, .. } = &self.actor {
            metadata.insert("operator".to_owned(), name.clone());
        }
        metadata.extend(
            self.request_id
                .clone()
                .map(|id| ("request_id".to_owned(), id)),
        );
        metadata.extend(self.trace.clone().map(|trace| ("trace".to_owned(), trace)));
        metadata
    }
}
