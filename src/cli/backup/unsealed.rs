//! Copies of databases that are not sealed: each beside its database, and gone with whoever made it, or else with whoever comes next.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// How the names of copies begin, and of what SQLite puts beside them.
const PREFIX: &str = ".kadode-copy-";

/// An empty file for a copy in the folder of `database`, after those of programs that were killed are gone.
pub(in crate::cli) fn copy_beside(database: &Path) -> io::Result<NamedTempFile> {
    remove_left_beside(database)?;
    let copy = NamedTempFile::with_prefix_in(PREFIX, folder_of(database))?;
    // As long as this program runs. It is flock's, which SQLite does not use.
    copy.as_file().lock()?;
    Ok(copy)
}

/// Removes copies in the folder of `database` that no program works on any more.
pub(in crate::cli) fn remove_left_beside(database: &Path) -> io::Result<()> {
    let folder = folder_of(database);
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let endings = ["-wal", "-shm", "-journal"];
        let copy = endings.iter().find_map(|it| name.strip_suffix(it));
        let copy = File::open(folder.join(copy.unwrap_or(name)));
        let in_use =
            copy.is_ok_and(|copy| matches!(copy.try_lock(), Err(TryLockError::WouldBlock)));
        if !in_use {
            remove(&folder.join(name))?;
        }
    }
    Ok(())
}

/// Somebody else may have been faster.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn folder_of(database: &Path) -> &Path {
    match database.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_is_worked_on_stays_and_one_whose_program_was_killed_goes() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("kadode.sqlite");
        let copy = copy_beside(&database).unwrap();
        for left in ["left", "left-wal", "left-shm", "gone-journal"] {
            fs::write(folder.path().join(format!("{PREFIX}{left}")), "").unwrap();
        }
        remove_left_beside(&database).unwrap();
        let names = fs::read_dir(folder.path()).unwrap();
        let names: Vec<_> = names.map(|it| it.unwrap().path()).collect();
        assert_eq!(names, [copy.path()]);
    }
}
