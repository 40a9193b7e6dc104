//! `kadode backup` and `restore` as operators run them, and what of a backup still counts.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use kadode::database::Database;
use kadode::domain::ids::{PrintId, ProposalId, StaffId};
use kadode::domain::onboarding::{Command, Grounds, Intervention, Issued, Onboarding, Reason};
use kadode::vault::VaultError;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{house_with_member, house_with_member_on_server, member_of};
use crate::import::house::{Done, House};
use crate::support::app::{
    Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID, code_in, eventually, mails_in, token_in,
};
use crate::support::program::Program;

fn run(house: &House, arguments: &[&str]) -> Done {
    Done::of(&mut house.command(arguments))
}

#[track_caller]
fn report(house: &House, arguments: &[&str]) -> Value {
    let done = run(house, arguments);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    serde_json::from_str(&done.stdout).unwrap_or_default()
}

fn back_up(house: &House) -> Value {
    report(house, &["backup", "backup"])
}

const NEW: [&str; 2] = ["--database", "sqlite:restored.sqlite"];

fn restore(house: &House, more: &[&str]) -> Done {
    run(house, &[&["restore", "backup"], &NEW[..], more].concat())
}

#[track_caller]
fn restored(house: &House) -> Value {
    let done = restore(house, &[]);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    done.report()
}

async fn serve_restored(house: &House) -> Program {
    let settings = [("KADODE_DATABASE", "sqlite:restored.sqlite")];
    Program::serve_with(house, &["--mail", "file:mails"], &settings).await
}

/// The same browser at another run of the program.
fn moved(client: &Client, program: &Program) -> Client {
    Client {
        http: client.http.clone(),
        base: program.url.clone(),
    }
}

async fn signed_in(program: &Program) -> Client {
    let client = program.client();
    let answer = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    answer.expect(StatusCode::CREATED);
    client
}

/// A member whose link was mailed.
async fn with_link(house: &House, program: &Program) -> (Client, String) {
    let client = signed_in(program).await;
    client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    client
        .step("email", json!({"email": "hanako@example.jp"}))
        .await;
    (client, house.mailed(token_in).await)
}

/// The newest mail that has a code.
async fn code(house: &House) -> String {
    house.mailed(code_in).await
}

#[tokio::test]
async fn a_backup_made_while_members_are_served_is_restored_with_all_that_it_tells_of() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    signed_in(&program).await;
    let made = back_up(&house);
    assert_eq!(restored(&house)["events"], made["events"]);
    let checked = run(&house, &[&["check"], &NEW[..]].concat()).report();
    assert_eq!(
        (
            &checked["events"],
            &checked["last_leaf"],
            &checked["dangling"]
        ),
        (&made["events"], &made["last_leaf"], &json!(0))
    );
    drop(program);
}

#[test]
fn nobody_but_its_owner_may_look_into_it_and_no_part_of_it_can_be_read() {
    let house = house_with_member();
    back_up(&house);
    let folder = house.path("backup");
    assert_eq!(
        folder.metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let plain = bytes.windows(14).any(|it| it == b"MemberEnrolled");
        assert!(!plain && !bytes.starts_with(b"SQLite format"), "{path:?}");
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["keys.sealed", "main.sealed", "manifest.json"]);
}

#[test]
fn the_key_file_is_not_in_it() {
    let house = house_with_member();
    back_up(&house);
    let keys = fs::read_to_string(house.path("keys.toml")).unwrap();
    let secret = keys.lines().find(|it| it.starts_with("secret")).unwrap();
    let secret = secret.trim_start_matches("secret = ").trim_matches('"');
    for entry in fs::read_dir(house.path("backup")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(
            !bytes
                .windows(secret.len())
                .any(|it| it == secret.as_bytes())
        );
    }
}

#[test]
fn nothing_is_overwritten() {
    let house = house_with_member();
    back_up(&house);
    let files = [
        "kadode.sqlite",
        "kadode.sqlite.keys",
        "backup/main.sealed",
        "backup/manifest.json",
    ];
    let contents = || files.map(|name| fs::read(house.path(name)).unwrap());
    let before = contents();
    let again = run(&house, &["backup", "backup"]);
    assert!(
        again.refusal().contains("it is not empty"),
        "{}",
        again.stderr
    );
    let over = run(&house, &["restore", "backup"]);
    assert!(
        over.refusal().contains("nothing is overwritten"),
        "{}",
        over.stderr
    );
    assert!(contents() == before);
}

