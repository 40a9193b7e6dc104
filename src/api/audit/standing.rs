//! How a member stood at a moment, field by field, so that two moments can be compared.

use jiff::Timestamp;

use super::person::Mask;
use crate::api::pages::words::{Text, step_label, to_the_second};
use crate::domain::email::EmailAddress;
use crate::domain::onboarding::{Contact, CredentialInForce, Onboarding, OtpMethod, SessionKind};
use crate::domain::policy::PolicyVersion;
use crate::domain::values::Language;
use crate::projections::status::MemberStatus;

/// What a field says of how a member stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    /// A name of a fixed list.
    Name(&'static str),
    /// Some of them.
    Names(Vec<&'static str>),
    Text(String),
    Moment(Timestamp),
}

/// One field at one moment.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) told: Told,
    /// Which one it is, where another could look the same.
    pub(super) which: Option<String>,
}

impl Field {
    fn new(name: &'static str, told: impl Into<Told>) -> Self {
        Self {
            name,
            told: told.into(),
            which: None,
        }
    }

    fn which(self, which: Option<impl ToString>) -> Self {
        Self {
            which: which.map(|which| which.to_string()),
            ..self
        }
    }
}

impl From<&'static str> for Told {
    fn from(name: &'static str) -> Self {
        Self::Name(name)
    }
}

impl From<Vec<&'static str>> for Told {
    fn from(names: Vec<&'static str>) -> Self {
        Self::Names(names)
    }
}

impl From<String> for Told {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Timestamp> for Told {
    fn from(at: Timestamp) -> Self {
        Self::Moment(at)
    }
}

impl<T: Into<Self>> From<Option<T>> for Told {
    fn from(told: Option<T>) -> Self {
        told.map_or(Self::Nothing, Into::into)
    }
}

impl Told {
    /// As programs read it.
    pub(super) fn plain(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Name(name) => Some(name.to_owned()),
            Self::Names(names) => Some(names.join(" ")),
            Self::Text(text) => Some(text),
            Self::Moment(at) => Some(at.to_string()),
        }
    }

    /// As people read it.
    pub(super) fn text(&self, language: Language, field: &str) -> String {
        let word = |name: &'static str| {
            let list = match field {
                "step" | "reminder_step" => return step_label(language, name),
                "proposals" => "intervention".to_owned(),
                field => format!("stood.{field}"),
            };
            Text::find(language, &format!("{list}.{name}"))
        };
        let word = |name| word(name).unwrap_or_else(|| Text::plain(name)).to_string();
        match self {
            Self::Nothing => Text::of(language, "audit.none").to_string(),
            Self::Name(name) => word(name),
            Self::Names(names) => {
                let words: Vec<_> = names.iter().map(|name| word(name)).collect();
                words.join(", ")
            }
            Self::Text(text) => text.clone(),
            Self::Moment(at) => to_the_second(language, *at),
        }
    }
}

/// How far an address has come.
const fn progress(contact: &Contact, verified: &'static str) -> &'static str {
    match (contact.verified, contact.followed) {
        (true, _) => verified,
        (false, true) => "followed",
        (false, false) => "registered",
    }
}

const fn frozen(state: &Onboarding) -> &'static str {
    // That a proof was recorded; whether it counts still depends on the policy and the hour.
    match (
        state.frozen,
        state.not_me_reported,
        state.proofing.is_some(),
    ) {
        (false, _, _) => "no",
        (true, false, _) => "by_staff",
        (true, true, false) => "reported",
        (true, true, true) => "proven",
    }
}

const fn membership(state: &Onboarding) -> &'static str {
    match (state.erased, state.left) {
        (true, _) => "erased",
        (false, true) => "left",
        (false, false) => "member",
    }
}

const fn kind(session: SessionKind) -> &'static str {
    match session {
        SessionKind::Onboarding => "onboarding",
        SessionKind::OtpPending => "otp_pending",
        SessionKind::Full => "full",
    }
}

const fn method(method: OtpMethod) -> &'static str {
    match method {
        OtpMethod::Email => "email",
    }
}

/// An address, and whether it is the same as at the other moment; it cannot be read, if the member was erased since.
fn address(
    name: &'static str,
    contact: Option<&Contact>,
    read: Option<&EmailAddress>,
    mask: Mask,
) -> Field {
    let Some(read) = read else {
        let field = Field::new(name, contact.map(|_| "erased"));
        return field.which(contact.map(|it| it.id));
    };
    let shown = match mask {
        Mask::On => read.masked(),
        Mask::Off => read.as_str().to_owned(),
    };
    Field::new(name, shown).which(Some(read.as_str()))
}

