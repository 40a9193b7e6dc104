//! The pages of the support desk: one struct a page, plain data in, HTML out.

use askama::Template;

use crate::api::audit::person::Person;
use crate::api::audit::views::{Choice, Row};
use crate::api::pages::words::Text;
use crate::api::rosters::views::RosterRow;
use crate::api::staff::views::{Desk, Told};

/// `/support/members/{member}`.
#[derive(Template)]
#[template(path = "support/member.html")]
pub struct MemberPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// The member's id.
    pub member: String,
    /// The member's cohort.
    pub cohort: String,
    /// Who that is, masked; none, if it was erased.
    pub person: Option<Person>,
    /// The steps, each with when it was done, or that it is due.
    pub steps: Vec<StepRow>,
    /// What has to be known first: a freeze, a waiting time, a password that is to change, an initial password that has expired.
    pub warnings: Vec<Text>,
    /// The limits that keep the member now.
    pub limits: Vec<LimitRow>,
    /// The last mails, newest first.
    pub mails: Vec<MailRow>,
    /// What is known of the address; none, if none was entered.
    pub email_state: Option<Text>,
    /// What waits for a second person.
    pub proposals: Vec<ProposalRow>,
    /// What can be done.
    pub offers: Vec<OfferForm>,
    /// What could be done once the member's identity is proven; empty, if nothing waits for that.
    pub wait_for_proof: Vec<Text>,
    /// The last that happened, newest first.
    pub rows: Vec<Row>,
}

/// One step of the way.
#[derive(Clone, Debug)]
pub struct StepRow {
    /// The manual's number.
    pub number: u8,
    /// Its name.
    pub label: Text,
    /// When it was done; none, if it was not.
    pub done: Option<String>,
    /// Whether it is due.
    pub is_due: bool,
}

/// A limit that keeps the member.
#[derive(Clone, Debug)]
pub struct LimitRow {
    /// What cannot be done.
    pub what: Text,
    /// From when it can be done again; none, where time alone does not bring it.
    pub opens: Option<Text>,
    /// What support and the member can do.
    pub help: Text,
}

/// A mail, and what came of it.
#[derive(Clone, Debug)]
pub struct MailRow {
    /// What it carried.
    pub kind: Text,
    /// When it was known what came of it.
    pub at: String,
    /// What came of it.
    pub outcome: Text,
    /// Whether that is worth a look.
    pub notable: bool,
    /// Why, the kind of domain, the server's code: as far as there are some.
    pub details: String,
}

/// A form for one intervention.
#[derive(Clone, Debug)]
pub struct OfferForm {
    /// Its name in the form.
    pub name: &'static str,
    /// What it is called.
    pub label: Text,
    /// What exactly it does.
    pub does: Text,
    /// The id of the proposal that it would make; none, if nobody has to approve it.
    pub proposal: Option<String>,
    /// Its reasons.
    pub reasons: Vec<Choice>,
    /// The ticket as it was typed, if this form was just sent and could not be taken.
    pub typed: Option<String>,
}

/// A proposal in a list.
#[derive(Clone)]
pub struct ProposalRow {
    /// The page on which it is decided.
    pub link: String,
    /// What is proposed.
    pub label: Text,
    /// Why.
    pub reason: Text,
    /// The ticket's number.
    pub ticket: String,
    /// Who proposed it.
    pub by: String,
    /// Until when it can be approved.
    pub until: String,
    /// Whose it is; none, where that is plain.
    pub whose: Option<Person>,
}

/// `/approvals`.
#[derive(Template)]
#[template(path = "support/approvals.html")]
pub struct ApprovalsPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// What waits.
    pub proposals: Vec<ProposalRow>,
    /// The roster that waits too, for whoever may open it.
    pub roster: Option<RosterRow>,
}

/// `/approvals/{member}/{proposal}`.
#[derive(Template)]
#[template(path = "support/approval.html")]
pub struct ApprovalPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// The proposal.
    pub proposal: ProposalRow,
    /// How the member stands: the step then and now, the address, whether use is stopped, the last proof of identity.
    pub standing: Vec<(Text, Text)>,
    /// The mark of that, which an approval repeats.
    pub seen: String,
    /// What exactly happens, if it is approved.
    pub does: Text,
    /// Whose it is, masked; none, if it was erased.
    pub person: Option<Person>,
    /// What became of it; none, while it can be decided.
    pub verdict: Option<Text>,
    /// Whether whoever looks proposed it: then they can only take it back.
    pub is_own: bool,
}

/// `/support/reminders`.
#[derive(Template)]
#[template(path = "support/reminders.html")]
pub struct RemindersPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// What the policy says; none, if no reminders go.
    pub rules: Option<Rules>,
    /// To how many members a reminder is due.
    pub total: u64,
    /// The same by step, stage and cohort.
    pub due: Vec<DueRow>,
    /// Days, and how many go then.
    pub to_go: Vec<(String, u64)>,
    /// What went.
    pub gone: Vec<GoneRow>,
    /// Who writes.
    pub society: String,
}

/// What the policy says of reminders, in words.
pub struct Rules {
    /// After how many days.
    pub stages: Text,
    /// At which hours.
    pub hours: Text,
    /// How many.
    pub budget: Text,
}

/// Members to whom a reminder is due.
pub struct DueRow {
    /// The step they have stopped at.
    pub step: Option<Text>,
    /// The stage.
    pub after_days: u32,
    /// The cohort.
    pub cohort: String,
    /// How many.
    pub members: u64,
}

/// What went on a day.
pub struct GoneRow {
    /// The day.
    pub day: String,
    /// How many were asked for, taken by the server, not delivered, and not wanted any more.
    pub numbers: [i64; 4],
}
