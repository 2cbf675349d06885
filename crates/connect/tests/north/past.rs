//! What comes from history: sent again on request, dead letters after the cause is mended, values of intervals. Asked at
//! PostgreSQL.

use crate::database::*;
use crate::support::*;
use connect::north::{Handle, State};
use model::{Batch, Each, Flags, Shape, Status, Time, Value, ValueType};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const NUMBER: &[(&str, ValueType)] = &[("line/filler/n", ValueType::I64)];
const MINUTE: i64 = 60_000_000_000;

fn config(database: &Database, more: &str) -> String {
    format!(
        "kind = \"postgres\"\nurl = \"postgres://ironbridge@127.0.0.1:{}/plant\"\npassword = {{ secret = \"db\" }}\nstart = \"oldest\"\n{more}\n",
        database.port
    )
}

fn plant() -> Plant {
    let mut plant = Plant::new();
    plant.secrets = BTreeMap::from([("db".into(), PASSWORD.into())]);
    plant
}

fn publish(plant: &Plant, shape: &Arc<Shape>, numbers: std::ops::Range<i64>) {
    numbers.for_each(|n| plant.publish(shape, vec![Value::I64(n)]));
}

fn count(database: &Database) -> (i64, i64) {
    let good = "from ironbridge.samples where good";
    let rows = database.count(&format!("select count(*) {good}"));
    (rows, database.count(&format!("select count(distinct value_int) {good}")))
}

fn all_there(handle: &Handle, sent: u64) {
    wait_status(handle, "all of it", |status| status.sent >= sent && status.lag_s == Some(0.0));
}

