//! Two gateways as leaf nodes of a hub: the hub's Ironbridge has every sample of both, once, as it was at the site, over a
//! link that was cut and gateways that were killed.

use crate::harness::{Nats, Plant, Process, Python, Wire, free_port, wait_for};
use crate::modbus::connection;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// A site: its machine, its leaf node, its gateway.
struct Site {
    name: &'static str,
    plant: Plant,
    machine: Option<Process>,
    link: Wire,
    _leaf: Nats,
}

impl Site {
    fn start(name: &'static str, hub_leafs: u16) -> Option<Self> {
        let python = Python::find()?;
        let (port, link) = (free_port(), Wire::to(hub_leafs));
        let leaf = Nats::start(&format!(
            "leafnodes {{ reconnect: 1, remotes: [ {{ url: \"nats-leaf://127.0.0.1:{}\" }} ] }}",
            link.port
        ))?;
        let machine = python.serve("modbus_server.py", port, &[]);
        let mut plant = plant(name);
        plant.write("connections/line-1.toml", &connection(port));
        plant.write(
            "destinations/hub.toml",
            &format!(
                "kind = \"nats\"\nurl = \"{}\"\nselect = [\"packaging/**\"]\nstart = \"oldest\"\n\
                 stream = {{ name = \"SITES\", domain = \"hub\", subjects = [\"acme.>\"] }}\n",
                leaf.url()
            ),
        );
        plant.start();
        Some(Self { name, plant, machine: Some(machine), link, _leaf: leaf })
    }

    fn counter(&self) -> String {
        format!("acme/{}/packaging/line-1/filler/count", self.name)
    }

    /// The destination's state, and whether everything was acknowledged.
    fn delivered(&self) -> Option<()> {
        let hub = self.plant.local().get("/api/destinations").ok()["destinations"][0].clone();
        (hub["state"] == "connected" && hub["lag_s"] == json!(0.0)).then_some(())
    }
}

fn plant(site: &str) -> Plant {
    let plant = Plant::new("");
    let text = format!("enterprise = \"acme\"\nsite = \"{site}\"\n\n[web]\nlisten = \"127.0.0.1:0\"\n");
    plant.write("ironbridge.toml", &text);
    plant
}

/// The newest good value of a counter.
fn newest(plant: &Plant, path: &str) -> Option<i64> {
    let answer = plant.local().post("/api/latest", &json!({ "paths": [path] })).ok();
    answer["values"][0]["value"].as_i64()
}

fn wait_newer(plant: &Plant, path: &str, than: i64) -> i64 {
    wait_for(path, Duration::from_secs(90), || newest(plant, path).filter(|n| *n > than))
}

/// Every sample below a site: (path, time, quality, value), with how often it stands there.
fn samples(plant: &Plant, site: &str) -> BTreeMap<String, usize> {
    let sql = format!(
        "select path, time, quality, value_int, value from samples where path like 'acme/{site}/packaging/%'"
    );
    let mut found = BTreeMap::new();
    for line in plant.say(&["query", &sql, "--format", "csv"]).lines().skip(1) {
        *found.entry(line.to_owned()).or_default() += 1;
    }
    found
}

/// Every sample of the site stands at the hub, once and as it was.
fn compare(site: &Site, hub: &Plant) {
    wait_for("everything acknowledged", Duration::from_secs(60), || site.delivered());
    let there = samples(&site.plant, site.name);
    assert!(there.len() > 200, "{}", there.len());
    let here = wait_for("everything at the hub", Duration::from_secs(60), || {
        let here = samples(hub, site.name);
        // Before its first value nobody knows what a point is.
        let mut missing = there.keys().filter(|key| !here.contains_key(*key));
        missing.all(|key| key.contains("BadNoCommunication") || key.contains("BadWaiting")).then_some(here)
    });
    let twice: Vec<_> =
        here.iter().filter(|(key, count)| there.get(*key).is_some_and(|n| n < *count)).collect();
    assert!(twice.is_empty(), "twice: {twice:?}");
    // What the hub says itself: that it was away, and what is known since it is back.
    let own: Vec<_> = here.keys().filter(|key| !there.contains_key(*key)).collect();
    assert!(own.len() <= 4 * 4, "{} of {}: {own:?}", own.len(), here.len());
}

#[test]
fn a_hub_has_every_sample_of_its_sites_once_and_as_it_was() {
    let leafs = free_port();
    let config = format!(
        "jetstream {{ store_dir: store, domain: hub }}\nleafnodes {{ listen: \"127.0.0.1:{leafs}\" }}"
    );
    let Some(nats) = Nats::start(&config) else { return };
    let Some(mut leeds) = Site::start("leeds", leafs) else { return };
    let mut york = Site::start("york", leafs).unwrap();
    let mut hub = plant("hq");
    hub.write(
        "connections/sites.toml",
        &format!(
            "kind = \"nats\"\nurl = \"{}\"\nstream = {{ name = \"SITES\" }}\n\n[gateways]\nsites = [\"acme/leeds\", \"acme/york\"]\n",
            nats.url()
        ),
    );
    hub.say(&["check", "."]);
    hub.start();
    let (at_leeds, at_york) = (leeds.counter(), york.counter());
    let mut seen = wait_newer(&hub, &at_leeds, 20);
    wait_newer(&hub, &at_york, 20);
    let level =
        hub.local().post("/api/latest", &json!({ "paths": [at_york.replace("count", "level")] })).ok();
    assert_eq!(
        (&level["values"][0]["value"], &level["values"][0]["unit"]),
        (&json!(12.5), &json!("%")),
        "{level}"
    );

    // The link of one is cut; the other goes on.
    leeds.link.cut();
    let cut_at = newest(&leeds.plant, &at_leeds).unwrap();
    let other = wait_newer(&hub, &at_york, 60);
    // Meanwhile the gateway behind the cut is killed, and so is the hub's.
    leeds.plant.kill();
    leeds.plant.start();
    wait_newer(&leeds.plant, &at_leeds, cut_at + 40);
    hub.kill();
    wait_newer(&york.plant, &at_york, other + 40);
    hub.start();
    leeds.link.mend();
    seen = wait_newer(&hub, &at_leeds, seen.max(cut_at + 40));
    york.plant.kill();
    york.plant.start();
    let last = wait_newer(&hub, &at_york, newest(&york.plant, &at_york).unwrap_or(0).max(other + 60));
    assert!(seen > 0 && last > 0);

    // The machines stop: bad values are values, too, and then nothing changes any more.
    for site in [&mut leeds, &mut york] {
        site.machine = None;
        let path = site.counter();
        for plant in [&site.plant, &hub] {
            wait_for("the loss of the machine", Duration::from_secs(60), || {
                let answer = plant.local().post("/api/latest", &json!({ "paths": [&path] })).ok();
                (answer["values"][0]["quality"] == "BadCommunicationError").then_some(())
            });
        }
    }
    for site in [&leeds, &york] {
        compare(site, &hub);
    }
    hub.stop();
    drop(nats);
}
