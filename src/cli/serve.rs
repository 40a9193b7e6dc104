//! `kadode serve`: members' pages and API, mails and read models, on one database.

use std::fs::{File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use clap::Args;
use metrics_exporter_prometheus::PrometheusBuilder;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::backup::unsealed::remove_left_beside;
use super::{tell, warn_of};
use crate::ambient::Clock;
use crate::api::blocklist::{blocklist, blocklist_with};
use crate::app::{
    Fault, Limits, Opening, PolicyNeed, Served, Serving, Society, answer_connections, look_at,
    panicked,
};
use crate::config::{DataSettings, PublicUrl, ServeSettings};
use crate::database::Database;
use crate::mail::Transport;

/// How long requests in flight may take once the program was told to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// The settings of `kadode serve`.
#[derive(Args, Debug)]
pub(super) struct ServeCommand {
    #[command(flatten)]
    data: DataSettings,
    #[command(flatten)]
    serve: ServeSettings,
}

/// Serves until told to stop.
pub(super) async fn run(settings: ServeCommand, clock: Clock) -> Result<ExitCode, Fault> {
    let ServeCommand { data, serve } = settings;
    // All that may fail without a trace comes before anything is created.
    look_at(&data, PolicyNeed::Given)?;
    PublicUrl::choose(serve.public_url.as_deref(), serve.listen).map_err(Fault)?;
    let listener = listen("--listen", serve.listen).await?;
    let address = local_address(&listener)?;
    let public_url = PublicUrl::choose(serve.public_url.as_deref(), address).map_err(Fault)?;
    let metrics = match serve.metrics {
        Some(address) => Some(listen("--metrics", address).await?),
        None => None,
    };
    let transport = Transport::open(serve.mail.expose_secret(), serve.mail_ca.as_deref())
        .map_err(|error| Fault(error.to_string()))?;
    let blocklist = match serve.refused_passwords.as_deref() {
        Some(file) => blocklist_with(file).map_err(Fault)?,
        None => blocklist(),
    };
    let opening = Opening {
        sign_in_queue: serve.sign_in_queue,
        ..Opening::TO_FILL
    };
    let path = Database::look_at(&data.database).map_err(|error| Fault(error.to_string()))?;
    // Before the tables are brought up to date beneath a running program; where there is no database yet, none runs.
    let early = only_one(path.as_deref())?;
    let society = Society::open(&data, opening, clock, tell).await?;
    let mut lock = early;
    let ended = async {
        if lock.is_none() {
            lock = only_one(path.as_deref())?;
        }
        // A key may have come since the key file was held against the databases.
        let rotation = &society.vault.rotation;
        if let Err(error) = rotation.beat(society.clock.now()).await {
            // Or it would count as one that runs, where the database answers at all.
            let _ = rotation.leave().await;
            return Err(Fault::from_error("nothing is served", error));
        }
        for database in [&society.database, &society.key_database] {
            let left = database.file().map_or(Ok(()), remove_left_beside);
            left.map_err(|error| Fault::from_error(&database.shown(), error))?;
        }
        society.adopt_policy().await?;
        warn_of(&society.policy);
        if let Some(listener) = metrics {
            serve_metrics(listener)?;
        }
        tell(&format!(
            "serving {} (listening on {address})",
            public_url.origin
        ));
        let served = society.serve(Serving {
            public_url,
            trusted_proxies: serve.trusted_proxy,
            transport,
            blocklist,
        });
        Ok(until_told_to_stop(served, listener, Router::new()).await)
    }
    .await;
    society.close().await;
    drop(lock);
    ended
}

/// Answers requests until SIGTERM or Ctrl-C, or until a task beside the routes panics; then stores what was only counted. After a panic it fails
/// with 1.
pub(super) async fn until_told_to_stop(
    served: Served,
    listener: TcpListener,
    more_routes: Router,
) -> ExitCode {
    let Served {
        api,
        router,
        mut tasks,
        sender,
    } = served;
    let router = more_routes.fallback_service(router);
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let limits = Limits::of_this_process();
    let mut ended = ExitCode::SUCCESS;
    let answering = answer_connections(listener, router, limits, async {
        tokio::select! {
            () = told_to_stop() => {}
            _ = panicked(&mut tasks) => {
                tracing::error!("a part of the program has panicked, as told above; it stops, to be started again");
                ended = ExitCode::FAILURE;
            }
        }
        stopping.send_replace(true);
    });
    let deadline = async {
        // Open event streams would keep the program alive for ever.
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(LAST_REQUESTS).await;
    };
    tokio::select! {
        () = answering => {}
        () = deadline => {}
    }
    let storing = api.tallies.store_all(&api.commands, &api.policy_version);
    match tokio::time::timeout(LAST_REQUESTS, storing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, "the last counts of attempts could not be stored");
        }
        Err(_) => tracing::error!("the last counts of attempts could not be stored in time"),
    }
    tasks.shutdown().await;
    if let Err(error) = api.vault.rotation.leave().await {
        tracing::warn!(%error, "for some minutes, this program still counts as one that runs");
    }
    // A mail that left, but was not noted, would leave again.
    if tokio::time::timeout(LAST_REQUESTS, sender.rest())
        .await
        .is_err()
    {
        tracing::warn!("a mail was on its way too long; it will be sent again");
    }
    ended
}

/// Does the work, and breaks it off at SIGTERM or Ctrl-C, so that what it keeps in files for itself goes with it.
pub(super) async fn unless_told_to_stop<T>(
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::select! {
        biased;
        () = told_to_stop() => Err(Fault("it was told to stop, and broke off".to_owned())),
        done = work => done,
    }
}

async fn told_to_stop() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// Binds the address to listen on.
pub(super) async fn listen(flag: &str, address: SocketAddr) -> Result<TcpListener, Fault> {
    TcpListener::bind(address).await.map_err(|error| {
        Fault(format!(
            "{flag} {address}: {error}; stop what listens there, or choose another"
        ))
    })
}

/// Where it listens, with the port that the system chose for port 0.
pub(super) fn local_address(listener: &TcpListener) -> Result<SocketAddr, Fault> {
    listener
        .local_addr()
        .map_err(|error| Fault::from_error("--listen", error))
}

/// Takes the one place of a `serve` on this database file, if there is one; it is free again when the program ends, however
/// it does. The lock is the file's own (flock), which SQLite does not use. On a server, any number may run.
fn only_one(database: Option<&Path>) -> Result<Option<File>, Fault> {
    let Some(database) = database else {
        return Ok(None);
    };
    let fault = |error| Fault::from_error(&format!("database {}", database.display()), error);
    let file = match File::open(database) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Fault(format!(
            "another kadode serve runs on {}: stop it first",
            database.display()
        ))),
        Err(TryLockError::Error(error)) => Err(fault(error)),
    }
}

/// Answers `/metrics`, on an address of its own.
fn serve_metrics(listener: TcpListener) -> Result<(), Fault> {
    let recorder = PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| Fault::from_error("--metrics", error))?;
    let address = local_address(&listener)?;
    let router = Router::new().route(
        "/metrics",
        get(move || {
            let recorder = recorder.clone();
            async move {
                recorder.run_upkeep();
                recorder.render()
            }
        }),
    );
    tokio::spawn(async move { axum::serve(listener, router).await });
    tell(&format!("metrics on http://{address}/metrics"));
    Ok(())
}
