//! Tables that are built anew beside the live ones, and take their place.

use sqlx::{AnyConnection, Executor};

use super::{Database, Native};

/// What is appended to a table's name while it is built anew.
pub const REBUILD: &str = "_rebuild";

impl Database {
    /// Creates `{table}_rebuild`, empty, with the columns and keys of `table`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn create_rebuilt(
        &self,
        table: &str,
        connection: &mut AnyConnection,
    ) -> Result<(), sqlx::Error> {
        if let Native::Postgres(_) = self.native {
            return call("create_rebuilt", table, connection).await;
        }
        self.drop_rebuilt(table, connection).await?;
        let definition: String =
            sqlx::query_scalar("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = $1")
                .bind(table)
                .fetch_one(&mut *connection)
                .await?;
        // After an earlier rebuild, SQLite has the name in quotes.
        let (_, columns) = definition.split_once('(').unwrap_or((table, ""));
        run(
            &format!("CREATE TABLE {table}{REBUILD} ({columns}"),
            connection,
        )
        .await
    }

    /// Gives `{table}_rebuild` the indexes of `table` that are not of its keys: to many rows at once, which is quicker than to one by one. On
    /// SQLite, where nobody else can write meanwhile, one at a time; answers whether it made one, and there may be more to make.
    ///
    /// # Errors
    /// The database is away.
    pub async fn index_rebuilt(&self, table: &str) -> Result<bool, sqlx::Error> {
        // In no transaction of `begin`: on a server, nobody else need wait for it.
        let mut connection = self.write.acquire().await?;
        let made = if let Native::Postgres(_) = self.native {
            call("index_rebuilt", table, &mut connection).await?;
            false
        } else {
            index_once(table, &mut connection).await?
        };
        connection.give_back();
        Ok(made)
    }

    /// Puts `{table}_rebuild` in the place of `table`.
    ///
    /// # Errors
    /// The database is away, or somebody reads `table` for long.
    pub async fn put_rebuilt_in_place(
        &self,
        table: &str,
        connection: &mut AnyConnection,
    ) -> Result<(), sqlx::Error> {
        if let Native::Postgres(_) = self.native {
            return call("put_rebuilt_in_place", table, connection).await;
        }
        drop_table(table, connection).await?;
        run(
            &format!("ALTER TABLE {table}{REBUILD} RENAME TO {table}"),
            connection,
        )
        .await
    }

    /// Lets a transaction that only writes rebuilt tables end before a server has it on its disk: what a crash takes of them, it takes from the
    /// end, their checkpoint with them; and they are put in place by a transaction that does wait, for all before it too. A file's has little to
    /// wait for.
    ///
    /// # Errors
    /// The database is away.
    pub async fn commit_soon(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        if let Native::Postgres(_) = self.native {
            run("SET LOCAL synchronous_commit = off", connection).await?;
        }
        Ok(())
    }

    /// Drops `{table}_rebuild`, if it is there.
    ///
    /// # Errors
    /// The database is away.
    pub async fn drop_rebuilt(
        &self,
        table: &str,
        connection: &mut AnyConnection,
    ) -> Result<(), sqlx::Error> {
        if let Native::Postgres(_) = self.native {
            return call("drop_rebuilt", table, connection).await;
        }
        drop_table(&format!("{table}{REBUILD}"), connection).await
    }
}

/// Drops a table of SQLite's, if it is there, and leaves its bytes: whatever it tells, the log tells too, and to wipe it would keep all other
/// writers waiting. Should it fail, the connection is closed with its transaction, so none goes on without wiping.
async fn drop_table(table: &str, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    // As texts, for a prepared one has its effect only where it is prepared.
    connection.execute("PRAGMA secure_delete = OFF").await?;
    run(&format!("DROP TABLE IF EXISTS {table}"), connection).await?;
    connection
        .execute("PRAGMA secure_delete = ON")
        .await
        .map(drop)
}

/// Makes the first index that `{table}_rebuild` lacks. Names are the file's, and the live table has one: the new index gets the other, with
/// or without the suffix. So a migration must not name an index of a read model, but make the table anew.
async fn index_once(table: &str, connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // Those of keys have no definition: they come with the table.
    let all: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    )
    .fetch_all(&mut *connection)
    .await?;
    let rebuilt = format!("{table}{REBUILD}");
    for (of, name, definition) in &all {
        let other = match name.strip_suffix(REBUILD) {
            Some(plain) => plain.to_owned(),
            None => format!("{name}{REBUILD}"),
        };
        if of == table
            && !all
                .iter()
                .any(|(of, name, _)| (of, name) == (&rebuilt, &other))
        {
            let (_, columns) = definition.split_once('(').unwrap_or((table, ""));
            let create = format!("CREATE INDEX {other} ON {rebuilt} ({columns}");
            run(&create, connection).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The program's role may not change tables; functions of their owner do it.
async fn call(
    function: &str,
    table: &str,
    connection: &mut AnyConnection,
) -> Result<(), sqlx::Error> {
    sqlx::query(&format!("SELECT {function}($1)"))
        .bind(table)
        .execute(connection)
        .await
        .map(drop)
}

async fn run(statement: &str, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(connection).await.map(drop)
}
