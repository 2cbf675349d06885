//! Measures Modbus devices: largest block, holes, silence between requests, requests and connections at once, time of an
//! answer, order of words.
//!
//! ```text
//!  file ─ resolve ─▶ Subject (stretches of tags) ─ search ─▶ Learned ─┐
//!                                     voice: one question at a time   ├─▶ lines for a person, Measured for the planner
//!                                     tempo: silence, depth, sockets ─┘
//! ```
//! Rationale: nothing is read that the plan of the connection would not read, so the search finds what matters for these
//! tags and for nothing else; excluded addresses stay untouched.

mod measured;
mod order;
mod search;
mod voice;

pub(super) use measured::{Measured, OfDevice};

use super::address;
use super::driver::Framing;
use super::planner::{Item, Rules, plan};
use super::spec::{DeviceSpec, table_number};
use super::types::{Order, Type};
use super::{Endpoint, Parts, build};
use crate::characterise::{self, Effort, Line, Progress, Survey, Surveyor, Touched};
use crate::discover::{CONNECTION_PACKETS, REQUEST_PACKETS};
use crate::kind::Context;
use crate::south::survey::voice::MOST_FAULTS;
use crate::south::survey::{Manner, tempo};
use crate::south::tags::{Plan, closed_schema};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::Fault;
use model::config::{Diagnostic, Document, Period};
use search::{Learned, Search, merged};
use std::collections::BTreeMap;
use std::time::Duration;
use voice::{Place, Question, Voice};
use wire::modbus::Table;

/// Silence between two questions.
const PAUSE: Duration = Duration::from_millis(50);
/// Most requests of the search at one device.
const MOST_REQUESTS: u32 = 400;
/// Most ranges that are named.
const NAMED: usize = 4;

/// Measures Modbus devices: on TCP, with Modbus/TCP Security, on serial lines, behind terminal servers.
pub static SURVEYORS: [Surveyor; 4] = [
    Surveyor {
        kind: "modbus-tcp",
        schema: closed_schema::<Measured>,
        prepare: |document, context| prepare(document, context, |_| super::tcp(document)),
    },
    Surveyor {
        kind: "modbus-tls",
        schema: closed_schema::<Measured>,
        prepare: |document, context| prepare(document, context, |context| super::tls(document, context)),
    },
    Surveyor {
        kind: "modbus-rtu",
        schema: closed_schema::<Measured>,
        prepare: |document, context| prepare(document, context, |_| super::rtu_line(document)),
    },
    Surveyor {
        kind: "modbus-rtu-tcp",
        schema: closed_schema::<Measured>,
        prepare: |document, context| prepare(document, context, |_| super::rtu_tcp(document)),
    },
];

fn prepare(
    document: &Document,
    context: &Context,
    parts: impl FnOnce(&Context) -> Result<Parts, Vec<Diagnostic>>,
) -> Result<Box<dyn Survey>, Vec<Diagnostic>> {
    let (common, endpoint, found) = parts(context)?;
    let mut plan = Plan::new(document, context, &common.keys);
    plan.add(found);
    // What an earlier measurement says is what is to be found out.
    let (timing, devices) = build::resolve(&mut plan, &common, None);
    plan.finish()?;
    let manner = Manner {
        connect_timeout: timing.shared.connect_timeout,
        timeout: timing.shared.timeout,
        pause: PAUSE.max(timing.request_delay),
        budget: context.budget.clone(),
    };
    let subjects = devices.iter().filter_map(Subject::new).collect();
    let Endpoint { target, framing, .. } = endpoint;
    let place = Place { target, framing, after_connect: timing.pause_after_connect };
    let kind = document.root.get("kind").and_then(|node| node.as_text()).unwrap_or_default().to_owned();
    Ok(Box::new(Modbus { kind, place, manner, delay: timing.request_delay, subjects }))
}

