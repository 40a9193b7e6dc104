//! Opening, migrating and writing real SQLite files.

use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;
use sqlx::{Executor, Row};

use super::*;

async fn database(folder: &tempfile::TempDir) -> Database {
    Database::open(&format!(
        "sqlite:{}",
        folder.path().join("a.sqlite").display()
    ))
    .await
    .unwrap()
}

#[tokio::test]
async fn a_new_file_is_for_its_owner_alone_and_so_is_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    sqlx::query("CREATE TABLE t (a TEXT)")
        .execute(&database.write)
        .await
        .unwrap();
    for file in ["a.sqlite", "a.sqlite-wal"] {
        let mode = folder
            .path()
            .join(file)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    sqlx::query("CREATE TABLE t (a TEXT)")
        .execute(&database.write)
        .await
        .unwrap();
    assert!(
        sqlx::query("INSERT INTO t VALUES ('x')")
            .execute(&database.read)
            .await
            .is_err()
    );
    let Native::Sqlite(native) = database.native else {
        panic!("a file is SQLite's");
    };
    assert!(
        sqlx::query("INSERT INTO t VALUES ('x')")
            .execute(&native)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_writer_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let (mode,): (String,) = sqlx::query_as("PRAGMA journal_mode")
        .fetch_one(&database.write)
        .await
        .unwrap();
    let (synchronous,): (i64,) = sqlx::query_as("PRAGMA synchronous")
        .fetch_one(&database.write)
        .await
        .unwrap();
    assert_eq!((mode.as_str(), synchronous), ("wal", 2));
}

#[tokio::test]
async fn statements_are_written_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    sqlx::query("CREATE TABLE t (a TEXT PRIMARY KEY, b BIGINT)")
        .execute(&database.write)
        .await
        .unwrap();
    let insert = |a: &str, b: i64| {
        Statement::new("INSERT INTO t (b, a) VALUES ($2, $1)")
            .bind(a)
            .bind(b)
    };
    let update = Statement::new("UPDATE t SET b = b + $1 WHERE a IN ($2,$3,$4)")
        .bind(10)
        .bind_all(["x", "y", "z"]);
    let written = database
        .write_all(vec![insert("x", 1), insert("y", 2), update.clone()])
        .await;
    assert_eq!(written.unwrap(), [1, 1, 2]);
    let again = database
        .write_all(vec![update.clone(), insert("x", 3)])
        .await;
    assert!(again.is_err());
    assert_eq!(database.write_all(vec![update]).await.unwrap(), [2]);
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT a, b FROM t ORDER BY a")
        .fetch_all(&database.read)
        .await
        .unwrap();
    assert_eq!(rows, [("x".to_owned(), 21), ("y".to_owned(), 22)]);
}

#[tokio::test]
async fn a_transaction_that_begins_with_a_statement_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    sqlx::query("CREATE TABLE t (a TEXT)")
        .execute(&database.write)
        .await
        .unwrap();
    let insert = || sqlx::query("INSERT INTO t VALUES ($1) RETURNING a").bind("x");
    let (transaction, rows) = database.begin_with(insert()).await.unwrap();
    assert_eq!(rows[0].try_get::<String, _>("a").unwrap(), "x");
    transaction.rollback().await.unwrap();
    let (transaction, _) = database.begin_with(insert()).await.unwrap();
    drop(transaction);
    let (transaction, _) = database.begin_with(insert()).await.unwrap();
    transaction.commit().await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM t")
        .fetch_one(&database.read)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

/// However far a beginning had come when its caller went away, no transaction is left open into which others would write.
#[tokio::test]
async fn a_caller_who_goes_away_while_a_transaction_begins_takes_nobodys_write_along() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    sqlx::query("CREATE TABLE t (a BIGINT)")
        .execute(&database.write)
        .await
        .unwrap();
    for looks in (0..600).step_by(3) {
        let mut beginning = Box::pin(database.begin());
        for _ in 0..looks {
            if futures::poll!(&mut beginning).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(beginning);
        sqlx::query("INSERT INTO t VALUES ($1)")
            .bind(looks)
            .execute(&database.write)
            .await
            .unwrap();
        let seen: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM t WHERE a = $1")
            .bind(looks)
            .fetch_one(&database.read)
            .await
            .unwrap();
        assert_eq!(seen, 1, "after {looks} looks");
    }
}

