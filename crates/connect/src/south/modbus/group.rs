//! One group: its points, the blocks that fetch them, the scan under way, and what the device refuses.
//!
//! ```text
//!  block ── exception 02 ──▶ halves ──▶ ... ──▶ one point refuses: quarantine it, plan around it
//!                                      └──▶ both halves are fine: never bridge this gap again
//! ```

use super::planner::{self, Barriers, Block, Item};
use super::spec::{DeviceSpec, PointSpec, table_number};
use super::types::Codec;
use crate::south::Job;
use crate::south::link::Moments;
use model::{Each, Status, Value};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::modbus::{ExceptionCode, Request, Table, bit};

/// Most extra requests that looking for a bad address may cost in one scan.
const BISECT_BUDGET: u32 = 64;
/// A scan whose answers are further apart than this gives each row its own time.
const ONE_MOMENT: Duration = Duration::from_millis(100);

/// One point of a group.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) table: Table,
    pub(super) item: Item,
    pub(super) codec: Codec,
}

/// A read of one table.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) table: Table,
    pub(super) block: Block,
}

impl Read {
    pub(super) fn request(&self) -> Request {
        let (address, quantity) = (self.block.first, self.block.count);
        match self.table {
            Table::Coils => Request::ReadCoils { address, quantity },
            Table::DiscreteInputs => Request::ReadDiscreteInputs { address, quantity },
            Table::InputRegisters => Request::ReadInputRegisters { address, quantity },
            _ => Request::ReadHoldingRegisters { address, quantity },
        }
    }
}

/// What the device refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) row: u32,
    pub(super) code: ExceptionCode,
}

/// Points of one device that are read together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) device: usize,
    pub(super) rows: Vec<Row>,
    pub(super) reads: Vec<Arc<Read>>,
    cuts: BTreeMap<u8, Vec<u16>>,
    pub(super) refused: Vec<Refused>,
    pub(super) run: Run,
    /// Next refused row that a re-check looks at.
    pub(super) recheck: usize,
}

/// One scan under way.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Answers to an earlier run are recognised by it.
    pub(super) number: u32,
    next: usize,
    extra: VecDeque<(Arc<Read>, u32)>,
    open: u32,
    values: Vec<Value>,
    /// Rows that were read and are bad nevertheless.
    bad: Vec<(u32, Status)>,
    unread: bool,
    first_sent: Option<Instant>,
    last_answer: Option<Instant>,
    moments: Vec<(Arc<Read>, Instant)>,
    splits: Vec<(Arc<Read>, Arc<Read>)>,
    fine: Vec<Arc<Read>>,
    /// The device refused something: the plan is made anew at the end.
    learned: bool,
    budget: u32,
    /// The job, while nothing more is to be sent.
    pub(super) parked: Option<Job>,
}

impl Group {
    pub(super) fn new(device: usize, spec: &DeviceSpec, points: Vec<PointSpec>) -> Self {
        let rows = points.into_iter().map(|p| Row { table: p.table, item: p.item, codec: p.codec }).collect();
        let mut group = Self {
            device,
            rows,
            reads: Vec::new(),
            cuts: BTreeMap::new(),
            refused: Vec::new(),
            run: Run::default(),
            recheck: 0,
        };
        group.replan(spec);
        group
    }

    pub(super) fn row(&self, row: u32) -> Option<&Row> {
        self.rows.get(row as usize)
    }

    fn item(&self, row: u32) -> Item {
        self.row(row).map_or(Item { first: 0, width: 1 }, |row| row.item)
    }

    /// Plans anew around what is refused and cut.
    pub(super) fn replan(&mut self, spec: &DeviceSpec) {
        let mut reads = Vec::new();
        for table in [Table::Coils, Table::DiscreteInputs, Table::InputRegisters, Table::HoldingRegisters] {
            let cuts = self.cuts.get(&table_number(table)).cloned().unwrap_or_default();
            let mut barriers = Barriers { cuts, ..spec.barriers(table) };
            // What is refused must not be read along by bridging it either.
            let refused =
                self.refused.iter().filter_map(|r| self.row(r.row)).filter(|row| row.table == table);
            barriers.exclude.extend(
                refused.map(|row| (row.item.first, row.item.first.saturating_add(row.item.width - 1))),
            );
            let items = self.rows.iter().enumerate().filter(|(_, row)| row.table == table).filter_map(
                |(index, row)| {
                    let index = u32::try_from(index).ok()?;
                    (!self.refused.iter().any(|r| r.row == index)).then_some((index, row.item))
                },
            );
            let blocks = planner::plan(items, &barriers, spec.rules(table));
            reads.extend(blocks.into_iter().map(|block| Arc::new(Read { table, block })));
        }
        self.reads = reads;
    }

