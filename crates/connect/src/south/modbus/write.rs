//! Writes: which request writes a value, and what its answers mean.

use super::conclude::exception;
use super::driver::{Ask, Modbus, Purpose, Session};
use super::group::Row;
use super::session::Answer;
use crate::south::tags::to_bool;
use crate::south::{Link, Writing};
use model::Value;
use namespace::Order;
use tokio::time::Instant;
use wire::modbus::{Request, Table};

impl Modbus {
    pub(super) fn start_write(&mut self, order: Order, session: &mut Session, link: &mut Link) {
        let Some(writing) = link.admit(order) else { return };
        let device = writing.device();
        let multiple = self.devices.get(device).is_some_and(|spec| spec.write_multiple);
        let point = self.row(writing.group(), writing.row());
        let request = match point.map(|point| request(point, writing.value(), multiple)) {
            Some(Ok(request)) => request,
            Some(Err(why)) => return writing.unsent(link, &why),
            None => return writing.unsent(link, "this connection does not feed the point any more"),
        };
        link.write_sent();
        let purpose = Purpose::Write(Box::new(writing));
        self.launch(Ask { device, request, purpose, timeout: self.timing.shared.timeout }, session, link);
    }

    pub(super) fn conclude_write(
        &mut self,
        writing: Writing,
        answer: Answer<'_>,
        session: &mut Session,
        link: &mut Link,
    ) {
        match answer {
            Answer::Data(_) | Answer::Done => {
                let now = Instant::now();
                session.delayed.extend(writing.taken(link).map(|writing| (now, Box::new(writing))));
            }
            Answer::Exception(code) => {
                let row = self.row(writing.group(), writing.row());
                let bit = row.is_some_and(|row| row.codec.bit.is_some());
                let mut why = exception(code).to_string();
                if bit && code == wire::modbus::ExceptionCode::ILLEGAL_FUNCTION {
                    why.push_str(" A bit is written with mask-write (function 22) or not at all: reading and writing the \
                                  whole register could undo what the device changes in between.");
                }
                writing.refused(why);
            }
            Answer::Failed(fault) => writing.lost(&fault),
        }
    }

    pub(super) fn start_readback(&mut self, writing: Box<Writing>, session: &mut Session, link: &mut Link) {
        let read = self.groups.get(writing.group()).and_then(|book| book.single(writing.row()));
        let Some(read) = read else { return writing.unreadable("it is not read any more") };
        let device = writing.device();
        let purpose = Purpose::Readback(writing);
        let ask = Ask { device, request: read.request(), purpose, timeout: self.timing.shared.timeout };
        self.launch(ask, session, link);
    }

    pub(super) fn conclude_readback(
        &mut self,
        writing: Writing,
        answer: Answer<'_>,
        session: &mut Session,
        link: &mut Link,
    ) {
        let data = match answer {
            Answer::Data(data) => data,
            Answer::Exception(code) => return writing.unreadable(&exception(code).to_string()),
            Answer::Failed(fault) => return writing.unreadable(&fault.to_string()),
            Answer::Done => return writing.unreadable("the answer has no data"),
        };
        let Some(book) = self.groups.get(writing.group()) else { return };
        let (read, status) = book.decode_single(writing.row(), data);
        let agrees = book.row(writing.row()).is_some_and(|row| row.codec.agrees(writing.value(), &read));
        let again = writing.read_back(link, read, status, agrees);
        session.delayed.extend(again.map(|(at, writing)| (at, Box::new(writing))));
    }
}

/// The request that writes `value`.
fn request(point: &Row, value: &Value, multiple: bool) -> Result<Request, String> {
    let address = point.item.first;
    match point.table {
        Table::Coils => {
            let on = to_bool(value)?;
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
