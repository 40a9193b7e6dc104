//! The rules of a roster, one test each.

use encoding_rs::SHIFT_JIS;
use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::{Errors, MOST_ERRORS, Row};
use crate::domain::policy::Policy;

const TODAY: Date = date(2026, 11, 22);

const HEADER: &str = "user_id,symbol,number,birth_date,name,gid,joined_on,registered_on_old_portal";

fn policy() -> Policy {
    toml::from_str(include_str!("../../../policies/sample.toml")).unwrap()
}

/// The rows after the usual header.
fn roster(rows: &str) -> Vec<u8> {
    format!("{HEADER}\n{rows}\n").into_bytes()
}

/// A roster as read to its end.
struct Roster<'policy> {
    rows: Vec<Row<'policy>>,
    count: usize,
    errors: Errors,
}

impl Roster<'_> {
    /// How many rows belong to each cohort of the policy.
    fn by_cohort(&self, policy: &Policy) -> Vec<usize> {
        let of = |name: &str| {
            self.rows
                .iter()
                .filter(|row| row.cohort.name == name)
                .count()
        };
        policy
            .cohorts
            .iter()
            .map(|cohort| of(&cohort.name))
            .collect()
    }
}

fn parse<'a>(bytes: &'a [u8], policy: &'a Policy, today: Date) -> Roster<'a> {
    let mut roster = super::Roster::read(bytes, policy, today);
    let mut rows = Vec::new();
    loop {
        let some = roster.rows(2);
        if some.is_empty() {
            break;
        }
        rows.extend(some);
    }
    let super::Roster { count, errors, .. } = roster;
    Roster {
        rows,
        count,
        errors,
    }
}

