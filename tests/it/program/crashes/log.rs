//! What must be true of the log after whatever happened: it only grew, each member's history is a legal one, and every step
//! that was acknowledged is in it.

use std::collections::{HashMap, HashSet};

use cqrs_es::Aggregate;
use kadode::database::Database;
use kadode::domain::onboarding::{Event, Onboarding, Step};
use kadode::store::Recorded;
use tempfile::TempDir;

use super::load::Acknowledged;
use crate::import::house::House;

/// What happens once to each member on the way that the clients take.
const ONCE: [&str; 9] = [
    "MemberEnrolled",
    "BirthDateConfirmed",
    "EmailRegistered",
    "EmailLinkFollowed",
    "EmailVerified",
    "OtpMethodChosen",
    "PasswordChanged",
    "FirstLoginCompleted",
    "OnboardingCompleted",
];

/// All rows of the log so far, as they were on disk when the program died.
#[derive(Default)]
pub(super) struct Seen {
    rows: Vec<String>,
    /// How long the log was at the end of each run.
    pub(super) lengths: Vec<usize>,
    /// The mails whose outcome was on record at the end of each run, in the outbox if not yet in the log.
    pub(super) recorded: Vec<HashSet<String>>,
}

const ROWS: &str = "SELECT json_array(position, aggregate_type, aggregate_id, sequence, event_type, event_version, \
     payload, metadata, recorded_at) FROM events WHERE position > $1 ORDER BY position";

const RECORDED: &str = "SELECT mail_id FROM outbox WHERE outcome IS NOT NULL \
     UNION SELECT aggregate_id FROM events WHERE aggregate_type = 'mail'";

impl Seen {
    /// Looks at what a killed program left, on a copy, so that the next run finds it as it was left.
    pub(super) async fn look(&mut self, house: &House) {
        let copy = TempDir::new().unwrap();
        for end in ["", "-wal"] {
            let from = house.path(&format!("kadode.sqlite{end}"));
            std::fs::copy(from, copy.path().join(format!("copy.sqlite{end}"))).unwrap();
        }
        let url = format!("sqlite:{}", copy.path().join("copy.sqlite").display());
        let database = Database::open_existing(&url).await.unwrap();
        let new: Vec<String> = sqlx::query_scalar(ROWS)
            .bind(i64::try_from(self.rows.len()).unwrap())
            .fetch_all(&database.write)
            .await
            .unwrap();
        let recorded: Vec<String> = sqlx::query_scalar(RECORDED)
            .fetch_all(&database.write)
            .await
            .unwrap();
        database.close().await;
        self.rows.extend(new);
        self.lengths.push(self.rows.len());
        self.recorded.push(recorded.into_iter().collect());
    }

    /// Fails unless the log still holds every row as it was on disk at each kill.
    pub(super) async fn expect_kept(&self, database: &Database) {
        let rows: Vec<String> = sqlx::query_scalar(ROWS)
            .bind(0)
            .fetch_all(&database.read)
            .await
            .unwrap();
        assert!(rows.len() >= self.rows.len());
        for (now, then) in rows.iter().zip(&self.rows) {
            assert_eq!(now, then, "a committed event has changed");
        }
    }

    /// The length of the log when a run ended; of the run that was told to stop, all.
    fn length_after(&self, run: usize) -> i64 {
        let length = self.lengths.get(run).copied();
        length.map_or(i64::MAX, |length| i64::try_from(length).unwrap())
    }
}

/// Fails unless positions have no gap, times do not run back, and each member's history is legal and complete.
pub(super) fn expect_legal(log: &[Recorded], members: usize) {
    for (position, event) in (1..).zip(log) {
        assert_eq!(event.position, position);
    }
    for pair in log.windows(2) {
        assert!(pair[0].recorded_at <= pair[1].recorded_at, "{:?}", pair[1]);
    }
    let histories = histories(log);
    assert_eq!(histories.len(), members);
    for history in histories.values() {
        expect_legal_history(history);
    }
}

fn histories(log: &[Recorded]) -> HashMap<&str, Vec<&Recorded>> {
    let mut histories: HashMap<&str, Vec<&Recorded>> = HashMap::new();
    for event in log.iter().filter(|event| event.stream_kind == "onboarding") {
        let history = histories.entry(&event.stream_id).or_default();
        history.push(event);
    }
    histories
}

fn expect_legal_history(history: &[&Recorded]) {
    let mut state = Onboarding::default();
    for (sequence, recorded) in (1..).zip(history) {
        assert_eq!(recorded.sequence, sequence);
        let event: Event = serde_json::from_value(recorded.payload.clone()).unwrap();
        assert!(
            may_follow(&state, &event),
            "{event:?} is out of order at {}",
            recorded.position
        );
        state.apply(event);
    }
    for name in ONCE {
        let count = history.iter().filter(|it| it.event_type == name).count();
        assert_eq!(count, 1, "{name}");
    }
    assert_eq!(state.due(), Step::Completed);
}

