//! What is drawn at random, by numbers: codes are spread evenly, and no nonce comes twice.

use std::collections::HashSet;

use data_encoding::BASE64;
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::super::seal::{Place, parts, seal};
use super::*;
use crate::domain::ids::ChallengeId;

#[tokio::test]
async fn a_million_codes_are_spread_evenly() {
    const CODES: u32 = 1_000_000;
    const BINS: u32 = 1000;
    let house = House::new().await;
    let one_time = &house.vault.one_time;
    let (key, member) = (one_time.current_key(), house.member());
    let mut counts = [0_u32; BINS as usize];
    for number in 0..CODES {
        let challenge = ChallengeId(Uuid::from_u128(u128::from(number)));
        let code = one_time.code(key, member, challenge).unwrap();
        let code: usize = code.expose_secret().parse().unwrap();
        counts[code / BINS as usize] += 1;
    }
    // Chi-square over 999 degrees of freedom: it exceeds 1,266 once in ten thousand million keys (normal approximation, six
    // deviations of 44.7 above 999). A code taken modulo 2^20 instead would bring 23,000.
    let expected = i64::from(CODES / BINS);
    let squares: i64 = counts
        .iter()
        .map(|count| (i64::from(*count) - expected).pow(2))
        .sum();
    let chi_square = squares / expected;
    assert!((730..1266).contains(&chi_square), "{chi_square}");
}

#[tokio::test]
async fn no_two_sealed_values_share_a_nonce() {
    let house = House::new().await;
    let place = Place {
        table: "profiles",
        column: "sealed",
        row: "the same",
    };
    let mut nonces = HashSet::new();
    for _ in 0..20_000 {
        let sealed = seal(&[7; 32], "key", &house.entropy, place, b"the same").unwrap();
        let (_, text) = parts(&sealed).unwrap();
        let bytes = BASE64.decode(text.as_bytes()).unwrap();
        assert!(nonces.insert(bytes[..12].to_vec()), "a nonce came twice");
    }
}