fn with_policy<T>(bytes: &[u8], check: impl FnOnce(Roster<'_>) -> T) -> T {
    check(parse(bytes, &policy(), TODAY))
}

/// The one row of a roster in which nothing is wrong.
fn only<T>(bytes: &[u8], check: impl FnOnce(&Row<'_>) -> T) -> T {
    with_policy(bytes, |roster| {
        let errors = roster.errors.into_list();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!((roster.rows.len(), roster.count), (1, 1));
        check(&roster.rows[0])
    })
}

/// Line, column and reason of each error.
fn errors(bytes: &[u8]) -> Vec<(u64, String, String)> {
    with_policy(bytes, |roster| {
        roster
            .errors
            .into_list()
            .into_iter()
            .map(|error| (error.line, error.column, error.why.to_string()))
            .collect()
    })
}

/// Where errors stand.
fn places(bytes: &[u8]) -> Vec<(u64, String)> {
    errors(bytes)
        .into_iter()
        .map(|(line, column, _)| (line, column))
        .collect()
}

fn place(line: u64, column: &str) -> (u64, String) {
    (line, column.to_owned())
}

const HANAKO: &str = "hanako01,1,11111,1980-01-01,見本 花子,,2005-04-01,1";

#[test]
fn a_row_becomes_a_member() {
    only(&roster(HANAKO), |row| {
        let profile = &row.profile;
        assert_eq!(
            (
                profile.user_id.as_str(),
                profile.symbol.as_str(),
                profile.number.as_str(),
                profile.name.as_str()
            ),
            ("hanako01", "1", "11111", "見本 花子")
        );
        assert_eq!(profile.birth_date, date(1980, 1, 1));
        assert_eq!(profile.joined_on, date(2005, 4, 1));
        assert_eq!(profile.gid, None);
        assert!(profile.registered);
        assert_eq!(
            (row.line, row.cohort.name.as_str()),
            (2, "registered-before-migration")
        );
    });
}

#[test]
fn each_row_gets_the_cohort_of_its_own_dates() {
    let rows = "a,1,1,1980-01-01,甲,,2005-04-01,1\nb,1,2,1980-01-01,乙,,2024-12-01,\n\
                c,1,3,1980-01-01,丙,,2024-12-02,0\nd,1,4,1980-01-01,丁,,2026-03-26,0";
    with_policy(&roster(rows), |roster| {
        let cohorts: Vec<_> = roster
            .rows
            .iter()
            .map(|row| row.cohort.name.as_str())
            .collect();
        assert_eq!(
            cohorts,
            [
                "registered-before-migration",
                "joined-to-2024-12-01",
                "joined-2024-12-02-to-2026-03-25",
                "joined-from-2026-03-26"
            ]
        );
        let policy = policy();
        assert!(roster.by_cohort(&policy).iter().all(|count| *count == 1));
    });
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_column() {
    let bytes = [b"\xef\xbb\xbf".as_slice(), &roster(HANAKO)].concat();
    only(&bytes, |row| assert_eq!(row.profile.user_id, "hanako01"));
}

#[test]
fn shift_jis_is_read_with_the_characters_of_windows() {
    let text =
        format!("{HEADER}\r\nhanako01,1,11111,昭和55年1月1日,髙橋 ソ表子,,2005-04-01,はい\r\n");
    let (bytes, _, unmappable) = SHIFT_JIS.encode(&text);
    assert!(!unmappable);
    only(&bytes, |row| {
        assert_eq!(row.profile.name, "髙橋 ソ表子");
        assert_eq!(row.profile.birth_date, date(1980, 1, 1));
    });
}

#[test]
fn a_byte_that_is_no_text_is_named_by_its_line_and_column() {
    let mut bytes = roster(&format!(
        "{HANAKO}\nkp1,1,2,1980-01-01,山川 X郎,,2005-04-01,1\nkp2,1,3,1980-01-01,青木 美咲,,2005-04-01,1"
    ));
    let broken = bytes.iter().position(|byte| *byte == b'X').unwrap();
    bytes[broken] = 0xff;
    assert_eq!(places(&bytes), [place(3, "name")]);
}

#[test]
fn bytes_that_are_text_in_neither_encoding_are_errors() {
    let bytes = [
        HEADER.as_bytes(),
        b"\nkp1,1,2,1980-01-01,\x81,,2005-04-01,1\n",
    ]
    .concat();
    assert_eq!(places(&bytes), [place(2, "name")]);
}

#[test]
fn columns_may_stand_in_any_order() {
    let text = "name,number,symbol,registered_on_old_portal,joined_on,birth_date,user_id\n\
                見本 花子,11111,1,yes,2005/4/1,S55.1.1,hanako01";
    only(text.as_bytes(), |row| {
        assert_eq!(row.profile.number, "11111");
        assert_eq!(row.profile.gid, None);
    });
}

#[test]
fn the_policys_words_for_columns_are_understood() {
    let text = "ユーザID,記号,番号,生年月日,氏名,ＧＩＤ,加入日,旧ポータル登録\n\
                hanako01,1,11111,19800101,見本 花子,G1,20050401,いいえ";
    only(text.as_bytes(), |row| {
        assert_eq!(row.profile.gid.as_deref(), Some("G1"));
    });
}

#[test]
fn an_unknown_column_is_named() {
    let text = format!("{HEADER},電話\n{HANAKO},03");
    let found = errors(text.as_bytes());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, found[0].1.as_str()), (1, "電話"));
}

#[test]
fn a_missing_column_is_named() {
    let text =
        "user_id,symbol,birth_date,name,gid,joined_on\nhanako01,1,1980-01-01,見本 花子,,2005-04-01";
    assert_eq!(
        places(text.as_bytes()),
        [place(1, "number"), place(1, "registered_on_old_portal")]
    );
}

#[test]
fn a_column_that_is_there_twice_is_named() {
    let text = format!("{HEADER},記号\n{HANAKO},1");
    assert_eq!(places(text.as_bytes()), [place(1, "symbol")]);
}

#[test]
fn a_column_without_a_name_is_an_error() {
    let text = format!("{HEADER},\n{HANAKO},");
    assert_eq!(places(text.as_bytes()), [place(1, "")]);
}

#[test]
fn a_file_without_a_header_is_an_error_that_quotes_no_member() {
    let found = errors(HANAKO.as_bytes());
    assert_eq!(found.len(), 1);
    assert!(!format!("{found:?}").contains("hanako"));
}

#[test]
fn an_empty_file_is_an_error() {
    assert_eq!(places(b""), [place(1, "")]);
}

#[test]
fn a_header_alone_is_a_roster_of_nobody() {
    with_policy(HEADER.as_bytes(), |roster| {
        assert!(roster.errors.is_empty());
        assert_eq!(roster.count, 0);
    });
}

#[test]
fn full_width_characters_are_narrowed_and_leading_zeros_stay() {
    only(
        &roster(
            "　Ｈａｎａｋｏ０１ ,００１,０１１１１１,１９８０－０１－０１,ﾐﾎﾝ ﾊﾅｺ,,Ｈ１７．４．１,ＹＥＳ",
        ),
        |row| {
            assert_eq!(row.profile.user_id, "Hanako01");
            assert_eq!(row.profile.symbol, "001");
            assert_eq!(row.profile.number, "011111");
            assert_eq!(row.profile.name, "ミホン ハナコ");
            assert!(row.profile.registered);
        },
    );
}

#[test]
fn every_word_for_yes_and_no_is_understood() {
    for (word, registered) in [
        ("1", true),
        ("true", true),
        ("YES", true),
        ("はい", true),
        ("0", false),
        ("False", false),
        ("no", false),
        ("いいえ", false),
        ("", false),
    ] {
        only(
            &roster(&format!(
                "hanako01,1,11111,1980-01-01,見本 花子,,2005-04-01,{word}"
            )),
            |row| assert_eq!(row.profile.registered, registered, "{word}"),
        );
    }
}

#[test]
fn another_word_than_yes_and_no_is_an_error() {
    let row = "hanako01,1,11111,1980-01-01,見本 花子,,2005-04-01,maybe";
    assert_eq!(places(&roster(row)), [place(2, "registered_on_old_portal")]);
}

#[test]
fn the_numbers_of_the_migration_are_kept_beside_the_present_ones() {
    let text = format!(
        "{HEADER},symbol_at_migration,number_at_migration\nkp1,2,22222,1980-01-01,山川 一郎,,2005-04-01,1,1,\n"
    );
    only(text.as_bytes(), |row| {
        assert_eq!(row.profile.initial_symbol(), "1");
        assert_eq!(row.profile.initial_number(), "22222");
    });
}

#[test]
fn what_every_member_has_must_be_there() {
    assert_eq!(
        places(&roster("kp1,,　, ,,,,")),
        [
            place(2, "symbol"),
            place(2, "number"),
            place(2, "birth_date"),
            place(2, "name"),
            place(2, "joined_on")
        ]
    );
}

#[test]
fn what_is_no_date_is_an_error() {
    let row = "kp1,1,2,1980-02-30,山川 一郎,,昭和64年1月8日,1";
    assert_eq!(
        places(&roster(row)),
        [place(2, "birth_date"), place(2, "joined_on")]
    );
}

#[test]
fn nobody_is_born_tomorrow_but_one_may_join_then() {
    let row = "kp1,1,2,2026-11-23,山川 一郎,,2026-12-01,0";
    assert_eq!(places(&roster(row)), [place(2, "birth_date")]);
}

#[test]
fn who_joined_after_the_migration_cannot_have_registered_before_it() {
    let row = "kp1,1,2,1980-01-01,山川 一郎,,2026-03-26,1";
    assert_eq!(places(&roster(row)), [place(2, "registered_on_old_portal")]);
}

#[test]
fn a_user_id_may_be_empty_only_where_we_give_one() {
    let given = ",1,2,1980-01-01,山川 一郎,,2026-04-01,0";
    only(&roster(given), |row| assert_eq!(row.profile.user_id, ""));
    let own = ",1,2,1980-01-01,山川 一郎,,2005-04-01,0";
    assert_eq!(places(&roster(own)), [place(2, "user_id")]);
}

#[test]
fn a_cell_that_a_spreadsheet_would_run_is_refused() {
    for sign in ["=", "+", "-", "@", "＝", "＋", "－", "＠", " ="] {
        let row = format!("{sign}kp1,{sign}1,{sign}2,1980-01-01,{sign}山川,{sign}G1,2005-04-01,1");
        assert_eq!(
            places(&roster(&row)),
            ["user_id", "symbol", "number", "name", "gid"].map(|column| place(2, column)),
            "{sign}"
        );
    }
}

#[test]
fn characters_that_nobody_sees_are_refused() {
    for sign in [
        "\0", "\t", "\r", "\n", "\u{7f}", "\u{85}", "\u{200b}", "\u{202e}", "\u{feff}", "\u{fffd}",
    ] {
        let row = format!("\"kp{sign}1\",1,2,1980-01-01,\"{sign}山川\",,2005-04-01,1");
        assert_eq!(
            places(&roster(&row)),
            [place(2, "user_id"), place(2, "name")],
            "{sign:?}"
        );
    }
}

#[test]
fn a_variant_of_a_character_in_a_name_is_allowed() {
    let row = "kp1,1,2,1980-01-01,葛\u{e0100}城 一郎,,2005-04-01,1";
    only(&roster(row), |row| {
        assert_eq!(row.profile.name, "葛\u{e0100}城 一郎");
    });
}

#[test]
fn a_cell_has_a_bound_after_it_was_made_plain() {
    let row = format!(
        "{},{},2,1980-01-01,{},,2005-04-01,1",
        "k".repeat(65),
        "㍿".repeat(17),
        "山".repeat(101)
    );
    assert_eq!(
        places(&roster(&row)),
        [place(2, "user_id"), place(2, "symbol"), place(2, "name")]
    );
    let row = format!(
        "{},1,2,1980-01-01,{},,2005-04-01,1",
        "k".repeat(64),
        "山".repeat(100)
    );
    only(&roster(&row), |_| ());
}

#[test]
fn a_user_id_that_stands_twice_is_named_with_both_lines() {
    let rows =
        "Kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,1\nｋｐ１,1,3,1980-01-01,青木 美咲,,2005-04-01,1";
    let found = errors(&roster(rows));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, found[0].1.as_str()), (3, "user_id"));
    assert_eq!(
        found[0].2,
        "the same user ID stands in line 2 and in line 3: give each person their own, or keep one of them"
    );
}

