//! Accounts of staff in a running program, and browsers of theirs.

use jiff::SignedDuration;
use kadode::domain::ids::{MemberId, PrintId, StaffId, TokenId, TotpId};
use kadode::domain::staff::{Account, Command, Initial, Issued, Refusal, Role, Scope, Staff, Totp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;

use crate::support::app::App;
use crate::support::browser::{Browser, Shown};

/// A password that staff may choose.
pub const OWN_PASSWORD: &str = "minato-kaede-tsukimi";

/// Somebody of the staff, as the one who made the account knows them.
#[derive(Clone)]
pub struct Clerk {
    pub id: StaffId,
    pub name: String,
    pub printed: String,
}

/// Makes an account, as `kadode staff add` does.
pub async fn hire(app: &App, name: &str, role: Role) -> Clerk {
    let society = &app.society;
    let id = StaffId(society.entropy.id());
    let now = app.clock.now();
    let names = &society.vault.staff;
    assert!(names.insert(id, name, now).await.unwrap());
    let key = society.vault.staff_secrets.current_key().clone();
    let initial = Initial {
        print: PrintId(Uuid::new_v5(&id.0, b"print")),
        key: key.clone(),
        expires_at: now + SignedDuration::from_hours(24 * 7),
    };
    let totp = Totp {
        totp: TotpId(Uuid::new_v5(&id.0, b"totp")),
        key,
    };
    let secrets = &society.vault.staff_secrets;
    let printed = secrets.initial_password(id, &initial).unwrap();
    let add = Command::Add {
        role,
        initial,
        totp,
    };
    command(app, id, add).await.unwrap();
    Clerk {
        id,
        name: name.to_owned(),
        printed: printed.expose_secret().to_owned(),
    }
}

/// Gives a command on an account past the routes, as `kadode staff` does.
pub async fn command(app: &App, staff: StaffId, command: Command) -> Result<(), Refusal> {
    let issued = Issued {
        at: app.clock.now(),
        command,
    };
    let attribution = app.society.attribution("Test", "staff");
    let outcome = app
        .society
        .commands
        .run::<Staff, std::convert::Infallible, _, _>(staff.to_string(), attribution, move |_| {
            std::future::ready(Ok(issued.clone()))
        })
        .await;
    match outcome {
        Ok(_) => Ok(()),
        Err(kadode::commands::CommandError::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

/// Issues a token, as `kadode staff token` does.
pub async fn token(
    app: &App,
    staff: StaffId,
    scope: Scope,
    days: i64,
) -> Result<SecretString, Refusal> {
    let token = TokenId(app.society.entropy.id());
    let now = app.clock.now();
    let access = &app.society.vault.staff_access;
    let text = access.make_token(staff, token, now).await.unwrap();
    let issue = Command::IssueToken {
        token,
        scopes: vec![scope],
        expires_at: now + SignedDuration::from_hours(24 * days),
    };
    command(app, staff, issue).await?;
    Ok(text)
}

/// Lets a colleague approve that `browser`, of one who reviews the history, sees a member's personal data.
pub async fn unmask(app: &App, browser: &Browser, member: MemberId) {
    let path = format!("/audit/members/{member}");
    let proposal = browser.get(&path).await.field("proposal").unwrap();
    let fields = [
        ("reason", "review"),
        ("ticket", "AU-1"),
        ("proposal", &proposal),
    ];
    let proposed = browser.post(&format!("{path}/unmask"), &fields).await;
    proposed.is(200).is_silent_on("1980-01-01");
    let colleague = hire(app, "同僚", Role::Auditor).await;
    let colleague = at_work(app, &colleague).await;
    let address = format!("/approvals/{member}/{proposal}");
    approves(&colleague, &address).await;
}

/// Looks at a proposal, and approves what is shown.
pub async fn approves(browser: &Browser, address: &str) {
    let page = browser.get(address).await;
    // Decided already, the page has no form; the press of before may come again.
    let seen = page.field("seen").unwrap_or_default();
    let approve = [("verdict", "approve"), ("seen", seen.as_str())];
    browser.post(address, &approve).await.leads_to(address);
}

/// The views that were stored, oldest first: what, whose, what for.
pub async fn views(app: &App) -> Vec<Value> {
    let all = app.society.log.read_after(0, 100_000).await.unwrap();
    all.into_iter()
        .filter(|event| event.event_type == "AuditDataViewed")
        .map(|event| event.payload)
        .collect()
}

/// An account as it is now.
pub async fn account(app: &App, staff: StaffId) -> Account {
    let state: Staff = app.society.commands.load(&staff.to_string()).await.unwrap();
    state.account.unwrap()
}

/// The names of an account's events, in order.
pub async fn events(app: &App, staff: StaffId) -> Vec<String> {
    let log = &app.society.log;
    let stream = log.read_stream("staff", &staff.to_string()).await.unwrap();
    stream.into_iter().map(|event| event.event_type).collect()
}

/// What the authenticator of somebody shows now.
pub async fn code(app: &App, staff: StaffId) -> String {
    let totp = account(app, staff).await.totp;
    let secrets = &app.society.vault.staff_secrets;
    let code = secrets.present_code(staff, &totp, app.clock.now()).unwrap();
    code.expose_secret().to_owned()
}

/// Fills in the form at the door.
pub async fn enters(browser: &Browser, name: &str, password: &str, code: &str) -> Shown {
    let fields = [("name", name), ("password", password), ("code", code)];
    browser.post("/staff/sign-in", &fields).await
}

/// A browser with the door open.
pub async fn at_the_door(app: &App) -> Browser {
    let browser = Browser::new(app);
    browser.get("/staff/sign-in").await.is(200);
    browser
}

/// A browser of somebody who is signed in with the printed password.
pub async fn beginner(app: &App, clerk: &Clerk) -> Browser {
    let browser = at_the_door(app).await;
    let code = code(app, clerk.id).await;
    enters(&browser, &clerk.name, &clerk.printed, &code)
        .await
        .leads_to("/staff");
    browser
}

/// A browser of somebody who is signed in and has a password of their own. Half a minute passes, so that the next code is another.
pub async fn at_work(app: &App, clerk: &Clerk) -> Browser {
    let browser = beginner(app, clerk).await;
    browser.get("/staff/password").await.is(200);
    browser
        .post("/staff/password", &[("new_password", OWN_PASSWORD)])
        .await
        .leads_to("/staff");
    app.wait(30);
    browser
}
