//! Letters hold what is needed to sign in, for whoever did not yet.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use jiff::ToSpan;
use kadode::ambient::Clock;
use kadode::app::Society;
use kadode::cli::letters::{LettersSettings, run};
use kadode::domain::ids::{ChallengeId, SessionId};
use kadode::domain::onboarding::{
    Command, CredentialInForce, Issued, NewCode, Onboarding, PasswordCheck,
};
use kadode::domain::values::{KeyId, Language};
use kadode::vault::FIRST_ISSUE;
use serde_json::{Value, json};

use super::house::{Done, House, sample};

/// One member of each kind: formula, printed, printed with a user ID from us.
const THREE: &str = "kp1,1,00002,1980-01-01,山川 一郎,,2005-04-01,0\n\
                     kp2,1,3,1980-01-01,青木 美咲,,2026-04-01,0\n\
                     ,1,4,1980-01-01,森 太一,,2026-04-01,0";

async fn sign_in(society: &Society, user_id: &str) {
    let member = society
        .vault
        .profiles
        .find_by_user_id(user_id)
        .await
        .unwrap()
        .0
        .unwrap();
    let issued = Issued {
        at: society.clock.now(),
        limits: Arc::new(society.policy.policy.limits.clone()),
        command: Command::SignIn {
            session: SessionId(society.entropy.id()),
            against: CredentialInForce::Initial(0),
            check: PasswordCheck::Match,
            lapsed: None,
            known_browser: true,
            code: NewCode {
                challenge: ChallengeId(society.entropy.id()),
                key: KeyId("k".to_owned()),
                language: Language::Ja,
                sent_to_address: Vec::new(),
            },
        },
    };
    society
        .commands
        .run::<Onboarding, Infallible, _, _>(
            member.to_string(),
            society.attribution("SignIn", "test"),
            move |_| std::future::ready(Ok(issued.clone())),
        )
        .await
        .unwrap();
}

fn user_ids(house: &House, file: &str) -> BTreeSet<String> {
    house
        .letters(file)
        .iter()
        .map(|letter| letter["user_id"].clone())
        .collect()
}

#[tokio::test]
async fn a_letter_holds_what_its_member_signs_in_with() {
    let house = House::new();
    house.import(
        &house.roster(THREE),
        &["--letters", "out.csv", "--valid-from", "2099-12-20"],
    );
    let letters = house.letters("out.csv");
    assert_eq!(letters[0]["password"], "");
    assert_eq!(letters[0]["number"], "00002");
    assert_eq!(letters[2]["user_id"].len(), 10);
    let society = house.society().await;
    for letter in &letters[1..] {
        let user_id = &letter["user_id"];
        let member = society
            .vault
            .profiles
            .find_by_user_id(user_id)
            .await
            .unwrap()
            .0
            .unwrap();
        let stored = society.vault.profiles.get(member).await.unwrap();
        let passwords = &society.vault.initial_passwords;
        assert!(
            passwords
                .matches_printed(&stored, FIRST_ISSUE, None, &letter["password"])
                .unwrap()
        );
        // Thirty days from the twentieth are the twentieth and twenty-nine more.
        assert_eq!(letter["expires_on"], "2100-01-18");
    }
}

#[test]
fn letters_printed_again_are_the_same() {
    let house = House::new();
    house.import(&sample(), &["--letters", "out.csv"]);
    let done = Done::of(&mut house.command(&["letters", "again.csv"]));
    assert_eq!((done.code, done.stdout.as_str()), (0, ""));
    let all = |file| house.letters(file).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(all("again.csv"), all("out.csv"));
}

/// What the history tells of data that were carried out, each with who ran the program.
pub(crate) async fn carried_out(house: &House) -> Vec<(Value, String)> {
    let society = house.society().await;
    let events = society.log.read_after(0, 1000).await.unwrap();
    let told = events
        .into_iter()
        .filter(|event| event.event_type == "DataExported");
    told.map(|event| {
        let operator = event.metadata["operator"].as_str().unwrap();
        (event.payload, operator.to_owned())
    })
    .collect()
}

