//! The few conventions of SQL that all databases share: cells, lists of placeholders, times of fixed width.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;

/// Rows in one `INSERT` at most, so that no statement grows without bound.
const ROWS_A_STATEMENT: usize = 1000;

/// A statement for either database.
pub type AnyQuery<'q> = Query<'q, Any, AnyArguments<'q>>;

/// One cell of a row to insert; `None` is null.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// For a TEXT column.
    Text(Option<String>),
    /// For a BIGINT column.
    Number(Option<i64>),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Cell {
    fn from(time: Timestamp) -> Self {
        Self::Text(Some(fixed_width(time)))
    }
}

/// Rows for one table, ready to be written.
///
/// They are one parameter, as JSON: a parameter a cell is slow on SQLite, whose time for them grows with their square (measured).
#[derive(Clone, Debug)]
pub struct Insert {
    into: String,
    then: &'static str,
    /// Whether each column holds numbers.
    numbers: Vec<bool>,
    /// As JSON, for one statement each.
    chunks: Vec<String>,
}

impl Insert {
    /// `{into} … {then}` for all rows. `into` is like `INSERT INTO t (a, b)`, `then` is empty or an `ON CONFLICT` clause.
    ///
    /// # Errors
    /// The rows are no JSON, which cannot be.
    pub fn new<const COLUMNS: usize>(
        into: impl Into<String>,
        rows: &[[Cell; COLUMNS]],
        then: &'static str,
    ) -> Result<Self, sqlx::Error> {
        let is_number = |cell: &Cell| matches!(cell, Cell::Number(_));
        let statement = |chunk: &[[Cell; COLUMNS]]| {
            let chunk: Vec<&[Cell]> = chunk.iter().map(<[Cell; COLUMNS]>::as_slice).collect();
            serde_json::to_string(&chunk).map_err(|error| sqlx::Error::Encode(error.into()))
        };
        Ok(Self {
            into: into.into(),
            then,
            numbers: rows.first().into_iter().flatten().map(is_number).collect(),
            chunks: rows
                .chunks(ROWS_A_STATEMENT)
                .map(statement)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether the rows are for this table.
    #[must_use]
    pub fn is_for(&self, table: &str) -> bool {
        let words = self
            .into
            .strip_prefix("INSERT INTO ")
            .map(|it| it.split(' '));
        words.is_some_and(|mut words| words.next() == Some(table))
    }

    /// The second cell of each row by its first, whatever stands after them.
    ///
    /// # Errors
    /// They are not texts.
    pub fn pairs(&self) -> Result<HashMap<String, String>, sqlx::Error> {
        let mut pairs = HashMap::new();
        for rows in &self.chunks {
            let rows: Vec<Vec<Cell>> =
                serde_json::from_str(rows).map_err(|error| sqlx::Error::Decode(error.into()))?;
            for row in rows {
                let mut cells = row.into_iter();
                let (Some(Cell::Text(Some(first))), Some(Cell::Text(Some(second)))) =
                    (cells.next(), cells.next())
                else {
                    return Err(sqlx::Error::Decode("a row without two texts".into()));
                };
                pairs.insert(first, second);
            }
        }
        Ok(pairs)
    }

    /// Writes the rows, and returns how many were written.
    ///
    /// # Errors
    /// As the database has it; what was written before the error stays, so pass the connection of a transaction.
    pub async fn write(&self, connection: &mut AnyConnection) -> Result<u64, sqlx::Error> {
        let sql = self.sql(connection.backend_name() == "PostgreSQL");
        let mut written = 0;
        for rows in &self.chunks {
            let query = sqlx::query(&sql).bind(rows.as_str());
            written += query.execute(&mut *connection).await?.rows_affected();
        }
        Ok(written)
    }

    /// What writes the rows to a file.
    pub(super) fn statements(&self) -> Vec<Statement> {
        let sql = self.sql(false);
        self.chunks
            .iter()
            .map(|rows| Statement::new(&*sql).bind(rows.as_str()))
            .collect()
    }

    fn sql(&self, on_server: bool) -> String {
        let cells: Vec<String> = self
            .numbers
            .iter()
            .enumerate()
            .map(|(at, is_number)| {
                if *is_number && on_server {
                    format!("CAST(cells.value ->> {at} AS BIGINT)")
                } else {
                    format!("cells.value ->> {at}")
                }
            })
            .collect();
        // In their binary form, else each row would be read again for each of its cells (measured: four times the work on PostgreSQL).
        let rows = if on_server {
            "SELECT * FROM jsonb_array_elements(CAST($1 AS JSONB))"
        } else {
            "SELECT jsonb(value) FROM json_each($1)"
        };
        // Without a WHERE, ON CONFLICT would be read as the condition of a join.
        let (into, cells, then) = (&self.into, cells.join(", "), self.then);
        format!(
            "{into} WITH cells (value) AS MATERIALIZED ({rows}) SELECT {cells} FROM cells WHERE true {then}"
        )
    }
}

/// A statement with what is bound to it. `$` stands in its text before numbers of parameters alone.
#[derive(Clone, Debug)]
pub struct Statement {
    sql: String,
    cells: Vec<Cell>,
}

impl Statement {
    /// Nothing is bound yet.
    #[must_use]
    pub fn new(sql: impl Into<String>) -> Self {
        let (sql, cells) = (sql.into(), Vec::new());
        Self { sql, cells }
    }

    /// Binds the next parameter.
    #[must_use]
    pub fn bind(mut self, cell: impl Into<Cell>) -> Self {
        self.cells.push(cell.into());
        self
    }

    /// Binds texts in their order, for a list made by [`placeholders`].
    #[must_use]
    pub fn bind_all(self, texts: impl IntoIterator<Item = impl ToString>) -> Self {
        texts
            .into_iter()
            .fold(self, |it, text| it.bind(text.to_string()))
    }

    /// These in one text with the parameters of all, after `begin` if there is one, and COMMIT.
    pub(super) fn together(begin: Option<&str>, statements: Vec<Self>) -> Self {
        let mut texts: Vec<String> = begin.map(str::to_owned).into_iter().collect();
        let mut cells = Vec::new();
        for statement in statements {
            texts.push(statement.numbered_after(cells.len()));
            cells.extend(statement.cells);
        }
        texts.push("COMMIT".to_owned());
        let sql = texts.join("; ");
        Self { sql, cells }
    }

    /// Its text, where so many parameters of others come before its own.
    fn numbered_after(&self, others: usize) -> String {
        // Before the first `$` there is none; what follows each begins with its number.
        let mut parts = self.sql.split('$');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = part.split_at(digits);
            let number: usize = number.parse().unwrap_or_default();
            text.extend(["$", &(number + others).to_string(), rest]);
        }
        text
    }

    pub(super) fn query(&self) -> AnyQuery<'_> {
        let mut query = sqlx::query(&self.sql);
        for cell in &self.cells {
            query = match cell {
                Cell::Text(text) => query.bind(text.as_deref()),
                Cell::Number(number) => query.bind(*number),
            };
        }
        query
    }
}

/// `($1,$2),($3,$4)` for two rows of two columns; for one row of any number of columns also the list of an `IN`.
#[must_use]
pub fn placeholders(rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                text.push(',');
            }
            text.push('$');
            text.push_str(&(row * columns + column + 1).to_string());
        }
        text.push(')');
    }
    text
}

/// Binds texts in their order, for a list made by [`placeholders`].
pub fn bind_all(
    mut query: AnyQuery<'_>,
    texts: impl IntoIterator<Item = impl ToString>,
) -> AnyQuery<'_> {
    for text in texts {
        query = query.bind(text.to_string());
    }
    query
}

/// A time as every table holds it: RFC 3339, UTC, microseconds, always 27 characters, so that the order of texts is the order of times.
#[must_use]
pub fn fixed_width(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// Reads a time written by [`fixed_width`].
///
/// # Errors
/// The text is no time.
pub fn time_of(text: &str) -> Result<Timestamp, sqlx::Error> {
    text.parse()
        .map_err(|error: jiff::Error| sqlx::Error::Decode(error.into()))
}
