//! Far sides that acknowledge and forget: each is asked, and what is gone is said, with what to do next.

use crate::collectors::victoria;
use crate::database::*;
use crate::kafka::{self, Cluster};
use crate::nats::{Server, read};
use crate::support::*;
use connect::north::{Handle, State, Status};
use model::{EventState, Shape, Value, ValueType};
use namespace::journal::{Item, Record};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A plant with one counter, and a destination that is asked every second.
struct Counting {
    plant: Plant,
    shape: Arc<Shape>,
    next: i64,
}

impl Counting {
    fn new() -> Self {
        let mut plant = Plant::new();
        plant.secrets = BTreeMap::from([("db".into(), PASSWORD.into())]);
        let shape = plant.declare("filler", &[("line/filler/n", ValueType::F64)]);
        Self { plant, shape, next: 0 }
    }

    fn count(&mut self) {
        self.plant.publish(&self.shape, vec![Value::F64(self.next as f64)]);
        self.next += 1;
    }

    /// Counts on until the status is as it should be.
    fn until(&mut self, handle: &Handle, what: &str, fits: impl Fn(&Status) -> bool) -> Status {
        wait_for(what, || {
            self.count();
            Some(handle.status()).filter(&fits)
        })
    }

    /// Until the far side was found to have what it acknowledged, some more times.
    fn proven(&mut self, handle: &Handle) {
        let had = handle.status().proof.found;
        let status = self.until(handle, "the far side to have it", |s| s.proof.found >= had + 2);
        assert_eq!((status.proof.gone, status.proof.trouble.as_str()), (0, ""));
    }

    /// What is gone is said with these words; then all is there again, and the fault is over.
    fn said(&mut self, handle: &Handle, words: &str) {
        let status = self.until(handle, "what is gone to be missed", |status| status.proof.gone > 0);
        let error = status.last_error.unwrap();
        assert!(error.title.contains("does not have what it acknowledged"), "{error:?}");
        assert!(error.title.contains(words), "{words}: {error:?}");
        assert!(error.next.contains("ironbridge destination replay"), "{error:?}");
        assert_eq!(self.faults(), [("gone".to_owned(), EventState::Active)]);
        let cleared = ("gone".to_owned(), EventState::Cleared);
        wait_for("the fault to be over", || {
            self.count();
            (self.faults().last() == Some(&cleared)).then_some(())
        });
    }

    fn faults(&self) -> Vec<(String, EventState)> {
        faults(&self.plant)
    }
}

/// Faults about what is gone, in their order.
fn faults(plant: &Plant) -> Vec<(String, EventState)> {
    let journal = plant.namespace.journal();
    let mut reader = journal.reader(journal.oldest());
    let mut found = Vec::new();
    while let Some(item) = reader.try_next() {
        if let Item::Record { record: Record::Event(event), .. } = item
            && event.id.contains("/gone/")
        {
            found.push(("gone".to_owned(), event.state));
        }
    }
    found
}

fn postgres(database: &Database) -> String {
    format!(
        "kind = \"postgres\"\nurl = \"postgres://ironbridge@127.0.0.1:{}/plant\"\npassword = {{ secret = \"db\" }}\nprove = \"1s\"\n",
        database.port
    )
}

#[test]
fn rows_that_somebody_deletes_or_changes_are_missed() {
    if no_postgres() {
        return;
    }
    for (change, words) in [
        ("delete from ironbridge.sample", "has no such row any more"),
        ("update ironbridge.sample set value = value + 1", "has another value there now"),
    ] {
        let (database, mut counting, runtime) = (Database::start(), Counting::new(), multi());
        let _guard = runtime.enter();
        let handle = counting.plant.start("hq", &postgres(&database));
        counting.proven(&handle);
        database.sql(change);
        counting.said(&handle, words);
        assert_eq!(handle.status().state, State::Connected, "what is new goes on");
        runtime.block_on(handle.stop());
    }
}

#[test]
fn a_table_that_somebody_changes_is_said_and_no_row_becomes_a_dead_letter() {
    if no_postgres() {
        return;
    }
    let (database, mut counting, runtime) = (Database::start(), Counting::new(), multi());
    let _guard = runtime.enter();
    let handle = counting.plant.start("hq", &postgres(&database));
    for (change, words, back) in [
        (
            "drop view ironbridge.samples; drop view ironbridge.latest; alter table ironbridge.sample alter value type text",
            "the column `value` of ironbridge.sample was made as float8 and is text now",
            "alter table ironbridge.sample alter value type double precision using value::double precision",
        ),
        (
            "alter table ironbridge.sample add shift text not null default ''; alter table ironbridge.sample alter shift drop default",
            "a new column `shift` that must be filled",
            "alter table ironbridge.sample alter shift set default ''",
        ),
        (
            "alter table ironbridge.sample rename to old_sample",
            "relation \"ironbridge.sample\" does not exist",
            "alter table ironbridge.old_sample rename to sample",
        ),
    ] {
        counting.until(&handle, "a session", |status| {
            status.state == State::Connected && status.lag_s.is_some_and(|lag| lag < 1.0)
        });
        database.sql(change);
        let status = counting.until(&handle, "the change to be said", |status| status.state == State::Lost);
        let error = status.last_error.unwrap();
        assert!(error.title.contains(words) && !error.next.is_empty(), "{words}: {error:?}");
        database.sql(back);
        assert_eq!(status.rejects, 0, "{words}");
    }
    counting.until(&handle, "a session", |status| status.state == State::Connected);
    wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0));
    let all = database.sql("select count(distinct value), max(value) from ironbridge.sample");
    assert_eq!(all, format!("{}|{}", counting.next, counting.next - 1), "nothing is lost");
    runtime.block_on(handle.stop());
}

