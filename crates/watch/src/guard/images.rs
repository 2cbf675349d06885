//! The last bytes that were read or written, so that a write can be shown with what stood there before.

use crate::hosts::HostId;
use crate::points::PointKey;
use crate::protocol::Protocol;
use model::expected::is_named;
use std::collections::HashMap;
use wire::modbus;

/// Most ranges that are remembered.
const MAX: usize = 4_096;
/// Most ranges of one table of one device.
const MAX_RANGES: usize = 64;
/// Most bytes of one range.
const MAX_BYTES: usize = 512;

type Table = (HostId, Protocol, u32, u64);

/// The images.
#[derive(Debug, Default)]
pub struct Images {
    tables: HashMap<Table, Vec<(u32, Vec<u8>)>>,
    count: usize,
}

fn table(key: &PointKey) -> Table {
    (key.server, key.protocol, key.unit, key.space)
}

/// Bytes of one number of a table: two for registers, one for bits and for what is counted in bytes.
fn width(key: &PointKey) -> usize {
    let is_register = |table| key.space == table as u64;
    let registers = [modbus::Table::HoldingRegisters, modbus::Table::InputRegisters];
    if key.protocol == Protocol::Modbus && registers.into_iter().any(is_register) { 2 } else { 1 }
}

/// Whether it is not numbers beside each other, but one value of any length: what a name or an object stands for.
fn is_one(key: &PointKey) -> bool {
    is_named(key.space) || key.protocol == Protocol::Bacnet
}

/// How many bytes a range has; whatever comes where it is one value.
fn wanted(key: &PointKey) -> Option<usize> {
    (!is_one(key)).then(|| (key.count as usize).saturating_mul(width(key)))
}

impl Images {
    /// Keeps the bytes of a range. False if there is no room.
    pub fn keep(&mut self, key: &PointKey, bytes: &[u8]) -> bool {
        let wanted = wanted(key).unwrap_or(bytes.len());
        if wanted > MAX_BYTES && is_one(key) {
            // What stood there before is over.
            self.forget(key);
        }
        if wanted == 0 || wanted > MAX_BYTES || bytes.len() < wanted {
            return true;
        }
        let bytes = bytes.get(..wanted).unwrap_or_default();
        let ranges = self.tables.entry(table(key)).or_default();
        let fits = |known: &[u8]| known.len() == wanted || is_one(key);
        if let Some((_, known)) = ranges.iter_mut().find(|(first, known)| *first == key.first && fits(known))
        {
            known.clear();
            known.extend_from_slice(bytes);
            return true;
        }
        if self.count >= MAX || ranges.len() >= MAX_RANGES {
            return false;
        }
        ranges.push((key.first, bytes.to_vec()));
        self.count += 1;
        true
    }

    fn forget(&mut self, key: &PointKey) {
        let Some(ranges) = self.tables.get_mut(&table(key)) else { return };
        let before = ranges.len();
        ranges.retain(|(first, _)| *first != key.first);
        self.count -= before - ranges.len();
    }

    /// What stood in a range.
    pub fn before(&self, key: &PointKey) -> Option<Vec<u8>> {
        let Some(wanted) = wanted(key) else {
            let known = self.tables.get(&table(key))?.iter().find(|(first, _)| *first == key.first);
            return known.map(|(_, bytes)| bytes.clone());
        };
        let width = width(key);
        self.tables.get(&table(key))?.iter().find_map(|(first, bytes)| {
            let at = (key.first.checked_sub(*first)? as usize).checked_mul(width)?;
            bytes.get(at..at.checked_add(wanted)?).map(<[u8]>::to_vec)
        })
    }

    /// Brings a write into what is known of the range.
    pub fn written(&mut self, key: &PointKey, written: &[u8]) {
        if is_one(key) {
            return;
        }
        let width = width(key);
        let Some(ranges) = self.tables.get_mut(&table(key)) else { return };
        for (first, bytes) in ranges {
            for (at, new) in written.chunks_exact(width).enumerate() {
                let number = key.first as usize + at;
                let Some(at) = number.checked_sub(*first as usize) else { continue };
                if let Some(place) = bytes.get_mut(at * width..(at + 1) * width) {
                    place.copy_from_slice(new);
                }
            }
        }
    }
}
