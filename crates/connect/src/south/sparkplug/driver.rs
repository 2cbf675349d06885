//! The session of the host: STATE, births, data, rebirth requests, commands.

use super::book::{Book, device_name};
use super::config::{File, owner};
use super::host::{Host, Ignored, News, Owner, Sample};
use crate::endless::endless;
use crate::mqtt::broker::Broker;
use crate::mqtt::session::{MAX_FILTERS, Message, Note, Opening, Qos, Session, Will};
use crate::mqtt::sparkplug::{Metric, MetricValue, Payload, REBIRTH, ROOT, Topic, datatype, stamp};
use crate::south::link::Seat;
use crate::south::tags::{Timing, to_double};
use crate::south::{Arrival, DeviceLayout, Driver, GroupLayout, Layout, Link, Origin, Writing};
use futures_util::future::BoxFuture;
use model::{Declaration, Fault, Status, Time, Value};
use prost::Message as _;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often the host looks for births that do not come.
const TICK: Duration = Duration::from_millis(500);
/// Ticket of messages that nobody waits for.
const LOOSE: u64 = u64::MAX;
/// Points that showed up are known again after a restart, if they had a value within this time.
const REMEMBER: Duration = Duration::from_secs(30 * 24 * 3600);

/// What lives as long as one connection.
struct Talk {
    session: Session,
    /// STATE of this session; its death was given to the broker as will.
    since: Time,
    subscribed: bool,
    writes: HashMap<u64, Writing>,
    next_ticket: u64,
    tick_at: Instant,
}

/// See the module.
pub struct SparkplugHost {
    broker: Broker,
    host_id: String,
    filters: Vec<String>,
    layout: Layout,
    host: Host,
    book: Book,
    recalled: bool,
}

impl SparkplugHost {
    /// `layout`: devices and groups that are written down.
    pub fn new(
        broker: Broker,
        host_id: String,
        file: &File,
        book: Book,
        (devices, groups): (Vec<DeviceLayout>, Vec<GroupLayout>),
        timing: Timing,
    ) -> Self {
        let state = format!("{ROOT}/STATE/{host_id}");
        let filters = match file.groups.as_slice() {
            [] => vec![format!("{ROOT}/#")],
            groups => groups.iter().map(|group| format!("{ROOT}/{group}/#")).chain([state]).collect(),
        };
        let layout = timing.layout(devices, groups);
        Self { broker, host_id, filters, layout, host: Host::new(file.limits()), book, recalled: false }
    }

    /// Our id as host application.
    pub fn host_id(&self) -> &str {
        &self.host_id
    }

    fn state_topic(&self) -> String {
        format!("{ROOT}/STATE/{}", self.host_id)
    }

    async fn connect(&mut self, link: &mut Link) -> Result<Talk, Fault> {
        // Section 6.4.26: birth and death of one session carry the same time stamp.
        let since = link.clock().now();
        let will = Will { topic: self.state_topic(), payload: state(false, since), retain: true };
        let mut session = Session::open(&self.broker, &Opening { will: Some(will), ..Opening::default() })?;
        let up = async {
            while !matches!(session.next().await?, Note::Up { .. }) {}
            Ok(())
        };
        link.open(up).await?;
        let filters: Vec<String> = self.filters.iter().take(MAX_FILTERS).cloned().collect();
        session.subscribe(&filters, Qos::AtLeastOnce)?;
        let tick_at = Instant::now() + TICK;
        Ok(Talk { session, since, subscribed: false, writes: HashMap::new(), next_ticket: 0, tick_at })
    }

    async fn run(&mut self, link: &mut Link) -> Result<Infallible, Fault> {
        self.host.disconnected();
        let mut talk = self.connect(link).await?;
        self.recall(link).await?;
        loop {
            self.jobs(&mut talk, link)?;
            if talk.tick_at <= Instant::now() {
                talk.tick_at = Instant::now() + TICK;
                let news = self.host.tick(link.clock().monotonic());
                self.tell(news, &mut talk, link).await?;
            }
            tokio::select! {
                biased;
                note = talk.session.next() => {
                    let note = note?;
                    self.note(note, &mut talk, link).await?;
                }
                () = link.wait(Some(talk.tick_at)) => {}
            }
        }
    }

