//! What the driver knows of its points: which topics make which values, when each was heard, which patterns found what.
//! Pure: messages in, values out.

use super::build::{PatternSpec, PointSpec, Reader, Spec};
use super::config::Retained;
use super::payload::{Format, Payload, Sample};
use super::topic::{Levels, MAX_TOPIC, Names};
use crate::south::link::Seat;
use model::{Declaration, Path, Status, Time, Value, ValueType};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// A stored message younger than this is as good as one sent now; the default of `max_skew`.
const RECENT: Duration = Duration::from_secs(5);

/// A message, and when it came.
#[derive(Clone, Copy, Debug)]
pub struct Came<'a> {
    /// Its topic, or the path it was sent to.
    pub topic: &'a str,
    /// Its payload.
    pub payload: &'a [u8],
    /// It was stored, not sent just now.
    pub retained: bool,
    /// When whoever brings it stored it, where that is known.
    pub stored: Option<Time>,
    /// Our time.
    pub now: Time,
    /// From when to when we were away, where the broker kept messages for us.
    pub cut: Option<(Time, Time)>,
}

/// One value for a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Fresh {
    /// Index into the book's points.
    pub point: usize,
    /// The value.
    pub sample: Sample,
    /// It tells of the past: stored by the broker, or published while we were away.
    pub historical: bool,
}

/// A point that a pattern wants to make, with its first values.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Index of its device.
    pub device: usize,
    /// What is to be declared.
    pub declaration: Declaration,
    pattern: usize,
    key: String,
    origin: String,
    /// In the order in which they came, with whether they tell of the past.
    samples: Vec<(Sample, bool)>,
}

/// What a message meant.
#[derive(Debug, Default)]
pub struct Meaning {
    /// Values of known points.
    pub fresh: Vec<Fresh>,
    /// Points that are not known yet.
    pub wanted: Vec<Wanted>,
    /// Values that were left out because a pattern is full or the name is taken.
    pub no_room: usize,
    /// Nobody reads the message.
    pub unclaimed: bool,
    /// The payload is not what its format says.
    pub unreadable: bool,
}

/// One point.
#[derive(Debug)]
struct Entry {
    seat: Option<Seat>,
    stale: Option<Duration>,
    retained: Retained,
    /// Its times were looked at by another gateway already.
    trusted: bool,
    /// When its last message came.
    heard: Option<Instant>,
    /// Its quality, as published.
    status: Status,
    /// The newest of the messages of the past, until live ones come.
    newest: Option<Sample>,
    /// The type of what a pattern found.
    found: Option<ValueType>,
    /// Topic and member of what a pattern found: nothing else may be this point.
    origin: String,
}

/// See the module.
pub struct Book {
    spec: Spec,
    entries: Vec<Entry>,
    /// Tags by topic.
    topics: HashMap<String, Vec<usize>>,
    /// What patterns found, by path without case.
    found: HashMap<String, usize>,
    /// Points of each pattern.
    used: Vec<usize>,
    connection: String,
}

impl Book {
    /// `seats` are group and row of each tag.
    pub fn new(connection: &str, spec: Spec, seats: &[Seat]) -> Self {
        let mut topics: HashMap<String, Vec<usize>> = HashMap::new();
        let mut entries = Vec::with_capacity(spec.points.len());
        for (index, (point, seat)) in spec.points.iter().zip(seats).enumerate() {
            topics.entry(point.topic.clone()).or_default().push(index);
            entries.push(Entry::new(Some(*seat), &point.reader));
        }
        let used = vec![0; spec.patterns.len()];
        Self { spec, entries, topics, found: HashMap::new(), used, connection: connection.into() }
    }

    /// Names of the devices.
    pub fn devices(&self) -> &[String] {
        &self.spec.devices
    }

    /// The tag that has this seat.
    pub fn tag(&self, seat: Seat) -> Option<&PointSpec> {
        self.spec
            .points
            .iter()
            .zip(&self.entries)
            .find(|(_, entry)| entry.seat == Some(seat))
            .map(|(spec, _)| spec)
    }

    /// Group and row of a point.
    pub fn seat(&self, point: usize) -> Option<Seat> {
        self.entries.get(point)?.seat
    }

