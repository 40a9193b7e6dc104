//! `kadode demo`: a sample society on this machine, with mails on a local page.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use clap::Args;
use mail_parser::MessageParser;

use super::serve::{listen, local_address, until_told_to_stop};
use super::tell;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Serving, Society};
use crate::config::{DataSettings, PublicUrl};
use crate::mail::Transport;

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

pub(super) async fn run(settings: DemoSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let folder = tempfile::Builder::new()
        .prefix("kadode-demo-")
        .tempdir()
        .map_err(|error| Fault::from_error("no folder for the demo", error))?;
    let listener = listen("--listen", settings.listen).await?;
    let public_url = PublicUrl::choose(None, local_address(&listener)?).map_err(Fault)?;
    let data = DataSettings {
        database: format!("sqlite:{}", folder.path().join("demo.sqlite").display()),
        key_database: None,
        keys: Some(folder.path().join("demo.keys.toml")),
        policy: Some(write(folder.path(), "policy.toml", POLICY)?),
    };
    let opening = Opening {
        sign_in_queue: 200,
        ..Opening::TO_FILL
    };
    let society = Society::open(&data, opening, clock, |_| {}).await?;
    let mails = folder.path().join("mails");
    let transport = Transport::open(&format!("file:{}", mails.display()), None)
        .map_err(|error| Fault(error.to_string()))?;
    let origin = public_url.origin.clone();
    let served = society.serve(Serving {
        public_url,
        trusted_proxies: Vec::new(),
        transport,
    });
    let more_routes = Router::new()
        .route("/demo/mails", get(mails_page))
        .with_state(mails);
    tell(&format!("{origin}/"));
    until_told_to_stop(&society, served, listener, more_routes).await?;
    Ok(ExitCode::SUCCESS)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Fault> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|error| Fault::from_error(name, error))?;
    Ok(path)
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
    date: String,
    /// The text part: lines, each with the link it is, if it is one.
    lines: Vec<(String, bool)>,
}

/// What has been mailed, newest first.
async fn mails_page(State(folder): State<PathBuf>) -> Html<String> {
    let mails = tokio::task::spawn_blocking(move || read_mails(&folder))
        .await
        .unwrap_or_default();
    let page = MailsPage {
        style: crate::api::pages::assets::address("pages.css"),
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
        date: message
            .date()
            .map(mail_parser::DateTime::to_rfc3339)
            .unwrap_or_default(),
        lines: text
            .lines()
            .map(|line| (line.to_owned(), line.trim().starts_with("http")))
            .collect(),
    })
}
