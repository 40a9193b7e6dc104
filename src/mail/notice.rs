//! The notices: that the account was set up, that its address or its password is to change or has changed, that staff did something for it, and that its
//! set-up has stopped on the way. None holds a name, a number or a code.

use std::borrow::Cow;

use askama::Template;
use jiff::Timestamp;
use rust_i18n::t;

use super::message::{Heading, Message, Unwritable, address, write};
use super::wording::{Society, moment};
use crate::domain::onboarding::Step;

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
#[template(path = "mail/change.txt")]
struct ChangeText<'a> {
    locale: &'a str,
    society: &'a Society,
    change: &'a Change<'a>,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/change.html")]
struct ChangeHtml<'a> {
    locale: &'a str,
    society: &'a Society,
    change: &'a Change<'a>,
    url: &'a str,
}

/// What is to change, or has changed, in words.
struct Change<'a> {
    subject: &'a str,
    lead: &'a str,
    when: &'a str,
    not_mine: &'a str,
}

#[derive(Template)]
#[template(path = "mail/reminder.txt")]
struct ReminderText<'a> {
    locale: &'a str,
    society: &'a Society,
    said: &'a Said<'a>,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "mail/reminder.html")]
struct ReminderHtml<'a> {
    locale: &'a str,
    society: &'a Society,
    said: &'a Said<'a>,
    url: &'a str,
}

/// What a reminder says of the way.
struct Said<'a> {
    /// What comes next.
    step: String,
    /// How to go on.
    next: String,
    /// That a code may be asked for, where it depends.
    code: Option<Cow<'a, str>>,
    /// Until when the initial password counts, where it still does.
    until: Option<String>,
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

/// The notice that another address takes this one's place from `counts_from` on, with the link for whoever did not ask for that.
///
/// # Errors
/// If a template fails, which none should.
pub fn change_notice_mail(
    heading: &Heading<'_>,
    public_url: &str,
    token: &str,
    counts_from: Timestamp,
) -> Result<Message, Unwritable> {
    let (locale, society) = (heading.language.tag(), &heading.society.name);
    let time = moment(counts_from, heading.language);
    let change = Change {
        subject: &t!("mail.change.subject", locale = locale),
        lead: &t!("mail.change.lead", locale = locale, society = society),
        when: &t!("mail.change.when", locale = locale, time = time),
        not_mine: &t!("mail.change.not_mine", locale = locale),
    };
    any_change_mail(heading, public_url, token, &change)
}

/// The notice that another password takes a forgotten one's place from `counts_from` on, with the link for whoever did not ask for that.
///
/// # Errors
/// If a template fails, which none should.
pub fn reset_notice_mail(
    heading: &Heading<'_>,
    public_url: &str,
    token: &str,
    counts_from: Option<Timestamp>,
) -> Result<Message, Unwritable> {
    let (locale, society) = (heading.language.tag(), &heading.society.name);
    let when = if let Some(counts_from) = counts_from {
        let time = moment(counts_from, heading.language);
        t!("mail.reset.when", locale = locale, time = time)
    } else {
        t!("mail.reset.cancelled", locale = locale)
    };
    let change = Change {
        subject: &t!("mail.reset.subject", locale = locale),
        lead: &t!("mail.reset.lead", locale = locale, society = society),
        when: &when,
        not_mine: &t!("mail.reset.not_mine", locale = locale),
    };
    any_change_mail(heading, public_url, token, &change)
}

/// The notice that the member, signed in, set another password, with the link for whoever did not do that.
///
/// # Errors
/// If a template fails, which none should.
pub fn password_notice_mail(
    heading: &Heading<'_>,
    public_url: &str,
    token: &str,
) -> Result<Message, Unwritable> {
    let (locale, society) = (heading.language.tag(), &heading.society.name);
    let change = Change {
        subject: &t!("mail.password_change.subject", locale = locale),
        lead: &t!(
            "mail.password_change.lead",
            locale = locale,
            society = society
        ),
        when: &t!("mail.password_change.when", locale = locale),
        not_mine: &t!("mail.password_change.not_mine", locale = locale),
    };
    any_change_mail(heading, public_url, token, &change)
}

fn any_change_mail(
    heading: &Heading<'_>,
    public_url: &str,
    token: &str,
    change: &Change<'_>,
) -> Result<Message, Unwritable> {
    let locale = heading.language.tag();
    let society = heading.society;
    let url = &address(public_url, "not-me", token, heading.language);
    let text = ChangeText {
        locale,
        society,
        change,
        url,
    };
    let html = ChangeHtml {
        locale,
        society,
        change,
        url,
    };
    write(heading, change.subject, text.render(), html.render())
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

/// The reminder that the set-up has stopped at `step`; `until` is the end of the initial password, if the member has no other. Its link is the
/// portal's own address, and leads nowhere else.
///
/// # Errors
/// If a template fails, which none should.
pub fn reminder_mail(
    heading: &Heading<'_>,
    public_url: &str,
    step: Step,
    until: Option<Timestamp>,
) -> Result<Message, Unwritable> {
    let locale = heading.language.tag();
    let society = heading.society;
    let label = t!(format!("step.{}", to_do(step).name()), locale = locale);
    let until = until.map(|end| {
        let time = moment(end, heading.language);
        t!("mail.reminder.until", locale = locale, time = time).into_owned()
    });
    let said = &Said {
        step: t!("mail.reminder.step", locale = locale, step = label).into_owned(),
        next: t!(next_of(step), locale = locale).into_owned(),
        code: may_need_code(step).then(|| t!("mail.reminder.code", locale = locale)),
        until,
    };
    let url = public_url.trim_end_matches('/');
    let text = ReminderText {
        locale,
        society,
        said,
        url,
    };
    let html = ReminderHtml {
        locale,
        society,
        said,
        url,
    };
    let subject = t!("mail.reminder.subject", locale = locale);
    write(heading, &subject, text.render(), html.render())
}

/// What is told of a step: whoever left instead of logging out has only to log in again.
const fn to_do(step: Step) -> Step {
    if matches!(step, Step::FirstLoginCompleted | Step::LogOut) {
        Step::SignInAgain
    } else {
        step
    }
}

/// Whether signing in needs a code in some browsers and in others not: the address is confirmed, and the password is still that on paper. With
/// one's own, it always does.
const fn may_need_code(step: Step) -> bool {
    matches!(step, Step::OtpMethod | Step::Password)
}

/// How to go on from a step: with the password on paper, or with one's own.
const fn next_of(step: Step) -> &'static str {
    match step {
        Step::SignIn
        | Step::BirthDate
        | Step::Terms
        | Step::Email
        | Step::EmailLink
        | Step::EmailUpdate => "mail.reminder.next.with_letter",
        Step::OtpMethod => "mail.reminder.next.with_address",
        Step::Password => "mail.reminder.next.with_method",
        Step::FirstLoginCompleted
        | Step::LogOut
        | Step::SignInAgain
        | Step::Otp
        | Step::Completed => "mail.reminder.next.with_own_password",
    }
}
