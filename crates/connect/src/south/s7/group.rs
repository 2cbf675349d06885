//! One group: its points, the requests that fetch them, the scan under way, and what the CPU refuses.
//!
//! ```text
//!  variable ── refused ──▶ its points one by one ──▶ one is refused: quarantine it, plan around it
//!  request  ── refused ──▶ nothing of this group can be read: say why, ask again with the next scan
//! ```

use super::address::{Address, Fact, Region};
use super::planner::{self, Chunk, Rules, Span};
use super::types::Codec;
use crate::south::link::Moments;
use crate::south::scan::Scan;
use model::{Each, Status, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;
use wire::s7::szl::{self, Identity, List};
use wire::s7::{ReadItem, Request, ReturnCode};

/// One point of a group.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) codec: Codec,
}

/// Where a point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Memory(Span),
    Cpu(Fact),
}

impl Place {
    pub(super) fn of(address: Address, codec: &Codec) -> Self {
        match address {
            Address::Memory { region, first, .. } => {
                Self::Memory(Span { region, first, width: codec.bytes() / region.unit() })
            }
            Address::Cpu(fact) => Self::Cpu(fact),
        }
    }

    /// In words, as it would be written.
    pub(super) fn words(self) -> String {
        match self {
            Self::Memory(span) => span.region.words(span.first),
            Self::Cpu(fact) => fact.to_string(),
        }
    }
}

/// One request.
#[derive(Debug)]
pub(super) enum Read {
    /// Variables.
    Memory(Vec<Arc<Chunk>>),
    /// A system status list, for these rows.
    List { id: u16, rows: Vec<u32> },
}

impl Read {
    /// The points it fetches, with repetition where they come in pieces.
    pub(super) fn rows(&self) -> Vec<u32> {
        match self {
            Self::Memory(chunks) => chunks.iter().flat_map(|chunk| chunk.rows.iter().copied()).collect(),
            Self::List { rows, .. } => rows.clone(),
        }
    }

    pub(super) fn request(&self) -> Request<'static> {
        match self {
            Self::Memory(chunks) => Request::Read(chunks.iter().map(|chunk| chunk.item()).collect()),
            Self::List { id, .. } => Request::Szl { id: *id, index: 0 },
        }
    }
}

/// What came for a request.
pub(super) enum Reply<'a> {
    /// One answer for each variable.
    Items(&'a [ReadItem<'a>]),
    /// A whole list.
    List(&'a [u8]),
    /// The CPU has no such list.
    NoList,
}

/// What the CPU refused, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) row: u32,
    pub(super) why: &'static str,
}

/// Points of one device that are read together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) device: usize,
    pub(super) rows: Vec<Row>,
    pub(super) reads: Vec<Arc<Read>>,
    pub(super) refused: Vec<Refused>,
    /// Why the CPU refuses every request of it, if it does.
    pub(super) blocked: Option<&'static str>,
    pub(super) run: Scan<Read>,
    /// Next refused row that a re-check looks at.
    pub(super) recheck: usize,
    rules: Rules,
    /// Points that are longer than an answer: their bytes, and how many of them came.
    pieces: BTreeMap<u32, (Vec<u8>, usize)>,
}

impl Group {
    pub(super) fn new(device: usize, rules: Rules, rows: Vec<Row>) -> Self {
        let mut group = Self {
            device,
            rows,
            reads: Vec::new(),
            refused: Vec::new(),
            blocked: None,
            run: Scan::default(),
            recheck: 0,
            rules,
            pieces: BTreeMap::new(),
        };
        group.replan();
        group
    }

    pub(super) fn row(&self, row: u32) -> Option<&Row> {
        self.rows.get(row as usize)
    }

    /// Plans for another size of PDU.
    pub(super) fn set_pdu(&mut self, pdu: u16) {
        if self.rules.pdu != pdu {
            self.rules.pdu = pdu;
            self.replan();
            self.run.skip_rest(&self.reads);
        }
    }

    fn spans(&self) -> impl Iterator<Item = (u32, Span)> {
        (0..).zip(&self.rows).filter_map(|(index, row)| match row.place {
            Place::Memory(span) => Some((index, span)),
            Place::Cpu(_) => None,
        })
    }

