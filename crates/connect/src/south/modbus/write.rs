//! Writes: one order, one request, one honest outcome.
//!
//! A write is sent once. If its answer never comes, nobody knows, and that is what is said: it is never sent again.

use super::conclude::exception;
use super::driver::{Ask, Modbus, Purpose, Session};
use super::group::Row;
use super::session::Answer;
use crate::south::Link;
use model::{Access, Confirm, Outcome, Path, Value};
use namespace::{Namespace, Order};
use std::time::Duration;
use tokio::time::Instant;
use wire::modbus::{Request, Table};

/// Read-backs of one write, and the wait between them: devices take a value over with their next cycle.
const READBACKS: u32 = 4;
const READBACK_PAUSE: Duration = Duration::from_millis(100);

/// A write under way.
pub(super) struct Writing {
    pub(super) order: Order,
    device: usize,
    group: usize,
    row: u32,
    readbacks: u32,
}

impl Modbus {
    pub(super) fn start_write(&mut self, order: Order, session: &mut Session, link: &mut Link) {
        if order.command.expires <= link.clock().now() {
            return link.refuse(order, "its time-to-live passed before it could be sent");
        }
        let Some((group, row)) = self.place(order.point, link) else {
            return link.refuse(order, "this connection does not feed the point any more");
        };
        let Some(device) = self.groups.get(group).map(|book| book.device) else { return };
        if !link.is_active(device) {
            return link.refuse(order, "the device is paused or does not answer; nothing was sent");
        }
        let multiple = self.devices.get(device).is_some_and(|spec| spec.write_multiple);
        let request = match self.row(group, row).map(|point| request(point, &order.command.value, multiple)) {
            Some(Ok(request)) => request,
            Some(Err(why)) => return link.refuse(order, &why),
            None => return link.refuse(order, "this connection does not feed the point any more"),
        };
        link.write_sent();
        let writing = Box::new(Writing { order, device, group, row, readbacks: 0 });
        let ask = Ask { device, request, purpose: Purpose::Write(writing), timeout: self.timing.timeout };
        self.launch(ask, session, link);
    }

    pub(super) fn conclude_write(
        &mut self,
        writing: Box<Writing>,
        answer: Answer<'_>,
        session: &mut Session,
        link: &mut Link,
    ) {
        let fault = match answer {
            Answer::Data(_) | Answer::Done => return self.confirm(writing, session, link),
            Answer::Exception(code) => {
                let bit = self.row(writing.group, writing.row).is_some_and(|row| row.codec.bit.is_some());
                let mut why = exception(code).to_string();
                if bit && code == wire::modbus::ExceptionCode::ILLEGAL_FUNCTION {
                    why.push_str(" A bit is written with mask-write (function 22) or not at all: reading and writing the \
                                  whole register could undo what the device changes in between.");
                }
                return respond(*writing, Outcome::Failed { why });
            }
            Answer::Failed(fault) => fault,
        };
        respond(*writing, Outcome::Unknown { why: format!("it was sent, but {fault}") });
    }

    /// The device took it; now its effect.
    fn confirm(&mut self, writing: Box<Writing>, session: &mut Session, link: &mut Link) {
        let confirm = match &writing.order.declaration.access {
            Access::Write(rule) => rule.confirm.clone(),
            Access::Read => Confirm::None,
        };
        match confirm {
            Confirm::None => respond(*writing, Outcome::Accepted),
            Confirm::Readback => session.delayed.push((Instant::now(), writing)),
            Confirm::Point { path, within } => {
                let namespace = link.namespace().clone();
                tokio::spawn(async move {
                    let outcome = other_point(&namespace, &path, &writing.order.command.value, within).await;
                    respond(*writing, outcome);
                });
            }
        }
    }

    pub(super) fn start_readback(&mut self, writing: Box<Writing>, session: &mut Session, link: &mut Link) {
        let read = self.groups.get(writing.group).and_then(|book| book.single(writing.row));
        match read {
            Some(read) => {
                let device = writing.device;
                let purpose = Purpose::Readback(writing);
                let ask = Ask { device, request: read.request(), purpose, timeout: self.timing.timeout };
                self.launch(ask, session, link);
            }
            None => respond(
                *writing,
                Outcome::Unknown { why: "it was taken, but cannot be read back any more".into() },
            ),
        }
    }

    pub(super) fn conclude_readback(
        &mut self,
        mut writing: Box<Writing>,
        answer: Answer<'_>,
        session: &mut Session,
        link: &mut Link,
    ) {
        let unknown = |why: String| Outcome::Unknown {
            why: format!("the device took it, but it could not be read back: {why}"),
        };
        let data = match answer {
            Answer::Data(data) => data,
            Answer::Exception(code) => return respond(*writing, unknown(exception(code).to_string())),
            Answer::Failed(fault) => return respond(*writing, unknown(fault.to_string())),
            Answer::Done => return respond(*writing, unknown("the answer has no data".into())),
        };
        let Some(book) = self.groups.get(writing.group) else { return };
        let (read, status) = book.decode_single(writing.row, data);
        let wanted = &writing.order.command.value;
        let agrees =
            status.is_good() && book.row(writing.row).is_some_and(|row| row.codec.agrees(wanted, &read));
        if agrees {
            return respond(*writing, Outcome::Confirmed { readback: read });
        }
        writing.readbacks += 1;
        if writing.readbacks < READBACKS && link.is_active(writing.device) {
            return session.delayed.push((Instant::now() + READBACK_PAUSE, writing));
        }
        let why = format!("the device took {wanted}, but reads back {read} ({status})");
        respond(*writing, Outcome::Failed { why });
    }
}

