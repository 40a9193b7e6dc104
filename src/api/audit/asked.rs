//! What is asked for in an address: filters, moments and cursors, never a personal datum.

use jiff::Timestamp;
use serde::Deserialize;

use super::looks::Showing;
use super::moment;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::staff::{StaffIn, rights};
use crate::domain::viewing::View;
use crate::projections::Position;
use crate::projections::history::kinds::{KINDS, Outcome};
use crate::projections::history::search::{
    ACTORS, Filter, Mail, cohorts as cohorts_of_members, position_at,
};

/// Events in one answer to a program, at most and unless it says otherwise.
const MOST: i64 = 1000;

/// What is asked for; a field that is empty or left out asks for nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// The type of events.
    #[serde(rename = "type")]
    pub event_type: String,
    /// How they went.
    pub outcome: String,
    /// What became of a mail.
    pub mail: String,
    /// The kind of actor.
    pub actor: String,
    /// The account of staff that acted, by its id.
    pub actor_id: String,
    /// The account of staff that they happened to, by its id.
    pub about: String,
    /// The member they are about, by the id that lists show.
    pub member: String,
    /// The cohort of the members they are about.
    pub cohort: String,
    /// The beginning of the period.
    pub from: String,
    /// Its end.
    pub until: String,
    /// Only events after this position.
    pub after: String,
    /// Only events before this position.
    pub before: String,
    /// At most so many.
    pub limit: String,
}

/// The same, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) filter: Filter,
    pub(super) from: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) after: Position,
    pub(super) before: Option<Position>,
    pub(super) limit: i64,
}

impl Asked {
    /// The same, read; a cohort has to be one of `cohorts`: what is asked for stands in the event of the view, and nothing but a name may get
    /// there.
    pub(super) fn read(&self, cohorts: &[String]) -> Result<Wanted, Problem> {
        let event_type = text(&self.event_type);
        if let Some(name) = event_type
            && !KINDS.iter().any(|(known, _)| *known == name)
        {
            return Err(unknown("type"));
        }
        let outcome = one("outcome", &self.outcome, |name| {
            Outcome::ALL.into_iter().find(|it| it.name() == name)
        })?;
        let mail = one("mail", &self.mail, |name| {
            Mail::ALL.into_iter().find(|it| it.name() == name)
        })?;
        let actor = text(&self.actor);
        if actor.is_some_and(|actor| !ACTORS.contains(&actor)) {
            return Err(unknown("actor"));
        }
        let limit = number("limit", &self.limit)?.unwrap_or(MOST);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::Invalid {
                field: "limit",
                why: "out_of_range",
            });
        }
        Ok(Wanted {
            filter: Filter {
                member: one("member", &self.member, |id| id.parse().ok())?,
                event_type: event_type.map(str::to_owned),
                mail,
                outcome,
                cohort: one("cohort", &self.cohort, |name| {
                    cohorts.iter().find(|it| *it == name).cloned()
                })?,
                actor: actor.map(str::to_owned),
                account: one("actor_id", &self.actor_id, |id| id.parse().ok())?,
                about: one("about", &self.about, |id| id.parse().ok())?,
            },
            from: moment("from", &self.from, moment::start_of)?,
            until: moment("until", &self.until, moment::end_of)?,
            after: number("after", &self.after)?.unwrap_or(0),
            before: number("before", &self.before)?,
            limit,
        })
    }

    /// The filters as they stand in an address, without cursors.
    pub(super) fn filters(&self) -> Vec<(&'static str, &str)> {
        [
            ("type", &self.event_type),
            ("outcome", &self.outcome),
            ("mail", &self.mail),
            ("actor", &self.actor),
            ("actor_id", &self.actor_id),
            ("about", &self.about),
            ("member", &self.member),
            ("cohort", &self.cohort),
            ("from", &self.from),
            ("until", &self.until),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, text(value)?)))
        .collect()
    }
}

impl Wanted {
    /// Whether all events are asked for.
    pub(super) fn is_all(&self) -> bool {
        self.filter == Filter::default() && self.from.is_none() && self.until.is_none()
    }

