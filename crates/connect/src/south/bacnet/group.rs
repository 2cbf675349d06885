//! One group: its points, the requests that fetch them, the scan under way, and what the device refuses.
//!
//! ```text
//!  request ── too much ──▶ its halves ──▶ one property is refused: quarantine its point, plan around it
//!  status flags ── fault ──▶ reliability follows ──▶ the quality of that point alone
//! ```
//! Points whose changes the device tells are left out of scans; when nothing else is left, one of them is read in turn:
//! that is how a device that has gone shows.

use super::planner::{self, Item, Limits, Part, Read};
use super::types::Codec;
use crate::south::Arrival;
use crate::south::link::Moments;
use crate::south::scan::Scan;
use model::{Each, Status, Value};
use std::sync::Arc;
use tokio::time::Instant;
use wire::bacnet::table::{self, class, code};
use wire::bacnet::{MAX_APDU, ObjectId, PropertyRef, ReadResult, Value as Wire};

/// What of an object a point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A property.
    Value(PropertyRef),
    /// Whether this priority holds something.
    Held(u8),
}

/// One point of a group.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) object: ObjectId,
    pub(super) what: What,
    pub(super) codec: Codec,
    pub(super) priority: Option<u8>,
    /// The device is to tell its changes.
    pub(super) cov: bool,
    /// The object has status flags, and a reliability, as far as is known.
    flags: bool,
    reliability: bool,
}

impl Row {
    pub(super) const fn new(object: ObjectId, what: What, codec: Codec, flags: bool) -> Self {
        Self { object, what, codec, priority: None, cov: false, flags, reliability: flags }
    }

    pub(super) fn decode(&self, values: &[Wire]) -> (Value, Status) {
        match self.what {
            What::Value(_) => self.codec.decode(values),
            What::Held(_) => match values {
                [one] => (Value::Bool(*one != Wire::Null), Status::GOOD),
                _ => (Value::None, Status::BAD_TYPE_MISMATCH),
            },
        }
    }
}

/// Status flags of an object (12, `BACnetStatusFlags`); in-alarm says nothing about the value's worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) fault: bool,
    overridden: bool,
    out_of_service: bool,
}

