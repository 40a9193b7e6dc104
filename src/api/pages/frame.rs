//! What stands around every page: the society, the steps, the session's end, the language switch.

use jiff::Timestamp;

use super::assets;
use super::messages::{Notice, Trouble};
use super::words::{self, Text};
use crate::domain::values::Language;

/// Everything that all pages share. Each view holds one as `page`.
#[derive(Clone, Debug)]
pub struct Page {
    /// The language of this answer.
    pub language: Language,
    /// The path, and the query without `lang`, at which GET shows this page.
    pub path: String,
    /// The moment of this answer.
    pub now: Timestamp,
    /// Whom a member can ask.
    pub society: Society,
    /// All steps of this member, in order; empty on pages outside the flow.
    pub steps: Vec<Step>,
    /// What the signed-in member is called in the header (name or user ID); none without a session, and none
    /// before the one-time password.
    pub member: Option<String>,
    /// When the session ends; none without a session.
    pub session: Option<SessionEnd>,
    /// The secret that every form on this page carries against forged requests; empty where there is none.
    pub form_token: String,
    /// What has just happened, if it is worth a line.
    pub notice: Option<Notice>,
    /// What was wrong with the form just sent.
    pub troubles: Vec<Trouble>,
}

/// The society, as its members may reach it; texts in the language of the page.
#[derive(Clone, Debug)]
pub struct Society {
    /// Its full name.
    pub name: String,
    /// Its e-mail address for questions.
    pub email: String,
    /// Its telephone number, as people write it.
    pub telephone: String,
    /// The hours in which the telephone is answered.
    pub hours: String,
    /// Its postal address.
    pub address: String,
}

impl Society {
    /// The telephone number as a link (RFC 3966): digits and a leading plus alone.
    #[must_use]
    pub fn telephone_link(&self) -> String {
        let digits: String = self
            .telephone
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == '+')
            .collect();
        format!("tel:{digits}")
    }
}

/// One step of the progress list.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its number in the manual.
    pub number: u8,
    /// Its label, from [`words::step_label`].
    pub label: Text,
    /// Where the member stands with it.
    pub state: StepState,
}

/// Where a member stands with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Behind them.
    Done,
    /// The one to do now.
    Due,
    /// Still to come.
    Ahead,
}

/// The two moments at which a session ends by itself, whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct SessionEnd {
    /// The end if the member does nothing; any page they open moves it.
    pub idle_until: Timestamp,
    /// The end in any case.
    pub ends_at: Timestamp,
}

impl SessionEnd {
    /// The end that comes first.
    #[must_use]
    pub fn first(&self) -> Timestamp {
        self.idle_until.min(self.ends_at)
    }

    /// Whether opening a page moves the end that comes first.
    #[must_use]
    pub fn extendable(&self) -> bool {
        self.idle_until < self.ends_at
    }
}

impl Page {
    /// The text under `key`.
    #[must_use]
    pub fn t(&self, key: &str) -> Text {
        Text::of(self.language, key)
    }

    /// A moment with its date.
    #[must_use]
    pub fn date_and_time(&self, at: &Timestamp) -> String {
        words::date_and_time(self.language, *at)
    }

    /// A moment up to which something holds.
    #[must_use]
    pub fn until(&self, at: &Timestamp) -> String {
        words::until(self.language, *at, self.now)
    }

    /// A moment from which something may be done.
    #[must_use]
    pub fn from(&self, at: &Timestamp) -> String {
        words::from(self.language, *at, self.now)
    }

    /// Whole seconds from now to `at`, rounded up; 0 if that is past.
    #[must_use]
    pub fn seconds_to(&self, at: &Timestamp) -> i64 {
        let left = at.duration_since(self.now);
        let started_second = i64::from(left.subsec_nanos() > 0);
        (left.as_secs() + started_second).max(0)
    }

    /// Whole minutes from now to `at`, rounded to the nearest; 0 if that is past.
    #[must_use]
    pub fn minutes_to(&self, at: &Timestamp) -> i64 {
        (self.seconds_to(at) + 30) / 60
    }

    /// The step to do now; the last one when all are done.
    #[must_use]
    pub fn due(&self) -> Option<&Step> {
        let due = self.steps.iter().find(|step| step.state == StepState::Due);
        due.or_else(|| {
            self.steps
                .last()
                .filter(|step| step.state == StepState::Done)
        })
    }

    /// The first step after the one to do now.
    #[must_use]
    pub fn next(&self) -> Option<&Step> {
        self.steps
            .iter()
            .skip_while(|step| step.state != StepState::Due)
            .nth(1)
    }

    /// The number of the last step.
    #[must_use]
    pub fn last_number(&self) -> u8 {
        self.steps.last().map_or(0, |step| step.number)
    }

    /// What is wrong with the field of this name, if anything.
    #[must_use]
    pub fn trouble_with(&self, field: &str) -> Option<&Trouble> {
        self.troubles
            .iter()
            .find(|trouble| trouble.field() == Some(field))
    }

    /// The address of an asset, with its content's mark.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// The other language, to switch to.
    #[must_use]
    pub const fn other_language(&self) -> Language {
        match self.language {
            Language::Ja => Language::En,
            Language::En => Language::Ja,
        }
    }

    /// This page in the other language.
    #[must_use]
    pub fn other_language_link(&self) -> String {
        let mark = if self.path.contains('?') { '&' } else { '?' };
        format!("{}{mark}lang={}", self.path, self.other_language().tag())
    }
}
