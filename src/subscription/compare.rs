//! Whether the read models are what the log says: they are built anew beside the live ones, compared, and thrown away.

use std::collections::BTreeMap;

use sqlx::AnyConnection;

use super::projector::{Projector, READ_MODELS};
use super::rebuild::{End, checkpoint_in};
use super::tables::{PARKED, Tables};
use super::{FollowError, Projection};
use crate::database::REBUILD;
use crate::store::Position;

/// The tables that are not what the log says, each with how many of its rows are changed, too many or missing.
pub type Differing = BTreeMap<&'static str, i64>;

impl Projector {
    /// Builds all read models anew, without what is parked, and compares them with the live ones, which are kept up meanwhile and change
    /// nothing. `told` hears how many events were folded. It takes as long as a rebuild, and as much room once more. A rebuild that is running
    /// meanwhile fails, as it does when another rebuild begins, and leaves the live tables as they are.
    ///
    /// # Errors
    /// See [`FollowError`].
    pub async fn compare(&self, told: impl Fn(Position) + Send) -> Result<Differing, FollowError> {
        let mut new = Tables {
            reader: String::new(),
            suffix: REBUILD,
            read_models: self.read_models.clone(),
            leaves: None,
            parked: PARKED,
            tries_parked: false,
            // For whoever searches; nobody will.
            has_indexes: true,
        };
        let differing = self.build(&mut new, told, End::Compare).await;
        // Where the checkpoint moved, the tables are another rebuild's by now.
        if !matches!(differing, Err(FollowError::CheckpointMoved(_))) {
            let mut transaction = self.database.begin().await?;
            for table in new.names().chain([PARKED]) {
                self.database.drop_rebuilt(table, &mut transaction).await?;
            }
            transaction.commit().await?;
        }
        differing
    }

    /// Compares where both have come to the same event; none, if the live ones went on meanwhile.
    pub(super) async fn compare_at(
        &self,
        new: &Tables,
        built: Position,
    ) -> Result<Option<Differing>, FollowError> {
        // Nobody writes until there is a view of both at one moment, and everybody may while they are compared.
        let mut lock = self.database.begin().await?;
        let live = checkpoint_in(READ_MODELS, &mut lock).await?;
        let mut view = self.database.begin_view().await?;
        let ours = checkpoint_in(&new.reader, &mut view).await?;
        lock.rollback().await?;
        if ours != Some(built) {
            return Err(FollowError::CheckpointMoved(new.reader.clone()));
        }
        if live != ours {
            return Ok(None);
        }
        let mut differing = Differing::new();
        for read_model in &new.read_models {
            for table in read_model.tables() {
                let rows = differing_rows(read_model.as_ref(), table, &mut view).await?;
                if rows > 0 {
                    differing.insert(table, rows);
                }
            }
        }
        view.rollback().await?;
        Ok(Some(differing))
    }
}

/// Rows of `table` that the new one has not, and how many more that one has: as rows have keys, all that differs shows in one of both.
async fn differing_rows(
    read_model: &dyn Projection,
    table: &str,
    view: &mut AnyConnection,
) -> Result<i64, sqlx::Error> {
    let rows = |suffix: &str| {
        format!(
            "SELECT * FROM {table}{suffix} {}",
            read_model.telling(table)
        )
    };
    let (live, new) = (rows(""), rows(REBUILD));
    let sql = format!(
        "SELECT (SELECT COUNT(*) FROM ({live} EXCEPT {new}) AS wrong), (SELECT COUNT(*) FROM ({new}) AS new), (SELECT COUNT(*) FROM ({live}) AS live)"
    );
    let (wrong, new, live): (i64, i64, i64) = sqlx::query_as(&sql).fetch_one(view).await?;
    Ok(wrong.max(new - live).max(wrong + new - live))
}
