//! Where the product departs from a standard, knowingly: what reviewers ask for first.

use super::report::{Kind, Value};
use super::{Content, column};

/// Number; the rule that is departed from. What and why stand in the locale under `report.deviation`.
const DEVIATIONS: [(&str, &str); 19] = [
    ("D-1", "NIST SP 800-63B-4 3.1.3.1; OWASP ASVS 5.0 6.3.6"),
    ("D-2", "OWASP ASVS 5.0 6.4.1"),
    ("D-3", "OWASP ASVS 5.0 14.2.1"),
    ("D-4", "ISO 27001:2022 A.8.15"),
    ("D-5", "NIST SP 800-63B-4 2.2.2"),
    ("D-6", "OWASP ASVS 5.0 6.2.2"),
    // D-7 is no more, and its number is nobody else's.
    ("D-8", "OWASP ASVS 5.0 6.3.5"),
    ("D-9", "OWASP ASVS 5.0 6.3.7"),
    ("D-10", "NIST SP 800-63B-4 3.2.2"),
    ("D-11", "OWASP ASVS 5.0 6.2.12"),
    ("D-12", "docs/security.md, attack 2"),
    ("D-13", "docs/security.md, attack 34"),
    ("D-14", "ISO 27001:2022 A.8.17; docs/security.md, attack 40"),
    ("D-15", "OWASP ASVS 5.0 4.2.1; docs/security.md, attack 42"),
    ("D-16", "OWASP ASVS 5.0 6.3.7; NIST SP 800-63B-4 4.6"),
    ("D-17", "OWASP ASVS 5.0 2.3.5"),
    ("D-18", "OWASP ASVS 5.0 6.1.1; docs/security.md, attack 29"),
    ("D-19", "OWASP ASVS 5.0 6.6.3; docs/security.md, attack 19"),
    ("D-20", "docs/security.md, attack 42"),
];

pub(super) fn deviations() -> Content {
    let rows =
        DEVIATIONS.map(|(number, rule)| vec![Value::from(number), number.into(), rule.into()]);
    Content {
        rows: rows.into(),
        columns: vec![
            column("deviation", Kind::Text),
            column("what", Kind::Word("deviation")),
            column("rule", Kind::Text),
        ],
        plot: None,
    }
}
