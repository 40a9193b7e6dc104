//! Guessing, under a clock that is told: what the limits leave to whoever knows everything but a birth date, or everything but a code.

use std::net::{IpAddr, Ipv4Addr};

use jiff::{SignedDuration, Timestamp};
use kadode::domain::ids::MemberId;
use kadode::domain::onboarding::{Intervention, Refusal};
use kadode::domain::policy::Policy;
use kadode::vault::{Begun, FIRST_ISSUE};
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::app::{
    App, Client, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, policy_with, profile,
};
use crate::support::browser::Browser;
use crate::support::setting;

/// Birth dates that a member may have: 45 years of working age (judgement). 16,436 with their leap days.
const BIRTH_DATES: u32 = 16_436;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How many accounts a sweep tries, and how many companies (記号) they are of.
/// `scripts/nightly` sets more.
const SWEPT: usize = 200;
const SYMBOLS: usize = 8;

/// A society whose formula is closed after so many wrong ones.
pub(crate) async fn society(per_symbol: u32, in_all: u32) -> App {
    let per_symbol = format!("wrong_formulas_per_symbol = {per_symbol}");
    let in_all = format!("wrong_formulas = {in_all}");
    let policy = policy_with(&[
        ("wrong_formulas_per_symbol = 100", per_symbol.as_str()),
        ("wrong_formulas = 1000", in_all.as_str()),
    ]);
    App::start_as(Setup {
        policy,
        behind_proxy: true,
        ..Setup::default()
    })
    .await
}

/// A network that nobody has used yet.
fn fresh_network(number: &mut u32) -> IpAddr {
    *number += 1;
    Ipv4Addr::from(0x0b00_0000 + (*number << 8)).into()
}

/// What came of the wish to guess.
enum Guess {
    /// The password was looked at.
    LookedAt,
    /// So many were wrong that the formula does not count.
    Closed,
    /// Not before then.
    Waiting(Timestamp),
}

/// The way of a wrong guess through the limits, as signing in goes it; but who guesses here knows when the formula is closed, and wastes no
/// try on that.
async fn guess(app: &App, account: usize, from: IpAddr) -> Guess {
    let waits = &app.society.vault.waits;
    let (user_id, symbol) = (format!("swept{account}"), format!("{}", account % SYMBOLS));
    let now = app.clock.now();
    let lanes = waits.lanes(&user_id, Some(&symbol), from, None).await;
    let lanes = lanes.unwrap();
    if !waits.formula_counts(&lanes, now).await.unwrap() {
        return Guess::Closed;
    }
    if let Some(until) = waits.check(&lanes, now).await.unwrap() {
        return Guess::Waiting(until);
    }
    match waits.begin_try(&lanes, now).await.unwrap() {
        Begun::Allowed { .. } => {}
        Begun::Waiting { until } => return Guess::Waiting(until),
        Begun::NeedsSupport => panic!("a stranger's browser is not known"),
    }
    waits.formula_was_wrong(&lanes, now).await.unwrap();
    waits.failed(&lanes, now).await.unwrap();
    Guess::LookedAt
}

/// A member gets in, in their own browser.
async fn get_in(app: &App, account: usize) {
    let waits = &app.society.vault.waits;
    let (user_id, symbol) = (format!("swept{account}"), format!("{}", account % SYMBOLS));
    let home = Ipv4Addr::LOCALHOST.into();
    let lanes = waits.lanes(&user_id, Some(&symbol), home, None).await;
    let form = format!("form of {account}");
    let lanes = waits.in_browser(lanes.unwrap(), Some(&form));
    waits.succeeded(&lanes).await.unwrap();
}

/// Guesses that are looked at in so many hours of a sweep from networks without end: every hour, all that is let through, and then members who were guessed at
/// get in.
async fn sweep(app: &App, hours: usize) -> usize {
    let swept = setting("KADODE_TEST_SWEPT").unwrap_or(SWEPT);
    let (mut looked_at, mut networks) = (0, 0);
    for _ in 0..hours {
        for account in 0..swept {
            while let Guess::LookedAt = guess(app, account, fresh_network(&mut networks)).await {
                looked_at += 1;
            }
        }
        for account in 0..SYMBOLS {
            get_in(app, account).await;
        }
        app.clock.advance(HOUR);
    }
    looked_at
}

