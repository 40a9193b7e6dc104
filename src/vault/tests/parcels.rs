//! Parcels: what is sealed is opened, and nothing else is.

use super::*;
use crate::domain::values::KeyId;

const PIECE: usize = 64 * 1024;

fn seal(house: &House, name: &str, plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    let key = house.vault.keys.current();
    let parcel = Parcel {
        key,
        backup: uuid::Uuid::from_u128(1),
        name,
    };
    parcel
        .seal(&house.vault.keys, &mut &*plain, &mut sealed)
        .unwrap();
    sealed
}

fn open(house: &House, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let key = house.vault.keys.current();
    let parcel = Parcel {
        key,
        backup: uuid::Uuid::from_u128(1),
        name,
    };
    let opened = parcel.open(&house.vault.keys, &mut &*sealed, &mut plain);
    opened.ok().map(|()| plain)
}

fn of_size(size: usize) -> Vec<u8> {
    (0..=250_u8).cycle().take(size).collect()
}

#[tokio::test]
async fn a_file_of_any_size_comes_out_as_it_went_in() {
    let house = House::new().await;
    for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
        let plain = of_size(size);
        let sealed = seal(&house, "a", &plain);
        assert_eq!(open(&house, "a", &sealed), Some(plain), "{size}");
    }
}

#[tokio::test]
async fn a_piece_that_is_changed_left_out_doubled_or_exchanged_opens_nothing() {
    let house = House::new().await;
    let sealed = seal(&house, "a", &of_size(3 * PIECE));
    let pieces: Vec<&[u8]> = sealed.chunks(PIECE + 16).collect();
    let mut changed = sealed.clone();
    changed[PIECE] ^= 1;
    for wrong in [
        changed,
        pieces[..2].concat(),
        pieces[1..].concat(),
        [pieces[0], pieces[2]].concat(),
        [pieces[0], pieces[0], pieces[1], pieces[2]].concat(),
        [pieces[1], pieces[0], pieces[2]].concat(),
        Vec::new(),
    ] {
        assert_eq!(open(&house, "a", &wrong), None);
    }
}

#[tokio::test]
async fn a_file_does_not_pass_for_another() {
    let house = House::new().await;
    let sealed = seal(&house, "a", b"text");
    assert_eq!(open(&house, "b", &sealed), None);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_named() {
    let house = House::new().await;
    let parcel = Parcel {
        key: &KeyId("other".to_owned()),
        backup: uuid::Uuid::nil(),
        name: "a",
    };
    let failed = parcel.open(&house.vault.keys, &mut &b""[..], &mut Vec::new());
    assert!(matches!(failed, Err(ParcelError::UnknownKey(key)) if key.0 == "other"));
}
