//! How long, how often, how many: every limit with its default and its range.

use serde::{Deserialize, Deserializer, de::Error as _};

use super::ReminderLimits;

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
    /// Of what staff do for members.
    pub support: SupportLimits,
    /// Of what the portal holds back.
    pub hold: HoldLimits,
    /// Of what members change after their set-up.
    pub later: LaterLimits,
    /// From where on accounts that resemble each other are told of.
    pub anomalies: AnomalyLimits,
    /// Of reminders to those who have stopped on the way; none are sent, if left out.
    pub reminders: Option<ReminderLimits>,
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
#[serde(default, deny_unknown_fields)]
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
    /// So many other user IDs failing within an hour in one network (/24, /48) make it hot: there, waiting times begin with the first
    /// failure. Judgement: more than mistype in a quiet office, far fewer than a sweep needs.
    #[serde(deserialize_with = "between::<_, 5, 100_000>")]
    pub failing_members_per_network: u32,
    /// The same for one 記号 (symbol), from wherever they fail. Judgement, as above; a symbol is smaller than a network.
    #[serde(deserialize_with = "between::<_, 5, 100_000>")]
    pub failing_members_per_symbol: u32,
    /// So many wrong passwords by a formula within a day, with one 記号, but for those of a browser in which the member then got in, close that way in for
    /// that 記号 until they are a day old; never, if left out. Who knows 記号 and 番号 has some 14 bits left to guess, and one guess for each
    /// of many members finds some, however long each of them has to wait for the next.
    #[serde(deserialize_with = "some_between::<_, 10, 1_000_000>")]
    pub wrong_formulas_per_symbol: Option<u32>,
    /// The same for all members together. What a sweep finds in a month is 30 times this number in 16,436 (`docs/security.md`).
    #[serde(deserialize_with = "some_between::<_, 10, 1_000_000>")]
    pub wrong_formulas: Option<u32>,
    /// So many wrong codes within a day by which a sign-in was to be confirmed before step 9 let no other be looked at for that member, until they are a
    /// day old; never, if left out. Whoever gets that far may have come by the formula, and has 20 sign-ins of 5 tries a day otherwise. A browser that is
    /// known as the member's needs no such code. Judgement: more than somebody mistypes in a day.
    #[serde(deserialize_with = "some_between::<_, 5, 1000>")]
    pub wrong_confirmations_per_member: Option<u32>,
    /// The same for all members together. What is found in a month is 30 times this number in a million (`docs/security.md`).
    #[serde(deserialize_with = "some_between::<_, 10, 1_000_000>")]
    pub wrong_confirmations: Option<u32>,
}

impl Default for SignInLimits {
    fn default() -> Self {
        Self {
            failures_before_wait: 5,
            first_wait_seconds: 30,
            longest_wait_seconds: 3600,
            failures_per_browser: 50,
            failures_per_id: 50,
            failing_members_per_network: 20,
            failing_members_per_symbol: 10,
            wrong_formulas_per_symbol: None,
            wrong_formulas: None,
            wrong_confirmations_per_member: None,
            wrong_confirmations: None,
        }
    }
}

/// How many first passwords may have something in common before auditors are told (`docs/security.md`, attack 2). Nobody is kept out for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnomalyLimits {
    /// Set in one browser within thirty days. Judgement: a family has one computer.
    #[serde(deserialize_with = "between::<_, 1, 900>")]
    pub members_per_browser: u32,
    /// Set within thirty days with addresses at one domain, of no carrier or great provider and none of `own_domains`. Judgement: a
    /// household or a shop has its own domain.
    #[serde(deserialize_with = "between::<_, 1, 900>")]
    pub members_per_domain: u32,
}

impl Default for AnomalyLimits {
    fn default() -> Self {
        Self {
            members_per_browser: 3,
            members_per_domain: 20,
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

/// What staff do for members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupportLimits {
    /// Hours within which a second person has to approve a proposal (judgement: over a weekend).
    #[serde(deserialize_with = "between::<_, 1, 336>")]
    pub proposal_hours: u32,
    /// Minutes for which personal data are shown after an approval (judgement: the length of a call).
    #[serde(deserialize_with = "between::<_, 5, 480>")]
    pub unmask_minutes: u32,
    /// Hours, 1 to 336, for which a recorded proof of identity counts, for one act; for ever and for any number of them, if left out. Judgement:
    /// as long as a proposal waits for its second person, over a weekend.
    #[serde(deserialize_with = "some_between::<_, 1, 336>")]
    pub proofing_hours: Option<u32>,
    /// So many times within 24 hours, 1 to 20, staff may lift one member's waiting times; any number, if left out. Each lift gives whoever
    /// guesses a dozen further tries (`docs/security.md`).
    #[serde(deserialize_with = "some_between::<_, 1, 20>")]
    pub lifts_per_day: Option<u32>,
    /// Whether a second person has to approve each release; if left out, only one after a report that it was not the member.
    pub release_takes_two: bool,
    /// Whether a new letter takes a proof of identity where it takes something over: a confirmed address, or a password of the member's own; none,
    /// if left out.
    pub reissue_takes_proof: bool,
}

impl SupportLimits {
    /// Whether anything depends on when staff did something.
    #[must_use]
    pub const fn ask_for_moments(&self) -> bool {
        self.proofing_hours.is_some() || self.lifts_per_day.is_some()
    }
}

impl Default for SupportLimits {
    fn default() -> Self {
        Self {
            proposal_hours: 72,
            unmask_minutes: 60,
            proofing_hours: None,
            lifts_per_day: None,
            release_takes_two: false,
            reissue_takes_proof: false,
        }
    }
}

/// What the portal should hold back after a set-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoldLimits {
    /// Hours from the member's own password to the first health data, where the password on paper followed a formula, or that own password
    /// took a forgotten one's place; 0: none. Judgement (`docs/security.md`): a notice should have reached the member, and been answered, before.
    #[serde(deserialize_with = "between::<_, 0, 720>")]
    pub hours_after_formula: u32,
}

/// For how long what is not needed for the first login itself is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Days after the end of a calendar year, in Tokyo, for which addresses and browsers of that year can be read; for ever, if there is no
    /// number. At least a month, for whoever looks into a misuse (judgement).
    #[serde(deserialize_with = "some_between::<_, 30, 3660>")]
    pub trace_days: Option<u32>,
}

/// What members change after their set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LaterLimits {
    /// Hours from the confirmation of another address until it counts. Judgement (`docs/security.md`): the notice to the present address
    /// should be read before, also over a weekend.
    #[serde(deserialize_with = "between::<_, 24, 720>")]
    pub address_hours: u32,
    /// Hours, 24 to 720, from the setting of another password in a forgotten one's place until it counts. Judgement (ADR 27): the notice
    /// should be read before, but whoever has forgotten the password is out as long.
    #[serde(deserialize_with = "between::<_, 24, 720>")]
    pub password_hours: u32,
}

impl Default for LaterLimits {
    fn default() -> Self {
        Self {
            address_hours: 72,
            password_hours: 24,
        }
    }
}

fn some_between<'de, D, const LOW: u32, const HIGH: u32>(
    deserializer: D,
) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    between::<D, LOW, HIGH>(deserializer).map(Some)
}

pub(super) fn between<'de, D, const LOW: u32, const HIGH: u32>(
    deserializer: D,
) -> Result<u32, D::Error>
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
