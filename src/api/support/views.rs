//! The pages of the support desk: one struct a page, plain data in, HTML out.

use askama::Template;

use crate::api::audit::person::Person;
use crate::api::audit::views::{Choice, Row};
use crate::api::pages::words::Text;
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
    /// What is known of the address; none, if none was entered.
    pub email_state: Option<Text>,
    /// What waits for a second person.
    pub proposals: Vec<ProposalRow>,
    /// What can be done.
    pub offers: Vec<OfferForm>,
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
}

/// `/approvals/{member}/{proposal}`.
#[derive(Template)]
#[template(path = "support/approval.html")]
pub struct ApprovalPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// The proposal.
    pub proposal: ProposalRow,
    /// Where the member stands now.
    pub standing: Text,
    /// What exactly happens, if it is approved.
    pub does: Text,
    /// Whose it is, masked; none, if it was erased.
    pub person: Option<Person>,
    /// What became of it; none, while it can be decided.
    pub verdict: Option<Text>,
    /// Whether whoever looks proposed it: then they can only take it back.
    pub is_own: bool,
}
