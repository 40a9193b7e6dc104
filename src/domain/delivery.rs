//! What became of a mail, stream `mail-{mail id}`: never the server's words, the address or its domain.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::ids::{ContactId, MailId, MemberId};

/// One mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What became of it, once.
    pub outcome: Option<Outcome>,
}

/// Note what became of a mail.
#[derive(Clone, Debug)]
pub struct Conclude {
    /// Which mail.
    pub mail: MailFacts,
    /// What became of it.
    pub outcome: Outcome,
}

/// Which mail it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailFacts {
    /// Its id.
    pub mail: MailId,
    /// What it carried.
    pub kind: MailKind,
    /// To whom.
    pub member: MemberId,
    /// To which address; none, if there was none any more.
    pub contact: Option<ContactId>,
}

/// What a mail carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// Step 6: the link.
    EmailLink,
    /// Step 14: the one-time password.
    Otp,
    /// After step 9: that the account was set up, and what to do if that was somebody else.
    AccountSetUp,
    /// That staff did something for the account.
    SupportActed,
    /// The link to another address, which is to take the present one's place.
    EmailChangeLink,
    /// To the present address: that another is to take its place, when, and what to do if that was somebody else.
    EmailChangeNotice,
    /// That the set-up has stopped on the way, and how it goes on.
    Reminder,
    /// The link by which another password takes a forgotten one's place.
    PasswordResetLink,
    /// That another password is to take a forgotten one's place, when, and what to do if that was somebody else.
    PasswordResetNotice,
    /// That the member, signed in, set another password, and what to do if that was somebody else.
    PasswordChangeNotice,
}

impl MailKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::EmailLink,
        Self::Otp,
        Self::AccountSetUp,
        Self::SupportActed,
        Self::EmailChangeLink,
        Self::EmailChangeNotice,
        Self::Reminder,
        Self::PasswordResetLink,
        Self::PasswordResetNotice,
        Self::PasswordChangeNotice,
    ];

    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmailLink => "email_link",
            Self::Otp => "otp",
            Self::AccountSetUp => "account_set_up",
            Self::SupportActed => "support_acted",
            Self::EmailChangeLink => "email_change_link",
            Self::EmailChangeNotice => "email_change_notice",
            Self::Reminder => "reminder",
            Self::PasswordResetLink => "password_reset_link",
            Self::PasswordResetNotice => "password_reset_notice",
            Self::PasswordChangeNotice => "password_change_notice",
        }
    }

    /// The kind of that stored name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The mail server took it.
    Accepted {
        /// The SMTP reply code, or 250 where mails go to files.
        smtp_code: u16,
        /// The kind of domain, from a fixed list.
        domain_class: String,
    },
    /// The mail server refused it, or could not be reached until its time was over.
    Failed {
        /// The last SMTP reply code, if there was one.
        smtp_code: Option<u16>,
        /// The kind of domain, from a fixed list.
        domain_class: String,
    },
    /// It was no longer wanted when its turn came.
    Skipped {
        /// Why not.
        why: SkipReason,
    },
}

/// Why a mail was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its link or code had expired.
    Expired,
    /// A newer one, another address or another session had replaced it, or it was used.
    Superseded,
    /// The address is no longer known.
    Erased,
}

impl SkipReason {
    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Erased => "erased",
        }
    }
}

/// A fact about a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum DeliveryEvent {
    /// The mail server took it.
    MailAccepted {
        /// Which mail.
        #[serde(flatten)]
        mail: MailFacts,
        /// The SMTP reply code.
        smtp_code: u16,
        /// The kind of domain.
        domain_class: String,
    },
    /// It could not be delivered.
    MailFailed {
        /// Which mail.
        #[serde(flatten)]
        mail: MailFacts,
        /// The last SMTP reply code.
        smtp_code: Option<u16>,
        /// The kind of domain.
        domain_class: String,
    },
    /// It was no longer wanted.
    MailSkipped {
        /// Which mail.
        #[serde(flatten)]
        mail: MailFacts,
        /// Why not.
        why: SkipReason,
    },
}

impl DeliveryEvent {
    /// Which mail it is about.
    #[must_use]
    pub const fn mail(&self) -> &MailFacts {
        match self {
            Self::MailAccepted { mail, .. }
            | Self::MailFailed { mail, .. }
            | Self::MailSkipped { mail, .. } => mail,
        }
    }
}

impl Delivery {
    /// Whether the rules make these events of a mail that stands like this: what became of it is noted once.
    #[must_use]
    pub fn yields(&self, events: &[DeliveryEvent]) -> bool {
        self.outcome.is_none() && events.len() == 1
    }
}

impl DomainEvent for DeliveryEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::MailAccepted { .. } => "MailAccepted",
            Self::MailFailed { .. } => "MailFailed",
            Self::MailSkipped { .. } => "MailSkipped",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Delivery {
    const TYPE: &'static str = "mail";
    type Command = Conclude;
    type Event = DeliveryEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Conclude,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let Conclude { mail, outcome } = command;
        if self.outcome.is_some() {
            return Ok(());
        }
        let event = match outcome {
            Outcome::Accepted {
                smtp_code,
                domain_class,
            } => DeliveryEvent::MailAccepted {
                mail,
                smtp_code,
                domain_class,
            },
            Outcome::Failed {
                smtp_code,
                domain_class,
            } => DeliveryEvent::MailFailed {
                mail,
                smtp_code,
                domain_class,
            },
            Outcome::Skipped { why } => DeliveryEvent::MailSkipped { mail, why },
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: DeliveryEvent) {
        self.outcome = Some(match event {
            DeliveryEvent::MailAccepted {
                smtp_code,
                domain_class,
                ..
            } => Outcome::Accepted {
                smtp_code,
                domain_class,
            },
            DeliveryEvent::MailFailed {
                smtp_code,
                domain_class,
                ..
            } => Outcome::Failed {
                smtp_code,
                domain_class,
            },
            DeliveryEvent::MailSkipped { why, .. } => Outcome::Skipped { why },
        });
    }
}

#[cfg(test)]
mod tests;
