//! The master key file: created once, loaded at every start, and added to.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use data_encoding::{BASE32_NOPAD, BASE64};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretBox;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;

use super::keys::{Key, Keys};
use crate::ambient::Entropy;
use crate::database::fixed_width;
use crate::domain::values::KeyId;

/// What to do where there is no key file and the database was not made with one yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// Create it.
    Create,
    /// Refuse.
    Refuse,
}

/// Whether the key file was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// It was there.
    Found,
    /// It was created just now; tell the operator to keep a copy apart from the databases.
    Created,
    /// It was there, and was given the ledger's signing key just now.
    Completed,
}

/// Why the master keys cannot be used. The text is fit for the operator and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no file.
    #[error(
        "key file {0}: no such file; give the path of the file that this database was made with"
    )]
    Missing(PathBuf),
    /// The file holds other keys.
    #[error("key file {0}: these are not the keys that this database was made with")]
    Other(PathBuf),
    /// The file holds some of the keys, as one does that was copied before another was added.
    #[error(
        "key file {0}: it lacks a key of this database; copy it anew from the machine where `kadode keys add` was run"
    )]
    Lacking(PathBuf),
    /// The key database holds nothing of the main one's members.
    #[error(
        "key database {0}: it does not belong to this database; give --key-database the file that was made together with it \
         (unless another was named then, it is the database's path plus .keys)"
    )]
    OtherKeyDatabase(String),
    /// Others than the owner may read or write the file.
    #[error("key file {0}: others may read it; run chmod 600 on it")]
    Open(PathBuf),
    /// The file cannot be read or created.
    #[error("key file {0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// The file is no key file.
    #[error("key file {0}: not a key file (line {1})")]
    Format(PathBuf, usize),
    /// The ledger is signed with a key that the file lacks, or has another of.
    #[error(
        "key file {0}: its entry [ledger] is missing, or another than the one this database's ledger is signed with; \
         copy it from the key file of the machine that added it (the program said so there)"
    )]
    OtherLedger(PathBuf),
    /// The database is away.
    #[error("key check: {0}")]
    Database(#[from] sqlx::Error),
}

#[derive(Deserialize)]
struct File {
    key: Vec<Entry>,
    ledger: Option<LedgerEntry>,
}

/// The key that signs the ledger's checkpoints, derived from nothing else: whoever checks them knows its public half for good.
#[derive(Deserialize)]
struct LedgerEntry {
    secret: String,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    created: String,
    secret: String,
}

