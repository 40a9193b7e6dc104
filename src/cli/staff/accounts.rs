//! What `kadode staff` does to an account: finds it, gives a command, and derives what its owner is to be given.

use std::convert::Infallible;
use std::sync::Arc;

use jiff::SignedDuration;
use secrecy::SecretString;

use crate::app::{Fault, Society};
use crate::commands::{CommandError, Outcome};
use crate::domain::ids::{PrintId, StaffId, TotpId};
use crate::domain::staff::{Command, Initial, Issued, Refusal, Role, Staff, Totp};
use crate::domain::values::Language;

/// How long a printed password counts. Judgement: it is handed over in person, within days.
const INITIAL_AGE: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

/// A new account, with what its owner is to be given.
pub(in crate::cli) struct NewStaff {
    pub(in crate::cli) staff: StaffId,
    pub(in crate::cli) password: SecretString,
    /// The otpauth:// address.
    pub(in crate::cli) totp: SecretString,
}

/// Makes an account.
pub(in crate::cli) async fn add(
    society: &Society,
    name: &str,
    role: Role,
) -> Result<NewStaff, Fault> {
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

pub(super) async fn named(society: &Society, name: &str) -> Result<StaffId, Fault> {
    let name = checked(name)?;
    let found = society.vault.staff.find(name).await;
    found.map_err(unreachable_vault)?.ok_or_else(|| {
        Fault(format!(
            "there is no account named {name:?}; `kadode staff list` shows those there are"
        ))
    })
}

pub(super) fn new_initial(society: &Society) -> Initial {
    Initial {
        print: PrintId(random_id(society)),
        key: society.vault.staff_secrets.current_key().clone(),
        expires_at: society.clock.now() + INITIAL_AGE,
    }
}

pub(super) fn new_totp(society: &Society) -> Totp {
    Totp {
        totp: TotpId(random_id(society)),
        key: society.vault.staff_secrets.current_key().clone(),
    }
}

fn random_id(society: &Society) -> uuid::Uuid {
    uuid::Builder::from_random_bytes(society.entropy.bytes()).into_uuid()
}

pub(super) fn authenticator(
    society: &Society,
    staff: StaffId,
    totp: &Totp,
    name: &str,
) -> Result<SecretString, Fault> {
    let issuer = &society.policy.policy.society.name;
    let issuer = issuer.in_language(Language::Ja);
    let secrets = &society.vault.staff_secrets;
    secrets
        .authenticator(staff, totp, issuer, name.trim())
        .map_err(unreachable_vault)
}

pub(super) async fn give(
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
) -> Result<Outcome<Staff>, CommandError<Refusal, Infallible>> {
    let at = society.clock.now();
    let issued = Issued { at, command };
    let attribution = society.attribution(name, "staff");
    society
        .commands
        .run(staff.to_string(), attribution, move |_: Arc<Staff>| {
            std::future::ready(Ok(issued.clone()))
        })
        .await
}

fn refused(error: CommandError<Refusal, Infallible>) -> Fault {
    Fault::from_error("nothing was changed", error)
}

pub(super) fn unreachable_vault(error: impl std::fmt::Display) -> Fault {
    Fault::from_error("the account cannot be looked after now", error)
}
