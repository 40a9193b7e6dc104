//! What became of mails, by class of domain, and of the links and codes that they carried.

use std::collections::BTreeMap;

use super::counts::{Counts, Topic};
use super::numbers::Distribution;
use super::report::{Basis, Kind, Plot, Value};
use super::{Content, column};

pub(super) fn mails(counts: &Counts, basis: &Basis) -> Content {
    let mut took: BTreeMap<(&str, &str), Distribution> = BTreeMap::new();
    for (key, number) in counts.of(Topic::MailTook) {
        if let Ok(seconds) = key.of[2].parse() {
            let took = took.entry((&key.of[0], &key.of[1])).or_default();
            took.add(seconds, number);
        }
    }
    let mut rows: BTreeMap<&[String; 3], i64> = BTreeMap::new();
    for (key, number) in counts.of(Topic::Mails) {
        *rows.entry(&key.of).or_default() += number;
    }
    let rows = rows.into_iter().map(|([kind, class, became], number)| {
        let (outcome, code) = became.split_once(' ').unwrap_or((became, ""));
        let took = took.get(&(kind.as_str(), class.as_str()));
        let took = took.filter(|_| outcome == "accepted");
        let told = |percent| took.map_or(Value::None, |took| took.told(percent, basis.asked));
        vec![
            kind.as_str().into(),
            class.as_str().into(),
            outcome.into(),
            code.into(),
            number.into(),
            told(50),
            told(95),
        ]
    });
    Content {
        rows: rows.collect(),
        columns: vec![
            column("kind", Kind::Word("mail")),
            column("domain_class", Kind::Word("domain")),
            column("outcome", Kind::Word("delivery")),
            column("code", Kind::Text),
            column("mails", Kind::Number),
            column("seconds_p50", Kind::Seconds),
            column("seconds_p95", Kind::Seconds),
        ],
        plot: Some(Plot {
            labels: &[0, 1, 2, 3],
            length: 4,
            whole: None,
        }),
    }
}

pub(super) fn codes(counts: &Counts, basis: &Basis) -> Content {
    let mut kinds: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    for (key, number) in counts.of(Topic::Codes) {
        let became = kinds.entry(&key.of[0]).or_default();
        *became.entry(&key.of[1]).or_default() += number;
    }
    let mut took: BTreeMap<&str, Distribution> = BTreeMap::new();
    for (key, number) in counts.of(Topic::CodeTook) {
        if let Ok(seconds) = key.of[1].parse() {
            took.entry(&key.of[0]).or_default().add(seconds, number);
        }
    }
    let rows = kinds.into_iter().map(|(kind, became)| {
        let number = |what: &str| became.get(what).copied().unwrap_or_default();
        let sent = number("issued") + number("reissued");
        let took = took.get(kind);
        let told = |percent| took.map_or(Value::None, |took| took.told(percent, basis.asked));
        vec![
            kind.into(),
            number("issued").into(),
            number("reissued").into(),
            number("used").into(),
            (sent - number("used")).into(),
            number("wrong").into(),
            number("disowned").into(),
            Value::percent(number("used"), sent),
            told(50),
            told(95),
        ]
    });
    Content {
        rows: rows.collect(),
        columns: vec![
            column("kind", Kind::Word("mail")),
            column("issued", Kind::Number),
            column("reissued", Kind::Number),
            column("used", Kind::Number),
            column("unused", Kind::Number),
            column("wrong_tries", Kind::Number),
            column("disowned", Kind::Number),
            column("used_percent", Kind::Percent),
            column("seconds_p50", Kind::Seconds),
            column("seconds_p95", Kind::Seconds),
        ],
        plot: Some(Plot {
            labels: &[0],
            length: 7,
            whole: None,
        }),
    }
}
