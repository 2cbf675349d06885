//! Values that came lately: whoever acknowledges may be sent the same again, and then it is left out.
//!
//! ```text
//!  journal, from a position that is kept ─▶ Seen ◀─ enter: new, or came already ─ settle: in the journal at a position
//! ```
//! Rationale: a message is acknowledged when its values are on disk. What lies between, a crash or a lost
//! acknowledgement, brings it again, and only the journal knows for sure what it has. So the memory is made from the
//! journal at the start, and is no second file that could disagree with it. The key is that of a sample: point, its own
//! time, and what it says.

use super::payload::Sample;
use model::{PointId, Position, Status, Time, Value};
use namespace::Namespace;
use namespace::journal::{Item, Record};
use std::collections::{HashSet, VecDeque};

/// Values that are remembered: far more than a stream hands out before it waits for acknowledgements.
const REMEMBERED: usize = 200_000;

/// Point, its own time, and a hash of value and quality.
type Key = (PointId, Time, u64);

/// See the module.
#[derive(Debug)]
pub struct Seen {
    keys: HashSet<Key>,
    /// In the order in which they came, with where they stand.
    order: VecDeque<(Position, Key)>,
    /// What lies behind this position in the journal is all in here.
    from: Position,
    most: usize,
}

impl Seen {
    /// Nothing yet; complete behind `from`.
    pub fn new(from: Position) -> Self {
        Self { keys: HashSet::new(), order: VecDeque::new(), from, most: REMEMBERED }
    }

    /// What the journal has behind `from` of the points of `connection`. Reads files: call it where that is allowed.
    pub fn read(namespace: &Namespace, connection: &str, from: Position) -> Self {
        let own: HashSet<PointId> = namespace
            .remembered(connection)
            .iter()
            .filter_map(|declaration| namespace.find(declaration.path.as_str()))
            .collect();
        let mut seen = Self::new(from);
        let mut reader = namespace.journal().reader(from);
        let end = namespace.journal().head();
        while let Some(item) = reader.try_next() {
            let Item::Record { position, record: Record::Samples(batch) } = item else { continue };
            if let Some(source) = &batch.source {
                for (row, (point, _, status, value)) in batch.rows().enumerate() {
                    let time = source.get(row).filter(|_| own.contains(&point));
                    seen.add(position, time.map(|time| (point, time, hash(value, status))));
                }
            }
            if position >= end {
                break;
            }
        }
        seen
    }

    /// From where on a later start has to read.
    pub const fn from(&self) -> Position {
        self.from
    }

    /// The key of a value that is new; `None` if it came already. One without a time of its own is always new.
    pub fn enter(&mut self, point: PointId, sample: &Sample) -> Option<Key> {
        let key = (point, sample.time.unwrap_or(Time::ZERO), hash(&sample.value, sample.status));
        (sample.time.is_none() || self.keys.insert(key)).then_some(key)
    }

    /// These values stand in the journal at `position`, or were not taken.
    pub fn settle(&mut self, keys: Vec<Key>, position: Option<Position>) {
        for key in keys {
            self.keys.remove(&key);
            if let Some(position) = position.filter(|_| key.1 != Time::ZERO) {
                self.add(position, Some(key));
            }
        }
    }

    fn add(&mut self, position: Position, key: Option<Key>) {
        let Some(key) = key else { return };
        self.keys.insert(key);
        self.order.push_back((position, key));
        if self.order.len() > self.most
            && let Some((position, key)) = self.order.pop_front()
        {
            self.keys.remove(&key);
            self.from = position;
        }
    }
}

/// FNV-1a over what the sample says.
fn hash(value: &Value, status: Status) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    };
    take(&status.0.to_le_bytes());
    match value {
        Value::None => take(b"-"),
        Value::Bool(v) => take(&[u8::from(*v)]),
        Value::I64(v) => take(&v.to_le_bytes()),
        Value::U64(v) => take(&v.to_le_bytes()),
        Value::F64(v) => take(&v.to_bits().to_le_bytes()),
        Value::Text(v) => take(v.as_bytes()),
        Value::Bytes(v) => take(v),
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(n: i64, time: i64) -> Sample {
        Sample { value: Value::I64(n), status: Status::GOOD, time: Some(Time(time)) }
    }

    #[test]
    fn what_came_is_known_as_long_as_it_can_come_again() {
        let mut seen = Seen::new(Position::START);
        seen.most = 3;
        for n in 1..=4_u64 {
            let key = seen.enter(PointId(1), &sample(5, n as i64)).unwrap();
            assert_eq!(seen.enter(PointId(1), &sample(5, n as i64)), None, "twice in one message");
            seen.settle(vec![key], Some(Position::new(1, n)));
        }
        assert_eq!(seen.from(), Position::new(1, 1));
        assert_eq!(seen.enter(PointId(1), &sample(5, 4)), None);
        assert!(
            seen.enter(PointId(1), &sample(6, 4)).is_some(),
            "another value at the same time is another sample"
        );
        assert!(seen.enter(PointId(2), &sample(5, 4)).is_some());
        assert!(seen.enter(PointId(1), &sample(5, 1)).is_some(), "forgotten");
        // What a paused device did not take comes again and is new then.
        let key = seen.enter(PointId(1), &sample(5, 9)).unwrap();
        seen.settle(vec![key], None);
        assert!(seen.enter(PointId(1), &sample(5, 9)).is_some());
    }

    #[test]
    fn without_a_time_nothing_is_left_out() {
        let mut seen = Seen::new(Position::START);
        let bare = Sample { time: None, ..sample(1, 0) };
        let key = seen.enter(PointId(1), &bare).unwrap();
        seen.settle(vec![key], Some(Position::new(1, 1)));
        assert!(seen.enter(PointId(1), &bare).is_some());
    }
}
