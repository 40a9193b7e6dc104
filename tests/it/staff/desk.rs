//! The support desk: a member who is stuck, found and helped, by one person or by two; and what staff cannot do.

use kadode::domain::ids::MemberId;
use kadode::domain::staff::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::support::{approves, at_work, hire};
use crate::forgotten_password::set_another;
use crate::support::app::{App, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID};
use crate::support::browser::{Browser, Shown};

/// Two people at the desk of a society with a member.
pub(super) struct DeskOfTwo {
    pub(super) app: App,
    pub(super) member: MemberId,
    pub(super) sato: Browser,
    pub(super) suzuki: Browser,
}

impl DeskOfTwo {
    pub(super) async fn open() -> Self {
        let (app, member) = App::with_member().await;
        Self::of(app, member).await
    }

    pub(super) async fn of(app: App, member: MemberId) -> Self {
        let sato = hire(&app, "佐藤", Role::Support).await;
        let suzuki = hire(&app, "鈴木", Role::Support).await;
        let sato = at_work(&app, &sato).await;
        let suzuki = at_work(&app, &suzuki).await;
        Self {
            app,
            member,
            sato,
            suzuki,
        }
    }

    pub(super) fn path(&self) -> String {
        format!("/support/members/{}", self.member)
    }

    /// Fills in and sends the form of an intervention.
    pub(super) async fn sends(&self, intervention: &str, reason: &str) -> Shown {
        let page = self.sato.get(&self.path()).await;
        let form = form_of(&page.html, intervention).unwrap();
        let proposal = value_in(form, "proposal");
        let fields = [
            ("intervention", intervention),
            ("reason", reason),
            ("ticket", "HD-1"),
            ("proposal", &proposal),
        ];
        let path = format!("{}/interventions", self.path());
        self.sato.post(&path, &fields).await
    }

    /// Does it, and fails unless it is done.
    pub(super) async fn does(&self, intervention: &str, reason: &str) {
        let done = format!("{}?note=done", self.path());
        self.sends(intervention, reason).await.leads_to(&done);
    }

    /// Proposes it, and returns the address where it is decided.
    pub(super) async fn proposes(&self, intervention: &str, reason: &str) -> String {
        let proposed = format!("{}?note=proposed", self.path());
        self.sends(intervention, reason).await.leads_to(&proposed);
        let list = self.suzuki.get("/approvals").await;
        let (_, rest) = list.html.split_once("href=\"/approvals/").unwrap();
        let (rest, _) = rest.split_once('"').unwrap();
        format!("/approvals/{rest}")
    }

    pub(super) async fn approves(&self, address: &str) {
        approves(&self.suzuki, address).await;
    }

    /// The password on the member's last letter.
    pub(super) async fn letter(&self) -> String {
        self.app.letter(self.member).await
    }
}

/// What a program of somebody's reads.
pub(super) async fn reads(staff: &Browser, path: &str) -> Value {
    let shown = staff.get(path).await;
    assert_eq!(shown.status.as_u16(), 200, "{path}: {}", shown.html);
    serde_json::from_str(&shown.html).unwrap()
}

/// The form of an intervention on the page of a member.
fn form_of<'a>(html: &'a str, intervention: &str) -> Option<&'a str> {
    let named = format!("name=\"intervention\" value=\"{intervention}\"");
    let (_, rest) = html.split_once(&named)?;
    rest.split_once("</form>").map(|(form, _)| form)
}

