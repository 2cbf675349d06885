//! Writes: what is written at which priority, and what became of it.
//!
//! ```text
//!  WriteProperty ─ taken ─▶ present value ─┬ as written ─▶ Confirmed
//!                                          └ another ─▶ priority array ─┬ a higher one holds ─▶ Failed: which, and what
//!                                                                       └ none ─▶ again in a moment, or Failed
//! ```

use super::conclude::{refusal, results};
use super::driver::{Bacnet, Purpose};
use super::group::{Row, What};
use super::planner::Read;
use super::session::{Talk, launch};
use crate::south::{Link, Writing};
use model::{Status, Value};
use namespace::Order;
use tokio::time::Instant;
use wire::bacnet::table::{self, property};
use wire::bacnet::{Answer, PropertyRef, Request, Value as Wire, read_ack};

/// Parts that a request may have, a few of the 64 kept for their heads.
const MOST_PARTS: usize = 50;
/// The priority that counts where a write names none (19.2.1).
const LOWEST: u8 = 16;

impl Bacnet {
    pub(super) fn start_write(&mut self, order: Order, talk: &mut Talk, link: &mut Link) {
        let Some(writing) = link.admit(order) else { return };
        let device = writing.device();
        let Some(unit) = self.units.get(device) else { return };
        if let Some(why) = &unit.wrong {
            return writing.unsent(link, why);
        }
        let row = self.groups.get(writing.group()).and_then(|book| book.row(writing.row()));
        let request = match row.map(|row| request(row, writing.value())) {
            Some(Ok(request)) => request,
            Some(Err(why)) => return writing.unsent(link, &why),
            None => return writing.unsent(link, "this connection does not feed the point any more"),
        };
        // What is longer than the device takes at once goes in parts; one that takes none says so.
        let (length, most) = (request.emit().1.len(), unit.facts.limits.request * MOST_PARTS);
        if length > most {
            let why = format!(
                "it takes a request of {length} bytes, and the device takes {most} at most, in parts"
            );
            return writing.unsent(link, &why);
        }
        link.write_sent();
        launch(self, device, &request, Purpose::Write(Box::new(writing)), talk, link);
    }

    pub(super) fn start_readback(&mut self, writing: Box<Writing>, talk: &mut Talk, link: &mut Link) {
        let read = self.groups.get(writing.group()).and_then(|book| book.whole(writing.row()));
        let Some(read) = read else { return writing.unreadable("it is not read any more") };
        let (device, request) = (writing.device(), read.request());
        launch(self, device, &request, Purpose::Readback { writing, read }, talk, link);
    }

    pub(super) fn conclude_readback(
        &mut self,
        writing: Writing,
        read: &Read,
        answer: &Answer,
        talk: &mut Talk,
        link: &mut Link,
    ) {
        let Some(book) = self.groups.get(writing.group()) else { return };
        let Ok(results) = results(read, answer) else {
            let why = refusal(answer)
                .map_or_else(|| "the answer is about something else".into(), |f| f.to_string());
            return writing.unreadable(&why);
        };
        let (value, status) = match book.value_of(read, &results) {
            Ok(value) => value,
            Err(why) => return writing.unreadable(&why),
        };
        let Some(row) = book.row(writing.row()) else { return writing.unreadable("it is not read any more") };
        let agrees = row.codec.agrees(writing.value(), &value);
        let target = row.priorities();
        match target {
            // Who else commands it says more than that it differs.
            Some(target) if !agrees && writing.device() < self.units.len() => {
                let device = writing.device();
                let purpose = Purpose::Slots { writing: Box::new(writing), value, status };
                launch(self, device, &Request::ReadProperty(target), purpose, talk, link);
            }
            _ => delay(writing.read_back(link, value, status, agrees), talk),
        }
    }

    pub(super) fn conclude_slots(
        &mut self,
        writing: Writing,
        (value, status): (Value, Status),
        answer: &Answer,
        talk: &mut Talk,
        link: &Link,
    ) {
        let row = self.groups.get(writing.group()).and_then(|book| book.row(writing.row()));
        let slots = match answer {
            Answer::Data(body) => read_ack(body).map(|ack| ack.values).unwrap_or_default(),
            _ => Vec::new(),
        };
        match row.and_then(|row| overridden(row, writing.value(), &slots)) {
            Some(why) => writing.refused(why),
            None => delay(writing.read_back(link, value, status, false), talk),
        }
    }
}

