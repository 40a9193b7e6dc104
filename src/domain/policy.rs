//! A society's rules as data: its name and address, the cohorts, the optional step and the limits.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::values::Language;

/// Which text of a policy is meant: its name and the SHA-256 of its bytes, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default)]
    pub roster_headers: std::collections::BTreeMap<String, String>,
    /// Whether upper and lower case differ in user IDs.
    #[serde(default)]
    pub user_id_case_sensitive: bool,
    /// Who starts with which credentials; the first that fits a row counts.
    #[serde(deserialize_with = "at_least_one")]
    pub cohorts: Vec<Cohort>,
    /// How long, how often, how many.
    #[serde(default)]
    pub limits: Limits,
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
}

impl Society {
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
    Formula(Vec<FormulaPart>),
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

/// All limits; a key left out has the default that stands here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Of passwords that members choose.
    pub password: PasswordLimits,
    /// Of one-time passwords.
    pub otp: OtpLimits,
    /// Of mailed links.
    pub email_link: LinkLimits,
    /// Of failing sign-ins.
    pub sign_in: SignInLimits,
    /// Of sessions.
    pub session: SessionLimits,
    /// Of initial credentials.
    pub initial_credentials: InitialLimits,
}

/// How long a password that a member chooses may be, in code points (NIST SP 800-63B-4, 3.1.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordLimits {
    /// The shortest.
    #[serde(deserialize_with = "between::<_, 8, 64>")]
    pub min_length: u32,
    /// The longest.
    #[serde(deserialize_with = "between::<_, 64, 1024>")]
    pub max_length: u32,
}

impl Default for PasswordLimits {
    fn default() -> Self {
        Self {
            min_length: 15,
            max_length: 128,
        }
    }
}

/// How many mails may leave, to one member and to one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailLimits {
    /// Seconds between one and the next.
    #[serde(deserialize_with = "between::<_, 10, 3600>")]
    pub apart_seconds: u32,
    /// At most so many in one sign-in (codes), or to one address in a day (links).
    #[serde(deserialize_with = "between::<_, 1, 100>")]
    pub each: u32,
    /// At most so many in an hour.
    #[serde(deserialize_with = "between::<_, 1, 1000>")]
    pub per_hour: u32,
    /// At most so many in a day.
    #[serde(deserialize_with = "between::<_, 1, 1000>")]
    pub per_day: u32,
}

impl Default for MailLimits {
    fn default() -> Self {
        Self {
            apart_seconds: 60,
            each: 5,
            per_hour: 10,
            per_day: 20,
        }
    }
}

/// One-time passwords (NIST SP 800-63B-4, 3.1.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtpLimits {
    /// How long a code counts.
    #[serde(deserialize_with = "between::<_, 1, 10>")]
    pub lifetime_minutes: u32,
    /// Wrong tries in a sign-in, over all its codes.
    #[serde(deserialize_with = "between::<_, 1, 10>")]
    pub tries: u32,
    /// How long a sign-in may wait for its code.
    #[serde(deserialize_with = "between::<_, 5, 60>")]
    pub pending_minutes: u32,
    /// Mails with codes.
    pub mails: MailLimits,
}

impl Default for OtpLimits {
    fn default() -> Self {
        Self {
            lifetime_minutes: 10,
            tries: 5,
            pending_minutes: 15,
            mails: MailLimits::default(),
        }
    }
}

/// Mailed links (NIST SP 800-63B-4, 4.2.1.2: at most a day).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkLimits {
    /// How long a link counts.
    #[serde(deserialize_with = "between::<_, 5, 1440>")]
    pub lifetime_minutes: u32,
    /// Mails with links.
    pub mails: MailLimits,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            lifetime_minutes: 60,
            mails: MailLimits::default(),
        }
    }
}