fn value_in(form: &str, field: &str) -> String {
    let (_, rest) = form
        .split_once(&format!("name=\"{field}\" value=\""))
        .unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_member_whom_strangers_locked_out_is_found_and_let_in() {
    let desk = DeskOfTwo::open().await;
    let stranger = desk.app.client();
    for _ in 0..5 {
        stranger.sign_in(USER_ID, "not the password").await;
    }
    let waiting = stranger.sign_in(USER_ID, INITIAL_PASSWORD).await;
    waiting.problem(429, "waiting");
    desk.sato.get("/support").await.is(200);
    let found = desk
        .sato
        .post("/support/search", &[("user_id", USER_ID)])
        .await;
    found.leads_to(&desk.path());
    let page = desk.sato.get(&desk.path()).await;
    page.says("ログインできません").is_silent_on("11111");
    desk.does("lift_wait", "locked_out").await;
    let let_in = desk.app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    let_in.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn what_is_done_for_a_member_stands_in_the_log_with_its_grounds() {
    let desk = DeskOfTwo::open().await;
    desk.does("freeze", "suspected_misuse").await;
    assert_eq!(
        desk.app.events(desk.member).await,
        ["MemberEnrolled", "Intervened", "AccountFrozen"]
    );
    let told = desk.app.payloads(desk.member, "Intervened").await;
    assert_eq!(
        told[0]["grounds"],
        json!({"reason": "suspected_misuse", "ticket": "HD-1"})
    );
    let refused = desk.app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    refused.problem(401, "sign-in-failed");
}

#[tokio::test]
async fn a_frozen_account_is_released_by_two() {
    let desk = DeskOfTwo::open().await;
    desk.does("freeze", "suspected_misuse").await;
    let address = desk.proposes("release", "mistaken").await;
    let refused = desk.app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    refused.problem(401, "sign-in-failed");
    desk.approves(&address).await;
    let let_in = desk.app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    let_in.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn without_a_reason_or_with_words_in_place_of_a_ticket_nothing_happens() {
    let desk = DeskOfTwo::open().await;
    let path = format!("{}/interventions", desk.path());
    desk.sato.get(&desk.path()).await.is(200);
    let form = |reason: &'static str, ticket: &'static str| {
        [
            ("intervention", "freeze"),
            ("reason", reason),
            ("ticket", ticket),
        ]
    };
    let no_reason = desk.sato.post(&path, &form("", "HD-7")).await;
    no_reason.is(422).says("理由を選んでください").says("HD-7");
    let words = desk
        .sato
        .post(&path, &form("device_lost", "見本 花子 11111"))
        .await;
    words.is(422).says("問い合わせ番号を");
    assert_eq!(desk.app.events(desk.member).await, ["MemberEnrolled"]);
}

#[tokio::test]
async fn a_mistyped_address_is_taken_away_and_the_member_enters_another() {
    let desk = DeskOfTwo::open().await;
    let client = desk.app.client_at("email_link").await;
    desk.does("clear_email", "address_mistyped").await;
    assert_eq!(client.due().await, "email");
    client
        .step("email", json!({"email": "hanako2@example.jp"}))
        .await;
    assert_eq!(client.due().await, "email_link");
}

#[tokio::test]
async fn a_new_letter_takes_two_and_with_it_the_member_starts_over() {
    let desk = DeskOfTwo::open().await;
    let member = desk.app.client_at("completed").await;
    desk.does("record_proofing", "in_person").await;
    let address = desk.proposes("reissue_credentials", "letter_lost").await;
    let own = desk.sato.get(&address).await;
    own.says("申請を取り下げる")
        .is_silent_on("承認して実行する");
    let shown = desk.suzuki.get(&address).await;
    shown
        .says("最初からやり直します")
        .says("佐藤")
        .says("HD-1")
        .is_silent_on("見本 花子");
    assert_eq!(member.due().await, "completed");
    desk.approves(&address).await;
    member.get("/onboarding").await.problem(401, "no-session");
    for before in [NEW_PASSWORD, INITIAL_PASSWORD] {
        let refused = desk.app.client().sign_in(USER_ID, before).await;
        refused.problem(401, "sign-in-failed");
    }
    let client = desk.app.client();
    let status = client.sign_in(USER_ID, &desk.letter().await).await;
    assert_eq!(status.expect(StatusCode::CREATED).body["step"]["number"], 3);
    desk.app.advance_client(&client, "completed").await;
}

#[tokio::test]
async fn a_new_letter_for_whoever_has_confirmed_an_address_waits_for_a_proof_of_identity() {
    let desk = DeskOfTwo::open().await;
    desk.app.client_at("otp_method").await;
    let waits = "先に本人確認の結果を記録すると、申請できるようになります";
    let page = desk.sato.get(&desk.path()).await;
    page.says(waits);
    assert!(form_of(&page.html, "reissue_credentials").is_none());
    let wanted =
        json!({"intervention": "reissue_credentials", "reason": "letter_lost", "ticket": "HD-1"});
    let path = format!("/api/v1{}", desk.path());
    let proposes = async || {
        let path = format!("{path}/proposals");
        let request = desk.sato.request(reqwest::Method::POST, &path);
        desk.sato.send(request.json(&wanted)).await
    };
    proposes().await.is(409).says("not-proven");
    let told = desk.sato.get(&path).await;
    told.says("\"wait_for_proof\":[\"clear_email\",\"reissue_credentials\"]");
    desk.does("record_proofing", "by_document").await;
    desk.sato.get(&desk.path()).await.is_silent_on(waits);
    proposes().await.is(200);
}

#[tokio::test]
async fn a_password_that_is_to_take_a_forgotten_ones_place_is_seen_and_ended_by_a_freeze() {
    let desk = DeskOfTwo::open().await;
    desk.app.client_at("completed").await;
    set_another(&desk.app).await;
    let told = "新しいパスワードに切り替わります";
    let page = desk.sato.get(&desk.path()).await;
    page.is(200).says(told).says("4月11日");
    desk.does("freeze", "suspected_misuse").await;
    let page = desk.sato.get(&desk.path()).await;
    page.is(200).is_silent_on(told);
}

#[tokio::test]
async fn an_approval_pressed_twice_is_one_and_a_declined_proposal_does_nothing() {
    let desk = DeskOfTwo::open().await;
    let address = desk.proposes("reissue_credentials", "letter_lost").await;
    desk.approves(&address).await;
    desk.approves(&address).await;
    let again = desk.proposes("reissue_credentials", "letter_lost").await;
    let decline = [("verdict", "decline")];
    desk.suzuki.get(&again).await.is(200);
    desk.suzuki.post(&again, &decline).await.leads_to(&again);
    let late = desk.suzuki.post(&again, &[("verdict", "approve")]).await;
    late.is(410);
    let issued = desk.app.payloads(desk.member, "CredentialsReissued").await;
    assert_eq!(issued.len(), 1);
}

#[tokio::test]
async fn each_new_letter_has_a_printing_of_its_own() {
    let desk = DeskOfTwo::open().await;
    for _ in 0..2 {
        let address = desk.proposes("reissue_credentials", "letter_lost").await;
        desk.approves(&address).await;
    }
    let issued = desk.app.payloads(desk.member, "CredentialsReissued").await;
    let [first, second] = issued.try_into().unwrap();
    assert!(first["print"].is_string());
    assert_ne!(first["print"], second["print"]);
}

/// By programs, the same rules hold as on the pages.
#[tokio::test]
async fn no_program_does_alone_what_takes_two() {
    let desk = DeskOfTwo::open().await;
    let path = format!("/api/v1/support/members/{}", desk.member);
    let wanted =
        json!({"intervention": "reissue_credentials", "reason": "letter_lost", "ticket": "HD-1"});
    let ask = async |browser: &Browser, path: &str, body: &Value| {
        let request = browser.request(reqwest::Method::POST, path).json(body);
        let shown = browser.send(request).await;
        let body: Value = serde_json::from_str(&shown.html).unwrap();
        (shown.status.as_u16(), body)
    };
    let (status, problem) = ask(&desk.sato, &format!("{path}/interventions"), &wanted).await;
    assert_eq!(status, 409);
    assert!(
        problem["type"]
            .as_str()
            .unwrap()
            .ends_with("needs-approval")
    );
    let (status, proposal) = ask(&desk.sato, &format!("{path}/proposals"), &wanted).await;
    assert_eq!((status, &proposal["verdict"]), (200, &json!("open")));
    let id = proposal["proposal"].as_str().unwrap();
    let judge = format!("{path}/proposals/{id}");
    let unseen = json!({"verdict": "approve"});
    assert_eq!(ask(&desk.suzuki, &judge, &unseen).await.0, 409);
    let approve = json!({"verdict": "approve", "seen": proposal["seen"]});
    let (status, problem) = ask(&desk.sato, &judge, &approve).await;
    assert_eq!(status, 403);
    assert!(problem["type"].as_str().unwrap().ends_with("own-proposal"));
    let (status, approved) = ask(&desk.suzuki, &judge, &approve).await;
    assert_eq!((status, &approved["verdict"]), (200, &json!("approved")));
    assert_eq!(
        desk.app.events(desk.member).await,
        [
            "MemberEnrolled",
            "InterventionProposed",
            "InterventionApproved",
            "CredentialsReissued"
        ]
    );
}

#[tokio::test]
async fn whoever_helps_is_shown_no_personal_data_and_approves_no_unmasking() {
    let desk = DeskOfTwo::open().await;
    let reviewer = hire(&desk.app, "高橋", Role::Auditor).await;
    let reviewer = at_work(&desk.app, &reviewer).await;
    let path = format!("/audit/members/{}", desk.member);
    let proposal = reviewer.get(&path).await.field("proposal").unwrap();
    let fields = [
        ("reason", "review"),
        ("ticket", "AU-1"),
        ("proposal", &proposal),
    ];
    let proposed = reviewer.post(&format!("{path}/unmask"), &fields).await;
    proposed.is(200).is_silent_on("1980-01-01");
    let address = format!("/approvals/{}/{proposal}", desk.member);
    desk.suzuki.get(&address).await.is(404);
    let approve = [("verdict", "approve")];
    desk.suzuki.post(&address, &approve).await.is(404);
    let list = desk.suzuki.get("/approvals").await;
    list.is_silent_on(&proposal);
}

#[tokio::test]
async fn a_browser_that_nobody_knows_needs_a_code_as_soon_as_there_is_an_address() {
    let (app, member) = App::with_member().await;
    app.client_at("otp_method").await;
    let elsewhere = Browser::at_the_door(&app).await;
    elsewhere.sign_in(INITIAL_PASSWORD).await.leads_to("/otp");
    elsewhere.get("/otp-method").await.leads_to("/otp");
    let code = app.code().await;
    elsewhere.open("/otp").await;
    elsewhere.post("/otp", &[("code", &code)]).await.is(303);
    let (due, _) = elsewhere.open("/").await;
    assert_eq!(due, "/otp-method");
    let events = app.events(member).await;
    assert_eq!(events.last().unwrap(), "SignInConfirmed");
    // From here on, the browser is the member's.
    elsewhere.post("/log-out", &[]).await.is(303);
    elsewhere.sign_in(INITIAL_PASSWORD).await.is(303);
    let (due, _) = elsewhere.open("/").await;
    assert_eq!(due, "/otp-method");
}

#[tokio::test]
async fn the_right_password_without_the_code_makes_a_browser_no_member_s() {
    let (app, _) = App::with_member().await;
    app.client_at("otp_method").await;
    let attacker = Browser::at_the_door(&app).await;
    for _ in 0..2 {
        attacker.sign_in(INITIAL_PASSWORD).await.is(303);
        let (due, _) = attacker.open("/").await;
        assert_eq!(due, "/otp");
        attacker.post("/log-out", &[]).await.is(303);
        app.wait(60);
    }
}