    /// Which part of the history that is, for the event of the view, which names the member by itself.
    fn part(&self) -> Option<String> {
        let filter = &self.filter;
        let parts: Vec<String> = [
            ("type", filter.event_type.clone()),
            ("outcome", filter.outcome.map(|it| it.name().to_owned())),
            ("mail", filter.mail.map(|it| it.name().to_owned())),
            ("actor", filter.actor.clone()),
            ("actor_id", filter.account.map(|it| it.to_string())),
            ("about", filter.about.map(|it| it.to_string())),
            ("cohort", filter.cohort.as_deref().map(apart)),
            ("from", self.from.map(|moment| moment.to_string())),
            ("until", self.until.map(|moment| moment.to_string())),
            ("before", self.before.map(|position| position.to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
        .collect();
        (!parts.is_empty()).then(|| parts.join("&"))
    }

    /// What is about to be shown of it.
    pub(super) fn showing(&self, view: View) -> Showing {
        Showing {
            member: self.filter.member,
            ..Showing::of(view, self.part())
        }
    }

    /// The positions between which the period lies: after the first, up to the second.
    pub(super) async fn bounds(&self, api: &Api) -> Result<(Position, Position), Problem> {
        let from = match self.from {
            Some(from) => {
                let before = from.checked_sub(jiff::SignedDuration::from_micros(1));
                position_at(&api.read, before.unwrap_or(Timestamp::MIN)).await?
            }
            None => 0,
        };
        let until = match self.until {
            Some(until) => position_at(&api.read, until).await?,
            None => Position::MAX,
        };
        Ok((from, until))
    }
}

impl Api {
    /// Whether whoever asks may open members' histories, and so see from where single events came.
    ///
    /// # Errors
    /// [`Problem::Forbidden`]: they may not, and ask for one member's events. [`Problem::UnknownMember`]: that is nobody's id. Or a store
    /// is away.
    pub(super) async fn opens(&self, who: &StaffIn, wanted: &Wanted) -> Result<bool, Problem> {
        let opens = self.may_open(who, rights::MEMBER_HISTORY).await?;
        let Some(member) = wanted.filter.member else {
            return Ok(opens);
        };
        if !opens {
            self.tallies.count(Problem::Forbidden.name());
            return Err(Problem::Forbidden);
        }
        let known = self.statuses.of(member).await?;
        known.map(|_| opens).ok_or(Problem::UnknownMember)
    }

    /// The cohorts that may be asked for: those of the policy in force, and those that members were enrolled in under others.
    ///
    /// # Errors
    /// The read models lag, or the database is away.
    pub(super) async fn cohorts(&self) -> Result<Vec<String>, Problem> {
        self.shows_everything().await?;
        let present = self.policy.cohorts.iter().map(|cohort| cohort.name.clone());
        let mut cohorts: Vec<String> = present.collect();
        for past in cohorts_of_members(&self.read).await? {
            if self.policy.cohort(&past).is_none() {
                cohorts.push(past);
            }
        }
        Ok(cohorts)
    }

    /// Waits for the read models. A history that is cut short because they lag must not pass for a whole one.
    ///
    /// # Errors
    /// [`Problem::Busy`]: they lag, as they do while they are filled anew.
    pub(in crate::api) async fn shows_everything(&self) -> Result<(), Problem> {
        if self.statuses.caught_up().await {
            Ok(())
        } else {
            Err(Problem::Busy)
        }
    }
}

/// A field that says something.
pub(in crate::api) fn text(field: &str) -> Option<&str> {
    Some(field.trim()).filter(|text| !text.is_empty())
}

/// A name as a part of a look holds it, which `&` divides.
fn apart(name: &str) -> String {
    name.replace('%', "%25").replace('&', "%26")
}

/// What a field names, if it says something.
fn one<T>(
    field: &'static str,
    typed: &str,
    named: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    text(typed)
        .map(|name| named(name).ok_or(unknown(field)))
        .transpose()
}

pub(in crate::api) fn moment(
    field: &'static str,
    typed: &str,
    read: impl Fn(&str) -> Option<Timestamp>,
) -> Result<Option<Timestamp>, Problem> {
    let wrong = Problem::Invalid {
        field,
        why: "not_a_moment",
    };
    text(typed)
        .map(|typed| read(typed).ok_or(wrong))
        .transpose()
}

pub(in crate::api) fn number(field: &'static str, typed: &str) -> Result<Option<i64>, Problem> {
    let wrong = Problem::Invalid {
        field,
        why: "not_a_number",
    };
    let number = text(typed).map(|typed| typed.parse().ok().filter(|number| *number >= 0));
    number.map(|number| number.ok_or(wrong)).transpose()
}

pub(super) fn cursor(field: &'static str, typed: &str) -> Result<Option<Position>, Problem> {
    number(field, typed)
}

pub(in crate::api) const fn unknown(field: &'static str) -> Problem {
    Problem::Invalid {
        field,
        why: "unknown",
    }
}