    async fn note(&mut self, note: Note, talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        match note {
            Note::Subscribed(true) if !talk.subscribed => {
                talk.subscribed = true;
                self.say_state(talk)?;
                link.speaking();
                let news = self.host.ask_all(link.clock().monotonic());
                self.tell(news, talk, link).await
            }
            Note::Subscribed(false) => {
                let topics = self.filters.join(", ");
                let text = format!("the broker refuses a subscription to {topics}; look at its access rules");
                Err(Fault::Security(text.into()))
            }
            Note::Message(message) => self.message(&message, talk, link).await,
            Note::Done { ticket, refused } => {
                self.written(ticket, refused, talk, link);
                Ok(())
            }
            Note::Subscribed(true) | Note::Up { .. } => Ok(()),
        }
    }

    fn say_state(&self, talk: &mut Talk) -> Result<(), Fault> {
        let payload = state(true, talk.since);
        talk.session.publish(&self.state_topic(), payload, Qos::AtLeastOnce, true, LOOSE)
    }

    async fn message(&mut self, message: &Message, talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        link.received(message.topic.len() + message.payload.len());
        if message.topic == self.state_topic() {
            // The will of an earlier session may come late: nobody else says that we are gone.
            let said: serde_json::Value = serde_json::from_slice(&message.payload).unwrap_or_default();
            if said.get("online") == Some(&serde_json::Value::Bool(false)) && talk.subscribed {
                self.say_state(talk)?;
            }
            return Ok(());
        }
        let Some(topic) = Topic::parse(&message.topic) else {
            // STATE of other hosts, and what is none of Sparkplug.
            link.unclaimed(usize::from(!message.topic.starts_with("spBv1.0/STATE/")));
            return Ok(());
        };
        // Births and data are never stored: one that is tells of a past that nobody knows.
        if message.retained {
            link.late();
            return Ok(());
        }
        let whose = Owner {
            group: topic.group.into(),
            node: topic.node.into(),
            device: topic.device.map(Into::into),
        };
        let node = Owner { device: None, ..whose.clone() };
        if !self.book.takes(&whose) && !self.book.takes_any_of(&node) {
            link.unclaimed(1);
            return Ok(());
        }
        let news = self.host.take(&topic, &message.payload, link.clock().monotonic());
        self.tell(news, talk, link).await
    }

    async fn tell(&mut self, news: Vec<News>, talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        for one in news {
            match one {
                News::Born { owner, metrics, gone } => {
                    if self.book.takes(&owner) {
                        self.birth(&owner, metrics, &gone, link).await?;
                    }
                }
                News::Data { owner, samples } => {
                    if let Some(device) = self.book.device(&owner) {
                        link.alive(device);
                        self.arrived(&samples, link);
                    }
                }
                News::Died(owner) => {
                    if let Some(device) = self.book.device(&owner) {
                        let who = if owner.device.is_some() { "device" } else { "node" };
                        link.silent(
                            device,
                            &Fault::Lost(format!("the {who} is offline (its death was told)").into()),
                        );
                    }
                }
                News::Unsure(node) => self.unsure(&node, link),
                News::Ask(node) => self.ask(&node, talk, link)?,
                News::Ignored(why) => match why {
                    Ignored::Malformed(why) => {
                        tracing::debug!(
                            connection = link.name(),
                            why,
                            "a Sparkplug message was not understood"
                        );
                        link.bad_frame();
                    }
                    Ignored::Unborn | Ignored::OldDeath => link.late(),
                    Ignored::Unsupported(count) => link.unclaimed(count),
                    Ignored::NoRoom(count) => link.no_room(count),
                },
            }
        }
        Ok(())
    }

    async fn birth(
        &mut self,
        owner: &Owner,
        metrics: Vec<super::host::Born>,
        gone: &[u32],
        link: &mut Link,
    ) -> Result<(), Fault> {
        let device = self.device(owner, link);
        let left = self.book.gone(gone);
        link.retire(&left);
        let wish = self.book.born(owner, &metrics);
        link.no_room(wish.no_room);
        if !wish.fresh.is_empty() {
            let declarations = wish.fresh.iter().map(|(_, declaration)| declaration.clone()).collect();
            let seats = link.declare(device, declarations).await?;
            self.book.made(wish.fresh, &seats);
        }
        link.alive(device);
        let samples: Vec<Sample> = metrics.into_iter().map(|born| born.sample).collect();
        self.arrived(&samples, link);
        // Written down, but the node has no such metric.
        let missing = wish.missing.into_iter();
        quality(missing, Status::BAD_CONFIGURATION_ERROR, link);
        Ok(())
    }

