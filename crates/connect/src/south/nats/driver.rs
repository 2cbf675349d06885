//! The session with the stream: pull, take messages, acknowledge what is on disk.

use super::config::{File, Start};
use crate::endless::endless;
use crate::kind::{Context, Secrets};
use crate::nats::{Heard, Incoming, PullEnd, STREAM_NOT_FOUND, Servers, Session, api, error_of};
use crate::north::keep::Keep;
use crate::south::messages::{Came, Intake, Seen, Spec, filters};
use crate::south::{Driver, Layout, Link};
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use model::{Fault, Position, Time};
use namespace::journal::Journal;
use serde_json::{Value as Json, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// "Consumer not found" (JetStream's own error codes).
const CONSUMER_NOT_FOUND: u64 = 10_014;
/// What is not acknowledged within this time comes again.
const ACK_WAIT: Duration = Duration::from_secs(15);
/// How long one pull stays at the server, and how often it says meanwhile that it is there.
const PULL: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A server that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(20);
/// So many messages ask for the disk at once, at most this often.
const HURRY_AT: usize = 10;
const HURRY_EVERY: Duration = Duration::from_millis(10);
/// Messages taken together where they are there already.
const TOGETHER: usize = 256;
/// So long nothing more must come, once the stream has no more, for what it kept to be taken as complete.
const SETTLE: Duration = Duration::from_millis(300);
/// What a message asked for is waited for so long before it is acknowledged; less than [`ACK_WAIT`].
const ASKING: Duration = Duration::from_secs(10);
/// How often it is kept on our disk from where the journal has to be read at a start.
const REMEMBER: Duration = Duration::from_secs(5);
/// Name under which it is kept.
const SEEN: &str = "seen from";

/// What is read.
pub struct Place {
    stream: String,
    domain: Option<String>,
    consumer: String,
    filters: Vec<String>,
    start: Start,
    window: usize,
}

impl Place {
    pub fn new(file: &File, consumer: String, spec: &Spec) -> Self {
        Self {
            stream: file.stream.name.clone(),
            domain: file.stream.domain.clone(),
            consumer,
            filters: filters(spec),
            start: file.start,
            window: usize::try_from(file.window).unwrap_or(1),
        }
    }

    fn api(&self, what: &str) -> String {
        api(self.domain.as_deref(), &format!("CONSUMER.{what}.{}.{}", self.stream, self.consumer))
    }

    /// Sets in the configuration of a consumer what may change.
    fn shape(&self, config: &mut Json) {
        let Some(config) = config.as_object_mut() else { return };
        for key in ["filter_subject", "filter_subjects"] {
            config.remove(key);
        }
        // Several at once are known from server 2.10 on; an older one sends everything, and what nobody reads is counted.
        match self.filters.as_slice() {
            [one] => _ = config.insert("filter_subject".into(), one.clone().into()),
            some => _ = config.insert("filter_subjects".into(), some.into()),
        }
        config.insert("max_ack_pending".into(), self.window.into());
    }

    /// Makes the consumer if it is not there. Whether it was, and how many messages wait.
    async fn ready(&self, session: &mut Session) -> Result<(bool, u64), Fault> {
        let info = session.request(&self.api("INFO"), "").await?;
        let known = match error_of(&info) {
            None => true,
            Some((CONSUMER_NOT_FOUND, _)) => false,
            Some((STREAM_NOT_FOUND, _)) => {
                let why = format!(
                    "there is no stream `{}`: whoever fills it makes it, e.g. the destination of a gateway, or `nats stream add`",
                    self.stream
                );
                return Err(Fault::Connect(why.into()));
            }
            Some((_, why)) => return Err(self.refused(&why)),
        };
        let policy = if self.start == Start::Now { "new" } else { "all" };
        let nanos = u64::try_from(ACK_WAIT.as_nanos()).unwrap_or(u64::MAX);
        let mut config = match info.get("config").filter(|_| known) {
            Some(config) => config.clone(),
            None => json!({
                "durable_name": self.consumer, "deliver_policy": policy, "ack_policy": "explicit",
                "ack_wait": nanos, "max_deliver": -1, "replay_policy": "instant",
            }),
        };
        let before = config.clone();
        self.shape(&mut config);
        if !known || config != before {
            let ask = json!({ "stream_name": self.stream, "config": config }).to_string();
            let answer = session.request(&self.api("DURABLE.CREATE"), &ask).await?;
            if let Some((_, why)) = error_of(&answer) {
                return Err(self.refused(&why));
            }
        }
        let waiting = |key: &str| info.get(key).and_then(Json::as_u64).unwrap_or(0);
        Ok((known, if known { waiting("num_pending") + waiting("num_ack_pending") } else { u64::MAX }))
    }

    fn refused(&self, why: &str) -> Fault {
        let text =
            format!("the consumer `{}` of the stream `{}` cannot be used: {why}", self.consumer, self.stream);
        Fault::Config(text.into())
    }
}

/// What lives as long as one session.
struct Talk {
    session: Session,
    /// Messages of the pull under way that have not come.
    asked: usize,
    /// What waits for the disk before it is acknowledged, in the order in which it came.
    unsynced: VecDeque<(Position, String)>,
    /// What asked for something that has not ended.
    asking: FuturesUnordered<BoxFuture<'static, (Position, String)>>,
    hurried: Instant,
    since: Instant,
    resumed: bool,
    settle_at: Option<Instant>,
    heard_at: Instant,
}

/// See the module.
pub struct NatsIn {
    servers: Servers,
    place: Place,
    secrets: Arc<dyn Secrets>,
    name: String,
    keep: Option<Keep>,
    remembered: Instant,
    intake: Intake,
    layout: Layout,
}

impl NatsIn {
    pub fn new(context: &Context, servers: Servers, place: Place, intake: Intake, layout: Layout) -> Self {
        let (secrets, name) = (context.secrets.clone(), context.name.clone());
        Self { servers, place, secrets, name, keep: None, remembered: Instant::now(), intake, layout }
    }

    async fn run(&mut self, link: &mut Link) -> Result<Infallible, Fault> {
        let (servers, place) = (&mut self.servers, &self.place);
        let (session, resumed, waiting) = link
            .open(async {
                let mut session = Session::open(servers).await?;
                let (resumed, waiting) = place.ready(&mut session).await?;
                Ok((session, resumed, waiting))
            })
            .await?;
        link.speaking();
        self.recall(link).await?;
        let now = Instant::now();
        let settle_at = (waiting == 0).then(|| now + SETTLE);
        let mut talk = Talk {
            session,
            asked: 0,
            unsynced: VecDeque::new(),
            asking: FuturesUnordered::new(),
            hurried: now,
            since: now,
            resumed,
            settle_at,
            heard_at: now,
        };
        for device in 0..self.intake.devices() {
            link.alive(device);
        }
        loop {
            // Nothing is scanned or probed, and no point can be written.
            while link.take().is_some() {}
            self.intake.sweep(link);
            if talk.settle_at.take_if(|at| *at <= Instant::now()).is_some() {
                self.intake.settle(talk.since, talk.resumed, link);
            }
            self.pull(&mut talk);
            self.remember().await?;
            talk.session.flush().await?;
            self.step(&mut talk, link).await?;
        }
    }

    /// Waits for one thing to do, and does it.
    async fn step(&mut self, talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        let journal = link.namespace().journal().clone();
        let front = talk.unsynced.front().map(|(position, _)| *position);
        // Orders are carried out in the order in which they come.
        let room = talk.unsynced.len() < self.place.window && talk.asking.is_empty();
        let silent_at = talk.heard_at + SILENCE;
        let until = self.intake.sweep_at().into_iter().chain(talk.settle_at).chain([silent_at]).min();
        tokio::select! {
            biased;
            synced = synced(&journal, front) => {
                synced?;
                acknowledge(talk, &journal);
            }
            heard = talk.session.next(), if room => {
                talk.heard_at = Instant::now();
                self.heard(heard?, talk, link).await?;
            }
            Some((position, reply)) = talk.asking.next() => talk.unsynced.push_back((position, reply)),
            ended = self.intake.ended() => drop(self.intake.concluded(ended, link)),
            () = link.wait(until) => {
                if room && talk.heard_at.elapsed() >= SILENCE {
                    return Err(Fault::Lost("the server says nothing any more".into()));
                }
            }
        }
        Ok(())
    }

    /// Asks for more, once what was asked for has come.
    fn pull(&self, talk: &mut Talk) {
        let room = self.place.window.saturating_sub(talk.unsynced.len());
        if talk.asked == 0 && room > 0 {
            talk.session.pull(&self.place.api("MSG.NEXT"), room, PULL, HEARTBEAT);
            talk.asked = room;
        }
    }

    /// What there is to do at once, without waiting for more.
    async fn heard(&mut self, first: Heard, talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        let mut messages = Vec::new();
        let mut next = Some(Ok(first));
        let mut ended = Ok(());
        while let Some(heard) = next {
            match heard {
                Ok(Heard::Message(message)) => {
                    talk.asked = talk.asked.saturating_sub(1);
                    messages.push(message);
                }
                Ok(Heard::Pull(PullEnd::Over)) => talk.asked = 0,
                Ok(Heard::Pull(PullEnd::Gone)) => {
                    ended = Err(Fault::Lost(
                        "the consumer was removed, or its cluster is choosing a leader".into(),
                    ));
                }
                Ok(Heard::Pull(PullEnd::Alive) | Heard::Ack { .. } | Heard::Nothing) => {}
                // What came before the end counts.
                Err(fault) => ended = Err(fault),
            }
            // One that asks for something is acknowledged by itself.
            let together = if self.intake.asks() { 1 } else { TOGETHER };
            let more = ended.is_ok() && messages.len() < together;
            next = if more { talk.session.next().now_or_never() } else { None };
        }
        if !messages.is_empty() {
            self.take(messages, talk, link).await?;
        }
        ended
    }

    async fn take(&mut self, messages: Vec<Incoming>, talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        let now = link.clock().now();
        let about: Vec<Option<(Time, u64)>> = messages.iter().map(|message| stored(&message.reply)).collect();
        let came = messages.iter().zip(&about).map(|(message, about)| Came {
            topic: &message.subject,
            payload: &message.payload,
            retained: false,
            stored: about.map(|(time, _)| time),
            now,
            cut: None,
        });
        let done = self.intake.take(&came.collect::<Vec<_>>(), link).await?;
        let caught_up = about.last().is_some_and(|about| about.is_some_and(|(_, waiting)| waiting == 0));
        if caught_up && (talk.settle_at.is_some() || done.historical || talk.since.elapsed() < SILENCE) {
            talk.settle_at = Some(Instant::now() + SETTLE);
        }
        let journal = link.namespace().journal();
        // What made no sample needs no disk, but keeps its place in the row; what came again may not be on disk yet.
        let nothing = if done.repeated > 0 { journal.head() } else { journal.synced() };
        let position = done.position.unwrap_or(nothing);
        if !done.commands.is_empty() {
            let replies: Vec<String> = messages.into_iter().map(|message| message.reply).collect();
            let (reply, ends) =
                (replies.concat(), done.commands.into_iter().map(|command| command.end(ASKING)));
            let ends = join_all(ends);
            talk.asking.push(Box::pin(async move {
                ends.await;
                (position, reply)
            }));
            return Ok(());
        }
        talk.unsynced.extend(messages.into_iter().map(|message| (position, message.reply)));
        if talk.unsynced.len() >= HURRY_AT && talk.hurried.elapsed() >= HURRY_EVERY {
            talk.hurried = Instant::now();
            journal.hurry();
        }
        Ok(())
    }

    /// What showed up earlier is known again; once, what came lately is read from the journal.
    async fn recall(&mut self, link: &mut Link) -> Result<(), Fault> {
        if self.intake.seen().is_none() {
            let head = link.namespace().journal().head();
            let (namespace, name) = (link.namespace().clone(), self.name.clone());
            let folder = self.secrets.data().map(|data| data.join("nats"));
            let read = move || -> Result<(Option<Keep>, Seen), String> {
                let mut keep = folder.map(|folder| Keep::open(&folder, &name)).transpose()?;
                let from = keep.as_ref().and_then(|keep| keep.number(SEEN)).map(Position);
                let seen = match from {
                    Some(from) => Seen::read(&namespace, &name, from),
                    None => Seen::new(head),
                };
                if let Some(keep) = &mut keep {
                    keep.set_number(SEEN, seen.from().0);
                    keep.write().map_err(|why| why.to_string())?;
                }
                Ok((keep, seen))
            };
            let (keep, seen) = blocking(read).await?;
            self.keep = keep;
            self.intake.leave_out(seen);
        }
        self.intake.recall(link).await
    }

    /// Keeps from time to time from where a later start has to read.
    async fn remember(&mut self) -> Result<(), Fault> {
        let from = self.intake.seen().map(|seen| seen.from().0);
        let (Some(keep), Some(from)) = (&mut self.keep, from) else { return Ok(()) };
        if keep.number(SEEN) == Some(from) || self.remembered.elapsed() < REMEMBER {
            return Ok(());
        }
        self.remembered = Instant::now();
        keep.set_number(SEEN, from);
        let keep = keep.clone();
        blocking(move || keep.write().map_err(|why| why.to_string())).await
    }
}

impl Driver for NatsIn {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        endless(self.run(link))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(why)) => Err(Fault::Connect(format!("the data folder: {why}").into())),
        Err(panic) => Err(Fault::Connect(panic.to_string().into())),
    }
}

