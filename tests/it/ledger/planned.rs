//! A server plans what the tree asks for the tables as they are, not as they were when there was no tree yet.

use kadode::database::Database;
use kadode::ledger::Tree;

use crate::support::app::eventually;
use crate::support::postgres::Places;

/// Pairs of leaves, and how often their number is asked for.
const PAIRS: i64 = 20_000;
const ASKED: i64 = 8;

#[tokio::test]
async fn a_tree_that_has_grown_since_postgres_saw_it_empty_is_not_read_whole() {
    let places = Places::new().await;
    let owner = Database::open(&places.owner).await.unwrap();
    let tree = Tree::new(Database::open(&places.main).await.unwrap());
    let write = async |statement: &str| {
        sqlx::query(statement).execute(&owner.write).await.unwrap();
    };
    write("VACUUM ANALYZE ledger_nodes").await;
    for _ in 0..ASKED {
        tree.grow(0).await.unwrap();
    }
    write(&format!(
        "INSERT INTO ledger_nodes (level, number, hash) SELECT 1, n, '' FROM generate_series(0, {PAIRS}) AS n"
    ))
    .await;
    for _ in 0..ASKED {
        // What is above the pairs is not there.
        tree.grow(0).await.unwrap_err();
    }
    let read = eventually("the server's count", || async {
        let (scans, read): (i64, i64) = sqlx::query_as(
            "SELECT seq_scan + COALESCE(idx_scan, 0), seq_tup_read FROM pg_stat_user_tables WHERE relname = 'ledger_nodes'",
        )
        .fetch_one(&owner.read)
        .await
        .unwrap();
        (scans >= 2 * ASKED).then_some(read)
    })
    .await;
    assert!(read < PAIRS, "{read} rows were read one after the other");
}
