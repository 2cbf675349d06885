//! Plain MQTT against mosquitto.

use crate::support::*;
use connect::north::State;
use model::{Status, Value, ValueType};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

fn config(broker: &Broker, more: &str) -> String {
    format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"\n{more}\n", broker.port)
}

const TWO: &[(&str, ValueType)] =
    &[("line/filler/speed", ValueType::F64), ("line/filler/state", ValueType::I64)];

#[test]
fn both_versions_deliver_value_quality_time_and_unit() {
    if no_mosquitto() {
        return;
    }
    for version in ["5", "3.1.1"] {
        let (broker, plant, runtime) = (Broker::start(""), Plant::new(), multi());
        let _guard = runtime.enter();
        let mut ear = Ear::listen(&broker, "acme/#", &[]);
        let shape = plant.declare("filler", TWO);
        let handle =
            plant.start("hq", &config(&broker, &format!("version = \"{version}\"\nselect = [\"line/**\"]")));
        wait_status(&handle, "a session", |status| status.state == State::Connected);
        plant.publish(&shape, vec![Value::F64(12.5), Value::I64(3)]);
        plant.quality(&shape, Status::BAD_COMMUNICATION_ERROR);
        // Two as they were before the first sample, two values, two of the lost link.
        let speed = |all: &[Heard]| -> Vec<Json> {
            all.iter()
                .filter(|heard| heard.topic == "acme/leeds/line/filler/speed")
                .map(Heard::json)
                .collect()
        };
        let heard = speed(ear.until("six messages", |all| all.len() >= 6));
        assert_eq!(heard.len(), 3, "{version}: {heard:#?}");
        assert_eq!(heard[0]["quality"], "BadWaitingForInitialData");
        assert_eq!(
            (&heard[1]["value"], &heard[1]["quality"], &heard[1]["unit"], &heard[1]["historical"]),
            (&json!(12.5), &json!("Good"), &json!("bar"), &json!(false))
        );
        assert_eq!(
            (&heard[2]["value"], &heard[2]["quality"]),
            (&json!(12.5), &json!("BadCommunicationError"))
        );
        let status =
            wait_status(&handle, "acknowledgements", |status| status.sent >= 4 && status.lag_s == Some(0.0));
        assert_eq!((status.rejects, status.sessions, status.last_error.is_none()), (0, 1, true));
        // Late subscribers get the newest value.
        let mut late = Ear::listen_as(&broker, "late", "acme/#", &[]);
        let late = late.until("retained values", |all| all.len() >= 2);
        assert!(late.iter().all(|heard| heard.retained), "{late:#?}");
        runtime.block_on(handle.stop());
    }
}

/// (value, historical) of each message of the flat topic, in order of arrival.
fn flat(all: &[Heard]) -> Vec<(i64, bool)> {
    let messages = all.iter().filter(|heard| heard.topic == "acme/leeds/line/filler").map(Heard::json);
    messages.map(|json| (json["n"].as_i64().unwrap(), json["_historical"] == true)).collect()
}

fn all_of(seen: &[(i64, bool)], upto: i64) -> bool {
    let mut found = vec![false; usize::try_from(upto).unwrap()];
    for (n, _) in seen {
        if let Some(slot) = usize::try_from(*n).ok().and_then(|n| found.get_mut(n)) {
            *slot = true;
        }
    }
    found.iter().all(|found| *found)
}

/// Whether one of the two streams came in order; what comes again (at least once) is left out.
fn assert_ordered(seen: &[(i64, bool)], historical: bool) {
    let mut one: Vec<i64> = Vec::new();
    for (n, _) in seen.iter().filter(|(_, h)| *h == historical) {
        if !one.contains(n) {
            one.push(*n);
        }
    }
    let wrong = one.windows(2).find(|pair| pair[0] >= pair[1]);
    assert_eq!(wrong, None, "historical: {historical}");
}