#[tokio::test]
async fn a_file_name_with_signs_that_mean_something_in_urls_is_only_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let name = "門出 50% #1.sqlite";
    let database = Database::open(&format!("sqlite:{}", folder.path().join(name).display()))
        .await
        .unwrap();
    sqlx::query("CREATE TABLE t (a TEXT)")
        .execute(&database.write)
        .await
        .unwrap();
    assert!(folder.path().join(format!("{name}-wal")).exists());
}

#[tokio::test]
async fn other_urls_are_refused_without_their_password() {
    let error = Database::open("mysql://owner:geheim@db/kadode")
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "database URL starting with \"mysql\": give sqlite:PATH or postgres://USER@HOST/NAME"
    );
    // Its parser quotes what it cannot read.
    let error = Database::open("postgres://owner:geheim@db:geheim/kadode").await;
    assert!(matches!(error, Err(OpenError::ServerUrl)), "{error:?}");
    assert!(matches!(
        Database::open("sqlite::memory:").await,
        Err(OpenError::Path)
    ));
    assert!(matches!(
        Database::open("sqlite:a.sqlite?mode=ro").await,
        Err(OpenError::Path)
    ));
}

#[tokio::test]
async fn a_missing_file_is_not_created_where_it_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing.sqlite");
    let opened = Database::open_existing(&format!("sqlite:{}", path.display())).await;
    assert!(matches!(opened, Err(OpenError::Missing(_))));
    assert!(!path.exists());
}

#[tokio::test]
async fn migrating_twice_is_migrating_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    database.migrate(&KEYS).await.unwrap();
    database.migrate(&KEYS).await.unwrap();
}

#[tokio::test]
async fn a_database_is_up_to_date_once_it_was_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    assert!(!database.is_up_to_date(&MAIN).await.unwrap());
    database.migrate(&MAIN).await.unwrap();
    assert!(database.is_up_to_date(&MAIN).await.unwrap());
}

#[tokio::test]
async fn a_database_exists_once_there_is_something_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sqlite");
    let url = format!("sqlite:{}", path.display());
    assert!(!Database::exists(&url).unwrap());
    std::fs::write(&path, "").unwrap();
    assert!(!Database::exists(&url).unwrap());
    database(&folder).await.migrate(&KEYS).await.unwrap();
    assert!(Database::exists(&url).unwrap());
}

#[tokio::test]
async fn rows_beyond_one_statement_all_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let mut transaction = database.begin().await.unwrap();
    sqlx::query("CREATE TABLE t (a TEXT, b BIGINT)")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let rows: Vec<_> = (0..2500)
        .map(|n| [Cell::from("x"), Cell::from(n)])
        .collect();
    let insert = Insert::new(Dialect::Sqlite, "INSERT INTO t (a, b)", &rows, "").unwrap();
    let written = insert.write(&mut transaction).await.unwrap();
    transaction.commit().await.unwrap();
    let (count, sum): (i64, i64) = sqlx::query_as("SELECT count(*), sum(b) FROM t")
        .fetch_one(&database.read)
        .await
        .unwrap();
    assert_eq!((written, count, sum), (2500, 2500, 2499 * 1250));
}

#[test]
fn placeholders_are_numbered_from_one() {
    assert_eq!(placeholders(2), "($1,$2)");
}

#[test]
fn times_have_one_width_and_come_back() {
    let time: Timestamp = "2026-04-01T00:00:00Z".parse().unwrap();
    assert_eq!(fixed_width(time), "2026-04-01T00:00:00.000000Z");
    assert_eq!(time_of(&fixed_width(time)).unwrap(), time);
}

#[tokio::test(flavor = "multi_thread")]
async fn once_closed_nothing_is_left_beside_the_file_however_lately_it_was_read() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..100 {
        let database = database(&folder).await;
        for pool in [&database.write, &database.read] {
            sqlx::query("SELECT 1").fetch_one(pool).await.unwrap();
        }
        database.close().await;
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn who_asks_for_one_row_of_a_transaction_leaves_it_closed() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    sqlx::query("BEGIN IMMEDIATE; SELECT 1; COMMIT")
        .fetch_optional(&database.write)
        .await
        .unwrap();
    database.begin().await.unwrap();
}

