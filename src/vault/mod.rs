//! The vault: personal data and password verifiers sealed under keys of each member, sessions and waiting times.
//!
//! Nothing here appears in the clear in a database file, an error or a `Debug` text. Creation is vault first, event second;
//! destruction is event first.

mod activations;
mod blind;
mod contacts;
mod credentials;
mod data_keys;
mod devices;
mod exports;
mod failing;
mod forget;
mod guesses;
mod hasher;
mod initial_passwords;
mod key_check;
mod key_file;
mod keys;
mod one_time;
mod parcels;
mod profile;
mod profiles;
mod restored;
mod roster;
mod roster_files;
mod rotation;
mod seal;
mod session;
mod sessions;
mod staff;
mod staff_access;
mod staff_secrets;
mod sweep;
#[cfg(test)]
mod tests;
mod traces;
mod waits;

pub use activations::{Activations, Alike};
pub use blind::normalise_id;
pub use contacts::Contacts;
pub use credentials::Credentials;
pub use data_keys::{DataKeyCounts, Rewrapped};
pub use devices::{DEVICE_AGE, Devices};
pub use exports::Exports;
pub use hasher::{Hasher, QueueFull, Slot};
pub use initial_passwords::{FIRST_ISSUE, InitialPasswords};
pub use key_file::{IfMissing, KeyError, KeyFile};
pub use keys::{Keys, Purpose};
pub use one_time::{Link, Notice, OneTime};
pub use parcels::{Parcel, ParcelError};
pub use profile::{Match, Page, Profile, Stored, given_user_id, was_given};
pub use profiles::Profiles;
pub use restored::close_after_restore;
pub use roster_files::{RosterFile, RosterFiles};
pub use rotation::{FORGOTTEN_AFTER, Rotation};
pub use session::{Found, Fresh, Opening, Session};
pub use sessions::Sessions;
pub use staff::{StaffNames, keys_of, lane_of_staff};
pub use staff_access::{StaffAccess, StaffSession};
pub use staff_secrets::StaffSecrets;
pub use sweep::{Named, Sweep};
pub use traces::{Trace, Traces};
pub use waits::{Begun, Kept, Lanes, Waits};

use sqlx::AnyConnection;

use crate::ambient::Entropy;
use crate::database::Database;
use crate::domain::ids::MemberId;
use crate::domain::policy::{SessionLimits, SignInLimits};
use crate::domain::values::KeyId;

/// The limits and rules that the vault keeps, mostly from the present policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether `Hanako` and `hanako` are two user IDs.
    pub user_id_case_sensitive: bool,
    /// Failing sign-ins and their waiting times.
    pub sign_in: SignInLimits,
    /// How long sessions last.
    pub session: SessionLimits,
    /// How long a sign-in may wait for its one-time password, in minutes.
    pub otp_pending_minutes: u32,
    /// How many may wait for the password hasher before the next is turned away.
    pub hashes_waiting: usize,
}

impl Default for Settings {
    /// The policy's defaults, and a queue of 256: some three seconds of hashing on two cores at 100 a second (measured).
    fn default() -> Self {
        Self {
            user_id_case_sensitive: false,
            sign_in: SignInLimits::default(),
            session: SessionLimits::default(),
            otp_pending_minutes: crate::domain::policy::OtpLimits::default().pending_minutes,
            hashes_waiting: 256,
        }
    }
}

/// Everything that is kept about a person, behind one value. Cheap to clone; clones share connections, keys and queue.
#[derive(Clone, Debug)]
pub struct Vault {
    /// The master keys, for whoever signs something of their own (HTML forms).
    pub keys: Keys,
    /// What the society knows of its members.
    pub profiles: Profiles,
    /// E-mail addresses.
    pub contacts: Contacts,
    /// Passwords that members chose.
    pub credentials: Credentials,
    /// Passwords on paper.
    pub initial_passwords: InitialPasswords,
    /// One-time passwords and mailed links.
    pub one_time: OneTime,
    /// Sessions of members.
    pub sessions: Sessions,
    /// Browsers that signed in before.
    pub devices: Devices,
    /// Members who resemble each other.
    pub activations: Activations,
    /// Failures and waiting times.
    pub waits: Waits,
    /// From where something was done.
    pub traces: Traces,
    /// The queue in front of argon2.
    pub hasher: Hasher,
    /// The names of staff.
    pub staff: StaffNames,
    /// First passwords and authenticators of staff.
    pub staff_secrets: StaffSecrets,
    /// Sessions and tokens of staff.
    pub staff_access: StaffAccess,
    /// Where exports of events have come to.
    pub exports: Exports,
    /// Rosters that wait or are being carried out.
    pub roster_files: RosterFiles,
    /// Removal of what no event names.
    pub sweep: Sweep,
    /// The change to another master key.
    pub rotation: Rotation,
    data_keys: data_keys::DataKeys,
}