#[test]
fn a_killed_broker_gets_everything_when_it_is_back() {
    if no_mosquitto() {
        return;
    }
    let (mut broker, plant, runtime) = (Broker::start(""), Plant::new(), multi());
    let _guard = runtime.enter();
    let mut ear = Ear::listen(&broker, "acme/#", &[]);
    let shape = plant.declare("filler", &[("line/filler/n", ValueType::I64)]);
    let handle = plant.start("hq", &config(&broker, "format = \"flat-json\""));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    let publish =
        |range: std::ops::Range<i64>| range.for_each(|n| plant.publish(&shape, vec![Value::I64(n)]));
    publish(0..500);
    ear.until("the first part", |all| all_of(&flat(all), 500));
    wait_status(&handle, "all acknowledged", |status| status.sent == 500);
    broker.kill();
    wait_status(&handle, "the loss to be seen", |status| status.state == State::Lost);
    publish(500..2_000);
    let status = handle.status();
    assert!(status.last_error.is_some() && status.lag_samples > 0, "{status:#?}");
    let event = plant.namespace.active_events().into_iter().find(|event| event.source == "destination/hq");
    assert!(event.is_some_and(|event| event.title.contains("hq cannot be reached")));
    broker.up();
    wait_status(&handle, "a second session", |status| status.sessions == 2);
    publish(2_000..2_200);
    let seen = flat(ear.until("everything", |all| all_of(&flat(all), 2_200)));
    assert_ordered(&seen, false);
    assert_ordered(&seen, true);
    let replayed: Vec<i64> = seen.iter().filter(|(_, historical)| *historical).map(|(n, _)| *n).collect();
    assert!((500..2_000).all(|n| replayed.contains(&n)), "what came in the outage is flagged historical");
    assert!(replayed.iter().all(|n| *n < 2_000), "what is new is not");
    let status =
        wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0) && status.backlog.is_none());
    assert!(status.skipped.is_empty());
    assert!(
        plant.namespace.active_events().iter().all(|event| event.source != "destination/hq"),
        "the fault is cleared"
    );
    runtime.block_on(handle.stop());
}

#[test]
fn in_order_means_the_oldest_first() {
    if no_mosquitto() {
        return;
    }
    let (mut broker, plant, runtime) = (Broker::start(""), Plant::new(), multi());
    let _guard = runtime.enter();
    let mut ear = Ear::listen(&broker, "acme/#", &[]);
    let shape = plant.declare("filler", &[("line/filler/n", ValueType::I64)]);
    let publish =
        |range: std::ops::Range<i64>| range.for_each(|n| plant.publish(&shape, vec![Value::I64(n)]));
    publish(0..100);
    broker.kill();
    let handle = plant
        .start("hq", &config(&broker, "format = \"flat-json\"\ncatch_up = \"in_order\"\nstart = \"oldest\""));
    publish(100..200);
    broker.up();
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    publish(200..300);
    let seen = flat(ear.until("everything", |all| all_of(&flat(all), 300)));
    let numbers: Vec<i64> = seen.iter().map(|(n, _)| *n).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    assert!(seen.iter().all(|(n, historical)| *historical == (*n < 200)));
    runtime.block_on(handle.stop());
}

#[test]
fn selection_dead_band_template_and_pause() {
    if no_mosquitto() {
        return;
    }
    let (broker, plant, runtime) = (Broker::start(""), Plant::new(), multi());
    let _guard = runtime.enter();
    let mut ear = Ear::listen(&broker, "#", &[]);
    let shape = plant.declare("filler", TWO);
    let other = plant.declare("boiler", &[("boiler/level", ValueType::F64)]);
    let text = config(
        &broker,
        "select = [\"line/**\"]\nsend = { deadband = \"1 %range\" }\nretain = false\nformat = \"template\"\n\
         topic = \"t/{device}/{name}\"\npayload = '{\"v\":{value},\"u\":\"{unit}\"}'",
    );
    let handle = plant.start("hq", &text);
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    for tenth in 0..100 {
        plant.publish(&other, vec![Value::F64(1.0)]);
        plant.publish(&shape, vec![Value::F64(f64::from(tenth) / 10.0), Value::I64(7)]);
    }
    wait_status(&handle, "no lag", |status| status.sent > 0 && status.lag_s == Some(0.0));
    handle.pause();
    wait_status(&handle, "a pause", |status| status.state == State::Paused);
    plant.publish(&shape, vec![Value::F64(90.0), Value::I64(8)]);
    handle.resume();
    let heard = ear.until("the last value", |all| all.iter().any(|heard| heard.payload.contains("90.0")));
    assert!(
        heard.iter().all(|heard| heard.topic == "t/filler/speed" || heard.topic == "t/filler/state"),
        "{heard:#?}"
    );
    let speeds: Vec<f64> = heard
        .iter()
        .filter(|h| h.topic.ends_with("speed"))
        .map(|h| h.json()["v"].as_f64().unwrap())
        .collect();
    // 0, 1.1, 2.2 ... 9.9, then 90: changes of more than 1 % of the range 0..100.
    assert_eq!(speeds.len(), 11, "{speeds:?}");
    assert!(speeds.windows(2).all(|pair| pair[1] - pair[0] > 1.0));
    runtime.block_on(handle.stop());
}

