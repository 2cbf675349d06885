//! PostgreSQL, asked with `psql`.

use crate::database::*;
use crate::support::*;
use connect::north::State;
use model::{Event, EventKind, Status, Time, Value, ValueType};
use std::collections::BTreeMap;

const TWO: &[(&str, ValueType)] =
    &[("line/filler/speed", ValueType::F64), ("line/filler/state", ValueType::I64)];
const NUMBERS: &[(&str, ValueType)] = &[("line/filler/n", ValueType::I64)];

fn config(database: &Database, more: &str) -> String {
    format!(
        "kind = \"postgres\"\nurl = \"postgres://ironbridge@127.0.0.1:{}/plant\"\npassword = {{ secret = \"db\" }}\n{more}\n",
        database.port
    )
}

fn plant() -> Plant {
    let mut plant = Plant::new();
    plant.secrets = BTreeMap::from([("db".into(), PASSWORD.into()), ("wrong".into(), "guess".into())]);
    plant
}

#[test]
fn samples_points_and_events_stand_in_tables_over_tls_and_bad_is_null() {
    if no_postgres() {
        return;
    }
    let database = Database::start_with(|dir| {
        certificates(dir);
        let file = |name: &str| dir.join(name).display().to_string();
        vec![
            "ssl=on".into(),
            format!("ssl_cert_file='{}'", file("server.pem")),
            format!("ssl_key_file='{}'", file("server.key")),
        ]
    });
    let (plant, runtime) = (plant(), multi());
    let _guard = runtime.enter();
    std::fs::copy(database.file("ca.pem"), plant.dir.path().join("ca.pem")).unwrap();
    let shape = plant.declare("filler", TWO);
    let more =
        "sslmode = \"verify-full\"\ntls = { ca = \"ca.pem\" }\nstart = \"oldest\"\nevents = [\"alarm\"]";
    let handle = plant.start("hq", &config(&database, more));
    let status = wait_status(&handle, "a session", |status| status.state == State::Connected);
    assert_eq!((status.security.level, status.security.text.as_str()), ("tls", "TLS, password"));
    plant.publish(&shape, vec![Value::F64(12.5), Value::I64(3)]);
    plant.quality(&shape, Status::BAD_COMMUNICATION_ERROR);
    plant.publish(&shape, vec![Value::F64(f64::NAN), Value::I64(i64::MIN)]);
    let event = |title: &str| {
        Event::active(EventKind::Alarm, "alarm/1", "acme/leeds/line", Time::from_millis(1_500), 700, title)
    };
    plant.namespace.event(event("Too \"hot\"; drop table ironbridge.sample; --\0"));
    plant.namespace.event(event("Too hot").cleared(Time::from_millis(2_500)));
    wait_status(&handle, "acknowledgements", |status| status.sent >= 8 && status.lag_s == Some(0.0));
    assert_eq!(
        database.sql("select path, value, value_int, good, quality, status, historical from ironbridge.samples order by path, seq"),
        "acme/leeds/line/filler/speed|12.5||t|Good|0|f\n\
         acme/leeds/line/filler/speed|||f|BadCommunicationError|2147811328|f\n\
         acme/leeds/line/filler/speed|NaN||t|Good|0|f\n\
         acme/leeds/line/filler/state|3|3|t|Good|0|f\n\
         acme/leeds/line/filler/state|||f|BadCommunicationError|2147811328|f\n\
         acme/leeds/line/filler/state|-9.223372036854776e+18|-9223372036854775808|t|Good|0|f"
    );
    // A data engineer's first question is right without knowing what quality is.
    assert_eq!(database.sql("select count(value) from ironbridge.samples where path like '%state'"), "2");
    assert_eq!(
        database.sql(
            "select path, unit, type, range_high, device, writable from ironbridge.points order by path"
        ),
        "acme/leeds/line/filler/speed|bar|f64|100|filler|t\nacme/leeds/line/filler/state||i64||filler|f"
    );
    assert_eq!(database.sql("select count(*) from ironbridge.latest where age_seconds < 60"), "2");
    assert_eq!(
        database.sql("select site, id, revision, state, severity, title, extract(epoch from ended) from ironbridge.events"),
        "acme/leeds|alarm/1|2|cleared|700|Too hot|2.500000"
    );
    assert_eq!(database.sql("select version from ironbridge.schema_version"), "1");
    runtime.block_on(handle.stop());
}

