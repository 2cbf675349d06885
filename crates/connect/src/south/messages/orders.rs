//! Orders under way: from what a message asks for to the outcome that stands beside it.

use super::ask::{AskSpec, Asked, Wish};
use super::book::Came;
use super::payload::Payload;
use crate::south::link::Seat;
use crate::south::{Link, OrderWay};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use model::event::severity;
use model::{Command, Event, EventKind, Outcome, Principal, Role};
use namespace::{Progress, Ticket};
use std::time::Duration;

/// Orders under way at once; more are rejected.
const MOST: usize = 64;
/// Longest text of an outcome, characters.
const LONGEST: usize = 400;

/// What became of an order.
pub struct Ended {
    /// Index of what it asked for.
    pub ask: usize,
    /// What is written down beside it.
    pub text: String,
}

/// What a message asked for, for whoever waits for it.
pub struct Commanded {
    name: String,
    id: String,
    progress: Result<Ticket, String>,
}

/// What became of what a message asked for, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The command's name in the file.
    pub command: String,
    /// The order's own id.
    pub order: String,
    /// `Confirmed`, `Accepted`, `Rejected`, `Failed`, `Unknown`, `Waiting` or `Running`.
    pub outcome: String,
    /// Why, where there is something to say.
    pub why: String,
}

impl Commanded {
    /// Waits for its end, at most for `patience`, and not for people.
    pub async fn end(self, patience: Duration) -> Answer {
        let (outcome, why) = match self.progress {
            Err(why) => ("Rejected".to_owned(), why),
            Ok(mut ticket) => match tokio::time::timeout(patience, ticket.end_or_waiting()).await {
                Ok(Progress::Done(outcome)) => (outcome.word().to_owned(), outcome.why().to_owned()),
                Ok(Progress::Waiting(role)) => {
                    ("Waiting".into(), format!("for a second person ({role} or higher)"))
                }
                Ok(Progress::Running) | Err(_) => ("Running".into(), "its outcome comes later".into()),
            },
        };
        Answer { command: self.name, order: self.id, outcome, why }
    }
}

/// See the module.
pub struct Orders {
    connection: String,
    allowed: bool,
    asks: Vec<(AskSpec, Seat)>,
    running: FuturesUnordered<BoxFuture<'static, Ended>>,
}

impl Orders {
    /// `seats` are group and row of each outcome; `allowed`: `commands = "on"`.
    pub fn new(connection: &str, asks: Vec<AskSpec>, seats: &[Seat], allowed: bool) -> Self {
        let asks = asks.into_iter().zip(seats.iter().copied()).collect();
        Self { connection: connection.into(), allowed, asks, running: FuturesUnordered::new() }
    }

    /// What messages may ask to be written.
    pub fn ways(&self) -> Vec<OrderWay> {
        let way = |(ask, _): &(AskSpec, Seat)| OrderWay {
            command: ask.name.clone(),
            at: ask.topic.clone(),
            target: ask.target.to_string(),
            outcome: ask.outcome.to_string(),
            allowed: self.allowed,
        };
        self.asks.iter().map(way).collect()
    }

    /// Whether messages may ask for anything.
    pub fn any(&self) -> bool {
        !self.asks.is_empty()
    }

    /// What a message asks for.
    pub fn read(&self, came: Came<'_>) -> Vec<(usize, Asked)> {
        let mut payload = Payload::new(came.payload);
        let own = self.asks.iter().enumerate().filter(|(_, (ask, _))| ask.topic == came.topic);
        let asked = own.flat_map(|(index, (ask, _))| {
            ask.read(&mut payload, came).into_iter().map(move |asked| (index, asked)).collect::<Vec<_>>()
        });
        asked.collect()
    }

    /// Where the outcome stands.
    pub fn seat(&self, ask: usize) -> Option<Seat> {
        self.asks.get(ask).map(|(_, seat)| *seat)
    }

    /// Starts what was asked for; what cannot be started has ended at once.
    pub fn start(&mut self, ask: usize, asked: Asked, link: &Link) -> Option<(Commanded, Option<Ended>)> {
        let (spec, _) = self.asks.get(ask)?;
        let (name, id) = (spec.name.clone(), asked.id);
        let wish = asked.wish.and_then(|wish| self.admit(spec, link).map(|()| wish));
        let wish = match wish {
            Ok(wish) => wish,
            Err(why) => {
                self.tell(spec, &id, &why, link);
                let text = words(&id, &Outcome::rejected(why.clone()));
                return Some((Commanded { name, id, progress: Err(why) }, Some(Ended { ask, text })));
            }
        };
        let command = self.command(spec, &id, wish);
        let who =
            Principal { name: format!("connection:{}", self.connection), role: Role::Operator, prefix: None };
        let ticket = link.namespace().start_command(&who, command.clone());
        // The same id again is the same command: one ticket for the outcome, one for whoever waits.
        let progress = Ok(link.namespace().start_command(&who, command));
        let order = id.clone();
        let end = async move { Ended { ask, text: words(&order, &ticket.end().await) } };
        self.running.push(Box::pin(end));
        Some((Commanded { name, id, progress }, None))
    }

    fn admit(&self, spec: &AskSpec, link: &Link) -> Result<(), String> {
        if !self.allowed {
            return Err(
                "commands are off for this connection; `commands = \"on\"` in its file allows them".into()
            );
        }
        if !link.is_active(spec.device) {
            return Err("the device is paused by a person".into());
        }
        if self.running.len() >= MOST {
            return Err("too many orders are being carried out; send it again when some have ended".into());
        }
        Ok(())
    }

    fn command(&self, spec: &AskSpec, id: &str, wish: Wish) -> Command {
        Command {
            id: format!("{}/{}/{id}", self.connection, spec.name),
            path: spec.target.clone(),
            value: wish.value,
            expires: wish.expires,
            reason: format!("order {id}"),
        }
    }

    /// An order that never became a command is an event all the same.
    fn tell(&self, spec: &AskSpec, id: &str, why: &str, link: &Link) {
        let at = link.clock().now();
        let event_id = format!("order/{}/{}/{id}/{:x}", self.connection, spec.name, at.0);
        let title = format!("Order {id} of {} was not carried out: {why}", self.connection);
        let mut event = Event::info(EventKind::Change, event_id, spec.target.as_str(), at, title);
        event.severity = severity::LOW;
        event.refs = vec![spec.target.to_string()];
        let next = "Correct the order where it comes from, and send it with a new id.";
        link.namespace().event(event.explained("Nothing was written to the plant.", next));
    }

    /// The next order that has ended; for ever if none is under way. Cancel-safe.
    pub async fn ended(&mut self) -> Ended {
        match self.running.next().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }
}

/// `A-17 Rejected: 700 /min is above the highest allowed value, 600 /min`
fn words(id: &str, outcome: &Outcome) -> String {
    let why = if outcome.why().is_empty() { String::new() } else { format!(": {}", outcome.why()) };
    format!("{id} {}{why}", outcome.word()).chars().take(LONGEST).collect()
}
