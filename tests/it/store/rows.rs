//! Rows reach a file and a server in different forms, and are the same there.

use std::collections::BTreeSet;

use kadode::database::{Cell, Database, Dialect, Insert, Transaction};
use sqlx::{Executor, Row as _};
use tempfile::TempDir;

use crate::support::postgres::Places;

type Row = (String, Option<String>, i64, Option<i64>);

/// More than one statement has, and of all that texts and numbers may be.
fn rows() -> Vec<Row> {
    let texts = [
        "",
        " ",
        "健保 花子",
        "{\"a\":\"\\u001d\",\"b\":null}",
        "'; DROP TABLE t; --",
        "a\nb\tc\\",
        "\u{1e}\u{1f}",
        "null",
        "{1,2}",
    ];
    let text = |n: usize| texts[n % texts.len()].to_owned();
    (0..2500_usize)
        .map(|n| {
            let number = i64::try_from(n).unwrap();
            let other = (n % 3 > 0).then(|| text(n / 3));
            (
                text(n),
                other,
                number - 1000,
                (n % 2 > 0).then_some(i64::MIN),
            )
        })
        .collect()
}

async fn written(database: &Database, rows: &[Row]) -> Vec<Row> {
    let mut transaction = database.begin().await.unwrap();
    transaction
        .execute("CREATE TABLE t (a TEXT NOT NULL, b TEXT, c BIGINT PRIMARY KEY, d BIGINT)")
        .await
        .unwrap();
    let left_out = ("left out".to_owned(), None, i64::MAX, None);
    let cells: Vec<_> = rows
        .iter()
        .chain(rows.first().map(|_| &left_out))
        .map(|(a, b, c, d)| {
            [
                Cell::from(a.as_str()),
                Cell::from(b.clone()),
                Cell::from(*c),
                Cell::from(*d),
            ]
        })
        .collect();
    let dialect = Dialect::of(&transaction);
    let then = "AND cells.c0 <> 'left out' ON CONFLICT (c) DO NOTHING";
    let insert = Insert::new(dialect, "INSERT INTO t (a, b, c, d)", &cells, then).unwrap();
    let number = insert.write(&mut transaction).await.unwrap();
    assert_eq!(number, u64::try_from(rows.len()).unwrap());
    assert_eq!(insert.write(&mut transaction).await.unwrap(), 0);
    transaction.commit().await.unwrap();
    let stored = sqlx::query_as("SELECT a, b, c, d FROM t ORDER BY c")
        .fetch_all(&database.read)
        .await
        .unwrap();
    (&database.write).execute("DROP TABLE t").await.unwrap();
    stored
}

/// Whatever is in a list, those rows are found that have one of its texts and meet the condition, and no others.
async fn are_found(database: &Database) {
    let all = rows();
    let mut transaction = database.begin().await.unwrap();
    transaction
        .execute("CREATE TABLE t (a TEXT NOT NULL PRIMARY KEY)")
        .await
        .unwrap();
    let dialect = database.dialect();
    let texts: BTreeSet<&str> = all.iter().map(|(a, ..)| a.as_str()).collect();
    let cells: Vec<_> = texts.iter().map(|text| [Cell::from(*text)]).collect();
    let insert = Insert::new(dialect, "INSERT INTO t (a)", &cells, "").unwrap();
    insert.write(&mut transaction).await.unwrap();
    transaction.commit().await.unwrap();
    let sql = format!(
        "SELECT a FROM {}",
        dialect.rows_of_list("t", "a", "AND a <> 'null'")
    );
    let of = async |asked: &[&str]| {
        let query = dialect.query_list(&sql, asked).unwrap();
        let rows = query.fetch_all(&database.read).await.unwrap();
        let mut found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        found.sort();
        found
    };
    // An empty one finds nothing: nothing that is looked for is empty.
    let findable: Vec<&str> = texts
        .iter()
        .copied()
        .filter(|it| !["", "null"].contains(it))
        .collect();
    for text in &texts {
        let expected = if findable.contains(text) {
            vec![*text]
        } else {
            vec![]
        };
        assert_eq!(of(&[text, text]).await, expected);
    }
    let mut many: Vec<String> = (0..2500).map(|n| format!("none {n}")).collect();
    many.extend(texts.iter().map(|text| (*text).to_owned()));
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(of(&many).await, findable);
    assert_eq!(of(&many[..2500]).await, [""; 0]);
    assert_eq!(of(&[]).await, [""; 0]);
    (&database.write).execute("DROP TABLE t").await.unwrap();
}

async fn come_back(database: &Database) {
    let all = rows();
    assert_eq!(written(database, &all).await, all);
    // One alone, and one with nothing but empty cells.
    for row in &all[..4] {
        let one = std::slice::from_ref(row);
        assert_eq!(written(database, one).await, one);
    }
    let empty = [(String::new(), None, 0, None)];
    assert_eq!(written(database, &empty).await, empty);
    assert_eq!(written(database, &[]).await, []);
}

#[tokio::test]
async fn rows_come_back_from_a_file_as_they_were_written() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a.sqlite").display());
    let database = Database::open(&url).await.unwrap();
    come_back(&database).await;
    are_found(&database).await;
}

/// How often the whole of `t` was read so far in this transaction.
async fn whole_reads(transaction: &mut Transaction) -> i64 {
    let sql = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 't'";
    let row = transaction.fetch_one(sql).await.unwrap();
    row.get(0)
}

#[tokio::test]
async fn a_server_looks_a_list_up_by_index_though_it_first_met_the_table_empty() {
    let places = Places::new().await;
    let database = Database::open(&places.owner).await.unwrap();
    let dialect = database.dialect();
    let texts: Vec<String> = (0..5000).map(|n| format!("text {n}")).collect();
    let sql = format!("SELECT a FROM {}", dialect.rows_of_list("t", "a", ""));
    let mut transaction = database.begin().await.unwrap();
    transaction
        .execute("CREATE TABLE t (a TEXT PRIMARY KEY)")
        .await
        .unwrap();
    transaction.execute("ANALYZE t").await.unwrap();
    // More often than a server plans a statement by what is bound to it, before it keeps a plan.
    for _ in 0..10 {
        let query = dialect.query_list(&sql, &texts[..500]).unwrap();
        assert!(query.fetch_all(&mut *transaction).await.unwrap().is_empty());
    }
    let cells: Vec<_> = texts
        .iter()
        .map(|text| [Cell::from(text.as_str())])
        .collect();
    let insert = Insert::new(dialect, "INSERT INTO t (a)", &cells, "").unwrap();
    insert.write(&mut transaction).await.unwrap();
    let before = whole_reads(&mut transaction).await;
    let query = dialect.query_list(&sql, &texts[..500]).unwrap();
    assert_eq!(query.fetch_all(&mut *transaction).await.unwrap().len(), 500);
    assert_eq!(whole_reads(&mut transaction).await, before);
}

#[tokio::test]
async fn rows_come_back_from_a_server_as_they_were_written() {
    let places = Places::new().await;
    let database = Database::open(&places.owner).await.unwrap();
    come_back(&database).await;
    are_found(&database).await;
}
