//! What a policy file may say, and how a mistake in it is named: with its line and the reason.

use super::*;

const SAMPLE: &str = include_str!("../../../policies/sample.toml");

fn policy(text: &str) -> Policy {
    toml::from_str(text).unwrap()
}

/// The sample with `from`, which has to be in it, replaced by `to`.
fn changed(from: &str, to: &str) -> String {
    assert!(SAMPLE.contains(from), "the sample has no {from:?}");
    SAMPLE.replacen(from, to, 1)
}

/// Refuses `text`, and tells the number of the line complained about, the line itself, and the reason.
fn complaint(text: &str) -> (usize, String, String) {
    let error = toml::from_str::<Policy>(text).unwrap_err();
    let start = error.span().unwrap().start;
    let number = text.get(..start).unwrap().matches('\n').count();
    let line = text.lines().nth(number).unwrap().to_owned();
    (number + 1, line, error.message().to_owned())
}

/// The line of `text` that holds `what` for the first time, counted from 1.
fn line_of(text: &str, what: &str) -> usize {
    text.lines().position(|line| line.contains(what)).unwrap() + 1
}

/// A mistake made by replacing `from` by `to` is found on the line of `to`, with the reason.
#[track_caller]
fn refused(from: &str, to: &str, reason: &str) {
    let text = changed(from, to);
    let (number, line, found) = complaint(&text);
    assert_eq!(number, line_of(&text, to), "the line was {line:?}");
    assert!(found.contains(reason), "{found:?}");
}

/// The same, where `to` has several lines and the mistake is on `line`.
#[track_caller]
fn refused_within(from: &str, to: &str, line: &str, reason: &str) {
    let text = changed(from, to);
    let (number, _, found) = complaint(&text);
    assert_eq!(number, line_of(&text, line), "{line}: {found}");
    assert!(found.contains(reason), "{found:?}");
}

#[test]
fn the_sample_s_limits_are_the_defaults_but_for_those_of_later_which_no_default_may_bring() {
    let mut expected = Limits::default();
    expected.sign_in.wrong_formulas_per_symbol = Some(100);
    expected.sign_in.wrong_formulas = Some(1000);
    expected.sign_in.wrong_confirmations_per_member = Some(10);
    expected.sign_in.wrong_confirmations = Some(100);
    expected.hold.hours_after_formula = 72;
    expected.support.proofing_hours = Some(72);
    expected.support.lifts_per_day = Some(3);
    expected.support.release_takes_two = true;
    expected.support.reissue_takes_proof = true;
    assert_eq!(policy(SAMPLE).limits, expected);
}

#[test]
fn the_defaults_are_those_of_the_design() {
    let mails = MailLimits {
        apart_seconds: 60,
        each: 5,
        per_hour: 10,
        per_day: 20,
    };
    let expected = Limits {
        password: PasswordLimits {
            min_length: 15,
            max_length: 128,
        },
        otp: OtpLimits {
            lifetime_minutes: 10,
            tries: 5,
            pending_minutes: 15,
            mails,
        },
        email_link: LinkLimits {
            lifetime_minutes: 60,
            mails,
        },
        sign_in: SignInLimits {
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
        },
        session: SessionLimits {
            onboarding_idle_minutes: 20,
            onboarding_minutes: 60,
            full_idle_minutes: 30,
            full_minutes: 720,
        },
        initial_credentials: InitialLimits { days: 30 },
        support: SupportLimits {
            proposal_hours: 72,
            unmask_minutes: 60,
            proofing_hours: None,
            lifts_per_day: None,
            release_takes_two: false,
            reissue_takes_proof: false,
        },
        hold: HoldLimits {
            hours_after_formula: 0,
        },
        later: LaterLimits {
            address_hours: 72,
            password_hours: 24,
        },
        anomalies: AnomalyLimits {
            members_per_browser: 3,
            members_per_domain: 20,
        },
        reminders: None,
    };
    assert_eq!(Limits::default(), expected);
}

#[test]
fn limits_may_be_left_out_as_a_whole() {
    let (text, _) = SAMPLE.split_once("[limits.password]").unwrap();
    assert_eq!(policy(text).limits, Limits::default());
}

#[test]
fn every_limit_may_be_left_out() {
    let (text, limits) = SAMPLE.split_once("[limits.password]").unwrap();
    let mut text = format!("{text}[limits.password]");
    for line in limits.lines().filter(|line| line.starts_with('[')) {
        text.push_str(line);
        text.push('\n');
    }
    let text = text.replace("[limits.password][", "[limits.password]\n[");
    assert_eq!(policy(&text).limits, Limits::default());
}

