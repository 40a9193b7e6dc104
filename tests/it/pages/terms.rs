//! Step 4, where the policy asks for consent.

use crate::support::app::{App, Setup, USER_ID, profile};
use crate::support::browser::Browser;

#[tokio::test]
async fn the_notes_on_use_are_shown_and_accepted_where_the_policy_has_them() {
    let policy = include_str!("../../../policies/sample.toml").replace(
        "[roster_headers]",
        "[terms]\nversion = \"2026-04\"\ntext = { ja = \"注意その一\", en = \"Note one\" }\n\n[roster_headers]",
    );
    let app = App::start_as(Setup {
        policy,
        ..Setup::default()
    })
    .await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let browser = Browser::at(&app, "/terms").await;
    let page = browser.get("/terms").await;
    page.is(200).says("注意その一").says("注意事項の確認");
    assert_eq!(page.field("version").as_deref(), Some("2026-04"));
    browser.get("/email").await.leads_to("/terms");
    browser
        .post("/terms", &[("version", "2025-04")])
        .await
        .is(422);
    browser
        .post("/terms", &[("version", "2026-04")])
        .await
        .leads_to("/email");
    browser
        .post("/terms", &[("version", "2026-04")])
        .await
        .leads_to("/email");
    let events = app.events(member).await;
    let accepted = events.iter().filter(|name| *name == "TermsAccepted");
    assert_eq!(accepted.count(), 1);
}