#[test]
fn a_stretch_is_sent_again_beside_what_is_new_over_a_restart_and_nothing_twice() {
    if no_postgres() {
        return;
    }
    let (mut database, plant, runtime) = (Database::start(), plant(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", NUMBER);
    let handle = plant.start("hq", &config(&database, ""));
    publish(&plant, &shape, 0..500);
    all_there(&handle, 500);
    database.sql("delete from ironbridge.sample where value_int between 100 and 299");
    assert_eq!(count(&database), (300, 300));

    database.kill();
    wait_status(&handle, "the loss", |status| status.state == State::Lost);
    let asked = handle.replay(Time::ZERO, None).unwrap();
    assert!(asked.from > Time::ZERO && asked.finished.is_none(), "from what history begins with: {asked:?}");
    let why = handle.replay(Time::ZERO, None).unwrap_err();
    assert!(why.contains("already"), "{why}");
    runtime.block_on(handle.stop());

    // What was asked for is known after a restart, and what is new comes as well.
    publish(&plant, &shape, 500..600);
    database.up();
    let handle = plant.start("hq", &config(&database, ""));
    let status = wait_status(&handle, "the end of it", |status| {
        status.replay.as_ref().is_some_and(|replay| replay.finished.is_some())
    });
    let replay = status.replay.unwrap();
    assert!(replay.sent >= 500 && replay.done == replay.to, "{replay:?}");
    wait_for("what is new", || (count(&database) == (600, 600)).then_some(()));
    assert!(told(&plant, "once more"));
    assert!(handle.stop_replay().unwrap_err().contains("nothing"));
    runtime.block_on(handle.stop());
}

#[test]
fn dead_letters_are_sent_again_when_the_cause_is_mended_or_dropped() {
    if no_postgres() {
        return;
    }
    let (database, plant, runtime) = (Database::start(), plant(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", NUMBER);
    let handle = plant.start("hq", &config(&database, ""));
    publish(&plant, &shape, 0..1);
    all_there(&handle, 1);
    database.sql("alter table ironbridge.sample add constraint odd check (value_int not in (7, 8, 9))");
    publish(&plant, &shape, 1..20);
    let status = wait_status(&handle, "three rejects", |status| status.letters.waiting == 3);
    assert_eq!(status.rejects, 3);
    all_there(&handle, 20);
    assert_eq!(count(&database), (17, 17));

    // As long as the cause is there they come back.
    assert_eq!(handle.resend(None), 3);
    wait_status(&handle, "the rejects again", |status| status.rejects == 6 && status.letters.waiting == 3);

    database.sql("alter table ironbridge.sample drop constraint odd");
    let letters = handle.rejects();
    let two: BTreeSet<u64> = letters.iter().take(2).map(|letter| letter.id).collect();
    assert_eq!(handle.resend(Some(&two)), 2);
    let status = wait_status(&handle, "two of them", |status| status.letters.waiting == 1);
    assert_eq!(status.letters.resent, 5, "three that were refused again, and two");
    wait_for("them in the table", || (count(&database) == (19, 19)).then_some(()));
    assert_eq!(handle.drop_letters(None), 1);
    let letters = handle.status().letters;
    assert_eq!((letters.waiting, letters.dropped), (0, 1));
    runtime.block_on(handle.stop());
}

/// Values with the source's own times, as a device's memory gives them.
fn recorded(plant: &Plant, shape: &Arc<Shape>, time: i64, value: f64, status: Status) {
    plant.namespace.publish(Batch {
        shape: shape.clone(),
        time: Each::All(Time(time)),
        source: Some(Each::All(Time(time))),
        received: plant.namespace.clock().now(),
        status: Each::All(status),
        flags: Flags { synchronised: true, historical: true },
        values: vec![Value::F64(value)],
    });
}

#[test]
fn one_value_for_each_minute_is_the_same_however_often_it_is_made() {
    if no_postgres() {
        return;
    }
    let (database, plant, runtime) = (Database::start(), plant(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", &[("line/filler/speed", ValueType::F64)]);
    let first = (plant.namespace.clock().now().0 / MINUTE - 30) * MINUTE;
    for (second, value, status) in [
        (0, 1.0, Status::GOOD),
        (30, 3.0, Status::GOOD),
        (60, 10.0, Status::GOOD),
        (90, 0.0, Status::BAD_SENSOR_FAILURE),
        (130, 0.0, Status::BAD_SENSOR_FAILURE),
        (300, 7.0, Status::GOOD),
    ] {
        recorded(&plant, &shape, first + second * 1_000_000_000, value, status);
    }
    let config = config(&database, "send = { every = \"1min\", as = \"mean\" }");
    let handle = plant.start("hq", &config);
    let rows = || {
        database.sql(&format!(
            "select (extract(epoch from time) - {}) / 60, value, quality, seq from ironbridge.samples order by time",
            first / 1_000_000_000
        ))
    };
    // Two whole, one in doubt, one without a good sample, two without any, one.
    let expected = "0.00|2|Good|0\n1.00|10|UncertainDataSubNormal|0\n2.00||BadNoData|0\n5.00|7|Good|0";
    let shorter = |text: String| text.lines().map(shorten).collect::<Vec<_>>().join("\n");
    wait_for("the minutes", || {
        (database.count("select count(*) from ironbridge.samples") == 4).then_some(())
    });
    assert_eq!(shorter(rows()), shorter(expected.to_owned()));
    wait_status(&handle, "no interval that is due", |status| status.lag_s == Some(0.0));

    handle.replay(Time(first), None).unwrap();
    wait_status(&handle, "the end of it", |status| {
        status.replay.as_ref().is_some_and(|r| r.finished.is_some())
    });
    assert_eq!(shorter(rows()), shorter(expected.to_owned()), "the same keys: nothing twice");
    recorded(&plant, &shape, first + 1, 5.0, Status::GOOD);
    wait_status(&handle, "a late sample", |status| status.late == 1);
    handle.replay(Time(first), None).unwrap();
    let counted_in = shorter(expected.replace("0.00|2|", "0.00|3|"));
    wait_for("the late sample to count in what stands there", || {
        (shorter(rows()) == counted_in).then_some(())
    });
    runtime.block_on(handle.stop());
}

/// Minutes as whole numbers.
fn shorten(line: &str) -> String {
    let (minute, rest) = line.split_once('|').unwrap();
    format!("{}|{rest}", minute.split('.').next().unwrap())
}
