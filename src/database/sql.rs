//! The few conventions of SQL that all databases share: cells, lists of placeholders, times of fixed width.

use std::collections::{BTreeSet, HashMap};

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

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

impl Dialect {
    /// That of whatever is at the other end.
    #[must_use]
    pub fn of(connection: &AnyConnection) -> Self {
        match connection.backend_name() {
            "PostgreSQL" => Self::Postgres,
            _ => Self::Sqlite,
        }
    }

    /// What follows FROM, to read the rows of `table` that have in `column` one of the texts in the first parameter of
    /// [`Dialect::query_list`], and of which `and` holds; `and` is empty, or a condition that begins with this word.
    ///
    /// PostgreSQL is told to look each up by itself. Asked for all at once, it plans by what it takes the table for, and read the whole table
    /// for each text (measured: 27 seconds for an import of two).
    #[must_use]
    pub fn rows_of_list(self, table: &str, column: &str, and: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("{table} WHERE {column} IN (SELECT value FROM json_each($1)) {and}")
            }
            Self::Postgres => format!(
                "unnest(string_to_array($1, chr(29))) AS asked (text) \
                 CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {column} = asked.text {and} OFFSET 0) AS {table}"
            ),
        }
    }

    /// A query with any number of texts as its first parameter, each once; an empty one finds nothing. With a parameter for each of hundreds,
    /// the statement takes longer to read than the search.
    ///
    /// # Errors
    /// A text holds what none may.
    pub fn query_list<'q, T: ToString>(
        self,
        sql: &'q str,
        texts: &[T],
    ) -> Result<AnyQuery<'q>, sqlx::Error> {
        let texts: BTreeSet<String> = texts.iter().map(ToString::to_string).collect();
        let texts: Vec<String> = texts.into_iter().filter(|it| !it.is_empty()).collect();
        let list = match self {
            Self::Sqlite => {
                serde_json::to_string(&texts).map_err(|error| sqlx::Error::Encode(error.into()))?
            }
            Self::Postgres if texts.iter().any(|text| text.contains(BETWEEN)) => {
                return Err(split());
            }
            Self::Postgres => texts.join(&BETWEEN.to_string()),
        };
        // Many are planned anew each time, by how large the table is now: a plan that was made for an empty table reads all of a full one.
        let query = sqlx::query(sql).persistent(texts.len() <= 1);
        Ok(query.bind(list))
    }
}

/// What stands between the texts in one parameter, and what stands for null there. They are control characters, which JSON escapes, so
/// that no text of ours holds the first or is the second.
const BETWEEN: char = '\u{1d}';
const NULL: &str = "\u{1c}";

/// What stands before the first cell, and is left out again: of an empty text, PostgreSQL makes no row rather than one with an empty cell.
const FIRST: &str = "";

/// Rows for one table, ready to be written.
///
/// They are a few long parameters. One for each cell is slow on SQLite, whose time for them grows with their square (measured): it gets all rows
/// as JSON. PostgreSQL takes twice as long for that as for a text for each column (measured).
#[derive(Clone, Debug)]
pub struct Insert {
    dialect: Dialect,
    into: String,
    then: &'static str,
    /// Whether each column holds numbers.
    numbers: Vec<bool>,
    /// The parameters of one statement each.
    chunks: Vec<Vec<String>>,
}