    /// What a message means.
    pub fn read(&self, came: Came<'_>) -> Meaning {
        let mut meaning = Meaning::default();
        if came.topic.len() > MAX_TOPIC {
            meaning.unclaimed = true;
            return meaning;
        }
        let mut payload = Payload::new(came.payload);
        let mut claimed = false;
        if let Some(tags) = self.topics.get(came.topic) {
            for point in tags {
                let Some(spec) = self.spec.points.get(*point) else { continue };
                for sample in spec.reader.samples(&mut payload) {
                    claimed = true;
                    let fresh = self.entries.get(*point).and_then(|entry| entry.admit(*point, sample, came));
                    meaning.fresh.extend(fresh);
                }
            }
        }
        for pattern in 0..self.spec.patterns.len() {
            claimed |= self.match_pattern(pattern, came, &mut payload, &mut meaning);
        }
        meaning.unclaimed = !claimed;
        meaning.unreadable = payload.is_broken();
        meaning
    }

    fn match_pattern(
        &self,
        pattern: usize,
        came: Came<'_>,
        payload: &mut Payload<'_>,
        meaning: &mut Meaning,
    ) -> bool {
        let topic = came.topic;
        let Some(spec) = self.spec.patterns.get(pattern) else { return false };
        let Some(mut names) = spec.pattern.fit(topic) else { return false };
        let Some(members) = &spec.members else {
            let unit = spec.reader.mapping.unit(payload);
            for sample in spec.reader.samples(payload) {
                self.place((pattern, &names, topic, &unit), sample, came, meaning);
            }
            return true;
        };
        let Ok(found) = spec.reader.mapping.members(payload, members, spec.reader.wanted) else {
            return false;
        };
        for (name, sample) in found {
            let origin = format!("{topic} {name}");
            names.insert(members.name.clone(), name);
            self.place((pattern, &names, &origin, ""), sample, came, meaning);
        }
        true
    }

    /// A value that a pattern found: of a known point, or of one that is wanted from now on.
    fn place(
        &self,
        (pattern, names, origin, unit): (usize, &Names, &str, &str),
        sample: Sample,
        came: Came<'_>,
        meaning: &mut Meaning,
    ) {
        let Some(spec) = self.spec.patterns.get(pattern) else { return };
        let below = spec.place.path(names);
        let key = format!("{}/{below}", spec.home).to_ascii_lowercase();
        if let Some(point) = self.found.get(&key) {
            let Some(entry) = self.entries.get(*point) else { return };
            if entry.origin != origin {
                meaning.no_room += 1;
                return;
            }
            let sample = entry.typed(sample);
            meaning.fresh.extend(entry.admit(*point, sample, came));
            return;
        }
        if sample.value == Value::None && spec.reader.wanted.is_none() {
            // `null` says nothing about what the point will be; the next value does.
            return;
        }
        let Some(mut declaration) = self.declaration(spec, &below, origin, &sample) else {
            // A name that no path can hold.
            meaning.no_room += 1;
            return;
        };
        if declaration.unit.is_empty() {
            declaration.unit = unit.to_owned();
        }
        let Some(fresh) = Entry::new(None, &spec.reader).admit(0, sample, came) else { return };
        let (device, samples) = (spec.device, vec![(fresh.sample, fresh.historical)]);
        meaning.wanted.push(Wanted { device, declaration, pattern, key, origin: origin.to_owned(), samples });
    }

    /// What would be declared for a value that a pattern found.
    fn declaration(
        &self,
        spec: &PatternSpec,
        below: &str,
        origin: &str,
        sample: &Sample,
    ) -> Option<Declaration> {
        let path: Path = spec.home.join(below).ok()?;
        let value_type = spec.reader.wanted.or_else(|| sample.value.value_type())?;
        let mut declaration = Declaration::new(path, value_type);
        declaration.unit = spec.unit.clone();
        declaration.connection = self.connection.clone();
        declaration.device = spec.device_name.clone();
        declaration.source = origin.to_owned();
        // The last level as it was written, where the path had to escape it.
        let written = origin.rsplit(['/', ' ']).next().unwrap_or_default();
        if spec.members.is_none()
            && self.spec.written == Levels::Slashes
            && written != declaration.path.last()
        {
            declaration.name = written.to_owned();
        }
        Some(declaration)
    }

