//! From what is to be read to requests: as many properties in one as request and answer have room for. Pure.
//!
//! ```text
//!  rows ─▶ items (value, status flags) ─▶ ReadPropertyMultiple, filled        or, for devices without it,
//!                                                                            ReadProperty one by one
//! ```
//! Rationale: the size of an answer is a guess, since a text may be long; a device that cannot send what was asked says
//! so, and the request is halved (15.7, 18.10).

use super::group::{Row, What};
use super::types::Type;
use wire::bacnet::table::property;
use wire::bacnet::{PropertyRef, Request};

/// Octets before the service in a request, and in an answer (20.1.2, 20.1.5).
const REQUEST_HEAD: usize = 4;
const ANSWER_HEAD: usize = 3;
/// Octets around the properties of one object, in both.
const OBJECT: usize = 7;

/// Which part of a point a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Value,
    Flags,
    Reliability,
}

/// One property to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) row: u32,
    pub(super) part: Part,
    pub(super) target: PropertyRef,
    /// Octets that its value takes, as far as can be told.
    room: usize,
}

impl Item {
    /// A part of a row.
    pub(super) fn new(index: u32, row: &Row, part: Part) -> Self {
        let of = |property| PropertyRef { object: row.object, property, index: None };
        let (target, room) = match (part, row.what) {
            (Part::Flags, _) => (of(property::STATUS_FLAGS), 3),
            (Part::Reliability, _) => (of(property::RELIABILITY), 4),
            (Part::Value, What::Value(target)) => (target, room(row.codec.kind, target)),
            (Part::Value, What::Held(priority)) => {
                let target = PropertyRef { index: Some(priority.into()), ..of(property::PRIORITY_ARRAY) };
                (target, room(row.codec.kind, target))
            }
        };
        Self { row: index, part, target, room }
    }

    fn reference(&self) -> usize {
        let shortest = |number: u32| 4 - (number.leading_zeros() / 8).min(3) as usize;
        1 + shortest(self.target.property) + self.target.index.map_or(0, |index| 1 + shortest(index))
    }

    /// Octets in an answer; an error takes six.
    fn answered(&self) -> usize {
        self.reference() + (self.room + 2).max(6)
    }
}

const fn room(kind: Type, target: PropertyRef) -> usize {
    let one = match kind {
        Type::Bool | Type::Binary => 2,
        Type::Text | Type::Bytes => 40,
        Type::Bits => 12,
        Type::Double | Type::DateTime => 10,
        _ => 5,
    };
    // A whole array of priorities has sixteen.
    if target.property == property::PRIORITY_ARRAY && target.index.is_none() { 16 * one } else { one }
}

/// What a device takes and sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Knows ReadPropertyMultiple.
    pub(super) many: bool,
    /// Longest APDU that it takes, in octets.
    pub(super) request: usize,
    /// Longest APDU that it is asked to send, in octets.
    pub(super) answer: usize,
}

impl Default for Limits {
    /// Before a device has said more: the least that the standard knows (20.1.2.5).
    fn default() -> Self {
        Self { many: false, request: 50, answer: 50 }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) items: Vec<Item>,
    /// As ReadPropertyMultiple.
    pub(super) many: bool,
}

impl Read {
    /// One property by itself.
    pub(super) fn single(item: Item) -> Self {
        Self { items: vec![item], many: false }
    }

    pub(super) fn request(&self) -> Request {
        match self.items.as_slice() {
            [one] if !self.many => Request::ReadProperty(one.target),
            items => Request::ReadPropertyMultiple(items.iter().map(|item| item.target).collect()),
        }
    }

    /// Octets that the answer is expected to have.
    pub(super) fn answered(&self) -> usize {
        let objects = self.items.chunk_by(|a, b| a.target.object == b.target.object).count();
        ANSWER_HEAD + objects * OBJECT + self.items.iter().map(Item::answered).sum::<usize>()
    }

    /// The halves of a request, at last its properties by themselves.
    pub(super) fn split(&self) -> Vec<Self> {
        match self.items.as_slice() {
            items @ ([] | [_] | [_, _]) => items.iter().copied().map(Self::single).collect(),
            items => {
                let (one, other) = items.split_at(items.len() / 2);
                [one, other].map(|half| Self { items: half.to_vec(), many: self.many }).into()
            }
        }
    }
}