#[test]
fn nothing_is_restored_beside_what_a_database_of_before_left() {
    let house = house_with_member();
    back_up(&house);
    for left in ["-wal", "-shm", "-journal", ".keys-wal"] {
        let name = format!("restored.sqlite{left}");
        house.file(&name, b"old");
        let done = restore(&house, &[]);
        assert!(done.refusal().contains(&name), "{}", done.stderr);
        assert!(!house.path("restored.sqlite").exists());
        fs::remove_file(house.path(&name)).unwrap();
    }
}

/// What is done to a backup, and how.
type Spoil = (&'static str, fn(&House));

#[test]
fn a_backup_that_was_changed_or_cut_off_or_mixed_is_refused_and_leaves_nothing() {
    let spoil: [Spoil; 4] = [
        ("changed", |house| {
            let path = house.path("backup/main.sealed");
            let mut bytes = fs::read(&path).unwrap();
            bytes[1000] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        ("changed together with its manifest", |house| {
            let (file, manifest) = (
                house.path("backup/main.sealed"),
                house.path("backup/manifest.json"),
            );
            let mut bytes = fs::read(&file).unwrap();
            bytes[1000] ^= 1;
            fs::write(file, &bytes).unwrap();
            set(&manifest, "/files/0/sha256", json!(sha256(&bytes)));
        }),
        ("cut off at a piece, together with its manifest", |house| {
            let (file, manifest) = (
                house.path("backup/main.sealed"),
                house.path("backup/manifest.json"),
            );
            let mut bytes = fs::read(&file).unwrap();
            bytes.truncate(65_552);
            fs::write(file, &bytes).unwrap();
            set(&manifest, "/files/0/sha256", json!(sha256(&bytes)));
            set(&manifest, "/files/0/bytes", json!(bytes.len()));
        }),
        ("without a manifest", |house| {
            fs::remove_file(house.path("backup/manifest.json")).unwrap();
        }),
    ];
    for (what, spoil) in spoil {
        let house = house_with_member();
        back_up(&house);
        spoil(&house);
        let names = || fs::read_dir(house.path("")).unwrap().count();
        let before = names();
        let done = restore(&house, &[]);
        assert!(
            done.refusal().contains("backup backup/"),
            "{what}: {}",
            done.stderr
        );
        assert_eq!(names(), before, "{what}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes))
}

fn set(manifest: &std::path::Path, place: &str, value: Value) {
    let mut read: Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    *read.pointer_mut(place).unwrap() = value;
    fs::write(manifest, read.to_string()).unwrap();
}

#[test]
fn the_key_file_of_another_society_opens_nothing() {
    let house = house_with_member();
    back_up(&house);
    let other = house_with_member();
    fs::copy(other.path("keys.toml"), house.path("other.toml")).unwrap();
    let done = restore(&house, &["--keys", "other.toml"]);
    assert!(
        done.refusal().contains("is not in the key file"),
        "{}",
        done.stderr
    );
    assert!(!house.path("restored.sqlite").exists());
}

#[test]
fn on_a_server_the_operator_is_told_of_the_servers_own_means() {
    let house = house_with_member_on_server();
    for arguments in [["backup", "backup"], ["restore", "backup"]] {
        let done = run(&house, &arguments);
        assert!(
            done.refusal().contains("pg_dump or base backups"),
            "{}",
            done.stderr
        );
    }
    assert!(!house.path("backup").exists());
}

#[tokio::test]
async fn a_session_of_before_opens_nothing_after_a_restore() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    let client = signed_in(&program).await;
    back_up(&house);
    program.stop().await;
    restored(&house);
    let program = serve_restored(&house).await;
    let answer = moved(&client, &program).get("/onboarding").await;
    answer.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_link_that_was_mailed_before_the_backup_counts_no_more_and_a_new_one_does() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    let (_, token) = with_link(&house, &program).await;
    back_up(&house);
    program.stop().await;
    restored(&house);
    let program = serve_restored(&house).await;
    let link = |token: &str| format!("/email-confirmations/{token}");
    let old = program.client().post(&link(&token), json!({})).await;
    old.expect(StatusCode::NOT_FOUND);

    // From the browser that has shown the birth date, or by a code where there is an address.
    let client = signed_in(&program).await;
    if client.due().await == "otp" {
        let code = code(&house).await;
        let confirmed = client.post("/sessions/current/otp", json!({"code": code}));
        confirmed.await.expect(StatusCode::OK);
    }
    client
        .step("email", json!({"email": "hanako@example.com"}))
        .await;
    let folder = house.path("mails");
    let new = eventually("another link", || {
        let tokens = mails_in(&folder)
            .iter()
            .filter_map(|it| token_in(it))
            .collect::<Vec<_>>();
        std::future::ready(tokens.into_iter().find(|it| *it != token))
    })
    .await;
    let followed = program.client().post(&link(&new), json!({})).await;
    followed.expect(StatusCode::OK);
}

#[tokio::test]
async fn no_link_counts_that_is_older_than_the_backup_though_this_machines_clock_is_behind() {
    let house = house_with_member();
    back_up(&house);
    let manifest = house.path("backup/manifest.json");
    set(&manifest, "/made_at", json!("2999-01-01T00:00:00Z"));
    restored(&house);
    let url = format!("sqlite:{}", house.path("restored.sqlite").display());
    let database = Database::open_existing(&url).await.unwrap();
    let since: String = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'links_since'")
        .fetch_one(&database.read)
        .await
        .unwrap();
    database.close().await;
    assert_eq!(since, "2999-01-01T00:00:00.001000Z");
}

#[tokio::test]
async fn a_code_that_was_used_after_the_backup_is_worth_nothing_after_a_restore() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    let (client, token) = with_link(&house, &program).await;
    let link = format!("/email-confirmations/{token}");
    client.post(&link, json!({})).await.expect(StatusCode::OK);
    client.step("email/update", json!({})).await;
    client.step("otp-method", json!({"method": "email"})).await;
    client
        .step("password", json!({"new_password": NEW_PASSWORD}))
        .await;
    client.delete("/sessions/current").await;
    let pending = client.sign_in(USER_ID, NEW_PASSWORD).await;
    let cookie = pending.expect(StatusCode::CREATED).session_cookie();
    let code = json!({"code": code(&house).await});
    back_up(&house);
    let used = client.post("/sessions/current/otp", code.clone()).await;
    used.expect(StatusCode::OK);
    program.stop().await;
    restored(&house);
    let program = serve_restored(&house).await;

    // With the session that asked for it, and with a new one.
    let thief = Client::new(&program.url, &[("cookie", &cookie)]);
    let again = thief.post("/sessions/current/otp", code.clone()).await;
    again.expect(StatusCode::UNAUTHORIZED);
    let client = moved(&client, &program);
    let anew = client.sign_in(USER_ID, NEW_PASSWORD).await;
    anew.expect(StatusCode::CREATED);
    let again = client.post("/sessions/current/otp", code).await;
    again.expect(StatusCode::UNPROCESSABLE_ENTITY);
}

/// A new letter, on which two of the staff decided; its password.
async fn new_letter(house: &House, file: &str) -> String {
    let member = member_of(house).await;
    let society = house.society().await;
    let proposal = ProposalId(society.entropy.id());
    let [first, second] = [1, 2].map(|n| StaffId(uuid::Uuid::from_u128(n)));
    let propose = Command::ProposeIntervention {
        proposal,
        intervention: Intervention::ReissueCredentials,
        grounds: Grounds {
            reason: Reason::LetterLost,
            ticket: "HD-1".parse().unwrap(),
        },
        staff: first,
    };
    let approve = Command::ApproveIntervention {
        proposal,
        staff: second,
        print: Some(PrintId(society.entropy.id())),
    };
    for command in [propose, approve] {
        let issued = Issued {
            at: society.clock.now(),
            limits: std::sync::Arc::default(),
            command,
        };
        let attribution = society.attribution("Test", "test");
        let done = society
            .commands
            .run::<Onboarding, std::convert::Infallible, _, _>(
                member.to_string(),
                attribution,
                move |_| std::future::ready(Ok(issued.clone())),
            )
            .await;
        done.unwrap();
    }
    society.close().await;
    let done = run(house, &["letters", file]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    house.letters(file)[0]["password"].clone()
}

/// Puts what was restored in the place of what was lost.
fn put_in_place(house: &House) {
    for (from, to) in [
        ("restored.sqlite", "kadode.sqlite"),
        ("restored.sqlite.keys", "kadode.sqlite.keys"),
    ] {
        fs::rename(house.path(from), house.path(to)).unwrap();
    }
}

#[tokio::test]
async fn a_letter_that_was_issued_after_the_backup_is_worth_nothing_once_another_is_after_a_restore()
 {
    let house = house_with_member();
    back_up(&house);
    let lost = new_letter(&house, "lost.csv").await;
    restored(&house);
    put_in_place(&house);
    let letter = new_letter(&house, "letters.csv").await;
    let program = Program::serve(&house).await;
    let refused = program.client().sign_in(USER_ID, &lost).await;
    refused.problem(401, "sign-in-failed");
    let opened = program.client().sign_in(USER_ID, &letter).await;
    opened.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn who_was_erased_after_the_backup_stays_so_under_the_keys_of_a_later_one() {
    let house = house_with_member();
    let member = member_of(&house).await;
    back_up(&house);
    let society = house.society().await;
    society.vault.destroy_keys(member).await.unwrap();
    society.close().await;
    report(&house, &["backup", "later"]);
    let done = restore(&house, &["--keys-from", "later"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    put_in_place(&house);
    let society = house.society().await;
    let profile = society.vault.profiles.get(member).await;
    society.close().await;
    assert!(matches!(profile, Err(VaultError::Erased)));
}

#[test]
fn whoever_restores_to_before_a_rotation_is_told_to_rotate_again() {
    let house = house_with_member();
    back_up(&house);
    report(&house, &["keys", "add"]);
    report(&house, &["keys", "rotate"]);
    let done = restore(&house, &[]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(
        done.stderr.contains("run `kadode keys rotate`"),
        "{}",
        done.stderr
    );
}

#[test]
fn keys_of_an_earlier_backup_are_refused() {
    let house = house_with_member();
    report(&house, &["backup", "earlier"]);
    back_up(&house);
    let done = restore(&house, &["--keys-from", "earlier"]);
    assert!(
        done.refusal().contains("it is older than the backup"),
        "{}",
        done.stderr
    );
}

/// A society whose ledger had signed one event more than it was restored with; and that checkpoint.
fn cut_short() -> (House, String) {
    let house = house_with_member();
    report(&house, &["ledger", "checkpoint"]);
    back_up(&house);
    report(&house, &["keys", "add"]);
    let lost = run(&house, &["ledger", "checkpoint"]).stdout;
    for name in ["kadode.sqlite", "kadode.sqlite.keys"] {
        fs::remove_file(house.path(name)).unwrap();
    }
    report(&house, &["restore", "backup"]);
    (house, lost)
}

#[test]
fn the_ledger_signs_no_fork_after_a_restore_and_says_what_to_do() {
    let (house, lost) = cut_short();
    let done = run(&house, &["ledger", "checkpoint"]);
    assert_eq!((done.code, done.stdout.as_str()), (1, ""));
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    assert!(
        done.stderr.contains("run `kadode ledger resume`"),
        "{}",
        done.stderr
    );
    assert_eq!(
        fs::read_to_string(house.path("keys.toml.checkpoint")).unwrap(),
        lost
    );
}

/// The first four bytes of its root, in hexadecimal digits.
fn piece_of_root(note: &str) -> String {
    let root = note.lines().nth(2).unwrap();
    let root = data_encoding::BASE64.decode(root.as_bytes()).unwrap();
    data_encoding::HEXLOWER.encode(&root[..4])
}

/// What the history says of keys and backups.
async fn told(house: &House) -> Vec<Value> {
    let society = house.society().await;
    let told = society.log.read_stream("custody", "society").await.unwrap();
    society.close().await;
    told.into_iter().map(|it| it.payload).collect()
}

/// As a new machine has it: with nothing of what was signed later.
fn restored_on_a_new_machine() -> House {
    let (house, _) = cut_short();
    let of_backup = fs::read(house.path("backup/checkpoint")).unwrap();
    house.file("keys.toml.checkpoint", &of_backup);
    house
}

#[test]
fn on_a_machine_that_knows_of_no_later_checkpoint_nothing_is_signed_in_silence_either() {
    let house = restored_on_a_new_machine();
    let done = run(&house, &["ledger", "checkpoint"]);
    assert_eq!((done.code, done.stdout.as_str()), (1, ""));
    assert!(
        done.stderr.contains("run `kadode ledger resume`"),
        "{}",
        done.stderr
    );
}

#[tokio::test]
async fn there_the_history_tells_of_the_restore_once_and_the_ledger_goes_on() {
    let house = restored_on_a_new_machine();
    for _ in 0..2 {
        let resumed = run(&house, &["ledger", "resume"]);
        assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    }
    let told = told(&house).await;
    let [told] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (&told["type"], &told["lost"]),
        (&json!("RestoredFromBackup"), &json!([]))
    );
    assert_eq!(run(&house, &["ledger", "checkpoint"]).code, 0);
}

#[tokio::test]
async fn resuming_again_signs_nobody_out() {
    let house = house_with_member();
    report(&house, &["ledger", "checkpoint"]);
    let program = Program::serve(&house).await;
    let client = signed_in(&program).await;
    assert_eq!(run(&house, &["ledger", "resume"]).code, 0);
    client.get("/onboarding").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn it_goes_on_when_the_history_names_what_was_lost() {
    let (house, lost) = cut_short();
    let resumed = run(&house, &["ledger", "resume"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    let size: u64 = lost.lines().nth(1).unwrap().parse().unwrap();
    let expected = json!({
        "type": "RestoredFromBackup", "kept": size - 1, "lost": [{"size": size, "root": lost.lines().nth(2)}],
    });
    assert_eq!(told(&house).await, [expected]);
    let aside = house.path(&format!(
        "keys.toml.checkpoint.lost-{size}-{}",
        piece_of_root(&lost)
    ));
    assert_eq!(fs::read_to_string(aside).unwrap(), lost);
    let done = run(&house, &["ledger", "checkpoint"]);
    assert_eq!((done.code, done.stdout), (0, resumed.stdout));
}

#[test]
fn an_auditor_finds_the_ledger_whole_but_not_the_checkpoint_that_was_lost() {
    let (house, lost) = cut_short();
    report(&house, &["ledger", "resume"]);
    house.file("lost", lost.as_bytes());
    report(&house, &["ledger", "export", "package"]);
    assert_eq!(report(&house, &["ledger", "verify", "package"])["ok"], true);
    let done = run(&house, &["ledger", "verify", "package", "--since", "lost"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stderr
            .contains("RestoredFromBackup names that checkpoint"),
        "{}",
        done.stderr
    );
}

#[tokio::test]
async fn a_machine_that_still_has_the_lost_checkpoint_goes_on_without_another_event() {
    let (house, lost) = cut_short();
    report(&house, &["ledger", "resume"]);
    house.file("keys.toml.checkpoint", lost.as_bytes());
    let done = run(&house, &["ledger", "resume"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(told(&house).await.len(), 1);
}

#[tokio::test]
async fn where_nothing_is_lost_the_ledger_goes_on_and_nothing_is_told() {
    let house = house_with_member();
    let before = run(&house, &["ledger", "checkpoint"]).stdout;
    let done = run(&house, &["ledger", "resume"]);
    assert_eq!((done.code, done.stdout), (0, before));
    assert_eq!(told(&house).await, [Value::Null; 0]);
}

#[tokio::test]
async fn resuming_ends_sessions_also_where_a_server_was_restored_by_its_own_means() {
    let house = house_with_member_on_server();
    let program = Program::serve(&house).await;
    let client = signed_in(&program).await;
    program.stop().await;
    report(&house, &["ledger", "checkpoint"]);
    report(&house, &["ledger", "resume", "--restored"]);
    let program = Program::serve(&house).await;
    let answer = moved(&client, &program).get("/onboarding").await;
    answer.expect(StatusCode::UNAUTHORIZED);
}