#[test]
fn one_limit_of_the_mails_may_be_set_alone() {
    let text = changed(
        "mails = { apart_seconds = 60, each = 5, per_hour = 10, per_day = 20 }",
        "mails = { each = 3 }",
    );
    let expected = MailLimits {
        each: 3,
        ..MailLimits::default()
    };
    assert_eq!(policy(&text).limits.otp.mails, expected);
}

#[test]
fn the_sample_has_the_manual_s_four_cohorts() {
    let policy = policy(SAMPLE);
    let names: Vec<_> = policy
        .cohorts
        .iter()
        .map(|cohort| cohort.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "registered-before-migration",
            "joined-to-2024-12-01",
            "joined-2024-12-02-to-2026-03-25",
            "joined-from-2026-03-26",
        ]
    );
}

#[test]
fn the_sample_s_first_three_cohorts_start_with_the_formula_and_the_last_with_a_printed_password() {
    let formula = InitialPassword::Formula(vec![
        FormulaPart::Symbol,
        FormulaPart::Number,
        FormulaPart::BirthDate,
    ]);
    let passwords: Vec<_> = policy(SAMPLE)
        .cohorts
        .into_iter()
        .map(|cohort| cohort.initial_password)
        .collect();
    assert_eq!(
        passwords,
        [
            formula.clone(),
            formula.clone(),
            formula,
            InitialPassword::Printed
        ]
    );
}

#[test]
fn the_sample_follows_the_manual_in_having_no_step_4() {
    assert!(policy(SAMPLE).terms.is_none());
}

#[test]
fn the_consent_step_is_switched_on_by_taking_the_comment_signs_away() {
    let text = SAMPLE
        .replace("# [terms]", "[terms]")
        .replace("# version = ", "version = ")
        .replace("# text = ", "text = ");
    assert_eq!(policy(&text).terms.unwrap().version, "2026-04");
}

#[test]
fn mails_come_from_the_domain_behind_the_at_sign() {
    assert_eq!(policy(SAMPLE).society.mail_domain(), "kenpo.example.jp");
}

#[test]
fn a_text_is_read_in_the_language_asked_for() {
    let name = policy(SAMPLE).society.name;
    assert_eq!(
        [Language::Ja, Language::En].map(|language| name.in_language(language)),
        ["見本健康保険組合", "Sample Health Insurance Society"]
    );
}

#[test]
fn an_unknown_key_is_refused() {
    refused("tries = 5", "tires = 5", "unknown field `tires`");
}

#[test]
fn an_unknown_table_is_refused() {
    refused("[society]", "[socety]", "unknown field `socety`");
}

#[test]
fn an_unknown_kind_of_limit_is_refused() {
    refused(
        "[limits.initial_credentials]",
        "[limits.initial_credential]",
        "unknown field `initial_credential`",
    );
}

#[test]
fn a_value_above_its_range_is_refused() {
    refused("tries = 5", "tries = 50", "must be from 1 to 10, not 50");
}

#[test]
fn a_value_below_its_range_is_refused() {
    refused(
        "min_length = 15",
        "min_length = 7",
        "must be from 8 to 64, not 7",
    );
}

#[test]
fn a_value_out_of_range_within_a_line_is_refused() {
    refused(
        "per_hour = 10",
        "per_hour = 0",
        "must be from 1 to 1000, not 0",
    );
}

#[test]
fn the_ends_of_a_range_belong_to_it() {
    for tries in [1, 10] {
        let text = changed("tries = 5", &format!("tries = {tries}"));
        assert_eq!(policy(&text).limits.otp.tries, tries);
    }
}

#[test]
fn a_code_may_not_live_longer_than_ten_minutes() {
    refused(
        "lifetime_minutes = 10",
        "lifetime_minutes = 11",
        "must be from 1 to 10, not 11",
    );
}

#[test]
fn a_fraction_is_refused() {
    refused("tries = 5", "tries = 5.5", "floating point");
}

#[test]
fn a_negative_number_is_refused() {
    refused("tries = 5", "tries = -5", "invalid value: integer `-5`");
}

#[test]
fn a_day_that_does_not_exist_is_refused() {
    refused(
        "joined_from = \"2026-03-26\"",
        "joined_from = \"2026-02-30\"",
        "date is not valid",
    );
}

