//! Recent records in memory. Positions are dense within an epoch, so a record is found by subtraction.
//!
//! ```text
//!   first ........ synced ........ taken ........ next
//!   | on disk      | being written | waiting      |
//! ```
//! Under memory pressure the oldest leave first. What had not even been handed to the writer is then lost, counted
//! and remembered as a range, so that whoever waits for it hears so.

use crate::types::Record;
use model::{Position, Value};
use std::collections::VecDeque;

/// Most lost ranges remembered one by one; the two oldest are then merged.
const MAX_LOST: usize = 1024;
/// Memory per sample in a batch is 24 bytes and about 3 on disk.
const COST_PER_DISK_BYTE: usize = 8;

/// Positions that never reached the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub from: Position,
    pub to: Position,
    pub samples: u64,
}

struct Entry {
    record: Record,
    cost: u32,
}

/// What the writer takes at once.
#[derive(Default)]
pub(crate) struct Chunk {
    /// Position of the first record.
    pub first: Position,
    pub records: Vec<Record>,
    /// Lost just before `first`, to be written down.
    pub lost: Vec<Lost>,
}

pub(crate) struct Ring {
    entries: VecDeque<Entry>,
    first: Position,
    next: Position,
    taken: Position,
    bytes: usize,
    waiting_bytes: usize,
    limit: usize,
    samples_first: u64,
    samples_next: u64,
    lost: Vec<Lost>,
    lost_unwritten: Vec<Lost>,
    pub lost_records: u64,
    pub lost_samples: u64,
    pub flush: bool,
    pub stop: bool,
    pub closed: bool,
}

