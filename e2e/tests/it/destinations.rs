//! A destination in the hands of people: the command line and the page on a real database that refuses, is paused, gets everything
//! again, and forgets.

use crate::database::{Database, PASSWORD, no_postgres};
use crate::first_hour::walk_on;
use crate::harness::{Plant, Process, wait_for};
use crate::modbus::plant_with_pymodbus;
use crate::webhook::secret;
use serde_json::Value as Json;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);
const ROWS: &str = "select count(*) from ironbridge.samples where path like '%/count'";

/// A plant whose counter goes to a database, and the database.
fn set_up(more: &str) -> Option<(Plant, Process, Database)> {
    if no_postgres() {
        return None;
    }
    let (mut plant, server, _) = plant_with_pymodbus("")?;
    let database = Database::start();
    let text = format!(
        "kind = \"postgres\"\nurl = \"postgres://ironbridge@127.0.0.1:{}/plant\"\npassword = {{ secret = \"hq-db\" }}\n\
         select = [\"packaging/**\"]\nstart = \"oldest\"\n{more}\n",
        database.port
    );
    plant.start();
    plant.write("destinations/hq.toml", &text);
    // What is missing is said before anybody wonders: by `check` and by `plan`, each with the command.
    for words in [["check", "."], ["plan", "."]] {
        let said = plant.say(&words);
        assert!(
            said.contains("the secret `hq-db` is not set, and destination hq cannot work without"),
            "{said}"
        );
        assert!(said.contains("ironbridge secret set hq-db"), "{said}");
    }
    secret(&plant, "hq-db", PASSWORD);
    assert!(!plant.say(&["check", "."]).contains("hq-db"));
    plant.say(&["apply", "."]);
    wait_for("rows in the database", LIMIT, || (database.count(ROWS) > 10).then_some(()));
    Some((plant, server, database))
}

fn hq(plant: &Plant) -> Json {
    plant.local().get("/api/destinations").ok()["destinations"][0].clone()
}

fn refused(plant: &Plant) -> u64 {
    hq(plant)["letters"]["waiting"].as_u64().unwrap()
}

/// From now on the database refuses the level of the filler, 12.5, and takes everything else.
fn refuse(plant: &Plant, database: &Database) {
    database.sql(
        "alter table ironbridge.sample add constraint no_level check (value is distinct from 12.5) not valid",
    );
    wait_for("something to be refused", LIMIT, || (refused(plant) > 3).then_some(()));
}

fn take(database: &Database) {
    database.sql("alter table ironbridge.sample drop constraint no_level");
}

#[test]
fn the_command_line_pauses_resumes_replays_and_deals_with_what_was_refused() {
    let Some((plant, _server, database)) = set_up("") else { return };
    assert!(plant.say(&["destination", "list"]).contains("hq"));
    plant.say(&["destination", "pause", "hq"]);
    wait_for("the pause", LIMIT, || (hq(&plant)["state"] == "paused").then_some(()));
    let rows = database.count(ROWS);
    wait_for("values to wait", LIMIT, || (hq(&plant)["lag_samples"].as_u64()? > 20).then_some(()));
    assert_eq!(database.count(ROWS), rows, "nothing is sent while it is paused");
    plant.say(&["destination", "resume", "hq"]);
    wait_for("what waited", LIMIT, || (database.count(ROWS) > rows + 5).then_some(()));

    // Rows that somebody deleted come back; none stands there twice.
    let all = database.count(ROWS);
    database.sql("delete from ironbridge.sample");
    let said = plant.say(&["destination", "replay", "hq", "--from", "1h"]);
    assert!(said.contains("is sent again"), "{said}");
    wait_for("the replay to be over", LIMIT, || hq(&plant)["replay"]["finished"].is_number().then_some(()));
    assert!(database.count(ROWS) >= all, "all of it is there again");
    assert!(plant.say(&["destination", "list"]).contains("over "));
    let none = plant.cli(&["destination", "stop-replay", "hq"]);
    assert!(
        !none.status.success()
            && String::from_utf8_lossy(&none.stderr).contains("nothing is being sent again")
    );

    refuse(&plant, &database);
    let listed = plant.say(&["destination", "rejects", "hq"]);
    assert!(listed.contains("filler/level") && listed.contains("no_level"), "{listed}");
    // As long as the cause is there, they come back with the reason.
    plant.say(&["destination", "resend", "hq"]);
    let id = listed.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    plant.say(&["destination", "drop", "hq", &id]);
    take(&database);
    wait_for("all that was refused to be taken", LIMIT, || {
        plant.say(&["destination", "resend", "hq"]);
        (refused(&plant) == 0).then_some(())
    });
    let letters = hq(&plant)["letters"].clone();
    assert!(letters["dropped"] == 1 && letters["resent"].as_u64().unwrap() > 2, "{letters}");
    let unknown = plant.cli(&["destination", "pause", "nobody"]);
    assert!(!unknown.status.success(), "{unknown:?}");
}