fn delay(again: Option<(Instant, Writing)>, talk: &mut Talk) {
    talk.delayed.extend(again.map(|(at, writing)| (at, Box::new(writing))));
}

pub(super) fn conclude_write(writing: Writing, answer: &Answer, talk: &mut Talk, link: &Link) {
    match (answer, refusal(answer)) {
        (Answer::Done, _) => {
            let now = Instant::now();
            talk.delayed.extend(writing.taken(link).map(|writing| (now, Box::new(writing))));
        }
        (_, Some(fault)) => writing.refused(fault.to_string()),
        (_, None) => writing.refused("the answer is none to a write".into()),
    }
}

impl Row {
    /// The array in which every priority's value stands; `None` where the point has none.
    fn priorities(&self) -> Option<PropertyRef> {
        match self.what {
            What::Value(target) if target.property == property::PRESENT_VALUE => {
                Some(PropertyRef { property: property::PRIORITY_ARRAY, index: None, ..target })
            }
            _ => None,
        }
    }
}

/// What is written for a value; false to `held` gives the priority up.
pub(super) fn request(row: &Row, value: &Value) -> Result<Request, String> {
    let object = row.object;
    match row.what {
        What::Value(target) => {
            let values = row.codec.encode(value)?;
            Ok(Request::WriteProperty { target, values, priority: row.priority })
        }
        What::Held(priority) => match value.as_i64() {
            Some(0) => {
                let target = PropertyRef { object, property: property::PRESENT_VALUE, index: None };
                Ok(Request::WriteProperty { target, values: vec![Wire::Null], priority: Some(priority) })
            }
            _ => Err(
                "only false can be written here: it gives the priority up. Write the value itself to hold it"
                    .into(),
            ),
        },
    }
}

/// Why a value that was taken does not count: a higher priority holds another. `None` if it is not that.
fn overridden(row: &Row, written: &Value, slots: &[Wire]) -> Option<String> {
    let ours = row.priority.unwrap_or(LOWEST);
    let own = slots.get(usize::from(ours).checked_sub(1)?)?;
    let (stands, _) = row.codec.decode(std::slice::from_ref(own));
    if !row.codec.agrees(written, &stands) {
        return None;
    }
    let (priority, holds) = (1..ours).zip(slots).find(|(_, slot)| **slot != Wire::Null)?;
    let (holds, _) = row.codec.decode(std::slice::from_ref(holds));
    let role = table::priority(priority).map(|role| format!(" ({role})")).unwrap_or_default();
    Some(format!(
        "the device took {written} at priority {ours}, but priority {priority}{role} holds {holds}; it counts when that is given up"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::bacnet::types::{Codec, Type};
    use wire::bacnet::ObjectId;

    fn row(priority: Option<u8>) -> Row {
        let object = ObjectId::new(2, 1);
        let target = PropertyRef { object, property: property::PRESENT_VALUE, index: None };
        let mut row = Row::new(object, What::Value(target), Codec { kind: Type::Real, scaling: None }, true);
        row.priority = priority;
        row
    }

    #[test]
    fn a_higher_priority_is_named() {
        let mut slots = vec![Wire::Null; 16];
        slots[9] = Wire::Real(21.5);
        let written = Value::F64(21.5);
        assert_eq!(overridden(&row(Some(10)), &written, &slots), None, "nobody above");
        slots[7] = Wire::Real(19.0);
        let why = overridden(&row(Some(10)), &written, &slots).unwrap();
        assert!(why.contains("priority 8 (manual operator) holds 19"), "{why}");
        assert_eq!(overridden(&row(Some(10)), &Value::F64(22.0), &slots), None, "ours is not there");
        slots[15] = Wire::Real(21.5);
        assert!(overridden(&row(None), &written, &slots).unwrap().contains("at priority 16"));
        assert_eq!(overridden(&row(Some(10)), &written, &[]), None);
    }
}
