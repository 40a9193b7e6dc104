//! The composition root: the only room that names concrete adapters and puts the program together.

mod connections;
mod holding;
mod leading;
mod opening;
mod serving;

pub use connections::{Limits, answer_connections};
pub use leading::panicked;
pub use opening::{Opening, PolicyNeed, given_policy, look_at, migrate};
pub use serving::{Served, Serving};

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretBox};
use tokio::time::Instant;

use crate::ambient::{Clock, Entropy};
use crate::api::reports::making::Ledger;
use crate::commands::{Actor, Attribution, Commands};
use crate::database::Database;
use crate::domain::ids::CommandId;
use crate::ledger::{self, Leaves, Sealer, Tree};
use crate::policies::{LoadedPolicy, Policies, PolicyError};
use crate::projections::history::HistoryProjection;
use crate::projections::mail_requests::MailRequestsProjection;
use crate::projections::status::StatusProjection;
use crate::rosters::{Members, RosterFault};
use crate::store::EventLog;
use crate::subscription::Projector;
use crate::vault::Vault;

/// Why the program cannot do as it was told; one line for the operator: what, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

impl Fault {
    /// A fault told by an error, after the words that say what was attempted.
    pub fn from_error(what: &str, error: impl std::fmt::Display) -> Self {
        Self(format!("{what}: {error}"))
    }
}

impl From<RosterFault> for Fault {
    fn from(error: RosterFault) -> Self {
        Self(error.0)
    }
}

impl From<PolicyError> for Fault {
    fn from(error: PolicyError) -> Self {
        Self(error.to_string())
    }
}

/// The data of one society, open: databases, keys, log, vault and policies.
#[derive(Clone)]
pub struct Society {
    /// The time.
    pub clock: Clock,
    /// Ids and secrets.
    pub entropy: Entropy,
    /// Event log, vault and read models.
    pub database: Database,
    /// Wrapped keys.
    pub key_database: Database,
    /// The event log.
    pub log: EventLog,
    /// The way into it.
    pub commands: Commands,
    /// Personal data.
    pub vault: Vault,
    /// The present policy.
    pub policy: LoadedPolicy,
    /// The policies of members' enrolments.
    pub policies: Policies,
    /// The time of the last event that was there when this was opened.
    pub known: Option<Timestamp>,
    /// When that was.
    pub opened: Instant,
    /// The audit ledger's last checkpoint, beside the keys.
    checkpoint_file: PathBuf,
    witness_files: Vec<PathBuf>,
    /// Who runs the program, as they say.
    operator: String,
}

impl Society {
    /// Closes the databases and waits for it, so that no file of theirs but the databases themselves stays behind.
    pub async fn close(&self) {
        self.key_database.close().await;
        self.database.close().await;
    }

    /// Puts the policy in force, unless it is already.
    ///
    /// # Errors
    /// It would make members unfindable, or the log cannot be written.
    pub async fn adopt_policy(&self) -> Result<(), Fault> {
        let attribution = self.attribution("AdoptPolicy", "policy");
        Ok(self.policy.adopt(&self.commands, attribution).await?)
    }

    /// A command of whoever runs the program.
    #[must_use]
    pub fn attribution(&self, command: &'static str, part: &'static str) -> Attribution {
        Attribution {
            id: CommandId(self.entropy.id()),
            command,
            actor: Actor::Operator {
                part,
                name: self.operator.clone(),
            },
            request_id: None,
            policy: self.policy.label(),
            trace: None,
        }
    }

    /// The members as rosters meet them.
    #[must_use]
    pub fn members(&self) -> Members {
        Members {
            commands: self.commands.clone(),
            vault: self.vault.clone(),
            policy: self.policy.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    /// What seals the ledger; none, if the key file is of a time before there was a key for it.
    #[must_use]
    pub fn sealer(&self) -> Option<Sealer> {
        let secret = self.vault.keys.ledger()?;
        Some(Sealer::new(ledger::Parts {
            database: self.database.clone(),
            secret: SecretBox::new(Box::new(*secret.expose_secret())),
            domain: self.policy.policy.society.mail_domain().to_owned(),
            clock: self.clock.clone(),
            own: self.checkpoint_file.clone(),
            witnesses: self.witness_files.clone(),
        }))
    }

    /// The ledger as reports tell of it.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger {
            tree: Tree::new(self.database.clone()),
            sealer: self.sealer(),
        }
    }

    /// The projector of all read models and of the ledger's leaves.
    #[must_use]
    pub fn projector(&self) -> Projector {
        self.projector_of(Arc::default())
    }

    fn projector_of(&self, leaves: Arc<Leaves>) -> Projector {
        Projector::new(
            self.log.clone(),
            self.database.clone(),
            vec![
                Arc::new(StatusProjection(self.log.clone())),
                Arc::new(HistoryProjection),
                Arc::new(MailRequestsProjection),
            ],
            leaves,
        )
    }
}
