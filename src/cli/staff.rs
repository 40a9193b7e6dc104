//! `kadode staff`: accounts of those who work for the society, each change an event; what it prints is one JSON line.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::tell;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};
use crate::commands::{CommandError, Outcome};
use crate::config::DataSettings;
use crate::domain::ids::{PrintId, StaffId, TokenId, TotpId};
use crate::domain::staff::{Command, Initial, Issued, Refusal, Role, Scope, Staff, Totp};

/// How long a printed password counts. Judgement: it is handed over in person, within days.
const INITIAL_AGE: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

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

/// A new account, with what its owner is to be given.
pub(super) struct NewStaff {
    pub(super) staff: StaffId,
    pub(super) password: SecretString,
    /// The otpauth:// address.
    pub(super) totp: SecretString,
}

/// Carries out one of them.
pub(super) async fn run(settings: StaffSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let data = settings.command.data();
    // Before anything is created: without a policy there is nothing to open.
    if data.policy.is_none() && !Society::exists(data)? {
        return Err(Fault(
            "there is no database yet: give --policy FILE, or import a roster first".to_owned(),
        ));
    }
    let society = Society::open(data, Opening::TO_ADD, clock, tell).await?;
    let ended = carry_out(&society, &settings.command).await;
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

/// Makes an account.
pub(super) async fn add(society: &Society, name: &str, role: Role) -> Result<NewStaff, Fault> {
    let name = checked(name)?;
    let names = &society.vault.staff;
    let now = society.clock.now();
    let fresh = StaffId(society.entropy.id());
    let staff = if names
        .insert(fresh, name, now)
        .await
        .map_err(unreachable_vault)?
    {
        fresh
    } else {
        // Of an earlier try that was cut off before its event, the name alone is left; it is taken up again.
        named(society, name).await?
    };
    let (initial, totp) = (new_initial(society), new_totp(society));
    let command = Command::Add {
        role,
        initial: initial.clone(),
        totp: totp.clone(),
    };
    match given(society, staff, "AddStaff", command).await {
        Err(CommandError::Refused(Refusal::AlreadyAdded)) => {
            return Err(Fault(format!(
                "there is an account named {name:?} already: choose another name"
            )));
        }
        outcome => drop(outcome.map_err(refused)?),
    }
    let secrets = &society.vault.staff_secrets;
    Ok(NewStaff {
        staff,
        password: secrets
            .initial_password(staff, &initial)
            .map_err(unreachable_vault)?,
        totp: authenticator(society, staff, &totp, name)?,
    })
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

/// A name as an account may have it.
fn checked(name: &str) -> Result<&str, Fault> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Fault(format!(
            "a name has 1 to {LONGEST_NAME} characters, and no control characters"
        )));
    }
    Ok(name)
}

async fn named(society: &Society, name: &str) -> Result<StaffId, Fault> {
    let name = checked(name)?;
    let found = society.vault.staff.find(name).await;
    found.map_err(unreachable_vault)?.ok_or_else(|| {
        Fault(format!(
            "there is no account named {name:?}; `kadode staff list` shows those there are"
        ))
    })
}

fn new_initial(society: &Society) -> Initial {
    Initial {
        print: PrintId(random_id(society)),
        key: society.vault.staff_secrets.current_key().clone(),
        expires_at: society.clock.now() + INITIAL_AGE,
    }
}

fn new_totp(society: &Society) -> Totp {
    Totp {
        totp: TotpId(random_id(society)),
        key: society.vault.staff_secrets.current_key().clone(),
    }
}

fn random_id(society: &Society) -> uuid::Uuid {
    uuid::Builder::from_random_bytes(society.entropy.bytes()).into_uuid()
}

fn authenticator(
    society: &Society,
    staff: StaffId,
    totp: &Totp,
    name: &str,
) -> Result<SecretString, Fault> {
    let issuer = &society.policy.policy.society.name;
    let issuer = issuer.in_language(crate::domain::values::Language::Ja);
    let secrets = &society.vault.staff_secrets;
    secrets
        .authenticator(staff, totp, issuer, name.trim())
        .map_err(unreachable_vault)
}

async fn give(
    society: &Society,
    staff: StaffId,
    name: &'static str,
    command: Command,
) -> Result<(), Fault> {
    given(society, staff, name, command)
        .await
        .map(drop)
        .map_err(refused)
}

async fn given(
    society: &Society,
    staff: StaffId,
    name: &'static str,
    command: Command,
) -> Result<Outcome<Staff>, CommandError<Refusal, std::convert::Infallible>> {
    let at: Timestamp = society.clock.now();
    let issued = Issued { at, command };
    let attribution = society.attribution(name, "staff");
    society
        .commands
        .run(staff.to_string(), attribution, move |_: Arc<Staff>| {
            std::future::ready(Ok(issued.clone()))
        })
        .await
}

fn refused(error: CommandError<Refusal, std::convert::Infallible>) -> Fault {
    Fault::from_error("nothing was changed", error)
}

fn unreachable_vault(error: impl std::fmt::Display) -> Fault {
    Fault::from_error("the account cannot be looked after now", error)
}
