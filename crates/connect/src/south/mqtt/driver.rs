//! The session with the broker: subscribe, take messages, acknowledge what is on disk, publish writes.

use super::config::File;
use crate::mqtt::broker::Broker;
use crate::mqtt::session::{MAX_FILTERS, Message, Note, Opening, Qos, Session};
use crate::south::messages::{Came, Command, Intake, Spec, filters};
use crate::south::tags::{Scaling, Timing, to_double};
use crate::south::{Driver, Layout, Link, Writing};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::event::severity;
use model::{Event, EventKind, Fault, Position, Time, Value};
use namespace::journal::Journal;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;

/// Most messages that wait for the disk before they are acknowledged; a broker with MQTT 5 is told so.
const MAX_UNSYNCED: u16 = 1_000;
/// So many of them ask for the disk at once: a broker that allows twenty on their way would wait for the interval.
const HURRY_AT: usize = 10;
/// The disk is asked at most this often.
const HURRY_EVERY: Duration = Duration::from_millis(10);
/// Messages taken together where they are there already.
const TOGETHER: usize = 256;
/// So long nothing must come for what the broker kept to be taken as complete.
const SETTLE: Duration = Duration::from_millis(300);

/// What lives as long as one connection.
struct Talk {
    session: Session,
    /// Filters not subscribed to yet.
    filters: VecDeque<Vec<String>>,
    /// From when to when we were away.
    cut: Option<(Time, Time)>,
    resumed: bool,
    since: Instant,
    /// When what the broker kept is taken to have come.
    settle_at: Option<Instant>,
    unsynced: VecDeque<(Position, u16)>,
    hurried: Instant,
    writes: HashMap<u64, Writing>,
    next_ticket: u64,
}

/// See the module.
pub struct MqttIn {
    broker: Broker,
    opening: Opening,
    qos: Qos,
    filters: Vec<String>,
    layout: Layout,
    intake: Intake,
    /// When the broker was last known to be there.
    alive_at: Option<Time>,
    /// A message was too large: it stands before all others at the broker, and has to be given up.
    stuck: bool,
}

