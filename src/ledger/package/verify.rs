//! Checks a package with nothing but itself, a public key and perhaps an earlier checkpoint: no database, no network, no secret.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};

use super::checked::{Checkpoints, Stop, missing, next_line, open};
use super::files::{Reading, read_short};
use super::history::{History, Line};
use super::manifest::{self, FORMAT, Listed, Manifest};
use super::reports::{MADE_SO, Reports};
use super::surplus;
use super::{CHECKPOINT, EVENTS, Fault, KEY, LEAVES, MANIFEST, MANIFEST_NOTE, POLICIES, REPORTS};
use crate::ledger::canonical::canonical;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::note::{NoteError, Verifier};
use crate::ledger::proof::Head;
use crate::ledger::tree::{Frontier, leaf_hash};
use crate::subscription::Position;

/// What is to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The package.
    pub folder: &'a Path,
    /// A checkpoint of this ledger that was kept elsewhere.
    pub since: Option<&'a Path>,
    /// The ledger's public key, as a vkey; the package's own, if none.
    pub key: Option<&'a Path>,
    /// Whether its reports are made again. Those of a program that made them in another way cannot be.
    pub reports: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// The ledger's name.
    pub origin: String,
    /// Leaves of the last checkpoint.
    pub size: u64,
    /// Its root, in base64.
    pub root: String,
    /// Events that were found right.
    pub events: u64,
    /// Streams that they are in.
    pub streams: usize,
    /// Checkpoints that were found right.
    pub checkpoints: u64,
    /// Whether its reports were made again, and found right.
    pub reports: bool,
    /// The size of the earlier checkpoint that this one continues.
    pub since: Option<u64>,
    /// The key that all this was checked with.
    pub key: String,
    /// Where that came from: `file` or `package`.
    pub key_from: &'static str,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

/// Why nothing can be said; for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Unable {
    /// A file cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// It is no package.
    #[error("{0}: this is no package of a ledger: it has no {MANIFEST}")]
    NoPackage(PathBuf),
    /// It is one of a later program.
    #[error("the package is of the format {0:?}, which this program does not know")]
    Format(String),
    /// The file of `--key` holds no key.
    #[error("key {0}: this is no key like name+id+key")]
    Key(PathBuf),
    /// Its reports cannot be made again here.
    #[error(
        "the package's reports were made in way {way} (by {software:?}), and this program makes them in way {here}: check it with one that makes them in way {way}; --without-reports checks all else",
        here = MADE_SO
    )]
    Reports {
        /// The number of the way in which they were made; 0 of one that had none yet.
        way: u32,
        /// By what.
        software: String,
    },
    /// The file of `--since` holds no checkpoint.
    #[error("checkpoint {0}: this is no signed checkpoint")]
    Since(PathBuf),
}

/// Checks a package; `progress` hears how many events were found right.
///
/// # Errors
/// Nothing can be said about it. What is wrong with it is no error, but in the report.
pub fn verify(given: &Given<'_>, progress: impl FnMut(u64)) -> Result<Report, Unable> {
    let mut report = Report::default();
    match check(given, &mut report, progress) {
        Ok(()) => report.ok = true,
        Err(End::Stop(Stop::Fault(fault))) => report.fault = Some(fault),
        Err(End::Stop(Stop::Io(name, error))) => {
            return Err(Unable::File(given.folder.join(name), error));
        }
        Err(End::Unable(unable)) => return Err(unable),
    }
    Ok(report)
}

enum End {
    Stop(Stop),
    Unable(Unable),
}

impl<E: Into<Stop>> From<E> for End {
    fn from(stop: E) -> Self {
        Self::Stop(stop.into())
    }
}

fn check(given: &Given<'_>, report: &mut Report, progress: impl FnMut(u64)) -> Result<(), End> {
    let folder = given.folder;
    let text = match read_short(folder, MANIFEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(End::Unable(Unable::NoPackage(folder.to_owned())));
        }
        read => read.map_err(|error| Stop::Io(MANIFEST.to_owned(), error))?,
    };
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|_| Fault::new("manifest", format!("{MANIFEST} is not as it should be")))?;
    if manifest.format != FORMAT {
        return Err(End::Unable(Unable::Format(manifest.format)));
    }
    let key = key(given, report)?;
    report.key = key.to_string();
    key.name().clone_into(&mut report.origin);
    let since = match given.since {
        None => None,
        Some(path) => Some(since(path, &key)?),
    };
    let mut content = Content {
        key: &key,
        since,
        report,
        frontier: Frontier::default(),
        history: History::new(manifest.events_in),
        checkpoints: Checkpoints::open(folder)?,
        policies: HashMap::new(),
        reports: Reports::new(),
    };
    let read = content.check(folder, progress)?;
    let (reports, head) = content.check_rest(folder, &manifest, read)?;
    // Late, since whatever else is wrong says more.
    let note = read_short(folder, MANIFEST_NOTE);
    let note = note.map_err(|error| missing(MANIFEST_NOTE, error))?;
    manifest::check(text.as_bytes(), &note, &key)
        .map_err(|error| Fault::new("manifest", format!("{MANIFEST_NOTE}: {error}")))?;
    surplus::check(given, &manifest)?;
    if !given.reports {
        return Ok(());
    }
    if manifest.reports != Some(MADE_SO) {
        return Err(End::Unable(Unable::Reports {
            way: manifest.reports.unwrap_or(0),
            software: manifest.software,
        }));
    }
    // What is signed may still have been made up.
    reports.check(folder, &head, &manifest)?;
    report.reports = true;
    Ok(())
}

