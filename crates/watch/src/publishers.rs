//! Who publishes which GOOSE control block, and whether its numbers count as they must (IEC 61850-8-1, 18.1.2.5).
//!
//! ```text
//!   state 7: sequence 0 1 2 3 ...   a change:  state 8: sequence 0 1 2 ...   a restart:  state 1: sequence 0 or 1
//! ```
//! Frames that a mirror port loses make gaps; they are not held against the publisher. Numbers that jump say two things, and
//! the message behind them tells which: it goes on from the new ones (a device that was restarted or set up anew), or from
//! the old ones (two count beside each other, and one of them is not the device).

use crate::hosts::HostId;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use wire::goose::GooseView;

/// States that may be missed between two messages before it is a jump.
const MISSED_STATES: u32 = 1_000;

/// What a message is, beside the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it must be; or not, and the next one will tell what it was.
    Sound,
    /// Two counts run beside each other: the other one's state and sequence.
    Jump(u32, u32),
    /// It counts anew from other numbers, and goes on so: from which state and sequence.
    Anew(u32, u32),
    /// From another sender than the first one, which is named.
    Sender(HostId),
}

/// State and sequence.
type Count = (u32, u32);

#[derive(Debug, Clone, Copy)]
struct Last {
    sender: HostId,
    count: Count,
    /// Where it stood before it jumped.
    old: Option<Count>,
    /// It just jumped.
    jumped: bool,
}

/// Whether a message can come behind another.
const fn follows((state, sequence): Count, was: Count) -> bool {
    match state.checked_sub(was.0) {
        // Sequence numbers begin anew at 1 when they overflow.
        Some(0) => sequence >= was.1 || (was.1 == u32::MAX && sequence == 1),
        Some(ahead) => ahead <= MISSED_STATES,
        None => was.0 == u32::MAX && state == 1,
    }
}

/// How far a message is behind another that it follows: states, then sequences.
const fn distance(new: Count, was: Count) -> (u32, u32) {
    (new.0.wrapping_sub(was.0), new.1.wrapping_sub(was.1))
}

impl Last {
    fn take(&mut self, new: Count) -> Verdict {
        let was = std::mem::replace(&mut self.count, new);
        let jumped = std::mem::take(&mut self.jumped);
        let goes_on = |old: Count| follows(new, old);
        let is_restart = new.0 <= 1 && new.1 <= 1;
        match self.old {
            // The old count goes on beside the new one.
            Some(old)
                if goes_on(old) && (!goes_on(was) || (jumped && distance(new, old) < distance(new, was))) =>
            {
                self.old = Some(was);
                Verdict::Jump(was.0, was.1)
            }
            Some(old) if jumped && goes_on(was) => Verdict::Anew(old.0, old.1),
            _ if goes_on(was) || is_restart => Verdict::Sound,
            _ => {
                (self.old, self.jumped) = (Some(was), true);
                Verdict::Sound
            }
        }
    }
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
        let count = (state, sequence);
        let last = self.last.entry(key).or_insert(Last { sender, count, old: None, jumped: false });
        if last.sender != sender {
            return Verdict::Sender(last.sender);
        }
        last.take(count)
    }
}