/// One endpoint to measure.
struct Modbus {
    kind: String,
    place: Place,
    manner: Manner,
    /// Silence that the file asks for.
    delay: Duration,
    subjects: Vec<Subject>,
}

/// Tags of one table that the plan would put into one block if blocks had no limit.
struct Stretch {
    table: Table,
    /// Most addresses in one request, as the file says.
    most: u16,
    items: Vec<Item>,
}

/// One device to measure.
struct Subject {
    name: String,
    unit: u8,
    stretches: Vec<Stretch>,
    /// Where floats stand, and the order that the file says.
    floats: Vec<(Table, Item, Order)>,
}

impl Subject {
    /// `None` if it has no tags.
    fn new(spec: &DeviceSpec) -> Option<Self> {
        let mut stretches = Vec::new();
        for table in [Table::HoldingRegisters, Table::InputRegisters, Table::Coils, Table::DiscreteInputs] {
            let of_table = spec.points.iter().filter(|point| point.table == table);
            let items = merged(of_table.map(|point| point.item));
            let numbered =
                items.iter().enumerate().filter_map(|(n, item)| Some((u32::try_from(n).ok()?, *item)));
            let rules = spec.rules(table);
            let endless = Rules { max_size: u16::MAX, ..rules };
            for block in plan(numbered, &spec.barriers(table), endless) {
                let own = block.items.iter().filter_map(|n| items.get(usize::try_from(*n).ok()?).copied());
                stretches.push(Stretch { table, most: rules.max_size, items: own.collect() });
            }
        }
        let floats = spec.points.iter().filter(|point| point.codec.kind == Type::F32);
        let floats = floats.map(|point| (point.table, point.item, point.codec.order)).collect();
        (!stretches.is_empty()).then(|| Self { name: spec.name.clone(), unit: spec.unit, stretches, floats })
    }

    /// The first tag alone.
    fn home(&self) -> Question {
        let first = self.stretches.first().and_then(|stretch| Some((stretch.table, *stretch.items.first()?)));
        let (table, item) = first.unwrap_or((Table::HoldingRegisters, Item { first: 0, width: 1 }));
        (self.unit, voice::read(table, item.first, item.width))
    }

    /// Single tags, up to `count`, for questions at once.
    fn questions(&self, count: usize) -> Vec<Question> {
        let singles = self.stretches.iter().flat_map(|stretch| {
            let read = |item: &Item| (self.unit, voice::read(stretch.table, item.first, item.width));
            stretch.items.iter().map(read)
        });
        let few: Vec<Question> = singles.take(count).collect();
        few.iter().cycle().take(count).cloned().collect()
    }

    fn ranges(&self) -> Vec<String> {
        let ranges = self.stretches.iter().filter_map(|stretch| {
            let (first, last) = (stretch.items.first()?, stretch.items.last()?);
            let end = u16::try_from(last.end().saturating_sub(1)).unwrap_or(u16::MAX);
            Some(address::both(stretch.table, first.first, end))
        });
        ranges.collect()
    }

    /// Requests that its search may take: the blocks of a sound device, and so much for each limit and hole.
    fn budget(&self) -> u32 {
        let blocks = self.stretches.iter().map(|stretch| {
            let size = stretch.items.last().map_or(0, |item| item.end())
                - stretch.items.first().map_or(0, |item| item.first.into());
            size / u32::from(stretch.most.max(1)) + 1
        });
        let tags: usize = self.stretches.iter().map(|stretch| stretch.items.len()).sum();
        let tags = u32::try_from(tags).unwrap_or(u32::MAX);
        blocks.sum::<u32>().saturating_mul(2).saturating_add(30).saturating_add(tags).min(MOST_REQUESTS)
    }
}