/// Whether an event may follow on a state, told from the manual's order alone.
fn may_follow(state: &Onboarding, event: &Event) -> bool {
    let due = state.due();
    match event {
        Event::MemberEnrolled { .. } => state.enrolment.is_none(),
        Event::CredentialsAccepted { .. } => state.session.is_none(),
        Event::CredentialsRejected { .. } => true,
        Event::LoggedOut { session, .. } => {
            state.session.as_ref().is_some_and(|it| it.id == *session)
        }
        Event::BirthDateConfirmed {} => due == Step::BirthDate,
        Event::EmailRegistered { .. } => due == Step::Email,
        Event::EmailLinkFollowed { .. } => due == Step::EmailLink,
        Event::EmailVerified { .. } => due == Step::EmailUpdate,
        Event::OtpMethodChosen { .. } => due == Step::OtpMethod,
        Event::PasswordChanged { .. } => due == Step::Password,
        // In the same append as the password, and nowhere else.
        Event::FirstLoginCompleted {} => state.password.is_some() && !state.logged_out,
        // Before step 9, the event itself makes the session one that waits for a code.
        Event::OtpIssued { .. } => {
            let has_address = state.contact.as_ref().is_some_and(|it| it.verified);
            let waits = due == Step::Otp || (state.password.is_none() && has_address);
            waits && state.challenge.is_none()
        }
        Event::OtpLoginSucceeded { challenge, .. } | Event::SignInConfirmed { challenge, .. } => {
            due == Step::Otp
                && state
                    .challenge
                    .as_ref()
                    .is_some_and(|it| it.id == *challenge)
        }
        Event::OnboardingCompleted {} => state.spent_challenge.is_some() && !state.completed,
        // The clients never ask for these.
        Event::BirthDateRejected {}
        | Event::TermsAccepted { .. }
        | Event::EmailLinkReissued { .. }
        | Event::EmailDisowned { .. }
        | Event::EmailChangeRequested { .. }
        | Event::EmailChangeLinkFollowed { .. }
        | Event::EmailChangeDisowned { .. }
        | Event::EmailChangeConfirmed { .. }
        | Event::EmailChangeCancelled { .. }
        | Event::EmailChanged { .. }
        | Event::PasswordReplaced { .. }
        | Event::PasswordResetRequested { .. }
        | Event::PasswordResetRejected {}
        | Event::PasswordResetConfirmed { .. }
        | Event::PasswordResetCancelled { .. }
        | Event::PasswordReset { .. }
        | Event::OtpReissued { .. }
        | Event::OtpRejected { .. }
        | Event::NotMeReported {}
        | Event::Intervened { .. }
        | Event::InterventionProposed { .. }
        | Event::InterventionApproved { .. }
        | Event::InterventionDeclined { .. }
        | Event::EmailCleared { .. }
        | Event::AccountFrozen {}
        | Event::AccountReleased {}
        | Event::PersonalDataErased {}
        | Event::ProfileChanged { .. }
        | Event::MemberLeft { .. }
        | Event::MemberReminded { .. }
        | Event::MemberReturned { .. }
        | Event::CredentialsReissued { .. } => false,
    }
}

/// Fails unless every step that a run acknowledged was in the log when that run ended. `members` are the members' ids by
/// their number. Answers how many steps were stored whose answer was lost.
pub(super) fn expect_kept(
    acknowledged: &[Acknowledged],
    members: &[String],
    log: &[Recorded],
    seen: &Seen,
) -> usize {
    let histories = histories(log);
    let mut counts: HashMap<(usize, &str), usize> = HashMap::new();
    let mut acknowledged = acknowledged.to_vec();
    acknowledged.sort_by_key(|step| step.run);
    for step in &acknowledged {
        let count = counts.entry((step.member, step.event)).or_default();
        *count += 1;
        let until = seen.length_after(step.run);
        let stored = histories[members[step.member].as_str()]
            .iter()
            .filter(|event| event.event_type == step.event && event.position <= until)
            .count();
        assert!(stored >= *count, "{step:?} is not in the log");
    }
    let told = [
        "MemberEnrolled",
        "FirstLoginCompleted",
        "OnboardingCompleted",
    ];
    let stored = ONCE.len() - told.len();
    let answered: usize = counts
        .iter()
        .filter(|((_, event), _)| ONCE.contains(event))
        .map(|(_, count)| count)
        .sum();
    members.len() * stored - answered
}
