//! How many wrong passwords by the formula were tried lately: beyond a bound, the formula counts no more for a while, since a sweep
//! with one guess for each of many members would find some birth dates however slow it is.

use jiff::{SignedDuration, Timestamp};
use sqlx::AnyConnection;

use super::VaultError;
use super::forget::forget;
use super::waits::{Lanes, Waits};
use crate::database::{Database, fixed_width};

/// Tries older than this no longer count (judgement: a day of work, in which somebody looks).
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// Whose tries count, and where; nowhere in a browser of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Guesses {
    /// A keyed hash of the typed user ID.
    typed: String,
    /// A keyed hash of the browser's form cookie; none, where it has none.
    browser: Option<String>,
    /// Keyed hashes of the symbol and of the society, each with the number of tries that closes it.
    places: Vec<(String, u32)>,
}

impl Guesses {
    /// Whether so few wrong ones were tried in each place that another may be looked at.
    async fn are_few(&self, database: &Database, now: Timestamp) -> Result<bool, VaultError> {
        for (scope, bound) in &self.places {
            let tried: i64 = sqlx::query_scalar(
                "SELECT CAST(COALESCE(SUM(tries), 0) AS BIGINT) FROM guesses WHERE scope = $1 AND tried_at > $2",
            )
            .bind(scope.clone())
            .bind(fixed_width(now - WINDOW))
            .fetch_one(&database.read)
            .await?;
            if tried >= i64::from(*bound) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Counts a wrong one.
    async fn note(&self, database: &Database, now: Timestamp) -> Result<(), VaultError> {
        for (scope, _) in &self.places {
            sqlx::query(
                "INSERT INTO guesses (scope, typed, browser, tries, tried_at) VALUES ($1, $2, $5, 1, $3) \
                 ON CONFLICT (scope, typed, browser) DO UPDATE \
                 SET tries = CASE WHEN guesses.tried_at > $4 THEN guesses.tries + 1 ELSE 1 END, tried_at = excluded.tried_at",
            )
            .bind(scope.clone())
            .bind(self.typed.clone())
            .bind(fixed_width(now))
            .bind(fixed_width(now - WINDOW))
            .bind(self.browser.clone().unwrap_or_default())
            .execute(&database.write)
            .await?;
        }
        Ok(())
    }

    /// Takes out what the same browser guessed of this member, who got in there. What was guessed elsewhere stays counted: members get in
    /// every day, and each would give a guesser's tries back.
    pub(super) async fn forgive(&self, connection: &mut AnyConnection) -> Result<(), VaultError> {
        if let Some(browser) = &self.browser {
            sqlx::query("DELETE FROM guesses WHERE typed = $1 AND browser = $2")
                .bind(self.typed.clone())
                .bind(browser.clone())
                .execute(connection)
                .await?;
        }
        Ok(())
    }
}

impl Waits {
    /// Where the guesses of a typed user ID count; `symbol` is that of its member.
    pub(super) fn guesses(&self, user_id: &str, symbol: Option<&str>) -> Guesses {
        let (blind, limits) = (&self.blind, &self.limits);
        let of_symbol = symbol.zip(limits.wrong_formulas_per_symbol);
        let of_symbol =
            of_symbol.map(|(symbol, bound)| (blind.scope("formula of symbol", symbol), bound));
        let of_all = limits.wrong_formulas;
        let of_all = of_all.map(|bound| (blind.scope("formula", ""), bound));
        Guesses {
            typed: blind.typed(user_id),
            browser: None,
            places: of_symbol.into_iter().chain(of_all).collect(),
        }
    }

    /// The same lanes in the browser with this form cookie: what it guesses of formulas is taken out when it gets in.
    #[must_use]
    pub fn in_browser(&self, mut lanes: Lanes, form: Option<&str>) -> Lanes {
        lanes.guesses.browser = form.map(|form| self.blind.scope("form", form));
        lanes
    }

    /// Whether a password by the formula may be looked at: not where too many wrong ones were tried within a day, since the formula
    /// leaves so little to guess. A browser of the member's own is let through.
    ///
    /// # Errors
    /// The database is away.
    pub async fn formula_counts(&self, lanes: &Lanes, now: Timestamp) -> Result<bool, VaultError> {
        lanes.guesses.are_few(&self.database, now).await
    }

    /// A password by the formula was looked at, and was wrong.
    ///
    /// # Errors
    /// The database is away.
    pub async fn formula_was_wrong(&self, lanes: &Lanes, now: Timestamp) -> Result<(), VaultError> {
        lanes.guesses.note(&self.database, now).await
    }
}

/// Forgets what was tried too long ago to count; returns how many rows.
pub(super) async fn forget_old(database: &Database, now: Timestamp) -> Result<u64, VaultError> {
    let old = format!("tried_at < '{}'", fixed_width(now - WINDOW));
    forget(database, "guesses", "scope, typed, browser", &old).await
}