impl Ring {
    /// Empty; the next record gets the position after `before`, `samples` samples came before it.
    pub fn new(before: Position, samples: u64, limit: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            first: before.next(),
            next: before.next(),
            taken: before,
            bytes: 0,
            waiting_bytes: 0,
            limit,
            samples_first: samples,
            samples_next: samples,
            lost: Vec::new(),
            lost_unwritten: Vec::new(),
            lost_records: 0,
            lost_samples: 0,
            flush: false,
            stop: false,
            closed: false,
        }
    }

    pub fn next(&self) -> Position {
        self.next
    }

    pub fn first(&self) -> Position {
        self.first
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lifetime samples, those of earlier epochs included.
    pub fn samples(&self) -> u64 {
        self.samples_next
    }

    pub fn has_waiting(&self) -> bool {
        self.taken.next() < self.next || !self.lost_unwritten.is_empty()
    }

    /// Estimated encoded bytes not yet handed to the writer.
    pub fn waiting_disk_bytes(&self) -> usize {
        self.waiting_bytes / COST_PER_DISK_BYTE
    }

    /// Appends; evicted records go to `out`, to be freed outside the lock.
    pub fn push(&mut self, record: Record, cost: usize, out: &mut Vec<Record>) -> Position {
        let position = self.next;
        self.samples_next += record.samples();
        self.entries.push_back(Entry { record, cost: u32::try_from(cost).unwrap_or(u32::MAX) });
        self.next = position.next();
        self.bytes += cost;
        self.waiting_bytes += cost;
        while self.bytes > self.limit && self.entries.len() > 1 {
            self.evict(out);
        }
        position
    }

    fn evict(&mut self, out: &mut Vec<Record>) {
        let Some(entry) = self.entries.pop_front() else { return };
        let samples = entry.record.samples();
        self.bytes = self.bytes.saturating_sub(entry.cost as usize);
        let position = self.first;
        self.first = position.next();
        self.samples_first += samples;
        if position > self.taken {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(entry.cost as usize);
            self.taken = position;
            self.add_lost(Lost { from: position, to: position, samples }, true);
        }
        out.push(entry.record);
    }

    fn add_lost(&mut self, lost: Lost, to_write: bool) {
        self.lost_records += lost.to.0 - lost.from.0 + 1;
        self.lost_samples += lost.samples;
        merge(&mut self.lost, lost);
        if to_write {
            merge(&mut self.lost_unwritten, lost);
        }
    }

    /// A record that the writer cannot write at all.
    pub fn refuse(&mut self, lost: Lost) {
        self.add_lost(lost, false);
    }

    /// Hands records to the writer, up to about `most` bytes of memory.
    pub fn take(&mut self, most: usize) -> Chunk {
        let lost = std::mem::take(&mut self.lost_unwritten);
        let skip = usize::try_from(self.taken.next().0.saturating_sub(self.first.0)).unwrap_or(usize::MAX);
        let mut chunk = Chunk { first: self.taken.next(), lost, ..Chunk::default() };
        let mut bytes = 0;
        for entry in self.entries.iter().skip(skip) {
            if bytes > 0 && bytes + entry.cost as usize > most {
                break;
            }
            bytes += entry.cost as usize;
            chunk.records.push(entry.record.clone());
        }
        self.taken = Position(self.taken.0 + chunk.records.len() as u64);
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
        chunk
    }

    /// After a failed write: everything behind `synced` is to be written again. What has left memory since is lost
    /// and returned. `samples_synced` are the lifetime samples up to `synced`.
    pub fn rewind(&mut self, synced: Position, samples_synced: u64) -> Option<Lost> {
        // What lies before this epoch is not in memory and not lost.
        let synced = synced.max(Position::new(self.first.epoch(), 0));
        if synced >= self.taken {
            return None;
        }
        let keep_from = synced.next().max(self.first);
        let mut gone = None;
        if keep_from > synced.next() {
            let all = self.samples_first.saturating_sub(samples_synced);
            let known: u64 =
                self.lost.iter().filter(|l| l.from > synced && l.to < keep_from).map(|l| l.samples).sum();
            // Ranges that were already counted as lost while waiting are not counted twice.
            let uncounted = self.uncounted(synced.next(), Position(keep_from.0 - 1));
            self.lost_records += uncounted;
            let samples = all.saturating_sub(known);
            self.lost_samples += samples;
            let lost = Lost { from: synced.next(), to: Position(keep_from.0 - 1), samples: all };
            self.lost.retain(|l| l.to < lost.from || l.from > lost.to);
            merge(&mut self.lost, lost);
            self.lost_unwritten.retain(|l| l.to < lost.from || l.from > lost.to);
            merge(&mut self.lost_unwritten, lost);
            gone = Some(Lost { samples, ..lost });
        }
        let index = usize::try_from(keep_from.0 - self.first.0).unwrap_or(usize::MAX);
        self.waiting_bytes = self.entries.iter().skip(index).map(|e| e.cost as usize).sum();
        self.taken = Position(keep_from.0 - 1);
        gone
    }

    fn uncounted(&self, from: Position, to: Position) -> u64 {
        let counted: u64 =
            self.lost.iter().map(|l| (l.to.min(to).0 + 1).saturating_sub(l.from.max(from).0)).sum();
        (to.0 + 1 - from.0).saturating_sub(counted)
    }

    /// Whether `position` was lost.
    pub fn lost_at(&self, position: Position) -> Option<Lost> {
        let index = self.lost.partition_point(|l| l.to < position);
        self.lost.get(index).copied().filter(|l| l.from <= position)
    }

    /// Copies records after `position` into `out`, at most `most`; false when `position` lies before the ring.
    pub fn read(&self, position: Position, most: usize, out: &mut VecDeque<(Position, Record)>) -> bool {
        let from = position.next().max(Position(self.first.0.min(self.next.0)));
        if position.next() < self.first && position.next() < self.next {
            return false;
        }
        let skip = usize::try_from(from.0 - self.first.0).unwrap_or(usize::MAX);
        for (at, entry) in (from.0..).zip(self.entries.iter().skip(skip).take(most)) {
            out.push_back((Position(at), entry.record.clone()));
        }
        true
    }
}

