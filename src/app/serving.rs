//! A society being served: routes, and what runs beside them.

use std::panic;
use std::sync::Arc;

use axum::Router;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::Society;
use super::holding::hold_keys;
use super::leading::lead;
use crate::api::blocklist::Blocklist;
use crate::api::tally::Tallies;
use crate::api::{self, Api};
use crate::config::{Network, PublicUrl};
use crate::ledger::{self, Leaves};
use crate::mail::Transport;
use crate::projections::history::search::LogReader;
use crate::projections::status::StatusReader;
use crate::reactors::eraser::Eraser;
use crate::reactors::importer::{Importer, RosterReactor};
use crate::reactors::lifter::Lifter;
use crate::reactors::mails::MailReactor;
use crate::reactors::outbox::Outbox;
use crate::reactors::reminder::Reminder;
use crate::reactors::retention::Retention;
use crate::reactors::sender::{self, Sender};
use crate::reactors::sweeper;
use crate::subscription::{self, Progress, Projector, Reactor};

/// How a society is served.
pub struct Serving {
    /// The address that members see.
    pub public_url: PublicUrl,
    /// Proxies whose X-Forwarded-For counts.
    pub trusted_proxies: Vec<Network>,
    /// How mails leave.
    pub transport: Transport,
    /// What no password may consist of.
    pub blocklist: Blocklist,
}

/// A society being served: its routes, and the tasks that run beside them.
pub struct Served {
    /// What every route works with.
    pub api: Api,
    /// All routes.
    pub router: Router,
    /// Projector, mails and tallies; they end when this is dropped.
    pub tasks: JoinSet<()>,
    /// What sends mails; those on their way are not among the tasks.
    pub sender: Sender,
}

impl Society {
    /// Starts what runs beside the routes, and puts the routes together.
    #[must_use]
    pub fn serve(&self, serving: Serving) -> Served {
        let leaves = Arc::new(Leaves::default());
        let projector = self.projector_of(leaves.clone());
        let statuses = self.statuses(projector.progress());
        let policy = &self.policy.policy;
        let tallies = Tallies::new(self.clock.clone(), self.entropy.clone());
        let sender = Sender::new(sender::Parts {
            outbox: Outbox::new(self.database.clone()),
            commands: self.commands.clone(),
            statuses: statuses.clone(),
            vault: self.vault.clone(),
            transport: serving.transport,
            reminders: policy.limits.reminders.clone(),
            society: policy.society.clone(),
            policy: self.policy.label(),
            public_url: serving.public_url.origin.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        });
        let alone = !self.database.is_on_server();
        let projector = Arc::new(projector);
        let leading = {
            let (society, sender, projector) = (self.clone(), sender.clone(), projector.clone());
            move || society.lead(sender.clone(), projector.clone(), &leaves, alone)
        };
        let mut tasks = if alone {
            leading()
        } else {
            let mut tasks = JoinSet::new();
            tasks.spawn(lead(self.database.clone(), leading));
            tasks.spawn(async move { projector.watch().await });
            if let Some(sealer) = self.sealer() {
                tasks.spawn(ledger::look_on(sealer));
            }
            tasks
        };
        let log = self.log.clone();
        tasks.spawn(async move {
            log.ended().await;
            panic::resume_unwind(Box::new("what writes the log has panicked"));
        });
        let rotation = self.vault.rotation.clone();
        tasks.spawn(hold_keys(rotation, self.clock.clone()));
        tasks.spawn(
            tallies
                .clone()
                .run(self.commands.clone(), self.policy.label()),
        );
        let api = Api::new(api::Parts {
            commands: self.commands.clone(),
            vault: self.vault.clone(),
            members: self.members(),
            statuses,
            log: LogReader::new(self.log.clone()),
            read: self.database.read.clone(),
            ledger: self.ledger(),
            policy: policy.clone(),
            policy_version: self.policy.label(),
            policies: self.policies.clone(),
            limits: Arc::new(policy.limits.clone()),
            public_url: serving.public_url,
            trusted_proxies: serving.trusted_proxies,
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            tallies,
            blocklist: serving.blocklist,
        });
        Served {
            router: api::router(&api),
            api,
            tasks,
            sender,
        }
    }

    /// Reads where members stand, as far as `progress` tells.
    fn statuses(&self, progress: Progress) -> StatusReader {
        let pool = self.database.read.clone();
        StatusReader::new(self.log.clone(), pool, progress, self.clock.clone())
    }

    /// What reminds those who have stopped on the way, by read models of which `progress` tells.
    #[must_use]
    pub fn reminder(&self, progress: Progress) -> Reminder {
        Reminder {
            database: self.database.clone(),
            statuses: self.statuses(progress),
            commands: self.commands.clone(),
            limits: Arc::new(self.policy.policy.limits.clone()),
            policy: self.policy.label(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    /// Starts what one node alone does; `alone` says that there can be no other.
    fn lead(
        &self,
        sender: Sender,
        projector: Arc<Projector>,
        leaves: &Leaves,
        alone: bool,
    ) -> JoinSet<()> {
        let wake = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        if let Some(sealer) = self.sealer() {
            let (head, progress) = (self.log.head(), projector.progress());
            tasks.spawn(ledger::seal_on(sealer, head, leaves.urgent(), progress));
        }
        let reminder = self.reminder(projector.progress());
        tasks.spawn(reminder.run());
        tasks.spawn(async move { projector.run().await });
        let decided = Arc::new(Notify::new());
        let reactors: [Arc<dyn Reactor>; 4] = [
            Arc::new(MailReactor::new(wake.clone(), self.clock.clone())),
            Arc::new(Eraser {
                database: self.database.clone(),
                vault: self.vault.clone(),
            }),
            Arc::new(Lifter {
                vault: self.vault.clone(),
            }),
            Arc::new(RosterReactor(decided.clone())),
        ];
        for reactor in reactors {
            tasks.spawn(subscription::follow(
                self.log.clone(),
                self.database.clone(),
                reactor,
            ));
        }
        tasks.spawn(async move {
            if alone {
                sender.take_up().await;
            }
            sender.run(wake).await;
        });
        let importer = Importer {
            members: self.members(),
            database: self.database.clone(),
        };
        tasks.spawn(importer.run(decided));
        let retention = Retention {
            vault: self.vault.clone(),
            commands: self.commands.clone(),
            policy: self.policy.label(),
            trace_days: self.policy.policy.retention.trace_days,
            clock: self.clock.clone(),
            known: self.known,
            started: self.opened,
            entropy: self.entropy.clone(),
        };
        tasks.spawn(retention.run());
        tasks.spawn(sweeper::run(
            self.vault.clone(),
            self.log.clone(),
            self.clock.clone(),
        ));
        tasks
    }
}
