//! Whole mails, read back by a parser that is not ours.

use jiff::Timestamp;
use mail_parser::{Message as Parsed, MessageParser, MimeHeaders};
use proptest::prelude::*;

use super::*;
use crate::domain::email::EmailAddress;
use crate::domain::ids::MailId;
use crate::domain::onboarding::Step;
use crate::domain::values::Language;

const ID: &str = "019ab000-0000-7000-8000-000000000001";
const BOTH: [Language; 2] = [Language::Ja, Language::En];

fn society() -> Society {
    Society {
        name: "見本健康保険組合".to_owned(),
        telephone: "03-0000-0000".to_owned(),
        hours: "平日 9時から17時まで".to_owned(),
        address: "〒100-0000 東京都千代田区見本町1-2-3".to_owned(),
        email: "toiawase@kenpo.example.jp".to_owned(),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn heading<T>(
    language: Language,
    society: &Society,
    to: &str,
    write: impl FnOnce(&Heading<'_>) -> T,
) -> T {
    write(&Heading {
        id: ID.parse::<MailId>().unwrap(),
        language,
        society,
        from: &EmailAddress::parse("portal@kenpo.example.jp").unwrap(),
        to: &EmailAddress::parse(to).unwrap(),
        written_at: at("2026-11-22T09:36:00Z"),
    })
}

fn link(language: Language, society: &Society, to: &str) -> Message {
    let link = Link {
        public_url: "https://first.kenpo.example.jp/",
        token: "AbC-dEf_123",
        expires_at: at("2026-11-22T10:36:00Z"),
    };
    heading(language, society, to, |heading| link_mail(heading, &link)).unwrap()
}

fn code(language: Language, society: &Society) -> Message {
    let code = Code {
        digits: "042917",
        reference: "KMRT",
        expires_at: at("2026-11-22T09:46:00Z"),
    };
    heading(language, society, "taro@example.jp", |heading| {
        code_mail(heading, &code)
    })
    .unwrap()
}

fn reminder(language: Language, step: Step) -> Message {
    let message = heading(language, &society(), "taro@example.jp", |heading| {
        let until = at("2026-12-22T15:00:00Z");
        reminder_mail(
            heading,
            "https://first.kenpo.example.jp/",
            step,
            Some(until),
        )
    });
    message.unwrap()
}

fn parsed(message: &Message) -> Parsed<'_> {
    MessageParser::default().parse(message.bytes()).unwrap()
}

fn text(message: &Message) -> String {
    parsed(message).body_text(0).unwrap().into_owned()
}

fn html(message: &Message) -> String {
    parsed(message).body_html(0).unwrap().into_owned()
}

fn runs_of_six(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_numeric())
        .filter(|run| run.chars().count() == 6)
        .collect()
}

#[test]
fn headers_come_from_what_was_passed_in() {
    for language in BOTH {
        let message = link(language, &society(), "taro@example.jp");
        let mail = parsed(&message);
        assert_eq!(
            mail.message_id(),
            Some(format!("{ID}@kenpo.example.jp").as_str())
        );
        assert_eq!(mail.date().unwrap().to_timestamp(), 1_795_340_160);
        assert_eq!(
            mail.header_raw("Auto-Submitted").map(str::trim),
            Some("auto-generated")
        );
        let from = mail.from().unwrap().first().unwrap();
        assert_eq!(from.name(), Some("見本健康保険組合"));
        assert_eq!(from.address(), Some("portal@kenpo.example.jp"));
        assert_eq!(
            mail.to().unwrap().first().unwrap().address(),
            Some("taro@example.jp")
        );
    }
}

#[test]
fn the_same_mail_is_written_the_same_each_time() {
    let again = link(Language::Ja, &society(), "taro@example.jp");
    assert_eq!(
        link(Language::Ja, &society(), "taro@example.jp").bytes(),
        again.bytes()
    );
}

#[test]
fn a_mail_is_ascii_in_short_lines_with_text_before_html() {
    for message in [
        link(Language::Ja, &society(), "taro@example.jp"),
        code(Language::En, &society()),
    ] {
        assert!(message.bytes().is_ascii());
        let source = String::from_utf8(message.bytes().to_vec()).unwrap();
        assert!(
            source
                .split("\r\n")
                .all(|line| line.len() <= 998 && !line.contains(['\r', '\n']))
        );
        let mail = parsed(&message);
        let kinds = mail
            .parts
            .iter()
            .filter_map(|part| part.content_type()?.subtype())
            .collect::<Vec<_>>();
        assert_eq!(kinds, ["alternative", "plain", "html"]);
    }
}

fn keys(prefix: &str, table: &toml::Table) -> Vec<String> {
    let under = |(key, value): (&String, &toml::Value)| match value.as_table() {
        Some(table) => keys(&format!("{prefix}{key}."), table),
        None => vec![format!("{prefix}{key}")],
    };
    table.iter().flat_map(under).collect()
}

#[test]
fn both_languages_have_the_same_texts() {
    let ja = include_str!("../../locales/mail.ja.toml").parse().unwrap();
    let en = include_str!("../../locales/mail.en.toml").parse().unwrap();
    assert_eq!(keys("", &ja), keys("", &en));
}

#[test]
fn every_text_is_found_and_filled() {
    for language in BOTH {
        for message in [
            link(language, &society(), "taro@example.jp"),
            code(language, &society()),
            reminder(language, Step::Password),
        ] {
            for part in [
                text(&message),
                html(&message),
                parsed(&message).subject().unwrap().to_owned(),
            ] {
                let missing = format!("{}.mail.", language.tag());
                for unfilled in [missing.as_str(), "%{", "{{", "{%", "{#"] {
                    assert!(!part.contains(unfilled), "{unfilled} in {part}");
                }
            }
        }
    }
}

#[test]
fn the_link_mail_brings_the_link_and_says_until_when() {
    let message = link(Language::Ja, &society(), "taro@example.jp");
    assert_eq!(parsed(&message).subject(), Some("メールアドレスの確認"));
    let url = "https://first.kenpo.example.jp/email/AbC-dEf_123";
    assert!(text(&message).lines().any(|line| line == url));
    assert!(html(&message).contains(&format!("href=\"{url}\"")));
    for part in [text(&message), html(&message)] {
        assert!(part.contains("11月22日（日）19時36分まで"));
        assert!(part.contains("「更新」") && part.contains("心当たりがない"));
    }
}

#[test]
fn the_code_stands_alone_on_its_line_and_is_the_only_run_of_six_digits() {
    for language in BOTH {
        let message = code(language, &society());
        let text = text(&message);
        assert!(text.lines().any(|line| line == "042917"));
        assert_eq!(runs_of_six(&text), ["042917"]);
    }
}

#[test]
fn the_code_is_neither_in_the_subject_nor_in_the_first_lines() {
    for language in BOTH {
        let message = code(language, &society());
        assert!(!parsed(&message).subject().unwrap().contains("042917"));
        let before = text(&message)
            .split("042917")
            .next()
            .unwrap()
            .chars()
            .count();
        assert!(
            before > 100,
            "a preview of {before} characters would show the code"
        );
    }
}

#[test]
fn the_code_mail_has_the_reference_the_time_and_no_link() {
    let message = code(Language::Ja, &society());
    for part in [text(&message), html(&message)] {
        assert!(part.contains("KMRT") && part.contains("11月22日（日）18時46分まで"));
        assert!(!part.contains("://") && !part.contains("<a "));
    }
}

#[test]
fn nothing_in_html_is_fetched_from_elsewhere() {
    for message in [
        link(Language::Ja, &society(), "taro@example.jp"),
        code(Language::Ja, &society()),
    ] {
        let html = html(&message).to_lowercase();
        for fetching in ["<img", "<link", "<script", "@import", "url(", "src="] {
            assert!(!html.contains(fetching), "{fetching}");
        }
    }
}

#[test]
fn a_carrier_address_stands_in_quotes() {
    let message = link(Language::Ja, &society(), "taro..yamada.@docomo.ne.jp");
    let source = String::from_utf8(message.bytes().to_vec()).unwrap();
    assert!(
        source.contains("To: \"taro..yamada.\"@docomo.ne.jp\r\n"),
        "{source}"
    );
    assert_eq!(
        message.envelope.to()[0].to_string(),
        "\"taro..yamada.\"@docomo.ne.jp"
    );
}

#[test]
fn a_name_with_line_breaks_adds_no_header() {
    let society = Society {
        name: "Kenpo\r\nBcc: x@example.jp\0".to_owned(),
        ..society()
    };
    let message = link(Language::En, &society, "taro@example.jp");
    let mail = parsed(&message);
    assert!(mail.bcc().is_none());
    let sender = mail.from().unwrap().first().unwrap();
    assert_eq!(sender.name(), Some("KenpoBcc: x@example.jp"));
}

#[test]
fn what_the_society_writes_is_text_not_markup() {
    let society = Society {
        name: "<b>A&B</b>".to_owned(),
        ..society()
    };
    let message = code(Language::Ja, &society);
    assert!(!html(&message).contains("<b>A&B</b>のポータル"));
    assert!(text(&message).contains("<b>A&B</b>のポータル"));
}

proptest! {
    #[test]
    fn no_society_brings_a_second_run_of_six_digits(
        telephone in "[0-9０-９() -]{0,20}", address in "[0-9〒丁目 ]{0,20}", email in "[a-z0-9]{1,8}@example.jp", name in "[0-9健保]{0,12}",
    ) {
        let society = Society { name, telephone, address, email, hours: "123456".to_owned() };
        for language in BOTH {
            let text = text(&code(language, &society));
            prop_assert_eq!(runs_of_six(&text), ["042917"]);
        }
    }

    #[test]
    fn any_name_makes_one_sender_and_leaves_the_other_headers_alone(name in any::<String>()) {
        let message = link(Language::Ja, &Society { name, ..society() }, "taro@example.jp");
        let mail = parsed(&message);
        prop_assert!(message.bytes().is_ascii());
        prop_assert_eq!(mail.from().unwrap().first().unwrap().address(), Some("portal@kenpo.example.jp"));
        prop_assert_eq!(mail.headers().len(), 8);
    }
}

#[test]
fn the_notice_of_a_set_up_leads_to_its_page_in_its_language_and_the_other_notice_nowhere() {
    for (language, address) in [
        (
            Language::Ja,
            "https://first.kenpo.example.jp/not-me/AbC-dEf_123\r\n",
        ),
        (
            Language::En,
            "https://first.kenpo.example.jp/not-me/AbC-dEf_123?lang=en\r\n",
        ),
    ] {
        let url = "https://first.kenpo.example.jp/";
        let set_up = heading(language, &society(), "taro@example.jp", |heading| {
            set_up_mail(heading, url, "AbC-dEf_123")
        });
        let set_up = set_up.unwrap();
        assert!(text(&set_up).contains(address), "{}", text(&set_up));
        assert!(html(&set_up).contains(&format!("href=\"{}\"", address.trim_end())));
        let acted = heading(language, &society(), "taro@example.jp", support_mail).unwrap();
        for body in [text(&acted), html(&acted)] {
            assert!(!body.contains("://"), "{body}");
            assert!(body.contains("03-0000-0000"), "{body}");
        }
    }
}

#[test]
fn a_reminder_names_the_next_step_and_leads_to_the_entrance_alone() {
    let url = "https://first.kenpo.example.jp";
    for language in BOTH {
        for step in Step::ALL {
            let message = reminder(language, step);
            let is_past = [Step::FirstLoginCompleted, Step::LogOut].contains(&step);
            let told = if is_past { Step::SignInAgain } else { step };
            let label = rust_i18n::t!(format!("step.{}", told.name()), locale = language.tag());
            for body in [text(&message), html(&message)] {
                assert!(body.contains(&*label), "{body}");
                assert!(!body.contains("step."), "{body}");
                assert!(!body.contains(&format!("{url}/")), "{body}");
            }
            assert!(text(&message).lines().any(|line| line == url));
        }
    }
}

#[test]
fn a_reminder_tells_what_is_left_and_nothing_that_is_done() {
    let tells = |step, words: &str| text(&reminder(Language::Ja, step)).contains(words);
    let told_of = |words: &str| -> Vec<Step> {
        let steps = Step::ALL.into_iter();
        steps.filter(|step| tells(*step, words)).collect()
    };
    assert_eq!(told_of("認証方法を選び"), [Step::OtpMethod]);
    assert_eq!(
        told_of("新しいパスワードを決め"),
        [Step::OtpMethod, Step::Password]
    );
    assert_eq!(told_of("ログアウト"), []);
    assert_eq!(
        told_of("ワンタイムパスワードが必要なことがあります"),
        [Step::OtpMethod, Step::Password]
    );
}

#[test]
fn a_reminder_says_until_when_the_initial_password_works_only_where_it_still_does() {
    let until = "12月23日（水）0時00分まで";
    assert!(text(&reminder(Language::Ja, Step::Password)).contains(until));
    let own = heading(Language::Ja, &society(), "taro@example.jp", |heading| {
        reminder_mail(heading, "https://first.kenpo.example.jp", Step::Otp, None)
    });
    assert!(!text(&own.unwrap()).contains("初期パスワード"));
}
