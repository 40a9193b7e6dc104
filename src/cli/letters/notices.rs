//! Notices by post: for each member whose own password was set, changed, or set anew as forgotten, since a moment, with the link for whoever did
//! not do that.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::file::Line;
use super::{standing, unreadable, write_file};
use crate::api::audit::moment;
use crate::app::{Fault, Society};
use crate::config::PublicUrl;
use crate::domain::custody::Exported;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Step;
use crate::domain::values::TOKYO;
use crate::projections::status::MemberStatus;
use crate::vault::{Notice, Stored};

/// Which notices are to be printed, and where they lead.
pub(super) struct Wanted {
    since: Timestamp,
    origin: String,
}

impl Wanted {
    /// # Errors
    /// There is no address for members, or it is none.
    pub(super) fn of(since: Timestamp, public_url: Option<&str>) -> Result<Self, Fault> {
        let Some(public_url) = public_url else {
            return Err(Fault(
                "--activated-since: give --public-url https://… as members see it, which the notices lead to".to_owned(),
            ));
        };
        let PublicUrl { origin, .. } = PublicUrl::parse(public_url).map_err(Fault)?;
        Ok(Self { since, origin })
    }
}

/// What stands on one notice.
struct Printed {
    user_id: String,
    name: String,
    symbol: String,
    number: String,
    activated_at: Timestamp,
    not_me_url: SecretString,
}

impl Line for Printed {
    const HEADER: &[&str] = &[
        "user_id",
        "name",
        "symbol",
        "number",
        "activated_at",
        "not_me_url",
    ];

    fn fields(&self) -> Vec<Zeroizing<String>> {
        // RFC 3339, as clocks in Japan show it: it is read on paper.
        let at = TOKYO.to_datetime(self.activated_at);
        [
            &self.user_id,
            &self.name,
            &self.symbol,
            &self.number,
            &at.strftime("%Y-%m-%dT%H:%M:%S+09:00").to_string(),
            self.not_me_url.expose_secret(),
        ]
        .map(|field| Zeroizing::new(field.to_owned()))
        .into()
    }
}

/// A moment from which on, as somebody types it.
pub(super) fn since(text: &str) -> Result<Timestamp, &'static str> {
    moment::start_of(text).ok_or("neither a date nor a moment, like 2026-04-10 or 2026-04-10T09:00")
}

/// Writes the notices of all members whose own password was set or changed since then and still counts, or is to take a forgotten one's place.
///
/// # Errors
/// One line: what is wrong, and what to do.
pub(super) async fn write(society: &Society, out: &Path, wanted: &Wanted) -> Result<(), Fault> {
    let written = write_file(
        society,
        out,
        Exported::Notices,
        async |stored: &[Stored]| {
            let members: Vec<MemberId> = stored.iter().map(|stored| stored.member).collect();
            let standing: HashMap<_, _> = standing(society, &members).await?.into_iter().collect();
            let mut notices = Vec::new();
            for stored in stored {
                if let Some(status) = standing.get(&stored.member) {
                    notices.extend(notice(society, stored, status, wanted)?);
                }
            }
            Ok(notices)
        },
    )
    .await?;
    super::super::tell(&format!(
        "{}: {written} notices; whoever has a line can stop that account, so print it and delete it",
        out.display()
    ));
    Ok(())
}

fn notice(
    society: &Society,
    stored: &Stored,
    status: &MemberStatus,
    wanted: &Wanted,
) -> Result<Option<Printed>, Fault> {
    let state = &status.state;
    // Whom staff have frozen is told all the same: a release would not print it later.
    let own = state.password.filter(|_| !state.not_me_reported);
    let set_up = own.and_then(|own| {
        let set_at = status.done.get(&Step::Password).copied();
        let replaced = own.replaces.map(|it| it.at);
        let reset = own.reset.map(|it| it.at);
        Some((own.notice(), replaced.or(reset).or(set_at)?))
    });
    // The mailbox that the mailed notice went to may not be the member's any more: paper tells them before it counts.
    let coming = state
        .coming_password
        .map(|it| (it.credential.into(), it.reset.at));
    let newest = coming.or(set_up);
    let newest = newest.filter(|(_, at)| wanted.since <= *at);
    let Some((about, activated_at)) = newest else {
        return Ok(None);
    };
    let about = Notice {
        member: stored.member,
        about,
    };
    let token = society.vault.one_time.seal_notice(&about);
    let token = token.map_err(unreadable)?;
    let url = format!("{}/not-me/{}", wanted.origin, token.expose_secret());
    let profile = &stored.profile;
    Ok(Some(Printed {
        user_id: profile.user_id.clone(),
        name: profile.name.clone(),
        symbol: profile.symbol.clone(),
        number: profile.number.clone(),
        activated_at,
        not_me_url: SecretString::from(url),
    }))
}