/// Failing sign-ins (NIST SP 800-63B-4, 3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignInLimits {
    /// Failures in a row before the first waiting time.
    #[serde(deserialize_with = "between::<_, 3, 20>")]
    pub failures_before_wait: u32,
    /// The first waiting time; each further failure doubles it.
    #[serde(deserialize_with = "between::<_, 1, 3600>")]
    pub first_wait_seconds: u32,
    /// The longest.
    #[serde(deserialize_with = "between::<_, 30, 86400>")]
    pub longest_wait_seconds: u32,
    /// Failures in a row in a browser that signed in before, after which only support can help.
    #[serde(deserialize_with = "between::<_, 10, 100>")]
    pub failures_per_browser: u32,
    /// Failures in a row with one user ID over all networks, before waiting times there.
    #[serde(deserialize_with = "between::<_, 10, 1000>")]
    pub failures_per_id: u32,
}

impl Default for SignInLimits {
    fn default() -> Self {
        Self {
            failures_before_wait: 5,
            first_wait_seconds: 30,
            longest_wait_seconds: 3600,
            failures_per_browser: 50,
            failures_per_id: 50,
        }
    }
}

/// How long sessions last (NIST SP 800-63B-4, 2.1.3 and 2.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionLimits {
    /// A first login may rest so long.
    #[serde(deserialize_with = "between::<_, 5, 60>")]
    pub onboarding_idle_minutes: u32,
    /// A first login may last so long.
    #[serde(deserialize_with = "between::<_, 10, 240>")]
    pub onboarding_minutes: u32,
    /// A full session may rest so long.
    #[serde(deserialize_with = "between::<_, 5, 60>")]
    pub full_idle_minutes: u32,
    /// A full session may last so long.
    #[serde(deserialize_with = "between::<_, 30, 1440>")]
    pub full_minutes: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            onboarding_idle_minutes: 20,
            onboarding_minutes: 60,
            full_idle_minutes: 30,
            full_minutes: 720,
        }
    }
}

/// The credentials on the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InitialLimits {
    /// Days from `valid_from` of their import.
    #[serde(deserialize_with = "between::<_, 1, 365>")]
    pub days: u32,
}

impl Default for InitialLimits {
    fn default() -> Self {
        Self { days: 30 }
    }
}

fn between<'de, D, const LOW: u32, const HIGH: u32>(deserializer: D) -> Result<u32, D::Error>
where
    D: Deserializer<'de>,
{
    let value = u32::deserialize(deserializer)?;
    if (LOW..=HIGH).contains(&value) {
        Ok(value)
    } else {
        Err(D::Error::custom(format!(
            "must be from {LOW} to {HIGH}, not {value}"
        )))
    }
}

fn at_least_one<'de, D>(deserializer: D) -> Result<Vec<Cohort>, D::Error>
where
    D: Deserializer<'de>,
{
    let cohorts = Vec::<Cohort>::deserialize(deserializer)?;
    if cohorts.is_empty() {
        return Err(D::Error::custom("at least one cohort is needed"));
    }
    for (index, cohort) in cohorts.iter().enumerate() {
        if let (Some(from), Some(to)) = (cohort.joined_from, cohort.joined_to)
            && from > to
        {
            let name = &cohort.name;
            return Err(D::Error::custom(format!(
                "cohort {name:?}: joined_from is later than joined_to"
            )));
        }
        if cohort.initial_password == InitialPassword::Formula(Vec::new()) {
            let name = &cohort.name;
            return Err(D::Error::custom(format!(
                "cohort {name:?}: the formula is empty"
            )));
        }
        if cohorts
            .iter()
            .skip(index + 1)
            .any(|other| other.name == cohort.name)
        {
            let name = &cohort.name;
            return Err(D::Error::custom(format!(
                "there are two cohorts named {name:?}"
            )));
        }
    }
    Ok(cohorts)
}

fn mail_address<'de, D>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    match text.split_once('@') {
        Some((local, domain)) if !local.is_empty() && domain.contains('.') => Ok(text),
        _ => Err(D::Error::custom(
            "must be a mail address like portal@kenpo.example.jp",
        )),
    }
}

fn web_address<'de, D>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    if text.starts_with("https://") || text.starts_with("http://") {
        Ok(text)
    } else {
        Err(D::Error::custom(
            "must be a web address that begins with https://",
        ))
    }
}