impl Survey for Modbus {
    fn effort(&self) -> Effort {
        let search: u64 = self.subjects.iter().map(|subject| u64::from(subject.budget()) + 2).sum();
        // A fault costs the question, the look whether the device is still there, and a connection.
        let requests = search + tempo::MOST_REQUESTS + MOST_FAULTS * 2;
        let connections = tempo::MOST_CONNECTIONS + MOST_FAULTS + 1;
        let count = u32::try_from(requests).unwrap_or(u32::MAX);
        let touched = |subject: &Subject| {
            let ranges = subject.ranges();
            let more = ranges.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more ranges") } else { String::new() };
            Touched {
                name: subject.name.clone(),
                unit: format!("unit {}", subject.unit),
                what: ranges.into_iter().take(NAMED).collect::<Vec<_>>().join(", ") + &more,
            }
        };
        Effort {
            endpoint: self.place.target.to_string(),
            devices: self.subjects.iter().map(touched).collect(),
            requests,
            packets: requests * REQUEST_PACKETS + connections * CONNECTION_PACKETS,
            least: self.manner.pause * u32::try_from(self.subjects.len()).unwrap_or(1).saturating_mul(20),
            most: (self.manner.pause + self.manner.timeout).saturating_mul(count),
            at_once: if self.is_line() { (1, 1) } else { (tempo::DEEPEST, tempo::MOST_SOCKETS) },
        }
    }

    fn run<'a>(&'a mut self, progress: &'a Progress) -> BoxFuture<'a, Result<characterise::Measured, Fault>> {
        self.measure(progress).boxed()
    }
}

impl Modbus {
    /// Whether a serial line is at its end: nothing is put there at once.
    fn is_line(&self) -> bool {
        self.place.framing != Framing::Tcp
    }

    async fn measure(&mut self, progress: &Progress) -> Result<characterise::Measured, Fault> {
        let endpoint = self.place.target.to_string();
        let Some(first) = self.subjects.first() else {
            return Err(Fault::Config("the file has no tags, so there is nothing to measure".into()));
        };
        let mut voice = Voice::new(self.manner.clone(), self.place.clone(), progress, first.home());
        let mut device = BTreeMap::new();
        for subject in &self.subjects {
            progress.step(format!("Searches the largest block and the holes of `{}`", subject.name));
            voice.home = subject.home();
            voice.is_there().await?;
            let learned = subject.search(&mut voice).await?;
            device.insert(subject.name.clone(), subject.conclude(&learned, progress));
        }
        voice.home = first.home();
        let tempo =
            tempo::measure(&mut voice, |count| first.questions(count), self.delay, self.is_line()).await?;
        let it = Measured {
            kind: Some(self.kind.clone()),
            measured: String::new(),
            endpoint,
            pipeline: tempo.pipeline,
            request_delay: Period(tempo.delay.unwrap_or_default()),
            connections: tempo.connections,
            answer_ms: Some(tempo.answer_ms),
            device,
        };
        progress.step("Done");
        Ok(characterise::Measured { text: it.text() })
    }
}

impl Subject {
    async fn search(&self, voice: &mut Voice<'_>) -> Result<BTreeMap<u8, (Table, Learned)>, Fault> {
        let mut learned: BTreeMap<u8, (Table, Learned)> = BTreeMap::new();
        let mut budget = self.budget();
        for stretch in &self.stretches {
            let entry = learned.entry(table_number(stretch.table));
            let (_, known) = entry.or_insert_with(|| (stretch.table, Learned::default()));
            let search = Search {
                ask: voice,
                table: stretch.table,
                items: &stretch.items,
                most: stretch.most,
                budget: &mut budget,
                learned: known,
            };
            search.run().await?;
        }
        Ok(learned)
    }