impl MqttIn {
    /// `spec` gives up its tags to groups.
    pub fn new(connection: &str, broker: Broker, file: &File, spec: Spec, timing: Timing) -> Self {
        let qos = if file.qos == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce };
        let kept = (qos == Qos::AtLeastOnce).then_some(file.keep_session.0);
        let by_hand = (qos == Qos::AtLeastOnce).then_some(MAX_UNSYNCED);
        let filters = filters(&spec);
        let (intake, layout) = Intake::new(connection, spec, "topics", timing);
        Self {
            broker,
            opening: Opening { will: None, keep: kept.filter(|keep| !keep.is_zero()), by_hand },
            qos,
            filters,
            layout,
            intake,
            alive_at: None,
            stuck: false,
        }
    }

    async fn connect(&mut self, link: &mut Link) -> Result<Talk, Fault> {
        let mut session = Session::open(&self.broker, &self.opening)?;
        let broker = self.stuck.then(|| self.broker.clone());
        let resumed = link
            .open(async {
                // A session that begins anew forgets what the broker kept, the message included that cannot be taken.
                if let Some(broker) = broker {
                    let mut broom = Session::open(&broker, &Opening::default())?;
                    up(&mut broom).await?;
                    broom.close().await;
                }
                up(&mut session).await
            })
            .await?;
        if std::mem::take(&mut self.stuck) {
            self.tell_given_up(link);
        }
        let now = link.clock().now();
        Ok(Talk {
            session,
            filters: self.filters.chunks(MAX_FILTERS).map(<[String]>::to_vec).collect(),
            cut: self.alive_at.filter(|_| resumed).map(|from| (from, now)),
            resumed,
            since: Instant::now(),
            settle_at: None,
            unsynced: VecDeque::new(),
            hurried: Instant::now(),
            writes: HashMap::new(),
            next_ticket: 0,
        })
    }

    /// A message was given up, and everything that waited with it.
    fn tell_given_up(&self, link: &Link) {
        link.bad_frame();
        let (at, source) = (link.clock().now(), format!("connection/{}", link.name()));
        let id = format!("{source}/too-large/{:x}", at.0);
        let title = format!(
            "Connection {}: a message is too large, and what waited at the broker was given up",
            link.name()
        );
        let mut event = Event::info(EventKind::Fault, id, source, at, title);
        event.severity = severity::MEDIUM;
        let text = "The broker sends what was not acknowledged again and again; the connection would never get past it.";
        let next =
            "Leave the topic of the large messages out, or use MQTT 5: the broker then drops them by itself.";
        link.namespace().event(event.explained(text, next));
    }

    async fn run(&mut self, link: &mut Link) -> Result<Infallible, Fault> {
        let mut talk = self.connect(link).await?;
        self.intake.recall(link).await?;
        // The first subscription; the others follow as each is answered.
        self.subscribed(&mut talk, link)?;
        loop {
            self.jobs(&mut talk, link)?;
            self.settle(&mut talk, link);
            self.intake.sweep(link);
            self.alive_at = Some(link.clock().now());
            let journal = link.namespace().journal().clone();
            let front = talk.unsynced.front().map(|(position, _)| *position);
            let room = talk.unsynced.len() < usize::from(MAX_UNSYNCED);
            let until = self.intake.sweep_at().into_iter().chain(talk.settle_at).min();
            tokio::select! {
                biased;
                synced = synced(&journal, front) => {
                    synced?;
                    acknowledge(&mut talk, &journal)?;
                }
                note = talk.session.next(), if room => {
                    let note = note?;
                    self.notes(note, &mut talk, link).await?;
                }
                ended = self.intake.ended() => drop(self.intake.concluded(ended, link)),
                () = link.wait(until) => {}
            }
        }
    }

    /// What there is to do at once, without waiting for more.
    async fn notes(&mut self, first: Note, talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        let mut messages = Vec::new();
        let mut next = Some(Ok(first));
        let mut ended = Ok(());
        while let Some(note) = next {
            match note {
                Ok(Note::Message(message)) => messages.push(message),
                Ok(Note::Subscribed(true)) => self.subscribed(talk, link)?,
                Ok(Note::Subscribed(false)) => {
                    let text = "the broker refuses a subscription; look at its access rules for this user";
                    return Err(Fault::Security(text.into()));
                }
                Ok(Note::Done { ticket, refused }) => self.written(ticket, refused, talk, link),
                Ok(Note::Up { .. }) => {}
                // What came before the end counts.
                Err(fault) => ended = Err(fault),
            }
            let more = ended.is_ok() && messages.len() < TOGETHER;
            next = if more { talk.session.next().now_or_never() } else { None };
        }
        if !messages.is_empty() {
            self.take(&messages, talk, link).await?;
        }
        ended
    }

    /// A subscription stands: the next one, or all do.
    fn subscribed(&mut self, talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        if let Some(filters) = talk.filters.pop_front() {
            return talk.session.subscribe(&filters, self.qos);
        }
        for device in 0..self.intake.devices() {
            link.alive(device);
        }
        link.awaits();
        talk.settle_at = Some(Instant::now() + SETTLE);
        Ok(())
    }

    /// What the broker kept has come: points whose last news are of the past show them as their present value.
    fn settle(&mut self, talk: &mut Talk, link: &mut Link) {
        if talk.settle_at.take_if(|at| *at <= Instant::now()).is_none() {
            return;
        }
        self.intake.settle(talk.since, talk.resumed, link);
    }

    async fn take(&mut self, messages: &[Message], talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        let (now, cut) = (link.clock().now(), talk.cut);
        let came = messages.iter().map(|message| Came {
            topic: &message.topic,
            payload: &message.payload,
            retained: message.retained,
            stored: None,
            now,
            cut,
        });
        let done = self.intake.take(&came.collect::<Vec<_>>(), link).await?;
        if talk.settle_at.is_some() || done.historical {
            talk.settle_at = Some(Instant::now() + SETTLE);
        }
        // What made no sample needs no disk, but keeps its place in the row.
        let position = done.position.unwrap_or_else(|| link.namespace().journal().synced());
        talk.unsynced.extend(messages.iter().filter(|m| m.packet != 0).map(|m| (position, m.packet)));
        if talk.unsynced.len() >= HURRY_AT && talk.hurried.elapsed() >= HURRY_EVERY {
            talk.hurried = Instant::now();
            link.namespace().journal().hurry();
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
        let spec = self.intake.tag((writing.group(), writing.row()));
        let Some((command, scaling)) =
            spec.and_then(|spec| Some((spec.command.as_ref()?, &spec.reader.scaling)))
        else {
            writing.unsent(link, "no topic is configured to which this point is written");
            return Ok(());
        };
        if !talk.session.has_room() {
            writing.unsent(link, "the broker is busy; nothing was sent");
            return Ok(());
        }
        match payload(command, writing.value(), scaling.as_deref()) {
            Err(why) => writing.unsent(link, &why),
            Ok(payload) => {
                link.write_sent();
                link.sent(command.topic.len() + payload.len());
                let ticket = talk.next_ticket;
                talk.next_ticket += 1;
                talk.session.publish(&command.topic, payload, Qos::AtLeastOnce, false, ticket)?;
                talk.writes.insert(ticket, writing);
            }
        }
        Ok(())
    }

    /// The broker has a write, or refuses it.
    fn written(&mut self, ticket: u64, refused: Option<String>, talk: &mut Talk, link: &Link) {
        let Some(writing) = talk.writes.remove(&ticket) else { return };
        writing.delivered(refused, "its topic is not read back", link);
    }
}

