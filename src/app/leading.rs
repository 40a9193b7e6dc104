//! Of several nodes on one server, one leads: it projects, mails and sweeps, and another goes on within seconds when it dies,
//! freezes or is cut off.
//!
//! That no two do so at once is a matter of cost, not of truth: a checkpoint moves only from where it was read, and a mail is
//! sent under a lease. So a node that does not know yet that it has lost the lead can do no harm.

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
                while lead.holds().await {
                    tokio::time::sleep(BEAT).await;
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
