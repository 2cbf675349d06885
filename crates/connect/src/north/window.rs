//! Which records are under way: a record is done when all its messages are.

use crate::north::Reject;
use model::Position;
use std::collections::VecDeque;

/// Tickets of messages that belong to no record (a snapshot, an answer to a command).
pub const LOOSE: u64 = u64::MAX;

struct Unit {
    position: Position,
    messages: usize,
    /// All its messages were handed over.
    closed: bool,
    rejects: Vec<Reject>,
}

/// Records in the order in which they were taken from the feed.
#[derive(Default)]
pub struct Window {
    units: VecDeque<Unit>,
    /// Ticket of the first unit.
    first: u64,
}

impl Window {
    /// A record begins; the ticket goes with each of its messages.
    pub fn begin(&mut self, position: Position) -> u64 {
        self.units.push_back(Unit { position, messages: 0, closed: false, rejects: Vec::new() });
        self.first + self.units.len() as u64 - 1
    }

    fn unit(&mut self, ticket: u64) -> Option<&mut Unit> {
        let index = usize::try_from(ticket.checked_sub(self.first)?).ok()?;
        self.units.get_mut(index)
    }

    /// A message of the record was handed over.
    pub fn sent(&mut self, ticket: u64) {
        if let Some(unit) = self.unit(ticket) {
            unit.messages += 1;
        }
    }

    /// No more messages of the record follow.
    pub fn close(&mut self, ticket: u64) {
        if let Some(unit) = self.unit(ticket) {
            unit.closed = true;
        }
    }

    /// A message of the record is done.
    pub fn done(&mut self, ticket: u64) {
        if let Some(unit) = self.unit(ticket) {
            unit.messages = unit.messages.saturating_sub(1);
        }
    }

    /// Something of the record will never be taken.
    pub fn reject(&mut self, ticket: u64, reject: impl FnOnce(Position) -> Reject) {
        if let Some(unit) = self.unit(ticket) {
            unit.rejects.push(reject(unit.position));
        }
    }

    /// The next record that is done, oldest first.
    pub fn pop(&mut self) -> Option<(Position, Vec<Reject>)> {
        let unit = self.units.pop_front_if(|unit| unit.closed && unit.messages == 0)?;
        self.first += 1;
        Some((unit.position, unit.rejects))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_done_in_order_and_only_when_all_their_messages_are() {
        let mut window = Window::default();
        let (a, b) = (window.begin(Position(10)), window.begin(Position(11)));
        for ticket in [a, a, b] {
            window.sent(ticket);
        }
        window.close(b);
        window.done(b);
        window.done(a);
        assert_eq!(window.pop(), None);
        window.done(a);
        assert_eq!(window.pop(), None, "not closed: more messages may follow");
        window.close(a);
        window.done(LOOSE);
        assert_eq!(window.pop().map(|done| done.0), Some(Position(10)));
        assert_eq!(window.pop().map(|done| done.0), Some(Position(11)));
        let c = window.begin(Position(12));
        window.reject(c, |position| Reject {
            position,
            path: "x".into(),
            reason: "y".into(),
            time: model::Time(1),
        });
        window.close(c);
        assert_eq!(window.pop().map(|done| done.1.len()), Some(1));
    }
}
