//! Opening a society's data: what there must be, what is created, and in one line what is wrong.

use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::{Fault, Society};
use crate::ambient::{Clock, Entropy};
use crate::commands::Commands;
use crate::config::DataSettings;
use crate::database::{self, Database, OpenError, Tables};
use crate::policies::{LoadedPolicy, Policies};
use crate::store::{EventLog, KurrentLog};
use crate::vault::{IfMissing, KeyError, KeyFile, Keys, Settings, Vault};

/// Which policy a subcommand works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyNeed {
    /// `--policy` must be given.
    Given,
    /// The one in the log, if none is given.
    Adopted,
}

/// What opening a society's data needs, and may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Which policy counts.
    pub policy: PolicyNeed,
    /// Whether databases and key file that are missing are created, and tables of an older version brought up to date;
    /// else nothing is written, and either is refused.
    pub prepare: bool,
    /// How many sign-ins may wait for their turn.
    pub sign_in_queue: usize,
}

impl Opening {
    /// For what serves or fills a database.
    pub const TO_FILL: Self = Self {
        policy: PolicyNeed::Given,
        prepare: true,
        sign_in_queue: 0,
    };

    /// For what reads with a policy at hand.
    pub const TO_READ: Self = Self {
        policy: PolicyNeed::Given,
        prepare: false,
        sign_in_queue: 0,
    };

    /// For what adds to a database, whatever its policy.
    pub const TO_ADD: Self = Self {
        policy: PolicyNeed::Adopted,
        ..Self::TO_FILL
    };

    /// For what looks after a database, whatever its policy.
    pub const TO_LOOK: Self = Self {
        policy: PolicyNeed::Adopted,
        ..Self::TO_READ
    };
}