    /// Plans anew around what is refused and cut.
    pub(super) fn replan(&mut self) {
        let mut out = vec![false; self.rows.len()];
        for refused in &self.refused {
            out.get_mut(refused.row as usize).into_iter().for_each(|slot| *slot = true);
        }
        let is_refused = |row: u32| out.get(row as usize).copied().unwrap_or(false);
        let mut rules = self.rules.clone();
        for (_, span) in self.spans().filter(|(row, _)| is_refused(*row)) {
            // What is refused must not be read along by bridging it either, unless a sound point shares its bytes.
            let overlaps = |sound: Span| {
                sound.region == span.region
                    && sound.first < span.first + u32::from(span.width)
                    && span.first < sound.first + u32::from(sound.width)
            };
            if !self.spans().any(|(other, sound)| overlaps(sound) && !is_refused(other)) {
                let last = span.first + u32::from(span.width) - 1;
                rules.exclude.entry(span.region).or_default().push((span.first, last));
            }
        }
        let chunks = planner::chunks(self.spans().filter(|(row, _)| !is_refused(*row)), &rules);
        let packed = planner::pack(chunks.into_iter().map(Arc::new), rules.pdu);
        let memory = packed.into_iter().map(Read::Memory);
        let mut lists: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        for (index, row) in (0..).zip(&self.rows) {
            if let Place::Cpu(fact) = row.place
                && !is_refused(index)
            {
                lists.entry(fact.list()).or_default().push(index);
            }
        }
        let lists = lists.into_iter().map(|(id, rows)| Read::List { id, rows });
        self.reads = memory.chain(lists).map(Arc::new).collect();
    }

    /// Begins a scan.
    pub(super) fn begin(&mut self) {
        self.pieces.clear();
        self.run.begin(self.rows.len());
    }

    /// Takes what came for a request of the scan. Returns whether a row was refused for good.
    pub(super) fn take(&mut self, read: &Read, reply: &Reply<'_>, sent: Instant, now: Instant) -> bool {
        self.run.answered(now);
        let moment = sent + (now - sent) / 2;
        match (read, reply) {
            (Read::Memory(chunks), Reply::Items(items)) => {
                let mut singles = Vec::new();
                let mut refused = false;
                for (chunk, item) in chunks.iter().zip(*items) {
                    match item {
                        ReadItem::Data(data) => self.take_chunk(chunk, data, moment),
                        ReadItem::Refused(code) => refused |= self.refuse(chunk, *code, &mut singles),
                    }
                }
                for chunks in planner::pack(singles, self.rules.pdu) {
                    self.run.ask_more([Arc::new(Read::Memory(chunks))]);
                }
                refused
            }
            (Read::List { id, rows }, Reply::List(list)) => {
                for row in rows {
                    let value = self.row(*row).map(|row| decode_fact(row, *id, list));
                    if let Some(value) = value {
                        self.run.put(*row, value, moment);
                    }
                }
                false
            }
            (Read::List { rows, .. }, _) => {
                let why = "The CPU does not tell this: many S7-1200/1500 keep it to themselves.";
                self.refused.extend(rows.iter().map(|row| Refused { row: *row, why }));
                self.run.learned = true;
                true
            }
            (Read::Memory(_), _) => false,
        }
    }

    fn take_chunk(&mut self, chunk: &Chunk, data: &[u8], moment: Instant) {
        for row in &chunk.rows {
            let Some(point) = self.rows.get(*row as usize) else { continue };
            let Place::Memory(span) = point.place else { continue };
            let unit = usize::from(span.region.unit());
            if span.width > chunk.span.width {
                // A piece of a long point: it is decoded when the last one is there, in whatever order they come.
                let (held, got) =
                    self.pieces.entry(*row).or_insert_with(|| (vec![0; point.codec.bytes().into()], 0));
                let at = chunk.part as usize * unit;
                if let Some(place) = held.get_mut(at..at + data.len()) {
                    place.copy_from_slice(data);
                    *got += data.len();
                }
                if *got == held.len() {
                    let value = point.codec.decode(held);
                    self.run.put(*row, value, moment);
                }
                continue;
            }
            let offset = span.first.saturating_sub(chunk.span.first) as usize * unit;
            let value = point.codec.decode(data.get(offset..).unwrap_or_default());
            self.run.put(*row, value, moment);
        }
    }

    /// The CPU refused a variable: its points follow one by one, or its only one is quarantined. Returns whether the
    /// latter.
    fn refuse(&mut self, chunk: &Arc<Chunk>, code: ReturnCode, singles: &mut Vec<Arc<Chunk>>) -> bool {
        if code == ReturnCode::HARDWARE {
            chunk.rows.iter().for_each(|row| self.run.mark(*row, Status::BAD_DEVICE_FAILURE));
            return false;
        }
        self.run.learned = true;
        let [only] = chunk.rows.as_slice() else {
            let mut end = chunk.span.first;
            for row in &chunk.rows {
                let Some(Place::Memory(span)) = self.row(*row).map(|row| row.place) else { continue };
                // The gaps in it are never read along again: they may be what is refused.
                if span.first > end {
                    self.rules.cuts.entry(span.region).or_default().push(span.first);
                }
                end = end.max(span.first + u32::from(span.width));
                singles.push(Arc::new(Chunk { span, rows: vec![*row], part: 0 }));
            }
            return false;
        };
        if !self.refused.iter().any(|refused| refused.row == *only) {
            self.refused.push(Refused { row: *only, why: code.sentence() });
        }
        true
    }

