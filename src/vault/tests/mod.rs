//! The vault on real SQLite files.

mod canaries;
mod chance;
mod credentials;
mod failing;
mod keys;
mod parcels;
mod people;
mod restored;
mod rotation;
mod sessions;
mod staff;
mod sweep;
mod waits;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::ambient::Clock;
use crate::database::{self, Database};

/// A vault in a folder of its own, and a clock that stands still.
struct House {
    folder: tempfile::TempDir,
    clock: Clock,
    entropy: Entropy,
    main: Database,
    key_database: Database,
    vault: Vault,
}

impl House {
    async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::standing_at("2026-04-10T03:00:00Z".parse().unwrap());
        let entropy = Entropy::new(clock.clone());
        let main = Database::open(&format!(
            "sqlite:{}",
            folder.path().join("main.sqlite").display()
        ))
        .await
        .unwrap();
        let key_database = Database::open(&main.default_key_database().unwrap())
            .await
            .unwrap();
        main.migrate(&database::MAIN).await.unwrap();
        key_database.migrate(&database::KEYS).await.unwrap();
        let path = folder.path().join("keys.toml");
        let (keys, _) = Keys::open(
            &path,
            &main,
            &key_database,
            &entropy,
            clock.now(),
            IfMissing::Create,
        )
        .await
        .unwrap();
        let vault = Vault::new(&main, &key_database, &keys, &entropy, &settings);
        Self {
            folder,
            clock,
            entropy,
            main,
            key_database,
            vault,
        }
    }

    /// The same databases under a key file that got a newer key, which they do not name.
    async fn with_a_newer_key(&self) -> Vault {
        let vault = self.with_an_added_key().await;
        assert_ne!(vault.keys.current(), self.vault.keys.current());
        vault
    }

    /// A key is added to the file, and the file opened again.
    async fn with_an_added_key(&self) -> Vault {
        let path = self.folder.path().join("keys.toml");
        let (keys, entropy) = (&self.vault.keys, &self.entropy);
        keys.add_key(&path, entropy, self.now()).unwrap();
        self.opened_again().await.unwrap()
    }

    /// The same databases and files, in another run of the program.
    async fn opened_again(&self) -> Result<Vault, KeyError> {
        let (keys, _) = Keys::open(
            &self.folder.path().join("keys.toml"),
            &self.main,
            &self.key_database,
            &self.entropy,
            self.now(),
            IfMissing::Refuse,
        )
        .await?;
        Ok(Vault::new(
            &self.main,
            &self.key_database,
            &keys,
            &self.entropy,
            &Settings::default(),
        ))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn after(&self, seconds: i64) -> Timestamp {
        self.now() + SignedDuration::from_secs(seconds)
    }

    fn member(&self) -> MemberId {
        MemberId(self.entropy.id())
    }

    async fn enter(&self, profile: Profile) -> MemberId {
        let member = self.member();
        let import = crate::domain::ids::ImportId(self.entropy.id());
        let rows = [(member, profile)];
        let profiles = &self.vault.profiles;
        let written = profiles.insert(import, &rows, &[], self.now()).await;
        written.unwrap();
        member
    }
}

/// The manual's example, with all that the vault must keep to itself.
fn hanako() -> Profile {
    Profile {
        user_id: "kadode01".to_owned(),
        name: "門出花子".to_owned(),
        symbol: "1".to_owned(),
        number: "11111".to_owned(),
        symbol_at_migration: None,
        number_at_migration: None,
        birth_date: date(1980, 1, 1),
        gid: None,
        joined_on: date(2020, 4, 1),
        registered: false,
    }
}
