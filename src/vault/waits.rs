//! Failures in a row and the waiting times that follow from them, known user ID or not.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use sqlx::{Any, AnyConnection, Executor, Row};

use super::VaultError;
use super::blind::Blind;
use super::devices::Devices;
use super::failing::{self, Scopes};
use super::forget::forget;
use super::guesses::{self, Guesses};
use crate::database::{
    Database, Statement, Transaction, bind_all, fixed_width, placeholders, time_of,
};
use crate::domain::policy::SignInLimits;

/// How long failures are kept after the last: far beyond the longest waiting time, so that waiting longer than that gains nothing.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The same for so few failures that no waiting time followed. A slow guesser gains less than the longest waiting time allows.
const KEPT_BELOW_THE_BOUND: SignedDuration = SignedDuration::from_hours(24);

/// Where the failures of a try count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    ids: Vec<(String, Kind)>,
    shown: Option<Timestamp>,
    scopes: Scopes,
    pub(super) guesses: Guesses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One typed user ID in one network.
    Network,
    /// One typed user ID in all networks.
    AllNetworks,
    /// One typed user ID in a browser that signed in with it before.
    Browser,
}

impl Kind {
    /// As it is stored.
    const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::AllNetworks => "all networks",
            Self::Browser => "browser",
        }
    }
}

impl Lanes {
    /// When the browser that the try comes from showed last that it is the member's; none, if it never did.
    #[must_use]
    pub const fn shown(&self) -> Option<Timestamp> {
        self.shown
    }
}

/// What became of the wish to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It may be checked, and has been counted as a failure already.
    Allowed {
        /// Further tries until a wait begins, if this one fails; 0: it begins at once.
        tries_left: u32,
        /// The end of the wait that begins if this one fails.
        wait_ends: Option<Timestamp>,
    },
    /// A waiting time runs; nothing was counted.
    Waiting {
        /// Its end.
        until: Timestamp,
    },
    /// Too many failures in a row in a browser of the member's own: only support can help.
    NeedsSupport,
}

/// What keeps somebody with a user ID from signing in, somewhere at least, and can be lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The end of the longest waiting time that runs; none, if only a browser is closed.
    pub until: Option<Timestamp>,
    /// Whether one runs in all networks, and not only where somebody failed.
    pub everywhere: bool,
    /// Whether a browser of the member's own has failed so often that only support can help.
    pub browser_closed: bool,
    /// When the last of these failures was.
    pub failed_at: Timestamp,
}

/// Counts failures.
#[derive(Clone, Debug)]
pub struct Waits {
    pub(super) database: Database,
    pub(super) blind: Blind,
    devices: Devices,
    pub(super) limits: SignInLimits,
}

impl Waits {
    pub(super) const fn new(
        database: Database,
        blind: Blind,
        devices: Devices,
        limits: SignInLimits,
    ) -> Self {
        Self {
            database,
            blind,
            devices,
            limits,
        }
    }

    /// Where a try with this typed user ID counts: in a browser that signed in with it before (by its device cookie) only
    /// there, so that strangers' failures do not keep a member out; else in its network and in all networks together, and beside
    /// other user IDs that fail in that network or with that 記号 (`symbol`).
    ///
    /// # Errors
    /// The database is away.
    pub async fn lanes(
        &self,
        user_id: &str,
        symbol: Option<&str>,
        address: IpAddr,
        device_cookie: Option<&str>,
    ) -> Result<Lanes, VaultError> {
        if let Some(cookie) = device_cookie
            && let Some((device, shown)) = self.devices.known(cookie, user_id).await?
        {
            let device = data_encoding::BASE64URL_NOPAD.encode(&device);
            let lane = self.blind.lane(user_id, Kind::Browser.name(), &device);
            return Ok(Lanes {
                ids: vec![(lane, Kind::Browser)],
                shown: Some(shown),
                scopes: self.scopes(user_id, Vec::new()),
                guesses: Guesses::default(),
            });
        }
        let network = network(address);
        let ids = vec![
            (
                self.blind.lane(user_id, Kind::Network.name(), &network),
                Kind::Network,
            ),
            (self.all_networks(user_id), Kind::AllNetworks),
        ];
        let mut places = vec![(
            self.blind.scope("network", &network),
            self.limits.failing_members_per_network,
        )];
        places.extend(symbol.map(|symbol| {
            (
                self.blind.scope("symbol", symbol),
                self.limits.failing_members_per_symbol,
            )
        }));
        Ok(Lanes {
            ids,
            shown: None,
            scopes: self.scopes(user_id, places),
            guesses: self.guesses(user_id, symbol),
        })
    }

