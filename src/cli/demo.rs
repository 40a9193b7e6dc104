//! `kadode demo`: a sample society on this machine, with mails on a local page, and staff whose codes another page shows.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use clap::Args;
use jiff::Timestamp;
use mail_parser::MessageParser;
use secrecy::ExposeSecret;

use super::import::{self, ImportSettings};
use super::serve::{listen, local_address, until_told_to_stop};
use super::staff::{self, NewStaff};
use super::tell;
use crate::ambient::Clock;
use crate::api;
use crate::api::blocklist::blocklist;
use crate::app::{Fault, Opening, Serving, Society};
use crate::config::{DataSettings, PublicUrl};
use crate::domain::ids::StaffId;
use crate::domain::staff::{Role, Staff};
use crate::domain::values::TOKYO;
use crate::mail::Transport;

const ROSTER: &str = include_str!("../../policies/sample-roster.csv");

/// The user ID of the manual's example in the sample roster.
const EXAMPLE_USER_ID: &str = "hanako01";

/// The names and roles of the sample staff: one who reviews, and two at the desk, since what is risky there takes two.
const STAFF: [(&str, Role); 3] = [
    ("auditor", Role::Auditor),
    ("support", Role::Support),
    ("administrator", Role::Administrator),
];

const POLICY: &str = include_str!("../../policies/sample.toml");

/// The settings of `kadode demo`.
#[derive(Args, Debug)]
pub(super) struct DemoSettings {
    /// The address to listen on
    #[arg(
        long,
        env = "KADODE_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:8080"
    )]
    listen: SocketAddr,
}

/// Serves the sample society until told to stop; its folder goes with it.
pub(super) async fn run(settings: DemoSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let folder = tempfile::Builder::new()
        .prefix("kadode-demo-")
        .tempdir()
        .map_err(|error| Fault::from_error("no folder for the demo", error))?;
    let listener = listen("--listen", settings.listen).await?;
    let public_url = PublicUrl::choose(None, local_address(&listener)?).map_err(Fault)?;
    let data = DataSettings {
        database: format!("sqlite:{}", folder.path().join("demo.sqlite").display()),
        events: None,
        key_database: None,
        keys: Some(folder.path().join("demo.keys.toml")),
        witness_file: Vec::new(),
        policy: Some(write(folder.path(), "policy.toml", POLICY)?),
        operator: None,
    };
    let roster = write(folder.path(), "roster.csv", ROSTER)?;
    let letters = folder.path().join("letters.csv");
    let import = ImportSettings {
        roster,
        dry_run: false,
        complete: false,
        leavers: None,
        letters: Some(letters.clone()),
        valid_from: None,
        data: data.clone(),
    };
    Box::pin(import::run(&import, clock.clone())).await?;
    let opening = Opening {
        sign_in_queue: 200,
        ..Opening::TO_FILL
    };
    let society = Society::open(&data, opening, clock, tell).await?;
    let mut hired = Vec::new();
    for (name, role) in STAFF {
        hired.push((name, staff::add(&society, name, role).await?));
    }
    let ids: Vec<_> = hired.iter().map(|(name, new)| (*name, new.staff)).collect();
    let mails = folder.path().join("mails");
    let transport = Transport::open(&format!("file:{}", mails.display()), None)
        .map_err(|error| Fault(error.to_string()))?;
    let origin = public_url.origin.clone();
    let served = society.serve(Serving {
        public_url,
        trusted_proxies: Vec::new(),
        transport,
        blocklist: blocklist(),
    });
    let more_routes = Router::new()
        .route("/demo/mails", get(mails_page))
        .with_state(mails)
        .merge(
            Router::new()
                .route("/demo/code", get(code_page))
                .with_state((society.clone(), ids)),
        );
    let more_routes = api::guarded(&served.api, more_routes);
    print_what_to_try(
        &origin,
        folder.path(),
        printed_password(&letters).as_ref(),
        &hired,
    );
    let ended = until_told_to_stop(served, listener, more_routes).await;
    society.close().await;
    Ok(ended)
}

/// User ID and password of the first letter that has a password on it.
fn printed_password(letters: &Path) -> Option<(String, String)> {
    let mut reader = csv::Reader::from_path(letters).ok()?;
    reader.records().filter_map(Result::ok).find_map(|letter| {
        let password = letter.get(1).filter(|password| !password.is_empty())?;
        Some((letter.get(0)?.to_owned(), password.to_owned()))
    })
}