fn key(given: &Given<'_>, report: &mut Report) -> Result<Verifier, End> {
    let text = if let Some(path) = given.key {
        report.key_from = "file";
        let read = fs::read_to_string(path);
        read.map_err(|error| End::Unable(Unable::File(path.to_owned(), error)))?
    } else {
        report.key_from = "package";
        read_short(given.folder, KEY).map_err(|error| missing(KEY, error))?
    };
    match (Verifier::parse(text.trim()), given.key) {
        (Some(key), _) => Ok(key),
        (None, Some(path)) => Err(End::Unable(Unable::Key(path.to_owned()))),
        (None, None) => Err(Fault::new("file", format!("{KEY} holds no key")).into()),
    }
}

/// An earlier checkpoint. One that was signed with another key is wrong; what is none at all is a mistake of whoever gave it.
fn since(path: &Path, key: &Verifier) -> Result<Head, End> {
    let unable = |unable| Err(End::Unable(unable));
    match fs::read_to_string(path).map(|note| Checkpoint::open(&note, key)) {
        Err(error) => unable(Unable::File(path.to_owned(), error)),
        Ok(Err(NoteError::Malformed)) => unable(Unable::Since(path.to_owned())),
        Ok(Err(error)) => {
            Err(Fault::new("since", format!("the earlier checkpoint: {error}")).into())
        }
        Ok(Ok(checkpoint)) => Ok(checkpoint.head),
    }
}

/// What is checked event by event.
struct Content<'a> {
    key: &'a Verifier,
    since: Option<Head>,
    report: &'a mut Report,
    frontier: Frontier,
    history: History,
    checkpoints: Checkpoints,
    /// The hash of each policy that was adopted, by the name of its file.
    policies: HashMap<String, String>,
    reports: Reports,
}

