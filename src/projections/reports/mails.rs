//! What became of mails, by class of domain, and of the links and codes that they carried.

use std::collections::BTreeMap;

use super::attempts::{REFUSED, TOO_LATE, USED_AGAIN};
use super::counts::{Counts, Topic};
use super::groups::{keep_parts_hidden, next_to_hide};
use super::numbers::Distribution;
use super::report::{Basis, Kind, Plot, Value};
use super::{Content, column};
use crate::domain::delivery::MailKind;

/// The column of how many mails.
const MAILS: usize = 4;

pub(super) fn mails(counts: &Counts, basis: &Basis) -> Content {
    let mut took: BTreeMap<(&str, &str), Distribution> = BTreeMap::new();
    for (key, number) in counts.of(Topic::MailTook) {
        if let Ok(seconds) = key.of[2].parse() {
            let took = took.entry((&key.of[0], &key.of[1])).or_default();
            took.add(seconds, number);
        }
    }
    let mut mails: BTreeMap<&[String; 3], i64> = BTreeMap::new();
    for (key, number) in counts.of(Topic::Mails) {
        *mails.entry(&key.of).or_default() += number;
    }
    let mut places: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    let mut rows = Vec::new();
    for ([kind, class, became], number) in mails {
        let (outcome, code) = became.split_once(' ').unwrap_or((became, ""));
        let took = took.get(&(kind.as_str(), class.as_str()));
        let took = took.filter(|_| outcome == "accepted");
        let told = |percent| took.map_or(Value::None, |took| took.told(percent, basis.asked));
        places.entry(kind).or_default().push((rows.len(), MAILS));
        rows.push(vec![
            kind.as_str().into(),
            class.as_str().into(),
            outcome.into(),
            code.into(),
            Value::members(number, basis.asked),
            told(50),
            told(95),
        ]);
    }
    // How many were sent of a kind is what `codes` tells.
    keep_parts_hidden(&mut rows, places.into_values());
    Content {
        rows,
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
    let refused = |why: &str| {
        let of_why = counts.of(Topic::Failed);
        let of_why = of_why.filter(|(key, _)| key.of[0] == REFUSED && key.of[1] == why);
        Value::members(of_why.map(|(_, number)| number).sum(), basis.asked)
    };
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
        let unused = sent - number("used");
        let mut became = vec![
            [number("issued"), number("reissued"), number("used"), unused]
                .map(|times| Value::members(times, basis.asked))
                .to_vec(),
        ];
        // What was sent was used or not: any three of them tell the fourth.
        let cells = (0..became[0].len()).map(|column| (0, column));
        if let Some((row, column)) = next_to_hide(&became, cells) {
            became[row][column] = Value::Hidden;
        }
        let few = became[0].contains(&Value::Hidden);
        let mut row = vec![kind.into()];
        row.append(&mut became[0]);
        row.extend([
            Value::members(number("wrong"), basis.asked),
            Value::members(number("disowned"), basis.asked),
            Value::percent(number("used"), sent).hidden_if(few),
            told(50),
            told(95),
        ]);
        // Of links, refusals do not tell which kind they were.
        row.extend(if kind == MailKind::Otp.name() {
            [refused(TOO_LATE), refused(USED_AGAIN)]
        } else {
            [Value::None, Value::None]
        });
        row
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
            column("expired_tries", Kind::Number),
            column("used_again", Kind::Number),
        ],
        plot: Some(Plot {
            labels: &[0],
            length: 7,
            whole: None,
        }),
    }
}