#[test]
fn a_message_beyond_the_brokers_limit_becomes_a_dead_letter() {
    if no_mosquitto() {
        return;
    }
    let (broker, plant, runtime) = (Broker::start("max_packet_size 2000"), Plant::new(), multi());
    let _guard = runtime.enter();
    let mut ear = Ear::listen(&broker, "acme/#", &["-V", "mqttv5"]);
    let shape = plant.declare("filler", &[("line/filler/text", ValueType::Text)]);
    let handle = plant.start("hq", &config(&broker, "retain = false"));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    plant.publish(&shape, vec![Value::from("x".repeat(5_000).as_str())]);
    plant.publish(&shape, vec![Value::from("small")]);
    ear.until("the small one", |all| all.iter().any(|heard| heard.payload.contains("small")));
    let status =
        wait_status(&handle, "a dead letter", |status| status.rejects == 1 && status.lag_s == Some(0.0));
    assert_eq!(status.sessions, 1);
    let reject = handle.rejects().remove(0);
    assert!(reject.reason.contains("2000") && reject.path.ends_with("text"), "{reject:?}");
    runtime.block_on(handle.stop());
}

#[test]
fn passwords_and_the_words_for_wrong_ones() {
    if no_mosquitto() {
        return;
    }
    let broker = Broker::start_with(|dir| {
        let file = dir.join("passwords");
        std::fs::write(&file, "").unwrap();
        let made = std::process::Command::new("mosquitto_passwd")
            .arg("-b")
            .arg(&file)
            .args(["gateway", "s3cret"])
            .status();
        assert!(made.unwrap().success());
        format!("allow_anonymous false\npassword_file {}\n", file.display())
    });
    for version in ["5", "3.1.1"] {
        let (mut plant, runtime) = (Plant::new(), multi());
        let _guard = runtime.enter();
        let shape = plant.declare("filler", TWO);
        plant.secrets = BTreeMap::from([("right".into(), "s3cret".into()), ("wrong".into(), "guess".into())]);
        let with = |secret: &str| {
            let login = format!(
                "version = \"{version}\"\nuser = \"gateway\"\npassword = {{ secret = \"{secret}\" }}"
            );
            config(&broker, &login)
        };
        for (secret, words) in [("wrong", "refused"), ("missing", "ironbridge secret set missing")] {
            let handle = plant.start(secret, &with(secret));
            let status = wait_status(&handle, "a refusal", |status| status.state == State::Lost);
            let error = status.last_error.unwrap();
            assert!(error.title.contains(words), "{error:?}");
            assert!(!error.title.contains("guess"), "no secret in words for people");
            runtime.block_on(handle.stop());
        }
        let handle = plant.start("right", &with("right"));
        wait_status(&handle, "a session", |status| status.state == State::Connected);
        plant.publish(&shape, vec![Value::F64(1.0), Value::I64(1)]);
        wait_status(&handle, "acknowledgements", |status| status.sent == 2);
        runtime.block_on(handle.stop());
    }
}

