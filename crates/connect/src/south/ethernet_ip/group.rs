//! One group: its tags, the packets that fetch them, the scan under way, and what the controller refuses.
//!
//! ```text
//!  rows ─ plan ─▶ packets of many tags, tags that need one for themselves
//!    ▲                    │ each tag in a packet answers for itself
//!    └── quarantine ◀─────┘ after a hang-up each tag of the packet is asked for alone, until one is found guilty
//! ```

use super::catalog::{Catalog, Known};
use super::value::{Codec, Learned};
use crate::south::link::Moments;
use model::{Each, Status, Value, ValueType};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;
use wire::enip::{Kind, Request, Tag};

/// A scan whose answers are further apart than this gives each row its own time.
const ONE_MOMENT: Duration = Duration::from_millis(100);
/// Data of a tag that was never read, for planning: an elementary value.
const UNKNOWN_DATA: usize = 8;
/// Bytes of a packet besides its services: service and path, count; in an answer service and status, count.
const PACKET: usize = 8;
/// Bytes of an embedded answer besides its data: offset, service and status.
const EMBEDDED: usize = 6;
/// Most tags of one packet.
const MAX_PACKET: usize = 400;

/// One tag of a group.
#[derive(Debug)]
pub(super) struct Row {
    /// As configured.
    tag: Tag,
    /// What is asked for: for an element of an array of BOOL, the word that holds it.
    pub(super) asked: Tag,
    pub(super) codec: Codec,
    /// The bit is that of an array of BOOL.
    element: bool,
    pub(super) learned: Option<Learned>,
    /// Its answer does not fit a packet with others.
    large: bool,
    /// The device hung up when it was asked for this tag, perhaps because of another in the same packet.
    suspect: bool,
    /// The request, ready to be sent.
    request: Vec<u8>,
}

impl Row {
    pub(super) fn new(tag: Tag, codec: Codec) -> Self {
        let mut row = Self {
            asked: tag.clone(),
            tag,
            codec,
            element: false,
            learned: None,
            large: false,
            suspect: false,
            request: Vec::new(),
        };
        row.render();
        row
    }

    fn render(&mut self) {
        self.request.clear();
        let request = Request::ReadTag { path: self.asked.path(), elements: 1 };
        // A path that is too long gives a request that the controller refuses; the configuration was checked for it.
        let _ = request.emit(&mut self.request);
    }

    /// The tag in words, as configured.
    pub(super) fn words(&self) -> String {
        self.tag.to_string()
    }

    /// Forgets what an earlier program said, and takes what the present one says.
    fn fit(&mut self, catalog: Option<&Catalog>) -> Result<(), String> {
        self.learned = None;
        self.large = false;
        if self.element {
            self.element = false;
            self.codec.bit = None;
        }
        self.asked = self.tag.clone();
        let known = catalog.map(|catalog| catalog.look_up(&self.tag));
        let fitted = match known {
            Some(Known::Missing) => Err("the controller has no such tag (any more): compare the spelling; `ironbridge browse` lists what it has".into()),
            Some(Known::Structure { name, members }) => {
                let first = members.first().map_or("Member", String::as_str);
                Err(format!(
                    "it is a structure ({name}) in the controller: name one of its members, e.g. {}.{first}",
                    self.tag
                ))
            }
            Some(Known::Array(dimensions)) => {
                let size: Vec<String> = dimensions.iter().map(u32::to_string).collect();
                let first: Vec<&str> = dimensions.iter().map(|_| "0").collect();
                Err(format!(
                    "it is an array [{}] in the controller: name one of its elements, e.g. {}[{}]",
                    size.join(","),
                    self.tag,
                    first.join(",")
                ))
            }
            Some(Known::BoolElement { word, bit }) if self.codec.bit.is_none() => {
                self.asked = word;
                self.codec.bit = Some(bit);
                self.element = true;
                Ok(())
            }
            Some(Known::BoolElement { .. } | Known::Value) | None => Ok(()),
        };
        self.render();
        fitted
    }

    fn answer_size(&self) -> usize {
        self.learned.map_or(4 + UNKNOWN_DATA, |learned| learned.kind.wire_size() + learned.size)
    }
}

/// What to ask for next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Several tags in one packet.
    Packet(Vec<u32>),
    /// One tag, in as many parts as it needs.
    Alone(u32),
}

impl Ask {
    fn rows(&self) -> &[u32] {
        match self {
            Self::Packet(rows) => rows,
            Self::Alone(row) => std::slice::from_ref(row),
        }
    }
}

