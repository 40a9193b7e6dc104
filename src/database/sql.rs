//! The few conventions of SQL that all databases share: cells, lists of placeholders, times of fixed width.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query;

/// Rows in one `INSERT` at most, so that no statement grows without bound.
const ROWS_A_STATEMENT: usize = 1000;

/// A statement for either database.
pub type AnyQuery<'q> = Query<'q, Any, AnyArguments<'q>>;

/// One cell of a row to insert; `None` is null.
#[derive(Clone, Debug, Serialize)]
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

/// Writes `{insert} … {then}` for all rows, and returns how many rows were written. `insert` is like `INSERT INTO t (a, b)`, `then` is
/// empty or an `ON CONFLICT` clause.
///
/// All rows are one parameter, as JSON: a parameter a cell is slow on SQLite, whose time for them grows with their square (measured).
///
/// # Errors
/// As the database has it; what was written before the error stays, so pass the connection of a transaction.
pub async fn insert_rows<const COLUMNS: usize>(
    connection: &mut AnyConnection,
    insert: &str,
    rows: Vec<[Cell; COLUMNS]>,
    then: &str,
) -> Result<u64, sqlx::Error> {
    let Some(first) = rows.first() else {
        return Ok(0);
    };
    let on_server = connection.backend_name() == "PostgreSQL";
    let cells: Vec<String> = first
        .iter()
        .enumerate()
        .map(|(at, cell)| match cell {
            Cell::Number(_) if on_server => format!("CAST(cells.value ->> {at} AS BIGINT)"),
            Cell::Number(_) | Cell::Text(_) => format!("cells.value ->> {at}"),
        })
        .collect();
    let given = if on_server {
        "json_array_elements(CAST($1 AS JSON)) AS cells (value)"
    } else {
        "json_each($1) AS cells"
    };
    // Without a WHERE, ON CONFLICT would be read as the condition of a join.
    let sql = format!(
        "{insert} SELECT {} FROM {given} WHERE true {then}",
        cells.join(", ")
    );
    let mut written = 0;
    for chunk in rows.chunks(ROWS_A_STATEMENT) {
        let chunk: Vec<&[Cell]> = chunk.iter().map(<[Cell; COLUMNS]>::as_slice).collect();
        let json =
            serde_json::to_string(&chunk).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let query = sqlx::query(&sql).bind(json);
        written += query.execute(&mut *connection).await?.rows_affected();
    }
    Ok(written)
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
