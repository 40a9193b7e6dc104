//! One import at a time fills a database.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use super::server::{IMPORTING, OURS};
use super::{Database, Lent};

/// How often a file's turn is asked for.
const ASKED_APART: Duration = Duration::from_millis(200);

/// The turn of whoever fills the database; the next has it when this is dropped, or the program ends, however it does.
#[derive(Debug)]
pub struct Turn {
    _held: Held,
}

#[derive(Debug)]
enum Held {
    File { _file: File },
    Server { _connection: Lent },
}

impl Database {
    /// Waits until nobody else fills this database; `told` is called if there is somebody.
    ///
    /// # Errors
    /// The lock cannot be had.
    pub async fn take_turn(&self, told: impl FnOnce()) -> Result<Turn, io::Error> {
        let held = match self.file() {
            Some(path) => {
                let path = path.with_added_extension("importing");
                let file = OpenOptions::new()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .mode(0o600)
                    .open(&path)?;
                let mut told = Some(told);
                loop {
                    match file.try_lock() {
                        Ok(()) => break,
                        Err(TryLockError::WouldBlock) => {
                            if let Some(told) = told.take() {
                                told();
                            }
                            // Asked again and again, so that a program that waits can be stopped.
                            tokio::time::sleep(ASKED_APART).await;
                        }
                        Err(TryLockError::Error(error)) => return Err(error),
                    }
                }
                Held::File { _file: file }
            }
            None => Held::Server {
                _connection: self.lock(told).await.map_err(io::Error::other)?,
            },
        };
        Ok(Turn { _held: held })
    }

    /// A connection that holds the lock: dropped, it is closed, which ends the lock.
    async fn lock(&self, told: impl FnOnce()) -> Result<Lent, sqlx::Error> {
        let mut connection = self.read.acquire().await?;
        let lock = async |sql: &str, connection: &mut Lent| {
            sqlx::query_scalar(sql)
                .bind(OURS)
                .bind(IMPORTING)
                .fetch_one(&mut **connection)
                .await
        };
        let sql = "SELECT pg_try_advisory_lock($1, $2)";
        if !lock(sql, &mut connection).await? {
            told();
            sqlx::query("SET lock_timeout = 0")
                .execute(&mut *connection)
                .await?;
            let sql = "SELECT pg_advisory_lock($1, $2) IS NULL";
            let _: bool = lock(sql, &mut connection).await?;
        }
        Ok(connection)
    }
}