#[test]
fn a_missing_key_is_refused_at_its_table() {
    let text = changed("telephone = \"03-0000-0000\"\n", "");
    let (_, line, reason) = complaint(&text);
    assert_eq!(
        (line.as_str(), reason.as_str()),
        ("[society]", "missing field `telephone`")
    );
}

#[test]
fn a_policy_without_the_word_cohorts_is_refused() {
    let (text, _) = SAMPLE.split_once("# A: ").unwrap();
    let (_, _, reason) = complaint(text);
    assert_eq!(reason, "missing field `cohorts`");
}

#[test]
fn a_policy_with_no_cohort_is_refused() {
    let (text, _) = SAMPLE.split_once("# A: ").unwrap();
    let text = text.replace("[society]", "cohorts = []\n[society]");
    let (number, _, reason) = complaint(&text);
    assert_eq!(
        (number, reason.as_str()),
        (
            line_of(&text, "cohorts = []"),
            "at least one cohort is needed"
        )
    );
}

#[test]
fn two_cohorts_of_one_name_are_refused_where_the_cohorts_begin() {
    let text = changed(
        "name = \"joined-from-2026-03-26\"",
        "name = \"joined-to-2024-12-01\"",
    );
    let (number, _, reason) = complaint(&text);
    assert_eq!(
        (number, reason.as_str()),
        (
            line_of(&text, "[[cohorts]]"),
            "there are two cohorts named \"joined-to-2024-12-01\""
        )
    );
}

#[test]
fn a_cohort_whose_days_are_the_wrong_way_round_is_refused_at_its_own_line() {
    let text = changed(
        "joined_from = \"2024-12-02\"",
        "joined_from = \"2026-03-26\"",
    );
    let name = "joined-2024-12-02-to-2026-03-25";
    let (number, _, reason) = complaint(&text);
    assert_eq!(
        (number, reason),
        (
            line_of(&text, &format!("name = \"{name}\"")) - 1,
            format!("cohort {name:?}: joined_from is later than joined_to")
        )
    );
}

#[test]
fn a_cohort_of_a_single_day_is_taken() {
    let text = changed(
        "joined_from = \"2024-12-02\"",
        "joined_from = \"2026-03-25\"",
    );
    assert_eq!(policy(&text).cohorts.len(), 4);
}

#[test]
fn a_formula_of_nothing_is_refused() {
    refused(
        "formula = [\"symbol\", \"number\", \"birth_date\"]",
        "formula = []",
        "the formula is empty",
    );
}

#[test]
fn an_unknown_part_of_a_formula_is_refused() {
    refused(
        "formula = [\"symbol\", ",
        "formula = [\"gid\", ",
        "unknown variant `gid`",
    );
}

#[test]
fn an_unknown_kind_of_password_is_refused() {
    refused(
        "initial_password = \"printed\"",
        "initial_password = \"random\"",
        "unknown variant `random`",
    );
}

#[test]
fn a_header_for_a_column_that_no_roster_has_is_refused() {
    refused(
        "\"記号\" = \"symbol\"",
        "\"記号\" = \"symbl\"",
        "a roster has no column \"symbl\"",
    );
}

#[test]
fn a_sender_that_is_no_mail_address_is_refused() {
    for sender in [
        "kenpo.example.jp",
        "見本健保 <portal@kenpo.example.jp>",
        "portal@kenpo.example.jp ",
        "portal@kenpo.example.jp, office@kenpo.example.jp",
    ] {
        refused(
            "mail_from = \"portal@kenpo.example.jp\"",
            &format!("mail_from = \"{sender}\""),
            "must be a mail address",
        );
    }
}

#[test]
fn a_sender_that_no_mail_could_come_from_is_refused() {
    refused(
        "mail_from = \"portal@kenpo.example.jp\"",
        "mail_from = \"portal @kenpo.example.jp\"",
        "must be a mail address",
    );
}

#[test]
fn a_portal_without_a_host_is_refused() {
    refused(
        "portal_url = \"https://portal.kenpo.example.jp/\"",
        "portal_url = \"https:// portal\"",
        "must be a web address",
    );
}

#[test]
fn an_address_for_questions_that_is_no_mail_address_is_refused() {
    refused(
        "email = \"toiawase@kenpo.example.jp\"",
        "email = \"toiawase\"",
        "must be a mail address",
    );
}

