//! Reports of a society with many members, as they look.

use kadode::domain::staff::Role;
use kadode::projections::reports::Name;

use crate::staff::support::{at_work, hire};
use crate::support::app::App;
use crate::support::chromium::Driver;
use crate::support::walk::crowd;

/// Those whose pictures and tables are of the widest, the longest and the most usual kinds.
const LOOKED_AT: [Name; 5] = [
    Name::Completion,
    Name::Funnel,
    Name::TimeHistogram,
    Name::Stuck,
    Name::Events,
];

#[tokio::test]
async fn reports_of_many_members_are_legible_on_a_telephone_and_on_a_computer() {
    let app = App::start().await;
    crowd(&app.society, 7, 72).await;
    let auditor = hire(&app, "佐藤 明子", Role::Auditor).await;
    let session = at_work(&app, &auditor).await.cookie_header();
    let driver = Driver::start();
    let browser = driver.window().await;
    browser.open(&format!("{}/staff/sign-in", app.url)).await;
    for cookie in session.split("; ") {
        let script = format!("document.cookie = '{cookie}; path=/'; return ''");
        browser.ask(&script).await;
    }
    for name in Name::ALL {
        let path = format!("{}/audit/reports/{}", app.url, name.name());
        browser.open(&path).await;
        browser.shows("このレポートの根拠").await;
        let picture = format!("report-{}", name.name());
        if LOOKED_AT.contains(&name) {
            browser.looks(&picture).await;
        } else {
            browser.glances(&picture).await;
        }
    }
}