#[test]
fn messages_that_somebody_purges_are_missed() {
    let Some(server) = Server::start() else { return };
    let (mut counting, runtime) = (Counting::new(), multi());
    let _guard = runtime.enter();
    let handle =
        counting.plant.start("hq", &format!("kind = \"nats\"\nurl = \"{}\"\nprove = \"1s\"\n", server.url()));
    counting.proven(&handle);
    let Some(_) = read(&server.url(), "ACME_LEEDS", &["purge"]) else { return };
    counting.said(&handle, "it was removed from the stream");
    runtime.block_on(handle.stop());
}

#[test]
fn a_stream_that_keeps_little_is_not_accused() {
    let Some(server) = Server::start() else { return };
    let (mut counting, runtime) = (Counting::new(), multi());
    let _guard = runtime.enter();
    let config = format!(
        "kind = \"nats\"\nurl = \"{}\"\nprove = \"1s\"\nstream = {{ max_bytes = 20000 }}\n",
        server.url()
    );
    let handle = counting.plant.start("hq", &config);
    let status = counting.until(&handle, "an answer", |status| !status.proof.trouble.is_empty());
    assert!(status.proof.trouble.contains("keeps too little to be asked (max_bytes)"), "{:?}", status.proof);
    assert_eq!((status.proof.gone, counting.faults().len()), (0, 0));
    runtime.block_on(handle.stop());
}

#[test]
fn files_of_a_table_that_somebody_deletes_are_missed() {
    let (mut counting, runtime) = (Counting::new(), multi());
    let _guard = runtime.enter();
    let at = counting.plant.dir.path().join("tables");
    let config =
        format!("kind = \"iceberg\"\nurl = \"{}\"\ncommit = \"500ms\"\nprove = \"1s\"\n", at.display());
    let handle = counting.plant.start("lake", &config);
    counting.proven(&handle);
    std::fs::remove_dir_all(at.join("samples/data")).unwrap();
    counting.said(&handle, "somebody removed files of the table");
    runtime.block_on(handle.stop());
}

#[test]
fn files_that_vanish_or_are_cut_are_missed_where_somebody_wants_that() {
    let (mut counting, runtime) = (Counting::new(), multi());
    let _guard = runtime.enter();
    let at = counting.plant.dir.path().join("out");
    let config = format!("kind = \"files\"\nfolder = \"{}\"\nper = \"1s\"\n", at.display());
    let plain = counting.plant.start("plain", &config.replace("/out", "/plain"));
    let handle = counting.plant.start("archive", &(config + "prove = \"1s\"\n"));
    counting.proven(&handle);
    std::fs::read_dir(&at).unwrap().for_each(|file| std::fs::write(file.unwrap().path(), "").unwrap());
    counting.said(&handle, "it has 0 bytes now and had");
    assert_eq!(plain.status().proof.every_s, None, "whoever takes files away does what they are for");
    runtime.block_on(plain.stop());
    runtime.block_on(handle.stop());
}

#[test]
fn a_topic_that_was_made_anew_is_noticed() {
    let Some(mut cluster) = Cluster::start() else { return };
    cluster.topic("acme.leeds", 2);
    let (mut counting, runtime) = (Counting::new(), multi());
    let _guard = runtime.enter();
    let handle = counting.plant.start("hq", &kafka::config(&cluster.url(), "prove = \"1s\""));
    counting.proven(&handle);
    // The mock cluster cannot delete: it says what a cluster says whose topic was.
    cluster.ask(serde_json::json!({"ask": "errors", "request": 1, "codes": [1]}));
    counting.said(&handle, "it was deleted, or the topic was made anew");
    runtime.block_on(handle.stop());
}

#[test]
fn series_that_somebody_deletes_are_missed() {
    let Some(peer) = victoria() else { return };
    let (mut counting, runtime) = (Counting::new(), multi());
    let _guard = runtime.enter();
    let config = format!(
        "kind = \"influx\"\nurl = \"http://127.0.0.1:{}\"\nbucket = \"plant\"\nprove = \"3s\"\n",
        peer.port
    );
    let handle = counting.plant.start("vm", &config);
    counting.until(&handle, "the far side to have it", |status| status.proof.found >= 2);
    crate::collectors::get(peer.port, "/api/v1/admin/tsdb/delete_series?match[]={__name__=~%22samples.*%22}");
    counting.said(&handle, "the database has no such sample any more");
    runtime.block_on(handle.stop());
}