    /// Index of a node or device; a new one has a row on the page from now on.
    fn device(&mut self, owner: &Owner, link: &mut Link) -> usize {
        self.book.device(owner).unwrap_or_else(|| {
            let (name, unit) = (device_name(owner), owner.to_string());
            let device = link.add_device(DeviceLayout { name, unit, excluded: Vec::new() });
            self.book.add_device(owner.clone(), device);
            device
        })
    }

    fn arrived(&self, samples: &[Sample], link: &mut Link) {
        let (mut live, mut past): (BTreeMap<usize, Vec<Arrival>>, BTreeMap<usize, Vec<Arrival>>) =
            Default::default();
        let mut strangers = 0;
        for sample in samples {
            let Some(((group, row), value, status)) = self.book.value(sample) else {
                strangers += 1;
                continue;
            };
            let arrival = Arrival { row, value, status, source: sample.time };
            if sample.historical { &mut past } else { &mut live }.entry(group).or_default().push(arrival);
        }
        link.unclaimed(strangers);
        // Nobody says whether the node's clock is right.
        let origin = |historical| Origin { synchronised: false, historical };
        for (group, arrivals) in past {
            link.arrived(group, origin(true), arrivals);
        }
        for (group, arrivals) in live {
            link.arrived(group, origin(false), arrivals);
        }
    }

    /// Messages of the node were missed: what was Good is doubtful until its births.
    fn unsure(&self, node: &Owner, link: &mut Link) {
        let seats = self.book.seats_of(|metric| {
            self.host
                .metric(metric)
                .is_some_and(|known| known.owner.group == node.group && known.owner.node == node.node)
        });
        let good = |(group, row): &Seat| {
            let last = link.point(*group, *row).and_then(|id| link.namespace().last(id));
            last.is_some_and(|last| last.status.is_good())
        };
        let doubtful: Vec<Seat> = seats.into_iter().filter(good).collect();
        quality(doubtful.into_iter(), Status::UNCERTAIN_LAST_USABLE_VALUE, link);
    }

    fn ask(&self, node: &Owner, talk: &mut Talk, link: &Link) -> Result<(), Fault> {
        let now = stamp(link.clock().now());
        let metric = Metric {
            name: Some(REBIRTH.into()),
            timestamp: Some(now),
            datatype: Some(datatype::BOOLEAN),
            value: Some(MetricValue::Boolean(true)),
            ..Metric::default()
        };
        let payload = Payload { timestamp: Some(now), metrics: vec![metric], seq: None }.encode_to_vec();
        if talk.session.has_room() {
            let topic = format!("{ROOT}/{}/NCMD/{}", node.group, node.node);
            link.sent(topic.len() + payload.len());
            talk.session.publish(&topic, payload, Qos::AtMostOnce, false, LOOSE)?;
        }
        Ok(())
    }

    /// Once: what showed up before this start is known again, with the value it had, and asked for.
    async fn recall(&mut self, link: &mut Link) -> Result<(), Fault> {
        if std::mem::replace(&mut self.recalled, true) {
            return Ok(());
        }
        let written: Vec<Owner> = self.book.owners().map(|(owner, _)| owner.clone()).collect();
        written.iter().for_each(|owner| self.host.expect(owner));
        // What a tag was before this start says nothing about now.
        let (known, new): (Vec<Seat>, Vec<Seat>) = self.book.tag_seats().partition(|(group, row)| {
            let last = link.point(*group, *row).and_then(|id| link.namespace().last(id));
            last.is_some_and(|last| last.value != Value::None)
        });
        quality(known.into_iter(), Status::BAD_COMMUNICATION_ERROR, link);
        quality(new.into_iter(), Status::BAD_NO_COMMUNICATION, link);
        let mut by_owner: BTreeMap<Owner, Vec<Arc<Declaration>>> = BTreeMap::new();
        for declaration in link.remembered(REMEMBER) {
            let whose = declaration.source.split_once(' ').and_then(|(whose, _)| owner(whose));
            if let Some(owner) = whose.filter(|owner| self.book.would_make(owner, &declaration)) {
                by_owner.entry(owner).or_default().push(declaration);
            }
        }
        for (owner, declarations) in by_owner {
            self.host.expect(&owner);
            let device = self.device(&owner, link);
            let seats =
                link.declare(device, declarations.iter().map(|known| (**known).clone()).collect()).await?;
            let known = declarations.iter().zip(seats).filter_map(|(known, seat)| Some((known, seat?)));
            let mut seats = Vec::new();
            for (declaration, seat) in known {
                self.book.recalled(declaration, seat);
                seats.push(seat);
            }
            quality(seats.into_iter(), Status::BAD_COMMUNICATION_ERROR, link);
        }
        Ok(())
    }