    /// Begins a scan; whatever an earlier one left is void.
    pub(super) fn begin(&mut self) {
        let number = self.run.number.wrapping_add(1);
        let run = &mut self.run;
        run.number = number;
        run.next = 0;
        run.open = 0;
        run.extra.clear();
        run.bad.clear();
        run.moments.clear();
        run.splits.clear();
        run.fine.clear();
        run.unread = false;
        run.learned = false;
        run.first_sent = None;
        run.last_answer = None;
        run.budget = BISECT_BUDGET;
        run.parked = None;
        run.values = Vec::with_capacity(self.rows.len());
        run.values.resize(self.rows.len(), Value::None);
    }

    /// The next read of the scan and how often it was tried before.
    pub(super) fn next_read(&mut self) -> Option<(Arc<Read>, u32)> {
        let next = match self.reads.get(self.run.next) {
            Some(read) => {
                self.run.next += 1;
                (read.clone(), 0)
            }
            None => self.run.extra.pop_front()?,
        };
        self.run.open += 1;
        Some(next)
    }

    /// Whether more reads are to be sent.
    pub(super) fn has_more(&self) -> bool {
        self.run.next < self.reads.len() || !self.run.extra.is_empty()
    }

    /// Whether everything was sent and answered or given up.
    pub(super) fn is_complete(&self) -> bool {
        !self.has_more() && self.run.open == 0
    }

    /// Notes when the first request of a scan went out.
    pub(super) fn sent(&mut self, at: Instant) {
        self.run.first_sent.get_or_insert(at);
    }

    /// A read that will be tried again.
    pub(super) fn retry(&mut self, read: Arc<Read>, attempt: u32) {
        self.run.open = self.run.open.saturating_sub(1);
        self.run.extra.push_back((read, attempt));
    }

    /// A read that is given up in this scan.
    pub(super) fn give_up(&mut self) {
        self.run.open = self.run.open.saturating_sub(1);
        self.run.unread = true;
    }

    /// The whole scan is given up: nothing more is sent.
    pub(super) fn give_up_all(&mut self) {
        self.give_up();
        self.run.next = self.reads.len();
        self.run.extra.clear();
    }

    /// All points of a read get a quality of their own in this scan.
    pub(super) fn mark(&mut self, read: &Read, status: Status) {
        self.run.bad.extend(read.block.items.iter().map(|row| (*row, status)));
    }

    /// Takes the data of an answer: register bytes or packed bits.
    pub(super) fn take_data(&mut self, read: &Arc<Read>, data: &[u8], sent: Instant, now: Instant) {
        self.run.open = self.run.open.saturating_sub(1);
        self.run.last_answer = Some(now);
        self.run.moments.push((read.clone(), sent + (now - sent) / 2));
        if !self.run.splits.is_empty() {
            self.run.fine.push(read.clone());
        }
        for row in &read.block.items {
            let Some(point) = self.rows.get(*row as usize) else { continue };
            let offset = usize::from(point.item.first.saturating_sub(read.block.first));
            let (value, status) = if read.table.is_bits() {
                bit(data, offset)
                    .map_or((Value::None, Status::BAD_DECODING_ERROR), |on| (Value::Bool(on), Status::GOOD))
            } else {
                point.codec.decode(data.get(offset * 2..).unwrap_or_default())
            };
            if status != Status::GOOD {
                self.run.bad.push((*row, status));
            }
            if let Some(slot) = self.run.values.get_mut(*row as usize) {
                *slot = value;
            }
        }
    }