fn respond(writing: Writing, outcome: Outcome) {
    // Nobody may be waiting any more; the ledger has its entry from the command path.
    let _ = writing.order.respond.send(outcome);
}

/// The request that writes `value`.
fn request(point: &Row, value: &Value, multiple: bool) -> Result<Request, String> {
    let address = point.item.first;
    match point.table {
        Table::Coils => {
            let on = value
                .as_i64()
                .filter(|v| matches!(v, 0 | 1))
                .ok_or_else(|| format!("{value} is not true or false"))?
                == 1;
            Ok(if multiple {
                Request::WriteMultipleCoils { address, values: vec![on] }
            } else {
                Request::WriteSingleCoil { address, value: on }
            })
        }
        Table::HoldingRegisters => {
            let words = point.codec.encode(value)?;
            if point.codec.bit.is_some() {
                let mask = point.codec.encode(&Value::Bool(true))?.first().copied().unwrap_or(0);
                let or_mask = words.first().copied().unwrap_or(0);
                return Ok(Request::MaskWriteRegister { address, and_mask: !mask, or_mask });
            }
            Ok(match words.as_slice() {
                [value] if !multiple => Request::WriteSingleRegister { address, value: *value },
                _ => Request::WriteMultipleRegisters { address, values: words },
            })
        }
        _ => Err("Modbus knows no way to write this table".into()),
    }
}

/// Waits for another point to take the value.
async fn other_point(namespace: &Namespace, path: &Path, value: &Value, within: Duration) -> Outcome {
    let Some(id) = namespace.find(path.as_str()) else {
        return Outcome::Unknown {
            why: format!("the device took it; {path}, which should confirm it, does not exist"),
        };
    };
    let mut watch = namespace.watch(&[id]);
    let reached = async {
        loop {
            for (_, last) in watch.changed().await {
                let same = last.value == *value
                    || matches!((last.value.as_f64(), value.as_f64()), (Some(a), Some(b)) if a == b);
                if last.status.is_good() && same {
                    return last.value;
                }
            }
        }
    };
    match tokio::time::timeout(within, reached).await {
        Ok(readback) => Outcome::Confirmed { readback },
        Err(_) => Outcome::Failed {
            why: format!(
                "the device took it, but {path} did not become {value} within {} ms",
                within.as_millis()
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::modbus::planner::Item;
    use crate::south::modbus::types::{Codec, Order as ByteOrder, Type};

    fn row(table: Table, codec: Codec) -> Row {
        Row { table, item: Item { first: 7, width: codec.registers() }, codec }
    }

    #[test]
    fn each_value_has_its_function() {
        let coil = row(Table::Coils, Codec::plain(Type::Bool, ByteOrder::ABCD));
        assert_eq!(
            request(&coil, &Value::Bool(true), false),
            Ok(Request::WriteSingleCoil { address: 7, value: true })
        );
        assert_eq!(
            request(&coil, &Value::Bool(true), true),
            Ok(Request::WriteMultipleCoils { address: 7, values: vec![true] })
        );
        let word = row(Table::HoldingRegisters, Codec::plain(Type::I16, ByteOrder::ABCD));
        assert_eq!(
            request(&word, &Value::I64(-1), false),
            Ok(Request::WriteSingleRegister { address: 7, value: 0xFFFF })
        );
        assert_eq!(
            request(&word, &Value::I64(-1), true),
            Ok(Request::WriteMultipleRegisters { address: 7, values: vec![0xFFFF] })
        );
        let double = row(Table::HoldingRegisters, Codec::plain(Type::U32, ByteOrder::CDAB));
        assert_eq!(
            request(&double, &Value::U64(0x1_0002), false),
            Ok(Request::WriteMultipleRegisters { address: 7, values: vec![2, 1] })
        );
        let input = row(Table::InputRegisters, Codec::plain(Type::I16, ByteOrder::ABCD));
        assert!(request(&input, &Value::I64(1), false).is_err());
    }

    #[test]
    fn bits_are_masked_in() {
        for (order, bit, on, expected) in [
            (ByteOrder::ABCD, 3, true, (0xFFF7, 8)),
            (ByteOrder::ABCD, 3, false, (0xFFF7, 0)),
            (ByteOrder::DCBA, 3, true, (0xF7FF, 0x0800)),
        ] {
            let codec = Codec { bit: Some(bit), ..Codec::plain(Type::Bool, order) };
            let wanted = Request::MaskWriteRegister { address: 7, and_mask: expected.0, or_mask: expected.1 };
            assert_eq!(request(&row(Table::HoldingRegisters, codec), &Value::Bool(on), false), Ok(wanted));
        }
    }
}
