//! Whose history it is: personal data, masked unless a purpose was given; and finding a member by them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asked::text;
use super::looks::Showing;
use crate::api::Api;
use crate::api::input::normalise_id;
use crate::api::problem::Problem;
use crate::domain::email::EmailAddress;
use crate::domain::ids::MemberId;
use crate::domain::viewing::View;
use crate::vault::{Profile, VaultError};

/// By what a member is looked for: exactly one of user ID, 記号 with 番号, and GID.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct Search {
    /// The user ID.
    pub user_id: String,
    /// 記号
    pub symbol: String,
    /// 番号
    pub number: String,
    /// The GID.
    pub gid: String,
}

impl Search {
    /// What is about to be shown of a search: whom it found, where that is one, and by what, never what was typed.
    pub(super) fn showing(&self, found: &[MemberId]) -> Showing {
        let by = if text(&self.user_id).is_some() {
            "user_id"
        } else if text(&self.gid).is_some() {
            "gid"
        } else {
            "number"
        };
        let only = if let [member] = found {
            Some(*member)
        } else {
            None
        };
        Showing {
            member: only,
            ..Showing::of(View::MemberSearch, Some(format!("by={by}")))
        }
    }
}

/// What is shown of a member's person. It cannot be printed, for it may hold personal data.
#[derive(Clone, Serialize, ToSchema)]
pub struct Person {
    /// The user ID.
    pub user_id: String,
    /// The name.
    pub name: String,
    /// 記号
    pub symbol: String,
    /// 番号
    pub number: String,
    /// The date of birth.
    pub birth_date: String,
    /// The GID, where there is one.
    pub gid: Option<String>,
    /// The e-mail address, where there is one.
    pub email: Option<String>,
}

/// Whether personal data are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Mask {
    On,
    Off,
}

const HIDDEN: &str = "***";

impl Person {
    pub(in crate::api) fn of(profile: &Profile, email: Option<&EmailAddress>, mask: Mask) -> Self {
        let birth_date = profile.birth_date.to_string();
        match mask {
            Mask::Off => Self {
                user_id: profile.user_id.clone(),
                name: profile.name.clone(),
                symbol: profile.symbol.clone(),
                number: profile.number.clone(),
                birth_date,
                gid: profile.gid.clone(),
                email: email.map(|email| email.as_str().to_owned()),
            },
            Mask::On => Self {
                user_id: first(&profile.user_id, 2),
                name: first(&profile.name, 1),
                symbol: HIDDEN.to_owned(),
                number: last(&profile.number),
                birth_date: HIDDEN.to_owned(),
                gid: profile.gid.as_deref().map(last),
                email: email.map(EmailAddress::masked),
            },
        }
    }
}

/// The first signs of a text, of one that is longer than twice that.
fn first(text: &str, count: usize) -> String {
    let shown = if text.chars().count() > 2 * count {
        count
    } else {
        0
    };
    let mut masked: String = text.chars().take(shown).collect();
    masked.push_str(HIDDEN);
    masked
}

/// The last two signs of a text that is longer than four.
fn last(text: &str) -> String {
    let length = text.chars().count();
    let shown = if length > 4 { 2 } else { 0 };
    let mut masked = HIDDEN.to_owned();
    masked.extend(text.chars().skip(length - shown));
    masked
}

/// An address as far as it tells the network: /24, or /48 for IPv6.
pub(super) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.*")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:*")
        }
    }
}

impl Api {
    /// Whom a search finds.
    ///
    /// # Errors
    /// [`Problem::Invalid`], if it names nothing or more than one thing; or the vault is away.
    pub(in crate::api) async fn find_members(
        &self,
        search: &Search,
    ) -> Result<Vec<MemberId>, Problem> {
        let by = |field: &str| text(field).map(normalise_id);
        let (user_id, gid) = (by(&search.user_id), by(&search.gid));
        let (symbol, number) = (by(&search.symbol), by(&search.number));
        let profiles = &self.vault.profiles;
        let holds_nul = [&user_id, &gid, &symbol, &number]
            .iter()
            .any(|it| it.as_ref().is_some_and(|text| text.contains('\0')));
        match (user_id, symbol, number, gid) {
            _ if holds_nul => Ok(Vec::new()),
            (Some(user_id), None, None, None) => {
                let (member, _) = profiles.find_by_user_id(&user_id).await?;
                Ok(member.into_iter().collect())
            }
            (None, Some(symbol), Some(number), None) => {
                Ok(profiles.find_by_symbol_number(&symbol, &number).await?)
            }
            (None, None, None, Some(gid)) => Ok(profiles.find_by_gid(&gid).await?),
            _ => Err(Problem::Invalid {
                field: "user_id",
                why: "one_of",
            }),
        }
    }

    /// What is shown of a member's person; none, if it was erased.
    ///
    /// # Errors
    /// The vault is away.
    pub(in crate::api) async fn person(
        &self,
        member: MemberId,
        email: Option<&EmailAddress>,
        mask: Mask,
    ) -> Result<Option<Person>, Problem> {
        match self.vault.profiles.get(member).await {
            Ok(stored) => Ok(Some(Person::of(&stored.profile, email, mask))),
            Err(VaultError::Erased | VaultError::Missing(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{first, last, network};

    #[test]
    fn what_is_masked_shows_less_than_half() {
        assert_eq!(first("hanako01", 2), "ha***");
        assert_eq!(first("abcd", 2), "***");
        assert_eq!(first("門出花子", 1), "門***");
        assert_eq!(first("門出", 1), "***");
        assert_eq!(last("11111"), "***11");
        assert_eq!(last("1111"), "***");
    }

    #[test]
    fn of_an_address_the_network_is_left() {
        assert_eq!(network("203.0.113.9".parse().unwrap()), "203.0.113.*");
        assert_eq!(network("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1:*");
    }
}