#[test]
fn letter_case_tells_user_ids_apart_where_the_policy_says_so() {
    let rows =
        "Kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,1\nkp1,1,3,1980-01-01,青木 美咲,,2005-04-01,1";
    let mut policy = policy();
    policy.user_id_case_sensitive = true;
    assert!(parse(&roster(rows), &policy, TODAY).errors.is_empty());
}

#[test]
fn a_person_that_stands_twice_by_gid_is_named_with_both_lines() {
    let rows = "kp1,1,2,1980-01-01,山川 一郎,G1,2005-04-01,1\nkp2,9,8,1990-01-01,山川 一郎,Ｇ１,2005-04-01,1";
    let found = errors(&roster(rows));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, found[0].1.as_str()), (3, "gid"));
    assert!(
        found[0]
            .2
            .ends_with("stands in line 2 and in line 3: keep one of them")
    );
}

#[test]
fn a_person_that_stands_twice_with_another_gid_or_none_is_named() {
    for [first, second] in [["", "G1"], ["G1", ""], ["G1", "G2"]] {
        let rows = format!(
            ",1,2,1980-01-01,山川 一郎,{first},2026-04-01,0
,1,2,1980-01-01,山川 一郎,{second},2026-04-01,0"
        );
        assert_eq!(
            places(&roster(&rows)),
            [place(3, "number")],
            "{first} {second}"
        );
    }
}

