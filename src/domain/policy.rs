//! A society's rules as data: its name and address, the cohorts, the optional step and the limits.

mod limits;
mod reminders;
#[cfg(test)]
mod tests;

pub use limits::{
    AnomalyLimits, HoldLimits, InitialLimits, LaterLimits, Limits, LinkLimits, MailLimits,
    OtpLimits, PasswordLimits, Retention, SessionLimits, SignInLimits, SupportLimits,
};
pub use reminders::{ReminderLimits, Sent};

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::email::EmailAddress;
use super::values::Language;

/// Which text of a policy is meant: its name and the SHA-256 of its bytes, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// The policy's own name.
    pub name: String,
    /// SHA-256 of the file as read, 64 hexadecimal digits.
    pub sha256: String,
}

/// A policy file. An unknown key or a value out of its range is refused where it stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The policy's name, free to choose.
    pub name: String,
    /// Whose members these are.
    pub society: Society,
    /// Step 4, where the society asks for consent to its notes on use.
    #[serde(default)]
    pub terms: Option<Terms>,
    /// Roster headers in the society's own words, each with the column it stands for.
    #[serde(default, deserialize_with = "known_columns")]
    pub roster_headers: BTreeMap<String, String>,
    /// Whether upper and lower case differ in user IDs.
    #[serde(default)]
    pub user_id_case_sensitive: bool,
    /// Who starts with which credentials; the first that fits a row counts.
    #[serde(deserialize_with = "distinct_cohorts")]
    pub cohorts: Vec<Cohort>,
    /// How long, how often, how many.
    #[serde(default)]
    pub limits: Limits,
    /// How long what is kept.
    #[serde(default)]
    pub retention: Retention,
}

impl Policy {
    /// The cohort of that name.
    #[must_use]
    pub fn cohort(&self, name: &str) -> Option<&Cohort> {
        self.cohorts.iter().find(|cohort| cohort.name == name)
    }

    /// The first cohort with a formula, if the policy sets no limit (`wrong_formulas`) on wrong guesses at it over all members
    /// (`docs/security.md`, odds). Such a policy is valid all the same: policies from before that limit have none.
    #[must_use]
    pub fn unbounded_formula(&self) -> Option<&Cohort> {
        let mut cohorts = self.cohorts.iter();
        let formula = cohorts.find(|it| matches!(it.initial_password, InitialPassword::Formula(_)));
        formula.filter(|_| self.limits.sign_in.wrong_formulas.is_none())
    }
}

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// 日本語
    pub ja: String,
    /// English
    pub en: String,
}

impl Text {
    /// The text in `language`.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Ja => &self.ja,
            Language::En => &self.en,
        }
    }
}

/// The society, as every page and mail names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Society {
    /// Its name.
    pub name: Text,
    /// The telephone for questions.
    pub telephone: String,
    /// When that telephone is answered.
    pub hours: Text,
    /// Its postal address.
    pub address: Text,
    /// The mail address for questions.
    #[serde(deserialize_with = "mail_address")]
    pub email: String,
    /// The address that mails come from; its domain is shown at step 5.
    #[serde(deserialize_with = "mail_address")]
    pub mail_from: String,
    /// The portal that step 15 hands over to.
    #[serde(deserialize_with = "web_address")]
    pub portal_url: String,
    /// Words that no password may consist of: the society, the portal.
    #[serde(default)]
    pub context_words: Vec<String>,
    /// The mail domains of the companies whose people the members are: many addresses there are nothing to tell auditors of.
    #[serde(default)]
    pub own_domains: Vec<String>,
}

impl Society {
    /// Whether a mail domain, or one above it, is a company's of the members'.
    #[must_use]
    pub fn has_domain(&self, domain: &str) -> bool {
        let domain = domain.to_ascii_lowercase();
        self.own_domains.iter().any(|own| {
            let below = domain.strip_suffix(&own.to_ascii_lowercase());
            below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
        })
    }

    /// The domain that mails come from.
    #[must_use]
    pub fn mail_domain(&self) -> &str {
        self.mail_from
            .rsplit_once('@')
            .map_or(self.mail_from.as_str(), |(_, domain)| domain)
    }
}

/// The notes on use that step 4 shows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The version that is accepted.
    pub version: String,
    /// Their text.
    pub text: Text,
}