impl Flags {
    pub(super) fn of(values: &[Wire]) -> Option<Self> {
        match values {
            [Wire::Bits(bits)] => match bits.as_slice() {
                [_, fault, overridden, out_of_service] => {
                    Some(Self { fault: *fault, overridden: *overridden, out_of_service: *out_of_service })
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// What the flags make of a value. A value that does not follow the process is a substitute, one that somebody holds by
/// hand at the device is overridden, and with a fault the reliability says what is wrong.
pub(super) fn judge(
    (value, status): (Value, Status),
    flags: Flags,
    reliability: Option<u32>,
) -> (Value, Status) {
    if flags.fault {
        return match reliability {
            // Above and below its range a sensor still says where.
            Some(2 | 3) if !status.is_bad() => (value, Status::UNCERTAIN_ENGINEERING_UNITS_EXCEEDED),
            reliability => (Value::None, unreliable(reliability)),
        };
    }
    match status {
        status if status.is_bad() => (value, status),
        _ if flags.out_of_service => (value, Status::UNCERTAIN_SUBSTITUTE_VALUE),
        _ if flags.overridden => (value, Status::GOOD_LOCAL_OVERRIDE),
        status => (value, status),
    }
}

const fn unreliable(reliability: Option<u32>) -> Status {
    match reliability {
        None => Status::BAD,
        Some(1..=5) => Status::BAD_SENSOR_FAILURE,
        Some(10) => Status::BAD_CONFIGURATION_ERROR,
        Some(12) => Status::BAD_NOT_CONNECTED,
        Some(_) => Status::BAD_DEVICE_FAILURE,
    }
}

/// What the device refused, and why.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) row: u32,
    pub(super) why: String,
}

/// What came of a row in this scan.
#[derive(Clone, Debug, Default)]
struct Cell {
    asked: bool,
    values: Option<Vec<Wire>>,
    flags: Flags,
    reliability: Option<u32>,
    at: Option<Instant>,
}

/// How a scan ended.
pub(super) enum Ended {
    /// A row for each point.
    Whole(Vec<Value>, Each<Status>, Moments),
    /// Only what was asked; the device tells the others.
    Parts(Vec<Arrival>),
}

/// Points of one device that are read together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) device: usize,
    pub(super) rows: Vec<Row>,
    pub(super) reads: Vec<Arc<Read>>,
    pub(super) refused: Vec<Refused>,
    /// Why nothing of it can be read, if so.
    pub(super) blocked: Option<String>,
    pub(super) run: Scan<Read>,
    /// Next refused row that a re-check looks at.
    pub(super) recheck: usize,
    limits: Limits,
    /// Rows whose changes the device tells.
    told: Vec<bool>,
    cells: Vec<Cell>,
    /// Which told row is looked at next.
    turn: usize,
    /// Something changed since the requests were planned.
    stale: bool,
    /// The scan was given up.
    pub(super) failed: bool,
    /// Requests that a scan takes, as the link knows it.
    pub(super) announced: usize,
}

impl Group {
    pub(super) fn new(device: usize, rows: Vec<Row>) -> Self {
        Self {
            device,
            told: vec![false; rows.len()],
            cells: Vec::new(),
            rows,
            reads: Vec::new(),
            refused: Vec::new(),
            blocked: None,
            run: Scan::default(),
            recheck: 0,
            limits: Limits::default(),
            turn: 0,
            stale: true,
            failed: false,
            announced: 0,
        }
    }

    /// Requests that a scan takes of a device that can do what most can: what it tells by itself is not asked, but for
    /// one look a scan.
    pub(super) fn expected(&self) -> usize {
        let limits = Limits { many: true, request: MAX_APDU, answer: MAX_APDU };
        let polled = (0..).zip(&self.rows).filter(|(_, row)| !row.cov);
        planner::plan(polled.flat_map(|(index, _)| self.items(index)), limits).len().max(1)
    }

    pub(super) fn row(&self, row: u32) -> Option<&Row> {
        self.rows.get(row as usize)
    }

    /// Plans for what the device takes, from the next scan on.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.stale |= self.limits != limits;
        self.limits = limits;
    }

    /// Whether the device tells the changes of a row.
    pub(super) fn set_told(&mut self, row: u32, told: bool) {
        if let Some(slot) = self.told.get_mut(row as usize) {
            self.stale |= *slot != told;
            *slot = told;
        }
    }

    pub(super) fn is_told(&self, row: u32) -> bool {
        self.told.get(row as usize).copied().unwrap_or(false)
    }

    fn is_refused(&self, row: u32) -> bool {
        self.refused.iter().any(|refused| refused.row == row)
    }

    fn items(&self, index: u32) -> impl Iterator<Item = Item> + use<'_> {
        let row = self.row(index);
        let flags = row.is_some_and(|row| row.flags);
        let parts = [Some(Part::Value), flags.then_some(Part::Flags)];
        row.into_iter()
            .flat_map(move |row| parts.into_iter().flatten().map(move |part| Item::new(index, row, part)))
    }

    /// Plans a scan of what is neither refused nor told; of the told ones one, if there is nothing else.
    fn replan(&mut self) {
        let sound: Vec<u32> = (0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX))
            .filter(|row| !self.is_refused(*row))
            .collect();
        let mut asked: Vec<u32> = sound.iter().copied().filter(|row| !self.is_told(*row)).collect();
        self.stale = asked.is_empty();
        if asked.is_empty() && !sound.is_empty() {
            asked.extend(sound.get(self.turn % sound.len()));
            self.turn = self.turn.wrapping_add(1);
        }
        let items = asked.iter().flat_map(|row| self.items(*row));
        self.reads = planner::plan(items, self.limits).into_iter().map(Arc::new).collect();
    }

