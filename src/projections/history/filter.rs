//! Which events are looked for, and how a database finds them: never by reading through what does not match.

use super::kinds::{KINDS, OF_ACCOUNTS, Outcome, outcome_of};
use super::search::Page;
use super::{account_of, actor_of, concerned, subject};
use crate::domain::ids::{MemberId, StaffId};
use crate::subscription::Recorded;

/// The kinds of actors.
pub const ACTORS: [&str; 3] = ["member", "staff", "system"];

/// The same, and what the history says where an event tells none.
const ANY_ACTOR: [&str; 4] = ["member", "staff", "system", super::NO_ACTOR];

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mail {
    /// The mail server took it.
    Accepted,
    /// It could not be delivered.
    Failed,
    /// It was no longer wanted.
    Skipped,
}

impl Mail {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Failed, Self::Skipped];

    /// The name that programs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// The type of the events that say so.
    #[must_use]
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Accepted => "MailAccepted",
            Self::Failed => "MailFailed",
            Self::Skipped => "MailSkipped",
        }
    }
}

/// What events are looked for; what is none asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those about this member.
    pub member: Option<MemberId>,
    /// Those of this type.
    pub event_type: Option<String>,
    /// Those that say that of a mail.
    pub mail: Option<Mail>,
    /// Those that went so.
    pub outcome: Option<Outcome>,
    /// Those about members of this cohort.
    pub cohort: Option<String>,
    /// Those of this kind of actor.
    pub actor: Option<String>,
    /// Those of this account of staff.
    pub account: Option<StaffId>,
    /// Those that happened to this account of staff, whoever gave them.
    pub about: Option<StaffId>,
}

/// A column, and what it has to hold.
type Condition = (&'static str, String);

/// A statement whose first three parameters are the bounds of the page and its size, and what follows them.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<String>,
}

impl Filter {
    /// The types that it leaves; none, if it leaves all. What became of a mail is a type, and so is what did not go well, and what happens to
    /// accounts. What went well is most of what there is, and the newest page of it is found at once. What staff did in a cohort is among what
    /// they did in all, row by row (measured: 0.9 s, where those rows lie on a disk), so it is asked for type by type.
    fn types(&self) -> Option<Vec<&'static str>> {
        let is_rare = self.outcome.is_some_and(|it| it != Outcome::Done);
        let any = self.event_type.is_none() && self.mail.is_none() && self.about.is_none();
        let is_staffs = self.actor.as_deref() == Some("staff") && self.cohort.is_some();
        if any && !is_rare && !is_staffs {
            return None;
        }
        let leaves = |(name, outcome): &&(&str, Outcome)| {
            self.event_type.as_deref().is_none_or(|it| it == *name)
                && self.mail.is_none_or(|it| it.event_type() == *name)
                && self.outcome.is_none_or(|it| it == *outcome)
                && (self.about.is_none() || OF_ACCOUNTS.contains(name))
        };
        Some(KINDS.iter().filter(leaves).map(|(name, _)| *name).collect())
    }

    /// Whether an event is one of them, as far as the event itself tells: its member's cohort it does not.
    #[must_use]
    pub fn admits(&self, event: &Recorded) -> bool {
        let has = |asked: Option<String>, told: Option<&str>| {
            asked.is_none_or(|asked| told == Some(asked.as_str()))
        };
        let types = self.types();
        let outcome = outcome_of(&event.event_type);
        types.is_none_or(|types| types.contains(&event.event_type.as_str()))
            && self.outcome.is_none_or(|it| it == outcome)
            && has(self.actor.clone(), Some(actor_of(event)))
            && has(self.account.map(|it| it.to_string()), account_of(event))
            && self.member.is_none_or(|it| subject(event) == Some(it))
            && self.about.is_none_or(|it| concerned(event) == Some(it))
    }

    /// How what is looked for is found; none, if there cannot be any.
    pub(super) fn statement(&self, page: Page) -> Option<Statement> {
        let types = self.types();
        if types.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let is_of_few = self.member.is_some() || self.account.is_some();
        Some(match types {
            Some(types) if !is_of_few => Statement::of_keys(&self.keys(&types), page),
            types => Statement::of_rows(&self.conditions(), &types.unwrap_or_default(), page),
        })
    }

    /// The beginnings of an index under which all of those types are, and nothing else; of what happened to an account, also whose it is,
    /// which no index has: what happens to accounts is little enough to read all of it.
    fn keys(&self, types: &[&str]) -> Vec<Vec<Condition>> {
        let actors = match &self.actor {
            Some(actor) => vec![actor.as_str()],
            None => ANY_ACTOR.to_vec(),
        };
        let key = |event_type: &str, actor: &str| -> Vec<Condition> {
            let event_type = Some(("event_type", event_type.to_owned()));
            let cohort = self.cohort.clone().map(|cohort| ("cohort", cohort));
            let actor = Some(("actor", actor.to_owned()));
            let about = self.about.map(|about| ("stream_id", about.to_string()));
            [event_type, cohort, actor, about]
                .into_iter()
                .flatten()
                .collect()
        };
        types
            .iter()
            .flat_map(|event_type| actors.iter().map(move |actor| key(event_type, actor)))
            .collect()
    }

    /// The conditions but for types, the one that leaves fewest rows first. Of the actors, staff do least; what the program does is about
    /// as much of every cohort, and what members do is most of all.
    fn conditions(&self) -> Vec<Condition> {
        let actor = |is_rare: bool| {
            let actor = self.actor.clone();
            actor.filter(|actor| (actor == "staff") == is_rare)
        };
        let done = self.outcome.filter(|it| *it == Outcome::Done);
        [
            ("member_id", self.member.map(|member| member.to_string())),
            ("actor_id", self.account.map(|account| account.to_string())),
            ("actor", actor(true)),
            ("cohort", self.cohort.clone()),
            ("actor", actor(false)),
            ("outcome", done.map(|it| it.name().to_owned())),
            ("stream_id", self.about.map(|about| about.to_string())),
        ]
        .into_iter()
        .filter_map(|(column, value)| Some((column, value?)))
        .collect()
    }
}

