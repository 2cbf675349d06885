//! One group: its points, the blocks that fetch them, the scan under way, and what the device refuses.
//!
//! ```text
//!  block ── exception 02 ──▶ halves ──▶ ... ──▶ one point refuses: quarantine it, plan around it
//!                                      └──▶ both halves are fine: never bridge this gap again
//! ```

use super::planner::{self, Block, Item};
use super::spec::{DeviceSpec, PointSpec, table_number};
use super::types::Codec;
use crate::south::link::Moments;
use crate::south::scan::Scan;
use model::{Each, Status, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;
use wire::modbus::{ExceptionCode, Request, Table, bit};

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
    pub(super) run: Scan<Read>,
    /// Halves of refused reads in this scan: where both are fine, the gap between them was what the device refused.
    splits: Vec<(Arc<Read>, Arc<Read>)>,
    /// Reads that were answered while there are such halves.
    fine: Vec<Arc<Read>>,
    /// Next refused row that a re-check looks at.
    pub(super) recheck: usize,
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
            run: Scan::default(),
            splits: Vec::new(),
            fine: Vec::new(),
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
            let mut barriers = spec.barriers(table);
            barriers.cuts.extend(self.cuts.get(&table_number(table)).into_iter().flatten());
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
        self.splits.clear();
        self.fine.clear();
        self.run.begin(self.rows.len());
    }

    /// All points of a read get a quality of their own in this scan.
    pub(super) fn mark(&mut self, read: &Read, status: Status) {
        read.block.items.iter().for_each(|row| self.run.mark(*row, status));
    }

    /// Takes the data of an answer: register bytes or packed bits.
    pub(super) fn take_data(&mut self, read: &Arc<Read>, data: &[u8], sent: Instant, now: Instant) {
        self.run.answered(now);
        let moment = sent + (now - sent) / 2;
        if !self.splits.is_empty() {
            self.fine.push(read.clone());
        }
        for row in &read.block.items {
            let Some(point) = self.rows.get(*row as usize) else { continue };
            let offset = usize::from(point.item.first.saturating_sub(read.block.first));
            let value = if read.table.is_bits() {
                bit(data, offset)
                    .map_or((Value::None, Status::BAD_DECODING_ERROR), |on| (Value::Bool(on), Status::GOOD))
            } else {
                point.codec.decode(data.get(offset * 2..).unwrap_or_default())
            };
            self.run.put(*row, value, moment);
        }
    }

    /// The device refused a read: halves of it follow, or its only point is quarantined. Returns whether the latter.
    pub(super) fn refuse(&mut self, read: &Arc<Read>, code: ExceptionCode) -> bool {
        self.run.dropped();
        self.run.learned = true;
        let whole_table = code == ExceptionCode::ILLEGAL_FUNCTION;
        let halves = if whole_table { None } else { planner::bisect(&read.block, |row| self.item(row)) };
        let Some((left, right)) = halves else {
            self.refused.extend(read.block.items.iter().map(|row| Refused { row: *row, code }));
            return true;
        };
        let half = |block| Arc::new(Read { table: read.table, block });
        let (left, right) = (half(left), half(right));
        if self.run.ask_more([left.clone(), right.clone()]) {
            self.splits.push((left, right));
        }
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
        for (left, right) in std::mem::take(&mut self.splits) {
            let fine = |read: &Arc<Read>| self.fine.iter().any(|f| Arc::ptr_eq(f, read));
            if fine(&left) && fine(&right) {
                self.cuts.entry(table_number(left.table)).or_default().push(right.block.first);
            }
        }
        if learned {
            self.replan(spec);
        }
        let refused = self.refused.iter().map(|refused| refused.row);
        let (values, status, moments) = self.run.finish(refused, lost);
        (values, status, moments, learned)
    }

    /// A refused row answered: it is read again from now on. A scan under way goes on by the plan it began with.
    pub(super) fn readmit(&mut self, row: u32, spec: &DeviceSpec) {
        self.refused.retain(|refused| refused.row != row);
        if self.run.active {
            self.run.learned = true;
        } else {
            self.replan(spec);
        }
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