    /// All points of a request have this quality in this scan; nothing more of it is sent.
    pub(super) fn block(&mut self, why: &'static str) {
        for row in 0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX) {
            self.run.mark(row, Status::BAD_CONFIGURATION_ERROR);
        }
        self.blocked = Some(why);
        self.run.give_up(&self.reads);
    }

    /// Ends the scan. Returns whether the plan changed.
    pub(super) fn finish(&mut self, lost: Status) -> (Vec<Value>, Each<Status>, Moments, bool) {
        let learned = self.run.learned;
        if learned {
            self.replan();
        }
        let refused = self.refused.iter().map(|refused| refused.row);
        let (values, status, moments) = self.run.finish(refused, lost);
        (values, status, moments, learned)
    }

    /// A refused row answered: it is read again from now on.
    pub(super) fn readmit(&mut self, rows: &[u32]) {
        self.refused.retain(|refused| !rows.contains(&refused.row));
        if self.run.active {
            self.run.learned = true;
        } else {
            self.replan();
        }
    }

    /// A request for rows of their own: as many of those given as one request may hold.
    pub(super) fn singles(&self, rows: impl IntoIterator<Item = u32>) -> Option<Read> {
        let (mut chunks, mut rows) = (Vec::new(), rows.into_iter().peekable());
        while let Some(row) = rows.peek().copied() {
            match self.row(row)?.place {
                Place::Cpu(fact) if chunks.is_empty() => {
                    return Some(Read::List { id: fact.list(), rows: vec![row] });
                }
                Place::Cpu(_) => break,
                Place::Memory(span) => {
                    let most = self.rules.capacity() / span.region.unit();
                    let span = Span { width: span.width.min(most.max(1)), ..span };
                    chunks.push(Arc::new(Chunk { span, rows: vec![row], part: 0 }));
                }
            }
            rows.next();
            if chunks.len() >= wire::s7::MAX_ITEMS {
                break;
            }
        }
        planner::pack(chunks, self.rules.pdu).into_iter().next().map(Read::Memory)
    }

    /// The value of the first row of a request made by [`Group::singles`]; `Err` says why there is none.
    pub(super) fn single_value(
        &self,
        read: &Read,
        reply: &Reply<'_>,
    ) -> Result<(Value, Status), &'static str> {
        let none = "there is no such point any more";
        match (read, reply) {
            (Read::Memory(chunks), Reply::Items([item, ..])) => {
                let row = chunks.first().and_then(|chunk| self.row(*chunk.rows.first()?)).ok_or(none)?;
                match item {
                    ReadItem::Data(data) => Ok(row.codec.decode(data)),
                    ReadItem::Refused(code) => Err(code.sentence()),
                }
            }
            (Read::List { id, rows }, Reply::List(list)) => {
                let row = rows.first().and_then(|row| self.row(*row)).ok_or(none)?;
                Ok(decode_fact(row, *id, list))
            }
            _ => Err("the CPU does not answer it"),
        }
    }

    /// Regions it touches.
    pub(super) fn regions(&self) -> impl Iterator<Item = Region> {
        self.spans().map(|(_, span)| span.region)
    }
}

fn decode_fact(row: &Row, id: u16, list: &[u8]) -> (Value, Status) {
    let Some(list) = List::parse(list).filter(|list| list.id == id) else {
        return (Value::None, Status::BAD_DECODING_ERROR);
    };
    let Place::Cpu(fact) = row.place else { return (Value::None, Status::BAD_DECODING_ERROR) };
    if fact == Fact::State {
        return match szl::state(&list) {
            Some(state) => (Value::U64(state.into()), Status::GOOD),
            None => (Value::None, Status::BAD_DECODING_ERROR),
        };
    }
    let mut identity = Identity::default();
    identity.take(&list);
    let text = match fact {
        Fact::Order => identity.order,
        Fact::Firmware => identity.firmware,
        Fact::System => identity.system,
        Fact::Module => identity.module,
        Fact::Serial => identity.serial,
        Fact::Kind | Fact::State => identity.kind,
    };
    (Value::Text(text.into()), Status::GOOD)
}