impl Insert {
    /// `{into} … {then}` for all rows. `into` is like `INSERT INTO t (a, b)`; `then` is empty, an `ON CONFLICT` clause, or `AND` and a condition
    /// on `cells.c0`, `cells.c1` and so on before one.
    ///
    /// # Errors
    /// A cell holds what no text may.
    pub fn new<const COLUMNS: usize>(
        dialect: Dialect,
        into: impl Into<String>,
        rows: &[[Cell; COLUMNS]],
        then: &'static str,
    ) -> Result<Self, sqlx::Error> {
        let is_number = |cell: &Cell| matches!(cell, Cell::Number(_));
        let chunks = rows.chunks(ROWS_A_STATEMENT).map(|chunk| match dialect {
            Dialect::Sqlite => as_json(chunk),
            Dialect::Postgres => by_columns(chunk),
        });
        Ok(Self {
            dialect,
            into: into.into(),
            then,
            numbers: rows.first().into_iter().flatten().map(is_number).collect(),
            chunks: chunks.collect::<Result<_, _>>()?,
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
        let no_texts = || sqlx::Error::Decode("a row without two texts".into());
        let mut pairs = HashMap::new();
        for chunk in &self.chunks {
            match (self.dialect, chunk.as_slice()) {
                (Dialect::Postgres, [first, second, ..]) if !self.begins_with_numbers() => {
                    let cells = first.split(BETWEEN).zip(second.split(BETWEEN));
                    for (first, second) in cells.skip(1) {
                        if first == NULL || second == NULL {
                            return Err(no_texts());
                        }
                        pairs.insert(first.to_owned(), second.to_owned());
                    }
                }
                (Dialect::Sqlite, [rows]) => {
                    let rows: Vec<Vec<Cell>> = serde_json::from_str(rows)
                        .map_err(|error| sqlx::Error::Decode(error.into()))?;
                    for row in rows {
                        let mut cells = row.into_iter();
                        let (Some(Cell::Text(Some(first))), Some(Cell::Text(Some(second)))) =
                            (cells.next(), cells.next())
                        else {
                            return Err(no_texts());
                        };
                        pairs.insert(first, second);
                    }
                }
                _ => return Err(no_texts()),
            }
        }
        Ok(pairs)
    }

    fn begins_with_numbers(&self) -> bool {
        self.numbers.iter().take(2).any(|is_number| *is_number)
    }

    /// Writes the rows, and returns how many were written.
    ///
    /// # Errors
    /// As the database has it; what was written before the error stays, so pass the connection of a transaction.
    pub async fn write(&self, connection: &mut AnyConnection) -> Result<u64, sqlx::Error> {
        let sql = self.sql();
        let mut written = 0;
        for parameters in &self.chunks {
            let query = sqlx::query(&sql);
            let query = parameters
                .iter()
                .fold(query, |it, text| it.bind(text.as_str()));
            written += query.execute(&mut *connection).await?.rows_affected();
        }
        Ok(written)
    }

    /// What writes the rows to a file.
    pub(super) fn statements(&self) -> Vec<Statement> {
        let sql = self.sql();
        self.chunks
            .iter()
            .map(|parameters| {
                let statement = Statement::new(&*sql);
                parameters
                    .iter()
                    .fold(statement, |it, text| it.bind(text.as_str()))
            })
            .collect()
    }

    fn sql(&self) -> String {
        let columns = 0..self.numbers.len();
        let list = |of_one: &dyn Fn(usize) -> String| {
            columns.clone().map(of_one).collect::<Vec<_>>().join(", ")
        };
        let names = list(&|at| format!("c{at}"));
        let (into, then) = (&self.into, self.then);
        match self.dialect {
            // In their binary form, else each row would be read again for each of its cells. Without a WHERE, ON CONFLICT would be read as the
            // condition of a join.
            Dialect::Sqlite => {
                let cells = list(&|at| format!("value ->> {at}"));
                format!(
                    "{into} WITH given (value) AS MATERIALIZED (SELECT jsonb(value) FROM json_each($1)), \
                     cells ({names}) AS (SELECT {cells} FROM given) SELECT {names} FROM cells WHERE true {then}"
                )
            }
            Dialect::Postgres => {
                let columns = list(&|at| {
                    let number = at + 1;
                    format!("string_to_array(${number}, chr(29), chr(28))")
                });
                let cells = list(&|at| {
                    if self.numbers[at] {
                        format!("CAST(c{at} AS BIGINT)")
                    } else {
                        format!("c{at}")
                    }
                });
                format!(
                    "{into} SELECT {cells} FROM (SELECT * FROM unnest({columns}) AS given ({names}) OFFSET 1) AS cells WHERE true {then}"
                )
            }
        }
    }
}

fn as_json<const COLUMNS: usize>(rows: &[[Cell; COLUMNS]]) -> Result<Vec<String>, sqlx::Error> {
    let rows: Vec<&[Cell]> = rows.iter().map(<[Cell; COLUMNS]>::as_slice).collect();
    let json = serde_json::to_string(&rows).map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok(vec![json])
}

fn by_columns<const COLUMNS: usize>(rows: &[[Cell; COLUMNS]]) -> Result<Vec<String>, sqlx::Error> {
    let mut columns = vec![FIRST.to_owned(); COLUMNS];
    for row in rows {
        for (cell, column) in row.iter().zip(&mut columns) {
            column.push(BETWEEN);
            match cell {
                Cell::Text(None) | Cell::Number(None) => column.push_str(NULL),
                Cell::Number(Some(number)) => column.push_str(&number.to_string()),
                Cell::Text(Some(text)) if text == NULL || text.contains(BETWEEN) => {
                    return Err(split());
                }
                Cell::Text(Some(text)) => column.push_str(text),
            }
        }
    }
    Ok(columns)
}

fn split() -> sqlx::Error {
    sqlx::Error::Encode("a text holds a control character that stands between texts".into())
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

/// `($1,$2)` for a list of two; [`Dialect::query_list`] is for hundreds.
#[must_use]
pub fn placeholders(count: usize) -> String {
    let numbers: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    format!("({})", numbers.join(","))
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
