//! The error table of the JSON API: requests that cannot be read, and sign-ins that tell nothing.

use kadode::vault::FIRST_ISSUE;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::app::{
    Answer, App, Client, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, policy_with, profile,
};

/// Routes that read a body, each with one that is of the right shape.
fn bodies() -> Vec<(&'static str, Value)> {
    vec![
        (
            "/sessions",
            json!({"user_id": USER_ID, "password": INITIAL_PASSWORD}),
        ),
        (
            "/onboarding/birth-date",
            json!({"birth_date": "1980-01-01"}),
        ),
        ("/onboarding/terms", json!({"version": "1"})),
        ("/onboarding/email", json!({"email": "hanako@example.jp"})),
        ("/onboarding/otp-method", json!({"method": "email"})),
        (
            "/onboarding/password",
            json!({"new_password": NEW_PASSWORD}),
        ),
        ("/sessions/current/otp", json!({"code": "123456"})),
        ("/email-confirmations/token", json!({"disown": true})),
    ]
}

const JSON: (&str, &str) = ("content-type", "application/json");

async fn raw(client: &Client, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    client
        .send_raw(Method::POST, &format!("/api/v1{path}"), body, headers)
        .await
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for (path, _) in bodies() {
        for body in ["", "{", "birth_date=1980-01-01", "\u{0}", "{}}"] {
            raw(&client, path, body, &[JSON])
                .await
                .problem(400, "malformed");
        }
    }
}

#[tokio::test]
async fn json_of_another_shape_is_malformed() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for (path, body) in bodies() {
        let field = body.as_object().unwrap().keys().next().unwrap().clone();
        let mut shapes = vec![
            json!([]),
            json!(null),
            json!("text"),
            json!({&field: 1}),
            json!({&field: null}),
        ];
        if path != "/email-confirmations/token" {
            shapes.push(json!({}));
        }
        for shape in shapes {
            let answer = client.post(path, shape).await;
            answer.problem(400, "malformed");
        }
    }
}

#[tokio::test]
async fn an_unknown_or_doubled_field_is_malformed() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for (path, body) in bodies() {
        let text = body.to_string();
        let inner = text.trim_start_matches('{').trim_end_matches('}');
        for wrong in [
            format!("{{{inner},\"admin\":true}}"),
            format!("{{{inner},{inner}}}"),
        ] {
            raw(&client, path, &wrong, &[JSON])
                .await
                .problem(400, "malformed");
        }
    }
}

#[tokio::test]
async fn another_media_type_than_json_is_refused() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for (path, body) in bodies() {
        let body = body.to_string();
        raw(&client, path, &body, &[])
            .await
            .problem(415, "media-type");
        for media_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
        ] {
            let answer = raw(&client, path, &body, &[("content-type", media_type)]).await;
            answer.problem(415, "media-type");
        }
    }
}

#[tokio::test]
async fn a_body_larger_than_any_honest_one_is_refused() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for (path, body) in bodies() {
        let padded = format!("{body}{}", " ".repeat(4097));
        raw(&client, path, &padded, &[JSON])
            .await
            .problem(413, "too-large");
    }
}

#[tokio::test]
async fn the_longest_allowed_password_fits_into_a_body() {
    let app = App::start().await;
    // 128 code points of four bytes, each written as two escapes of six characters.
    let password = "\\ud83c\\udf38".repeat(128);
    let body = format!("{{\"user_id\":\"nobody99\",\"password\":\"{password}\"}}");
    raw(&app.client(), "/sessions", &body, &[JSON])
        .await
        .problem(401, "sign-in-failed");
}

#[tokio::test]
async fn an_unknown_route_of_the_api_is_a_problem() {
    let app = App::start().await;
    let client = app.client();
    for path in [
        "",
        "/",
        "/nothing",
        "/sessions/",
        "/sessions/other",
        "/onboarding/password/x",
        "/%ff",
    ] {
        client.get(path).await.problem(404, "not-found");
        client.post(path, json!({})).await.problem(404, "not-found");
    }
    let answer = client
        .send_raw(Method::GET, "/api/v2/session", "", &[])
        .await;
    answer.problem(404, "not-found");
}

