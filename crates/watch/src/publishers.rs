//! Who publishes which GOOSE control block, and whether its numbers count as they must (IEC 61850-8-1, 18.1.2.5).
//!
//! ```text
//!   state 7: sequence 0 1 2 3 ...   a change:  state 8: sequence 0 1 2 ...   a restart:  state 1: sequence 0 or 1
//! ```
//! Frames that a mirror port loses make gaps; they are not held against the publisher.

use crate::hosts::HostId;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use wire::goose::GooseView;

/// States that may be missed between two messages before it is a jump.
const MISSED_STATES: u32 = 1_000;

/// What a message is, beside the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it must be.
    Sound,
    /// Back, or far ahead: from which state and sequence.
    Jump(u32, u32),
    /// From another sender than the first one, which is named.
    Sender(HostId),
}

#[derive(Debug, Clone, Copy)]
struct Last {
    sender: HostId,
    state: u32,
    sequence: u32,
}

/// The table of publishers.
#[derive(Debug)]
pub struct Publishers {
    last: HashMap<u64, Last>,
    hashes: RandomState,
    limit: usize,
    /// Messages of publishers without room in the table.
    pub refused: u64,
}

impl Publishers {
    pub fn new(limit: usize) -> Self {
        Self { last: HashMap::new(), hashes: RandomState::new(), limit, refused: 0 }
    }

    /// Takes a message; one without block or numbers says nothing.
    pub fn judge(&mut self, view: &GooseView<'_>, sender: HostId) -> Verdict {
        let (Some(block), Some(state), Some(sequence)) =
            (view.control_block(), view.state_number(), view.sequence_number())
        else {
            return Verdict::Sound;
        };
        let key = self.hashes.hash_one((block, view.appid()));
        if self.last.len() >= self.limit && !self.last.contains_key(&key) {
            self.refused += 1;
            return Verdict::Sound;
        }
        let new = Last { sender, state, sequence };
        let last = self.last.entry(key).or_insert(new);
        if last.sender != sender {
            return Verdict::Sender(last.sender);
        }
        let was = std::mem::replace(last, new);
        let restart = state <= 1 && sequence <= 1;
        // Sequence numbers begin anew at 1 when they overflow.
        let forward = match state.checked_sub(was.state) {
            Some(0) => sequence >= was.sequence || (was.sequence == u32::MAX && sequence == 1),
            Some(ahead) => ahead <= MISSED_STATES,
            None => was.state == u32::MAX && state == 1,
        };
        if forward || restart { Verdict::Sound } else { Verdict::Jump(was.state, was.sequence) }
    }
}