    /// Begins a scan.
    pub(super) fn begin(&mut self) {
        if self.stale {
            self.replan();
        }
        self.failed = false;
        self.cells.clear();
        self.cells.resize(self.rows.len(), Cell::default());
        for item in self.reads.iter().flat_map(|read| &read.items) {
            if let Some(cell) = self.cells.get_mut(item.row as usize) {
                cell.asked = true;
            }
        }
        self.run.begin(self.rows.len());
    }

    /// Takes what came for a request of the scan, a result for each of its items. Returns whether a row was refused for
    /// good.
    pub(super) fn take(&mut self, read: &Read, results: &[ReadResult], sent: Instant, now: Instant) -> bool {
        self.run.answered(now);
        let moment = sent + (now - sent) / 2;
        let mut refused = false;
        let mut faulty = Vec::new();
        for (item, result) in read.items.iter().zip(results) {
            let Some(cell) = self.cells.get_mut(item.row as usize) else { continue };
            match (item.part, result) {
                (Part::Value, Ok(values)) => {
                    cell.values = Some(values.clone());
                    cell.at = Some(moment);
                }
                (Part::Flags, Ok(values)) => {
                    cell.flags = Flags::of(values).unwrap_or_default();
                    if cell.flags.fault {
                        faulty.push(item.row);
                    }
                }
                (Part::Reliability, Ok(values)) => {
                    cell.reliability = match values.as_slice() {
                        [Wire::Enumerated(number)] => Some(*number),
                        _ => None,
                    };
                }
                (Part::Value, Err(why)) => refused |= self.refuse(item.row, *why),
                (part, Err((_, code))) => self.does_without(item.row, part, *code),
            }
        }
        let more = faulty.into_iter().filter_map(|index| {
            let row = self.row(index).filter(|row| row.reliability)?;
            Some(Item::new(index, row, Part::Reliability))
        });
        let more = planner::plan(more.collect::<Vec<_>>(), self.limits);
        if !more.is_empty() {
            self.run.ask_more(more.into_iter().map(Arc::new));
        }
        refused
    }

    /// The object has no such property: it is not asked for again.
    fn does_without(&mut self, row: u32, part: Part, code: u32) {
        if code != code::UNKNOWN_PROPERTY {
            return;
        }
        if let Some(row) = self.rows.get_mut(row as usize) {
            match part {
                Part::Flags => (row.flags, row.reliability) = (false, false),
                _ => row.reliability = false,
            }
            self.stale = true;
        }
    }

    /// The device refuses the value of a row: for good, unless it only has troubles of its own. Returns whether for good.
    fn refuse(&mut self, row: u32, (class, code): (u32, u32)) -> bool {
        if matches!(class, class::DEVICE | class::RESOURCES | class::COMMUNICATION) {
            self.run.mark(row, Status::BAD_DEVICE_FAILURE);
            return false;
        }
        self.quarantine(row, error_words(class, code));
        true
    }

    /// A row is not asked for until a re-check.
    pub(super) fn quarantine(&mut self, row: u32, why: String) {
        if !self.is_refused(row) {
            self.refused.push(Refused { row, why });
        }
        self.stale = true;
        self.run.learned = true;
    }

