//! The mails that somebody waits for: the link that confirms an address, and the code that opens the second sign-in; and how any
//! mail is put together.

use std::time::SystemTime;

use askama::Template;
use jiff::Timestamp;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue, MessageId};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use rust_i18n::t;
use thiserror::Error;

use super::wording::{Society, moment};
use crate::domain::email::EmailAddress;
use crate::domain::ids::MailId;
use crate::domain::values::Language;

/// What every mail needs to know.
#[derive(Clone, Copy)]
pub struct Heading<'a> {
    /// The mail's own id; its Message-ID is made of it and of the sender's domain.
    pub id: MailId,
    /// The language the member reads.
    pub language: Language,
    /// Who writes.
    pub society: &'a Society,
    /// The sender's address.
    pub from: &'a EmailAddress,
    /// The member's address.
    pub to: &'a EmailAddress,
    /// When it is written.
    pub written_at: Timestamp,
}

/// What the mail of step 6, to a coming address, or for a forgotten password brings.
#[derive(Clone, Copy)]
pub struct Link<'a> {
    /// Where members reach the program, as set by the operator.
    pub public_url: &'a str,
    /// The link's secret, in characters that need no escaping in a URL.
    pub token: &'a str,
    /// Until when the link works.
    pub expires_at: Timestamp,
}

/// What the mail of step 14 brings.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    /// The one-time password: six digits.
    pub digits: &'a str,
    /// Four letters, also on the screen, that tell one mail from another.
    pub reference: &'a str,
    /// Until when the code works.
    pub expires_at: Timestamp,
}

/// A mail ready to leave; not to be logged or stored, as it holds an address and a secret.
pub struct Message {
    pub(super) id: MailId,
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
}

impl Message {
    /// The mail as it goes out (RFC 5322, lines ended by CR LF).
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A mail could not be put together: a fault of the program, not of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the mail could not be put together")]
pub struct Unwritable;

#[derive(Template)]
#[template(path = "mail/link.txt")]
struct LinkText<'a> {
    locale: &'a str,
    society: &'a Society,
    lead: &'a str,
    url: &'a str,
    until: &'a str,
}

#[derive(Template)]
#[template(path = "mail/link.html")]
struct LinkHtml<'a> {
    locale: &'a str,
    society: &'a Society,
    lead: &'a str,
    url: &'a str,
    until: &'a str,
}

#[derive(Template)]
#[template(path = "mail/reset_link.txt")]
struct ResetLinkText<'a> {
    locale: &'a str,
    society: &'a Society,
    url: &'a str,
    until: &'a str,
}

#[derive(Template)]
#[template(path = "mail/reset_link.html")]
struct ResetLinkHtml<'a> {
    locale: &'a str,
    society: &'a Society,
    url: &'a str,
    until: &'a str,
}

#[derive(Template)]
#[template(path = "mail/code.txt")]
struct CodeText<'a> {
    locale: &'a str,
    society: &'a Society,
    digits: &'a str,
    reference: &'a str,
    until: &'a str,
}

#[derive(Template)]
#[template(path = "mail/code.html")]
struct CodeHtml<'a> {
    locale: &'a str,
    society: &'a Society,
    digits: &'a str,
    reference: &'a str,
    until: &'a str,
}

/// The mail 「メールアドレスの確認」 with the link of step 6.
///
/// # Errors
/// If a template fails, which none should.
pub fn link_mail(heading: &Heading<'_>, link: &Link<'_>) -> Result<Message, Unwritable> {
    let (locale, society) = (heading.language.tag(), &heading.society.name);
    let time = moment(link.expires_at, heading.language);
    let lead = t!("mail.link.lead", locale = locale, society = society);
    let until = t!("mail.link.valid_until", locale = locale, time = time);
    any_link_mail(heading, link, &lead, &until)
}

/// The same for an address that is to take another's place.
///
/// # Errors
/// If a template fails, which none should.
pub fn change_link_mail(heading: &Heading<'_>, link: &Link<'_>) -> Result<Message, Unwritable> {
    let (locale, society) = (heading.language.tag(), &heading.society.name);
    let time = moment(link.expires_at, heading.language);
    let lead = t!("mail.change_link.lead", locale = locale, society = society);
    let until = t!("mail.change_link.valid_until", locale = locale, time = time);
    any_link_mail(heading, link, &lead, &until)
}