    /// Says what was learned, and makes of it what the planner takes.
    fn conclude(&self, learned: &BTreeMap<u8, (Table, Learned)>, progress: &Progress) -> OfDevice {
        let mut it = OfDevice { unit: self.unit, ..OfDevice::default() };
        for (table, known) in learned.values() {
            let limit = if table.is_bits() { &mut it.max_bits } else { &mut it.max_registers };
            if let Some(most) = known.limit.map(|most| most.max(known.largest)) {
                *limit = Some(limit.map_or(most, |other| other.min(most)));
            }
            it.cuts.extend(known.cuts.iter().map(|first| measured::cut(*table, *first)));
            self.say(*table, known, progress);
        }
        let floats: Vec<([u8; 4], Order)> =
            self.floats.iter().filter_map(|float| bytes(float, learned)).collect();
        if let Some(order) = order::hint(&floats) {
            let text = "Its floats look wrong in the order that the file says, and right in this one. It is a hint: \
                        compare one value with the display of the device, then write `order` into the file.";
            self.line(progress, "order of words", format!("{order:?}?"), text);
        }
        it
    }

    fn say(&self, table: Table, known: &Learned, progress: &Progress) {
        let amount = |count: u16| match (table.is_bits(), count) {
            (true, 1) => "1 bit".to_owned(),
            (true, _) => format!("{count} bits"),
            (false, 1) => "1 register".to_owned(),
            (false, _) => format!("{count} registers"),
        };
        let word = table.word();
        match known.limit {
            Some(most) => self.line(
                progress,
                "largest block",
                amount(most),
                &format!("{word}: more in one request is refused; the planner keeps to it."),
            ),
            None if known.largest > 0 => self.line(
                progress,
                "largest block",
                amount(known.largest),
                &format!("{word}: that is the most its tags need at once, and it came; no limit was met."),
            ),
            None => {}
        }
        let refused: Vec<String> = known.refused.iter().take(NAMED).map(|item| range(table, *item)).collect();
        if !refused.is_empty() {
            let text = format!(
                "Refused even alone: {}{}. Compare the addresses with the manual; the other tags are read around them.",
                refused.join(", "),
                more(known.refused.len()),
            );
            self.line(progress, "tags refused", known.refused.len().to_string(), &text);
        }
        let cuts: Vec<String> = known
            .cuts
            .iter()
            .filter(|cut| !touches(known, **cut))
            .map(|cut| address::both(table, *cut, *cut))
            .collect();
        if !cuts.is_empty() {
            let shown: Vec<&str> = cuts.iter().take(NAMED).map(String::as_str).collect();
            let text =
                format!("No block may reach from before into {}{}.", shown.join(", "), more(cuts.len()));
            self.line(progress, "holes", cuts.len().to_string(), &text);
        }
        if known.cut_short {
            let text = format!(
                "{word}: its tags would take more than {} requests; what was not reached is learned while it is read.",
                self.budget()
            );
            self.line(progress, "not finished", String::new(), &text);
        }
    }

    fn line(&self, progress: &Progress, what: &'static str, value: String, text: &str) {
        progress.line(Line { device: self.name.clone(), what, value, text: text.to_owned() });
    }
}

fn more(count: usize) -> String {
    count
        .checked_sub(NAMED)
        .filter(|more| *more > 0)
        .map_or_else(String::new, |more| format!(" and {more} more"))
}

fn range(table: Table, item: Item) -> String {
    address::both(table, item.first, item.first.saturating_add(item.width.saturating_sub(1)))
}

/// Whether a cut only keeps a refused tag apart.
fn touches(known: &Learned, cut: u16) -> bool {
    known.refused.iter().any(|item| item.first == cut || item.end() == u32::from(cut))
}

/// The bytes of a float among what was read.
fn bytes(
    (table, item, order): &(Table, Item, Order),
    learned: &BTreeMap<u8, (Table, Learned)>,
) -> Option<([u8; 4], Order)> {
    let (_, known) = learned.get(&table_number(*table))?;
    known.read.iter().find_map(|(first, data)| {
        let offset = usize::from(item.first.checked_sub(*first)?) * 2;
        Some((data.get(offset..offset + 4)?.try_into().ok()?, *order))
    })
}
