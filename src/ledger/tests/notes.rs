//! Notes and checkpoints, beside an example of Go's own package and against everything that may be wrong with them.

use data_encoding::BASE64;

use crate::ledger::{Checkpoint, Head, Note, NoteError, Signer, Verifier};

/// The example of golang.org/x/mod/sumdb/note, with its public key, and the secret of its private one.
const NEUMANN: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

fn signer(name: &str) -> Signer {
    let secret = BASE64.decode(SECRET.as_bytes()).unwrap();
    Signer::new(name, secret[1..].try_into().unwrap()).unwrap()
}

#[test]
fn the_note_of_another_implementation_is_read_and_written_byte_for_byte() {
    let verifier = Verifier::parse(VKEY).unwrap();
    let note = Note::parse(NEUMANN).unwrap();
    let text = note.verified(&verifier).unwrap();
    let signer = signer("PeterNeumann");
    assert_eq!(signer.verifier().to_string(), VKEY);
    assert_eq!(signer.sign(text).to_string(), NEUMANN);
    assert_eq!(note.to_string(), NEUMANN);
}

#[test]
fn a_changed_text_a_changed_signature_and_another_key_are_told_apart() {
    let verifier = Verifier::parse(VKEY).unwrap();
    let open = |note: &str| {
        let note = Note::parse(note)?;
        note.verified(&verifier).map(str::to_owned)
    };
    let forged = Err(NoteError::Forged);
    assert_eq!(open(&NEUMANN.replacen("answer", "Answer", 1)), forged);
    assert_eq!(open(&NEUMANN.replacen("AQxVB", "AQxVC", 1)), forged);
    let cut = NEUMANN.replacen("nAM=\n", "\n", 1);
    assert_eq!(open(&cut), forged);
    let others = signer("somebody.example").sign("text\n").to_string();
    assert_eq!(open(&others), Err(NoteError::NotSigned));
}

#[test]
fn signatures_of_others_beside_the_keys_own_do_not_matter() {
    let stranger = "\u{2014} stranger.example AAAAAAAA\n";
    let note = Note::parse(&format!("{NEUMANN}{stranger}")).unwrap();
    assert!(note.verified(&Verifier::parse(VKEY).unwrap()).is_ok());
}

#[test]
fn what_is_no_note_is_refused() {
    let line = NEUMANN.lines().last().unwrap();
    for wrong in [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\nno signature\n",
        &format!("text\n{line}\n"),
        &format!("text\n\n{line}"),
        &format!("text\n\n{line}\n\n"),
        &format!("te\txt\n\n{line}\n"),
        &format!("text\n\n{}\n", line.replacen('\u{2014}', "-", 1)),
        &format!(
            "text\n\n{}\n",
            line.replacen("PeterNeumann", "Peter+Neumann", 1)
        ),
        "text\n\n\u{2014} name AAAAAA==\n",
        "text\n\n\u{2014} name AAAA\n",
        "text\n\n\u{2014} name AAAAAA==AAAA\n",
    ] {
        assert_eq!(Note::parse(wrong), Err(NoteError::Malformed), "{wrong:?}");
    }
}

#[test]
fn a_key_is_read_only_in_the_one_way_it_is_written() {
    for wrong in [
        "",
        "PeterNeumann",
        &VKEY.replacen("c74f20a3", "c74f20a4", 1),
        &VKEY.replacen("c74f20a3", "C74F20A3", 1),
        &VKEY.replacen("ARpc", "Ahpc", 1),
        &VKEY.replacen("PeterNeumann", "Peter Neumann", 1),
        &format!("{VKEY}\n"),
    ] {
        assert_eq!(Verifier::parse(wrong), None, "{wrong:?}");
    }
    assert!(Signer::new("two words", &[1; 32]).is_none());
    assert!(Signer::new("", &[1; 32]).is_none());
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        origin: "kenpo.example.jp/kadode".to_owned(),
        head: Head {
            size: 20_852_163,
            root: [7; 32],
        },
    }
}

#[test]
fn a_checkpoint_is_origin_size_and_root_and_comes_back() {
    let text = checkpoint().text();
    assert_eq!(
        text,
        "kenpo.example.jp/kadode\n20852163\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"
    );
    assert_eq!(Checkpoint::parse(&text), Some(checkpoint()));
    assert_eq!(
        Checkpoint::parse(&format!("{text}extension\n")),
        Some(checkpoint())
    );
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let text = checkpoint().text();
    for wrong in [
        "",
        "\n",
        text.trim_end(),
        &text.replacen("20852163", "020852163", 1),
        &text.replacen("20852163", "+20852163", 1),
        &text.replacen("20852163", "-1", 1),
        &text.replacen("20852163", "99999999999999999999", 1),
        &text.replacen("BwcH", "", 1),
        &text.replacen("Bwc=", "Bwd=", 1),
        &text.replacen("Bwc=", "Bw==Bw==", 1),
        &text.replacen("kenpo.example.jp/kadode", "", 1),
        &format!("{text}\nextension\n"),
    ] {
        assert_eq!(Checkpoint::parse(wrong), None, "{wrong:?}");
    }
}

#[test]
fn a_checkpoint_of_another_ledger_is_not_this_ones_though_the_secret_is_the_same() {
    let signer = signer("kenpo.example.jp/kadode");
    let open = |text: &str| Checkpoint::open(&signer.sign(text).to_string(), signer.verifier());
    let text = checkpoint().text();
    assert_eq!(open(&text), Ok(checkpoint()));
    let other = text.replacen("kenpo", "shaho", 1);
    assert_eq!(open(&other), Err(NoteError::NotSigned));
    assert_eq!(open("no checkpoint\n"), Err(NoteError::Malformed));
}
