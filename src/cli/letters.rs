//! `kadode letters`: prints again the letters of those who have not signed in yet, or notices for those who have set their account up, or
//! reminders for those who have stopped on the way; and the file that all are written to.

mod file;
mod notices;
mod reminders;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use cqrs_es::Aggregate;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

pub(super) use self::file::LettersFile;
use self::file::Line;
use super::custody::record;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};
use crate::config::DataSettings;
use crate::domain::custody::{Command, Exported};
use crate::domain::ids::{MemberId, PrintId};
use crate::domain::onboarding::Onboarding;
use crate::domain::policy::InitialPassword;
use crate::domain::values::TOKYO;
use crate::projections::status::MemberStatus;
use crate::vault::{FIRST_ISSUE, Stored};

/// Members looked at together.
const AT_ONCE: u32 = 500;

/// What `kadode letters` is told.
#[derive(Args, Clone, Debug)]
pub struct LettersSettings {
    /// The CSV file to write
    #[arg(value_name = "OUT.csv")]
    pub out: PathBuf,

    /// Instead of letters, notices for those whose own password was set since then: a date (its beginning in Tokyo), or a moment like
    /// 2026-04-10T09:00
    #[arg(long, value_name = "TIME", value_parser = notices::since)]
    pub activated_since: Option<Timestamp>,

    /// Instead of letters, reminders for those who have stopped on the way for so many days and have no confirmed address
    #[arg(long, value_name = "DAYS", conflicts_with = "activated_since", value_parser = clap::value_parser!(u32).range(0..=3650))]
    pub stopped_for: Option<u32>,

    /// The address that members see, which the notices lead to
    #[arg(long, env = "KADODE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Where the data are.
    #[command(flatten)]
    pub data: DataSettings,
}

/// What stands on one member's letter.
pub(super) struct Letter {
    pub(super) user_id: String,
    /// Empty where the formula applies.
    pub(super) password: SecretString,
    pub(super) name: String,
    pub(super) symbol: String,
    pub(super) number: String,
    /// The last day, in Tokyo, on which the password counts.
    pub(super) expires_on: Date,
}

/// How a member came in, as far as the letter tells it.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) initial_password: InitialPassword,
    pub(super) expires_at: Timestamp,
    /// Which letter counts.
    pub(super) issue: u32,
    pub(super) print: Option<PrintId>,
}

/// Whether a letter is due.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// The initial credentials were not used yet.
    Yes(Terms),
    /// They were not used in time.
    Expired,
    /// They were used, or the account is frozen, or there is no such member.
    No,
}

impl Line for Letter {
    const HEADER: &[&str] = &[
        "user_id",
        "password",
        "name",
        "symbol",
        "number",
        "expires_on",
    ];

    fn fields(&self) -> Vec<Zeroizing<String>> {
        [
            &self.user_id,
            grouped(self.password.expose_secret()).as_str(),
            &self.name,
            &self.symbol,
            &self.number,
            &self.expires_on.to_string(),
        ]
        .map(|field| Zeroizing::new(field.to_owned()))
        .into()
    }
}

/// Four characters a group, as one types them from paper; the hyphens are forgiven at the sign-in.
fn grouped(password: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(password.len() * 2));
    for (place, sign) in password.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            text.push('-');
        }
        text.push(sign);
    }
    text
}

/// Writes the letters of all members whose initial credentials count and were not used yet; or the notices of those who used them, or the
/// reminders of those who have stopped.
///
/// # Errors
/// One line: what is wrong, and what to do.
pub async fn run(settings: &LettersSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let notices = settings
        .activated_since
        .map(|since| notices::Wanted::of(since, settings.public_url.as_deref()))
        .transpose()?;
    let society = Society::open(&settings.data, Opening::TO_READ, clock, super::tell).await?;
    let ended = match (&notices, settings.stopped_for) {
        (Some(wanted), _) => notices::write(&society, &settings.out, wanted).await,
        (None, Some(days)) => reminders::write(&society, &settings.out, days).await,
        (None, None) => write(&society, &settings.out).await,
    };
    society.close().await;
    ended.map(|()| ExitCode::SUCCESS)
}

async fn write(society: &Society, out: &Path) -> Result<(), Fault> {
    let mut expired = 0;
    let written = write_file(
        society,
        out,
        Exported::Letters,
        async |stored: &[Stored]| {
            let members: Vec<MemberId> = stored.iter().map(|stored| stored.member).collect();
            let due = due(society, &members).await?;
            let mut letters = Vec::new();
            for stored in stored {
                match due.get(&stored.member) {
                    Some(Due::Yes(terms)) => letters.push(letter(society, stored, terms)?),
                    Some(Due::Expired) => expired += 1,
                    Some(Due::No) | None => {}
                }
            }
            Ok(letters)
        },
    )
    .await?;
    super::tell(&format!(
        "{}: {written} letters; it holds passwords, so print it and delete it",
        out.display()
    ));
    if expired > 0 {
        super::tell(&format!(
            "{expired} members were left out: their initial credentials have expired unused"
        ));
    }
    Ok(())
}

