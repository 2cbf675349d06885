//! What the driver is made from: resolved, without text.

use super::planner::{Item, Rules};
use super::types::Codec;
use crate::south::tags;
use std::collections::BTreeMap;
use std::time::Duration;
use wire::modbus::Table;

/// Times and counts of an endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// Those that all protocols have.
    pub(super) shared: tags::Timing,
    /// Silence after connecting.
    pub(super) pause_after_connect: Duration,
    /// Silence between an answer and the next request.
    pub(super) request_delay: Duration,
    /// Requests under way at once, at least 1.
    pub(super) pipeline: usize,
}

/// One unit.
#[derive(Debug)]
pub(super) struct DeviceSpec {
    pub(super) name: String,
    pub(super) unit: u8,
    pub(super) registers: Rules,
    pub(super) bits: Rules,
    /// By [`table_number`]: ranges that nothing touches.
    pub(super) exclude: BTreeMap<u8, Vec<(u16, u16)>>,
    /// By [`table_number`]: measured addresses that no block may reach into from before.
    pub(super) cuts: BTreeMap<u8, Vec<u16>>,
    pub(super) write_multiple: bool,
    pub(super) points: Vec<PointSpec>,
}

/// One tag.
#[derive(Debug)]
pub(super) struct PointSpec {
    pub(super) table: Table,
    pub(super) item: Item,
    pub(super) codec: Codec,
    /// Index into the scan classes.
    pub(super) class: usize,
    /// Index into the declared points.
    pub(super) index: usize,
}

/// The leading digit of a table in Modicon numbers.
pub(super) const fn table_number(table: Table) -> u8 {
    match table {
        Table::Coils => 0,
        Table::DiscreteInputs => 1,
        Table::InputRegisters => 3,
        _ => 4,
    }
}