    /// Of points wanted by several messages: each once, as far as there is room. Returns what is left over.
    pub fn choose(&self, wanted: Vec<Wanted>) -> (Vec<Wanted>, usize) {
        let mut used = self.used.clone();
        let mut seen: HashMap<String, usize> = HashMap::new();
        let (mut chosen, mut left_over): (Vec<Wanted>, usize) = (Vec::new(), 0);
        for one in wanted {
            if let Some(before) = seen.get(&one.key).and_then(|at| chosen.get_mut(*at)) {
                // Another thing, whose path differs in case only, has no place here.
                let same = before.origin == one.origin;
                if same {
                    before.samples.extend(one.samples)
                } else {
                    left_over += one.samples.len()
                }
                continue;
            }
            let room = self.spec.patterns.get(one.pattern).map_or(0, |pattern| pattern.room);
            match used.get_mut(one.pattern) {
                Some(used) if *used < room => {
                    *used += 1;
                    seen.insert(one.key.clone(), chosen.len());
                    chosen.push(one);
                }
                _ => left_over += one.samples.len(),
            }
        }
        (chosen, left_over)
    }

    /// Takes in points that were declared; `None` where another connection has the path. Returns their first values.
    pub fn admit(&mut self, wanted: Vec<Wanted>, seats: &[Option<Seat>]) -> Vec<Fresh> {
        let mut fresh = Vec::new();
        for (one, seat) in wanted.into_iter().zip(seats) {
            let Some(spec) = self.spec.patterns.get(one.pattern) else { continue };
            let point = self.entries.len();
            let mut entry = Entry::new(*seat, &spec.reader);
            entry.found = Some(one.declaration.value_type);
            entry.origin = one.origin;
            self.entries.push(entry);
            self.found.insert(one.key, point);
            if let Some(used) = self.used.get_mut(one.pattern) {
                *used += 1;
            }
            if let Some(entry) = self.entries.last() {
                let typed = |(sample, historical)| Fresh { point, sample: entry.typed(sample), historical };
                fresh.extend(one.samples.into_iter().map(typed));
            }
        }
        fresh
    }

    /// What is remembered from earlier: the pattern that would find it anew, if one does.
    pub fn recall(&self, declaration: &Declaration) -> Option<Wanted> {
        let (topic, member) = match declaration.source.split_once(' ') {
            Some((topic, member)) => (topic, Some(member)),
            None => (declaration.source.as_str(), None),
        };
        self.spec.patterns.iter().enumerate().find_map(|(pattern, spec)| {
            let mut names = spec.pattern.fit(topic).or_else(|| spec.pattern.fit(&declaration.source))?;
            match (&spec.members, member) {
                (Some(members), Some(member)) => _ = names.insert(members.name.clone(), member.to_owned()),
                (None, None) => {}
                // A topic with a space in it.
                (None, Some(_)) => names = spec.pattern.fit(&declaration.source)?,
                (Some(_), None) => return None,
            }
            let key = format!("{}/{}", spec.home, spec.place.path(&names)).to_ascii_lowercase();
            let same = key == declaration.path.folded()
                && spec.reader.wanted.is_none_or(|t| t == declaration.value_type);
            same.then(|| Wanted {
                device: spec.device,
                declaration: declaration.clone(),
                pattern,
                key,
                origin: declaration.source.clone(),
                samples: Vec::new(),
            })
        })
    }

    /// What was known of a point before this start. It counts as heard now.
    pub fn known(&mut self, point: usize, status: Status, now: Instant) {
        if let Some(entry) = self.entries.get_mut(point) {
            entry.heard = Some(now);
            entry.status = if status.is_bad() { Status::UNCERTAIN_LAST_USABLE_VALUE } else { status };
        }
    }

    /// Points so far.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// A value of a point goes out.
    pub fn heard(&mut self, fresh: &Fresh, now: Instant) {
        if let Some(entry) = self.entries.get_mut(fresh.point) {
            entry.heard = Some(now);
            entry.status = fresh.sample.status;
            // A sample of the past never replaces a later one, not even the mark of the lost connection.
            entry.newest = fresh.historical.then(|| fresh.sample.clone());
        }
    }