#[test]
fn a_person_is_known_by_the_numbers_of_the_migration() {
    let text = format!(
        "{HEADER},symbol_at_migration,number_at_migration\n\
         kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,1,,\nkp2,9,8,S55.1.1,山川 一郎,,2005-04-01,1,1,2\n"
    );
    assert_eq!(places(text.as_bytes()), [place(3, "number")]);
}

#[test]
fn a_family_shares_symbol_and_number() {
    let rows =
        "kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,1\nkp2,1,2,1982-01-01,山川 二葉,,2005-04-01,1";
    assert!(errors(&roster(rows)).is_empty());
}

#[test]
fn a_copy_is_told_even_of_a_row_with_another_fault() {
    let rows = "kp1,1,2,1980-01-01,,,2005-04-01,1\nkp1,1,2,1980-01-01,山川 一郎,,2005-04-01,1";
    assert_eq!(
        places(&roster(rows)),
        [place(2, "name"), place(3, "user_id"), place(3, "number")]
    );
}

#[test]
fn lines_count_as_an_editor_counts_them() {
    for end in ["\n", "\r\n", "\r"] {
        let text = [
            HEADER,
            "\"kp1\",1,2,1980-01-01,\"山川",
            "一郎\",,2005-04-01,1",
            "",
            "",
            "kp2,1,3,1980-01-01,,,2005-04-01,1",
        ]
        .join(end);
        assert_eq!(
            places(text.as_bytes()),
            [place(2, "name"), place(6, "name")],
            "{end:?}"
        );
    }
}