    /// All points have this quality in this scan; nothing more of it is sent.
    pub(super) fn block(&mut self, why: String) {
        for row in 0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX) {
            self.run.mark(row, Status::BAD_CONFIGURATION_ERROR);
        }
        self.blocked = Some(why);
        self.failed = true;
        self.run.give_up(&self.reads);
    }

    /// Ends the scan.
    pub(super) fn finish(&mut self, lost: Status) -> Ended {
        let cells = std::mem::take(&mut self.cells);
        for ((index, row), cell) in (0..).zip(&self.rows).zip(&cells) {
            if let (Some(values), Some(at)) = (&cell.values, cell.at) {
                let judged = judge(row.decode(values), cell.flags, cell.reliability);
                // A bad row keeps its last value; `None` alone would count as unread.
                self.run.put(index, judged, at);
            }
        }
        let partial = !self.failed && cells.iter().any(|cell| !cell.asked) && self.told.contains(&true);
        let refused: Vec<u32> = self.refused.iter().map(|refused| refused.row).collect();
        let (values, status, moments) = self.run.finish(refused.iter().copied(), lost);
        if !partial {
            return Ended::Whole(values, status, moments);
        }
        let arrival = |((row, cell), value): ((u32, &Cell), Value)| {
            let status = status.get(row as usize)?;
            let shown = cell.asked || refused.contains(&row);
            shown.then_some(Arrival { row, value, status, source: None })
        };
        Ended::Parts((0..).zip(&cells).zip(values).filter_map(arrival).collect())
    }

    /// A refused row answered: it is read again from now on.
    pub(super) fn readmit(&mut self, row: u32) {
        self.refused.retain(|refused| refused.row != row);
        self.stale = true;
    }

    /// A request for the value of one row.
    pub(super) fn single(&self, row: u32) -> Option<Read> {
        Some(Read::single(Item::new(row, self.row(row)?, Part::Value)))
    }

    /// A request for one row with its flags, where that is one request.
    pub(super) fn whole(&self, row: u32) -> Option<Read> {
        let mut reads = planner::plan(self.items(row), self.limits).into_iter();
        reads.next()
    }

    /// Value and quality of a row that was read by itself.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn value_of(&self, read: &Read, results: &[ReadResult]) -> Result<(Value, Status), String> {
        let mut flags = Flags::default();
        let mut value = Err("the device does not answer it".to_owned());
        for (item, result) in read.items.iter().zip(results) {
            let row = self.row(item.row).ok_or("there is no such point any more")?;
            match (item.part, result) {
                (Part::Value, Ok(values)) => value = Ok(row.decode(values)),
                (Part::Value, Err((class, code))) => value = Err(error_words(*class, *code)),
                (Part::Flags, Ok(values)) => flags = Flags::of(values).unwrap_or_default(),
                _ => {}
            }
        }
        value.map(|value| judge(value, flags, None))
    }
}

/// What a device's error says.
pub(super) fn error_words(class: u32, code: u32) -> String {
    match table::error_code(code) {
        Some(words) => format!("{words} (error class {class}, code {code})"),
        None => format!("error class {class}, code {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_reliability_make_the_quality() {
        let flags = |bits: [bool; 4]| Flags::of(&[Wire::Bits(bits.into())]).unwrap();
        let good = || (Value::F64(1.0), Status::GOOD);
        for (bits, reliability, value, status) in [
            ([false; 4], None, 1.0.into(), Status::GOOD),
            ([true, false, false, false], None, 1.0.into(), Status::GOOD),
            ([false, false, true, false], None, 1.0.into(), Status::GOOD_LOCAL_OVERRIDE),
            ([false, false, true, true], None, 1.0.into(), Status::UNCERTAIN_SUBSTITUTE_VALUE),
            ([false, true, false, true], None, Value::None, Status::BAD),
            ([false, true, false, false], Some(1), Value::None, Status::BAD_SENSOR_FAILURE),
            ([false, true, false, false], Some(2), 1.0.into(), Status::UNCERTAIN_ENGINEERING_UNITS_EXCEEDED),
            ([false, true, false, false], Some(12), Value::None, Status::BAD_NOT_CONNECTED),
            ([false, true, false, false], Some(7), Value::None, Status::BAD_DEVICE_FAILURE),
        ] {
            assert_eq!(judge(good(), flags(bits), reliability), (value, status), "{bits:?} {reliability:?}");
        }
        assert_eq!(Flags::of(&[Wire::Bits(vec![true; 3])]), None);
    }
}