impl Content<'_> {
    fn check(&mut self, folder: &Path, mut progress: impl FnMut(u64)) -> Result<[Listed; 2], Stop> {
        let mut events = open(folder, EVENTS)?;
        let mut leaves = open(folder, LEAVES)?;
        self.check_size()?;
        while let Some(text) = next_line(&mut events, EVENTS)? {
            let leaf = next_line(&mut leaves, LEAVES)?;
            self.check_event(&text, leaf.as_deref())?;
            progress(self.frontier.size());
        }
        let events_end = self.frontier.size();
        if let Some(due) = self.checkpoints.due() {
            let why = format!(
                "the events end with {events_end}, but {due} were signed: those after it were taken away"
            );
            return Err(Fault::new("missing", why).at(self.position() + 1).into());
        }
        self.history.finish(true)?;
        let Some((last, _)) = self.checkpoints.last() else {
            return Err(Fault::new("missing", "there is no checkpoint").into());
        };
        if last.size < events_end {
            let why = format!(
                "it comes after the last checkpoint, which is over {} events",
                last.size
            );
            return Err(Fault::new("surplus", why).at(self.position()).into());
        }
        if next_line(&mut leaves, LEAVES)?.is_some() {
            let why = format!("{LEAVES} has more leaves than there are events");
            return Err(Fault::new("surplus", why).at(self.position() + 1).into());
        }
        if let Some(since) = self.since.filter(|since| since.size > events_end) {
            let why = format!(
                "the earlier checkpoint is over {} events, and there are {events_end}: the log has been cut; after a restore, an \
                 event RestoredFromBackup names that checkpoint",
                since.size
            );
            return Err(Fault::new("since", why).into());
        }
        let told = |file: Reading, name: &str| {
            file.finish()
                .map_err(|error| Stop::Io(name.to_owned(), error))
        };
        Ok([told(events, EVENTS)?, told(leaves, LEAVES)?])
    }

    fn check_event(&mut self, text: &str, leaf: Option<&str>) -> Result<(), Stop> {
        let due = self.position() + 1;
        let unreadable = || Fault::new("unreadable", "it is no event").at(due);
        let value = serde_json::from_str(text).map_err(|_| unreadable())?;
        let is_canonical = canonical(&value) == text;
        let line: Line = serde_json::from_value(value).map_err(|_| unreadable())?;
        self.history.make_way_for(&line)?;
        let fault = |what, why: String| Stop::Fault(Fault::new(what, why).at(due).of(&line.stream));
        if line.position != due {
            let why = format!("here is event {}, where {due} is due", line.position);
            return Err(fault("position", why));
        }
        if !is_canonical {
            return Err(fault(
                "unreadable",
                "it is not in canonical JSON".to_owned(),
            ));
        }
        let hash = leaf_hash(text.as_bytes());
        if leaf.is_none_or(str::is_empty) {
            return Err(fault("leaf", "its leaf is missing".to_owned()));
        }
        if leaf != Some(&HEXLOWER.encode(&hash)) {
            let why = "it is not the event whose leaf stands in the ledger".to_owned();
            return Err(fault("leaf", why));
        }
        if let Some((sha256, name)) = line.policy_file() {
            self.policies.insert(name, sha256);
        }
        if let Some(recorded) = line.recorded(self.history.latest()) {
            self.reports.take(&recorded);
        }
        self.history.take(line)?;
        self.frontier.push(hash, |_, _| ());
        self.report.events = self.frontier.size();
        self.report.streams = self.history.streams();
        self.check_size()
    }

    /// What is said of the tree of the present size.
    fn check_size(&mut self) -> Result<(), Stop> {
        let size = self.frontier.size();
        let is_since = self.since.is_some_and(|since| since.size == size);
        if !is_since && self.checkpoints.due() != Some(size) {
            return Ok(());
        }
        let present = Head {
            size,
            root: self.frontier.root(),
        };
        if let Some(since) = self.since.filter(|since| since.size == size) {
            if since != present {
                let why = format!(
                    "the first {size} events are not those of the earlier checkpoint: the past has been changed; after a restore, an \
                     event RestoredFromBackup names that checkpoint"
                );
                return Err(Fault::new("since", why).into());
            }
            self.report.since = Some(size);
        }
        if self.checkpoints.due() == Some(size) {
            self.checkpoints.check(&present, self.key)?;
            self.report.checkpoints = self.checkpoints.count();
            self.report.size = size;
            self.report.root = BASE64.encode(&present.root);
        }
        Ok(())
    }

    /// The position of the last event.
    fn position(&self) -> Position {
        Position::try_from(self.frontier.size()).unwrap_or(Position::MAX)
    }

    /// The files as such, and those that no event stands in.
    fn check_rest(
        self,
        folder: &Path,
        manifest: &Manifest,
        read: [Listed; 2],
    ) -> Result<(Reports, Head), Stop> {
        let last = self.checkpoints.last().cloned();
        let is_of = |head: &Head| manifest.is_of(head) && manifest.origin == self.key.name();
        let Some((head, note)) = last.filter(|(head, _)| is_of(head)) else {
            let why = format!("{MANIFEST} is of another ledger or another checkpoint");
            return Err(Fault::new("manifest", why).into());
        };
        let [checkpoints, proofs] = self.checkpoints.finish()?;
        let mut known: HashMap<String, Listed> = read
            .into_iter()
            .chain([checkpoints, proofs])
            .map(|file| (file.name.clone(), file))
            .collect();
        let mut names = HashSet::new();
        for listed in &manifest.files {
            if !names.insert(&listed.name) {
                let why = format!("{MANIFEST} tells of {:?} twice", listed.name);
                return Err(Fault::new("manifest", why).into());
            }
            let found = match known.remove(&listed.name) {
                Some(found) => found,
                None => read_whole(folder, &listed.name)?,
            };
            if found != *listed {
                let why = format!("{} is not as {MANIFEST} tells", listed.name);
                return Err(Fault::new("file", why).into());
            }
        }
        if let Some(name) = known.into_keys().min() {
            return Err(
                Fault::new("manifest", format!("{MANIFEST} does not tell of {name}")).into(),
            );
        }
        let latest = read_short(folder, CHECKPOINT);
        if latest.map_err(|error| missing(CHECKPOINT, error))? != note {
            let why = format!("{CHECKPOINT} is not the last checkpoint");
            return Err(Fault::new("file", why).into());
        }
        for (name, sha256) in self.policies {
            if read_whole(folder, &name)?.sha256 != sha256 {
                let why = format!("{name} is not the text that the policy's event brings");
                return Err(Fault::new("file", why).into());
            }
        }
        Ok((self.reports, head))
    }
}

fn read_whole(folder: &Path, name: &str) -> Result<Listed, Stop> {
    // Only files of the package itself, whatever the manifest says.
    let mut folders = [POLICIES, REPORTS].iter();
    let plain = folders.find_map(|of| name.strip_prefix(of)?.strip_prefix('/'));
    let plain = plain.unwrap_or(name);
    if plain.contains(['/', '\\']) || plain.starts_with('.') {
        return Err(Fault::new("manifest", format!("{MANIFEST} tells of a file {name:?}")).into());
    }
    Reading::open(folder, name)
        .and_then(Reading::finish)
        .map_err(|error| missing(name, error))
}