    fn jobs(&mut self, talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        while let Some(writing) = link.take_write() {
            self.write(writing, talk, link)?;
        }
        Ok(())
    }

    fn write(&mut self, writing: Writing, talk: &mut Talk, link: &Link) -> Result<(), Fault> {
        match self.command(&writing, link.clock().now()) {
            Err(why) => writing.unsent(link, &why),
            Ok(_) if !talk.session.has_room() => writing.unsent(link, "the broker is busy; nothing was sent"),
            Ok((topic, payload)) => {
                link.write_sent();
                link.sent(topic.len() + payload.len());
                let ticket = talk.next_ticket;
                talk.next_ticket += 1;
                talk.session.publish(&topic, payload, Qos::AtMostOnce, false, ticket)?;
                talk.writes.insert(ticket, writing);
            }
        }
        Ok(())
    }

    /// Topic and payload of NCMD or DCMD (section 6.4.23, 6.4.24): by alias where the birth gave one, else by name.
    fn command(&self, writing: &Writing, now: Time) -> Result<(String, Vec<u8>), String> {
        let unborn = || "the node was not born, or messages of it were missed; nothing was sent".to_owned();
        let (metric, scaling) = self.book.metric((writing.group(), writing.row())).ok_or_else(unborn)?;
        let known =
            self.host.metric(metric).filter(|known| self.host.is_born(&known.owner)).ok_or_else(unborn)?;
        let raw = match writing.value() {
            value @ (Value::F64(_) | Value::I64(_) | Value::U64(_)) if scaling.is_some() => {
                Value::F64(to_double(value, scaling)?)
            }
            value => value.clone(),
        };
        let metric = Metric {
            name: known.alias.is_none().then(|| known.name.to_string()),
            alias: known.alias,
            timestamp: Some(stamp(now)),
            datatype: Some(known.datatype),
            value: Some(MetricValue::fit(&raw, known.datatype)?),
            ..Metric::default()
        };
        let payload = Payload { timestamp: Some(stamp(now)), metrics: vec![metric], seq: None };
        let Owner { group, node, device } = &known.owner;
        let topic = match device {
            Some(device) => format!("{ROOT}/{group}/DCMD/{node}/{device}"),
            None => format!("{ROOT}/{group}/NCMD/{node}"),
        };
        Ok((topic, payload.encode_to_vec()))
    }

    /// A command is on its way to the broker: from here the metric itself confirms it.
    fn written(&mut self, ticket: u64, refused: Option<String>, talk: &mut Talk, link: &Link) {
        let Some(writing) = talk.writes.remove(&ticket) else { return };
        writing.delivered(refused, "its metric is not read back", link);
    }
}

impl Driver for SparkplugHost {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        // Ended from outside, the connection closes without a word, and the broker publishes our will: offline.
        endless(self.run(link))
    }
}

/// STATE (section 6.4.26).
fn state(online: bool, since: Time) -> Vec<u8> {
    format!("{{\"online\":{online},\"timestamp\":{}}}", stamp(since)).into_bytes()
}

/// Gives points another quality; their values stay.
fn quality(seats: impl Iterator<Item = Seat>, status: Status, link: &mut Link) {
    let mut by_group: BTreeMap<usize, Vec<Arrival>> = BTreeMap::new();
    for (group, row) in seats {
        by_group.entry(group).or_default().push(Arrival { row, value: Value::None, status, source: None });
    }
    for (group, arrivals) in by_group {
        link.arrived(group, Origin::LIVE, arrivals);
    }
}
