//! Rows reach a file and a server in different forms, and are the same there.

use std::collections::BTreeSet;

use kadode::database::{Cell, Database, Dialect, Insert};
use sqlx::Executor;
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
        let query = sqlx::query_scalar(&sql).bind(dialect.list(asked).unwrap());
        let found: Vec<String> = query.fetch_all(&database.read).await.unwrap();
        found.into_iter().collect::<BTreeSet<_>>()
    };
    for text in &texts {
        // An empty one alone is no list on a server, and nothing that is looked for is empty.
        if !text.is_empty() {
            let found: Vec<_> = of(&[text, text]).await.into_iter().collect();
            assert_eq!(found, if *text == "null" { vec![] } else { vec![*text] });
        }
    }
    let mut many: Vec<String> = (0..2500).map(|n| format!("none {n}")).collect();
    many.extend(texts.iter().map(|text| (*text).to_owned()));
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(of(&many).await.len(), texts.len() - 1);
    assert_eq!(of(&many[..2500]).await, [].into());
    assert_eq!(of(&[]).await, [].into());
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

#[tokio::test]
async fn rows_come_back_from_a_server_as_they_were_written() {
    let places = Places::new().await;
    let database = Database::open(&places.owner).await.unwrap();
    come_back(&database).await;
    are_found(&database).await;
}