    /// The device refused a read: halves of it follow, or its only point is quarantined. Returns whether the latter.
    pub(super) fn refuse(&mut self, read: &Arc<Read>, code: ExceptionCode) -> bool {
        self.run.open = self.run.open.saturating_sub(1);
        self.run.learned = true;
        let whole_table = code == ExceptionCode::ILLEGAL_FUNCTION;
        let halves = if whole_table { None } else { planner::bisect(&read.block, |row| self.item(row)) };
        let Some((left, right)) = halves else {
            self.refused.extend(read.block.items.iter().map(|row| Refused { row: *row, code }));
            self.run.unread = true;
            return true;
        };
        if self.run.budget == 0 {
            self.run.unread = true;
            return false;
        }
        self.run.budget -= 1;
        let left = Arc::new(Read { table: read.table, block: left });
        let right = Arc::new(Read { table: read.table, block: right });
        self.run.extra.push_back((left.clone(), 0));
        self.run.extra.push_back((right.clone(), 0));
        self.run.splits.push((left, right));
        false
    }

    /// Ends the scan: what it learned goes into the plan; values and qualities come out. Returns whether the plan
    /// changed.
    pub(super) fn finish(
        &mut self,
        spec: &DeviceSpec,
        lost: Status,
    ) -> (Vec<Value>, Each<Status>, Moments, bool) {
        let learned = self.run.learned;
        for (left, right) in std::mem::take(&mut self.run.splits) {
            let fine = |read: &Arc<Read>| self.run.fine.iter().any(|f| Arc::ptr_eq(f, read));
            if fine(&left) && fine(&right) {
                self.cuts.entry(table_number(left.table)).or_default().push(right.block.first);
            }
        }
        if learned {
            self.replan(spec);
        }
        let values = std::mem::take(&mut self.run.values);
        let status = self.statuses(&values, lost);
        let moments = self.moments();
        self.run.number = self.run.number.wrapping_add(1);
        (values, status, moments, learned)
    }

    fn statuses(&self, values: &[Value], lost: Status) -> Each<Status> {
        if !self.run.unread && self.run.bad.is_empty() && self.refused.is_empty() {
            return Each::All(Status::GOOD);
        }
        let status = |value: &Value| if *value == Value::None { lost } else { Status::GOOD };
        let mut rows: Box<[Status]> = values.iter().map(status).collect();
        let refused = self.refused.iter().map(|r| (r.row, Status::BAD_CONFIGURATION_ERROR));
        for (row, status) in self.run.bad.iter().copied().chain(refused) {
            if let Some(slot) = rows.get_mut(row as usize) {
                *slot = status;
            }
        }
        Each::Rows(rows)
    }

    fn moments(&mut self) -> Moments {
        let now = Instant::now();
        let first = self.run.first_sent.unwrap_or(now);
        let last = self.run.last_answer.unwrap_or(now);
        let middle = first + last.saturating_duration_since(first) / 2;
        if last.saturating_duration_since(first) <= ONE_MOMENT {
            return Moments::One(middle);
        }
        let mut rows = vec![last; self.rows.len()];
        for (read, moment) in &self.run.moments {
            for row in &read.block.items {
                if let Some(slot) = rows.get_mut(*row as usize) {
                    *slot = *moment;
                }
            }
        }
        Moments::Each(rows)
    }

    /// A refused row answered: it is read again from now on.
    pub(super) fn readmit(&mut self, row: u32, spec: &DeviceSpec) {
        self.refused.retain(|refused| refused.row != row);
        self.replan(spec);
    }

    /// A read of one row alone.
    pub(super) fn single(&self, row: u32) -> Option<Read> {
        let point = self.row(row)?;
        let block = Block { first: point.item.first, count: point.item.width, items: vec![row] };
        Some(Read { table: point.table, block })
    }

    /// The value of a single read.
    pub(super) fn decode_single(&self, row: u32, data: &[u8]) -> (Value, Status) {
        match self.row(row) {
            Some(point) if point.table.is_bits() => match bit(data, 0) {
                Some(on) => (Value::Bool(on), Status::GOOD),
                None => (Value::None, Status::BAD_DECODING_ERROR),
            },
            Some(point) => point.codec.decode(data),
            None => (Value::None, Status::BAD_DECODING_ERROR),
        }
    }
}
