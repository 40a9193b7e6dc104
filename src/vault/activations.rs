//! In which browser and with an address at which domain members set their first passwords, so that one hand behind many is noticed.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};

use super::VaultError;
use super::blind::Blind;
use super::devices::Devices;
use super::forget::forget;
use crate::database::{Database, fixed_width};
use crate::domain::ids::MemberId;

const TABLE: &str = "activations";

/// What is older no longer counts (judgement: letters to a society are answered within weeks).
const WINDOW: SignedDuration = SignedDuration::from_hours(24 * 30);

/// More than this many, the newest, are not looked at (judgement): so many are a company's or a provider's people, and each of them
/// looks.
const MOST: i64 = 1000;

/// Knows which members resemble each other. Clones share connections and keys.
#[derive(Clone, Debug)]
pub struct Activations {
    database: Database,
    blind: Blind,
    devices: Devices,
}

/// Members who have a browser or a domain in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    /// A keyed hash of what they have in common.
    pub mark: String,
    /// Those of the last thirty days.
    pub members: BTreeSet<MemberId>,
}

impl Activations {
    pub(super) const fn new(database: Database, blind: Blind, devices: Devices) -> Self {
        Self {
            database,
            blind,
            devices,
        }
    }

    /// Notes that the member set a first password in the browser with this cookie, and tells who else did; none, if the cookie is not ours.
    ///
    /// # Errors
    /// The database is away.
    pub async fn in_browser(
        &self,
        cookie: &str,
        member: MemberId,
        now: Timestamp,
    ) -> Result<Option<Alike>, VaultError> {
        let Some(device) = self.devices.open(cookie) else {
            return Ok(None);
        };
        let mark = self.blind.scope("browser", &HEXLOWER.encode(&device));
        self.noted(mark, member, now).await.map(Some)
    }

    /// The same with an address at this domain.
    ///
    /// # Errors
    /// The database is away.
    pub async fn at_domain(
        &self,
        domain: &str,
        member: MemberId,
        now: Timestamp,
    ) -> Result<Alike, VaultError> {
        let mark = self
            .blind
            .scope("mail domain", &domain.to_ascii_lowercase());
        self.noted(mark, member, now).await
    }

    async fn noted(
        &self,
        mark: String,
        member: MemberId,
        now: Timestamp,
    ) -> Result<Alike, VaultError> {
        sqlx::query(
            "INSERT INTO activations (mark, member_id, activated_at) VALUES ($1, $2, $3) \
             ON CONFLICT (mark, member_id) DO UPDATE SET activated_at = excluded.activated_at",
        )
        .bind(mark.clone())
        .bind(member.to_string())
        .bind(fixed_width(now))
        .execute(&self.database.write)
        .await?;
        let members: Vec<String> = sqlx::query_scalar(
            "SELECT member_id FROM activations WHERE mark = $1 AND activated_at > $2 ORDER BY activated_at DESC LIMIT $3",
        )
        .bind(mark.clone())
        .bind(fixed_width(now - WINDOW))
        .bind(MOST)
        .fetch_all(&self.database.read)
        .await?;
        let members = members
            .iter()
            .map(|member| member.parse().map_err(|_| VaultError::Damaged(TABLE)));
        Ok(Alike {
            mark,
            members: members.collect::<Result<_, _>>()?,
        })
    }

    /// Forgets what no longer counts; returns how many rows.
    ///
    /// # Errors
    /// The database is away.
    pub async fn forget(&self, now: Timestamp) -> Result<u64, VaultError> {
        let old = format!("activated_at < '{}'", fixed_width(now - WINDOW));
        forget(&self.database, TABLE, "mark, member_id", &old).await
    }
}
