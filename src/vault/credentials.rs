//! Verifiers of the passwords that members chose: Argon2id over a peppered password, sealed under the member's key.

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use sqlx::Row;
use unicode_normalization::UnicodeNormalization;

use super::VaultError;
use super::data_keys::{Class, DataKeys};
use super::hasher::{Peppered, Slot};
use super::keys::{Keys, Purpose};
use super::seal::Place;
use crate::ambient::Entropy;
use crate::database::{Database, fixed_width};
use crate::domain::ids::{CredentialId, MemberId};
use crate::domain::values::KeyId;

const TABLE: &str = "credentials";

/// The verifiers of all members.
#[derive(Clone, Debug)]
pub struct Credentials {
    database: Database,
    data_keys: DataKeys,
    keys: Keys,
    entropy: Entropy,
}

impl Credentials {
    pub(super) const fn new(
        database: Database,
        data_keys: DataKeys,
        keys: Keys,
        entropy: Entropy,
    ) -> Self {
        Self {
            database,
            data_keys,
            keys,
            entropy,
        }
    }

    /// Keeps the verifier of a password under a new id; a repetition changes nothing. Costs one run of argon2.
    ///
    /// # Errors
    /// The member was erased, or the database is away.
    pub async fn store(
        &self,
        slot: Slot,
        credential: CredentialId,
        member: MemberId,
        password: &str,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        let id = credential.to_string();
        let pepper = self.keys.current();
        let verifier = slot
            .hash(self.pepper(pepper, password)?, self.entropy.bytes())
            .await?;
        let key = self.data_keys.make_one(member, Class::Person, now).await?;
        let sealed = key.seal(
            &self.entropy,
            place(&id),
            Zeroizing::new(verifier).as_bytes(),
        )?;
        sqlx::query(
            "INSERT INTO credentials (credential_id, member_id, pepper_key_id, sealed, written_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (credential_id) DO NOTHING",
        )
        .bind(id)
        .bind(member.to_string())
        .bind(pepper.0.clone())
        .bind(sealed)
        .bind(fixed_width(now))
        .execute(&self.database.write)
        .await?;
        Ok(())
    }

    /// Whether this is the credential's password. Costs one run of argon2, also where there is no such credential or its
    /// member was erased (then `false`).
    ///
    /// # Errors
    /// The database is away, or the pepper is not in the key file.
    pub async fn verify(
        &self,
        slot: Slot,
        credential: CredentialId,
        password: &str,
    ) -> Result<bool, VaultError> {
        match self.verifier(credential).await {
            Ok((pepper, verifier)) => slot.verify(verifier, self.pepper(&pepper, password)?).await,
            Err(VaultError::Missing(_) | VaultError::Erased) => {
                slot.dummy().await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn verifier(
        &self,
        credential: CredentialId,
    ) -> Result<(KeyId, Zeroizing<String>), VaultError> {
        let id = credential.to_string();
        let row =
            sqlx::query("SELECT pepper_key_id, sealed FROM credentials WHERE credential_id = $1")
                .bind(id.clone())
                .fetch_optional(&self.database.read)
                .await?
                .ok_or(VaultError::Missing(TABLE))?;
        let sealed: String = row.try_get("sealed")?;
        let plain = self.data_keys.open(place(&id), &sealed).await?;
        let verifier = std::str::from_utf8(&plain).map_err(|_| VaultError::Damaged(TABLE))?;
        Ok((
            KeyId(row.try_get("pepper_key_id")?),
            Zeroizing::new(verifier.to_owned()),
        ))
    }

    /// NIST SP 800-63B-4, 3.1.1.2: NFC and nothing else, so that every character counts.
    fn pepper(&self, key: &KeyId, password: &str) -> Result<Peppered, VaultError> {
        let password = Zeroizing::new(password.nfc().collect::<String>());
        Ok(Zeroizing::new(self.keys.mac(
            Purpose::Pepper,
            key,
            &[password.as_bytes()],
        )?))
    }
}

const fn place(credential: &str) -> Place<'_> {
    Place {
        table: TABLE,
        column: "sealed",
        row: credential,
    }
}