impl Vault {
    /// Puts the vault together over two migrated databases and the keys that belong to them (see [`Keys::open`]).
    #[must_use]
    pub fn new(
        main: &Database,
        key_database: &Database,
        keys: &Keys,
        entropy: &Entropy,
        settings: &Settings,
    ) -> Self {
        let data_keys =
            data_keys::DataKeys::new(key_database.clone(), keys.clone(), entropy.clone());
        let blind = blind::Blind::new(keys.clone(), settings.user_id_case_sensitive);
        let devices = Devices::new(main.clone(), keys.clone(), blind.clone(), entropy.clone());
        Self {
            keys: keys.clone(),
            profiles: Profiles::new(main.clone(), data_keys.clone(), blind.clone()),
            contacts: Contacts::new(main.clone(), data_keys.clone(), blind.clone()),
            credentials: Credentials::new(
                main.clone(),
                data_keys.clone(),
                keys.clone(),
                entropy.clone(),
            ),
            initial_passwords: InitialPasswords::new(keys.clone()),
            one_time: OneTime::new(keys.clone()),
            sessions: Sessions::new(main.clone(), keys.clone(), entropy.clone(), settings),
            staff: StaffNames::new(main.clone(), data_keys.clone(), blind.clone()),
            staff_secrets: StaffSecrets::new(keys.clone()),
            staff_access: StaffAccess::new(main.clone(), keys.clone(), entropy.clone()),
            activations: Activations::new(main.clone(), blind.clone(), devices.clone()),
            waits: Waits::new(main.clone(), blind, devices.clone(), settings.sign_in),
            devices,
            traces: Traces::new(data_keys.clone()),
            hasher: Hasher::new(settings.hashes_waiting),
            exports: Exports::new(main.clone()),
            roster_files: RosterFiles::new(main.clone(), data_keys.clone()),
            sweep: Sweep::new(main.clone(), data_keys.clone()),
            rotation: Rotation::new(
                main.clone(),
                key_database.clone(),
                keys.clone(),
                data_keys.clone(),
                entropy,
            ),
            data_keys,
        }
    }

    /// Forgets the rows of a person, by `connection`, whoever commits it; nothing finds the member any more. [`Vault::destroy_keys`] comes after that
    /// commit, since by the keys alone a repetition finds all that is the member's. Safe to repeat.
    ///
    /// # Errors
    /// A database is away.
    pub async fn forget(
        &self,
        member: MemberId,
        connection: &mut AnyConnection,
    ) -> Result<(), VaultError> {
        match self.profiles.get(member).await {
            Ok(stored) => {
                let user_id = stored.profile.user_id;
                self.waits.forget_member(&user_id, &mut *connection).await?;
            }
            Err(error @ VaultError::Database(_)) => return Err(error),
            // It is forgotten already, or damaged: all the more reason to go on.
            Err(_) => {}
        }
        for table in [
            "profiles",
            "contacts",
            "credentials",
            "sessions",
            "outbox",
            "activations",
        ] {
            sqlx::query(&format!("DELETE FROM {table} WHERE member_id = $1"))
                .bind(member.to_string())
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    /// Destroys all keys of a member: what was sealed under them, in a backup too, is [`VaultError::Erased`] from now on. Safe to repeat.
    ///
    /// # Errors
    /// The key database is away.
    pub async fn destroy_keys(&self, member: MemberId) -> Result<(), VaultError> {
        self.data_keys.destroy(&[member]).await
    }
}

/// Why the vault cannot answer. No variant holds anything of a person.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The database is away, busy or full.
    #[error("vault: {0}")]
    Database(#[from] sqlx::Error),
    /// The member's keys were destroyed.
    #[error("vault: the member's keys were destroyed")]
    Erased,
    /// No row has this id.
    #[error("vault: no such row in {0}")]
    Missing(&'static str),
    /// Another member is the same person, or has the same user ID.
    #[error("vault: another member is the same person, or has the same user ID")]
    Taken,
    /// A sealed value does not open: it was changed, or moved from another row.
    #[error("vault: a sealed value of {0} does not open")]
    Damaged(&'static str),
    /// The key file lacks a key that something was sealed or derived with.
    #[error("vault: key {} is not in the key file", .0.0)]
    UnknownKey(KeyId),
    /// A password could not be hashed: the machine is out of memory, or shutting down.
    #[error("vault: the password hasher failed")]
    Hasher,
}
