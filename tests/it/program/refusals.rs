//! Wrong settings: each ends with status 2 and one line that says what, where and what to do, and leaves nothing behind.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use super::house_with_member;
use crate::import::house::{Done, House};
use crate::support::program::Program;

/// A wrong run: what is wrong with it, the arguments, the settings that differ (none where it is empty), and what the one
/// line has to say. `TAKEN` stands for an address in use, `SECRET` for a password, `LINE` for that of the policy's mistake.
type Wrong = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

/// No line may repeat it.
const SECRET: &str = "s3cret-of-the-operator";

const NO_POLICY: &[(&str, &str)] = &[("KADODE_POLICY", "")];
const NO_KEYS: &[(&str, &str)] = &[("KADODE_KEYS", "")];
const LOST_KEYS: &[(&str, &str)] = &[("KADODE_KEYS", "lost.toml")];
const OTHER_KEYS: &[(&str, &str)] = &[("KADODE_KEYS", "other.toml")];
const LOST_KEY_DATABASE: &[(&str, &str)] = &[("KADODE_KEY_DATABASE", "sqlite:lost.keys")];
const OTHER_KEY_DATABASE: &[(&str, &str)] = &[("KADODE_KEY_DATABASE", "sqlite:other.sqlite.keys")];
const MAIL: &[(&str, &str)] = &[("KADODE_MAIL", "file:mails")];

/// Where there is nothing but policies.
#[rustfmt::skip]
const AT_THE_START: &[Wrong] = &[
    ("serve needs a policy", "serve --mail file:mails", NO_POLICY, &["--policy FILE is needed"]),
    ("import needs a policy", "import roster.csv", NO_POLICY, &["--policy FILE is needed"]),
    ("letters needs a policy", "letters out.csv", NO_POLICY, &["--policy FILE is needed"]),
    ("the policy is not there", "serve --mail file:mails --policy nowhere.toml", &[], &["policy nowhere.toml: No such file"]),
    ("a limit in the policy is out of range", "serve --mail file:mails --policy wrong.toml", &[],
        &["policy wrong.toml, line LINE:", "from 8 to 64"]),
    ("the policy is no policy", "serve --mail file:mails --policy nonsense.toml", &[], &["policy nonsense.toml, line 1:"]),
    ("serve needs keys", "serve --mail file:mails", NO_KEYS, &["KADODE_KEYS is not set: give the path"]),
    ("migrate needs keys", "migrate", NO_KEYS, &["KADODE_KEYS is not set: give the path"]),
    ("import needs keys", "import roster.csv", NO_KEYS, &["KADODE_KEYS is not set: give the path"]),
    ("check needs keys", "check", NO_KEYS, &["KADODE_KEYS is not set: give the path"]),
    ("the folder of the keys is not there", "serve --mail file:mails --keys nowhere/keys.toml", &[],
        &["key file nowhere/keys.toml", "No such file"]),
    ("the key file is no key file", "serve --mail file:mails --keys policy.toml", &[], &["key file policy.toml"]),
    ("no database is named", "serve --mail file:mails", &[("KADODE_DATABASE", "")], &["--database"]),
    ("the database is of another kind", "serve --mail file:mails --database mysql://kadode:SECRET@127.0.0.1/kadode", &[],
        &["\"mysql\"", "give sqlite:PATH or postgres://"]),
    ("the key database is of another kind", "serve --mail file:mails --key-database mysql://kadode:SECRET@127.0.0.1/kadode", &[],
        &["\"mysql\"", "give sqlite:PATH or postgres://"]),
    ("both databases are one", "serve --mail file:mails --database sqlite:one.sqlite --key-database sqlite:one.sqlite", &[],
        &["--key-database must be another database"]),
    ("no server listens there", "serve --mail file:mails --listen 127.0.0.1:0 --database postgres://kadode:SECRET@127.0.0.1:1/kadode", &[],
        &["database postgres://127.0.0.1:1/kadode: ", "Connection refused"]),
    ("the folder of the database is not there", "serve --mail file:mails --database sqlite:nowhere/kadode.sqlite", &[],
        &["database nowhere/kadode.sqlite", "No such file"]),
    ("the file of refused passwords is not there", "serve --mail file:mails --refused-passwords nowhere.txt", &[],
        &["--refused-passwords nowhere.txt: No such file"]),
    ("http is for loopback hosts alone", "serve --public-url http://kenpo.example.jp", MAIL,
        &["--public-url http://kenpo.example.jp", "give https://"]),
    ("who listens to the world says under which name", "serve --listen 0.0.0.0:0", MAIL,
        &["--listen 0.0.0.0:0", "give --public-url https://"]),
    ("the proxy is no network", "serve --trusted-proxy 10.0.0.0/33", MAIL, &["--trusted-proxy", "10.0.0.0/8"]),
    ("nobody says where mails go", "serve --listen 127.0.0.1:0", &[], &["--mail"]),
    ("mails cannot go by pigeon", "serve --listen 127.0.0.1:0 --mail pigeons://x:SECRET@coop", &[],
        &["--mail", "smtp://", "smtps://", "file:"]),
    ("a password needs a user", "serve --listen 127.0.0.1:0 --mail smtp://:SECRET@mail.example.jp", &[], &["--mail", "user"]),
    ("the mail server has no port of that number", "serve --listen 127.0.0.1:0 --mail smtp://x:SECRET@mail.example.jp:99999", &[],
        &["--mail", "host:port"]),
    ("mails cannot lie in a file", "serve --listen 127.0.0.1:0 --mail file:policy.toml/mails", &[], &["--mail", "policy.toml/mails"]),
    ("the authority is not there", "serve --listen 127.0.0.1:0 --mail smtp://mail.example.jp --mail-ca nowhere.pem", &[],
        &["--mail-ca", "nowhere.pem", "PEM"]),
    ("the address is in use", "serve --listen TAKEN", MAIL, &["--listen TAKEN", "choose another"]),
    ("the address of the metrics is in use", "serve --listen 127.0.0.1:0 --metrics TAKEN", MAIL, &["--metrics TAKEN", "choose another"]),
    ("the address is none", "serve --listen here", MAIL, &["--listen", "here"]),
    ("the flag is unknown", "serve --fast", MAIL, &["--fast", "see kadode --help"]),
    ("the subcommand is unknown", "sreve", &[], &["sreve", "see kadode --help"]),
    ("there is nothing to write letters of", "letters out.csv", &[], &["kadode.sqlite: no such file", "kadode import"]),
    ("there is nothing to check", "check", &[], &["kadode.sqlite: no such file", "kadode import"]),
    ("there is nothing to rebuild from", "rebuild", &[], &["kadode.sqlite: no such file", "kadode import"]),
];