#[test]
fn a_killed_database_gets_everything_once_and_in_order() {
    if no_postgres() {
        return;
    }
    let (mut database, plant, runtime) = (Database::start(), plant(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", NUMBERS);
    let handle = plant.start("hq", &config(&database, ""));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    let mut next = 0;
    for round in 0..3 {
        (0..700).for_each(|_| {
            plant.publish(&shape, vec![Value::I64(next)]);
            next += 1;
        });
        if round == 1 {
            wait_status(&handle, "some acknowledgements", |status| status.sent > 0);
        }
        database.kill();
        wait_status(&handle, "the loss to be seen", |status| status.state == State::Lost);
        (0..300).for_each(|_| {
            plant.publish(&shape, vec![Value::I64(next)]);
            next += 1;
        });
        let status = handle.status();
        let error = status.last_error.unwrap();
        assert!(
            status.lag_samples > 0 && !error.next.is_empty() && !error.next.contains("device"),
            "{error:?}"
        );
        database.up();
        wait_status(&handle, "no lag", |status| {
            status.lag_s == Some(0.0) && status.state == State::Connected
        });
    }
    let (rows, distinct, newest) = ("count(*)", "count(distinct value_int)", "max(value_int)");
    assert_eq!(
        database.sql(&format!("select {rows}, {distinct}, {newest} from ironbridge.samples where good")),
        format!("{next}|{next}|{}", next - 1)
    );
    let disorder = "select count(*) from (select value_int - lag(value_int) over (order by time, seq) as step from ironbridge.samples where good) s where step <> 1";
    assert_eq!(database.sql(disorder), "0");
    assert!(plant.namespace.active_events().iter().all(|event| event.source != "destination/hq"));
    runtime.block_on(handle.stop());
}

#[test]
fn what_the_database_refuses_is_a_dead_letter_and_the_rest_goes_on() {
    if no_postgres() {
        return;
    }
    let (database, plant, runtime) = (Database::start(), plant(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", NUMBERS);
    let text = plant.declare("text", &[("line/filler/text", ValueType::Text)]);
    let handle = plant.start("hq", &config(&database, ""));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    database.sql("alter table ironbridge.sample add constraint never_13 check (value_int <> 13)");
    (0..50).for_each(|n| plant.publish(&shape, vec![Value::I64(n)]));
    plant.publish(&text, vec![Value::from("a\0b")]);
    plant.publish(&text, vec![Value::from("sound")]);
    wait_status(&handle, "no lag", |status| status.sent >= 52 && status.lag_s == Some(0.0));
    let mut reasons: Vec<(String, String)> =
        handle.rejects().into_iter().map(|letter| (letter.reject.path, letter.reject.reason)).collect();
    reasons.sort();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].0.ends_with("filler/n") && reasons[0].1.contains("never_13"), "{reasons:?}");
    assert!(reasons[1].0.ends_with("filler/text") && reasons[1].1.contains("NUL"), "{reasons:?}");
    assert_eq!(
        database.sql("select count(*), sum(value_int) from ironbridge.samples where value_int is not null"),
        "49|1212"
    );
    assert_eq!(
        database.sql("select value_text from ironbridge.samples where value_text is not null"),
        "sound"
    );
    assert_eq!(handle.status().sessions, 1);
    runtime.block_on(handle.stop());
}

#[test]
fn a_database_that_forgot_or_changed_is_said_and_gets_it_again() {
    if no_postgres() {
        return;
    }
    let (mut database, plant, runtime) = (Database::start(), plant(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", NUMBERS);
    let handle = plant.start("hq", &config(&database, "start = \"oldest\""));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    let publish =
        |range: std::ops::Range<i64>| range.for_each(|n| plant.publish(&shape, vec![Value::I64(n)]));
    let all_there = |upto: i64| {
        wait_for("all numbers", || {
            let count = database.count("select count(distinct value_int) from ironbridge.samples where good");
            (count == upto).then_some(())
        });
    };
    publish(0..100);
    all_there(100);
    let backup = database.sql("select seq from ironbridge.delivery");
    publish(100..300);
    all_there(300);
    // Back to an older state, as after a restored backup.
    database.sql(&format!(
        "delete from ironbridge.sample where seq > {backup}; update ironbridge.delivery set seq = {backup}"
    ));
    database.kill();
    wait_status(&handle, "the loss to be seen", |status| status.state == State::Lost);
    database.up();
    let all_there = |upto: i64| {
        wait_for("all numbers", || {
            let count = database.count("select count(distinct value_int) from ironbridge.samples where good");
            (count == upto).then_some(())
        });
    };
    all_there(300);
    assert!(told(&plant, "has lost data that it had acknowledged"));
    assert_eq!(database.sql("select count(*) from ironbridge.sample"), "300", "nothing twice");
    // Somebody changes the tables under us.
    database.sql("alter table ironbridge.sample rename column value_int to whole");
    publish(300..310);
    let status =
        wait_status(&handle, "a fault", |status| status.last_error.is_some() && status.state == State::Lost);
    let error = status.last_error.unwrap();
    assert!(error.title.contains("value_int") && error.title.contains("changed the tables"), "{error:?}");
    database.sql("alter table ironbridge.sample rename column whole to value_int");
    all_there(310);
    runtime.block_on(handle.stop());
}

#[test]
fn a_renamed_point_keeps_its_history_and_two_gateways_share_one_database() {
    if no_postgres() {
        return;
    }
    let (database, runtime) = (Database::start(), multi());
    let _guard = runtime.enter();
    let (mut one, other) = (plant(), plant());
    one.site = "acme/york".into();
    let shapes = [one.declare("filler", NUMBERS), other.declare("filler", NUMBERS)];
    let handles = [one.start("hq", &config(&database, "")), other.start("hq", &config(&database, ""))];
    for ((plant, shape), handle) in [&one, &other].into_iter().zip(&shapes).zip(&handles) {
        wait_status(handle, "a session", |status| status.state == State::Connected);
        plant.publish(shape, vec![Value::I64(1)]);
        wait_status(handle, "an acknowledgement", |status| status.sent > 0 && status.lag_s == Some(0.0));
    }
    assert_eq!(
        database.sql("select path, count(*) from ironbridge.samples where good group by 1 order by 1"),
        "acme/leeds/line/filler/n|1\nacme/york/line/filler/n|1"
    );
    other.rename("line/filler/n", "line/filler/count", ValueType::I64);
    other.publish(&shapes[1], vec![Value::I64(2)]);
    wait_for("the new name", || {
        let rows = database.sql("select path, value_int from ironbridge.samples where good and path like 'acme/leeds/%' order by seq");
        (rows == "acme/leeds/line/filler/count|1\nacme/leeds/line/filler/count|2").then_some(())
    });
    for handle in &handles {
        runtime.block_on(handle.stop());
    }
}

#[test]
fn what_is_wrong_is_said_in_words() {
    if no_postgres() {
        return;
    }
    let (database, plant, runtime) = (Database::start(), plant(), multi());
    let _guard = runtime.enter();
    let port = database.port;
    database.sql("create role reader login password 's3cret'");
    database.sql("create schema newer; create table newer.schema_version (version int primary key, made timestamptz); insert into newer.schema_version values (99, now())");
    let url = |user: &str, db: &str| {
        format!("kind = \"postgres\"\nurl = \"postgres://{user}@127.0.0.1:{port}/{db}\"\n")
    };
    for (name, text, words) in [
        (
            "wrong",
            url("ironbridge", "plant") + "password = { secret = \"wrong\" }",
            "password authentication failed",
        ),
        (
            "unset",
            url("ironbridge", "plant") + "password = { secret = \"none\" }",
            "ironbridge secret set none",
        ),
        ("nowhere", url("ironbridge", "nowhere") + "password = { secret = \"db\" }", "create it"),
        ("rights", url("reader", "plant") + "password = { secret = \"db\" }", "permission denied"),
        (
            "newer",
            url("ironbridge", "plant") + "password = { secret = \"db\" }\nschema = \"newer\"",
            "newer Ironbridge",
        ),
        (
            "clear",
            url("ironbridge", "plant") + "password = { secret = \"db\" }\nsslmode = \"verify-full\"",
            "TLS",
        ),
    ] {
        let handle = plant.start(name, &text);
        let status = wait_status(&handle, name, |status| status.state == State::Lost);
        let error = status.last_error.unwrap();
        assert!(error.title.contains(words), "{name}: {error:?}");
        assert!(
            !error.title.contains("guess") && !error.title.contains(PASSWORD),
            "no secret in words for people"
        );
        runtime.block_on(handle.stop());
    }
}
