//! What reports are made of: numbers of things that happened, by day of Tokyo's calendar, which add up to what holds at a day's end.

use std::collections::BTreeMap;

use jiff::civil::Date;

/// What is counted. `of` of a [`Key`] says which of them, in the order told here.
///
/// Days are those on which events were recorded. The step that a member is at is the one that is due, whatever became of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Events: type, outcome.
    Events,
    /// Members taken from rosters: month of joining.
    Enrolled,
    /// The same, by day: import.
    Imported,
    /// Members in a state, less those who left it: state, end of the initial password (empty where that no longer matters: there is a
    /// password of the member's own, or the member has come to the end or is frozen).
    InState,
    /// Members for whom a step became due for the first time: step.
    Entered,
    /// Members who did a step for the first time: step. Step 11 is done by any end of a session once the member has a password of their
    /// own.
    Done,
    /// The same of no cohort: step, month of joining.
    DoneByJoined,
    /// Members who reached the end, by day.
    Completed,
    /// Members who wait at a step, less those who went on, came to the end or were frozen: step, day since which. Another address begins
    /// the wait for its link anew.
    Waiting,
    /// How long a step took that was done for the first time, since the member last came to it: step, seconds. Steps 10 and 15 take no
    /// time, since they are done with those before them.
    Dwell,
    /// How long all took, of those who reached the end: since what (`first_sign_in`, or `valid_from`, the first moment of the initial
    /// password), seconds.
    Took,
    /// The same since `valid_from`, of no cohort: whole days, rounded up; month of joining.
    TookByJoined,
    /// Tries at a step that came to nothing: step that the member was at, type of event.
    Stumbled,
    /// Tries that came to nothing, by day: type of event, or `Refused` for those that only a tally tells of; why.
    Failed,
    /// Members with such tries, by day, each once a day and type: type of event, whatever was wrong.
    Failing,
    /// Accounts that were frozen, by day: type of event.
    Frozen,
    /// Mails: kind, class of the domain, what became of them.
    Mails,
    /// How long mails took that the server accepted, since the member had last asked for one of that kind: kind, class of the domain,
    /// seconds.
    MailTook,
    /// Links and codes: kind, what became of them: `issued`; `reissued`, also where the same code was sent again; `used`, once for all
    /// that were sent since the last use; `wrong`, a try; `disowned`.
    Codes,
    /// How long until they were used, since one of that kind was last asked for: kind, seconds.
    CodeTook,
    /// What happened to accounts of staff, by day: account, type of event.
    Staff,
    /// What staff looked at, by day: account, view, purpose or how.
    Viewed,
    /// What staff did for members, or proposed, by day: intervention, reason, type of event.
    Interventions,
    /// What was done with keys and backups, and whose keys were destroyed, by day: type of event.
    Custody,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Events,
        Self::Enrolled,
        Self::Imported,
        Self::InState,
        Self::Entered,
        Self::Done,
        Self::DoneByJoined,
        Self::Completed,
        Self::Waiting,
        Self::Dwell,
        Self::Took,
        Self::TookByJoined,
        Self::Stumbled,
        Self::Failed,
        Self::Failing,
        Self::Frozen,
        Self::Mails,
        Self::MailTook,
        Self::Codes,
        Self::CodeTook,
        Self::Staff,
        Self::Viewed,
        Self::Interventions,
        Self::Custody,
    ];

    /// The name that tables hold.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Enrolled => "enrolled",
            Self::Imported => "imported",
            Self::InState => "in_state",
            Self::Entered => "entered",
            Self::Done => "done",
            Self::DoneByJoined => "done_by_joined",
            Self::Completed => "completed",
            Self::Waiting => "waiting",
            Self::Dwell => "dwell",
            Self::Took => "took",
            Self::TookByJoined => "took_by_joined",
            Self::Stumbled => "stumbled",
            Self::Failed => "failed",
            Self::Failing => "failing",
            Self::Frozen => "frozen",
            Self::Mails => "mails",
            Self::MailTook => "mail_took",
            Self::Codes => "codes",
            Self::CodeTook => "code_took",
            Self::Staff => "staff",
            Self::Viewed => "viewed",
            Self::Interventions => "interventions",
            Self::Custody => "custody",
        }
    }

    /// The topic of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// Whether reports tell cohorts apart. What they do not need is not kept apart: every day has a row for each that occurred.
    const fn by_cohort(self) -> bool {
        !matches!(
            self,
            Self::Events
                | Self::DoneByJoined
                | Self::Dwell
                | Self::TookByJoined
                | Self::MailTook
                | Self::CodeTook
                | Self::Interventions
                | Self::Custody
        )
    }

    /// Whether reports tell the days apart.
    #[must_use]
    pub const fn by_day(self) -> bool {
        matches!(
            self,
            Self::Imported
                | Self::Completed
                | Self::Failed
                | Self::Failing
                | Self::Frozen
                | Self::Staff
                | Self::Viewed
                | Self::Interventions
                | Self::Custody
        )
    }
}

/// Which things are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What.
    pub topic: Topic,
    /// The cohort of the member it is about; empty, if it is about none, or the topic does not tell cohorts apart.
    pub cohort: String,
    /// Which of them; what a topic does not have is empty.
    pub of: [String; 3],
}

/// How many more of them there are, or fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Of what.
    pub key: Key,
    /// How many.
    pub number: i64,
}

impl Count {
    /// One more, or so many.
    pub(super) fn new(topic: Topic, cohort: &str, of: [&str; 3], number: i64) -> Self {
        Self {
            key: Key {
                topic,
                cohort: if topic.by_cohort() { cohort } else { "" }.to_owned(),
                of: of.map(str::to_owned),
            },
            number,
        }
    }
}

/// Added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<(Key, Option<Date>), i64>);

impl Counts {
    /// Adds what a day brought.
    pub fn add(&mut self, day: Date, count: Count) {
        let day = count.key.topic.by_day().then_some(day);
        let sum = self.0.entry((count.key, day)).or_default();
        *sum = sum.saturating_add(count.number);
    }

    /// All of a topic, without what adds up to nothing.
    pub(super) fn of(&self, topic: Topic) -> impl Iterator<Item = (&Key, i64)> {
        self.by_day(topic).map(|(_, key, number)| (key, number))
    }

    /// The same with the days, where the topic tells them apart; else in one day that is none.
    pub(super) fn by_day(&self, topic: Topic) -> impl Iterator<Item = (Date, &Key, i64)> {
        let least = Key {
            topic,
            cohort: String::new(),
            of: Default::default(),
        };
        self.0
            .range((least, None)..)
            .take_while(move |((key, _), _)| key.topic == topic)
            .filter(|(_, number)| **number != 0)
            .map(|((key, day), number)| (day.unwrap_or_default(), key, *number))
    }
}