/// Tags of one controller that are read together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) device: usize,
    pub(super) rows: Vec<Row>,
    pub(super) plan: Vec<Ask>,
    /// Why, by row.
    pub(super) refused: BTreeMap<u32, String>,
    /// Next refused row that a re-check looks at.
    pub(super) recheck: u32,
    /// What is being asked for.
    asked: Option<Ask>,
    /// The plan does not fit any more what is known of the rows.
    stale: bool,
    run: Run,
}

/// One scan under way.
#[derive(Debug, Default)]
struct Run {
    next: usize,
    extra: VecDeque<Ask>,
    /// What is being asked for is the first of `extra`.
    from_extra: bool,
    attempt: u32,
    values: Vec<Value>,
    status: Vec<Status>,
    moments: Vec<(u32, Instant)>,
}

impl Group {
    pub(super) fn new(device: usize, rows: Vec<Row>) -> Self {
        Self {
            device,
            rows,
            plan: Vec::new(),
            refused: BTreeMap::new(),
            recheck: 0,
            asked: None,
            stale: true,
            run: Run::default(),
        }
    }

    pub(super) fn row(&self, row: u32) -> Option<&Row> {
        self.rows.get(row as usize)
    }

    /// The device hung up instead of answering. What was asked for is asked for tag by tag from now on; a tag that was
    /// already asked for alone because of that is set aside.
    pub(super) fn hung_up(&mut self) {
        let Some(ask) = self.asked.take() else { return };
        let guilty = match &ask {
            Ask::Alone(number) => self.row(*number).is_some_and(|row| row.suspect).then_some(*number),
            Ask::Packet(_) => None,
        };
        for number in ask.rows() {
            if let Some(row) = self.rows.get_mut(*number as usize) {
                row.suspect = guilty.is_none();
            }
        }
        if let Some(number) = guilty {
            self.refuse(number, "the device closes the connection when it is asked for this tag".into());
        }
    }

    /// A new session.
    pub(super) fn begin_session(&mut self) {
        self.asked = None;
        self.stale = true;
    }

    /// The program is another: what was learned and refused is void.
    pub(super) fn fit(&mut self, catalog: Option<&Catalog>) {
        self.refused.clear();
        for (number, row) in self.rows.iter_mut().enumerate() {
            if let Err(why) = row.fit(catalog) {
                self.refused.insert(u32::try_from(number).unwrap_or(u32::MAX), why);
            }
        }
        self.stale = true;
    }

    /// Requests that a round takes with packets of at most `capacity` bytes each way.
    pub(super) fn requests_of_a_round(&self, capacity: usize, packets: bool) -> usize {
        if self.stale { self.pack(capacity, packets).len() } else { self.plan.len() }
    }

    /// Packs the rows into packets of at most `capacity` bytes each way.
    fn pack(&self, capacity: usize, packets: bool) -> Vec<Ask> {
        let mut plan = Vec::new();
        let (mut packet, mut out, mut back) = (Vec::new(), PACKET, PACKET);
        for (number, row) in self.rows.iter().enumerate() {
            let Ok(number) = u32::try_from(number) else { break };
            if self.refused.contains_key(&number) {
                continue;
            }
            let (asks, answers) = (row.request.len() + 2, row.answer_size() + EMBEDDED);
            if !packets || row.suspect || row.large || answers + PACKET > capacity {
                plan.push(Ask::Alone(number));
                continue;
            }
            if out + asks > capacity || back + answers > capacity || packet.len() >= MAX_PACKET {
                plan.push(Ask::Packet(std::mem::take(&mut packet)));
                (out, back) = (PACKET, PACKET);
            }
            out += asks;
            back += answers;
            packet.push(number);
        }
        if !packet.is_empty() {
            plan.push(Ask::Packet(packet));
        }
        for ask in &mut plan {
            if let Ask::Packet(rows) = ask
                && let [only] = rows.as_slice()
            {
                *ask = Ask::Alone(*only);
            }
        }
        plan
    }

    /// Begins a scan; whatever an earlier one left is void. Returns how many requests a round takes, if that changed.
    pub(super) fn begin(&mut self, capacity: usize, packets: bool, lost: Status) -> Option<(usize, usize)> {
        let before = self.plan.len();
        if self.stale {
            self.plan = self.pack(capacity, packets);
            self.stale = false;
        }
        let count = self.rows.len();
        let run = &mut self.run;
        *run = Run { values: vec![Value::None; count], status: vec![lost; count], ..Run::default() };
        (before != self.plan.len()).then_some((before, self.plan.len()))
    }

