//! Orders from posts, a stream and a table: points, governed commands carried out once, and words for what is wrong.

use crate::database::{Database, PASSWORD, no_postgres};
use crate::harness::{Nats, Plant, Process, Python, now_ms, wait_for};
use crate::modbus::{latest, plant_with_pymodbus};
use crate::webhook::{post, secret};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

const TOKEN: &str = "5f0c9a3b7d1e4826";
const TARGET: &str = "acme/leeds/packaging/line-1/filler/target";
const ORDER: &str = "acme/leeds/packaging/line-1/order";
/// Tags and commands of an order; `AT` is where it comes.
const DEVICE: &str = r#"
[device.order]
at = "packaging/line-1/order"
[device.order.tags]
number   = { at = "AT", type = "text", value = "/order" }
quantity = { at = "AT", type = "f64", value = "/quantity" }
[device.order.commands]
speed  = { at = "AT", write = "packaging/line-1/filler/target", value = "/speed", id = "/order", time = "/given", ttl = "5min", when = { "/state" = "released" } }
recipe = { at = "AT", write = "packaging/line-1/filler/target", value = "/product", values = { COLA = 300 }, id = "/order", time = "/given", ttl = "5min", when = { "/state" = "recipe" } }
"#;

fn device(at: &str) -> String {
    DEVICE.replace("AT", at)
}

fn order(number: &str, speed: &Value, given: f64) -> Value {
    json!({ "order": number, "quantity": 600, "speed": speed, "state": "released", "given": given.round() })
}

fn set_up(connection: &str) -> Option<(Plant, Process)> {
    let (plant, machine, _) = plant_with_pymodbus("writes = \"on\"")?;
    plant.write("connections/mes.toml", connection);
    plant.say(&["check", "."]);
    Some((plant, machine))
}

fn connected(plant: &Plant, name: &str) {
    wait_for(name, Duration::from_secs(60), || {
        let all = plant.local().get("/api/connections").ok();
        let all = all["connections"].as_array().unwrap().clone();
        all.iter().any(|one| one["name"] == name && one["state"] == "connected").then_some(())
    });
    latest(plant, TARGET, |point| point["good"] == true);
}

/// How often a write to the target was sent, by the ledger's own words.
fn outcome(plant: &Plant, wanted: &str) -> Value {
    latest(plant, &format!("{ORDER}/speed"), |point| {
        point["value"].as_str().is_some_and(|text| text.starts_with(wanted))
    })
}

