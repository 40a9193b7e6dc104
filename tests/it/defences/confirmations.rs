//! Guessing the codes that confirm a sign-in before step 9, by an insider who knows what the formula makes of members.

use kadode::domain::ids::MemberId;
use kadode::domain::policy::Policy;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{App, Client, Setup, policy_with, profile};

/// Guesses at a code, of which each is one in a million.
const CODES: u32 = 1_000_000;

/// Somebody who has confirmed an address and not chosen a method yet, with the browser in which that was done.
struct OnTheWay {
    member: MemberId,
    user_id: String,
    password: String,
    own: Client,
}

/// A society that looks at so many wrong codes, with members on the way.
async fn society(per_member: u32, in_all: u32, members: u32) -> (App, Vec<OnTheWay>) {
    let per_member = format!("wrong_confirmations_per_member = {per_member}");
    let in_all = format!("wrong_confirmations = {in_all}");
    let policy = policy_with(&[
        ("wrong_confirmations_per_member = 10", per_member.as_str()),
        ("wrong_confirmations = 100", in_all.as_str()),
    ]);
    let setup = Setup {
        policy,
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    let mut on_the_way = Vec::new();
    for n in 0..members {
        let user_id = format!("member{n}");
        let mut person = profile(&user_id);
        person.number = format!("2222{n}");
        let password = format!("1{}19800101", person.number);
        let member = app.enrol(person, "joined-to-2024-12-01").await;
        let own = app.client();
        own.sign_in(&user_id, &password)
            .await
            .expect(StatusCode::CREATED);
        app.advance_client(&own, "otp_method").await;
        on_the_way.push(OnTheWay {
            member,
            user_id,
            password,
            own,
        });
    }
    (app, on_the_way)
}

/// Submits wrong codes until none is looked at any more; says how many were.
async fn guess(app: &App, victim: &OnTheWay) -> usize {
    let thief = app.client();
    let mut looked_at = 0;
    loop {
        let signed_in = thief.sign_in(&victim.user_id, &victim.password).await;
        signed_in.expect(StatusCode::CREATED);
        let wrong = json!({"code": app.wrong_code(victim.member).await});
        for _ in 0..5 {
            let answer = thief.post("/sessions/current/otp", wrong.clone()).await;
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                answer.problem(429, "waiting");
                return looked_at;
            }
            answer.problem(422, "mismatch");
            looked_at += 1;
        }
    }
}

#[tokio::test]
async fn whoever_knows_formulas_gets_so_many_guesses_at_codes_a_member_and_in_all_as_the_limits_say()
 {
    let (app, members) = society(7, 12, 3).await;
    let mut looked_at = Vec::new();
    for victim in &members {
        looked_at.push(guess(&app, victim).await);
    }
    assert_eq!(looked_at, [7, 5, 0]);
}

#[tokio::test]
async fn fifty_codes_at_once_get_no_more() {
    let (app, members) = society(5, 1000, 1).await;
    let victim = &members[0];
    // Three of five are spent, so that the sign-in would leave more.
    let thief = app.client();
    let submit = async |wrong: serde_json::Value| {
        let answer = thief.post("/sessions/current/otp", wrong).await;
        usize::from(answer.status == StatusCode::UNPROCESSABLE_ENTITY)
    };
    let mut looked_at = 0;
    for at_once in [3, 50] {
        let signed_in = thief.sign_in(&victim.user_id, &victim.password).await;
        signed_in.expect(StatusCode::CREATED);
        let wrong = json!({"code": app.wrong_code(victim.member).await});
        let tries = (0..at_once).map(|_| submit(wrong.clone()));
        looked_at += futures::future::join_all(tries).await.iter().sum::<usize>();
    }
    assert_eq!(looked_at, 5);
    assert_eq!(app.payloads(victim.member, "OtpRejected").await.len(), 5);
}

#[tokio::test]
async fn the_member_s_known_browser_is_not_shut_out_and_another_is_let_in_the_next_day() {
    let (app, members) = society(5, 1000, 1).await;
    let [member] = members.try_into().ok().unwrap();
    assert_eq!(guess(&app, &member).await, 5);
    let known = member.own.sign_in(&member.user_id, &member.password).await;
    known.expect(StatusCode::CREATED);
    assert_eq!(member.own.due().await, "otp_method");

    let other = app.client();
    for (hours, status) in [(23, StatusCode::TOO_MANY_REQUESTS), (1, StatusCode::OK)] {
        app.wait(hours * 3600);
        let signed_in = other.sign_in(&member.user_id, &member.password).await;
        signed_in.expect(StatusCode::CREATED);
        let code = json!({"code": app.present_code(member.member).await});
        let answer = other.post("/sessions/current/otp", code).await;
        answer.expect(status);
    }
    assert_eq!(other.due().await, "otp_method");
}

#[tokio::test]
async fn a_right_code_is_none_of_those_that_are_counted() {
    let (app, members) = society(5, 1000, 1).await;
    let [member] = members.try_into().ok().unwrap();
    for _ in 0..6 {
        let elsewhere = app.client();
        let signed_in = elsewhere.sign_in(&member.user_id, &member.password).await;
        signed_in.expect(StatusCode::CREATED);
        let code = json!({"code": app.present_code(member.member).await});
        let answer = elsewhere.post("/sessions/current/otp", code).await;
        answer.expect(StatusCode::OK);
    }
}

#[test]
fn the_page_says_how_many_accounts_a_month_of_guessing_at_confirmations_opens() {
    let policy: Policy = toml::from_str(&Setup::default().policy).unwrap();
    let limits = policy.limits;
    let a_month = limits.sign_in.wrong_confirmations.unwrap() * limits.initial_credentials.days;
    let thousandths = (a_month * 1000).div_ceil(CODES);
    let says = format!("**0.{thousandths:03}** accounts");
    assert!(
        super::map::page().contains(&says),
        "the page has to say {says}"
    );
}