    /// What to ask for next.
    pub(super) fn next(&mut self) -> Option<Ask> {
        self.run.from_extra = !self.run.extra.is_empty();
        let ask = match self.run.extra.front() {
            Some(ask) => Some(ask.clone()),
            None => self.plan.get(self.run.next).cloned(),
        };
        self.asked.clone_from(&ask);
        ask
    }

    /// The requests of a packet.
    pub(super) fn requests<'a>(&'a self, rows: &'a [u32]) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        rows.iter().map(|row| self.row(*row).map_or(&[][..], |row| row.request.as_slice()))
    }

    /// It was answered: the next one follows.
    pub(super) fn done(&mut self, asked: Instant, answered: Instant) {
        let Some(ask) = self.asked.take() else { return };
        let moment = asked + (answered - asked) / 2;
        self.run.moments.extend(ask.rows().iter().map(|row| (*row, moment)));
        self.run.attempt = 0;
        if self.run.from_extra {
            self.run.extra.pop_front();
        } else {
            self.run.next += 1;
        }
    }

    /// It was not answered: once more, unless that was done often enough. Returns whether it is tried again.
    pub(super) fn again(&mut self, retries: u32) -> bool {
        self.asked = None;
        self.run.attempt += 1;
        self.run.attempt <= retries
    }

    /// Nothing more is asked for in this scan.
    pub(super) fn give_up(&mut self) {
        self.asked = None;
        self.run.next = self.plan.len();
        self.run.extra.clear();
    }

    /// The device does without packets.
    pub(super) fn without_packets(&mut self) {
        self.stale = true;
        self.give_up();
    }

    /// Whether something is left to ask for.
    pub(super) fn has_more(&self) -> bool {
        self.run.next < self.plan.len() || !self.run.extra.is_empty()
    }

    /// A row is to be asked for alone, in this scan and from now on.
    pub(super) fn set_large(&mut self, number: u32) {
        if let Some(row) = self.rows.get_mut(number as usize) {
            row.large = true;
            self.stale = true;
            // Behind the packet that is just being answered.
            self.run.extra.push_back(Ask::Alone(number));
        }
    }

    /// Takes the data of a row. What does not fit its configuration is refused; true if that happened.
    pub(super) fn take(&mut self, number: u32, kind: Kind, data: &[u8]) -> bool {
        let Some(row) = self.rows.get_mut(number as usize) else { return false };
        let learned = Learned { kind, size: data.len() };
        if row.learned != Some(learned) {
            if let Err(why) = row.codec.check(learned) {
                self.refuse(number, why);
                return true;
            }
            row.learned = Some(learned);
            // Now its size is known, and the plan goes by that.
            row.large = false;
            self.stale = true;
        }
        // It was not the one.
        self.stale |= std::mem::take(&mut row.suspect);
        let (value, status) = row.codec.decode(kind, data);
        self.set(number, value, status);
        false
    }

    fn set(&mut self, number: u32, value: Value, status: Status) {
        if let (Some(slot), Some(state)) =
            (self.run.values.get_mut(number as usize), self.run.status.get_mut(number as usize))
        {
            *slot = value;
            *state = status;
        }
    }

    /// A row has a quality of its own in this scan.
    pub(super) fn mark(&mut self, number: u32, status: Status) {
        self.set(number, Value::None, status);
    }

    /// A row is not asked for any more, until a re-check or another program.
    pub(super) fn refuse(&mut self, number: u32, why: String) {
        self.refused.insert(number, why);
        self.stale = true;
    }

    /// A refused row is asked for again.
    pub(super) fn readmit(&mut self, number: u32) {
        self.refused.remove(&number);
        self.stale = true;
    }

    /// Rows whose declared type is not what they turned out to be.
    pub(super) fn retyped(&self, declared: impl Fn(u32) -> Option<ValueType>) -> Vec<(u32, ValueType)> {
        let rows = self.rows.iter().enumerate().filter_map(|(number, row)| {
            let number = u32::try_from(number).ok()?;
            row.learned?;
            let now = row.codec.value_type(row.learned);
            (declared(number)? != now).then_some((number, now))
        });
        rows.collect()
    }

    /// Ends the scan: values and qualities come out.
    pub(super) fn finish(&mut self) -> (Vec<Value>, Each<Status>, Moments) {
        for number in self.refused.keys() {
            if let Some(state) = self.run.status.get_mut(*number as usize) {
                *state = Status::BAD_CONFIGURATION_ERROR;
            }
        }
        let values = std::mem::take(&mut self.run.values);
        let status = std::mem::take(&mut self.run.status);
        let all_good = status.iter().all(|status| *status == Status::GOOD);
        let status = if all_good { Each::All(Status::GOOD) } else { Each::Rows(status.into()) };
        (values, status, self.moments())
    }

    fn moments(&mut self) -> Moments {
        let moments = std::mem::take(&mut self.run.moments);
        let first = moments.iter().map(|(_, at)| *at).min();
        let last = moments.iter().map(|(_, at)| *at).max();
        let (Some(first), Some(last)) = (first, last) else { return Moments::One(Instant::now()) };
        if last - first <= ONE_MOMENT {
            return Moments::One(first + (last - first) / 2);
        }
        let mut rows = vec![last; self.rows.len()];
        for (row, at) in moments {
            if let Some(slot) = rows.get_mut(row as usize) {
                *slot = at;
            }
        }
        Moments::Each(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::enip::Elementary;

    fn group(tags: &[&str]) -> Group {
        let codec = || Codec { kind: None, bit: None, scaling: None };
        Group::new(0, tags.iter().map(|tag| Row::new(Tag::parse(tag).unwrap(), codec())).collect())
    }

    const DINT: Kind = Kind::Elementary(Elementary::Dint);

    #[test]
    fn packets_fit_both_ways() {
        let names: Vec<String> = (0..300).map(|n| format!("Tag_{n:03}")).collect();
        let mut group = group(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for capacity in [100, 480, 4_000] {
            group.stale = true;
            group.begin(capacity, true, Status::BAD_NO_COMMUNICATION);
            let mut seen = Vec::new();
            for ask in &group.plan {
                let rows = ask.rows();
                seen.extend_from_slice(rows);
                let out: usize =
                    PACKET + rows.iter().map(|r| group.rows[*r as usize].request.len() + 2).sum::<usize>();
                assert!(out <= capacity, "{out}");
            }
            assert_eq!(seen, (0..300).collect::<Vec<u32>>());
        }
        assert_eq!(group.plan.len(), 2);
        group.stale = true;
        group.begin(4_000, false, Status::BAD_NO_COMMUNICATION);
        assert_eq!(group.plan.len(), 300, "a device without packets is asked for one tag at a time");
    }

    #[test]
    fn a_hang_up_leads_to_its_tag() {
        let names: Vec<String> = (0..64).map(|n| format!("T{n}")).collect();
        let mut group = group(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut sessions = 0;
        // The device hangs up whenever it is asked for T37.
        'sessions: while sessions < 40 {
            sessions += 1;
            group.begin_session();
            group.begin(4_000, true, Status::BAD_NO_COMMUNICATION);
            while let Some(ask) = group.next() {
                if ask.rows().contains(&37) {
                    group.hung_up();
                    continue 'sessions;
                }
                for row in ask.rows().to_vec() {
                    group.take(row, DINT, &[1, 0, 0, 0]);
                }
                let now = Instant::now();
                group.done(now, now);
            }
            break;
        }
        assert_eq!(group.refused.keys().copied().collect::<Vec<_>>(), [37]);
        assert_eq!(sessions, 3, "one for the packet, one for the tag, one without it");
        group.begin(4_000, true, Status::GOOD);
        assert_eq!(group.plan.len(), 1, "all others in one packet again: {:?}", group.plan.len());
        let (_, status, _) = group.finish();
        let Each::Rows(status) = status else { panic!("one row is bad") };
        assert_eq!(status[37], Status::BAD_CONFIGURATION_ERROR);
    }

    #[test]
    fn what_does_not_fit_is_refused_alone() {
        let mut group = group(&["A", "B"]);
        group.rows[0].codec.kind = Some(super::super::value::Type::F32);
        group.begin(4_000, true, Status::BAD_NO_COMMUNICATION);
        assert!(group.take(0, DINT, &[1, 0, 0, 0]));
        assert!(!group.take(1, DINT, &[2, 0, 0, 0]));
        let (values, status, _) = group.finish();
        assert_eq!(values[1], Value::I64(2));
        let Each::Rows(status) = status else { panic!("one row is bad") };
        assert_eq!(&*status, [Status::BAD_CONFIGURATION_ERROR, Status::GOOD]);
        assert_eq!(group.retyped(|_| Some(ValueType::F64)), [(1, ValueType::I64)]);
    }
}
