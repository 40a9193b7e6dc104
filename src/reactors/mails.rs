//! Which mails events ask for: a row in the outbox for each.

use std::sync::Arc;

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use sqlx::AnyConnection;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::ambient::Clock;
use crate::database::{Cell, Dialect, Insert};
use crate::domain::delivery::MailKind;
use crate::domain::ids::{ContactId, MailId};
use crate::domain::onboarding::{Event, Onboarding};
use crate::domain::values::{KeyId, Language};
use crate::reactors::reminder::reference_of;
use crate::subscription::{ApplyError, Reactor, Recorded};

/// How long a notice is tried. Judgement: a mail server that is away for a weekend is met, and what comes later tells no news.
const NOTICES_TRIED: SignedDuration = SignedDuration::from_hours(72);

/// The name of the reactor's checkpoint.
pub(super) const READER: &str = "mails";

/// Puts a row into the outbox for every event that asks for a mail.
pub struct MailReactor {
    wake: Arc<Notify>,
    clock: Clock,
}

impl MailReactor {
    /// A reactor that wakes the sender by `wake`.
    #[must_use]
    pub const fn new(wake: Arc<Notify>, clock: Clock) -> Self {
        Self { wake, clock }
    }
}

impl Reactor for MailReactor {
    fn name(&self) -> &'static str {
        READER
    }

    fn react<'a>(
        &'a self,
        batch: &'a [Recorded],
        connection: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut wanted = Vec::new();
            for recorded in batch
                .iter()
                .filter(|event| event.stream_kind == Onboarding::TYPE)
            {
                // What cannot be read is parked by the projector, and told there.
                let Ok(event) = serde_json::from_value(recorded.payload.clone()) else {
                    continue;
                };
                if let Some(asked) = asked_by(recorded, &event) {
                    if asked.kind == MailKind::SupportActed {
                        // Of one act of staff, the last event tells the address; a session that ends before it knows none.
                        wanted.retain(|(_, earlier): &(_, Asked)| earlier.mail != asked.mail);
                    }
                    wanted.push((recorded, asked));
                }
            }
            let rows = wanted.into_iter();
            let rows: Vec<_> = rows
                .map(|(recorded, it)| row_of(recorded, it, now))
                .collect();
            Insert::new(
                Dialect::of(connection),
                "INSERT INTO outbox (mail_id, kind, member_id, contact_id, reference, key_id, language, \
                 expires_at, due_at, attempts)",
                &rows,
                // What was read again says nothing new, but where a batch ended amid an act of staff.
                "ON CONFLICT (mail_id) DO UPDATE SET contact_id = COALESCE(excluded.contact_id, outbox.contact_id)",
            )?
            .write(connection)
            .await?;
            Ok(())
        })
    }

    fn committed(&self) {
        self.wake.notify_one();
    }
}

/// Which mail an event asks for.
struct Asked {
    mail: MailId,
    kind: MailKind,
    contact: Option<ContactId>,
    reference: Uuid,
    key: KeyId,
    language: Option<Language>,
    expires_at: Timestamp,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only six events ask for a link or a code"
)]
fn asked_by(recorded: &Recorded, event: &Event) -> Option<Asked> {
    let mail = mail_named(&format!("{}/{}", recorded.stream_id, recorded.sequence));
    Some(match event {
        Event::EmailRegistered {
            contact,
            issue,
            key,
            language,
            expires_at,
            ..
        }
        | Event::EmailLinkReissued {
            contact,
            issue,
            key,
            language,
            expires_at,
            ..
        }
        | Event::EmailChangeRequested {
            contact,
            issue,
            key,
            language,
            expires_at,
            ..
        }
        | Event::PasswordResetRequested {
            contact,
            issue,
            key,
            language,
            expires_at,
            ..
        } => Asked {
            mail,
            kind: match event {
                Event::EmailChangeRequested { .. } => MailKind::EmailChangeLink,
                Event::PasswordResetRequested { .. } => MailKind::PasswordResetLink,
                _ => MailKind::EmailLink,
            },
            contact: Some(*contact),
            reference: issue.0,
            key: key.clone(),
            language: Some(*language),
            expires_at: *expires_at,
        },
        Event::OtpIssued {
            challenge,
            key,
            language,
            expires_at,
            ..
        }
        | Event::OtpReissued {
            challenge,
            key,
            language,
            expires_at,
            ..
        } => Asked {
            mail,
            kind: MailKind::Otp,
            contact: None,
            reference: challenge.0,
            key: key.clone(),
            language: Some(*language),
            expires_at: *expires_at,
        },
        _ => notice_of(recorded, event, mail)?,
    })
}

/// A notice, if the event asks for one. What staff did is told once, however many events it made.
fn notice_of(recorded: &Recorded, event: &Event, own: MailId) -> Option<Asked> {
    let kind = event.notice()?;
    let tried_until = recorded.recorded_at + NOTICES_TRIED;
    let mut asked = Asked {
        mail: own,
        kind,
        contact: None,
        reference: Uuid::nil(),
        key: KeyId(String::new()),
        language: None,
        expires_at: tried_until,
    };
    if let Event::PasswordChanged { credential, .. } | Event::PasswordReplaced { credential, .. } =
        event
    {
        asked.reference = credential.0;
    } else if let Event::EmailChangeConfirmed {
        contact,
        replaces,
        counts_from,
        ..
    } = event
    {
        asked.contact = Some(*replaces);
        asked.reference = contact.0;
        // Not to whatever counts when it leaves; and as long as there is something to stop.
        asked.expires_at = tried_until.max(*counts_from);
    } else if let Event::PasswordResetConfirmed {
        credential,
        counts_from,
        ..
    } = event
    {
        asked.reference = credential.0;
        asked.expires_at = tried_until.max(*counts_from);
    } else if let Event::PasswordResetCancelled { credential } = event {
        asked.reference = credential.0;
    } else if let Event::MemberReminded {
        since, after_days, ..
    } = event
    {
        asked.reference = reference_of(*since, *after_days);
    } else if kind == MailKind::SupportActed {
        if let Event::EmailCleared { contact } = event {
            // Not to whatever counts when it leaves.
            asked.contact = Some(*contact);
        }
        let command = recorded.metadata["command_id"].as_str().unwrap_or_default();
        asked.mail = mail_named(&format!("{}/{command}", recorded.stream_id));
    }
    Some(asked)
}

fn mail_named(name: &str) -> MailId {
    MailId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
}

fn row_of(recorded: &Recorded, asked: Asked, now: Timestamp) -> [Cell; 10] {
    [
        Cell::from(asked.mail.to_string()),
        Cell::from(asked.kind.name()),
        Cell::from(recorded.stream_id.clone()),
        Cell::from(asked.contact.map(|contact| contact.to_string())),
        Cell::from(asked.reference.to_string()),
        Cell::from(asked.key.0),
        Cell::from(asked.language.map_or("", Language::tag)),
        Cell::from(asked.expires_at),
        // The log may be ahead of a clock that was wrong by days.
        Cell::from(recorded.recorded_at.min(now)),
        Cell::from(0),
    ]
}