    /// The end of the waiting time that runs now, if one does.
    ///
    /// # Errors
    /// The database is away.
    pub async fn check(
        &self,
        lanes: &Lanes,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, VaultError> {
        waiting(&self.database.read, lanes, now).await
    }

    /// Counts a try before it is checked, so that any number at once cannot pass under the bound. [`Waits::succeeded`]
    /// or [`Waits::take_back`] undo it; after a failure comes [`Waits::failed`].
    ///
    /// Where many others are failing, waiting times in the network's lane begin with the first failure. Not so in all
    /// networks together: a stranger's sweep must not keep a member out elsewhere.
    ///
    /// # Errors
    /// The database is away; then nothing was counted.
    pub async fn begin_try(&self, lanes: &Lanes, now: Timestamp) -> Result<Begun, VaultError> {
        let mut tries_left = u32::MAX;
        let mut wait_ends: Option<Timestamp> = None;
        let (mut transaction, hot, counted) = self.count(lanes, now).await?;
        if counted.len() < lanes.ids.len() {
            let until = waiting(&mut *transaction, lanes, now).await?.unwrap_or(now);
            transaction.rollback().await?;
            return Ok(Begun::Waiting { until });
        }
        for (lane, kind) in &lanes.ids {
            let failures = counted.get(lane).copied().unwrap_or(u32::MAX);
            if *kind == Kind::Browser && failures > self.limits.failures_per_browser {
                transaction.rollback().await?;
                return Ok(Begun::NeedsSupport);
            }
            let bound = match kind {
                // Whoever types wrongly amid a sweep waits from the first failure on, as long as after the fifth elsewhere.
                Kind::Network if hot => 1,
                Kind::Network | Kind::Browser => self.limits.failures_before_wait,
                Kind::AllNetworks => self.limits.failures_per_id,
            };
            let wait = failures.checked_sub(bound).map(|over| self.wait(over));
            tries_left = tries_left.min(bound.saturating_sub(failures));
            if let Some(wait) = wait {
                let ends = now + wait;
                wait_ends = wait_ends.max(Some(ends));
                sqlx::query("UPDATE waits SET wait_ends = $1 WHERE lane = $2")
                    .bind(fixed_width(ends))
                    .bind(lane.clone())
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        transaction.commit().await?;
        Ok(Begun::Allowed {
            tries_left,
            wait_ends,
        })
    }

    /// Counts one failure more in each lane where no waiting time runs, and answers how many there are now, and whether many others are failing
    /// beside them.
    async fn count(
        &self,
        lanes: &Lanes,
        now: Timestamp,
    ) -> Result<(Transaction, bool, HashMap<String, u32>), VaultError> {
        let row = |at: usize| format!("(${}, 1, $1, $2, ${})", 2 * at + 3, 2 * at + 4);
        let rows: Vec<String> = (0..lanes.ids.len()).map(row).collect();
        let (rows, hot) = (rows.join(", "), lanes.scopes.hot(2 + 2 * lanes.ids.len()));
        let sql = format!(
            "INSERT INTO waits (lane, failures, tried_at, typed, kind) VALUES {rows} \
             ON CONFLICT (lane) DO UPDATE SET failures = waits.failures + 1, tried_at = excluded.tried_at, \
             typed = excluded.typed, kind = excluded.kind \
             WHERE waits.wait_ends IS NULL OR waits.wait_ends <= excluded.tried_at RETURNING lane, failures, {hot} AS hot"
        );
        let mut query = sqlx::query(&sql)
            .bind(fixed_width(now))
            .bind(lanes.scopes.typed.clone());
        for (lane, kind) in &lanes.ids {
            query = query.bind(lane.clone()).bind(kind.name());
        }
        let query = lanes.scopes.bind_hot(query, now);
        let (transaction, rows) = self.database.begin_with(query).await?;
        let (mut hot, mut counted) = (false, HashMap::new());
        for row in rows {
            hot = row.try_get::<i64, _>("hot")? == 1;
            let failures = u32::try_from(row.try_get::<i64, _>("failures")?);
            counted.insert(row.try_get("lane")?, failures.unwrap_or(u32::MAX));
        }
        Ok((transaction, hot, counted))
    }

    /// The try failed: its user ID is counted among those that fail in its network and with its symbol. Only now, so that tries
    /// in flight make nothing hot.
    ///
    /// # Errors
    /// The database is away.
    pub async fn failed(&self, lanes: &Lanes, now: Timestamp) -> Result<(), VaultError> {
        lanes.scopes.note(&self.database, now).await
    }

    /// The try succeeded: its lanes start anew, its user ID is failing nowhere, and what the same browser guessed of it is taken out.
    ///
    /// # Errors
    /// The database is away.
    pub async fn succeeded(&self, lanes: &Lanes) -> Result<(), VaultError> {
        self.database.write_all(Self::success(lanes)).await?;
        Ok(())
    }

    /// What [`Waits::succeeded`] writes, to be written with something else.
    #[must_use]
    pub fn success(lanes: &Lanes) -> Vec<Statement> {
        let sql = format!(
            "DELETE FROM waits WHERE lane IN {}",
            placeholders(lanes.ids.len())
        );
        let waits = Statement::new(sql).bind_all(lanes.ids.iter().map(|(lane, _)| lane));
        let failing = lanes
            .scopes
            .failing_as()
            .map(|typed| Statement::new("DELETE FROM failing WHERE typed = $1").bind(typed));
        let guesses = lanes.guesses.forgiven();
        [Some(waits), failing, guesses]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What keeps whoever has a user ID from signing in, and [`Waits::lift`] would end; none, if nothing does.
    ///
    /// # Errors
    /// The database is away.
    pub async fn kept(&self, user_id: &str, now: Timestamp) -> Result<Option<Kept>, VaultError> {
        let row = sqlx::query(
            "SELECT MAX(tried_at) AS failed_at, MAX(CASE WHEN wait_ends > $2 THEN wait_ends END) AS until, \
             COUNT(CASE WHEN kind = $3 AND wait_ends > $2 THEN 1 END) AS everywhere, \
             COUNT(CASE WHEN kind = $4 AND failures >= $5 THEN 1 END) AS closed \
             FROM waits WHERE typed = $1 AND (wait_ends > $2 OR kind = $4 AND failures >= $5)",
        )
        .bind(self.blind.typed(user_id))
        .bind(fixed_width(now))
        .bind(Kind::AllNetworks.name())
        .bind(Kind::Browser.name())
        .bind(i64::from(self.limits.failures_per_browser))
        .fetch_one(&self.database.read)
        .await?;
        let time = |column| -> Result<Option<Timestamp>, VaultError> {
            let text: Option<String> = row.try_get(column)?;
            Ok(text.as_deref().map(time_of).transpose()?)
        };
        let Some(failed_at) = time("failed_at")? else {
            return Ok(None);
        };
        Ok(Some(Kept {
            until: time("until")?,
            everywhere: row.try_get::<i64, _>("everywhere")? > 0,
            browser_closed: row.try_get::<i64, _>("closed")? > 0,
            failed_at,
        }))
    }

    /// Ends all waiting times of a user ID, wherever they run, and leaves it as many tries as there are before a first one. How many wrong
    /// formulas were tried stays counted: staff must not open the way again for whoever guesses.
    ///
    /// # Errors
    /// The database is away; then they run on.
    pub async fn lift(&self, user_id: &str) -> Result<(), VaultError> {
        let mut transaction = self.database.begin().await?;
        self.lift_by(user_id, &mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The same by `connection`, whoever commits it.
    ///
    /// # Errors
    /// The database is away; then they run on.
    pub async fn lift_by(
        &self,
        user_id: &str,
        connection: &mut AnyConnection,
    ) -> Result<(), VaultError> {
        let typed = self.blind.typed(user_id);
        let all_networks = self.all_networks(user_id);
        let left = self.limits.failures_before_wait;
        let most = self.limits.failures_per_id.saturating_sub(left);
        sqlx::query("DELETE FROM waits WHERE typed = $1 AND lane <> $2")
            .bind(typed.clone())
            .bind(all_networks.clone())
            .execute(&mut *connection)
            .await?;
        sqlx::query(
            "UPDATE waits SET wait_ends = NULL, failures = CASE WHEN failures > $1 THEN $1 ELSE failures END WHERE lane = $2",
        )
        .bind(i64::from(most))
        .bind(all_networks)
        .execute(&mut *connection)
        .await?;
        sqlx::query("DELETE FROM failing WHERE typed = $1")
            .bind(typed)
            .execute(&mut *connection)
            .await?;
        Ok(())
    }

    /// Forgets what failed with a user ID, and the browsers that are known with it, by `connection`.
    pub(super) async fn forget_member(
        &self,
        user_id: &str,
        connection: &mut AnyConnection,
    ) -> Result<(), VaultError> {
        for table in ["waits", "failing", "guesses", "known_browsers"] {
            sqlx::query(&format!("DELETE FROM {table} WHERE typed = $1"))
                .bind(self.blind.typed(user_id))
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    /// Takes one counted try back, where it succeeded but has not proven yet who tries: earlier failures stay counted. Nobody
    /// can try while a wait runs, so a wait that runs in its lanes began with this very try, or with one that only reached the
    /// bound because this one was counted beside it.
    ///
    /// # Errors
    /// The database is away; then it stays counted.
    pub async fn take_back(&self, lanes: &Lanes) -> Result<(), VaultError> {
        self.database.write_all(Self::taken_back(lanes)).await?;
        Ok(())
    }

    /// What [`Waits::take_back`] writes, to be written with something else.
    #[must_use]
    pub fn taken_back(lanes: &Lanes) -> Vec<Statement> {
        let sql = format!(
            "UPDATE waits SET failures = failures - 1, wait_ends = NULL WHERE failures > 0 AND lane IN {}",
            placeholders(lanes.ids.len())
        );
        vec![Statement::new(sql).bind_all(lanes.ids.iter().map(|(lane, _)| lane))]
    }

    /// Forgets lanes in which nobody tried for long, the sooner if they never reached the bound of a waiting time, and who failed
    /// too long ago to count: strangers' inventions must not pile up. Returns how many rows.
    ///
    /// # Errors
    /// The database is away.
    pub async fn forget(&self, now: Timestamp) -> Result<u64, VaultError> {
        let long_ago = format!("tried_at < '{}'", fixed_width(now - KEPT));
        let below_the_bound = format!(
            "tried_at < '{}' AND failures < {}",
            fixed_width(now - KEPT_BELOW_THE_BOUND),
            self.limits.failures_before_wait
        );
        let mut forgotten = failing::forget_old(&self.database, now).await?;
        forgotten += guesses::forget_old(&self.database, now).await?;
        for condition in [long_ago, below_the_bound] {
            forgotten += forget(&self.database, "waits", "lane", &condition).await?;
        }
        Ok(forgotten)
    }

    /// The lane of a typed user ID in all networks.
    fn all_networks(&self, user_id: &str) -> String {
        self.blind.lane(user_id, Kind::AllNetworks.name(), "")
    }

    fn scopes(&self, user_id: &str, places: Vec<(String, u32)>) -> Scopes {
        Scopes {
            typed: self.blind.typed(user_id),
            places,
        }
    }

    /// The first wait, doubled for each failure `over` the bound, up to the longest.
    fn wait(&self, over: u32) -> SignedDuration {
        let factor = 1_i64.checked_shl(over.min(30)).unwrap_or(i64::MAX);
        let seconds = i64::from(self.limits.first_wait_seconds).saturating_mul(factor);
        SignedDuration::from_secs(seconds.min(i64::from(self.limits.longest_wait_seconds)))
    }
}

async fn waiting(
    connection: impl Executor<'_, Database = Any>,
    lanes: &Lanes,
    now: Timestamp,
) -> Result<Option<Timestamp>, VaultError> {
    let count = lanes.ids.len();
    let sql = format!(
        "SELECT max(wait_ends) AS until FROM waits WHERE lane IN {} AND wait_ends > ${}",
        placeholders(count),
        count + 1
    );
    let query = bind_all(sqlx::query(&sql), lanes.ids.iter().map(|(lane, _)| lane));
    let row = query.bind(fixed_width(now)).fetch_one(connection).await?;
    let until: Option<String> = row.try_get("until")?;
    Ok(until.as_deref().map(time_of).transpose()?)
}

/// The network that an address stands for: /24, or /48 for IPv6, which is what one customer gets.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}