#[tokio::test]
async fn a_method_that_a_route_does_not_know_is_refused_with_those_it_knows() {
    let app = App::start().await;
    let client = app.client();
    for (method, path, known) in [
        (Method::GET, "/sessions", "POST"),
        (Method::PUT, "/sessions", "POST"),
        (Method::HEAD, "/sessions", "POST"),
        (Method::GET, "/sessions/current", "DELETE"),
        (Method::POST, "/session", "GET,HEAD"),
        (Method::DELETE, "/onboarding", "GET,HEAD"),
        (Method::OPTIONS, "/onboarding", "GET,HEAD"),
        (Method::GET, "/onboarding/password", "POST"),
        (Method::PATCH, "/onboarding/email", "POST"),
        (Method::GET, "/sessions/current/otp", "POST"),
        (Method::DELETE, "/email-confirmations/x", "GET,HEAD,POST"),
        (Method::POST, "/openapi.json", "GET,HEAD"),
    ] {
        let answer = client.send(method.clone(), path, None, &[]).await;
        let allowed = answer.headers["allow"].to_str().unwrap().to_owned();
        assert_eq!(allowed, known, "{method} {path}");
        if method != Method::HEAD {
            answer.problem(405, "method");
        }
    }
}

/// Everything of an answer but what differs from one request to the next.
pub fn fixed_part(answer: &Answer) -> (StatusCode, HeaderMap, String) {
    let mut headers = answer.headers.clone();
    headers.remove("x-request-id");
    headers.remove("date");
    (answer.status, headers, answer.text.clone())
}

/// A society with one member for every way in which a sign-in fails.
async fn failing_sign_ins() -> (App, Vec<(&'static str, &'static str, &'static str)>) {
    let (app, _) = App::with_member().await;
    let named = |user_id: &str, number: &str| {
        let mut profile = profile(user_id);
        number.clone_into(&mut profile.number);
        profile
    };
    let cohort = "joined-to-2024-12-01";
    let frozen = app.enrol(named("frozen01", "22222"), cohort).await;
    app.freeze(frozen).await;
    app.enrol(named("paper001", "33333"), "joined-from-2026-03-26")
        .await;
    let old = app.enrol(named("expired1", "44444"), cohort).await;
    assert_eq!(app.events(old).await, ["MemberEnrolled"]);
    app.client_at("log_out").await;
    app.wait(30 * 24 * 3600);
    app.enrol(named("waiting1", "55555"), cohort).await;
    let sign_ins = vec![
        ("an unknown ID", "nobody99", INITIAL_PASSWORD),
        (
            "a wrong password from paper",
            "waiting1",
            "not the password",
        ),
        ("a wrong printed password", "paper001", "not the password"),
        ("a wrong password of one's own", USER_ID, "not the password"),
        ("the replaced password", USER_ID, INITIAL_PASSWORD),
        ("a frozen account", "frozen01", "12222219800101"),
        ("a closed window", "expired1", "14444419800101"),
    ];
    (app, sign_ins)
}

#[tokio::test]
async fn all_failing_sign_ins_are_answered_with_the_same_bytes() {
    let (app, sign_ins) = failing_sign_ins().await;
    let client = app.client();
    let first = fixed_part(&client.sign_in(sign_ins[0].1, sign_ins[0].2).await);
    assert_eq!(first.0, StatusCode::UNAUTHORIZED);
    for (why, user_id, password) in sign_ins {
        let answer = client.sign_in(user_id, password).await;
        assert_eq!(fixed_part(&answer), first, "{why}");
        answer.problem(401, "sign-in-failed");
    }
}

#[tokio::test]
async fn every_failing_sign_in_costs_one_run_of_argon2() {
    let (app, sign_ins) = failing_sign_ins().await;
    let client = app.client();
    for (why, user_id, password) in sign_ins {
        let before = app.society.vault.hasher.runs();
        client
            .sign_in(user_id, password)
            .await
            .expect(StatusCode::UNAUTHORIZED);
        assert_eq!(app.society.vault.hasher.runs() - before, 1, "{why}");
    }
}

#[tokio::test]
async fn every_sign_in_that_succeeds_costs_one_run_of_argon2() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("email").await;
    let before = app.society.vault.hasher.runs();
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(app.society.vault.hasher.runs() - before, 1);
    app.advance_client(&client, "log_out").await;
    let before = app.society.vault.hasher.runs();
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(app.society.vault.hasher.runs() - before, 1);
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_read_costs_no_argon2() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    let before = app.society.vault.hasher.runs();
    raw(&client, "/sessions", "{", &[JSON])
        .await
        .problem(400, "malformed");
    raw(&client, "/sessions", "{}", &[])
        .await
        .problem(415, "media-type");
    for (user_id, password, field) in [
        ("", INITIAL_PASSWORD, "user_id"),
        ("\u{3000} ", INITIAL_PASSWORD, "user_id"),
        ("a\u{0}", INITIAL_PASSWORD, "user_id"),
        (USER_ID, "", "password"),
        (USER_ID, "a\u{0}", "password"),
    ] {
        let body = client
            .sign_in(user_id, password)
            .await
            .problem(422, "invalid");
        assert_eq!(body["errors"], json!([{"field": field, "why": "required"}]));
    }
    let headers = [("origin", "https://evil.example")];
    let body = json!({"user_id": USER_ID, "password": INITIAL_PASSWORD});
    let foreign = client
        .send(Method::POST, "/sessions", Some(body), &headers)
        .await;
    foreign.problem(403, "foreign");
    assert_eq!(app.society.vault.hasher.runs(), before);
}

