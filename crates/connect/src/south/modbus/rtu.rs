//! The serial side of the exchange: finding the one answer in a byte stream, and never a late one.
//!
//! RTU has no transaction id. A device that answers after the time-out, when the next question is already out, gives an
//! answer that looks right for the wrong addresses. Therefore: after a time-out the line is drained until it is silent,
//! and the next question to that unit which would be answered in the same form is preceded by one whose answer has
//! another form. When that has come, whatever was owed before has come, too, because a unit answers in order.

use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;
use wire::modbus::rtu::{self, Direction, Fault, ResponseDeframer};
use wire::modbus::{Request, Table};

/// More than this for one answer is no Modbus.
const MAX_RAW: usize = 1_024;
/// A late answer that has not come by then does not come.
const FORGET: Duration = Duration::from_secs(60);

/// Function and bytes of data that tell answers apart.
type Form = (u8, u16);

/// What has come since the request went out.
#[derive(Debug, Default)]
pub(super) struct Collector {
    raw: Vec<u8>,
}

/// What the bytes so far amount to.
#[derive(Debug, PartialEq)]
pub(super) enum Collected {
    /// The answer: its PDU.
    Answer(Vec<u8>),
    /// More bytes are needed.
    More,
    /// These bytes are damaged; the line must be drained.
    Damaged(String),
    /// So many bytes that this is no Modbus.
    Flood,
}

impl Collector {
    pub(super) fn clear(&mut self) {
        self.raw.clear();
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
    }

    /// Looks for the answer to `request`; `discarded` is told of each sound frame that is none.
    pub(super) fn look(
        &mut self,
        unit: u8,
        request: &Request,
        mut discarded: impl FnMut(u8, &[u8]),
    ) -> Collected {
        if self.raw.len() > MAX_RAW {
            return Collected::Flood;
        }
        loop {
            let mut deframer = ResponseDeframer::new();
            let mut input = self.raw.as_slice();
            let fault = match deframer.feed(unit, request, &mut input) {
                Ok(Some(frame)) => return Collected::Answer(frame.pdu.to_vec()),
                Ok(None) => return Collected::More,
                Err(fault) => fault,
            };
            // Not ours from its beginning on; if a whole sound frame of somebody else stands there, pass over it.
            match rtu::find_frame(&self.raw, Direction::Response) {
                Some(found) => {
                    if let Some(Ok(frame)) = self.raw.get(found.clone()).map(rtu::parse_adu) {
                        discarded(frame.unit, frame.pdu);
                    }
                    self.raw.drain(..found.end);
                }
                None if matches!(fault, Fault::Crc { .. }) => return Collected::Damaged(fault.to_string()),
                None => return Collected::More,
            }
        }
    }
}

/// Answers that may still come from units that timed out.
#[derive(Debug, Default)]
pub(super) struct Owed {
    units: HashMap<u8, Debt>,
}

#[derive(Debug)]
struct Debt {
    forms: Vec<Form>,
    count: u32,
    exceptions: u32,
    since: Instant,
}

/// Function and bytes of data that the answer to a request will have.
fn form(request: &Request) -> Form {
    match request {
        Request::ReadCoils { quantity, .. } | Request::ReadDiscreteInputs { quantity, .. } => {
            (request.function_code(), quantity.div_ceil(8))
        }
        Request::ReadHoldingRegisters { quantity, .. } | Request::ReadInputRegisters { quantity, .. } => {
            (request.function_code(), quantity * 2)
        }
        _ => (request.function_code(), 0),
    }
}

impl Owed {
    /// A request timed out.
    pub(super) fn timed_out(&mut self, unit: u8, request: &Request) {
        let now = Instant::now();
        let debt =
            self.units.entry(unit).or_insert(Debt { forms: Vec::new(), count: 0, exceptions: 0, since: now });
        debt.since = now;
        debt.count += 1;
        debt.exceptions = 0;
        let form = form(request);
        if !debt.forms.contains(&form) {
            debt.forms.push(form);
        }
    }

    /// A frame came that answers nothing: one debt less.
    pub(super) fn came(&mut self, unit: u8) {
        if let Some(debt) = self.units.get_mut(&unit) {
            debt.count = debt.count.saturating_sub(1);
            if debt.count == 0 {
                self.units.remove(&unit);
            }
        }
    }

    /// The question to ask first, if the answer to `request` could be mistaken. `allowed` says whether a read may
    /// touch these addresses.
    pub(super) fn question(
        &mut self,
        unit: u8,
        request: &Request,
        allowed: impl Fn(Table, u16, u16) -> bool,
    ) -> Option<Request> {
        let debt = self.units.get(&unit)?;
        if debt.since.elapsed() > FORGET {
            self.units.remove(&unit);
            return None;
        }
        let free = |candidate: &Request| !debt.forms.contains(&form(candidate));
        // Echoed writes carry their own address and value: they cannot be mistaken for another's, but for an equal one.
        if free(request) && !matches!(request.function_code(), 5 | 6 | 15 | 16 | 22) {
            return None;
        }
        let fallback = Request::Diagnostics { sub: 0, data: vec![0x4942] };
        let candidates = self.other_lengths(request, &allowed);
        Some(candidates.into_iter().find(free).unwrap_or(fallback))
    }

