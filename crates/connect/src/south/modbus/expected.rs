//! What the plan will send, and how its points stand on the wire: for the monitor.

use super::driver::Modbus;
use super::group::Row;
use super::types::Codec;
use crate::south::Driver;
use model::expected::{Coding, ExpectedTraffic};
use model::{Access, Declaration, Value};
use std::sync::Arc;
use wire::modbus::Table;

/// A point in registers, or in one byte for a bit.
#[derive(Debug)]
struct OnWire {
    codec: Codec,
    is_bit: bool,
}

impl Coding for OnWire {
    fn value(&self, bytes: &[u8]) -> Option<Value> {
        if self.is_bit {
            return bytes.first().map(|byte| Value::Bool(*byte != 0));
        }
        let (value, status) = self.codec.decode(bytes);
        status.is_good().then_some(value)
    }

    fn agrees(&self, asked: &Value, seen: &[u8]) -> bool {
        self.value(seen).is_some_and(|seen| self.codec.agrees(asked, &seen))
    }
}

impl Row {
    /// The function that touches it: the one that writes it if it may be written.
    const fn function(&self, write: bool, multiple: bool) -> u8 {
        match self.table {
            Table::Coils if !write => 1,
            Table::Coils if multiple => 15,
            Table::Coils => 5,
            Table::DiscreteInputs => 2,
            Table::InputRegisters => 4,
            _ if !write => 3,
            _ if self.codec.bit.is_some() => 22,
            _ if multiple || self.item.width > 1 => 16,
            _ => 6,
        }
    }
}

impl Modbus {
    /// Every request that the plan may send, and every point with its place.
    pub(super) fn expected(&self, to: &ExpectedTraffic, points: &[Arc<Declaration>]) -> Vec<ExpectedTraffic> {
        let mut expected = Vec::new();
        let layout = self.layout();
        for (book, layout) in self.groups.iter().zip(&layout.groups) {
            let Some(device) = self.devices.get(book.device) else { continue };
            let traffic = |function: u8, table: Table, first: u16, count: u16| ExpectedTraffic {
                unit: device.unit.into(),
                function,
                space: table as u64,
                first: first.into(),
                count: count.into(),
                ..to.clone()
            };
            expected.extend(book.reads.iter().map(|read| {
                traffic(read.request().function_code(), read.table, read.block.first, read.block.count)
            }));
            for (row, index) in book.rows.iter().zip(&layout.points) {
                let Some(point) = points.get(*index) else { continue };
                let function = row.function(point.access != Access::Read, device.write_multiple);
                let coding = OnWire { codec: row.codec.clone(), is_bit: row.table.is_bits() };
                expected.push(ExpectedTraffic {
                    point: Some(Arc::clone(point)),
                    coding: Some(Arc::new(coding)),
                    ..traffic(function, row.table, row.item.first, row.item.width)
                });
            }
        }
        expected
    }
}
