//! Signed notes, checkpoints and public keys: what is read is what was written, and nothing that was changed counts as signed.

#![no_main]

use std::sync::LazyLock;

use kadode::ledger::{Checkpoint, Head, Note, Signer, Verifier};
use libfuzzer_sys::{arbitrary, fuzz_target};

static SIGNER: LazyLock<Signer> =
    LazyLock::new(|| Signer::new("kenpo.example.jp/kadode", &[7; 32]).expect("the name is a name"));

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    text: &'a str,
    /// Where in a signed checkpoint something is put instead.
    at: u16,
    instead: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let text = input.text;
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.to_string(), text);
    }
    if let Some(checkpoint) = Checkpoint::parse(text) {
        assert!(text.starts_with(&checkpoint.text()));
    }
    if let Some(key) = Verifier::parse(text) {
        assert_eq!(key.to_string(), text);
    }
    let verifier = SIGNER.verifier();
    assert!(
        Checkpoint::open(text, verifier).is_err(),
        "a forged checkpoint counts"
    );

    let checkpoint = Checkpoint {
        origin: verifier.name().to_owned(),
        head: Head {
            size: 39,
            root: [9; 32],
        },
    };
    let signed = SIGNER.sign(&checkpoint.text()).to_string().into_bytes();
    let at = usize::from(input.at) % signed.len();
    let after = (at + input.instead.len()).min(signed.len());
    let changed = [&signed[..at], input.instead, &signed[after..]].concat();
    if let Ok(changed) = String::from_utf8(changed) {
        // Lines of other signers may be added, and nothing else.
        if let Ok(opened) = Checkpoint::open(&changed, verifier) {
            assert_eq!(opened, checkpoint);
        }
    }
});
