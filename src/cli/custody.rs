//! What operators do with keys and backups, and what they carry out, put into the history.

use std::convert::Infallible;

use crate::app::{Fault, Society};
use crate::commands::Attribution;
use crate::domain::custody::{Command, Custody};
use crate::policies::{LoadedPolicy, PolicyError};

/// Records it, unless it is a repetition.
pub(super) async fn record(
    society: &Society,
    name: &'static str,
    command: Command,
) -> Result<(), Fault> {
    let attribution = Attribution {
        policy: in_force(society).await.map_err(unfinished)?,
        ..society.attribution(name, "operator")
    };
    let settle = move |_| std::future::ready(Ok::<_, Infallible>(command.clone()));
    let done = society
        .commands
        .run::<Custody, _, _, _>("society".to_owned(), attribution, settle);
    done.await.map(drop).map_err(unfinished)
}

/// The policy that the log has in force: an event must name no other, such as a file that no `serve` or `import` has adopted yet.
async fn in_force(society: &Society) -> Result<String, PolicyError> {
    match LoadedPolicy::adopted(&society.commands).await {
        Ok(adopted) => Ok(adopted.label()),
        Err(PolicyError::NoneAdopted) => Ok(society.policy.label()),
        Err(error) => Err(error),
    }
}

pub(super) fn unfinished(error: impl std::fmt::Display) -> Fault {
    Fault::from_error("it broke off; run the same again to finish it", error)
}