#[test]
fn rows_that_vanish_behind_our_back_are_told_in_the_plant() {
    let Some((plant, _server, database)) = set_up("prove = \"1s\"") else { return };
    wait_for("the database to be asked", LIMIT, || {
        (hq(&plant)["proof"]["found"].as_u64()? > 2).then_some(())
    });
    database.sql("delete from ironbridge.sample");
    let told = wait_for("what is gone to be told", Duration::from_secs(30), || {
        let hq = hq(&plant);
        (hq["proof"]["gone"].as_u64()? > 0).then_some(hq)
    });
    let error = &told["last_error"];
    assert!(error["title"].as_str().unwrap().contains("hq does not have what it acknowledged"), "{told}");
    assert!(error["next"].as_str().unwrap().contains("ironbridge destination replay hq --from"), "{told}");
    let sql = "select title from events where kind = 'fault' and id like 'destination/hq/gone/%'";
    wait_for("a fault", LIMIT, || {
        plant.say(&["query", sql, "--format", "csv"]).contains("acknowledged").then_some(())
    });
    wait_for("the fault to be over", LIMIT, || {
        let sql = format!("{sql} and state = 'cleared'");
        plant.say(&["query", &sql, "--format", "csv"]).contains("acknowledged").then_some(())
    });
}

#[test]
fn the_page_shows_and_does_the_same() {
    let Some((plant, _server, database)) = set_up("prove = \"1s\"") else { return };
    refuse(&plant, &database);
    take(&database);
    walk_on("destinations.mjs", &plant.link(), plant.dir(), &[]);
    let sql = "select count(*) from events where kind = 'change' and source = 'destination/hq'";
    let said = plant.say(&["query", sql, "--format", "csv"]);
    assert!(said.lines().nth(1).is_some_and(|n| n.trim() != "0"), "sending again is told: {said}");
}

/// A small disk, until the value is dropped.
struct Small(PathBuf);

impl Small {
    /// `None`, loudly, where nothing can be mounted.
    fn mount(folder: PathBuf) -> Option<Self> {
        std::fs::create_dir(&folder).unwrap();
        let words = ["-t", "tmpfs", "-o", "size=4m", "ironbridge-test"];
        let done = Command::new("mount").args(words).arg(&folder).output();
        if done.is_ok_and(|done| done.status.success()) {
            return Some(Self(folder));
        }
        println!("SKIPPED: no right to mount; run as root to have this test");
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A disk that is full and has room again.
#[test]
fn a_full_disk_is_said_and_nothing_is_lost() {
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    let Some(small) = Small::mount(plant.dir().join("small")) else { return };
    let ballast = small.0.join("ballast");
    assert!(std::fs::write(&ballast, vec![7_u8; 8_000_000]).is_err(), "it is full now");
    plant.write(
        "destinations/archive.toml",
        "kind = \"files\"\nfolder = \"small\"\nper = \"2s\"\nselect = [\"packaging/**\"]\nstart = \"oldest\"\n",
    );
    plant.start();
    let archive = |plant: &Plant| plant.local().get("/api/destinations").ok()["destinations"][0].clone();
    let told = wait_for("the full disk to be told", LIMIT, || {
        let one = archive(&plant);
        one["last_error"]["title"].as_str()?.contains("is full: make room there").then_some(one)
    });
    assert!(!told["last_error"]["next"].as_str().unwrap().is_empty(), "{told}");
    std::fs::remove_file(ballast).unwrap();
    let sql = "select count(*) from samples where path like 'acme/leeds/packaging/%'";
    let recorded = plant.say(&["query", sql, "--format", "csv"]);
    let recorded: u64 = recorded.lines().nth(1).unwrap().trim().parse().unwrap();
    let done = wait_for("everything in whole files", LIMIT, || {
        let one = archive(&plant);
        (one["sent"].as_u64()? >= recorded).then_some(one)
    });
    assert_eq!((&done["rejects"], &done["state"]), (&0.into(), &"connected".into()), "{done}");
    plant.stop();
}