#[tokio::test]
async fn a_sign_in_during_a_waiting_time_costs_no_argon2() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    for user_id in [USER_ID, "nobody99"] {
        for _ in 0..5 {
            client
                .sign_in(user_id, "not the password")
                .await
                .problem(401, "sign-in-failed");
        }
        let before = app.society.vault.hasher.runs();
        client
            .sign_in(user_id, INITIAL_PASSWORD)
            .await
            .problem(429, "waiting");
        assert_eq!(app.society.vault.hasher.runs(), before, "{user_id}");
    }
}

#[tokio::test]
async fn a_full_queue_is_answered_at_once_with_503_and_costs_no_argon2() {
    let setup = Setup {
        sign_in_queue: 0,
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let mut held = Vec::new();
    while let Ok(slot) = app.society.vault.hasher.acquire().await {
        held.push(slot);
    }
    let client = app.client();
    for user_id in [USER_ID, "nobody99"] {
        let answer = client.sign_in(user_id, INITIAL_PASSWORD).await;
        assert_eq!(answer.headers["retry-after"], "1");
        let body = answer.problem(503, "busy");
        assert_eq!(body["retry_after"], 1);
    }
    assert_eq!(app.society.vault.hasher.runs(), 0);
    drop(held);
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
}

const TWO_MAILS_AN_HOUR: (&str, &str) = ("per_hour = 10", "per_hour = 2");

async fn with_two_mails_an_hour() -> App {
    let setup = Setup {
        policy: policy_with(&[TWO_MAILS_AN_HOUR]),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    app
}

#[tokio::test]
async fn a_sign_in_beyond_the_members_budget_of_codes_is_told_to_wait_and_is_no_failure() {
    let app = with_two_mails_an_hour().await;
    let client = app.client_at("log_out").await;
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    app.wait(10);
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    // More often than failures are let through: each is taken back.
    for _ in 0..6 {
        let answer = client.sign_in(USER_ID, NEW_PASSWORD).await;
        assert_eq!(answer.headers["retry-after"], "3590");
        let body = answer.problem(429, "budget-spent");
        assert_eq!(body["retry_after"], 3590);
    }
    app.wait(3590);
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_sign_in_beyond_the_shared_addresss_budget_of_codes_is_told_to_wait() {
    let app = with_two_mails_an_hour().await;
    app.client_at("log_out").await;
    // The spouse waits an hour, for the links to one address have a budget of their own.
    app.wait(3600);
    let mut spouse = profile("jiro0001");
    "22222".clone_into(&mut spouse.number);
    app.enrol(spouse, "joined-to-2024-12-01").await;
    let other = app.client();
    other
        .sign_in("jiro0001", "12222219800101")
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&other, "log_out").await;
    for _ in 0..2 {
        other
            .sign_in("jiro0001", NEW_PASSWORD)
            .await
            .expect(StatusCode::CREATED);
    }
    let answer = app.client().sign_in(USER_ID, NEW_PASSWORD).await;
    assert_eq!(answer.headers["retry-after"], "3600");
    answer.problem(429, "budget-spent");
}

#[tokio::test]
async fn a_spent_budget_of_codes_tells_nothing_to_whoever_does_not_know_the_password() {
    let app = with_two_mails_an_hour().await;
    let client = app.client_at("log_out").await;
    for _ in 0..2 {
        client
            .sign_in(USER_ID, NEW_PASSWORD)
            .await
            .expect(StatusCode::CREATED);
    }
    let stranger = app.client();
    let unknown = fixed_part(&stranger.sign_in("nobody99", "not the password").await);
    for _ in 0..5 {
        let answer = stranger.sign_in(USER_ID, "not the password").await;
        assert_eq!(fixed_part(&answer), unknown);
    }
    // Counted as any failure.
    stranger
        .sign_in(USER_ID, "not the password")
        .await
        .problem(429, "waiting");
}

#[tokio::test]
async fn a_sign_in_beyond_the_budget_of_codes_costs_one_run_of_argon2_whatever_the_password() {
    let app = with_two_mails_an_hour().await;
    let client = app.client_at("log_out").await;
    for _ in 0..2 {
        client
            .sign_in(USER_ID, NEW_PASSWORD)
            .await
            .expect(StatusCode::CREATED);
    }
    for (password, status) in [(NEW_PASSWORD, 429), ("not the password", 401)] {
        let before = app.society.vault.hasher.runs();
        let answer = client.sign_in(USER_ID, password).await;
        assert_eq!(answer.status, status);
        assert_eq!(app.society.vault.hasher.runs() - before, 1);
    }
}

/// Routes of a session, each with a body of the right shape.
fn session_routes() -> Vec<(Method, &'static str, Option<Value>)> {
    let mut routes = vec![
        (Method::GET, "/session", None),
        (Method::GET, "/onboarding", None),
        (Method::POST, "/onboarding/email/resend", None),
        (Method::POST, "/onboarding/email/update", None),
        (Method::POST, "/sessions/current/otp/resend", None),
    ];
    for (path, body) in bodies() {
        if path.starts_with("/onboarding/") || path == "/sessions/current/otp" {
            routes.push((Method::POST, path, Some(body)));
        }
    }
    routes
}

#[tokio::test]
async fn without_a_session_no_step_can_be_taken() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    for (method, path, body) in session_routes() {
        for cookie in ["", "kadode=", "kadode=invented", "other=x"] {
            let answer = client
                .send(method.clone(), path, body.clone(), &[("cookie", cookie)])
                .await;
            assert_eq!(answer.cookies(), Vec::<&str>::new());
            answer.problem(401, "no-session");
        }
    }
}

#[tokio::test]
async fn an_ended_session_takes_no_step() {
    let (app, member) = App::with_member().await;
    let client = app.client();
    let cookie = client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .session_cookie();
    client
        .delete("/sessions/current")
        .await
        .expect(StatusCode::NO_CONTENT);
    let before = app.events(member).await;
    for (method, path, body) in session_routes() {
        let answer = client
            .send(method, path, body, &[("cookie", &cookie)])
            .await;
        assert_eq!(answer.cookies(), Vec::<&str>::new());
        answer.problem(401, "no-session");
    }
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn an_invalid_field_is_named_with_the_reason() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    let check = async |path: &str, body: Value, field: &str, why: &str| {
        let problem = client
            .post(&format!("/onboarding/{path}"), body.clone())
            .await
            .problem(422, "invalid");
        assert_eq!(
            problem["errors"],
            json!([{"field": field, "why": why}]),
            "{path} {body}"
        );
    };
    for (date, why) in [
        ("", "required"),
        ("1980-02-30", "not_a_date"),
        ("2026-04-11", "in_the_future"),
    ] {
        check("birth-date", json!({"birth_date": date}), "birth_date", why).await;
    }
    app.advance_client(&client, "email").await;
    for (address, why) in [
        ("", "required"),
        ("hanako", "not_an_address"),
        ("a\r\nBcc: x@example.jp", "not_an_address"),
    ] {
        check("email", json!({"email": address}), "email", why).await;
    }
    app.advance_client(&client, "otp_method").await;
    for (method, why) in [("", "required"), ("sms", "unknown")] {
        check("otp-method", json!({"method": method}), "method", why).await;
    }
    app.advance_client(&client, "password").await;
    for (password, why) in [
        ("", "required"),
        ("sakura-tsukimi", "too_short"),
        (&*"sakura tsukimi ".repeat(9), "too_long"),
        ("123456789012345", "too_simple"),
        ("passwordpassword", "too_common"),
        ("kenpo-portal-2026", "context_word"),
        ("hanako-example-hanako", "contains_own_data"),
        (INITIAL_PASSWORD, "too_short"),
    ] {
        check(
            "password",
            json!({"new_password": password}),
            "new_password",
            why,
        )
        .await;
    }
}

#[tokio::test]
async fn a_password_that_is_mostly_the_members_symbol_is_refused() {
    let app = App::start().await;
    let mut member = profile(USER_ID);
    "ミナトアオバ".clone_into(&mut member.symbol);
    member.symbol_at_migration = Some("1".to_owned());
    app.enrol(member, "joined-to-2024-12-01").await;
    let client = app.client_at("password").await;
    let body = json!({"new_password": "ミナトアオバ11111-19800101"});
    let answer = client.post("/onboarding/password", body).await;
    let problem = answer.problem(422, "invalid");
    assert_eq!(
        problem["errors"],
        json!([{"field": "new_password", "why": "contains_own_data"}])
    );
}

#[tokio::test]
async fn the_printed_password_cannot_be_kept() {
    let app = App::start().await;
    let member = app.enrol(profile(USER_ID), "joined-from-2026-03-26").await;
    let vault = &app.society.vault;
    let stored = vault.profiles.get(member).await.unwrap();
    let printed = vault
        .initial_passwords
        .printed(&stored, FIRST_ISSUE, None)
        .unwrap();
    let printed = printed.expose_secret();
    let client = app.client();
    client
        .sign_in(USER_ID, printed)
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&client, "password").await;
    let body = json!({"new_password": printed});
    let answer = client.post("/onboarding/password", body).await;
    let problem = answer.problem(422, "invalid");
    assert_eq!(
        problem["errors"],
        json!([{"field": "new_password", "why": "initial_password"}])
    );
}

#[tokio::test]
async fn a_code_that_is_not_six_digits_is_invalid_and_no_try() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("otp").await;
    for (code, why) in [
        ("", "required"),
        ("12345", "not_six_digits"),
        ("1234567", "not_six_digits"),
        ("12345a", "not_six_digits"),
    ] {
        let answer = client
            .post("/sessions/current/otp", json!({"code": code}))
            .await;
        let problem = answer.problem(422, "invalid");
        assert_eq!(problem["errors"], json!([{"field": "code", "why": why}]));
    }
    assert!(!app.events(member).await.contains(&"OtpRejected".to_owned()));
}