fn print_what_to_try(
    origin: &str,
    folder: &Path,
    printed: Option<&(String, String)>,
    hired: &[(&str, NewStaff)],
) {
    println!(
        "
見本の健康保険組合が動いています。A sample society is being served.

  画面 Pages     {origin}/
  メール Mails   {origin}/demo/mails
  API            {origin}/api/docs

サインインしてみる (手引きの例)  Sign in as the manual's example:
  ユーザID User ID             {EXAMPLE_USER_ID}
  初期パスワード Password      11111119800101   (記号1 番号11111 生年月日1980-01-01)
  生年月日 Date of birth       1980-01-01 または or 昭和55年1月1日
  メールアドレス E-mail        何でもよい。届くのは上の画面です。Any; mails arrive on the page above."
    );
    if let Some((user_id, password)) = printed {
        println!(
            "
印刷されたパスワードの方  A member with a printed password (date of birth: see roster.csv):
  ユーザID User ID             {user_id}
  初期パスワード Password      {password}"
        );
    }
    println!(
        "
担当者としてログインする  Sign in as staff, who review (auditor) and help members (support, administrator):
  画面 Page                    {origin}/staff
  認証アプリの数字 Codes       {origin}/demo/code"
    );
    for (name, new) in hired {
        println!(
            "  担当者名 Name                {name}
  パスワード Password          {}
  (認証アプリには or for an authenticator: {})",
            new.password.expose_secret(),
            new.totp.expose_secret(),
        );
    }
    println!(
        "
名簿と手紙 Roster and letters: {}
終わるには Ctrl-C。すべて消えます。 Ctrl-C ends it; everything is gone then.
",
        folder.display()
    );
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Fault> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|error| Fault::from_error(name, error))?;
    Ok(path)
}

#[derive(Template)]
#[template(path = "demo_code.html")]
struct CodePage {
    style: String,
    /// Name and code.
    codes: Vec<(&'static str, String)>,
}

/// What the authenticators of the sample staff show now.
async fn code_page(
    State((society, staff)): State<(Society, Vec<(&'static str, StaffId)>)>,
) -> Html<String> {
    let mut codes = Vec::new();
    for (name, staff) in staff {
        codes.push((name, code_of(&society, staff).await.unwrap_or_default()));
    }
    let page = CodePage {
        style: api::pages::assets::address("pages.css"),
        codes,
    };
    Html(page.render().unwrap_or_default())
}

async fn code_of(society: &Society, staff: StaffId) -> Option<String> {
    let state: Staff = match society.commands.load(&staff.to_string()).await {
        Ok(state) => state,
        Err(error) => {
            tracing::error!(error, "the sample staff cannot be loaded");
            return None;
        }
    };
    let (secrets, now) = (&society.vault.staff_secrets, society.clock.now());
    let code = secrets
        .present_code(staff, &state.account?.totp, now)
        .ok()?;
    Some(code.expose_secret().to_owned())
}

#[derive(Template)]
#[template(path = "demo_mails.html")]
struct MailsPage {
    style: String,
    mails: Vec<Mail>,
}

struct Mail {
    subject: String,
    to: String,
    /// Tokyo's date and time.
    at: String,
    /// The text part: lines, each with the link it is, if it is one.
    lines: Vec<(String, bool)>,
}

/// What has been mailed, newest first.
async fn mails_page(State(folder): State<PathBuf>) -> Html<String> {
    let mails = tokio::task::spawn_blocking(move || read_mails(&folder))
        .await
        .unwrap_or_default();
    let page = MailsPage {
        style: api::pages::assets::address("pages.css"),
        mails,
    };
    Html(page.render().unwrap_or_default())
}

fn read_mails(folder: &Path) -> Vec<Mail> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "eml")
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    files.sort_by_key(|(written, _)| std::cmp::Reverse(*written));
    files
        .into_iter()
        .filter_map(|(_, path)| parse(&std::fs::read(path).ok()?))
        .collect()
}

fn parse(bytes: &[u8]) -> Option<Mail> {
    let message = MessageParser::default().parse(bytes)?;
    let text = message.body_text(0)?;
    let to = message
        .to()
        .and_then(|to| to.first())
        .and_then(|to| to.address());
    Some(Mail {
        subject: message.subject().unwrap_or_default().to_owned(),
        to: to.unwrap_or_default().to_owned(),
        at: message
            .date()
            .and_then(|date| Timestamp::from_second(date.to_timestamp()).ok())
            .map(|at| TOKYO.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string())
            .unwrap_or_default(),
        lines: text
            .lines()
            .map(|line| (line.to_owned(), line.trim().starts_with("http")))
            .collect(),
    })
}
