//! What is looked for in a long log: alone, and in those pairs that are each frequent and seldom or never meet.

use kadode::domain::ids::StaffId;
use kadode::projections::history::kinds::Outcome;
use kadode::projections::history::search::{Filter, Mail};
use uuid::Uuid;

const COHORT: &str = "joined-to-2024-12-01";

/// What each filter is called, and the filter.
pub(crate) fn filters() -> Vec<(&'static str, Filter)> {
    let of = |asks: fn(&mut Filter)| {
        let mut filter = Filter::default();
        asks(&mut filter);
        filter
    };
    vec![
        ("all events", Filter::default()),
        (
            "a frequent type",
            of(|it| it.event_type = some("CredentialsAccepted")),
        ),
        (
            "a rare type",
            of(|it| it.event_type = some("NotMeReported")),
        ),
        ("what went well", of(|it| it.outcome = Some(Outcome::Done))),
        ("what failed", of(|it| it.outcome = Some(Outcome::Failed))),
        ("mails that failed", of(|it| it.mail = Some(Mail::Failed))),
        ("a cohort", of(|it| it.cohort = some(COHORT))),
        ("an actor", of(|it| it.actor = some("staff"))),
        (
            "an account that did nothing",
            of(|it| it.account = Some(StaffId(Uuid::nil()))),
        ),
        (
            "a type and an actor that never meet",
            of(|it| {
                it.event_type = some("MailAccepted");
                it.actor = some("member");
            }),
        ),
        (
            "a type and a cohort that never meet",
            of(|it| {
                it.event_type = some("CredentialsAccepted");
                it.cohort = some("no-such-cohort");
            }),
        ),
        (
            "a type, a cohort and an actor that never meet",
            of(|it| {
                it.event_type = some("MailAccepted");
                it.cohort = some(COHORT);
                it.actor = some("member");
            }),
        ),
        (
            "what failed, by an actor who seldom fails",
            of(|it| {
                it.outcome = Some(Outcome::Failed);
                it.actor = some("staff");
            }),
        ),
        (
            "what failed in a cohort",
            of(|it| {
                it.outcome = Some(Outcome::Failed);
                it.cohort = some(COHORT);
            }),
        ),
        (
            "an actor and a cohort that seldom meet",
            of(|it| {
                it.actor = some("staff");
                it.cohort = some(COHORT);
            }),
        ),
        (
            "an actor and an outcome that never meet",
            of(|it| {
                it.actor = some("member");
                it.outcome = Some(Outcome::Refused);
            }),
        ),
    ]
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what a filter asks for is optional"
)]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}
