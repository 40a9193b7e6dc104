//! `kadode staff`: accounts of those who work for the society, each change an event; what it prints is one JSON line.

mod accounts;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

pub(super) use self::accounts::{NewStaff, add};
use self::accounts::{authenticator, give, named, new_initial, new_totp, unreachable_vault};
use super::tell;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};
use crate::config::DataSettings;
use crate::domain::ids::TokenId;
use crate::domain::staff::{Command, Role, Scope, Staff};

/// The settings of `kadode staff`.
#[derive(Args, Debug)]
pub(super) struct StaffSettings {
    #[command(subcommand)]
    command: StaffCommand,
}

#[derive(Debug, Subcommand)]
enum StaffCommand {
    /// Make an account; prints its first password and its authenticator, once
    Add(RoleOf),
    /// Give somebody another role
    Role(RoleOf),
    /// Let another authenticator count, where one was lost; prints it, once
    ResetTotp(Named),
    /// Let a printed password count again, where one's own was lost; prints it, once
    ResetPassword(Named),
    /// Let an account open nothing any more, for ever
    Disable(Named),
    /// Make a token for a program; prints it, once
    Token(TokenOf),
    /// Let a token count no more
    RevokeToken(Revoked),
    /// All accounts, one JSON line each
    List(All),
}

#[derive(Args, Debug)]
struct RoleOf {
    /// The name to sign in with
    name: String,
    /// support, auditor, compliance or administrator
    #[arg(long)]
    role: Role,
    #[command(flatten)]
    data: DataSettings,
}

#[derive(Args, Debug)]
struct Named {
    /// The name to sign in with
    name: String,
    #[command(flatten)]
    data: DataSettings,
}

#[derive(Args, Debug)]
struct TokenOf {
    /// In whose name the program reads
    name: String,
    /// What it is for: audit:read, audit:members; may be repeated
    #[arg(long, required = true)]
    scope: Vec<Scope>,
    /// How many days it counts
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    #[command(flatten)]
    data: DataSettings,
}

#[derive(Args, Debug)]
struct Revoked {
    /// In whose name the program reads
    name: String,
    /// The token's id, as it was printed and as `kadode staff list` shows it
    token: TokenId,
    #[command(flatten)]
    data: DataSettings,
}

#[derive(Args, Debug)]
struct All {
    #[command(flatten)]
    data: DataSettings,
}

/// Carries out one of them.
pub(super) async fn run(settings: StaffSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let data = settings.command.data();
    // Before anything is created: only the first account of a society that has given its policy needs no database yet.
    let may_create = matches!(settings.command, StaffCommand::Add(_)) && data.policy.is_some();
    if !may_create && !Society::exists(data)? {
        return Err(Fault(
            "there is no database yet: import a roster first, or add an account with --policy FILE"
                .to_owned(),
        ));
    }
    let society = Society::open(data, Opening::TO_ADD, clock, tell).await?;
    let ended = async {
        // Every event names a policy, which must be in the log before it.
        if data.policy.is_some() && !matches!(settings.command, StaffCommand::List(_)) {
            society.adopt_policy().await?;
        }
        carry_out(&society, &settings.command).await
    };
    let ended = ended.await;
    society.close().await;
    for line in ended? {
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}

impl StaffCommand {
    const fn data(&self) -> &DataSettings {
        match self {
            Self::Add(it) | Self::Role(it) => &it.data,
            Self::ResetTotp(it) | Self::ResetPassword(it) | Self::Disable(it) => &it.data,
            Self::Token(it) => &it.data,
            Self::RevokeToken(it) => &it.data,
            Self::List(it) => &it.data,
        }
    }
}

async fn carry_out(society: &Society, command: &StaffCommand) -> Result<Vec<Value>, Fault> {
    let line = match command {
        StaffCommand::Add(it) => {
            let new = add(society, &it.name, it.role).await?;
            json!({
                "staff": new.staff, "name": it.name.trim(), "role": it.role,
                "password": new.password.expose_secret(), "totp": new.totp.expose_secret(),
            })
        }
        StaffCommand::Role(it) => {
            let staff = named(society, &it.name).await?;
            give(
                society,
                staff,
                "ChangeStaffRole",
                Command::ChangeRole { role: it.role },
            )
            .await?;
            json!({"staff": staff, "name": it.name.trim(), "role": it.role})
        }
        StaffCommand::ResetTotp(it) => {
            let staff = named(society, &it.name).await?;
            let totp = new_totp(society);
            let command = Command::ResetTotp { totp: totp.clone() };
            give(society, staff, "ResetStaffTotp", command).await?;
            let address = authenticator(society, staff, &totp, &it.name)?;
            json!({"staff": staff, "name": it.name.trim(), "totp": address.expose_secret()})
        }
        StaffCommand::ResetPassword(it) => {
            let staff = named(society, &it.name).await?;
            let initial = new_initial(society);
            let command = Command::ResetPassword {
                initial: initial.clone(),
            };
            give(society, staff, "ResetStaffPassword", command).await?;
            let password = society
                .vault
                .staff_secrets
                .initial_password(staff, &initial);
            let password = password.map_err(unreachable_vault)?;
            json!({"staff": staff, "name": it.name.trim(), "password": password.expose_secret()})
        }
        StaffCommand::Disable(it) => {
            let staff = named(society, &it.name).await?;
            give(society, staff, "DisableStaff", Command::Disable).await?;
            json!({"staff": staff, "name": it.name.trim(), "disabled": true})
        }
        StaffCommand::Token(it) => make_token(society, it).await?,
        StaffCommand::RevokeToken(it) => {
            let staff = named(society, &it.name).await?;
            let command = Command::RevokeToken { token: it.token };
            give(society, staff, "RevokeAccessToken", command).await?;
            json!({"staff": staff, "name": it.name.trim(), "token_id": it.token, "revoked": true})
        }
        StaffCommand::List(_) => return list(society).await,
    };
    Ok(vec![line])
}

async fn make_token(society: &Society, it: &TokenOf) -> Result<Value, Fault> {
    let staff = named(society, &it.name).await?;
    let token = TokenId(society.entropy.id());
    let now = society.clock.now();
    let expires_at = now + SignedDuration::from_hours(24 * i64::from(it.days));
    let access = &society.vault.staff_access;
    let text = access.make_token(staff, token, now).await;
    let text = text.map_err(unreachable_vault)?;
    let command = Command::IssueToken {
        token,
        scopes: it.scope.clone(),
        expires_at,
    };
    give(society, staff, "IssueAccessToken", command).await?;
    Ok(json!({
        "staff": staff, "name": it.name.trim(), "token_id": token, "scopes": it.scope,
        "expires_at": expires_at, "token": text.expose_secret(),
    }))
}

async fn list(society: &Society) -> Result<Vec<Value>, Fault> {
    let all = society.vault.staff.all().await.map_err(unreachable_vault)?;
    let mut lines = Vec::new();
    for (staff, name) in all {
        let state: Staff = society
            .commands
            .load(&staff.to_string())
            .await
            .map_err(|error| Fault::from_error("an account cannot be read", error))?;
        let Some(account) = &state.account else {
            continue;
        };
        let tokens: Vec<Value> = state
            .tokens
            .iter()
            .map(|(id, token)| {
                json!({"token_id": id, "scopes": token.scopes, "expires_at": token.expires_at})
            })
            .collect();
        lines.push(json!({
            "staff": staff, "name": name, "role": account.role, "disabled": account.disabled,
            "own_password": !state.password_is_due(), "tokens": tokens,
        }));
    }
    Ok(lines)
}