impl Society {
    /// Opens the data of a society. `told` hears lines for the operator.
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
        let checkpoint_file = keys_path(settings)?.with_added_extension("checkpoint");
        let witness_files = settings.witness_file.clone();
        let operator = settings.operator();
        let (database, key_database, keys) =
            open_keys(settings, opening.prepare.into(), &clock, told).await?;
        let log = EventLog::open_at(settings.events.as_deref(), database.clone(), clock.clone());
        let log = match log.await {
            Ok(log) => log,
            Err(error) => {
                key_database.close().await;
                database.close().await;
                return Err(Fault::from_error("the event log cannot be opened", error));
            }
        };
        // Whoever looks for what is wrong must get in, though it cannot be read.
        let known = log.last_time().await.ok().flatten();
        let commands = Commands::new(log.clone());
        let policy = match given {
            Some(policy) => policy,
            None => LoadedPolicy::adopted(&commands).await?,
        };
        let policies = Policies::new(commands.clone(), &policy);
        let limits = &policy.policy.limits;
        let settings = Settings {
            user_id_case_sensitive: policy.policy.user_id_case_sensitive,
            sign_in: limits.sign_in,
            session: limits.session,
            otp_pending_minutes: limits.otp.pending_minutes,
            hashes_waiting: opening.sign_in_queue,
        };
        let vault = Vault::new(&database, &key_database, &keys, &entropy, &settings);
        Ok(Self {
            clock,
            entropy,
            database,
            key_database,
            log,
            commands,
            vault,
            policy,
            policies,
            known,
            opened: Instant::now(),
            checkpoint_file,
            witness_files,
            operator,
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
}

/// Looks at the settings and the files that they name, and answers with the policy, if one is given. Touches nothing, so
/// that a mistake is told before anything is created.
///
/// # Errors
/// One line: what is wrong, and what to do.
pub fn look_at(settings: &DataSettings, need: PolicyNeed) -> Result<Option<LoadedPolicy>, Fault> {
    let given = match need {
        PolicyNeed::Given => Some(given_policy(settings)?),
        PolicyNeed::Adopted => settings
            .policy
            .as_deref()
            .map(LoadedPolicy::read)
            .transpose()?,
    };
    let keys = keys_path(settings)?;
    match Keys::load(&keys) {
        Ok(_) => {}
        Err(KeyError::Missing(_)) => database::folder_of(&keys)
            .map_err(|error| Fault::from_error(&format!("key file {}", keys.display()), error))?,
        Err(error) => return Err(Fault(error.to_string())),
    }
    if settings.key_database.as_ref() == Some(&settings.database) {
        return Err(Fault(
            "--key-database must be another database than --database: the keys are backed up apart, and for a short time only"
                .to_owned(),
        ));
    }
    for url in std::iter::once(&settings.database).chain(&settings.key_database) {
        Database::look_at(url).map_err(|error| Fault(error.to_string()))?;
    }
    if let Some(url) = &settings.events {
        KurrentLog::look_at(url).map_err(|error| Fault(error.to_string()))?;
    }
    Ok(given)
}

/// The policy of `--policy`.
///
/// # Errors
/// None is given, or it cannot be read.
pub fn given_policy(settings: &DataSettings) -> Result<LoadedPolicy, Fault> {
    match settings.policy.as_deref() {
        Some(path) => Ok(LoadedPolicy::read(path)?),
        None => Err(Fault(
            "--policy FILE is needed: the society's rules".to_owned(),
        )),
    }
}

/// Creates what is missing of databases and key file, and brings the tables up to date, also those on a server. There, `role` is given
/// the rights that the other subcommands need. `told` hears lines for the operator.
///
/// # Errors
/// One line: what is wrong, and what to do.
pub async fn migrate(
    settings: &DataSettings,
    role: Option<&str>,
    clock: &Clock,
    told: impl Fn(&str),
) -> Result<(), Fault> {
    look_at(settings, PolicyNeed::Adopted)?;
    let (database, key_database, _) = open_keys(settings, Prepare::All, clock, told).await?;
    let mut granted = Ok(());
    for database in [&database, &key_database] {
        if let Some(role) = role
            && granted.is_ok()
            && database.is_on_server()
        {
            granted = database
                .grant(role)
                .await
                .map_err(|error| fault_of(database, format!("--role {role}: {error}")));
        }
    }
    key_database.close().await;
    database.close().await;
    granted
}

/// What may be created or brought up to date.
#[derive(Clone, Copy, PartialEq)]
enum Prepare {
    Nothing,
    /// What is in files.
    Files,
    /// Tables on a server too.
    All,
}

impl From<bool> for Prepare {
    fn from(prepare: bool) -> Self {
        if prepare { Self::Files } else { Self::Nothing }
    }
}

/// Opens the databases, and the keys that belong to them.
async fn open_keys(
    settings: &DataSettings,
    prepare: Prepare,
    clock: &Clock,
    told: impl Fn(&str),
) -> Result<(Database, Database, Keys), Fault> {
    let keys_path = keys_path(settings)?;
    let entropy = Entropy::new(clock.clone());
    let (database, key_database) = open_databases(settings, &keys_path, prepare).await?;
    let opened = Keys::open(
        &keys_path,
        &database,
        &key_database,
        &entropy,
        clock.now(),
        if prepare == Prepare::Nothing {
            IfMissing::Refuse
        } else {
            IfMissing::Create
        },
    );
    let (keys, file) = match opened.await {
        Ok(opened) => opened,
        Err(error) => {
            key_database.close().await;
            database.close().await;
            return Err(Fault(error.to_string()));
        }
    };
    let path = keys_path.display();
    match file {
        KeyFile::Found => {}
        KeyFile::Created => told(&format!(
            "created the key file {path}: keep a copy apart from the database; without it, the data cannot be read"
        )),
        KeyFile::Completed => told(&format!(
            "added the key that signs the audit ledger to the key file {path}: copy it anew to wherever it is kept or used"
        )),
    }
    Ok((database, key_database, keys))
}

/// Opens both databases and brings their tables up to date, or sees that they are. What is opened in vain is closed again, so that
/// no file of it but the database itself stays behind.
async fn open_databases(
    settings: &DataSettings,
    keys_path: &Path,
    prepare: Prepare,
) -> Result<(Database, Database), Fault> {
    let database = open_one(&settings.database, prepare).await?;
    let opened = async {
        let key_database = open_key_database(settings, keys_path, &database, prepare).await?;
        let ready = async {
            make_ready(&database, &database::MAIN, prepare).await?;
            make_ready(&key_database, &database::KEYS, prepare).await
        };
        match ready.await {
            Ok(()) => Ok(key_database),
            Err(fault) => {
                key_database.close().await;
                Err(fault)
            }
        }
    };
    match opened.await {
        Ok(key_database) => Ok((database, key_database)),
        Err(fault) => {
            database.close().await;
            Err(fault)
        }
    }
}

/// Opens the key database. Where the main one was made with keys, it must be there and both must be of this key file: looked at before
/// anything is created or migrated, so that a slip of the operator changes nothing.
async fn open_key_database(
    settings: &DataSettings,
    keys_path: &Path,
    database: &Database,
    prepare: Prepare,
) -> Result<Database, Fault> {
    let default = || database.default_key_database();
    let Some(url) = settings.key_database.clone().or_else(default) else {
        return Err(Fault(
            "--key-database URL is needed beside a database on a server: one of its own for the wrapped keys, with short-lived backups"
                .to_owned(),
        ));
    };
    let made = Keys::has_been_made_for(database)
        .await
        .map_err(|error| fault_of(database, error))?;
    if !made {
        return open_one(&url, prepare).await;
    }
    let key_database = match Database::open_existing(&url).await {
        Err(OpenError::Missing(path)) => {
            return Err(Fault(
                KeyError::OtherKeyDatabase(path.display().to_string()).to_string(),
            ));
        }
        opened => opened.map_err(|error| Fault(error.to_string()))?,
    };
    match Keys::look_at(keys_path, database, &key_database).await {
        Ok(()) => Ok(key_database),
        Err(error) => {
            key_database.close().await;
            Err(Fault(error.to_string()))
        }
    }
}

async fn open_one(url: &str, prepare: Prepare) -> Result<Database, Fault> {
    let opened = if prepare == Prepare::Nothing {
        Database::open_existing(url).await
    } else {
        Database::open(url).await
    };
    opened.map_err(|error| Fault(error.to_string()))
}

/// Brings a database's tables up to date, or sees that they are.
async fn make_ready(database: &Database, tables: &Tables, prepare: Prepare) -> Result<(), Fault> {
    if prepare == Prepare::All || prepare == Prepare::Files && !database.is_on_server() {
        let migrated = database.migrate(tables).await;
        return migrated.map_err(|error| fault_of(database, error));
    }
    match database.is_up_to_date(tables).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(fault_of(
            database,
            "its tables are not up to date; run `kadode migrate` first, on a server as the owner of the database",
        )),
        Err(error) => Err(fault_of(database, error)),
    }
}

fn fault_of(database: &Database, why: impl std::fmt::Display) -> Fault {
    Fault(format!("database {}: {why}", database.shown()))
}

fn keys_path(settings: &DataSettings) -> Result<PathBuf, Fault> {
    settings.keys.clone().ok_or_else(|| {
        Fault(
            "KADODE_KEYS is not set: give the path of the master key file (it is created where there is none yet)"
                .to_owned(),
        )
    })
}
