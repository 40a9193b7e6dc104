//! The order of the steps: what is not due, what is done, and whose session asks.

use super::*;

/// The steps of the first login, in their order.
const FIRST_LOGIN: [Step; 7] = [
    Step::BirthDate,
    Step::Email,
    Step::EmailLink,
    Step::EmailUpdate,
    Step::OtpMethod,
    Step::Password,
    Step::LogOut,
];

/// The command that does a step of the first login; once more, it is what a double press sends.
fn doing(step: Step, past: &Onboarding) -> Option<Command> {
    match step {
        Step::BirthDate => Some(confirm_birth_date(1, true)),
        Step::Email => Some(Command::RegisterEmail {
            session: session(1),
            contact: contact(1),
            same_as: past.contact.as_ref().map(|present| present.id),
            link: new_link(1),
        }),
        Step::EmailLink => Some(follow(1, 1)),
        Step::EmailUpdate => Some(update_email()),
        Step::OtpMethod => Some(choose_method()),
        Step::Password => Some(change_password(1)),
        Step::LogOut => Some(log_out(1)),
        Step::SignIn
        | Step::Terms
        | Step::FirstLoginCompleted
        | Step::SignInAgain
        | Step::Otp
        | Step::Completed => None,
    }
}

/// Every command that names its session, asked by session `n`.
fn all_of_session(n: u128) -> Vec<Command> {
    let session = session(n);
    vec![
        confirm_birth_date(n, true),
        Command::AcceptTerms {
            session,
            version: "2026-04".to_owned(),
        },
        Command::RegisterEmail {
            session,
            contact: contact(1),
            same_as: None,
            link: new_link(1),
        },
        Command::ResendEmailLink {
            session,
            link: new_link(1),
        },
        Command::UpdateEmail {
            session,
            code: None,
        },
        Command::ChooseOtpMethod {
            session,
            method: OtpMethod::Email,
        },
        Command::ChangePassword {
            session,
            credential: credential(1),
            form: form(1),
        },
        log_out(n),
        Command::ResendOtp {
            session,
            code: new_code(n),
        },
        Command::SubmitOtp {
            session,
            against: Some(challenge(n)),
            check: CodeCheck::Match,
        },
    ]
}

/// Where each part of the usual story ends.
const STORY: [Step; 11] = [
    Step::SignIn,
    Step::BirthDate,
    Step::Email,
    Step::EmailLink,
    Step::EmailUpdate,
    Step::OtpMethod,
    Step::Password,
    Step::LogOut,
    Step::SignInAgain,
    Step::Otp,
    Step::Completed,
];

#[test]
fn the_usual_story_makes_one_step_due_after_the_other() {
    assert_eq!(STORY.map(|step| fold(until(step)).due()), STORY);
}

#[test]
fn a_due_step_is_carried_out() {
    for step in FIRST_LOGIN {
        let given = given(until(step));
        let command = doing(step, &given.state).unwrap();
        let Decided(outcome) = given.when(command);
        assert!(outcome.is_ok_and(|events| !events.is_empty()), "{step:?}");
    }
}

#[test]
fn a_step_that_is_not_yet_due_names_the_step_that_is() {
    // The link and the log-out are not steps of a session in this sense: they have refusals of their own.
    for (place, due) in FIRST_LOGIN.into_iter().enumerate() {
        for later in FIRST_LOGIN.into_iter().skip(place + 1) {
            if matches!(later, Step::EmailLink | Step::LogOut) {
                continue;
            }
            let given = given(until(due));
            given
                .when(doing(later, &given.state).unwrap())
                .out_of_order(due);
        }
    }
}

#[test]
fn a_step_that_is_done_succeeds_and_stores_nothing() {
    for (place, due) in FIRST_LOGIN.into_iter().enumerate() {
        for earlier in FIRST_LOGIN.into_iter().take(place) {
            let given = given(until(due));
            given
                .when(doing(earlier, &given.state).unwrap())
                .then_nothing();
        }
    }
}

#[test]
fn a_code_is_not_asked_of_a_session_of_the_first_login() {
    for due in FIRST_LOGIN {
        given(until(due))
            .when(Command::SubmitOtp {
                session: session(1),
                against: None,
                check: CodeCheck::Mismatch,
            })
            .out_of_order(due);
    }
}

#[test]
fn a_code_is_not_sent_again_to_a_session_of_the_first_login() {
    for due in FIRST_LOGIN {
        given(until(due))
            .when(Command::ResendOtp {
                session: session(1),
                code: new_code(1),
            })
            .out_of_order(due);
    }
}

#[test]
fn a_link_nobody_was_sent_is_dead() {
    given(until(Step::Email))
        .when(follow(1, 1))
        .refused(Refusal::LinkReplaced);
}

#[test]
fn only_the_present_session_is_heard() {
    for step in STORY {
        for command in all_of_session(9) {
            given(until(step))
                .when(command)
                .refused(Refusal::SessionEnded);
        }
    }
}

#[test]
fn the_first_login_s_session_is_not_heard_after_its_end() {
    for step in [Step::SignInAgain, Step::Otp, Step::Completed] {
        for command in all_of_session(1) {
            given(until(step))
                .when(command)
                .refused(Refusal::SessionEnded);
        }
    }
}

#[test]
fn nothing_but_the_enrolment_is_heard_of_who_is_not_enrolled() {
    let mut commands = all_of_session(1);
    commands.extend([follow(1, 1), disown(1, 1), report_not_me()]);
    for command in commands {
        given(vec![]).when(command).refused(Refusal::NotEnrolled);
    }
}

#[test]
fn who_stops_at_a_step_and_signs_in_elsewhere_finds_the_same_step_due() {
    for step in FIRST_LOGIN {
        if step == Step::LogOut {
            continue;
        }
        let given = given(until(step));
        let Decided(outcome) = given.when(sign_in(2, INITIAL, PasswordCheck::Match));
        let again = and(until(step), outcome.unwrap());
        assert_eq!(fold(again).due(), step);
    }
}

#[test]
fn who_stops_at_the_code_signs_in_again_and_owes_the_new_code() {
    let given = given(until(Step::Otp));
    let Decided(outcome) = given.when(sign_in(3, OWN, PasswordCheck::Match));
    let state = fold(and(until(Step::Otp), outcome.unwrap()));
    assert_eq!(
        (state.due(), state.challenge.map(|code| code.id)),
        (Step::Otp, Some(challenge(3)))
    );
}

#[test]
fn the_numbers_of_the_steps_are_the_manual_s() {
    let numbers = Step::ALL.map(Step::number);
    assert_eq!(numbers, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15]);
}

#[test]
fn the_names_of_the_steps_are_the_contract_s() {
    assert_eq!(
        Step::ALL.map(Step::name),
        [
            "sign_in",
            "birth_date",
            "terms",
            "email",
            "email_link",
            "email_update",
            "otp_method",
            "password",
            "first_login_completed",
            "log_out",
            "sign_in_again",
            "otp",
            "completed",
        ]
    );
}

#[test]
fn a_refusal_out_of_order_says_which_step_is_due() {
    let refusal = Refusal::OutOfOrder { due: Step::Email };
    assert_eq!(refusal.to_string(), "step 5 (email) is due");
}
