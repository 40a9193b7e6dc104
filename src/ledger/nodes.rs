//! The tree in the database: nodes are added as leaves come, and never change, so that a root of any size or a proof takes some dozen
//! reads however long the log is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use data_encoding::HEXLOWER;
use sqlx::Row;

use super::leaves::leaves;
use super::proof::Head;
use super::tree::{Frontier, Hash, Node, complete_subtrees, range_hash};
use crate::database::{Cell, Connections, Database, Dialect, Insert};
use crate::subscription::Position;

/// Leaves that are read, and whose nodes are written, at once.
const BATCH: Position = 5000;

/// Nodes that are asked for at once.
const ASKED_AT_ONCE: usize = 100;

/// Why the tree cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The database is away.
    #[error("the ledger cannot be read or written: {0}")]
    Database(#[from] sqlx::Error),
    /// A leaf or a node is not there, or none: somebody was at the tables.
    #[error("the ledger's {0} is missing or damaged")]
    Damaged(String),
}

/// The ledger's tree, as the database has it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tree {
    database: Database,
}

impl Tree {
    /// The tree in `database`.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// How many leaves there are.
    ///
    /// # Errors
    /// The database is away.
    pub async fn size(&self) -> Result<u64, TreeError> {
        let last: Position =
            sqlx::query_scalar("SELECT COALESCE(MAX(position), 0) FROM ledger_leaves")
                .fetch_one(&self.database.read)
                .await?;
        Ok(u64::try_from(last).unwrap_or_default())
    }

