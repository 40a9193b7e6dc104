//! Sends what waits in the outbox: looks once more whether it is wanted, derives what it carries, and notes what became of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::in_hand::InHand;
use super::outbox::{Outbox, Waiting};
use super::reminder::still_goes_to;
use crate::ambient::{Clock, Entropy};
use crate::commands::{Actor, Attribution, Commands};
use crate::domain::delivery::{Conclude, Delivery, MailFacts, MailKind, Outcome, SkipReason};
use crate::domain::domain_class::domain_class;
use crate::domain::email::EmailAddress;
use crate::domain::ids::{ChallengeId, CommandId, ContactId, IssueId, NoticeId};
use crate::domain::onboarding::Onboarding;
use crate::domain::policy;
use crate::domain::values::Language;
use crate::mail::{
    CONNECTIONS, Code, Failure, Heading, Link, Message, Society, Transport, change_link_mail,
    change_notice_mail, code_mail, link_mail, password_notice_mail, reminder_mail, reset_link_mail,
    reset_notice_mail, set_up_mail, support_mail,
};
use crate::projections::status::StatusReader;
use crate::vault::{self, Vault, VaultError};

/// How long after a failed try the next one follows; the last for all further ones.
const RETRY_AFTER: [SignedDuration; 5] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(15),
    SignedDuration::from_secs(45),
    SignedDuration::from_secs(120),
    SignedDuration::from_secs(300),
];

/// How often the outbox is looked at without being told: for retries, and for what another program left.
const LOOK: Duration = Duration::from_secs(1);

/// Reminders that may be on their way at once: a server that hangs while it takes them leaves lines for links and codes.
const REMINDERS_AT_ONCE: usize = CONNECTIONS / 2;

/// Sends mails; cheap to clone.
#[derive(Clone)]
pub struct Sender {
    parts: Arc<Parts>,
    /// One permit for each connection to the mail server.
    lines: Arc<Semaphore>,
    /// One permit for each line that reminders may take.
    lines_for_reminders: Arc<Semaphore>,
    in_hand: InHand,
}

/// The parts of [`Sender`].
pub struct Parts {
    /// What waits.
    pub outbox: Outbox,
    /// The way into the log.
    pub commands: Commands,
    /// Since when a member has waited, for reminders.
    pub statuses: StatusReader,
    /// Addresses, links and codes.
    pub vault: Vault,
    /// How mails leave.
    pub transport: Transport,
    /// When reminders go; none, if there are none to be sent.
    pub reminders: Option<policy::ReminderLimits>,
    /// In whose name.
    pub society: policy::Society,
    /// The present policy's name and hash.
    pub policy: String,
    /// The address that members see.
    pub public_url: String,
    /// The time.
    pub clock: Clock,
    /// Ids.
    pub entropy: Entropy,
}

/// A mail ready to leave.
struct Ready {
    message: Message,
    contact: ContactId,
    domain_class: String,
}

/// Why a mail is not to leave now.
enum NotReady {
    Skip(SkipReason, Option<ContactId>),
    /// What staff did is told to whoever had a verified address, and to nobody else.
    NobodyToTell,
    /// It waits for the hour at which it may go.
    NotBefore(Timestamp),
    Later(String),
}

impl From<VaultError> for NotReady {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Erased | VaultError::Missing(_) => Self::Skip(SkipReason::Erased, None),
            VaultError::Database(_)
            | VaultError::Taken
            | VaultError::Damaged(_)
            | VaultError::UnknownKey(_)
            | VaultError::Hasher => Self::Later(error.to_string()),
        }
    }
}