/// Requests for these items, in their order.
pub(super) fn plan(items: impl IntoIterator<Item = Item>, limits: Limits) -> Vec<Read> {
    if !limits.many {
        return items.into_iter().map(Read::single).collect();
    }
    let mut reads: Vec<Read> = Vec::new();
    let (mut asked, mut answered) = (0, 0);
    for item in items {
        let last = reads.last_mut();
        let same = last.as_ref().and_then(|read| read.items.last());
        let object =
            if same.is_some_and(|same| same.target.object == item.target.object) { 0 } else { OBJECT };
        let (more_asked, more_answered) = (object + item.reference(), object + item.answered());
        match last {
            Some(read)
                if asked + more_asked <= limits.request && answered + more_answered <= limits.answer =>
            {
                asked += more_asked;
                answered += more_answered;
                read.items.push(item);
            }
            _ => {
                asked = REQUEST_HEAD + OBJECT + item.reference();
                answered = ANSWER_HEAD + OBJECT + item.answered();
                reads.push(Read { items: vec![item], many: true });
            }
        }
    }
    // A request of one property is shorter by itself, and every device knows it.
    for read in &mut reads {
        read.many = read.items.len() > 1;
    }
    reads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::bacnet::types::Codec;
    use proptest::prelude::*;
    use wire::bacnet::ObjectId;

    fn row(instance: u32, kind: Type) -> Row {
        let object = ObjectId::new(2, instance);
        let what = What::Value(PropertyRef { object, property: property::PRESENT_VALUE, index: None });
        Row::new(object, what, Codec { kind, scaling: None }, true)
    }

    fn items(rows: &[Row]) -> Vec<Item> {
        let both = |(index, row)| [Part::Value, Part::Flags].map(|part| Item::new(index, row, part));
        (0..).zip(rows).flat_map(both).collect()
    }

    #[test]
    fn requests_are_filled() {
        let rows: Vec<Row> = (0..100).map(|instance| row(instance, Type::Real)).collect();
        let limits = |octets| Limits { many: true, request: octets, answer: octets };
        let counts = |octets| {
            plan(items(&rows), limits(octets)).iter().map(|read| read.items.len()).collect::<Vec<_>>()
        };
        assert_eq!(counts(1_476), [122, 78], "61 objects of 24 octets");
        assert_eq!(counts(480).len(), 6);
        let without = plan(items(&rows), Limits { many: false, ..limits(1_476) });
        assert!(
            without.len() == 200
                && without.iter().all(|read| matches!(read.request(), Request::ReadProperty(_)))
        );
    }

    #[test]
    fn halves_end_as_single_properties() {
        let rows = [row(1, Type::Real), row(2, Type::Text)];
        let whole = plan(items(&rows), Limits { many: true, request: 480, answer: 480 });
        let halves = whole.first().unwrap().split();
        assert_eq!(halves.iter().map(|half| half.items.len()).collect::<Vec<_>>(), [2, 2]);
        let singles = halves.first().unwrap().split();
        assert!(singles.iter().all(|one| !one.many && one.items.len() == 1) && singles.len() == 2);
    }

    proptest! {
        #[test]
        fn everything_is_asked_once_and_every_request_fits(
            kinds in prop::collection::vec(prop::sample::select(vec![Type::Real, Type::Text, Type::Binary, Type::Bits]), 1..120),
            octets in prop::sample::select(vec![128usize, 206, 480, 1_024, 1_476]),
        ) {
            let rows: Vec<Row> = (0..).zip(kinds).map(|(instance, kind)| row(instance * 7_919 % 4_000_000, kind)).collect();
            let wanted = items(&rows);
            let reads = plan(wanted.clone(), Limits { many: true, request: octets, answer: octets });
            prop_assert_eq!(reads.iter().flat_map(|read| read.items.clone()).collect::<Vec<_>>(), wanted);
            for read in &reads {
                let (_, body) = read.request().emit();
                prop_assert!(body.len() + REQUEST_HEAD <= octets, "{} octets", body.len());
                prop_assert!(read.answered() <= octets);
            }
        }
    }
}
