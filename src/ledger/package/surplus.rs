//! What lies in a package's folder beside its files: whoever reads it would take that for a part of what was signed.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::checked::Stop;
use super::manifest::Manifest;
use super::verify::Given;
use super::{Fault, MANIFEST, MANIFEST_NOTE, POLICIES, REPORTS};

/// Names the first thing in the folder that the manifest does not tell of. What was given to check with, an earlier checkpoint or a key, may lie
/// there too.
pub(super) fn check(given: &Given<'_>, manifest: &Manifest) -> Result<(), Stop> {
    let listed = manifest.files.iter().map(|file| file.name.clone());
    let own = [MANIFEST, MANIFEST_NOTE].map(str::to_owned);
    let given_too = [given.since, given.key].into_iter().flatten();
    let known: HashSet<String> = listed
        .chain(own)
        .chain(given_too.filter_map(|path| name_in(given.folder, path)))
        .collect();
    let mut there = Vec::new();
    for name in names(given.folder, "")? {
        let is_folder = [POLICIES, REPORTS].contains(&name.as_str())
            && fs::symlink_metadata(given.folder.join(&name)).is_ok_and(|it| it.is_dir());
        if is_folder {
            let within = names(given.folder, &name)?.into_iter();
            there.extend(within.map(|file| format!("{name}/{file}")));
        } else {
            there.push(name);
        }
    }
    match there.into_iter().filter(|name| !known.contains(name)).min() {
        None => Ok(()),
        Some(name) => {
            let why = format!("{MANIFEST} does not tell of {name:?}, which lies in the package");
            Err(Fault::new("surplus", why).into())
        }
    }
}

/// The name of a file, if it lies in the folder.
fn name_in(folder: &Path, path: &Path) -> Option<String> {
    let whole = |path: &Path| -> Option<PathBuf> { path.canonicalize().ok() };
    let path = whole(path)?;
    let is_there = path.parent()? == whole(folder)?;
    is_there.then(|| path.file_name()?.to_str().map(str::to_owned))?
}

/// What is in a folder of the package, by its name; a name that is no text as it can be told.
fn names(package: &Path, folder: &str) -> Result<Vec<String>, Stop> {
    let names = fs::read_dir(package.join(folder)).and_then(|entries| {
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        entries
            .map(|entry| entry.map(name))
            .collect::<io::Result<_>>()
    });
    names.map_err(|error| Stop::Io(folder.to_owned(), error))
}