impl Sender {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            lines: Arc::new(Semaphore::new(CONNECTIONS)),
            lines_for_reminders: Arc::new(Semaphore::new(REMINDERS_AT_ONCE)),
            in_hand: InHand::default(),
        }
    }

    /// Takes up at once what a killed run had in hand. Must not be called while another sender is at the same outbox. If the kill came
    /// between the server's acceptance and the note of it, that mail leaves twice.
    pub async fn take_up(&self) {
        if let Err(error) = self.parts.outbox.free_leases().await {
            tracing::warn!(%error, "mails of an earlier run wait until their leases run out");
        }
    }

    /// Sends for ever; `wake` tells of new mails.
    pub async fn run(self, wake: Arc<Notify>) {
        loop {
            // A line is taken before a mail is leased, so that no lease runs out in a queue.
            let Ok(first) = self.lines.clone().acquire_owned().await else {
                return;
            };
            let mut free = vec![first];
            while let Ok(line) = self.lines.clone().try_acquire_owned() {
                free.push(line);
            }
            if !self.send_some(free).await {
                tokio::select! {
                    () = wake.notified() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    }

    /// Waits until no mail is on its way; for when [`Sender::run`] has ended.
    pub async fn rest(&self) {
        let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        // It is never closed, so there is nothing else to wait for.
        let _ = self.lines.acquire_many(all).await;
    }

    /// Starts sending as many mails as there are lines; answers whether there were as many.
    async fn send_some(&self, lines: Vec<OwnedSemaphorePermit>) -> bool {
        let (lease, now) = (self.parts.entropy.id(), self.parts.clock.now());
        let wanted = lines.len();
        let reminders = self.lines_for_reminders.available_permits();
        // Before the outbox: what was read there of a mail that comes out of hand meanwhile would be out of date.
        let in_hand = self.in_hand.overdue(now);
        let outbox = &self.parts.outbox;
        let leased = outbox.lease(wanted, reminders, lease, now, &in_hand).await;
        let leased = match leased {
            Ok(leased) => leased,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read");
                return false;
            }
        };
        let enough = leased.len() == wanted;
        for (mail, line) in leased.into_iter().zip(lines) {
            let sender = self.clone();
            let held = self.in_hand.hold(&mail);
            let is_reminder = mail.kind == MailKind::Reminder;
            let reminder =
                is_reminder.then(|| self.lines_for_reminders.clone().try_acquire_owned());
            tokio::spawn(async move {
                if let Err(error) = sender.handle(&mail).await {
                    tracing::error!(%error, mail = %mail.mail, "a mail could not be seen to its end; it is tried again");
                    sender.give_back(&mail).await;
                }
                drop((held, reminder, line));
            });
        }
        enough
    }

    async fn handle(&self, mail: &Waiting) -> Result<(), String> {
        let (contact, outcome) = match &mail.outcome {
            // It had left before, and only the log did not learn of it.
            Some(outcome) => (mail.contact, outcome.clone()),
            None => match self.send(mail).await? {
                Some(ended) => ended,
                None => return Ok(()),
            },
        };
        if mail.outcome.is_none() && !self.note(mail, contact, &outcome).await {
            return Ok(());
        }
        self.conclude(mail, contact, outcome).await?;
        self.parts.outbox.remove(mail).await.map_err(told)
    }

    /// Notes what became of a mail; answers whether that was still ours to note. A mail that has left and is not noted would leave again: this
    /// is tried for as long as the process lives, however long the lease is over. It stays in hand meanwhile; only another node may take it.
    async fn note(&self, mail: &Waiting, contact: Option<ContactId>, outcome: &Outcome) -> bool {
        let mut is_told = false;
        loop {
            match self.parts.outbox.note(mail, contact, outcome).await {
                Ok(noted) => return noted,
                Err(error) if !is_told => {
                    tracing::error!(%error, mail = %mail.mail, "what became of a mail cannot be noted; it is tried until it can");
                    is_told = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Gives back a mail that could not be seen to its end, so that its lease need not run out; tries for as long as it holds.
    async fn give_back(&self, mail: &Waiting) {
        loop {
            let now = self.parts.clock.now();
            if now >= mail.leased_until || self.postpone(mail, now).await.is_ok() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Sends a mail; none, if it is to be tried again.
    async fn send(&self, mail: &Waiting) -> Result<Option<(Option<ContactId>, Outcome)>, String> {
        let now = self.parts.clock.now();
        let ready = match self.prepare(mail, now).await {
            Ok(ready) => ready,
            Err(NotReady::Skip(why, contact)) => {
                return Ok(Some((mail.contact.or(contact), Outcome::Skipped { why })));
            }
            Err(NotReady::NobodyToTell) => {
                return self
                    .parts
                    .outbox
                    .remove(mail)
                    .await
                    .map_err(told)
                    .map(|()| None);
            }
            Err(NotReady::NotBefore(hour)) => {
                let postponed = self.parts.outbox.postpone(mail, hour).await;
                return postponed.map_err(told).map(|()| None);
            }
            Err(NotReady::Later(why)) => {
                tracing::error!(why, mail = %mail.mail, "a mail could not be written; it is tried again");
                return self.postpone(mail, now).await.map(|()| None);
            }
        };
        let Ready {
            message,
            contact,
            domain_class,
        } = ready;
        let contact = Some(contact);
        match self.parts.transport.send(&message).await {
            Ok(accepted) => {
                metrics::counter!("kadode_mails_total", "outcome" => "accepted").increment(1);
                let smtp_code = accepted.smtp_code.unwrap_or(250);
                Ok(Some((
                    contact,
                    Outcome::Accepted {
                        smtp_code,
                        domain_class,
                    },
                )))
            }
            Err(failure) => {
                tracing::warn!(%failure, mail = %mail.mail, "a mail was not accepted");
                let smtp_code = failure.smtp_code;
                if self.is_final(mail, &failure) {
                    metrics::counter!("kadode_mails_total", "outcome" => "failed").increment(1);
                    return Ok(Some((
                        contact,
                        Outcome::Failed {
                            smtp_code,
                            domain_class,
                        },
                    )));
                }
                self.postpone(mail, self.parts.clock.now())
                    .await
                    .map(|()| None)
            }
        }
    }

    fn is_final(&self, mail: &Waiting, failure: &Failure) -> bool {
        failure.permanent || self.parts.clock.now() + pause(mail) >= mail.expires_at
    }

    async fn postpone(&self, mail: &Waiting, now: Timestamp) -> Result<(), String> {
        self.parts
            .outbox
            .postpone(mail, now + pause(mail))
            .await
            .map_err(told)
    }

    /// Looks whether a mail is still wanted, and writes it.
    async fn prepare(&self, mail: &Waiting, now: Timestamp) -> Result<Ready, NotReady> {
        let state: Onboarding = self
            .parts
            .commands
            .load(&mail.member.to_string())
            .await
            .map_err(NotReady::Later)?;
        let state = state.as_of(now);
        let wanted = if mail.kind == MailKind::Reminder {
            self.still_to_remind(mail, now).await?
        } else {
            wanted(mail, &state)
        };
        let contact = match wanted {
            Some(contact) if now < mail.expires_at => contact,
            Some(contact) => return Err(NotReady::Skip(SkipReason::Expired, Some(contact))),
            None if mail.kind == MailKind::SupportActed => return Err(NotReady::NobodyToTell),
            None => {
                let contact = state.contact.as_ref().map(|contact| contact.id);
                return Err(NotReady::Skip(SkipReason::Superseded, contact));
            }
        };
        let reminders = self.parts.reminders.as_ref();
        if let (MailKind::Reminder, Some(policy)) = (mail.kind, reminders)
            && !policy.go_at(now)
        {
            return Err(NotReady::NotBefore(policy.next_moment(now)));
        }
        let address = self.parts.vault.contacts.address(contact).await?;
        let to = parsed(address.expose_secret())?;
        let from = parsed(&self.parts.society.mail_from)?;
        let told_at = state.told_at(mail.contact).or(state.told_at(None));
        let language = mail
            .language
            .or(told_at.map(|mailbox| mailbox.language))
            .unwrap_or_default();
        let society = self.society(language);
        let heading = Heading {
            id: mail.mail,
            language,
            society: &society,
            from: &from,
            to: &to,
            written_at: now,
        };
        let message = self.write(mail, &state, contact, &heading)?;
        let domain_class = domain_class(to.as_str()).as_str().to_owned();
        Ok(Ready {
            message,
            contact,
            domain_class,
        })
    }

    fn write(
        &self,
        mail: &Waiting,
        state: &Onboarding,
        contact: ContactId,
        heading: &Heading<'_>,
    ) -> Result<Message, NotReady> {
        let one_time = &self.parts.vault.one_time;
        let expires_at = mail.expires_at;
        let message = match mail.kind {
            MailKind::EmailLink | MailKind::EmailChangeLink | MailKind::PasswordResetLink => {
                let issue = IssueId(mail.reference);
                let link = vault::Link {
                    member: mail.member,
                    contact,
                    issue,
                };
                let token = one_time.seal_link(&mail.key, &link)?;
                let link = Link {
                    public_url: &self.parts.public_url,
                    token: token.expose_secret(),
                    expires_at,
                };
                if mail.kind == MailKind::EmailLink {
                    link_mail(heading, &link)
                } else if mail.kind == MailKind::EmailChangeLink {
                    change_link_mail(heading, &link)
                } else {
                    reset_link_mail(heading, &link)
                }
            }
            MailKind::Otp => {
                let challenge = ChallengeId(mail.reference);
                let digits = one_time.code(&mail.key, mail.member, challenge)?;
                let reference = one_time.reference(&mail.key, mail.member, challenge)?;
                let code = Code {
                    digits: digits.expose_secret(),
                    reference: &reference,
                    expires_at,
                };
                code_mail(heading, &code)
            }
            MailKind::AccountSetUp
            | MailKind::EmailChangeNotice
            | MailKind::PasswordResetNotice
            | MailKind::PasswordChangeNotice => {
                let is_change = mail.kind == MailKind::PasswordChangeNotice;
                let told = state
                    .password
                    .filter(|_| is_change)
                    .map_or(NoticeId(mail.reference), |own| own.notice());
                let about = vault::Notice {
                    member: mail.member,
                    about: told,
                };
                let token = one_time.seal_notice(&about)?;
                let (url, token) = (&self.parts.public_url, token.expose_secret());
                let address = state.changed_to(told).and_then(|it| it.counts_from);
                match (address, mail.kind) {
                    _ if is_change => password_notice_mail(heading, url, token),
                    (Some(from), _) => change_notice_mail(heading, url, token, from),
                    (None, MailKind::PasswordResetNotice) => {
                        reset_notice_mail(heading, url, token, state.reset_to(told))
                    }
                    (None, _) => set_up_mail(heading, url, token),
                }
            }
            MailKind::SupportActed => support_mail(heading),
            MailKind::Reminder => {
                let initial = state
                    .enrolment
                    .as_ref()
                    .filter(|_| state.password.is_none());
                let until = initial.map(|it| it.expires_at);
                reminder_mail(heading, &self.parts.public_url, state.stands_at(), until)
            }
        };
        message.map_err(|error| NotReady::Later(error.to_string()))
    }

    /// The address a reminder is to go to, if it is still wanted.
    async fn still_to_remind(
        &self,
        mail: &Waiting,
        now: Timestamp,
    ) -> Result<Option<ContactId>, NotReady> {
        let status = self.parts.statuses.of(mail.member).await;
        let status = status.map_err(|error| NotReady::Later(error.to_string()))?;
        let goes = |_: &policy::ReminderLimits| still_goes_to(&status?, mail.reference, now);
        Ok(self.parts.reminders.as_ref().and_then(goes))
    }

    fn society(&self, language: Language) -> Society {
        let society = &self.parts.society;
        let text = |text: &policy::Text| text.in_language(language).to_owned();
        Society {
            name: text(&society.name),
            telephone: society.telephone.clone(),
            hours: text(&society.hours),
            address: text(&society.address),
            email: society.email.clone(),
        }
    }

    /// Tells the log what became of a mail; told twice, it keeps the first.
    async fn conclude(
        &self,
        mail: &Waiting,
        contact: Option<ContactId>,
        outcome: Outcome,
    ) -> Result<(), String> {
        let facts = MailFacts {
            mail: mail.mail,
            kind: mail.kind,
            member: mail.member,
            contact,
        };
        let conclude = Conclude {
            mail: facts,
            outcome,
        };
        let attribution = Attribution {
            id: CommandId(self.parts.entropy.id()),
            command: "ConcludeMail",
            actor: Actor::System("mail"),
            request_id: None,
            policy: self.parts.policy.clone(),
            trace: None,
        };
        self.parts
            .commands
            .run::<Delivery, std::convert::Infallible, _, _>(
                mail.mail.to_string(),
                attribution,
                move |_| std::future::ready(Ok(conclude.clone())),
            )
            .await
            .map(drop)
            .map_err(told)
    }
}

/// The address a mail is to go to, if it is still wanted.
fn wanted(mail: &Waiting, state: &Onboarding) -> Option<ContactId> {
    if state.left {
        return None;
    }
    let contact = state.contact.as_ref();
    let mailbox = state.mailbox.map(|mailbox| mailbox.contact);
    match mail.kind {
        MailKind::EmailLink => contact
            .filter(|contact| mail.contact == Some(contact.id) && !contact.followed)
            .map(|contact| contact.id),
        MailKind::Otp => {
            let challenge = state.challenge.as_ref();
            let counts = challenge.is_some_and(|it| it.id.0 == mail.reference);
            contact.filter(|_| counts).map(|contact| contact.id)
        }
        MailKind::AccountSetUp | MailKind::PasswordChangeNotice => {
            let counts = state
                .password
                .is_some_and(|own| own.credential.0 == mail.reference);
            mailbox.filter(|_| counts && !state.frozen)
        }
        MailKind::SupportActed => state.told_at(mail.contact).map(|mailbox| mailbox.contact),
        // The policy, the moment and the wait count too.
        MailKind::Reminder => None,
        MailKind::EmailChangeLink => state
            .coming
            .as_ref()
            .filter(|coming| mail.contact == Some(coming.id) && !coming.followed)
            .map(|coming| coming.id),
        // The address that is replaced, also when its turn comes only after that.
        MailKind::EmailChangeNotice => {
            let counts = state.changed_to(NoticeId(mail.reference)).is_some();
            mail.contact.filter(|_| counts && !state.frozen)
        }
        MailKind::PasswordResetLink => {
            let issue = IssueId(mail.reference);
            let counts = state.reset_links.iter().any(|link| link.issue == issue);
            mail.contact.filter(|_| counts)
        }
        MailKind::PasswordResetNotice => {
            // Also of one that was taken back: whoever did that may be somebody else than who set it.
            let is_told = state.told_of.contains(&NoticeId(mail.reference));
            mailbox.filter(|_| is_told && !state.frozen)
        }
    }
}

/// How long to wait before the next try.
fn pause(mail: &Waiting) -> SignedDuration {
    let tried = usize::try_from(mail.attempts).unwrap_or(0);
    RETRY_AFTER[tried.min(RETRY_AFTER.len() - 1)]
}

fn parsed(address: &str) -> Result<EmailAddress, NotReady> {
    EmailAddress::parse(address)
        .map_err(|_| NotReady::Later("an address cannot be read".to_owned()))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