/// How a member stood at `at`, with the present address and the coming one; the same fields of whatever member.
pub(super) fn fields(
    status: &MemberStatus,
    at: Timestamp,
    addresses: &[Option<EmailAddress>; 2],
    mask: Mask,
) -> Vec<Field> {
    let state = &status.state;
    let enrolment = state.enrolment.as_ref();
    let (contact, coming) = (state.contact.as_ref(), state.coming.as_ref());
    let (password, which_password) = match state.credential_in_force() {
        CredentialInForce::Initial(issue) => ("initial", issue.to_string()),
        CredentialInForce::Own(credential) => ("own", credential.to_string()),
    };
    let new_password = state.coming_password;
    let session = state.session.as_ref();
    let open = || state.proposals.iter().filter(|it| it.is_open(at));
    let proposals: Vec<_> = open().map(|it| it.intervention.name()).collect();
    let which_proposals: Vec<_> = open().map(|it| it.id.to_string()).collect();
    let some = Some(proposals).filter(|proposals| !proposals.is_empty());
    let reminded = state.reminded;
    vec![
        Field::new("step", state.due().name()),
        Field::new("at_step_since", status.since),
        Field::new("cohort", enrolment.map(|it| it.cohort.clone())),
        Field::new("policy", enrolment.map(|it| version(&it.policy))),
        Field::new("letter", (state.reissues + 1).to_string()),
        Field::new("letter_until", enrolment.map(|it| it.expires_at)),
        Field::new("email", contact.map(|it| progress(it, "verified"))),
        address("address", contact, addresses[0].as_ref(), mask),
        Field::new("email_change", coming.map(|it| progress(it, "pending"))),
        address("new_address", coming, addresses[1].as_ref(), mask),
        Field::new("new_address_from", coming.map(|it| it.counts_from)),
        Field::new("otp_method", state.otp_method.map(method)),
        Field::new("password", password).which(Some(which_password)),
        Field::new(
            "new_password_from",
            new_password.map(|it| it.reset.counts_from),
        )
        .which(new_password.map(|it| it.credential)),
        Field::new("frozen", frozen(state)),
        Field::new("membership", membership(state)),
        Field::new("session", session.map(|it| kind(it.kind))).which(session.map(|it| it.id)),
        Field::new("proposals", some).which(Some(which_proposals.join(" "))),
        Field::new("reminder_step", reminded.map(|it| it.step.name())),
        Field::new(
            "reminder_days",
            reminded.map(|it| it.after_days.to_string()),
        )
        .which(reminded.map(|it| it.since)),
    ]
}

fn version(policy: &PolicyVersion) -> String {
    format!("{}@{}", policy.name, policy.sha256)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn section(name: &str) -> toml::Table {
        let file: toml::Table = include_str!("../../../locales/staff.ja.toml")
            .parse()
            .unwrap();
        file[name].as_table().unwrap().clone()
    }

    #[test]
    fn every_field_has_a_label_and_no_label_is_left_over() {
        let nobody = MemberStatus::default();
        let fields = fields(&nobody, Timestamp::UNIX_EPOCH, &[None, None], Mask::On);
        let names: BTreeSet<_> = fields.iter().map(|field| field.name.to_owned()).collect();
        let labels: BTreeSet<_> = section("standing").keys().cloned().collect();
        assert_eq!(names, labels);
    }

    #[test]
    fn every_name_that_is_told_has_words_and_no_words_are_left_over() {
        let progress = ["registered", "followed"];
        let named = [
            ("email", [&progress[..], &["verified"]].concat()),
            ("email_change", [&progress[..], &["pending"]].concat()),
            ("address", vec!["erased"]),
            ("new_address", vec!["erased"]),
            ("otp_method", vec!["email"]),
            ("password", vec!["initial", "own"]),
            ("frozen", vec!["no", "by_staff", "reported", "proven"]),
            ("membership", vec!["member", "left", "erased"]),
            ("session", vec!["onboarding", "otp_pending", "full"]),
        ];
        let stood = section("stood");
        let known: BTreeSet<_> = stood.keys().map(String::as_str).collect();
        assert_eq!(known, named.iter().map(|(field, _)| *field).collect());
        for (field, names) in named {
            let words = stood[field].as_table().unwrap();
            let words: BTreeSet<_> = words.keys().map(String::as_str).collect();
            assert_eq!(words, names.into_iter().collect(), "{field}");
        }
    }
}
