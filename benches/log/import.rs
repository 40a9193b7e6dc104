//! The import of a large roster, killed once in the middle and finished by a second run, beside multi-row inserts of the same bytes.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kadode::database::{self, Cell, Connections, Database, Dialect, Insert, Tables};
use sqlx::Row;
use sqlx::any::AnyRow;
use tempfile::TempDir;

use crate::table::Table;
use crate::work::fresh_database;
use crate::{Fault, Kind};

/// Rows in one transaction, as the import has them.
const AT_ONCE: i64 = 500;

/// The least that an import may reach of the inserts alone.
const SHARE: f64 = 0.3;

/// The log's table as the import fills it, with texts where PostgreSQL would want casts.
const EVENTS: &str = "CREATE TABLE raw_events (position BIGINT PRIMARY KEY, aggregate_type TEXT NOT NULL, aggregate_id TEXT NOT NULL, \
     sequence BIGINT NOT NULL, event_type TEXT NOT NULL, event_version TEXT NOT NULL, payload TEXT NOT NULL, \
     metadata TEXT NOT NULL, recorded_at TEXT NOT NULL, UNIQUE (aggregate_type, aggregate_id, sequence))";

/// A main database and one of keys, each by its URL.
struct Places {
    main: String,
    keys: String,
}

impl Places {
    async fn new(kind: Kind, folder: &TempDir, name: &str) -> Result<Self, Fault> {
        Ok(Self {
            main: fresh_database(kind, folder, &format!("{name}_main")).await?,
            keys: fresh_database(kind, folder, &format!("{name}_keys")).await?,
        })
    }
}

/// Imports so many members.
pub(crate) async fn run(kind: Kind, members: i64, table: &mut Table) -> Result<(), Fault> {
    let folder = tempfile::tempdir()?;
    let roster = folder.path().join("roster.csv");
    std::fs::write(&roster, roster_of(members)?)?;
    let places = Places::new(kind, &folder, "import").await?;
    if kind == Kind::Postgres {
        let migrated = program("migrate", &places, folder.path()).status()?;
        assert_ended_well(migrated.success())?;
    }
    let say = |what: &str| eprintln!("log: {kind:?}, {members} members: {what}");
    say("importing, to be killed");
    let mut memory = Vec::new();
    let began = Instant::now();
    let (mut import, mut database) = (start(&roster, &places, folder.path())?, None);
    let killed_at = loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if import.try_wait()?.is_some() {
            return Err("the import ended before it could be killed".into());
        }
        memory.push(memory_of(&import)?);
        // Opening it before it is there would create it.
        if database.is_none() && Database::exists(&places.main)? {
            database = Some(Database::open(&places.main).await?);
        }
        let stored = match &database {
            Some(database) => enrolled(&database.read).await.unwrap_or(0),
            None => 0,
        };
        if stored >= members / 2 {
            break stored;
        }
    };
    import.kill()?;
    import.wait()?;
    say("importing, to the end");
    let mut import = start(&roster, &places, folder.path())?;
    let ended = loop {
        if let Some(ended) = import.try_wait()? {
            break ended;
        }
        memory.push(memory_of(&import)?);
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let lasted = began.elapsed();
    assert_ended_well(ended.success())?;
    let database = database.ok_or("no database")?;
    let stored = enrolled(&database.read).await?;
    let letters = std::fs::read_to_string(folder.path().join("letters.csv"))?;
    // Behind the header.
    let letters = i64::try_from(letters.lines().skip(1).count())?;
    let label = |what: &str| format!("{kind:?}: {what}");
    table.demand(
        &label("members of the roster, enrolled, with a letter; killed at"),
        format!("{members}, {stored}, {letters}; {killed_at}"),
        "the same",
        [stored, letters] == [members; 2],
    );
    say("inserting the same rows");
    let raw = raw(kind, &places, &folder).await?;
    let number = u32::try_from(members)?;
    let [ours, floor] = [lasted, raw].map(|time| f64::from(number) / time.as_secs_f64());
    table.demand(
        &label("members a second, both runs together; of multi-row inserts of the same bytes"),
        format!("{ours:.0}; {:.2} of {floor:.0}", ours / floor),
        &format!("{SHARE}"),
        ours >= SHARE * floor,
    );
    let early = memory.get(memory.len() / 4).copied().unwrap_or(0);
    table.tell(
        &label("memory of the import: a quarter through, at most"),
        format!("{early}, {} MiB", memory.iter().max().copied().unwrap_or(0)),
    );
    Ok(())
}

/// All cohorts of the sample society in turn, each member with a letter.
fn roster_of(members: i64) -> Result<String, Fault> {
    let mut roster =
        "user_id,symbol,number,birth_date,name,gid,joined_on,registered_on_old_portal\n".to_owned();
    for n in 0..members {
        let (symbol, number) = (n / 500 + 1, n % 500 + 11_111);
        let (year, month, day) = (1940 + n % 65, n % 12 + 1, n % 28 + 1);
        let (joined, registered) = [
            ("2024-06-01", 0),
            ("2025-03-01", 0),
            ("2026-03-30", 0),
            ("2024-06-01", 1),
        ][usize::try_from(n % 4)?];
        writeln!(
            roster,
            "user{n:07},{symbol},{number},{year}-{month:02}-{day:02},見本 花子,G{n:09},{joined},{registered}"
        )?;
    }
    Ok(roster)
}

