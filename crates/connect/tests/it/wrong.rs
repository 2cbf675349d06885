//! What a person gets wrong and what a far side does wrong, a table for each protocol: what the connection's page says,
//! which points are bad and how. All others stay Good, and so does a neighbour in the same house.

use crate::support::{House, PATIENCE};
use connect::south::Handle;
use connect::south::status::{State, Status as Page};
use model::Status;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin::modbus;

mod buildings;
mod enterprise;
mod garbage;
mod messages;
mod opcua;
mod plc;

/// Scans of the neighbour during which everything must stay as it is.
const SCANS: u64 = 5;

/// One thing that is wrong, and how it must show.
pub struct Row {
    what: String,
    /// The connection's file; `HOME` stands for the place of its points.
    file: String,
    state: State,
    words: Vec<&'static str>,
    bad: Vec<(&'static str, Status)>,
    /// The quality of all that `bad` does not name.
    others: Status,
}

impl Row {
    /// A connection that stands, with only Good points, until more is said.
    pub fn new(what: impl Into<String>, file: impl Into<String>) -> Self {
        let (what, file) = (what.into(), file.into());
        Self { what, file, state: State::Connected, words: Vec::new(), bad: Vec::new(), others: Status::GOOD }
    }

    /// It does not stand, and no point was ever read.
    pub fn lost(mut self) -> Self {
        (self.state, self.others) = (State::Lost, Status::BAD_NO_COMMUNICATION);
        self
    }

    /// The page says this, in the last error, its next step or with an address that is refused.
    pub fn says(mut self, words: &'static str) -> Self {
        self.words.push(words);
        self
    }

    /// This point is bad, in this way.
    pub fn bad(mut self, tag: &'static str, status: Status) -> Self {
        self.bad.push((tag, status));
        self
    }

    /// All other points have this quality.
    pub fn others(mut self, status: Status) -> Self {
        self.others = status;
        self
    }

    /// What is not as it should be.
    fn complaint(&self, house: &House, handle: &Handle) -> Option<String> {
        let status = handle.status();
        let text = page(&status);
        let mut wrong = Vec::new();
        if status.state != self.state {
            wrong.push(format!("is {:?}, not {:?}", status.state, self.state));
        }
        wrong.extend(
            self.words.iter().filter(|words| !text.contains(**words)).map(|words| format!("no `{words}`")),
        );
        let mut named = 0;
        for id in handle.points().iter() {
            let path = house.namespace.meta(*id).unwrap().path.to_string();
            let tag = path.rsplit('/').next().unwrap_or_default();
            let known = self.bad.iter().find(|(name, _)| *name == tag).map(|(_, status)| *status);
            named += usize::from(known.is_some());
            let (wanted, is) = (known.unwrap_or(self.others), house.namespace.last(*id).unwrap().status);
            if is != wanted {
                wrong.push(format!("{tag} is {is}, not {wanted}"));
            }
        }
        if named != self.bad.len() {
            wrong.push(format!("{named} of {} named points are there", self.bad.len()));
        }
        (!wrong.is_empty()).then(|| format!("{}: {}; the page: {text}", self.what, wrong.join(", ")))
    }
}

/// Everything that the connection's page says in words.
fn page(status: &Page) -> String {
    let mut text = String::new();
    if let Some(error) = &status.last_error {
        assert!(!error.meaning.is_empty() && !error.next.is_empty(), "{error:?}");
        text += &format!("{} | {} | {}", error.title, error.meaning, error.next);
    }
    for device in &status.devices {
        for refused in &device.quarantined {
            text += &format!(" | {}: {}", refused.address, refused.reason);
        }
    }
    for point in &status.doubtful {
        text += &format!(" | {}: {}", point.path, point.quality);
    }
    text
}

/// A house with a sound machine, whose scans nothing of what comes may disturb.
pub struct Table {
    pub house: House,
    neighbour: Handle,
    _machine: modbus::Server,
}

impl Table {
    pub async fn new() -> Self {
        let mut bank = modbus::Bank::default();
        bank.holding.add(0..=9);
        let unit = modbus::Unit::new(Arc::new(modbus::SharedBank::new(bank)));
        let station = modbus::Station::new(1).with(1, Arc::new(unit));
        let machine =
            modbus::listen(([127, 0, 0, 1], 0).into(), modbus::Framing::Tcp, station).await.unwrap();
        let house = House::new();
        let neighbour = house.start(
            "neighbour",
            &format!(
                "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {}\nscan = {{ normal = \"200ms\" }}\n[device.d]\nat = \"neighbour\"\ntags = {{ v = {{ at = \"holding 3\", type = \"u16\" }} }}\n",
                machine.address().port()
            ),
        );
        Self { house, neighbour, _machine: machine }
    }

    /// Starts all rows together, waits until each is as it says, and looks that it stays so.
    pub async fn holds(self, rows: Vec<Row>, secrets: &[(&str, &str)]) {
        self.holds_in(rows, |house, name, file| house.start_with(name, file, secrets)).await;
    }

    /// The same, started by the caller.
    pub async fn holds_in(self, rows: Vec<Row>, start: impl Fn(&House, &str, &str) -> Handle) {
        let handles = Self::begin(&self.house, &rows, start);
        self.judge(&rows, handles, PATIENCE).await;
    }

    fn begin(house: &House, rows: &[Row], start: impl Fn(&House, &str, &str) -> Handle) -> Vec<Handle> {
        let started = rows.iter().enumerate().map(|(number, row)| {
            let name = format!("row-{number}");
            start(house, &name, &row.file.replace("HOME", &name))
        });
        started.collect()
    }

    async fn judge(self, rows: &[Row], handles: Vec<Handle>, patience: Duration) {
        let complaints = || -> Vec<String> {
            rows.iter().zip(&handles).filter_map(|(row, handle)| row.complaint(&self.house, handle)).collect()
        };
        let begun = Instant::now();
        let mut open = complaints();
        while !open.is_empty() {
            assert!(
                begun.elapsed() < patience,
                "{} of {} rows:\n{}",
                open.len(),
                rows.len(),
                open.join("\n")
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
            open = complaints();
        }
        let scans = || self.neighbour.status().scans[0].done;
        let until = scans() + SCANS;
        while scans() < until {
            assert!(begun.elapsed() < patience * 2, "the neighbour is not scanned any more");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let changed = complaints();
        assert!(changed.is_empty(), "did not stay so:\n{}", changed.join("\n"));
        let neighbour = self.neighbour.status();
        let calm = neighbour.faults.timeouts + neighbour.faults.reconnects;
        assert_eq!((neighbour.good, neighbour.bad, calm), (1, 0, 0), "the neighbour: {neighbour:?}");
        for handle in handles {
            let panics =
                handle.status().counters.iter().find(|(name, _)| *name == "panics").map(|(_, count)| *count);
            assert_eq!(panics, Some(0), "{}", handle.name());
            handle.stop().await;
        }
        self.neighbour.stop().await;
    }
}
