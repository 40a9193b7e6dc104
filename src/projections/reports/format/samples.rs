//! A report with a value of every kind.

use crate::projections::reports::Name;
use crate::projections::reports::report::{Asked, Basis, Column, Kind, Report, Value};

pub(super) fn report() -> Report {
    let column = |name, kind| Column { name, kind };
    Report {
        name: Name::Completion,
        basis: Basis {
            as_of: "2026-04-10T14:59:59.999999Z".parse().unwrap(),
            position: 12,
            root: "cm9vdA==".to_owned(),
            policy: "sample@00ff".to_owned(),
            software: "kadode 0.0.0".to_owned(),
            asked: Asked {
                days: 7,
                shield: true,
            },
        },
        columns: vec![
            column("group", Kind::Cohort),
            column("imported", Kind::Number),
            column("percent", Kind::Percent),
            column("day", Kind::Date),
            column("expires_at", Kind::Moment),
        ],
        rows: vec![
            vec![
                "=1+1".into(),
                Value::Number(-3),
                Value::Tenths(125),
                Value::Date("2026-04-01".parse().unwrap()),
                Value::Moment("2026-05-01T00:00:00Z".parse().unwrap()),
            ],
            vec![
                "a, \"b\"".into(),
                Value::Hidden,
                Value::None,
                Value::None,
                Value::None,
            ],
        ],
        plot: None,
    }
}