    /// Adds the nodes over all leaves up to `size`; safe to repeat, and to be killed in.
    ///
    /// # Errors
    /// See [`TreeError`].
    pub async fn grow(&self, size: u64) -> Result<(), TreeError> {
        let mut frontier = self.grown().await?;
        while frontier.size() < size {
            let from = as_number(frontier.size());
            let to = (from + BATCH).min(as_number(size));
            let batch = leaves(&self.database.read, from, to).await?;
            let mut rows = Vec::new();
            for (due, (position, leaf)) in (from + 1..).zip(&batch) {
                let leaf = hash_of(leaf).filter(|_| *position == due);
                let leaf = leaf.ok_or_else(|| damaged_leaf(due))?;
                frontier.push(leaf, |node, hash| {
                    rows.push([
                        Cell::from(i64::from(node.level)),
                        Cell::from(as_number(node.number)),
                        Cell::from(HEXLOWER.encode(&hash)),
                    ]);
                });
            }
            if batch.is_empty() {
                return Err(damaged_leaf(from + 1));
            }
            let mut transaction = self.database.begin().await?;
            Insert::new(
                Dialect::of(&transaction),
                "INSERT INTO ledger_nodes (level, number, hash)",
                &rows,
                "ON CONFLICT (level, number) DO NOTHING",
            )?
            .write(&mut transaction)
            .await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// The tree of the leaves whose nodes are there: each pair has one.
    async fn grown(&self) -> Result<Frontier, TreeError> {
        // Planned anew each time: a server that planned it while there were no nodes yet would read all of them.
        let last: Option<i64> = sqlx::query_scalar(
            "SELECT number FROM ledger_nodes WHERE level = 1 ORDER BY number DESC LIMIT 1",
        )
        .persistent(false)
        .fetch_optional(&self.database.read)
        .await?;
        // Whoever was at the table may have put any number there.
        let last = last.and_then(|last| u64::try_from(last).ok());
        let size = last.map_or(0, |last| last.saturating_add(1).saturating_mul(2));
        let needed = complete_subtrees(0..size);
        let nodes = self.read(&needed).await?;
        let subtrees = needed.iter().filter_map(|node| nodes.get(node).copied());
        Ok(Frontier::new(size, subtrees.collect()))
    }

    /// The tree of the first `size` leaves, over all of which there are nodes; see [`Tree::grow`].
    ///
    /// # Errors
    /// See [`TreeError`].
    pub async fn head(&self, size: u64) -> Result<Head, TreeError> {
        let nodes = self.read(&complete_subtrees(0..size)).await?;
        let root = range_hash(0..size, &nodes);
        let root = root.ok_or_else(|| TreeError::Damaged("root".to_owned()))?;
        Ok(Head { size, root })
    }

    /// The roots of several sizes, as [`Tree::head`] has them; none, where a leaf or a node is missing or damaged.
    ///
    /// # Errors
    /// The database is away.
    pub(super) async fn roots(&self, sizes: &[u64]) -> Result<Vec<Option<Hash>>, TreeError> {
        let ranges = sizes.iter().map(|size| 0..*size);
        let needed: BTreeSet<Node> = ranges.clone().flat_map(complete_subtrees).collect();
        let nodes = self.read_what_is_there(&Vec::from_iter(needed)).await?;
        Ok(ranges.map(|range| range_hash(range, &nodes)).collect())
    }

    /// The roots over ranges of leaves, of which proofs consist.
    ///
    /// # Errors
    /// See [`TreeError`].
    pub async fn hashes(&self, ranges: &[Range<u64>]) -> Result<Vec<Hash>, TreeError> {
        let needed: BTreeSet<Node> = ranges
            .iter()
            .flat_map(|range| complete_subtrees(range.clone()))
            .collect();
        let nodes = self.read(&Vec::from_iter(needed)).await?;
        Ok(ranges
            .iter()
            .filter_map(|range| range_hash(range.clone(), &nodes))
            .collect())
    }

    /// These nodes and leaves, all of them.
    async fn read(&self, wanted: &[Node]) -> Result<BTreeMap<Node, Hash>, TreeError> {
        let nodes = self.read_what_is_there(wanted).await?;
        match wanted.iter().find(|node| !nodes.contains_key(node)) {
            None => Ok(nodes),
            Some(Node { level: 0, number }) => Err(damaged_leaf(as_number(*number + 1))),
            Some(Node { level, number }) => Err(TreeError::Damaged(format!(
                "node {number} of level {level}"
            ))),
        }
    }

    async fn read_what_is_there(
        &self,
        wanted: &[Node],
    ) -> Result<BTreeMap<Node, Hash>, sqlx::Error> {
        let mut nodes = BTreeMap::new();
        for wanted in wanted.chunks(ASKED_AT_ONCE) {
            read_some(&self.database.read, wanted, &mut nodes).await?;
        }
        Ok(nodes)
    }
}

async fn read_some(
    read: &Connections,
    wanted: &[Node],
    nodes: &mut BTreeMap<Node, Hash>,
) -> Result<(), sqlx::Error> {
    // The numbers are ours, so that they may stand in the text. One look-up by its key each, on either database.
    let parts: Vec<String> = wanted
        .iter()
        .map(|&Node { level, number }| match level {
            0 => format!(
                "SELECT CAST(0 AS BIGINT) AS level, position - 1 AS number, hash FROM ledger_leaves WHERE position = {}",
                number + 1
            ),
            _ => format!(
                "SELECT level, number, hash FROM ledger_nodes WHERE level = {level} AND number = {number}"
            ),
        })
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    for row in sqlx::query(&parts.join(" UNION ALL "))
        .fetch_all(read)
        .await?
    {
        let (level, number): (i64, i64) = (row.try_get("level")?, row.try_get("number")?);
        let hash: String = row.try_get("hash")?;
        if let (Ok(level), Ok(number), Some(hash)) =
            (u8::try_from(level), u64::try_from(number), hash_of(&hash))
        {
            nodes.insert(Node { level, number }, hash);
        }
    }
    Ok(())
}

/// A hash as the tables hold it.
pub(super) fn hash_of(text: &str) -> Option<Hash> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// A number of leaves or nodes as the tables hold it; so many leaves have the position of the last.
pub(super) fn as_number(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn damaged_leaf(position: Position) -> TreeError {
    TreeError::Damaged(format!("leaf {position}"))
}
