//! Who of the staff looked at what of the history: one event a view that was opened, never one a row.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ids::{MemberId, StaffId, TokenId};

/// The pages of an export, each of which begins where the one before ended, follow each other within this time; beyond it, whoever asks for
/// the next begins another. Judgement: else a program that asks every few seconds for what is new would grow the log by asking, and then
/// find its own question.
pub const EXPORT_GOES_ON: SignedDuration = SignedDuration::from_mins(10);

/// The views of one day, stream `audit-{Tokyo date}`: a stream of its own, since what is looked at is no matter of one account's rules, and of
/// a day, so that it stays short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewings {
    /// The exports of before their events told where they began, which may still go on.
    exports: Vec<Look>,
}

/// What was looked at, by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Who of the staff.
    pub viewer: StaffId,
    /// With which token; none in a session.
    pub token: Option<TokenId>,
    /// What was opened.
    pub view: View,
    /// Whose data; none, if no single member's.
    pub member: Option<MemberId>,
    /// What for, where personal data were shown.
    pub purpose: Option<Purpose>,
    /// Which part: moments, types, a cohort, by which field a member was looked for; never a personal datum.
    pub part: Option<String>,
    /// Behind which position an export began; none for all else, and for exports of before this was told, whose pages were one look
    /// wherever they began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// When.
    pub at: Timestamp,
}

/// What can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Which members have an ID, a number, a GID. Before the last two had names of their own, they were told as this one.
    MemberSearch,
    /// One member's history, personal data masked.
    MemberHistory,
    /// The same with the personal data.
    MemberData,
    /// A page of the list of events.
    EventList,
    /// Events for another program.
    Export,
    /// Events as they happen, for another program.
    Stream,
    /// A report, on a page or as a file.
    Report,
    /// What waits for a second person, with the members it is about, masked.
    Approvals,
    /// What a roster would do, member by member.
    Rosters,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::MemberSearch,
        Self::MemberHistory,
        Self::MemberData,
        Self::EventList,
        Self::Export,
        Self::Stream,
        Self::Report,
        Self::Approvals,
        Self::Rosters,
    ];

    /// The name that events hold.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemberSearch => "member_search",
            Self::MemberHistory => "member_history",
            Self::MemberData => "member_data",
            Self::EventList => "event_list",
            Self::Export => "export",
            Self::Stream => "stream",
            Self::Report => "report",
            Self::Approvals => "approvals",
            Self::Rosters => "rosters",
        }
    }
}

/// What personal data may be looked at for. A fixed list: what somebody types could hold the very data that the log must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The member asked.
    MemberRequest,
    /// Something may have gone wrong, or somebody may have got in.
    Incident,
    /// A review that is done regularly.
    Review,
    /// A law asks for it.
    Legal,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::MemberRequest,
        Self::Incident,
        Self::Review,
        Self::Legal,
    ];

    /// The name that forms and programs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemberRequest => "member_request",
            Self::Incident => "incident",
            Self::Review => "review",
            Self::Legal => "legal",
        }
    }

    /// The purpose of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}

/// A fact about a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ViewingEvent {
    /// Somebody of the staff opened it.
    AuditDataViewed {
        /// What, and who.
        #[serde(flatten)]
        look: Look,
    },
}

impl DomainEvent for ViewingEvent {
    fn event_type(&self) -> String {
        "AuditDataViewed".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Viewings {
    /// Whether the rules make these events of the looks before: each view is noted once.
    #[must_use]
    pub fn yields(&self, events: &[ViewingEvent]) -> bool {
        matches!(events, [ViewingEvent::AuditDataViewed { look }] if !self.goes_on(look))
    }

    /// Whether a look is one more page of an export that has its event, as was judged before events told where an export began. Since then,
    /// whoever shows a page knows where the last one ended, and gives no command for the next.
    fn goes_on(&self, look: &Look) -> bool {
        look.view == View::Export
            && look.after.is_none()
            && self.exports.iter().any(|export| {
                (export.viewer, export.token, &export.part) == (look.viewer, look.token, &look.part)
                    && look.at.duration_since(export.at) < EXPORT_GOES_ON
            })
    }
}

impl Aggregate for Viewings {
    const TYPE: &'static str = "audit";
    type Command = Look;
    type Event = ViewingEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        look: Look,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        if !self.goes_on(&look) {
            sink.write(ViewingEvent::AuditDataViewed { look }, self)
                .await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ViewingEvent) {
        let ViewingEvent::AuditDataViewed { look } = event;
        if look.view == View::Export && look.after.is_none() {
            self.exports
                .retain(|export| look.at.duration_since(export.at) < EXPORT_GOES_ON);
            self.exports.push(look);
        }
    }
}

#[cfg(test)]
mod tests;