    /// Points that were not heard for longer than they may be silent; they are told once.
    pub fn stale(&mut self, now: Instant) -> Vec<Seat> {
        let mut stale = Vec::new();
        for entry in &mut self.entries {
            let silent = entry.stale.zip(entry.heard).is_some_and(|(most, heard)| heard + most <= now);
            if silent && entry.status.is_good() {
                entry.status = Status::UNCERTAIN_LAST_USABLE_VALUE;
                stale.extend(entry.seat);
            }
        }
        stale
    }

    /// The shortest silence that any point may keep.
    pub fn shortest_stale(&self) -> Option<Duration> {
        let tags = self.spec.points.iter().filter_map(|point| point.reader.stale);
        tags.chain(self.spec.patterns.iter().filter_map(|pattern| pattern.reader.stale)).min()
    }

    /// Once what the broker kept has come: what each point is worth now. Points that only had messages of the past show
    /// the newest of them; points that had none show what they showed before if the broker kept everything
    /// (`resumed`), else their value is doubtful.
    pub fn settle(&mut self, since: Instant, resumed: bool) -> Vec<(Seat, Sample)> {
        let mut worth = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| entry.heard.is_some()) {
            let newest = entry.newest.take();
            let heard_now = entry.heard.is_some_and(|heard| heard >= since);
            let sample = match newest {
                Some(sample) => Sample { time: None, ..sample },
                None if heard_now => continue,
                None => {
                    if !resumed && entry.status.is_good() {
                        entry.status = Status::UNCERTAIN_LAST_USABLE_VALUE;
                    }
                    Sample { value: Value::None, status: entry.status, time: None }
                }
            };
            worth.extend(entry.seat.map(|seat| (seat, sample)));
        }
        worth
    }
}

impl Reader {
    /// The samples of one point, scaled.
    fn samples(&self, payload: &mut Payload<'_>) -> Vec<Sample> {
        let mut samples = self.mapping.samples(payload, self.wanted);
        if let Some(scaling) = &self.scaling {
            for sample in samples.iter_mut().filter(|sample| sample.value != Value::None) {
                let (value, status) = scaling.apply(std::mem::take(&mut sample.value));
                sample.value = value;
                if status.is_bad() {
                    sample.status = status;
                }
            }
        }
        samples
    }
}

impl Entry {
    fn new(seat: Option<Seat>, reader: &Reader) -> Self {
        Self {
            seat,
            stale: reader.stale,
            retained: reader.retained,
            trusted: reader.mapping.format == Format::Ironbridge,
            heard: None,
            status: Status::BAD_WAITING_FOR_INITIAL_DATA,
            newest: None,
            found: None,
            origin: String::new(),
        }
    }

    /// A value of another type than the first is none of this point.
    fn typed(&self, sample: Sample) -> Sample {
        let fits = sample.value.value_type().is_none_or(|found| self.found == Some(found));
        if fits {
            sample
        } else {
            Sample { value: Value::None, status: Status::BAD_DECODING_ERROR, ..sample }
        }
    }

    /// What a sample is worth, given how it came; `None` if it is not to be used.
    fn admit(&self, point: usize, mut sample: Sample, came: Came<'_>) -> Option<Fresh> {
        let away = |time: Time| came.cut.is_some_and(|(from, to)| (from..=to).contains(&time));
        let mut historical = sample.time.is_some_and(away);
        let old = |time: Time| came.now.since(time) > RECENT;
        if let Some(stored) = came.stored {
            let time = *sample.time.get_or_insert(stored);
            historical |= old(stored) && old(time);
        }
        historical |= self.trusted && sample.time.is_some_and(old);
        if came.retained {
            match (sample.time, self.retained) {
                (_, Retained::Ignore) => return None,
                (Some(time), Retained::Uncertain) => historical |= came.now.since(time) > RECENT,
                // What was heard since is newer than what the broker keeps.
                (None, Retained::Uncertain) if self.heard.is_some() => return None,
                (None, Retained::Uncertain) if sample.status.is_good() => {
                    sample.status = Status::UNCERTAIN_LAST_USABLE_VALUE;
                }
                _ => {}
            }
        }
        Some(Fresh { point, sample, historical })
    }
}