/// Where members were imported, and a file of other keys lies about.
#[rustfmt::skip]
const WITH_MEMBERS: &[Wrong] = &[
    ("serve needs the database's keys", "serve --listen 127.0.0.1:0 --mail file:mails", LOST_KEYS, &["key file lost.toml"]),
    ("import needs the database's keys", "import roster.csv", LOST_KEYS, &["key file lost.toml"]),
    ("migrate needs the database's keys", "migrate", LOST_KEYS, &["key file lost.toml"]),
    ("check needs the database's keys", "check", LOST_KEYS, &["key file lost.toml"]),
    ("serve refuses another database's keys", "serve --listen 127.0.0.1:0 --mail file:mails", OTHER_KEYS, &["key file other.toml"]),
    ("import refuses another database's keys", "import roster.csv", OTHER_KEYS, &["key file other.toml"]),
    ("rebuild refuses another database's keys", "rebuild", OTHER_KEYS, &["key file other.toml"]),
    ("serve needs the database's key database", "serve --listen 127.0.0.1:0 --mail file:mails", LOST_KEY_DATABASE,
        &["key database lost.keys", "give --key-database the file"]),
    ("import needs the database's key database", "import roster.csv --letters out.csv", LOST_KEY_DATABASE,
        &["key database lost.keys", "give --key-database the file"]),
    ("migrate needs the database's key database", "migrate", LOST_KEY_DATABASE,
        &["key database lost.keys", "give --key-database the file"]),
    ("check needs the database's key database", "check", LOST_KEY_DATABASE,
        &["key database lost.keys", "give --key-database the file"]),
    ("serve refuses another database's key database", "serve --listen 127.0.0.1:0 --mail file:mails", OTHER_KEY_DATABASE,
        &["keys.toml"]),
    ("there is no such read model", "rebuild member_stauts", &[], &["\"member_stauts\"", "there are", "member_status"]),
];

