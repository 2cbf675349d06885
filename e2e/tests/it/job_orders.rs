//! ISA-95 job orders in B2MML, as their page describes them: posted, carried out, seen in a browser, known after a restart.

use crate::first_hour::walk_on;
use crate::harness::{Plant, wait_for};
use crate::modbus::{connection, latest, plant_with_pymodbus};
use crate::webhook::{post, secret};
use serde_json::json;
use std::time::Duration;

const TOKEN: &str = "5f0c9a3b7d1e4826";
const FILLER: &str = "acme/leeds/packaging/line-1/filler";
const ORDER: &str = "acme/leeds/packaging/line-3/order";
/// An id is letters, digits and signs: these are, and must stay text wherever they are shown.
const HOSTILE: &str = "<script>alert(1)</script>";

/// A block of the page, by what stands behind its fence.
fn of_page(info: &str) -> String {
    let page = include_str!("../../../docs/orders.md");
    let (_, rest) = page.split_once(&format!("```{info}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// The page's job list, given now: its job order, and those that `more` makes of it.
fn jobs(more: &[&[(&str, &str)]]) -> String {
    let page = of_page("xml").replace("2026-01-31T12:00:00Z", &now());
    let (head, rest) = page.split_once("  <JobOrder>").unwrap();
    let (job, tail) = rest.split_once("</JobOrder>").unwrap();
    let made = more.iter().map(|changes| {
        changes.iter().fold(job.to_owned(), |job, (from, to)| {
            assert!(job.contains(from), "{from}");
            job.replace(from, to)
        })
    });
    let all: String = std::iter::once(job.to_owned())
        .chain(made)
        .map(|job| format!("<JobOrder>{job}</JobOrder>"))
        .collect();
    format!("{head}{all}{tail}")
}

fn now() -> String {
    let out = std::process::Command::new("date").args(["-u", "+%FT%TZ"]).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn job_orders_of_b2mml_set_the_machine_and_stand_on_their_page() {
    let Some((mut plant, _machine, port)) = plant_with_pymodbus("writes = \"on\"") else { return };
    let recipe = r#"recipe = { at = "holding 201", type = "u16", write = { min = 0, max = 9, approval = "engineer" } }"#;
    plant.write("connections/line-1.toml", &format!("{}{recipe}\n", connection(port)));
    let file =
        of_page("toml file=connections/b2mml.toml").replace("mixing/mixer-1", "packaging/line-1/filler");
    plant.write("connections/b2mml.toml", &file);
    plant.say(&["check", "."]);
    plant.start();
    secret(&plant, "b2mml", TOKEN);
    way_in(&plant);
    latest(&plant, &format!("{FILLER}/target"), |point| point["good"] == true);

    let body = jobs(&[
        &[("JO-1017", "JO-1018"), (">250<", ">700<"), (">COLA-050</WorkMasterID>", ">BEER</WorkMasterID>")],
        &[("JO-1017", "JO-1019"), ("<Command>Start", "<Command>Hold")],
    ]);
    let Some((status, answer)) = post(&plant, "/api/in/b2mml/jobs", TOKEN, &body) else { return };
    assert_eq!(status, 200, "{answer}");
    let mut told: Vec<[&str; 3]> = answer["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| ["order", "command", "outcome"].map(|key| one[key].as_str().unwrap()))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ["JO-1017", "recipe", "Waiting"],
            ["JO-1017", "speed", "Confirmed"],
            ["JO-1018", "recipe", "Rejected"],
            ["JO-1018", "speed", "Rejected"],
        ],
        "{answer}"
    );
    for (name, value) in [
        ("list", json!("LINE-3-MORNING")),
        ("number", json!("JO-1017")),
        ("product", json!("COLA-050")),
        ("quantity", json!(600.0)),
    ] {
        assert_eq!(latest(&plant, &format!("{ORDER}/{name}"), |point| point["good"] == true)["value"], value);
    }
    latest(&plant, &format!("{FILLER}/target"), |point| point["value"] == json!(250));

    one_alone_and_a_broken_one(&plant);
    walk_on("orders.mjs", &plant.link(), plant.dir(), &[HOSTILE]);
    // A second person has approved it on the page.
    latest(&plant, &format!("{FILLER}/recipe"), |point| point["value"] == json!(3));
    outcome(&plant, "recipe", "JO-1017 Confirmed");

    // What the page shows of orders outlives a kill, and an order that comes again changes nothing.
    plant.kill();
    plant.start();
    let known = wait_for("the orders of before", Duration::from_secs(60), || {
        let answer = plant.local().get("/api/events?kind=change&search=order&limit=500").ok();
        let all = answer["events"].as_array()?.clone();
        let title = |id: &str| all.iter().find(|one| one["id"] == json!(id)).map(|one| one["title"].clone());
        Some([title("command/b2mml/speed/JO-1017")?, title("command/b2mml/recipe/JO-1017")?])
    });
    let set = |point: &str, value: &str| {
        json!(format!("connection:b2mml set {FILLER}/{point} to {value}: Confirmed"))
    };
    assert_eq!(known, [set("target", "250"), set("recipe", "3")]);
}

/// The connection says what its messages may ask for.
fn way_in(plant: &Plant) {
    wait_for("the way in", Duration::from_secs(60), || {
        let all = plant.local().get("/api/connections").ok();
        let one = all["connections"].as_array()?.iter().find(|one| one["name"] == "b2mml")?.clone();
        assert_eq!(one["orders"][1]["target"], json!(format!("{FILLER}/target")), "{one}");
        assert_eq!(one["orders"][1]["allowed"], json!(true), "{one}");
        (one["state"] == "connected").then_some(())
    });
}

/// One job order alone is a list of one; its id is nothing but text.
fn one_alone_and_a_broken_one(plant: &Plant) {
    let escaped = HOSTILE.replace('<', "&lt;").replace('>', "&gt;");
    let body = jobs(&[]).replace("JO-1017", &escaped).replace(">250<", ">240<");
    let (status, answer) = post(plant, "/api/in/b2mml/jobs", TOKEN, &body).unwrap();
    assert_eq!((status, &answer["commands"][1]["order"]), (200, &json!(HOSTILE)), "{answer}");
    latest(plant, &format!("{FILLER}/target"), |point| point["value"] == json!(240));
    let broken = post(plant, "/api/in/b2mml/jobs", TOKEN, "<JobList><JobOrder>").unwrap();
    assert_ne!(broken.0, 200, "{broken:?}");
}

fn outcome(plant: &Plant, command: &str, wanted: &str) {
    latest(plant, &format!("{ORDER}/{command}"), |point| {
        point["value"].as_str().is_some_and(|text| text.starts_with(wanted))
    });
}