#[test]
fn tls_with_a_client_certificate() {
    if no_mosquitto() {
        return;
    }
    let broker = Broker::start_with(|dir| {
        certificates(dir);
        let d = dir.display();
        format!(
            "allow_anonymous true\ncafile {d}/ca.pem\ncertfile {d}/server.pem\nkeyfile {d}/server.key\nrequire_certificate true\n"
        )
    });
    for version in ["5", "3.1.1"] {
        let (plant, runtime) = (Plant::new(), multi());
        let _guard = runtime.enter();
        for file in ["ca.pem", "client.pem", "client.key"] {
            std::fs::copy(broker.dir().join(file), plant.dir.path().join(file)).unwrap();
        }
        let shape = plant.declare("filler", TWO);
        let text = |tls: &str| {
            format!(
                "kind = \"mqtt\"\nversion = \"{version}\"\nurl = \"mqtts://127.0.0.1:{}\"\ntls = {{ ca = \"ca.pem\"{tls} }}",
                broker.port
            )
        };
        let handle = plant.start("hq", &text(", certificate = \"client.pem\", key = \"client.key\""));
        let status = wait_status(&handle, "a session", |status| status.state == State::Connected);
        assert_eq!(
            (status.security.level, status.security.text.as_str()),
            ("tls", "TLS, client certificate")
        );
        plant.publish(&shape, vec![Value::F64(1.0), Value::I64(1)]);
        wait_status(&handle, "acknowledgements", |status| status.sent == 2);
        runtime.block_on(handle.stop());
        let without = plant.start("without", &text(""));
        wait_status(&without, "a refusal", |status| status.state == State::Lost && status.sessions == 0);
        runtime.block_on(without.stop());
    }
}

#[test]
fn commands_are_refused_unless_they_are_on_and_never_taken_from_the_store() {
    if no_mosquitto() {
        return;
    }
    let (broker, plant, runtime) = (Broker::start(""), Plant::new(), multi());
    let _guard = runtime.enter();
    let topic = "acme/leeds/_ironbridge/commands/hq";
    let order =
        |id: &str| format!("{{\"id\":\"{id}\",\"path\":\"acme/leeds/line/filler/speed\",\"value\":5.0}}");
    shout(&broker, topic, &order("stored"), &["-r"]);
    let mut ear = Ear::listen(&broker, "acme/leeds/_ironbridge/commands/hq/outcome", &[]);
    let shape = plant.declare("filler", TWO);
    let mut owner = plant.namespace.own(shape.points());
    let answering = runtime.spawn(async move {
        let mut taken = Vec::new();
        while let Some(order) = owner.next().await {
            taken.push(order.command.id.clone());
            let _ = order.respond.send(model::Outcome::Confirmed { readback: order.command.value });
        }
        taken
    });
    plant.publish(&shape, vec![Value::F64(1.0), Value::I64(1)]);
    let handle = plant.start("hq", &config(&broker, "commands = \"on\""));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    // The answers to later orders prove that the stored one was passed over.
    let mut tried = 0;
    wait_for("an order to be taken", || {
        tried += 1;
        shout(&broker, topic, &order(&format!("fresh-{tried}")), &[]);
        (handle.status().commands_taken > 0).then_some(())
    });
    let heard = ear.until("an outcome", |all| !all.is_empty()).to_vec();
    assert!(
        heard.iter().all(|heard| heard.json()["id"].as_str().unwrap().starts_with("fresh")),
        "{heard:#?}"
    );
    let confirmed = heard.iter().find(|heard| heard.json()["outcome"] == "Confirmed");
    assert_eq!(confirmed.map(|heard| heard.json()["readback"].clone()), Some(json!(5.0)), "{heard:#?}");
    runtime.block_on(handle.stop());
    let handle =
        plant.start("off", &config(&broker, "commands_topic = \"acme/leeds/_ironbridge/commands/hq\""));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    shout(&broker, topic, &order("unheard"), &[]);
    plant.publish(&shape, vec![Value::F64(2.0), Value::I64(1)]);
    wait_status(&handle, "acknowledgements", |status| status.sent > 0);
    assert_eq!(handle.status().commands_taken, 0);
    runtime.block_on(handle.stop());
    drop(plant);
    answering.abort();
}
