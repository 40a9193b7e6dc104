//! One try at a command: load, settle, decide, append.

use std::collections::HashMap;
use std::sync::Arc;

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{EventStoreAggregateContext, PersistedEventStore};
use cqrs_es::{Aggregate, AggregateError, EventStore};

use super::Decider;
use super::recent::Left;
use crate::domain::ids::CommandId;
use crate::store::Repository;

/// What the command brought about, if it was stored, and the present state.
pub(super) async fn stored<A: Decider>(
    store: &PersistedEventStore<Repository, A>,
    id: &str,
    command: CommandId,
) -> Result<Option<Done<A>>, AggregateError<A::Error>> {
    let command = command.to_string();
    let mut done = Done {
        events: Vec::new(),
        state: A::default(),
        sequence: 0,
    };
    for event in store.load_events(id).await? {
        done.state.apply(event.payload.clone());
        done.sequence = event.sequence;
        if event.metadata.get("command_id") == Some(&command) {
            done.events.push(event.payload);
        }
    }
    Ok((!done.events.is_empty()).then_some(done))
}

/// A command that was carried out.
pub(super) struct Done<A: Aggregate> {
    pub(super) events: Vec<A::Event>,
    /// What results, with the stream's last sequence.
    pub(super) state: A,
    pub(super) sequence: usize,
}

/// Why a try came to nothing.
pub(super) enum Failure<E: std::error::Error, S> {
    Aggregate(AggregateError<E>),
    Settle(S),
}

impl<E: std::error::Error, S> Failure<E, S> {
    /// Whether the store failed, whatever the state was.
    pub(super) fn is_of_the_store(&self) -> bool {
        match self {
            Self::Settle(_)
            | Self::Aggregate(AggregateError::UserError(_) | AggregateError::AggregateConflict) => {
                false
            }
            Self::Aggregate(
                AggregateError::DatabaseConnectionError(_)
                | AggregateError::DeserializationError(_)
                | AggregateError::UnexpectedError(_),
            ) => true,
        }
    }
}

/// Tries once; where the outcome of an earlier try is in doubt, after a look whether that was stored.
pub(super) async fn once<A, S, F, Fut>(
    store: &PersistedEventStore<Repository, A>,
    id: &str,
    command: CommandId,
    doubtful: bool,
    known: Option<Left<A>>,
    metadata: &HashMap<String, String>,
    settle: &mut F,
) -> Result<Done<A>, Failure<A::Error, S>>
where
    A: Decider,
    F: FnMut(Arc<A>) -> Fut,
    Fut: Future<Output = Result<A::Command, S>>,
{
    if doubtful
        && let Some(done) = stored(store, id, command)
            .await
            .map_err(Failure::Aggregate)?
    {
        return Ok(done);
    }
    let context = match known {
        Some(Left { state, sequence }) => EventStoreAggregateContext {
            aggregate_id: id.to_owned(),
            aggregate: state,
            current_sequence: sequence,
            current_snapshot: None,
        },
        None => store.load_aggregate(id).await.map_err(Failure::Aggregate)?,
    };
    let mut state = context.aggregate.clone();
    let asked = settle(Arc::new(state.clone()))
        .await
        .map_err(Failure::Settle)?;
    let sink = EventSink::default();
    state
        .handle(asked, &(), &sink)
        .await
        .map_err(|refusal| Failure::Aggregate(AggregateError::UserError(refusal)))?;
    let events = sink.collect().await;
    let sequence = context.current_sequence + events.len();
    if !events.is_empty() {
        store
            .commit(events.clone(), context, metadata.clone())
            .await
            .map_err(Failure::Aggregate)?;
    }
    Ok(Done {
        events,
        state,
        sequence,
    })
}
