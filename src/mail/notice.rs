//! The two notices: that the account was set up, and that staff did something for it. Neither holds a name, a number or a code.

use askama::Template;
use rust_i18n::t;

use super::message::{Heading, Message, Unwritable, address, write};
use super::wording::Society;

#[derive(Template)]
#[template(path = "mail/set_up.txt")]
struct SetUpText<'a> {
    locale: &'a str,
    society: &'a Society,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/set_up.html")]
struct SetUpHtml<'a> {
    locale: &'a str,
    society: &'a Society,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/support.txt")]
struct SupportText<'a> {
    locale: &'a str,
    society: &'a Society,
}

#[derive(Template)]
#[template(path = "mail/support.html")]
struct SupportHtml<'a> {
    locale: &'a str,
    society: &'a Society,
}

/// The notice that the account was set up, with the link for whoever did not do that; `token` needs no escaping in a URL.
///
/// # Errors
/// If a template fails, which none should.
pub fn set_up_mail(
    heading: &Heading<'_>,
    public_url: &str,
    token: &str,
) -> Result<Message, Unwritable> {
    let locale = heading.language.tag();
    let society = heading.society;
    let url = &address(public_url, "not-me", token, heading.language);
    let text = SetUpText {
        locale,
        society,
        url,
    };
    let html = SetUpHtml {
        locale,
        society,
        url,
    };
    let subject = t!("mail.set_up.subject", locale = locale);
    write(heading, &subject, text.render(), html.render())
}

/// The notice that staff did something for the account.
///
/// # Errors
/// If a template fails, which none should.
pub fn support_mail(heading: &Heading<'_>) -> Result<Message, Unwritable> {
    let locale = heading.language.tag();
    let society = heading.society;
    let text = SupportText { locale, society };
    let html = SupportHtml { locale, society };
    let subject = t!("mail.support.subject", locale = locale);
    write(heading, &subject, text.render(), html.render())
}
