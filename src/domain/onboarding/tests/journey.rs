//! The whole way, command by command, as the engine's store runs it.

use cqrs_es::event_sink::EventSink;

use super::*;

/// Runs one command after the other, a minute apart, through the aggregate's own door.
async fn run(commands: Vec<Command>) -> Vec<Event> {
    let mut state = Onboarding::default();
    let mut history = Vec::new();
    for (number, command) in (0..).zip(commands) {
        let sink = EventSink::default();
        let issued = Issued {
            at: minute(number),
            limits: Arc::new(Limits::default()),
            command,
        };
        state.handle(issued, &(), &sink).await.unwrap();
        history.extend(sink.collect().await);
    }
    history
}

#[tokio::test]
async fn a_member_s_whole_way_is_in_the_history_in_order() {
    let history = run(vec![
        enrol(),
        sign_in(1, INITIAL, PasswordCheck::Match),
        confirm_birth_date(1, true),
        register_email(1),
        follow(1, 1),
        update_email(),
        choose_method(),
        change_password(1),
        log_out(1),
        sign_in(2, OWN, PasswordCheck::Match),
        submit(2, CodeCheck::Match),
    ])
    .await;
    assert_eq!(
        history.iter().map(Event::name).collect::<Vec<_>>(),
        [
            "MemberEnrolled",
            "CredentialsAccepted",
            "BirthDateConfirmed",
            "EmailRegistered",
            "EmailLinkFollowed",
            "EmailVerified",
            "OtpMethodChosen",
            "PasswordChanged",
            "FirstLoginCompleted",
            "LoggedOut",
            "CredentialsAccepted",
            "OtpIssued",
            "OtpLoginSucceeded",
            "OnboardingCompleted",
        ]
    );
}

#[tokio::test]
async fn a_refused_command_leaves_the_member_as_they_were() {
    let mut state = fold(until(Step::Email));
    let before = state.clone();
    let sink = EventSink::default();
    let issued = Issued {
        at: minute(1),
        limits: Arc::new(Limits::default()),
        command: update_email(),
    };
    assert!(state.handle(issued, &(), &sink).await.is_err());
    assert_eq!((state, sink.collect().await), (before, vec![]));
}

#[test]
fn the_stream_is_named_after_the_onboarding() {
    assert_eq!(Onboarding::TYPE, "onboarding");
}
