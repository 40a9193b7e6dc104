//! The composition root: the only file that names concrete adapters and puts the program together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::ambient::{Clock, Entropy};
use crate::api::tally::Tallies;
use crate::api::{self, Api};
use crate::commands::{Actor, Attribution, Commands};
use crate::config::{DataSettings, Network, PublicUrl};
use crate::database::{self, Database};
use crate::domain::adoption::{Adopt, Adoptions};
use crate::domain::ids::CommandId;
use crate::domain::policy::{Policy, PolicyVersion};
use crate::ledger::Leaves;
use crate::mail::Transport;
use crate::projections::history::HistoryProjection;
use crate::projections::mail_requests::MailRequestsProjection;
use crate::projections::status::{StatusProjection, StatusReader};
use crate::reactors::outbox::{MailReactor, Outbox};
use crate::reactors::sender::{self, Sender};
use crate::reactors::sweeper;
use crate::store::EventLog;
use crate::subscription::{self, Projector};
use crate::vault::{IfMissing, KeyError, KeyFile, Keys, Settings, Vault};

/// The id of the one stream of adopted policies.
const POLICY_STREAM: &str = "society";

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

/// A policy file as read.
#[derive(Clone, Debug)]
pub struct LoadedPolicy {
    /// The rules.
    pub policy: Policy,
    /// Its name and hash.
    pub version: PolicyVersion,
    /// The file's text.
    pub text: String,
}

impl LoadedPolicy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// The file is missing or holds a mistake: its line and the reason.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Fault::from_error(&format!("policy {name}"), error))?;
        Self::parse(&name, text)
    }

    /// Reads the text of a policy; `name` says where it came from.
    ///
    /// # Errors
    /// The text holds a mistake: its line and the reason.
    pub fn parse(name: &str, text: String) -> Result<Self, Fault> {
        let policy: Policy = toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
            Fault(format!(
                "policy {name}, line {line}: {}",
                error.message().replace('\n', "; ")
            ))
        })?;
        let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&text));
        let version = PolicyVersion {
            name: policy.name.clone(),
            sha256,
        };
        Ok(Self {
            policy,
            version,
            text,
        })
    }

    /// Reads the policy file of `--policy`.
    ///
    /// # Errors
    /// None is given, or it cannot be read.
    pub fn given(settings: &DataSettings) -> Result<Self, Fault> {
        let path = settings
            .policy
            .as_deref()
            .ok_or_else(|| Fault("--policy FILE is needed: the society's rules".to_owned()))?;
        Self::read(path)
    }

    /// Name and hash as one text, as events' metadata hold it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}@{}", self.version.name, self.version.sha256)
    }
}

/// Which policy a subcommand works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyNeed {
    /// `--policy` must be given, and is adopted.
    Given,
    /// The one in the log, if none is given.
    Adopted,
}

/// What opening a society's data may create, and what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Which policy counts.
    pub policy: PolicyNeed,
    /// Whether databases and key file are created where there are none yet.
    pub if_missing: IfMissing,
    /// Whether tables of an older version of the program are brought up to date, or refused.
    pub migrate: bool,
    /// How many sign-ins may wait for their turn.
    pub sign_in_queue: usize,
}

impl Opening {
    /// For what serves or fills a database: `--policy` is needed, and what is missing is created.
    pub const TO_FILL: Self = Self {
        policy: PolicyNeed::Given,
        if_missing: IfMissing::Create,
        migrate: true,
        sign_in_queue: 0,
    };

    /// For what looks at a database: nothing is created.
    pub const TO_LOOK: Self = Self {
        policy: PolicyNeed::Adopted,
        if_missing: IfMissing::Refuse,
        migrate: true,
        sign_in_queue: 0,
    };

    /// For what reads with a policy at hand: nothing at all is written.
    pub const TO_READ: Self = Self {
        policy: PolicyNeed::Given,
        if_missing: IfMissing::Refuse,
        migrate: false,
        sign_in_queue: 0,
    };
}

/// The data of one society, open: databases, keys, log, vault and policy.
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
    /// The policy.
    pub policy: LoadedPolicy,
}

impl Society {
    /// Opens the data of a society; tables are brought up to date first. `told` hears lines for the operator.
    ///
    /// # Errors
    /// One line: what is wrong, and what to do.
    pub async fn open(
        settings: &DataSettings,
        opening: Opening,
        clock: Clock,
        told: impl Fn(&str),
    ) -> Result<Self, Fault> {
        let given = look_at(settings, opening.policy)?;
        let entropy = Entropy::new(clock.clone());
        let (database, key_database, keys) = open_keys(settings, opening, &clock, told).await?;
        let log = EventLog::open(database.clone(), clock.clone())
            .await
            .map_err(|error| Fault::from_error("the event log cannot be opened", error))?;
        let commands = Commands::new(log.clone());
        let policy = match given {
            Some(policy) => policy,
            None => adopted(&commands).await?,
        };
        let vault = Vault::new(
            &database,
            &key_database,
            &keys,
            &entropy,
            &Settings {
                user_id_case_sensitive: policy.policy.user_id_case_sensitive,
                sign_in: policy.policy.limits.sign_in,
                session: policy.policy.limits.session,
                otp_pending_minutes: policy.policy.limits.otp.pending_minutes,
                hashes_waiting: opening.sign_in_queue,
            },
        );
        Ok(Self {
            clock,
            entropy,
            database,
            key_database,
            log,
            commands,
            vault,
            policy,
        })
    }