/// The mail with the link by which another password takes a forgotten one's place.
///
/// # Errors
/// If a template fails, which none should.
pub fn reset_link_mail(heading: &Heading<'_>, link: &Link<'_>) -> Result<Message, Unwritable> {
    let locale = heading.language.tag();
    let society = heading.society;
    let url = &address(
        link.public_url,
        "forgotten-password",
        link.token,
        heading.language,
    );
    let until = &moment(link.expires_at, heading.language);
    let text = ResetLinkText {
        locale,
        society,
        url,
        until,
    };
    let html = ResetLinkHtml {
        locale,
        society,
        url,
        until,
    };
    let subject = t!("mail.reset_link.subject", locale = locale);
    write(heading, &subject, text.render(), html.render())
}

fn any_link_mail(
    heading: &Heading<'_>,
    link: &Link<'_>,
    lead: &str,
    until: &str,
) -> Result<Message, Unwritable> {
    let locale = heading.language.tag();
    let society = heading.society;
    let url = &address(link.public_url, "email", link.token, heading.language);
    let text = LinkText {
        locale,
        society,
        lead,
        url,
        until,
    }
    .render();
    let html = LinkHtml {
        locale,
        society,
        lead,
        url,
        until,
    }
    .render();
    write(
        heading,
        &t!("mail.link.subject", locale = locale),
        text,
        html,
    )
}

/// The mail with the one-time password of step 14.
///
/// Its text part has one run of six digits: the code. Neither subject nor first lines show it, as a locked telephone would.
///
/// # Errors
/// If a template fails, which none should.
pub fn code_mail(heading: &Heading<'_>, code: &Code<'_>) -> Result<Message, Unwritable> {
    let locale = heading.language.tag();
    let society = &heading.society.beside_a_code();
    let Code {
        digits, reference, ..
    } = *code;
    let until = &moment(code.expires_at, heading.language);
    let text = CodeText {
        locale,
        society,
        digits,
        reference,
        until,
    }
    .render();
    let html = CodeHtml {
        locale,
        society,
        digits,
        reference,
        until,
    }
    .render();
    write(
        heading,
        &t!("mail.code.subject", locale = locale),
        text,
        html,
    )
}

/// Where a link leads. A mail is often read on another device, which knows nothing of the language chosen; pages are Japanese unless
/// asked.
pub(super) fn address(public_url: &str, page: &str, token: &str, language: Language) -> String {
    let asks = match language {
        Language::Ja => "",
        Language::En => "?lang=en",
    };
    let public_url = public_url.trim_end_matches('/');
    format!("{public_url}/{page}/{token}{asks}")
}

pub(super) fn write(
    heading: &Heading<'_>,
    subject: &str,
    text: askama::Result<String>,
    html: askama::Result<String>,
) -> Result<Message, Unwritable> {
    let text = text.map_err(|_| Unwritable)?;
    let html = html.map_err(|_| Unwritable)?;
    let (id, from, to) = (
        heading.id,
        wire_address(heading.from),
        wire_address(heading.to),
    );
    let envelope = Envelope::new(Some(from.clone()), vec![to.clone()]).map_err(|_| Unwritable)?;
    // All that lettre would else make up from clock, chance and host name is given here.
    let body = MultiPart::alternative()
        .boundary(format!("kadode-{id}"))
        .singlepart(SinglePart::plain(text))
        .singlepart(SinglePart::html(html));
    let mail = lettre::Message::builder()
        .from(Mailbox::new(sender_name(heading.society), from))
        .to(Mailbox::new(None, to))
        .subject(subject)
        .date(SystemTime::from(heading.written_at))
        .header(MessageId::from(format!("<{id}@{}>", heading.from.domain())))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .envelope(envelope.clone())
        .multipart(body)
        .map_err(|_| Unwritable)?;
    Ok(Message {
        id,
        envelope,
        bytes: mail.formatted(),
    })
}

/// The society's name as a sender's: on one line, as lettre panics at a line break.
fn sender_name(society: &Society) -> Option<String> {
    let name: String = society.name.chars().filter(|c| !c.is_control()).collect();
    Some(name).filter(|name| !name.trim().is_empty())
}

/// An address as SMTP and the headers want it: a local part with misplaced dots stands in quotes (RFC 5321, 4.1.2).
///
/// Mail servers take the quoted form for the carriers' addresses of old, and strict ones nothing else.
fn wire_address(address: &EmailAddress) -> Address {
    let local = address.local_part();
    let dot_atom = local.split('.').all(|atom| !atom.is_empty());
    // lettre's own parser refuses such addresses; an `EmailAddress` holds nothing that would need escaping.
    if dot_atom {
        Address::new_dangerous(local, address.domain())
    } else {
        Address::new_dangerous(format!("\"{local}\""), address.domain())
    }
}