impl Driver for MqttIn {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        async move {
            let Err(fault) = self.run(link).await;
            self.stuck |= matches!(fault, Fault::Protocol(_)) && self.opening.keep.is_some();
            fault
        }
        .boxed()
    }
}

/// Waits for the broker's yes; whether it still knows the session before.
async fn up(session: &mut Session) -> Result<bool, Fault> {
    loop {
        if let Note::Up { resumed } = session.next().await? {
            return Ok(resumed);
        }
    }
}

/// Waits until the oldest message is on disk; for ever if none waits.
async fn synced(journal: &Journal, front: Option<Position>) -> Result<(), Fault> {
    match front {
        Some(position) => journal.wait_synced(position).await.map_err(|why| {
            // Not acknowledged: the broker sends it again in the next session.
            Fault::Lost(format!("messages could not be kept, and are asked for again: {why}").into())
        }),
        None => std::future::pending().await,
    }
}

/// Acknowledges everything that is on disk.
fn acknowledge(talk: &mut Talk, journal: &Journal) -> Result<(), Fault> {
    let synced = journal.synced();
    while let Some((_, packet)) = talk.unsynced.pop_front_if(|(position, _)| *position <= synced) {
        talk.session.acknowledge(packet)?;
    }
    Ok(())
}

/// The payload of a write.
fn payload(command: &Command, value: &Value, scaling: Option<&Scaling>) -> Result<Vec<u8>, String> {
    let scaled = match value {
        Value::F64(_) | Value::I64(_) | Value::U64(_) if scaling.is_some() => {
            Value::F64(to_double(value, scaling)?)
        }
        other => other.clone(),
    };
    let text = match (&scaled, &command.around) {
        // In a template a text is JSON, with its quotes.
        (Value::Text(text), Some(_)) => serde_json::to_string(&**text).map_err(|why| why.to_string())?,
        (other, _) => other.to_string(),
    };
    Ok(match &command.around {
        Some((before, behind)) => format!("{before}{text}{behind}"),
        None => text,
    }
    .into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_writes() {
        let command = |around: Option<(&str, &str)>| Command {
            topic: "t".into(),
            around: around.map(|(before, behind)| (before.into(), behind.into())),
        };
        for (value, around, expected) in [
            (Value::F64(21.5), None, "21.5"),
            (Value::Bool(true), None, "true"),
            (Value::from("a \"b\""), None, "a \"b\""),
            (Value::F64(300.0), Some(("{\"v\":", "}")), "{\"v\":300}"),
            (Value::from("a \"b\""), Some(("{\"v\":", "}")), "{\"v\":\"a \\\"b\\\"\"}"),
        ] {
            assert_eq!(payload(&command(around), &value, None), Ok(expected.as_bytes().to_vec()));
        }
    }
}
