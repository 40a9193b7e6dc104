//! What runs of the command line leave that were killed and not repeated, made good.

use super::{AT_ONCE, Members, RosterFault, Run, STREAM};
use crate::domain::ids::ImportId;
use crate::domain::onboarding::Onboarding;
use crate::domain::rosters::{Command, Rosters};

/// Gives up the runs of the command line that were begun and did not end, but for one that is taken up again: the vault says of everybody
/// once more whether they have left, as the log does. For whoever has the turn.
///
/// # Errors
/// A store is away.
pub async fn mend(members: &Members, taken_up: Option<ImportId>) -> Result<(), RosterFault> {
    let loaded = members.commands.load::<Rosters>(STREAM).await;
    let rosters = loaded.map_err(RosterFault)?;
    let killed = rosters.left().map(|it| it.id);
    let killed: Vec<ImportId> = killed.filter(|id| Some(*id) != taken_up).collect();
    if killed.is_empty() {
        return Ok(());
    }
    note_who_has_left(members).await?;
    for import in killed {
        let abandon = Command::Abandon { import };
        Run::tell(members, "AbandonRoster", abandon).await?;
    }
    Ok(())
}

async fn note_who_has_left(members: &Members) -> Result<(), RosterFault> {
    let profiles = &members.vault.profiles;
    let mut after = None;
    loop {
        let page = profiles.page(after, AT_ONCE).await;
        let page = page.map_err(RosterFault::failed)?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(*last);
        for (member, stored) in page {
            let Some(stored) = stored else { continue };
            let id = member.to_string();
            let told = members.commands.load::<Onboarding>(&id).await;
            let has_left = told.map_err(RosterFault)?.left;
            if has_left != stored.has_left {
                let noted = profiles.note_left(&[member], has_left).await;
                noted.map_err(RosterFault::failed)?;
            }
        }
    }
}