impl Keys {
    /// Loads the key file at `path`.
    ///
    /// # Errors
    /// The file is missing, unreadable, readable by others or no key file.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let failed = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound {
                KeyError::Missing(path.to_owned())
            } else {
                KeyError::File(path.to_owned(), error)
            }
        };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(KeyError::Open(path.to_owned()));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        // The parser's own message would quote the line, secret and all.
        let file: File = toml::from_str(&text).map_err(|error| {
            let before = error
                .span()
                .and_then(|span| text.get(..span.start))
                .unwrap_or_default();
            KeyError::Format(path.to_owned(), before.matches('\n').count() + 1)
        })?;
        let malformed = || KeyError::Format(path.to_owned(), 1);
        let ledger = match file.ledger {
            Some(entry) => Some(secret_of(entry.secret).ok_or_else(malformed)?),
            None => None,
        };
        let ledger = ledger.map(|secret| SecretBox::new(Box::new(*secret)));
        let keys: Option<Vec<Key>> = file.key.into_iter().map(read).collect();
        keys.and_then(|keys| Self::of(keys, ledger))
            .ok_or_else(malformed)
    }

    /// Creates a key file with one key, and the one of the ledger, at `path`, readable by its owner alone; it is whole or not there.
    ///
    /// # Errors
    /// A file is there already, or none can be written.
    pub fn create(path: &Path, entropy: &Entropy, now: Timestamp) -> Result<Self, KeyError> {
        let text = Zeroizing::new(format!(
            "# The master keys of Kadode. Without this file nothing in the databases can be read: keep a copy apart from them.\n\
             # The database names the key that is used for what is new; every other is needed for what is old.\n\
             {}{}",
            key_entry(entropy, now).as_str(),
            ledger_entry(entropy, now).as_str(),
        ));
        write_whole(path, &text, |file| {
            file.persist_noclobber(path).map_err(|error| error.error)
        })
        .map_err(|error| KeyError::File(path.to_owned(), error))?;
        Self::load(path)
    }

    /// Adds the ledger's signing key to a file that was made before there was one; another program may have done so just before.
    pub(super) fn add_ledger(
        path: &Path,
        entropy: &Entropy,
        now: Timestamp,
    ) -> Result<Self, KeyError> {
        Self::add(path, |keys| {
            keys.ledger().is_none().then(|| ledger_entry(entropy, now))
        })
    }

    /// Adds a new master key to the file, unless one has been added that is not in use yet; the new one comes to be used by
    /// [`Rotation::make_present`](super::Rotation::make_present).
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn add_key(
        &self,
        path: &Path,
        entropy: &Entropy,
        now: Timestamp,
    ) -> Result<Self, KeyError> {
        Self::add(path, |keys| {
            // The newest by its time, even where a clock was set back.
            let since = now.max(keys.newest_since() + SignedDuration::from_secs(1));
            (keys.newest() == self.current()).then(|| key_entry(entropy, since))
        })
    }

    /// Adds to the end of the file what `entry` says, if anything; one program at a time. Owner and mode stay, or nothing is added.
    fn add(
        path: &Path,
        entry: impl FnOnce(&Self) -> Option<Zeroizing<String>>,
    ) -> Result<Self, KeyError> {
        let failed = |error: io::Error| KeyError::File(path.to_owned(), error);
        // The file itself, where a link leads to it.
        let path = &path.canonicalize().map_err(failed)?;
        let turn = fs::File::open(path).map_err(failed)?;
        turn.lock().map_err(failed)?;
        let keys = Self::load(path)?;
        let Some(entry) = entry(&keys) else {
            return Ok(keys);
        };
        let before = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        let text = Zeroizing::new(format!("{}\n{}", before.trim_end(), entry.as_str()));
        write_whole(path, &text, |file| {
            // Whoever serves must be able to read it as before, though another user adds the key.
            let before = fs::metadata(path)?;
            fchown(file.as_file(), Some(before.uid()), Some(before.gid()))?;
            file.as_file().set_permissions(before.permissions())?;
            file.persist(path).map_err(|error| error.error)
        })
        .map_err(failed)?;
        Self::load(path)
    }
}

/// Writes a file that its owner alone may read beside its place, and puts it there with `persist`: it is whole or not there.
fn write_whole(
    path: &Path,
    text: &str,
    persist: impl FnOnce(tempfile::NamedTempFile) -> io::Result<fs::File>,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    persist(file)?;
    fs::File::open(folder)?.sync_all()
}

fn fresh_secret(entropy: &Entropy) -> Zeroizing<String> {
    Zeroizing::new(BASE64.encode(Zeroizing::new(entropy.bytes::<32>()).as_slice()))
}

fn key_entry(entropy: &Entropy, now: Timestamp) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "\n[[key]]\nid = \"{}\"\ncreated = \"{}\"\nsecret = \"{}\"\n",
        BASE32_NOPAD
            .encode(&entropy.bytes::<5>())
            .to_ascii_lowercase(),
        fixed_width(now),
        fresh_secret(entropy).as_str(),
    ))
}

fn ledger_entry(entropy: &Entropy, now: Timestamp) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "\n# The key that signs the checkpoints of the audit ledger. All machines that serve this database have the same.\n\
         [ledger]\ncreated = \"{}\"\nsecret = \"{}\"\n",
        fixed_width(now),
        fresh_secret(entropy).as_str()
    ))
}

fn secret_of(text: String) -> Option<Zeroizing<[u8; 32]>> {
    let text = Zeroizing::new(text);
    let secret = Zeroizing::new(BASE64.decode(text.as_bytes()).ok()?);
    secret.as_slice().try_into().ok().map(Zeroizing::new)
}

fn read(entry: Entry) -> Option<Key> {
    let secret = secret_of(entry.secret)?;
    // The id stands inside texts whose parts are divided by dots.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !(1..=32).contains(&entry.id.len()) || !entry.id.bytes().all(plain) {
        return None;
    }
    Key::derive(
        KeyId(entry.id),
        entry.created.parse().ok()?,
        secret.as_slice(),
    )
}
