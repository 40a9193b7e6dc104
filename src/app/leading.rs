//! Of several nodes on one server, one leads: it projects, mails and sweeps, and another goes on within seconds when it dies,
//! freezes or is cut off.
//!
//! That no two do so at once is a matter of cost, not of truth: a checkpoint moves only from where it was read, and a mail is
//! sent under a lease. A node that does not know yet that it has lost the lead can do one kind of harm: a mail that it sent and could not
//! note is sent again by the next.

use std::any::Any;
use std::panic;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::database::Database;

/// How often a node shows that it lives, or looks whether it may lead.
const BEAT: Duration = Duration::from_millis(500);

/// Leads for ever, whenever no other node does; `tasks` starts what the leading node does.
pub(super) async fn lead(database: Database, tasks: impl Fn() -> JoinSet<()>) {
    loop {
        match database.try_to_lead().await {
            Ok(Some(mut lead)) => {
                tracing::info!("this node leads: it keeps the read models and sends the mails");
                metrics::gauge!("kadode_leading").set(1.0);
                let mut doing = tasks();
                let holding = async {
                    while lead.holds().await {
                        tokio::time::sleep(BEAT).await;
                    }
                };
                tokio::select! {
                    () = holding => {}
                    // The lead goes with it, to a node that does all of the work.
                    failed = panicked(&mut doing) => panic::resume_unwind(failed),
                }
                doing.shutdown().await;
                metrics::gauge!("kadode_leading").set(0.0);
                tracing::warn!("this node has lost the lead");
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "whether this node may lead cannot be found out now");
            }
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Waits until one of the tasks panics: what is left running would look as if all were well. Those that come to their end do no harm.
pub async fn panicked(tasks: &mut JoinSet<()>) -> Box<dyn Any + Send> {
    while let Some(ended) = tasks.join_next().await {
        if let Err(Ok(failed)) = ended.map_err(tokio::task::JoinError::try_into_panic) {
            return failed;
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_told_and_one_that_ends_is_not() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        tasks.spawn(async { panic!("as it is tried here") });
        let told = panicked(&mut tasks).await;
        assert_eq!(told.downcast_ref(), Some(&"as it is tried here"));
        tasks.spawn(async {});
        tokio::select! {
            biased;
            _ = panicked(&mut tasks) => panic!("an end was taken for a panic"),
            () = tokio::task::yield_now() => {}
        }
    }
}