#[tokio::test]
async fn a_log_that_somebody_reads_is_not_said_to_be_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let write = async |statement: &str| {
        sqlx::query(statement)
            .execute(&database.write)
            .await
            .unwrap();
    };
    write("PRAGMA busy_timeout = 0").await;
    write("CREATE TABLE t (a TEXT)").await;
    let mut reader = database.read.acquire().await.unwrap();
    for statement in ["BEGIN", "SELECT * FROM t"] {
        sqlx::query(statement).execute(&mut *reader).await.unwrap();
    }
    write("INSERT INTO t VALUES ('x')").await;
    assert!(database.scrub().await.is_err());
    sqlx::query("COMMIT").execute(&mut *reader).await.unwrap();
    database.scrub().await.unwrap();
    let log = folder.path().join("a.sqlite-wal").metadata().unwrap();
    assert_eq!(log.len(), 0);
}

#[tokio::test]
async fn what_is_deleted_is_wiped_also_after_tables_gave_way_to_rebuilt_ones() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    (&database.write)
        .execute("CREATE TABLE t (a TEXT)")
        .await
        .unwrap();
    for _ in 0..2 {
        let mut transaction = database.begin().await.unwrap();
        database
            .create_rebuilt("t", &mut transaction)
            .await
            .unwrap();
        database
            .put_rebuilt_in_place("t", &mut transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let row = (&database.write)
            .fetch_one("PRAGMA secure_delete")
            .await
            .unwrap();
        assert_eq!(row.get::<i64, _>(0), 1);
    }
}

#[test]
fn rows_that_are_coming_tell_the_second_cell_by_the_first_whatever_stands_after_them() {
    let row = |member: &str, track: &str| {
        [
            Cell::from(member),
            Cell::from(track),
            Cell::from(None::<String>),
            Cell::from(7),
        ]
    };
    let rows = [row("a", "1"), row("b", "{\"x\":null}")];
    let numbers = [[Cell::from(1), Cell::from("b")]];
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let insert = Insert::new(dialect, "INSERT INTO t (a, b, c, d)", &rows, "").unwrap();
        assert!(insert.is_for("t") && !insert.is_for("t_rebuild"));
        let pairs = [("a", "1"), ("b", "{\"x\":null}")];
        let pairs = pairs.map(|(first, second)| (first.to_owned(), second.to_owned()));
        assert_eq!(insert.pairs().unwrap(), pairs.into());

        let insert = Insert::new(dialect, "INSERT INTO t (a, b)", &numbers, "").unwrap();
        assert!(insert.pairs().is_err());
    }
}

#[test]
fn what_would_be_read_as_another_text_is_not_bound() {
    for text in ["a\u{1d}b", "\u{1d}", "\u{1c}"] {
        let rows = [[Cell::from(text)]];
        assert!(Insert::new(Dialect::Postgres, "INSERT INTO t (a)", &rows, "").is_err());
    }
    let split = Dialect::Postgres.query_list("SELECT $1", &["a\u{1d}b"]);
    assert!(split.is_err());
}

#[tokio::test]
async fn what_others_write_is_told_from_what_is_written_here() {
    let folder = tempfile::tempdir().unwrap();
    let (here, elsewhere) = (database(&folder).await, database(&folder).await);
    let write = async |database: &Database| {
        sqlx::query("CREATE TABLE IF NOT EXISTS t (a TEXT)")
            .execute(&database.write)
            .await
            .unwrap();
        sqlx::query("INSERT INTO t VALUES ('x')")
            .execute(&database.write)
            .await
            .unwrap();
    };
    write(&here).await;
    let before = here.written_by_others().await.unwrap();
    write(&here).await;
    assert_eq!(here.written_by_others().await.unwrap(), before);
    write(&elsewhere).await;
    assert_ne!(here.written_by_others().await.unwrap(), before);
}
