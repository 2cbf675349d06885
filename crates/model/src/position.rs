//! Where a record stands in the journal.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Bits of the sequence within an epoch: at a million records a second they last half a year, then a new epoch opens.
const SEQ_BITS: u32 = 44;
const SEQ_MASK: u64 = (1 << SEQ_BITS) - 1;

/// (epoch, sequence) in one ordered number that is also the `seq` column of history.
///
/// Each start of the journal opens a new epoch, so a position that a destination saw before a crash is never used
/// again. One record (a batch of samples, a declaration, an event) has one position; a point stands at most once
/// in a batch for one time, so (point, time, position) is the key of a sample. Fits an `i64`: epochs stay below 2^19.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before every record.
    pub const START: Self = Self(0);
    /// After every record.
    pub const END: Self = Self(i64::MAX as u64);

    /// Composes; `seq` counts from 1 within an epoch.
    pub const fn new(epoch: u32, seq: u64) -> Self {
        Self(((epoch as u64) << SEQ_BITS) | (seq & SEQ_MASK))
    }

    /// The start (of the process) in which the record was appended, from 1.
    pub const fn epoch(self) -> u32 {
        (self.0 >> SEQ_BITS) as u32
    }

    /// The number within the epoch.
    pub const fn seq(self) -> u64 {
        self.0 & SEQ_MASK
    }

    /// The next position of the same epoch; a full epoch rolls into the next one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// As SQL and files keep it.
    pub const fn as_i64(self) -> i64 {
        self.0 as i64
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch(), self.seq())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_by_epoch_first() {
        assert!(Position::new(2, 1) > Position::new(1, SEQ_MASK));
        let p = Position::new(7, 42);
        assert_eq!((p.epoch(), p.seq(), p.next().seq()), (7, 42, 43));
        assert_eq!(Position::new(1, SEQ_MASK).next(), Position::new(2, 0));
    }
}
