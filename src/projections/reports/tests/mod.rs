//! Reports, shown by given events, a moment and the rows that follow.

mod groups;
mod journeys;
mod numbers;
mod others;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::counting::Counting;
use super::integrity::SealedDay;
use super::report::{Asked, Basis, Report, Value};
use super::{Name, make};
use crate::domain::ids::MemberId;
use crate::subscription::Recorded;

/// Midnight in Tokyo, the beginning of the first day.
const BEGINNING: &str = "2026-04-01T00:00:00+09:00";

/// So many minutes after the beginning.
fn minute(minutes: i64) -> Timestamp {
    let beginning: Timestamp = BEGINNING.parse().unwrap();
    beginning + SignedDuration::from_mins(minutes)
}

/// So many days after it, at noon.
fn noon(day: i64) -> Timestamp {
    minute(day * 24 * 60 + 12 * 60)
}

fn member(n: u128) -> MemberId {
    MemberId(Uuid::from_u128(n))
}

/// A log that is told event by event.
#[derive(Default)]
struct Log(Vec<Recorded>);

impl Log {
    fn event(mut self, at: Timestamp, stream: (&str, String), payload: Json) -> Self {
        let before = |event: &&Recorded| {
            (event.stream_kind.as_str(), &event.stream_id) == (stream.0, &stream.1)
        };
        let sequence = i64::try_from(self.0.iter().filter(before).count()).unwrap() + 1;
        self.0.push(Recorded {
            position: i64::try_from(self.0.len()).unwrap() + 1,
            stream_kind: stream.0.to_owned(),
            stream_id: stream.1,
            sequence,
            event_type: payload["type"].as_str().unwrap().to_owned(),
            event_version: "1".to_owned(),
            payload,
            metadata: json!({"actor": "member"}),
            recorded_at: at,
        });
        self
    }

    /// An event of a member.
    fn of(self, n: u128, at: Timestamp, payload: Json) -> Self {
        self.event(at, ("onboarding", member(n).to_string()), payload)
    }

    /// A member is enrolled, whose initial password is good for 30 days from the beginning.
    fn enrolled(self, n: u128, at: Timestamp, cohort: &str) -> Self {
        let payload = json!({
            "type": "MemberEnrolled",
            "cohort": cohort,
            "policy": {"name": "sample", "sha256": "00"},
            "import": Uuid::from_u128(1),
            "joined_month": "2026-04",
            "terms": null,
            "valid_from": minute(0),
            "expires_at": minute(30 * 24 * 60),
        });
        self.of(n, at, payload)
    }

    fn signs_in(self, n: u128, at: Timestamp) -> Self {
        let payload =
            json!({"type": "CredentialsAccepted", "session": Uuid::from_u128(1), "at": at});
        self.of(n, at, payload)
    }

    fn registers(self, n: u128, at: Timestamp) -> Self {
        self.of(n, at, link("EmailRegistered", at))
    }

    /// All steps to the end, a minute each from `at` on; 12 minutes from the first sign-in.
    fn completes(self, n: u128, at: Timestamp) -> Self {
        let then = |minutes| at + SignedDuration::from_mins(minutes);
        let contact = Uuid::from_u128(1);
        self.signs_in(n, at)
            .of(n, then(1), json!({"type": "BirthDateConfirmed"}))
            .registers(n, then(2))
            .of(
                n,
                then(3),
                json!({"type": "EmailLinkFollowed", "contact": contact}),
            )
            .of(
                n,
                then(4),
                json!({"type": "EmailVerified", "contact": contact}),
            )
            .of(
                n,
                then(5),
                json!({"type": "OtpMethodChosen", "method": "email"}),
            )
            .sets_password(n, then(6))
            .of(n, then(7), json!({"type": "FirstLoginCompleted"}))
            .of(
                n,
                then(8),
                json!({"type": "LoggedOut", "session": contact, "why": "member"}),
            )
            .signs_in(n, then(9))
            .of(n, then(9), code("OtpIssued", then(9)))
            .of(
                n,
                then(12),
                json!({"type": "OtpLoginSucceeded", "session": contact, "challenge": contact}),
            )
            .of(n, then(12), json!({"type": "OnboardingCompleted"}))
    }

    fn sets_password(self, n: u128, at: Timestamp) -> Self {
        let id = Uuid::from_u128(1);
        self.of(
            n,
            at,
            json!({"type": "PasswordChanged", "credential": id, "form": id}),
        )
    }

    /// What became of a mail.
    fn mail(self, n: u128, at: Timestamp, mut became: Json) -> Self {
        let id = Uuid::from_u128(u128::try_from(self.0.len()).unwrap());
        became["mail"] = json!(id);
        became["member"] = json!(member(n));
        became["contact"] = Json::Null;
        self.event(at, ("mail", id.to_string()), became)
    }

    fn report(&self, name: Name, as_of: Timestamp, asked: Asked) -> Report {
        let basis = Basis {
            as_of,
            position: i64::try_from(self.0.len()).unwrap(),
            asked,
            ..Basis::default()
        };
        self.report_of(name, &[], basis)
    }

    fn report_of(&self, name: Name, sealed: &[SealedDay], basis: Basis) -> Report {
        let mut counting = Counting::default();
        for recorded in &self.0 {
            counting.take(recorded).unwrap();
        }
        make(name, counting.counts().0, sealed, basis)
    }

    /// A report's cells of these columns, for readers who may see persons.
    fn rows<const N: usize>(
        &self,
        name: Name,
        as_of: Timestamp,
        columns: [&str; N],
    ) -> Vec<[Value; N]> {
        columns_of(&self.report(name, as_of, Asked::default()), columns)
    }

    /// The same for readers who may not.
    fn shielded<const N: usize>(
        &self,
        name: Name,
        as_of: Timestamp,
        columns: [&str; N],
    ) -> Vec<[Value; N]> {
        let asked = Asked {
            shield: true,
            ..Asked::default()
        };
        columns_of(&self.report(name, as_of, asked), columns)
    }
}

fn columns_of<const N: usize>(report: &Report, columns: [&str; N]) -> Vec<[Value; N]> {
    let at = columns.map(|name| {
        report
            .columns
            .iter()
            .position(|it| it.name == name)
            .unwrap()
    });
    report
        .rows
        .iter()
        .map(|row| at.map(|at| row[at].clone()))
        .collect()
}

fn link(event: &str, at: Timestamp) -> Json {
    json!({
        "type": event,
        "contact": Uuid::from_u128(1),
        "issue": Uuid::from_u128(1),
        "key": "k1",
        "language": "ja",
        "at": at,
        "expires_at": at,
    })
}

fn code(event: &str, at: Timestamp) -> Json {
    json!({
        "type": event,
        "session": Uuid::from_u128(1),
        "challenge": Uuid::from_u128(1),
        "key": "k1",
        "language": "ja",
        "at": at,
        "expires_at": at,
    })
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn number(number: i64) -> Value {
    Value::Number(number)
}