/// Adds a range behind the others, growing the last one if it touches.
fn merge(ranges: &mut Vec<Lost>, lost: Lost) {
    match ranges.last_mut() {
        Some(last) if last.to.next() == lost.from => {
            last.to = lost.to;
            last.samples += lost.samples;
        }
        _ => {
            let at = ranges.partition_point(|l| l.from < lost.from);
            ranges.insert(at, lost);
        }
    }
    if ranges.len() > MAX_LOST {
        let oldest = ranges.remove(0);
        if let Some(next) = ranges.first_mut() {
            next.from = oldest.from;
            next.samples += oldest.samples;
        }
    }
}

/// Memory that a record takes, in bytes.
pub(crate) fn cost_of(record: &Record) -> usize {
    const FIXED: usize = 192;
    match record {
        Record::Samples(batch) => {
            let heap: usize = batch
                .values
                .iter()
                .map(|v| match v {
                    Value::Text(t) => t.len() + 16,
                    Value::Bytes(b) => b.len() + 16,
                    _ => 0,
                })
                .sum();
            let times = match &batch.time {
                model::Each::Rows(rows) => rows.len() * 8,
                model::Each::All(_) => 0,
            };
            FIXED + batch.values.len() * size_of::<Value>() + heap + times
        }
        // The declarations themselves are shared with the namespace, which keeps them anyway.
        Record::Declare(list) => FIXED + list.len() * 64,
        Record::Event(event) => {
            FIXED + size_of_val(&**event) + event.title.len() + event.text.len() + event.next.len()
        }
        Record::Mark(text) => FIXED + text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(limit: usize) -> Ring {
        Ring::new(Position::new(3, 0), 0, limit)
    }

    fn push(ring: &mut Ring, n: usize) {
        for i in 0..n {
            ring.push(Record::Mark(format!("{i}").into()), 10, &mut Vec::new());
        }
    }

    #[test]
    fn what_was_never_taken_is_lost_and_counted() {
        let mut ring = ring(50);
        push(&mut ring, 8);
        assert_eq!(ring.lost_records, 3);
        let lost = ring.lost_at(Position::new(3, 2)).unwrap();
        assert_eq!((lost.from, lost.to), (Position::new(3, 1), Position::new(3, 3)));
        assert!(ring.lost_at(Position::new(3, 4)).is_none());
        let chunk = ring.take(1000);
        assert_eq!((chunk.first, chunk.records.len(), chunk.lost.len()), (Position::new(3, 4), 5, 1));
        push(&mut ring, 5);
        assert_eq!(ring.lost_records, 3, "taken records may leave");
        assert!(!ring.read(Position::new(3, 5), 10, &mut VecDeque::new()));
        let mut out = VecDeque::new();
        assert!(ring.read(Position::new(3, 8), 10, &mut out));
        assert_eq!(out.len(), 5);
    }

    #[test]
    fn rewinding_counts_only_what_left_memory() {
        let mut ring = ring(50);
        push(&mut ring, 4);
        ring.take(1000);
        push(&mut ring, 3);
        let gone = ring.rewind(Position::new(3, 0), 0).unwrap();
        assert_eq!((gone.from, gone.to), (Position::new(3, 1), Position::new(3, 2)));
        assert_eq!(ring.lost_records, 2);
        let chunk = ring.take(1000);
        assert_eq!((chunk.first, chunk.records.len()), (Position::new(3, 3), 5));
        assert!(ring.rewind(Position::new(3, 7), 0).is_none());
    }

    #[test]
    fn rewinding_to_an_earlier_epoch_loses_nothing() {
        let mut ring = ring(1000);
        push(&mut ring, 4);
        ring.take(1000);
        assert!(ring.rewind(Position::new(1, 7), 0).is_none());
        assert_eq!((ring.lost_records, ring.take(1000).records.len()), (0, 4));
    }

    #[test]
    fn a_reader_at_the_head_waits() {
        let mut ring = ring(1000);
        push(&mut ring, 2);
        let mut out = VecDeque::new();
        assert!(ring.read(Position::new(3, 2), 10, &mut out));
        assert!(out.is_empty());
        assert!(!ring.read(Position::new(2, 7), 10, &mut out), "earlier epochs are in files");
    }
}