    fn other_lengths(&self, request: &Request, allowed: &impl Fn(Table, u16, u16) -> bool) -> Vec<Request> {
        let (table, address, quantity, step) = match *request {
            Request::ReadCoils { address, quantity } => (Table::Coils, address, quantity, 8),
            Request::ReadDiscreteInputs { address, quantity } => {
                (Table::DiscreteInputs, address, quantity, 8)
            }
            Request::ReadInputRegisters { address, quantity } => {
                (Table::InputRegisters, address, quantity, 1)
            }
            Request::ReadHoldingRegisters { address, quantity } => {
                (Table::HoldingRegisters, address, quantity, 1)
            }
            _ => return Vec::new(),
        };
        let build = |address: u16, quantity: u16| match table {
            Table::Coils => Request::ReadCoils { address, quantity },
            Table::DiscreteInputs => Request::ReadDiscreteInputs { address, quantity },
            Table::InputRegisters => Request::ReadInputRegisters { address, quantity },
            _ => Request::ReadHoldingRegisters { address, quantity },
        };
        let shorter = (1..=8u16)
            .filter_map(|n| quantity.checked_sub(n * step).filter(|q| *q > 0))
            .map(|q| (address, q));
        let longer = (1..=8u16).map(|n| (address, quantity + n * step));
        shorter
            .chain(longer)
            .filter(|(address, quantity)| {
                u32::from(*address) + u32::from(*quantity) <= 65_536 && allowed(table, *address, *quantity)
            })
            .map(|(address, quantity)| build(address, quantity))
            .collect()
    }

    /// The question was answered. With an exception it could be the late one itself: only more exceptions than are
    /// owed are proof.
    pub(super) fn answered(&mut self, unit: u8, exception: bool) {
        let Some(debt) = self.units.get_mut(&unit) else { return };
        if exception {
            debt.exceptions += 1;
            if debt.exceptions <= debt.count {
                return;
            }
        }
        self.units.remove(&unit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(unit: u8, pdu: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        rtu::emit_adu(unit, pdu, &mut out);
        out
    }

    const TWO: Request = Request::ReadHoldingRegisters { address: 10, quantity: 2 };

    #[test]
    fn passes_over_sound_frames_of_others() {
        let mut collector = Collector::default();
        let mut late = Vec::new();
        collector.push(&frame(7, &[3, 2, 0, 1]));
        collector.push(&frame(1, &[3, 2, 0, 9]));
        let good = frame(1, &[3, 4, 0, 1, 0, 2]);
        let (head, tail) = good.split_at(3);
        collector.push(head);
        assert_eq!(collector.look(1, &TWO, |unit, _| late.push(unit)), Collected::More);
        collector.push(tail);
        assert_eq!(
            collector.look(1, &TWO, |unit, _| late.push(unit)),
            Collected::Answer(vec![3, 4, 0, 1, 0, 2])
        );
        assert_eq!(late, [7, 1]);
    }

    #[test]
    fn damage_and_floods_end_it() {
        let mut collector = Collector::default();
        let mut wrong = frame(1, &[3, 4, 0, 1, 0, 2]);
        wrong[4] ^= 1;
        collector.push(&wrong);
        assert!(matches!(collector.look(1, &TWO, |_, _| {}), Collected::Damaged(_)));
        collector.clear();
        collector.push(&[9; MAX_RAW + 1]);
        assert_eq!(collector.look(1, &TWO, |_, _| {}), Collected::Flood);
    }

    #[test]
    fn asks_in_another_form_until_nothing_is_owed() {
        let mut owed = Owed::default();
        let anywhere = |_: Table, _: u16, _: u16| true;
        assert_eq!(owed.question(1, &TWO, anywhere), None);
        owed.timed_out(1, &TWO);
        let question = owed.question(1, &TWO, anywhere).unwrap();
        assert_eq!(question, Request::ReadHoldingRegisters { address: 10, quantity: 1 });
        assert_eq!(owed.question(2, &TWO, anywhere), None, "another unit owes nothing");
        owed.answered(1, true);
        assert!(owed.question(1, &TWO, anywhere).is_some(), "that exception could have been the late answer");
        owed.answered(1, true);
        assert_eq!(owed.question(1, &TWO, anywhere), None);
        owed.timed_out(1, &TWO);
        owed.came(1);
        assert_eq!(owed.question(1, &TWO, anywhere), None);
        let one = Request::ReadHoldingRegisters { address: 10, quantity: 1 };
        owed.timed_out(1, &one);
        let nowhere = |_: Table, _: u16, quantity: u16| quantity == 1;
        assert!(matches!(owed.question(1, &one, nowhere), Some(Request::Diagnostics { .. })));
    }
}