fn program(command: &str, places: &Places, folder: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kadode"));
    program
        .arg(command)
        .args(["--database", &places.main, "--key-database", &places.keys])
        .arg("--keys")
        .arg(folder.join("keys.toml"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    program
}

fn start(roster: &Path, places: &Places, folder: &Path) -> Result<Child, Fault> {
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/sample.toml");
    let mut import = program("import", places, folder);
    import
        .arg(roster)
        .args(["--policy", policy])
        .arg("--letters")
        .arg(folder.join("letters.csv"));
    Ok(import.spawn()?)
}

fn assert_ended_well(well: bool) -> Result<(), Fault> {
    if well {
        Ok(())
    } else {
        Err("the program ended badly".into())
    }
}

async fn enrolled(read: &Connections) -> Result<i64, Fault> {
    let counted =
        sqlx::query_scalar("SELECT COUNT(*) FROM events WHERE aggregate_type = 'onboarding'");
    Ok(counted.fetch_one(read).await?)
}

/// Its most so far, in MiB.
fn memory_of(child: &Child) -> Result<u64, Fault> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = most.and_then(|most| most.trim().strip_suffix(" kB"));
    // One that has just ended has none.
    Ok(kilobytes.map_or(Ok(0), str::parse::<u64>)? / 1024)
}

/// How long it takes to insert all rows of an import into tables like its own.
async fn raw(kind: Kind, from: &Places, folder: &TempDir) -> Result<Duration, Fault> {
    let to = Places::new(kind, folder, "raw").await?;
    let main = migrated(&to.main, &database::MAIN).await?;
    let keys = migrated(&to.keys, &database::KEYS).await?;
    sqlx::query(EVENTS).execute(&main.write).await?;
    let (from_main, from_keys) = (
        Database::open(&from.main).await?,
        Database::open(&from.keys).await?,
    );
    let mut lasted = Duration::ZERO;
    let (mut profile, mut key, mut position) = (String::new(), String::new(), 0_i64);
    loop {
        let profiles = sqlx::query(
            "SELECT member_id, import_id, letters_key_id, sealed, user_id_index, person_index, symbol_number_index, gid_index, \
             written_at FROM profiles WHERE member_id > $1 ORDER BY member_id LIMIT $2",
        );
        let profiles = profiles
            .bind(profile.clone())
            .bind(AT_ONCE)
            .fetch_all(&from_main.read)
            .await?;
        let data_keys = sqlx::query(
            "SELECT data_key_id, member_id, class, wrapped, created_at, year FROM data_keys WHERE data_key_id > $1 \
             ORDER BY data_key_id LIMIT $2",
        );
        let data_keys = data_keys
            .bind(key.clone())
            .bind(AT_ONCE)
            .fetch_all(&from_keys.read)
            .await?;
        let events = sqlx::query(
            "SELECT aggregate_type, aggregate_id, event_type, event_version, CAST(payload AS TEXT), CAST(metadata AS TEXT), \
             recorded_at, position, sequence FROM events WHERE position > $1 ORDER BY position LIMIT $2",
        );
        let events = events
            .bind(position)
            .bind(AT_ONCE)
            .fetch_all(&from_main.read)
            .await?;
        let (Some(last_profile), Some(last_key), Some(last_event)) =
            (profiles.last(), data_keys.last(), events.last())
        else {
            return Ok(lasted);
        };
        profile = last_profile.try_get(0)?;
        key = last_key.try_get(0)?;
        position = last_event.try_get(7)?;
        let (profiles, data_keys, events) = (
            cells::<9>(&profiles, 9)?,
            cells::<6>(&data_keys, 5)?,
            cells::<9>(&events, 7)?,
        );
        let began = Instant::now();
        let mut transaction = keys.begin().await?;
        let into =
            "INSERT INTO data_keys (data_key_id, member_id, class, wrapped, created_at, year)";
        Insert::new(Dialect::of(&transaction), into, &data_keys, "")?
            .write(&mut transaction)
            .await?;
        transaction.commit().await?;
        let mut transaction = main.begin().await?;
        let into = "INSERT INTO profiles (member_id, import_id, letters_key_id, sealed, user_id_index, person_index, \
             symbol_number_index, gid_index, written_at)";
        Insert::new(Dialect::of(&transaction), into, &profiles, "")?
            .write(&mut transaction)
            .await?;
        transaction.commit().await?;
        let mut transaction = main.begin().await?;
        let into = "INSERT INTO raw_events (aggregate_type, aggregate_id, event_type, event_version, payload, metadata, \
             recorded_at, position, sequence)";
        Insert::new(Dialect::of(&transaction), into, &events, "")?
            .write(&mut transaction)
            .await?;
        transaction.commit().await?;
        lasted += began.elapsed();
    }
}

async fn migrated(url: &str, tables: &Tables) -> Result<Database, Fault> {
    let database = Database::open(url).await?;
    database.migrate(tables).await?;
    Ok(database)
}

/// The cells of rows whose first `texts` columns hold texts and the others numbers.
fn cells<const COLUMNS: usize>(
    rows: &[AnyRow],
    texts: usize,
) -> Result<Vec<[Cell; COLUMNS]>, Fault> {
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let mut cells = [const { Cell::Number(None) }; COLUMNS];
        for (at, cell) in cells.iter_mut().enumerate() {
            *cell = if at < texts {
                Cell::Text(row.try_get(at)?)
            } else {
                Cell::Number(row.try_get(at)?)
            };
        }
        all.push(cells);
    }
    Ok(all)
}