#[test]
fn a_posted_order_sets_the_machine_once_and_bad_ones_are_told() {
    let file = format!(
        "kind = \"webhook\"\ntoken = {{ secret = \"mes\" }}\ncommands = \"on\"\n{}",
        device("orders")
    );
    let Some((mut plant, _machine)) = set_up(&file) else { return };
    plant.start();
    secret(&plant, "mes", TOKEN);
    connected(&plant, "mes");
    let send = |body: &Value| post(&plant, "/api/in/mes/orders", TOKEN, &body.to_string());
    let first = order("A-17", &json!(250), now_ms());
    let Some((status, answer)) = send(&first) else { return };
    assert_eq!(status, 200, "{answer}");
    let done =
        |outcome: &str| json!([{ "command": "speed", "order": "A-17", "outcome": outcome, "why": "" }]);
    assert_eq!(answer["commands"], done("Confirmed"), "{answer}");
    latest(&plant, TARGET, |point| point["value"] == json!(250));
    assert_eq!(latest(&plant, &format!("{ORDER}/number"), |p| p["good"] == true)["value"], json!("A-17"));
    outcome(&plant, "A-17 Confirmed");

    // A person changes it; the order that comes again changes nothing any more, also after a restart.
    let write = json!({"path": TARGET, "value": 100, "reason": "by hand", "ttl_ms": 5000});
    assert_eq!(plant.local().post("/api/point/write", &write).ok()["outcome"], "Confirmed");
    assert_eq!(send(&first).unwrap().1["commands"], done("Confirmed"));
    let changed = send(&order("A-17", &json!(260), now_ms())).unwrap().1;
    assert!(changed["commands"][0]["why"].as_str().unwrap().contains("already used"), "{changed}");
    plant.kill();
    plant.start();
    connected(&plant, "mes");
    let send = |body: &Value| post(&plant, "/api/in/mes/orders", TOKEN, &body.to_string()).unwrap();
    assert_eq!(send(&first).1["commands"][0]["outcome"], "Confirmed");
    assert_eq!(latest(&plant, TARGET, |point| point["good"] == true)["value"], json!(100), "never twice");

    let recipe = |product: &str| json!({ "order": "R-1", "product": product, "state": "recipe", "given": now_ms().round() });
    for (body, outcome, why) in [
        (order("A-18", &json!(700), now_ms()), "Rejected", "above the highest allowed value"),
        (order("A-19", &json!("'; drop table orders"), now_ms()), "Rejected", "no f64 value"),
        (order("A-20", &json!(250), now_ms() - 600_000.0), "Rejected", "too late"),
        (order("A-21", &json!(250), now_ms() + 3_600_000.0), "Rejected", "in the future"),
        (order("<b>A 22</b>", &json!(250), now_ms()), "Rejected", "visible ASCII"),
        (order("", &json!(250), now_ms()), "Rejected", "no id"),
        (recipe("<script>"), "Rejected", "none of the known values"),
        (recipe("COLA"), "Confirmed", ""),
    ] {
        let (status, answer) = send(&body);
        let got = &answer["commands"][0];
        assert_eq!((status, &got["outcome"]), (200, &json!(outcome)), "{body}: {answer}");
        assert!(got["why"].as_str().unwrap().contains(why), "{body}: {answer}");
    }
    assert_eq!(
        latest(&plant, TARGET, |point| point["value"] == json!(300))["value"],
        json!(300),
        "the recipe's"
    );
    outcome(&plant, " Rejected: the order has no id");
    let draft = json!({ "order": "A-30", "quantity": 5, "speed": 10, "state": "draft", "given": 0 });
    assert_eq!(send(&draft).1, json!({ "values": 2, "bad": 0, "no_room": 0 }), "it asks for nothing");

    // Off is off.
    plant.write("connections/mes.toml", &file.replace("commands = \"on\"", "commands = \"off\""));
    plant.say(&["apply", "."]);
    connected(&plant, "mes");
    let refused = wait_for("the file as applied", Duration::from_secs(30), || {
        let (status, answer) = send(&order("A-31", &json!(250), now_ms()));
        (status == 200).then_some(answer)
    });
    assert!(refused["commands"][0]["why"].as_str().unwrap().contains("commands are off"), "{refused}");
    plant.stop();
}

#[test]
fn orders_of_a_stream_are_acknowledged_when_they_are_done() {
    let Some(python) = Python::find() else { return };
    let Some(nats) = Nats::start("jetstream { store_dir: store }") else { return };
    let publish = |number: &str, body: &Value| {
        let (url, body) = (nats.url(), body.to_string());
        let out = python.run("nats_publish.py", &[&url, "MES", "mes.orders", number, &body]);
        assert!(out.status.success(), "{out:?}");
    };
    let file = format!(
        "kind = \"nats\"\nurl = \"{}\"\nstream = {{ name = \"MES\" }}\ncommands = \"on\"\n{}",
        nats.url(),
        device("mes.orders")
    );
    let Some((mut plant, _machine)) = set_up(&file) else { return };
    publish("1", &order("B-1", &json!(210), now_ms() - 600_000.0));
    plant.start();
    connected(&plant, "mes");
    outcome(&plant, "B-1 Rejected: it comes too late");
    publish("2", &order("B-2", &json!(220), now_ms()));
    outcome(&plant, "B-2 Confirmed");
    latest(&plant, TARGET, |point| point["value"] == json!(220));
    // The same order once more, as another message of the stream, over a restart.
    plant.kill();
    let write = order("B-2", &json!(220), now_ms());
    publish("3", &write);
    publish("4", &order("B-3", &json!(230), now_ms()));
    plant.start();
    outcome(&plant, "B-3 Confirmed");
    latest(&plant, TARGET, |point| point["value"] == json!(230));
    let commands = plant.local().get("/api/commands").ok();
    let of = |order: &str| {
        let id = format!("mes/speed/{order}");
        commands["commands"].as_array().unwrap().iter().filter(|one| one["id"] == json!(id)).count()
    };
    assert_eq!((of("B-2"), of("B-3")), (0, 1), "B-2 was of the last run, and is known: {commands}");
    plant.stop();
}