/// What is read of a row.
const COLUMNS: &str = "position, recorded_at, event_type, event_version, stream_kind, stream_id, sequence, cohort, member_id, \
     payload, metadata";

/// The order of some indexes alone: asked for it, PostgreSQL cannot go through all positions instead (measured: it did).
const OWN_ORDER: &str = "position + 0";

impl Statement {
    /// Reads rows by the first condition. Only that one may use its index: a database that chose another's could read half the table for a
    /// handful of rows.
    fn of_rows(conditions: &[Condition], types: &[&str], page: Page) -> Self {
        // PostgreSQL would go through all positions for a rare actor too.
        let is_rare_actor = |it: &Condition| it.0 == "actor" && it.1 != "member";
        let place = if conditions.first().is_some_and(is_rare_actor) {
            OWN_ORDER
        } else {
            "position"
        };
        let mut parts = vec![format!("{place} > $1 AND {place} <= $2")];
        for (at, (column, value)) in conditions.iter().enumerate() {
            // Only by these words does a database see that a part of an index has them all. What is frequent has none.
            let with_index = match *column {
                _ if at > 0 => None,
                "member_id" | "cohort" => Some(""),
                "actor_id" => Some("actor_id IS NOT NULL AND "),
                "actor" if value != "member" => Some("actor <> 'member' AND "),
                _ => None,
            };
            let number = at + 4;
            parts.push(match with_index {
                Some(among) => format!("{among}{column} = ${number}"),
                None => format!("{column} || '' = ${number}"),
            });
        }
        if !types.is_empty() {
            let places: Vec<String> = (conditions.len() + 4..)
                .take(types.len())
                .map(|at| format!("${at}"))
                .collect();
            parts.push(format!("event_type || '' IN ({})", places.join(", ")));
        }
        let types = types.iter().map(|name| (*name).to_owned());
        let values = conditions.iter().map(|(_, value)| value.clone());
        let values = values.chain(types).collect();
        let (conditions, order) = (parts.join(" AND "), order(page));
        Self {
            sql: format!(
                "SELECT {COLUMNS} FROM history WHERE {conditions} ORDER BY {place} {order} LIMIT $3"
            ),
            values,
        }
    }

    /// Finds positions under each key first, in the indexes alone, and reads the rows of those that come first of all.
    fn of_keys(keys: &[Vec<Condition>], page: Page) -> Self {
        let order = order(page);
        let mut values = Vec::new();
        let mut parts = Vec::with_capacity(keys.len());
        for (number, key) in keys.iter().enumerate() {
            let first = values.len() + 4;
            values.extend(key.iter().map(|(_, value)| value.clone()));
            let conditions: Vec<String> = (first..)
                .zip(key)
                .map(|(at, (column, _))| format!("{column} = ${at}"))
                .collect();
            let conditions = conditions.join(" AND ");
            let place = OWN_ORDER;
            parts.push(format!(
                "SELECT position FROM (SELECT position FROM history WHERE {conditions} AND {place} > $1 AND {place} <= $2 \
                 ORDER BY {place} {order} LIMIT $3) AS part{number}"
            ));
        }
        let list = parts.join(" UNION ALL ");
        let sql = format!(
            "SELECT {COLUMNS} FROM history WHERE position IN ({list} ORDER BY position {order} LIMIT $3) ORDER BY position {order}"
        );
        Self { sql, values }
    }
}

const fn order(page: Page) -> &'static str {
    match page {
        Page::Forward(..) => "ASC",
        Page::Backward(..) => "DESC",
    }
}

#[cfg(test)]
mod tests;