/// Members who start with the same kind of credentials (the manual's table of cohorts).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cohort {
    /// Its name, which events keep.
    pub name: String,
    /// Only those who had (or had not) registered on the old portal.
    #[serde(default)]
    pub registered_on_old_portal: Option<bool>,
    /// Only those who joined on this day or later.
    #[serde(default)]
    pub joined_from: Option<Date>,
    /// Only those who joined on this day or earlier.
    #[serde(default)]
    pub joined_to: Option<Date>,
    /// Whether a row may leave the user ID to us.
    #[serde(default)]
    pub user_id_may_be_given: bool,
    /// The password on the paper.
    pub initial_password: InitialPassword,
    /// Who they are, in words for the sign-in page.
    pub who: Text,
    /// Where they find their user ID.
    pub user_id_from: Text,
    /// Where they find their password.
    pub password_from: Text,
}

/// Where an initial password comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InitialPassword {
    /// Put together from what the society knows of the member.
    Formula(#[serde(deserialize_with = "formula")] Vec<FormulaPart>),
    /// Random, printed on the letter.
    Printed,
}

/// A part of the formula; 記号 and 番号 are those in force at the end of March 2026 (the manual).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormulaPart {
    /// 記号
    Symbol,
    /// 番号
    Number,
    /// 生年月日 as eight digits.
    BirthDate,
}

/// A cohort that was looked at as a whole; as a type of its own, so that a complaint stands at its own line.
#[derive(Deserialize)]
struct CheckedCohort(#[serde(deserialize_with = "checked_cohort")] Cohort);

fn checked_cohort<'de, D>(deserializer: D) -> Result<Cohort, D::Error>
where
    D: Deserializer<'de>,
{
    let cohort = Cohort::deserialize(deserializer)?;
    match (cohort.joined_from, cohort.joined_to) {
        (Some(from), Some(to)) if from > to => Err(D::Error::custom(format!(
            "cohort {:?}: joined_from is later than joined_to",
            cohort.name
        ))),
        (_, _) => Ok(cohort),
    }
}

fn distinct_cohorts<'de, D>(deserializer: D) -> Result<Vec<Cohort>, D::Error>
where
    D: Deserializer<'de>,
{
    let mut cohorts = Vec::<Cohort>::new();
    for CheckedCohort(cohort) in Vec::deserialize(deserializer)? {
        if cohorts.iter().any(|earlier| earlier.name == cohort.name) {
            return Err(D::Error::custom(format!(
                "there are two cohorts named {:?}",
                cohort.name
            )));
        }
        cohorts.push(cohort);
    }
    if cohorts.is_empty() {
        return Err(D::Error::custom("at least one cohort is needed"));
    }
    Ok(cohorts)
}

fn formula<'de, D>(deserializer: D) -> Result<Vec<FormulaPart>, D::Error>
where
    D: Deserializer<'de>,
{
    let parts = Vec::deserialize(deserializer)?;
    if parts.is_empty() {
        return Err(D::Error::custom("the formula is empty"));
    }
    Ok(parts)
}

/// What the columns of a roster are called, and so what an alias may stand for.
pub const ROSTER_COLUMNS: [&str; 10] = [
    "user_id",
    "symbol",
    "number",
    "birth_date",
    "name",
    "gid",
    "joined_on",
    "registered_on_old_portal",
    "symbol_at_migration",
    "number_at_migration",
];

#[derive(Deserialize)]
struct RosterColumn(#[serde(deserialize_with = "roster_column")] String);

fn roster_column<'de, D>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let name = String::deserialize(deserializer)?;
    if ROSTER_COLUMNS.contains(&name.as_str()) {
        Ok(name)
    } else {
        let columns = ROSTER_COLUMNS.join(", ");
        Err(D::Error::custom(format!(
            "a roster has no column {name:?}, only {columns}"
        )))
    }
}

fn known_columns<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let headers = BTreeMap::<String, RosterColumn>::deserialize(deserializer)?;
    Ok(headers
        .into_iter()
        .map(|(header, RosterColumn(column))| (header, column))
        .collect())
}

fn mail_address<'de, D>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    match EmailAddress::parse(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(D::Error::custom(
            "must be a mail address like portal@kenpo.example.jp, with no name and no space around it",
        )),
    }
}

fn web_address<'de, D>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let host = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '['));
    if host && !text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Ok(text)
    } else {
        Err(D::Error::custom(
            "must be a web address that begins with https://",
        ))
    }
}