/// Waits until the oldest message is on disk; for ever if none waits.
async fn synced(journal: &Journal, front: Option<Position>) -> Result<(), Fault> {
    match front {
        Some(position) => journal.wait_synced(position).await.map_err(|why| {
            // Not acknowledged: the stream gives it again.
            Fault::Lost(format!("messages could not be kept, and are asked for again: {why}").into())
        }),
        None => std::future::pending().await,
    }
}

/// Acknowledges everything that is on disk.
fn acknowledge(talk: &mut Talk, journal: &Journal) {
    let synced = journal.synced();
    while let Some((_, reply)) = talk.unsynced.pop_front_if(|(position, _)| *position <= synced) {
        talk.session.acknowledge(&reply);
    }
}

/// When the stream stored a message, and how many wait behind it, from where it is acknowledged:
/// `$JS.ACK.STREAM.CONSUMER.DELIVERED.STREAM_SEQ.CONSUMER_SEQ.NANOSECONDS.PENDING`, with domain and account before the
/// stream and perhaps one more token at its end (ADR-15 of NATS).
fn stored(reply: &str) -> Option<(Time, u64)> {
    let tokens: Vec<&str> = reply.split('.').collect();
    let at = match tokens.len() {
        9 => 7,
        11.. => 9,
        _ => return None,
    };
    Some((Time(tokens.get(at)?.parse().ok()?), tokens.get(at + 1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_when_it_was_stored() {
        for (reply, expected) in [
            ("$JS.ACK.PLANT.hub.1.17.5.1767225600123456789.3", Some((1_767_225_600_123_456_789, 3))),
            (
                "$JS.ACK.hub.ACC.PLANT.hub.2.17.5.1767225600123456789.0.x7",
                Some((1_767_225_600_123_456_789, 0)),
            ),
            ("_INBOX.x", None),
            ("$JS.ACK.PLANT.hub.1.17.5.soon.3", None),
        ] {
            assert_eq!(stored(reply), expected.map(|(time, pending)| (Time(time), pending)), "{reply}");
        }
    }
}