    /// Whether there is a database yet; looks at the settings that no opening does without, and opens nothing.
    ///
    /// # Errors
    /// One line: what is wrong, and what to do.
    pub fn exists(settings: &DataSettings) -> Result<bool, Fault> {
        keys_path(settings)?;
        Database::exists(&settings.database).map_err(|error| Fault(error.to_string()))
    }

    /// Closes the databases and waits for it, so that no file of theirs but the databases themselves stays behind.
    pub async fn close(self) {
        self.key_database.close().await;
        self.database.close().await;
    }

    /// Puts the policy in force, unless it is already.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn adopt_policy(&self) -> Result<(), Fault> {
        let adopt = Adopt {
            version: self.policy.version.clone(),
            text: self.policy.text.clone(),
        };
        self.commands
            .run::<Adoptions, std::convert::Infallible, _, _>(
                POLICY_STREAM.to_owned(),
                self.attribution("AdoptPolicy", "policy"),
                move |_| std::future::ready(Ok(adopt.clone())),
            )
            .await
            .map(drop)
            .map_err(|error| Fault::from_error("the policy cannot be adopted", error))
    }

    /// A command of the program itself.
    #[must_use]
    pub fn attribution(&self, command: &'static str, part: &'static str) -> Attribution {
        Attribution {
            id: CommandId(self.entropy.id()),
            command,
            actor: Actor::System(part),
            request_id: None,
            policy: self.policy.label(),
            trace: None,
        }
    }

    /// The projector of all read models and of the ledger's leaves.
    #[must_use]
    pub fn projector(&self) -> Projector {
        Projector::new(
            self.log.clone(),
            self.database.clone(),
            vec![
                Arc::new(StatusProjection),
                Arc::new(HistoryProjection),
                Arc::new(MailRequestsProjection),
            ],
            Arc::new(Leaves),
        )
    }
}

/// How a society is served.
pub struct Serving {
    /// The address that members see.
    pub public_url: PublicUrl,
    /// Proxies whose X-Forwarded-For counts.
    pub trusted_proxies: Vec<Network>,
    /// How mails leave.
    pub transport: Transport,
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
        let projector = self.projector();
        let statuses = StatusReader::new(
            self.log.clone(),
            self.database.read.clone(),
            projector.progress(),
        );
        let policy = &self.policy.policy;
        let tallies = Tallies::new(self.clock.clone(), self.entropy.clone());
        let wake = Arc::new(Notify::new());
        let sender = Sender::new(sender::Parts {
            outbox: Outbox::new(self.database.clone()),
            commands: self.commands.clone(),
            vault: self.vault.clone(),
            transport: serving.transport,
            society: policy.society.clone(),
            policy: self.policy.label(),
            public_url: serving.public_url.origin.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { projector.run().await });
        let reactor = Arc::new(MailReactor::new(wake.clone()));
        tasks.spawn(subscription::follow(
            self.log.clone(),
            self.database.clone(),
            reactor,
        ));
        tasks.spawn(sender.clone().run(wake));
        tasks.spawn(sweeper::run(
            self.vault.clone(),
            self.log.clone(),
            self.clock.clone(),
        ));
        tasks.spawn(
            tallies
                .clone()
                .run(self.commands.clone(), self.policy.label()),
        );
        let api = Api::new(api::Parts {
            commands: self.commands.clone(),
            vault: self.vault.clone(),
            statuses,
            read: self.database.read.clone(),
            policy: policy.clone(),
            policy_version: self.policy.label(),
            limits: Arc::new(policy.limits.clone()),
            public_url: serving.public_url,
            trusted_proxies: serving.trusted_proxies,
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            tallies,
            blocklist: api::blocklist::blocklist(),
        });
        Served {
            router: api::router(&api),
            api,
            tasks,
            sender,
        }
    }
}