/// A transaction that takes its time.
struct Late(Process, BufReader<ChildStdout>);

impl Late {
    fn begin(database: &Database, sql: &str) -> Self {
        let mut child = Command::new("psql")
            .args([
                "-XAtq",
                "-h",
                "127.0.0.1",
                "-U",
                "ironbridge",
                "-d",
                "plant",
                "-p",
                &database.port.to_string(),
            ])
            .env("PGPASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut late = Self(Process(child), output);
        late.say(sql);
        late
    }

    /// Says it, and waits until it was heard.
    fn say(&mut self, sql: &str) {
        writeln!(self.0.0.stdin.as_mut().unwrap(), "{sql}\n\\echo heard").unwrap();
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "heard");
    }
}

#[test]
fn rows_of_a_table_are_orders() {
    if no_postgres() {
        return;
    }
    let database = Database::start();
    database.sql(
        "create table orders (id bigserial primary key, \"order\" text, quantity int, speed float8, state text default 'released', given timestamptz default now());
         create function ring() returns trigger language plpgsql as 'begin notify orders; return new; end';
         create trigger ring after insert on orders execute function ring();
         insert into orders (\"order\", quantity, speed) values ('C-0', 1, 10)",
    );
    let file = format!(
        "kind = \"postgres\"\nurl = \"{}\"\npassword = {{ secret = \"db\" }}\ntable = \"public.orders\"\ncursor = \"id\"\nnotify = \"orders\"\npoll = \"2s\"\ncommands = \"on\"\n{}",
        format_args!("postgres://ironbridge@127.0.0.1:{}/plant", database.port),
        device("public.orders")
    );
    let Some((mut plant, _machine)) = set_up(&file) else { return };
    plant.start();
    secret(&plant, "db", PASSWORD);
    connected(&plant, "mes");
    database
        .sql("insert into orders (\"order\", quantity, speed) values ('C-1', 500, 410), ('C-2', 501, 900)");
    outcome(&plant, "C-2 Rejected: 900 /min is above");
    latest(&plant, TARGET, |point| point["value"] == json!(410));
    assert_eq!(latest(&plant, &format!("{ORDER}/quantity"), |p| p["good"] == true)["value"], json!(501.0));
    // A transaction that ends late is not passed over; rows that come while nobody looks are read afterwards, once.
    let mut late = Late::begin(
        &database,
        "begin; insert into orders (\"order\", quantity, speed) values ('C-3', 1, 430);",
    );
    database.sql("insert into orders (\"order\", quantity, speed) values ('C-4', 1, 440)");
    plant.kill();
    late.say("commit;");
    database.sql("insert into orders (\"order\", quantity, speed) values ('C-5', 5, 450)");
    plant.start();
    outcome(&plant, "C-5 Confirmed");
    latest(&plant, TARGET, |point| point["value"] == json!(450));
    let sql = format!("select value_text from samples where path = '{ORDER}/number' order by seq");
    let numbers = wait_for("all orders in history", Duration::from_secs(30), || {
        let text = plant.say(&["query", &sql, "--format", "csv"]);
        let found: Vec<String> =
            text.lines().skip(1).filter(|line| line.starts_with("C-")).map(str::to_owned).collect();
        (found.last()? == "C-5").then_some(found)
    });
    let mut once = numbers.clone();
    once.dedup();
    assert_eq!(once, ["C-1", "C-2", "C-3", "C-4", "C-5"], "{numbers:?}");
    plant.stop();
}
