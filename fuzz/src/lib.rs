//! What several targets need.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use kadode::vault::Keys;

/// Master keys that are the same in every run, so that a crash can be repeated.
#[must_use]
pub fn keys() -> Keys {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.toml");
    let secret = format!("{}=", "A".repeat(43));
    let text = format!(
        "[[key]]\nid = \"fuzz\"\ncreated = \"2026-01-01T00:00:00Z\"\nsecret = \"{secret}\"\n"
    );
    fs::write(&path, text).expect("a key file");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a key file of our own");
    Keys::load(&path).expect("keys")
}