/// Looks at the settings and the files that they name, and answers with the policy, if one is given. Touches nothing, so
/// that a mistake is told before anything is created.
///
/// # Errors
/// One line: what is wrong, and what to do.
pub fn look_at(settings: &DataSettings, need: PolicyNeed) -> Result<Option<LoadedPolicy>, Fault> {
    let given = settings
        .policy
        .as_deref()
        .map(LoadedPolicy::read)
        .transpose()?;
    if need == PolicyNeed::Given && given.is_none() {
        return Err(Fault(
            "--policy FILE is needed: the society's rules".to_owned(),
        ));
    }
    let keys = keys_path(settings)?;
    match Keys::load(&keys) {
        Ok(_) => {}
        Err(KeyError::Missing(_)) => database::folder_of(&keys)
            .map_err(|error| Fault::from_error(&format!("key file {}", keys.display()), error))?,
        Err(error) => return Err(Fault(error.to_string())),
    }
    for url in std::iter::once(&settings.database).chain(&settings.key_database) {
        Database::look_at(url).map_err(|error| Fault(error.to_string()))?;
    }
    Ok(given)
}

/// Creates what is missing of databases and key file, and brings the tables up to date. `told` hears lines for the operator.
///
/// # Errors
/// One line: what is wrong, and what to do.
pub async fn migrate(
    settings: &DataSettings,
    clock: &Clock,
    told: impl Fn(&str),
) -> Result<(), Fault> {
    look_at(settings, PolicyNeed::Adopted)?;
    open_keys(settings, Opening::TO_FILL, clock, told)
        .await
        .map(drop)
}

/// Opens the databases, and the keys that belong to them.
async fn open_keys(
    settings: &DataSettings,
    opening: Opening,
    clock: &Clock,
    told: impl Fn(&str),
) -> Result<(Database, Database, Keys), Fault> {
    let keys_path = keys_path(settings)?;
    // Before a database is created for keys that turn out to be unusable.
    match Keys::load(&keys_path) {
        Ok(_) | Err(KeyError::Missing(_)) => {}
        Err(error) => return Err(Fault(error.to_string())),
    }
    let entropy = Entropy::new(clock.clone());
    let (database, key_database) = open_databases(settings, opening).await?;
    let opened = Keys::open(
        &keys_path,
        &database,
        &key_database,
        &entropy,
        clock.now(),
        opening.if_missing,
    );
    let (keys, file) = match opened.await {
        Ok(opened) => opened,
        Err(error) => {
            key_database.close().await;
            database.close().await;
            return Err(Fault(error.to_string()));
        }
    };
    if file == KeyFile::Created {
        told(&format!(
            "created the key file {}: keep a copy apart from the database; without it, the data cannot be read",
            keys_path.display()
        ));
    }
    Ok((database, key_database, keys))
}

/// Opens both databases and brings their tables up to date, or sees that they are. What is opened in vain is closed again,
/// so that no file of it but the database itself stays behind.
///
/// # Errors
/// One line: what is wrong, and what to do.
async fn open_databases(
    settings: &DataSettings,
    opening: Opening,
) -> Result<(Database, Database), Fault> {
    let open = async |url: &str, tables| {
        let opened = match opening.if_missing {
            IfMissing::Create => Database::open(url).await,
            IfMissing::Refuse => Database::open_existing(url).await,
        };
        let database = opened.map_err(|error| Fault(error.to_string()))?;
        let usable = if opening.migrate {
            let migrated = database.migrate(tables).await;
            migrated.map_err(|error| error.to_string())
        } else {
            match database.is_up_to_date(tables).await {
                Ok(true) => Ok(()),
                Ok(false) => {
                    Err("its tables are not up to date; run `kadode migrate` first".to_owned())
                }
                Err(error) => Err(error.to_string()),
            }
        };
        if let Err(why) = usable {
            database.close().await;
            let path = database.sqlite_path().display();
            return Err(Fault(format!("database {path}: {why}")));
        }
        Ok::<_, Fault>(database)
    };
    let database = open(&settings.database, &database::MAIN).await?;
    let keys_url = settings
        .key_database
        .clone()
        .unwrap_or_else(|| database.default_key_database());
    match open(&keys_url, &database::KEYS).await {
        Ok(key_database) => Ok((database, key_database)),
        Err(fault) => {
            database.close().await;
            Err(fault)
        }
    }
}

fn keys_path(settings: &DataSettings) -> Result<PathBuf, Fault> {
    settings.keys.clone().ok_or_else(|| {
        Fault(
            "KADODE_KEYS is not set: give the path of the master key file (it is created where there is none yet)"
                .to_owned(),
        )
    })
}

async fn adopted(commands: &Commands) -> Result<LoadedPolicy, Fault> {
    let adoptions: Adoptions = commands
        .load(POLICY_STREAM)
        .await
        .map_err(|error| Fault::from_error("the adopted policy cannot be read", error))?;
    let (_, text) = adoptions.present.ok_or_else(|| {
        Fault("no policy was adopted in this database yet: give --policy FILE".to_owned())
    })?;
    LoadedPolicy::parse("in the log", text)
}
