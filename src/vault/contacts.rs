//! E-mail addresses, sealed, with a blind index for what is counted per address.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;

use super::VaultError;
use super::blind::Blind;
use super::data_keys::{Class, DataKeys};
use super::seal::Place;
use crate::database::{Database, bind_all, fixed_width, placeholders};
use crate::domain::ids::{ContactId, MemberId};

const TABLE: &str = "contacts";

/// The e-mail addresses that members entered.
#[derive(Clone, Debug)]
pub struct Contacts {
    database: Database,
    data_keys: DataKeys,
    blind: Blind,
}

impl Contacts {
    pub(super) const fn new(database: Database, data_keys: DataKeys, blind: Blind) -> Self {
        Self {
            database,
            data_keys,
            blind,
        }
    }

    /// Keeps an address under a new id; a repetition changes nothing.
    ///
    /// # Errors
    /// The member was erased, or the database is away.
    pub async fn store(
        &self,
        contact: ContactId,
        member: MemberId,
        address: &str,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        let id = contact.to_string();
        let key = self.data_keys.make_one(member, Class::Person, now).await?;
        let sealed = key.seal(&self.data_keys.entropy, place(&id), address.as_bytes())?;
        sqlx::query(
            "INSERT INTO contacts (contact_id, member_id, sealed, address_index, written_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (contact_id) DO NOTHING",
        )
        .bind(id)
        .bind(member.to_string())
        .bind(sealed)
        .bind(self.blind.address(address).written().to_owned())
        .bind(fixed_width(now))
        .execute(&self.database.write)
        .await?;
        Ok(())
    }

    /// The address, as it was entered.
    ///
    /// # Errors
    /// There is none, its member was erased, or the database is away.
    pub async fn address(&self, contact: ContactId) -> Result<SecretString, VaultError> {
        let id = contact.to_string();
        let row = sqlx::query("SELECT sealed FROM contacts WHERE contact_id = $1")
            .bind(id.clone())
            .fetch_optional(&self.database.read)
            .await?
            .ok_or(VaultError::Missing(TABLE))?;
        let sealed: String = row.try_get("sealed")?;
        let plain = self.data_keys.open(place(&id), &sealed).await?;
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::Damaged(TABLE))?;
        Ok(SecretString::from(text))
    }

    /// Whether this is the contact's address; capital and small letters are one.
    ///
    /// # Errors
    /// There is no such contact, or the database is away.
    pub async fn same_address(
        &self,
        contact: ContactId,
        address: &str,
    ) -> Result<bool, VaultError> {
        let row = sqlx::query("SELECT address_index FROM contacts WHERE contact_id = $1")
            .bind(contact.to_string())
            .fetch_optional(&self.database.read)
            .await?
            .ok_or(VaultError::Missing(TABLE))?;
        let index: String = row.try_get("address_index")?;
        Ok(self.blind.address(address).all().contains(&index))
    }

    /// All contacts, of whatever member, that have this contact's address; itself among them.
    ///
    /// # Errors
    /// There is no such contact, its member was erased, or the database is away.
    pub async fn of_same_address(&self, contact: ContactId) -> Result<Vec<ContactId>, VaultError> {
        // By the address itself, since contacts of other years have their index under another key.
        let address = self.address(contact).await?;
        self.of_address(address.expose_secret()).await
    }

    /// All contacts, of whatever member, that have this address.
    ///
    /// # Errors
    /// The database is away.
    pub async fn of_address(&self, address: &str) -> Result<Vec<ContactId>, VaultError> {
        let index = self.blind.address(address);
        let sql = format!(
            "SELECT contact_id FROM contacts WHERE address_index IN {} ORDER BY contact_id",
            placeholders(index.all().len())
        );
        let rows = bind_all(sqlx::query(&sql), index.all())
            .fetch_all(&self.database.read)
            .await?;
        rows.iter()
            .map(|row| {
                row.try_get::<String, _>("contact_id")?
                    .parse()
                    .map_err(|_| VaultError::Damaged(TABLE))
            })
            .collect()
    }
}

const fn place(contact: &str) -> Place<'_> {
    Place {
        table: TABLE,
        column: "sealed",
        row: contact,
    }
}