/// Writes the file of what `lines` makes of all members, some at a time, or none; says how many lines those are. That they are carried out
/// stands in the history before the file is in its place.
async fn write_file<L: Line>(
    society: &Society,
    out: &Path,
    what: Exported,
    lines: impl AsyncFnMut(&[Stored]) -> Result<Vec<L>, Fault>,
) -> Result<u64, Fault> {
    let mut file = LettersFile::create(out)?;
    let written = async {
        let rows = write_all(society, &mut file, lines).await?;
        let told = Command::NoteExported { what, rows };
        record(society, "NoteExported", told).await?;
        Ok(rows)
    };
    match written.await {
        Ok(rows) => {
            file.finish()?;
            Ok(rows)
        }
        Err(fault) => {
            file.discard();
            Err(fault)
        }
    }
}

async fn write_all<L: Line>(
    society: &Society,
    file: &mut LettersFile<L>,
    mut lines: impl AsyncFnMut(&[Stored]) -> Result<Vec<L>, Fault>,
) -> Result<u64, Fault> {
    let mut written = 0;
    let mut after = None;
    loop {
        let page = society
            .vault
            .profiles
            .page(after, AT_ONCE)
            .await
            .map_err(unreadable)?;
        let Some((last, _)) = page.last() else {
            return Ok(written);
        };
        after = Some(*last);
        let stored: Vec<Stored> = page.into_iter().filter_map(|(_, stored)| stored).collect();
        let lines = lines(&stored).await?;
        written += u64::try_from(lines.len()).unwrap_or_default();
        file.write(&lines)?;
    }
}

/// Of each member, whether a letter is due.
pub(super) async fn due(
    society: &Society,
    members: &[MemberId],
) -> Result<HashMap<MemberId, Due>, Fault> {
    let now = society.clock.now();
    let mut due = HashMap::with_capacity(members.len());
    for (member, status) in standing(society, members).await? {
        due.insert(member, is_due(society, status.state, now).await?);
    }
    Ok(due)
}

/// Where each member stands, by the log.
async fn standing(
    society: &Society,
    members: &[MemberId],
) -> Result<Vec<(MemberId, MemberStatus)>, Fault> {
    let ids: Vec<String> = members.iter().map(ToString::to_string).collect();
    let streams = society.log.read_streams(Onboarding::TYPE, &ids).await;
    let mut streams = streams.map_err(unreadable)?;
    let mut standing = Vec::with_capacity(members.len());
    for (member, id) in members.iter().zip(&ids) {
        let mut status = MemberStatus::default();
        for event in streams.remove(id).unwrap_or_default() {
            status.fold(&event).map_err(|error| {
                Fault::from_error(&format!("{}-{id} cannot be read", Onboarding::TYPE), error)
            })?;
        }
        standing.push((*member, status));
    }
    Ok(standing)
}

async fn is_due(society: &Society, state: Onboarding, now: Timestamp) -> Result<Due, Fault> {
    let enrolment = match state.enrolment {
        Some(enrolment) if !(state.signed_in || state.frozen || state.left || state.erased) => {
            enrolment
        }
        Some(_) | None => return Ok(Due::No),
    };
    if enrolment.expires_at <= now {
        return Ok(Due::Expired);
    }
    let policy = society.policies.of(&enrolment.policy).await?;
    let cohort = policy.cohort(&enrolment.cohort).ok_or_else(|| {
        let cohort = enrolment.cohort;
        Fault(format!("a member's own policy has no cohort {cohort:?}"))
    })?;
    let initial_password = if state.reissues > 0 {
        InitialPassword::Printed
    } else {
        cohort.initial_password.clone()
    };
    Ok(Due::Yes(Terms {
        initial_password,
        issue: FIRST_ISSUE.saturating_add(state.reissues),
        print: state.print,
        expires_at: enrolment.expires_at,
    }))
}

/// The letter of one member.
pub(super) fn letter(society: &Society, stored: &Stored, terms: &Terms) -> Result<Letter, Fault> {
    let password = match terms.initial_password {
        InitialPassword::Formula(_) => SecretString::default(),
        InitialPassword::Printed => society
            .vault
            .initial_passwords
            .printed(stored, terms.issue, terms.print)
            .map_err(unreadable)?,
    };
    let profile = &stored.profile;
    Ok(Letter {
        user_id: profile.user_id.clone(),
        password,
        name: profile.name.clone(),
        symbol: profile.symbol.clone(),
        number: profile.number.clone(),
        expires_on: last_day(terms.expires_at),
    })
}

/// The last day, in Tokyo, on which initial credentials count that end at this moment.
fn last_day(expires_at: Timestamp) -> Date {
    let last_moment = expires_at - SignedDuration::from_nanos(1);
    TOKYO.to_datetime(last_moment).date()
}

fn unreadable(error: impl std::fmt::Display) -> Fault {
    Fault::from_error("the letters cannot be written", error)
}