/// What `TAKEN` and `LINE` stand for.
struct Meanings {
    taken: String,
    line: String,
}

fn is_refused(house: &House, meanings: &Meanings, wrong: &Wrong) {
    let (sentence, arguments, settings, says) = wrong;
    let meant = |text: &str| {
        text.replace("TAKEN", &meanings.taken)
            .replace("LINE", &meanings.line)
            .replace("SECRET", SECRET)
    };
    let arguments = meant(arguments);
    let before = listing(&house.path(""));
    let mut command = house.command(&arguments.split(' ').collect::<Vec<_>>());
    for (name, value) in *settings {
        if value.is_empty() {
            command.env_remove(name);
        } else {
            command.env(name, value);
        }
    }
    let Done {
        code,
        stdout,
        stderr,
    } = Done::of(&mut command);
    assert_eq!((code, stdout.as_str()), (2, ""), "{sentence}: {stderr}");
    assert!(stderr.starts_with("kadode: "), "{sentence}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{sentence}: {stderr}");
    for part in *says {
        assert!(
            stderr.contains(&meant(part)),
            "{sentence}: {part} is not in {stderr}"
        );
    }
    assert!(!stderr.contains(SECRET), "{sentence}: {stderr}");
    let after = listing(&house.path(""));
    let changed = |path: &&String| before.get(*path) != after.get(*path);
    let changed: Vec<_> = before.keys().chain(after.keys()).filter(changed).collect();
    assert!(changed.is_empty(), "{sentence}: {changed:?}");
}

/// Everything below a folder: of files also what is in them.
fn listing(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_dir() {
            found.extend(listing(&path));
            Vec::new()
        } else {
            fs::read(&path).unwrap()
        };
        found.insert(path.display().to_string(), bytes);
    }
    found
}

#[test]
fn a_wrong_setting_is_refused_before_anything_is_created() {
    let house = House::new();
    let policy = include_str!("../../../policies/sample.toml");
    let policy = policy.replacen("min_length = 15", "min_length = 3", 1);
    let mistake = policy.lines().position(|line| line == "min_length = 3");
    house.file("wrong.toml", policy.as_bytes());
    house.file("nonsense.toml", b"this is no key");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let meanings = Meanings {
        taken: taken.local_addr().unwrap().to_string(),
        line: (mistake.unwrap() + 1).to_string(),
    };
    for wrong in AT_THE_START {
        is_refused(&house, &meanings, wrong);
    }
}

#[test]
fn a_wrong_setting_for_a_database_in_use_is_refused_and_changes_nothing() {
    let house = house_with_member();
    let other = Done::of(
        house
            .command(&["migrate"])
            .env("KADODE_DATABASE", "sqlite:other.sqlite")
            .env("KADODE_KEYS", "other.toml"),
    );
    assert_eq!(other.code, 0, "{}", other.stderr);
    let meanings = Meanings {
        taken: String::new(),
        line: String::new(),
    };
    for wrong in WITH_MEMBERS {
        is_refused(&house, &meanings, wrong);
    }
}

#[tokio::test]
async fn a_second_serve_on_the_same_file_is_refused_and_the_first_goes_on() {
    let house = house_with_member();
    let first = Program::serve(&house).await;
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--mail", "file:mails"];
    let second = Done::of(&mut house.command(&arguments));
    let refusal = second.refusal();
    for part in [
        "another kadode serve runs on",
        "kadode.sqlite",
        "stop it first",
    ] {
        assert!(refusal.contains(part), "{part} is not in {refusal}");
    }
    let alive = reqwest::get(format!("{}/healthz", first.url)).await;
    assert_eq!(alive.unwrap().status(), 200);
}
