//! What operators do with keys and backups, and what they carry out, put into the history.

use std::convert::Infallible;

use crate::app::{Fault, Society};
use crate::domain::custody::{Command, Custody};

/// Records it, unless it is a repetition.
pub(super) async fn record(
    society: &Society,
    name: &'static str,
    command: Command,
) -> Result<(), Fault> {
    let attribution = society.attribution(name, "operator");
    let settle = move |_| std::future::ready(Ok::<_, Infallible>(command.clone()));
    let done = society
        .commands
        .run::<Custody, _, _, _>("society".to_owned(), attribution, settle);
    done.await.map(drop).map_err(unfinished)
}

pub(super) fn unfinished(error: impl std::fmt::Display) -> Fault {
    Fault::from_error("it broke off; run the same again to finish it", error)
}
