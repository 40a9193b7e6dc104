//! How many wrong passwords by the formula, and wrong codes behind such a password, were tried lately: beyond a bound, no more is looked at
//! for a while, since a sweep with one guess for each of many members would find some however slow it is.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyConnection, Row};

use super::VaultError;
use super::forget::forget;
use super::waits::{Lanes, Waits};
use crate::database::{Database, Statement, bind_all, fixed_width, placeholders, time_of};

/// Tries older than this no longer count (judgement: a day of work, in which somebody looks).
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// Whose tries count, and where; of formulas, nowhere in a browser of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Guesses {
    /// A keyed hash of the typed user ID.
    typed: String,
    /// A keyed hash of the browser's form cookie; none, where it has none.
    browser: Option<String>,
    /// Keyed hashes of the symbol (of codes, of the member) and of the society, each with the number of tries that closes it.
    places: Vec<(String, u32)>,
}

impl Guesses {
    /// Where so many wrong ones were tried that no other may be looked at, the moment from which fewer count.
    async fn closed_until(
        &self,
        connection: &mut AnyConnection,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, VaultError> {
        if self.places.is_empty() {
            return Ok(None);
        }
        let count = self.places.len();
        let sql = format!(
            "SELECT scope, tries, tried_at FROM guesses WHERE scope IN {} AND tried_at > ${} ORDER BY tried_at DESC",
            placeholders(count),
            count + 1
        );
        let scopes = self.places.iter().map(|(scope, _)| scope);
        let query = bind_all(sqlx::query(&sql), scopes).bind(fixed_width(now - WINDOW));
        let left = |(scope, bound): &(String, u32)| (scope.clone(), i64::from(*bound));
        let mut left: HashMap<String, i64> = self.places.iter().map(left).collect();
        let mut closed = None;
        for row in query.fetch_all(connection).await? {
            let scope: String = row.try_get("scope")?;
            let Some(left_there) = left.get_mut(&scope) else {
                continue;
            };
            *left_there -= row.try_get::<i64, _>("tries")?;
            // Without it and all before it, too few are left to close the way.
            if *left_there <= 0 {
                left.remove(&scope);
                let tried_at = time_of(&row.try_get::<String, _>("tried_at")?)?;
                closed = closed.max(Some(tried_at + WINDOW));
            }
        }
        Ok(closed)
    }

    /// Counts a wrong one.
    async fn note(&self, connection: &mut AnyConnection, now: Timestamp) -> Result<(), VaultError> {
        for (scope, _) in &self.places {
            sqlx::query(
                "INSERT INTO guesses (scope, typed, browser, tries, tried_at) VALUES ($1, $2, $3, 1, $4) \
                 ON CONFLICT (scope, typed, browser) DO UPDATE \
                 SET tries = CASE WHEN guesses.tried_at > $5 THEN guesses.tries + 1 ELSE 1 END, tried_at = excluded.tried_at",
            )
            .bind(scope.clone())
            .bind(self.typed.clone())
            .bind(self.browser.clone().unwrap_or_default())
            .bind(fixed_width(now))
            .bind(fixed_width(now - WINDOW))
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }

    /// Takes out what the same browser guessed of this member, who got in there. What was guessed elsewhere stays counted: members get in
    /// every day, and each would give a guesser's tries back.
    pub(super) fn forgiven(&self) -> Option<Statement> {
        let browser = self.browser.as_deref()?;
        let sql = "DELETE FROM guesses WHERE typed = $1 AND browser = $2";
        Some(Statement::new(sql).bind(&*self.typed).bind(browser))
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
        let mut connection = self.database.read.acquire().await?;
        let closed = lanes.guesses.closed_until(&mut connection, now).await?;
        connection.give_back();
        Ok(closed.is_none())
    }

    /// The moment from which a password by the formula is looked at again, for the member with that user ID and 記号 in a browser that nobody
    /// knows; none, if it is looked at now.
    ///
    /// # Errors
    /// The database is away.
    pub async fn formula_opens_at(
        &self,
        user_id: &str,
        symbol: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, VaultError> {
        let mut connection = self.database.read.acquire().await?;
        let guesses = self.guesses(user_id, Some(symbol));
        let closed = guesses.closed_until(&mut connection, now).await?;
        connection.give_back();
        Ok(closed)
    }

    /// A password by the formula was looked at, and was wrong.
    ///
    /// # Errors
    /// The database is away.
    pub async fn formula_was_wrong(&self, lanes: &Lanes, now: Timestamp) -> Result<(), VaultError> {
        let mut connection = self.database.write.acquire().await?;
        lanes.guesses.note(&mut connection, now).await?;
        connection.give_back();
        Ok(())
    }

    /// Counts a code that is to confirm a sign-in before step 9, before it is looked at, so that any number at once cannot pass under the bound;
    /// [`Waits::take_confirmation_back`] follows, unless it was wrong. Where too many were wrong within a day, counts nothing and answers from when on
    /// one may be tried again.
    ///
    /// # Errors
    /// The database is away; then nothing was counted.
    pub async fn begin_confirmation(
        &self,
        user_id: &str,
        form: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, VaultError> {
        let tries = self.confirmations(user_id, form);
        let mut transaction = self.database.begin().await?;
        let closed = tries.closed_until(&mut transaction, now).await?;
        if closed.is_some() {
            transaction.rollback().await?;
        } else {
            tries.note(&mut transaction, now).await?;
            transaction.commit().await?;
        }
        Ok(closed)
    }

    /// A code that was counted so was right, or not looked at.
    ///
    /// # Errors
    /// The database is away; then it stays counted.
    pub async fn take_confirmation_back(
        &self,
        user_id: &str,
        form: Option<&str>,
    ) -> Result<(), VaultError> {
        let tries = self.confirmations(user_id, form);
        let mut transaction = self.database.begin().await?;
        for (scope, _) in &tries.places {
            sqlx::query(
                "UPDATE guesses SET tries = tries - 1 WHERE scope = $1 AND typed = $2 AND browser = $3 AND tries > 0",
            )
            .bind(scope.clone())
            .bind(tries.typed.clone())
            .bind(tries.browser.clone().unwrap_or_default())
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The moment from which a code that is to confirm a sign-in of this user ID's is looked at again; none, if one is now.
    ///
    /// # Errors
    /// The database is away.
    pub async fn confirmations_open_at(
        &self,
        user_id: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, VaultError> {
        let mut connection = self.database.read.acquire().await?;
        let tries = self.confirmations(user_id, None);
        let closed = tries.closed_until(&mut connection, now).await?;
        connection.give_back();
        Ok(closed)
    }

    /// Where codes count that are to confirm sign-ins: for the member, and for the society. What a browser got wrong is taken out when it gets in.
    fn confirmations(&self, user_id: &str, form: Option<&str>) -> Guesses {
        let (blind, limits) = (&self.blind, &self.limits);
        let typed = blind.typed(user_id);
        let of_member = limits.wrong_confirmations_per_member;
        let of_member = of_member.map(|bound| (blind.scope("confirmations of", &typed), bound));
        let of_all = limits.wrong_confirmations;
        let of_all = of_all.map(|bound| (blind.scope("confirmations", ""), bound));
        Guesses {
            typed,
            browser: form.map(|form| blind.scope("form", form)),
            places: of_member.into_iter().chain(of_all).collect(),
        }
    }
}

/// Forgets what was tried too long ago to count; returns how many rows.
pub(super) async fn forget_old(database: &Database, now: Timestamp) -> Result<u64, VaultError> {
    let old = format!("tried_at < '{}'", fixed_width(now - WINDOW));
    forget(database, "guesses", "scope, typed, browser", &old).await
}