#[test]
fn the_header_may_follow_empty_lines() {
    let text = format!("\r\n\n{HEADER}\nkp1,1,2,1980-01-01,,,2005-04-01,1");
    assert_eq!(places(text.as_bytes()), [place(4, "name")]);
}

#[test]
fn rows_of_nothing_are_passed_over() {
    with_policy(&roster(&format!("{HANAKO}\n,,,,,,,\n   \n")), |roster| {
        assert!(roster.errors.is_empty());
        assert_eq!((roster.count, roster.rows.len()), (1, 1));
    });
}

#[test]
fn a_row_of_another_length_than_the_header_is_an_error() {
    let rows = format!("kp1,1,2,1980-01-01\n{HANAKO},9\n");
    assert_eq!(
        places(&roster(&rows)),
        [place(2, "name"), place(3, "registered_on_old_portal")]
    );
}

#[test]
fn a_quote_that_is_never_closed_is_an_error() {
    let rows = format!("\"kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,1\n{HANAKO}");
    assert_eq!(places(&roster(&rows)), [place(2, "symbol")]);
}

#[test]
fn errors_beyond_a_thousand_are_counted_in_one() {
    let rows = ",,,,,,,x\n".repeat(MOST_ERRORS);
    with_policy(&roster(&rows), |roster| {
        assert_eq!(roster.count, MOST_ERRORS);
        let all = roster.errors.count();
        let errors = roster.errors.into_list();
        assert_eq!(errors.len(), MOST_ERRORS + 1);
        assert!(
            errors[MOST_ERRORS]
                .why
                .to_string()
                .contains(&(all - MOST_ERRORS).to_string())
        );
    });
}

#[test]
fn an_error_quotes_no_value_of_a_member() {
    let rows = "=SECRET,=SECRET,=SECRET,SECRET,=SECRET,=SECRET,SECRET,SECRET";
    let found = errors(&roster(rows));
    assert_eq!(found.len(), 8);
    assert!(!format!("{found:?}").contains("SECRET"));
}

#[test]
fn the_sample_roster_holds_all_cohorts() {
    with_policy(
        include_bytes!("../../../policies/sample-roster.csv"),
        |roster| {
            assert!(roster.errors.is_empty());
            let policy = policy();
            assert!(roster.by_cohort(&policy).iter().all(|count| *count > 5));
        },
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        with_policy(&bytes, |_| ());
    }

    #[test]
    fn any_rows_under_a_header_are_members_or_errors(rows in "([0-9a-z山\"=\r\n\u{0}]{0,4},){0,20}") {
        with_policy(&roster(&rows), |roster| {
            let wrong = roster.errors.count();
            assert!(wrong > 0 || roster.rows.len() == roster.count);
        });
    }

    #[test]
    fn the_sample_with_slips_is_members_or_errors_with_their_lines(
        slips in proptest::collection::vec((any::<proptest::sample::Index>(), 0..3usize, any::<u8>()), 1..6),
    ) {
        let mut bytes = include_bytes!("../../../policies/sample-roster.csv").to_vec();
        for (place, kind, other) in slips {
            let place = place.index(bytes.len());
            match kind {
                0 => drop(bytes.remove(place)),
                1 => bytes.insert(place, other),
                _ => bytes[place] = other,
            }
        }
        let last = bytes.len() as u64;
        with_policy(&bytes, |roster| {
            let (right, rows) = (roster.rows.len(), roster.count);
            let errors = roster.errors.into_list();
            assert!(!errors.is_empty() || right == rows);
            assert!(errors.iter().all(|error| (1..=last).contains(&error.line) && !error.why.to_string().is_empty()));
        });
    }
}