#[tokio::test]
async fn a_sweep_over_formula_passwords_checks_no_more_guesses_than_the_limits_say() {
    let app = society(20, 50).await;
    let days = setting("KADODE_TEST_SWEEP_DAYS").unwrap_or(3);
    let looked_at = sweep(&app, days * 24).await;
    assert_eq!(
        looked_at,
        days * 50,
        "the bound of the society is reached and kept"
    );
    let app = society(10, 1000).await;
    let looked_at = sweep(&app, 24).await;
    assert_eq!(looked_at, SYMBOLS * 10, "so is that of each company");
}

/// A society whose policy does not bound the sweeps of formulas.
async fn without_limits() -> App {
    let policy = policy_with(&[
        ("wrong_formulas_per_symbol = 100\n", ""),
        ("wrong_formulas = 1000\n", ""),
    ]);
    App::start_as(Setup {
        policy,
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn without_those_limits_one_account_is_tried_hundreds_of_times_in_its_thirty_days() {
    let app = without_limits().await;
    let end = app.clock.now() + SignedDuration::from_hours(30 * 24);
    let (mut tries, mut networks) = (0_u32, 0);
    while app.clock.now() < end {
        match guess(&app, 0, fresh_network(&mut networks)).await {
            Guess::LookedAt => tries += 1,
            Guess::Closed => panic!("nothing bounds it"),
            Guess::Waiting(until) => app.clock.advance(until.duration_since(app.clock.now())),
        }
    }
    let page = super::map::page();
    let says = format!("**{tries}** tries an account");
    assert!(page.contains(&says), "the page has to say {says}");
}

/// Lifts the account's waiting times, as often as the desk lets one of the staff.
async fn lifts(app: &App, member: MemberId, user_id: &str) -> bool {
    let (waits, now) = (&app.society.vault.waits, app.clock.now());
    if waits.kept(user_id, now).await.unwrap().is_none() {
        return false;
    }
    match app.intervene(member, Intervention::LiftWait).await {
        Ok(()) => waits.lift(user_id).await.unwrap(),
        Err(Refusal::LiftsSpent) => return false,
        Err(other) => panic!("{other}"),
    }
    true
}

#[tokio::test]
async fn whoever_guesses_with_somebody_at_the_desk_gets_no_more_tries_than_the_page_says() {
    let app = without_limits().await;
    let member = app.enrol(profile("swept0"), "joined-to-2024-12-01").await;
    let end = app.clock.now() + SignedDuration::from_hours(30 * 24);
    let (mut tries, mut networks) = (0_u32, 0);
    while app.clock.now() < end {
        match guess(&app, 0, fresh_network(&mut networks)).await {
            Guess::LookedAt => tries += 1,
            Guess::Closed => panic!("nothing bounds it"),
            Guess::Waiting(until) => {
                if !lifts(&app, member, "swept0").await {
                    app.clock.advance(until.duration_since(app.clock.now()));
                }
            }
        }
    }
    let says = format!("**{tries}** tries with somebody at the desk");
    let page = super::map::page();
    assert!(page.contains(&says), "the page has to say {says}");
}

#[tokio::test]
async fn no_lift_opens_a_formula_that_wrong_ones_closed() {
    let app = society(10, 1000).await;
    let mut networks = 0;
    let mut tries = 0;
    while let Guess::LookedAt = guess(&app, 0, fresh_network(&mut networks)).await {
        tries += 1;
        app.society.vault.waits.lift("swept0").await.unwrap();
    }
    assert_eq!(tries, 10);
}

#[test]
fn the_page_says_how_many_accounts_a_month_of_sweeping_opens() {
    let policy: Policy = toml::from_str(&Setup::default().policy).unwrap();
    let limits = policy.limits;
    let a_month = limits.sign_in.wrong_formulas.unwrap() * limits.initial_credentials.days;
    // In hundredths of an account, rounded up.
    let opened = (a_month * 100).div_ceil(BIRTH_DATES);
    let says = format!("**{}.{:02}** accounts", opened / 100, opened % 100);
    assert!(
        super::map::page().contains(&says),
        "the page has to say {says}"
    );
}

async fn fails(client: &Client, user_id: &str, password: &str) {
    client
        .sign_in(user_id, password)
        .await
        .problem(401, "sign-in-failed");
}

/// Lets ten members of the symbol fail once each, so that the formula is closed for it.
pub(crate) async fn close_the_formula(app: &App) {
    for number in 0..10 {
        let user_id = format!("colleague{number}");
        let mut colleague = profile(&user_id);
        colleague.number = format!("{}", 20_000 + number);
        app.enrol(colleague, "joined-to-2024-12-01").await;
        let from = format!("198.51.{number}.7");
        let client = app.client_with(&[("x-forwarded-for", from.as_str())]);
        fails(&client, &user_id, "120000019810203").await;
    }
}

#[tokio::test]
async fn where_too_many_formulas_were_wrong_the_right_one_is_told_from_none_until_the_next_day() {
    let app = society(10, 1000).await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    close_the_formula(&app).await;
    let client = app.client();
    fails(&client, USER_ID, INITIAL_PASSWORD).await;
    assert_eq!(app.events(member).await, ["MemberEnrolled"]);
    app.wait(24 * 3600);
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn other_companies_and_passwords_of_other_kinds_count_all_the_same() {
    let app = society(10, 1000).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    app.client_at("log_out").await;
    let mut other = profile("other001");
    "99".clone_into(&mut other.symbol);
    app.enrol(other, "joined-to-2024-12-01").await;
    let mut new = profile("newcomer");
    "33333".clone_into(&mut new.number);
    let new = app.enrol(new, "joined-from-2026-03-26").await;
    close_the_formula(&app).await;
    let stored = app.society.vault.profiles.get(new).await.unwrap();
    let printed = app
        .society
        .vault
        .initial_passwords
        .printed(&stored, FIRST_ISSUE, None)
        .unwrap();
    let printed = printed.expose_secret();
    for (user_id, password) in [
        (USER_ID, NEW_PASSWORD),
        ("other001", "991111119800101"),
        ("newcomer", printed),
    ] {
        app.client()
            .sign_in(user_id, password)
            .await
            .expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_browser_that_has_shown_the_birth_date_gets_in_by_the_formula_all_the_same() {
    let app = society(10, 1000).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let own = app.client_at("email").await;
    close_the_formula(&app).await;
    own.sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn whoever_got_in_after_a_slip_does_not_help_to_close_the_formula() {
    let app = society(10, 1000).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let own = Browser::at_the_door(&app).await;
    own.sign_in("11111119800102").await.is(401);
    gets_in(&app, &own).await;
    // The tenth closes it; without the slip, nine have failed.
    for number in 0..9 {
        strangers_guess(&app, &format!("x{number}"), number).await;
    }
    app.client()
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
}

/// The member gets in, in a browser with the sign-in page open.
async fn gets_in(app: &App, browser: &Browser) {
    browser.sign_in(INITIAL_PASSWORD).await.is(303);
    browser.walk_to(app, "/email").await;
}

/// A stranger guesses wrongly from a network of their own.
async fn strangers_guess(app: &App, user_id: &str, network: u8) {
    let from = IpAddr::from([10, 9, network, 1]);
    let waits = &app.society.vault.waits;
    let lanes = waits.lanes(user_id, Some("1"), from, None).await.unwrap();
    let now = app.clock.now();
    assert!(waits.formula_counts(&lanes, now).await.unwrap());
    waits.formula_was_wrong(&lanes, now).await.unwrap();
}

#[tokio::test]
async fn a_member_who_gets_in_takes_out_no_guess_of_a_stranger() {
    let app = society(10, 1000).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    for network in 0..9 {
        strangers_guess(&app, USER_ID, network).await;
    }
    gets_in(&app, &Browser::at_the_door(&app).await).await;
    strangers_guess(&app, USER_ID, 9).await;
    fails(&app.client(), USER_ID, INITIAL_PASSWORD).await;
}

#[tokio::test]
async fn guessing_codes_gets_five_tries_a_sign_in_and_as_many_sign_ins_as_mails() {
    let (app, member) = App::with_member().await;
    app.client_at("completed").await;
    // The codes of the member's own first login do not count any more.
    app.wait(24 * 3600);
    let thief = app.client();
    let began = app.clock.now();
    let day = SignedDuration::from_hours(24);
    let mut sign_ins = 0;
    while app.clock.now() < began + day {
        let answer = thief.sign_in(USER_ID, NEW_PASSWORD).await;
        if answer.status != StatusCode::CREATED {
            app.wait(
                answer.problem(429, "budget-spent")["retry_after"]
                    .as_i64()
                    .unwrap(),
            );
            continue;
        }
        sign_ins += 1;
        let wrong = json!({"code": app.wrong_code(member).await});
        for _ in 0..5 {
            let guess = thief.post("/sessions/current/otp", wrong.clone()).await;
            guess.problem(422, "mismatch");
        }
        let dead = thief.post("/sessions/current/otp", wrong).await;
        dead.problem(410, "code-dead");
    }
    assert_eq!(sign_ins, 20);
    assert_eq!(app.payloads(member, "OtpRejected").await.len(), 100);
}