#[tokio::test]
async fn letters_notices_and_reminders_that_are_printed_are_told_with_who_and_how_many() {
    let house = House::new();
    house.import(&house.roster(THREE), &["--letters", "out.csv"]);
    let notices = [
        "--activated-since",
        "2026-04-01",
        "--public-url",
        "https://first.kenpo.example.jp",
    ];
    for arguments in [&[][..], &notices, &["--stopped-for", "0"]] {
        let all = [&["letters", "again.csv", "--operator", "佐藤"], arguments].concat();
        assert_eq!(Done::of(&mut house.command(&all)).code, 0);
        std::fs::remove_file(house.path("again.csv")).unwrap();
    }
    let told = |what: &str, rows: u64| {
        let payload = json!({"type": "DataExported", "what": what, "rows": rows});
        (payload, "佐藤".to_owned())
    };
    let carried_out = carried_out(&house).await;
    // Those of the import, by whoever this machine says runs it.
    assert_eq!(carried_out[0].0, told("letters", 3).0);
    assert_eq!(
        carried_out[1..],
        [told("letters", 3), told("notices", 0), told("reminders", 3)]
    );
}

/// An event that names a policy which was never adopted is a fault in every package from then on.
#[tokio::test]
async fn what_is_carried_out_beside_a_changed_policy_file_names_the_policy_in_force() {
    let house = House::new();
    house.import(&house.roster(THREE), &["--letters", "out.csv"]);
    let policy = std::fs::read_to_string(house.path("policy.toml")).unwrap();
    std::fs::write(house.path("policy.toml"), format!("{policy}\n# Changed.\n")).unwrap();
    let printed = Done::of(&mut house.command(&["letters", "again.csv"]));
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let society = house.society().await;
    let events = society.log.read_after(0, 1000).await.unwrap();
    let policies: BTreeSet<_> = events
        .iter()
        .map(|event| event.metadata["policy"].to_string())
        .collect();
    assert_eq!(events.last().unwrap().event_type, "DataExported");
    assert_eq!(policies.len(), 1, "{policies:?}");
}

#[tokio::test]
async fn letters_that_cannot_be_written_are_not_told_as_carried_out() {
    let house = House::new();
    house.import(&house.roster(THREE), &["--letters", "out.csv"]);
    std::fs::write(house.path("mine.csv"), "something else").unwrap();
    let refused = Done::of(&mut house.command(&["letters", "mine.csv"]));
    assert!(refused.refusal().contains("something else"));
    assert_eq!(carried_out(&house).await.len(), 1);
}

#[tokio::test]
async fn who_has_signed_in_gets_no_letter_again() {
    let house = House::new();
    let roster = house.roster(THREE);
    house.import(&roster, &["--letters", "out.csv"]);
    let mut expected = user_ids(&house, "out.csv");
    expected.remove("kp2");
    let society = house.society().await;
    sign_in(&society, "kp2").await;
    Done::of(&mut house.command(&["letters", "again.csv"]));
    assert_eq!(user_ids(&house, "again.csv"), expected);
    house.import(&roster, &["--letters", "out.csv"]);
    assert_eq!(user_ids(&house, "out.csv"), expected);
}

#[tokio::test]
async fn who_let_the_credentials_expire_gets_no_letter_again() {
    let house = House::new();
    house.import(&house.roster(THREE), &["--letters", "out.csv"]);
    let settings = LettersSettings {
        out: house.path("later.csv"),
        data: house.data(),
        activated_since: None,
        stopped_for: None,
        public_url: None,
    };
    let now = Clock::machine().now();
    run(&settings, Clock::standing_at(now + (24 * 31).hours()))
        .await
        .unwrap();
    assert!(house.letters("later.csv").is_empty());
    run(&settings, Clock::standing_at(now + (24 * 28).hours()))
        .await
        .unwrap();
    assert_eq!(house.letters("later.csv").len(), 3);
}
