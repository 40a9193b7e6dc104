//! From where something was done: sealed into the event's metadata, under a key that can be destroyed with its year.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use super::VaultError;
use super::data_keys::{Class, DataKeys};
use super::seal::Place;
use crate::domain::ids::{CommandId, MemberId};
use crate::domain::values::TOKYO;

const TABLE: &str = "traces";

/// Characters of a User-Agent header that are kept.
const USER_AGENT_LENGTH: usize = 512;

/// From where a command came.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The client's address.
    pub address: IpAddr,
    /// Its User-Agent header.
    pub user_agent: String,
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace")
    }
}

/// Seals and opens traces.
#[derive(Clone, Debug)]
pub struct Traces {
    data_keys: DataKeys,
}

impl Traces {
    pub(super) const fn new(data_keys: DataKeys) -> Self {
        Self { data_keys }
    }

    /// Seals the trace of a command under the member's trace key of the year of `at` in Asia/Tokyo.
    ///
    /// # Errors
    /// The member was erased, or the database is away.
    pub async fn seal(
        &self,
        member: MemberId,
        command: CommandId,
        trace: &Trace,
        at: Timestamp,
    ) -> Result<String, VaultError> {
        let class = Class::Trace(TOKYO.to_datetime(at).year());
        let key = self.data_keys.make_one(member, class, at).await?;
        let user_agent = trace.user_agent.chars().take(USER_AGENT_LENGTH).collect();
        let kept = Trace {
            address: trace.address,
            user_agent,
        };
        let plain =
            Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| VaultError::Damaged(TABLE))?);
        key.seal(
            &self.data_keys.entropy,
            place(&row(member, command)),
            &plain,
        )
    }

    /// Opens what [`Traces::seal`] gave for this member and command.
    ///
    /// # Errors
    /// The member or the year's traces were erased, it belongs to another command, or the database is away.
    pub async fn open(
        &self,
        member: MemberId,
        command: CommandId,
        sealed: &str,
    ) -> Result<Trace, VaultError> {
        let plain = self
            .data_keys
            .open(place(&row(member, command)), sealed)
            .await?;
        serde_json::from_slice(&plain).map_err(|_| VaultError::Damaged(TABLE))
    }
}

impl Traces {
    /// Opens several, each of its owner and command, in their order; none where it was erased or does not open.
    ///
    /// # Errors
    /// The database is away.
    pub async fn open_many(
        &self,
        sealed: &[(MemberId, CommandId, &str)],
    ) -> Result<Vec<Option<Trace>>, VaultError> {
        let texts = sealed.iter().map(|(_, _, text)| *text);
        let keys = self.data_keys.of(texts).await?;
        let open = |(owner, command, text): &(MemberId, CommandId, &str)| {
            let plain = keys.open(place(&row(*owner, *command)), text).ok()?;
            serde_json::from_slice(&plain).ok()
        };
        Ok(sealed.iter().map(open).collect())
    }
}

impl Traces {
    /// How many keys there are of traces up to the end of a year.
    ///
    /// # Errors
    /// The key database is away.
    pub async fn count_until(&self, year: i16) -> Result<u64, VaultError> {
        self.data_keys.count_traces(year).await
    }

    /// Destroys the keys of all traces up to the end of a year: none of them can be read from now on. Safe to repeat.
    ///
    /// # Errors
    /// The key database is away.
    pub async fn destroy_until(&self, year: i16) -> Result<(), VaultError> {
        self.data_keys.destroy_traces(year).await
    }
}

fn row(member: MemberId, command: CommandId) -> String {
    format!("{member} {command}")
}

const fn place(row: &str) -> Place<'_> {
    Place {
        table: TABLE,
        column: "trace",
        row,
    }
}