#[test]
fn a_portal_that_is_no_web_address_is_refused() {
    refused(
        "portal_url = \"https://portal",
        "portal_url = \"portal",
        "must be a web address",
    );
}

#[test]
fn traces_are_kept_for_ever_unless_the_policy_says_for_how_long() {
    assert_eq!(policy(SAMPLE).retention.trace_days, None);
    let with = |days: u32| {
        SAMPLE.replace(
            "[limits.password]",
            &format!("[retention]\ntrace_days = {days}\n[limits.password]"),
        )
    };
    assert_eq!(policy(&with(400)).retention.trace_days, Some(400));
    assert!(toml::from_str::<Policy>(&with(29)).is_err());
}

#[test]
fn nobody_is_reminded_unless_the_policy_says_when() {
    assert_eq!(policy(SAMPLE).limits.reminders, None);
    let shown: Vec<&str> = SAMPLE
        .lines()
        .skip_while(|line| *line != "# [limits.reminders]")
        .take_while(|line| line.starts_with("# "))
        .map(|line| line.trim_start_matches("# "))
        .collect();
    for section in [shown.join("\n").as_str(), "[limits.reminders]"] {
        let with = SAMPLE.replace(
            "[limits.password]",
            &format!("{section}\n[limits.password]"),
        );
        let found = policy(&with).limits.reminders;
        assert_eq!(found, Some(ReminderLimits::default()), "{section}");
    }
}

#[test]
fn reminders_that_would_come_at_night_or_out_of_order_are_refused() {
    for (line, reason) in [
        ("after_days = [7, 3]", "each larger"),
        ("after_days = []", "one to 5 numbers"),
        ("after_days = [0]", "from 1 to 90"),
        ("after_days = [1, 2, 3, 4, 5, 6]", "one to 5 numbers"),
        ("hours = [9, 23]", "from 6 to 22"),
        ("hours = [20, 9]", "the second later"),
        ("per_hour = 0", "must be from 1"),
    ] {
        let section = format!("[limits.reminders]\n{line}\n[limits.password]");
        refused_within("[limits.password]", &section, line, reason);
    }
}

/// Reminders by the hour: 100 in an hour and 250 in a day, from nine to twelve in Tokyo.
fn few() -> ReminderLimits {
    ReminderLimits {
        per_hour: 100,
        per_day: 250,
        hours: [9, 12],
        ..ReminderLimits::default()
    }
}

fn tokyo(text: &str) -> jiff::Timestamp {
    format!("{text}+09:00").parse().unwrap()
}

#[test]
fn what_is_due_is_spread_over_the_days_that_the_budget_needs() {
    let sent = Sent {
        this_hour: 40,
        today: 60,
    };
    let spread = |due, now: &str| {
        let days = few().days_of(due, sent, tokyo(now), 3);
        days.iter().map(|(_, count)| *count).collect::<Vec<_>>()
    };
    // 60 in this hour and 100 in the next; then 250 a day.
    assert_eq!(spread(1000, "2026-04-10T10:30"), [160, 250, 250]);
    // The day's budget ends before its hours do.
    assert_eq!(spread(1000, "2026-04-10T09:30"), [190, 250, 250]);
    // The evening has none left, the night before has all.
    assert_eq!(spread(300, "2026-04-10T12:00"), [0, 250, 50]);
    assert_eq!(spread(10, "2026-04-10T08:59"), [10]);
}

#[test]
fn a_mail_of_the_night_waits_for_the_next_morning() {
    for (now, then) in [
        ("2026-04-10T08:59:59", "2026-04-10T09:00"),
        ("2026-04-10T09:00", "2026-04-10T09:00"),
        ("2026-04-10T11:59", "2026-04-10T11:59"),
        ("2026-04-10T12:00", "2026-04-11T09:00"),
    ] {
        assert_eq!(few().next_moment(tokyo(now)), tokyo(then), "{now}");
    }
}

#[test]
fn only_a_formula_without_the_limit_over_all_members_is_unbounded() {
    let without = changed("wrong_formulas = 1000\n", "");
    let first = policy(&without);
    let name = |policy: &Policy| policy.unbounded_formula().map(|it| it.name.clone());
    assert_eq!(name(&first), Some("registered-before-migration".to_owned()));
    assert_eq!(name(&policy(SAMPLE)), None);
    let mut printed = first;
    for cohort in &mut printed.cohorts {
        cohort.initial_password = InitialPassword::Printed;
    }
    assert_eq!(name(&printed), None);
}
