//! Looking around in devices: their objects with names, units, states and words, as tags of a draft.

use super::build::{self, Endpoint, Whereabouts};
use super::conclude::{NoResults, refusal, results};
use super::config::File;
use super::driver::Facts;
use super::group::{Row, What};
use super::planner::{self, Item, Limits, Part, Read};
use super::registration::Registration;
use super::session::timed_out;
use super::socket::{Door, Socket, resolve};
use super::types::{Codec, Type};
use super::{object, units};
use crate::draft::{Draft, Note, check, inline, segment};
use crate::kind::Context;
use crate::south::budget::Budget;
use crate::south::tags::Plan;
use crate::south::{BrowseError, Browser};
use futures_util::FutureExt;
use model::Fault;
use model::config::Document;
use serde_json::{Map, Value as Json, json};
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddrV4;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};
use wire::bacnet::table::property;
use wire::bacnet::{
    Address, Answer, Cast, Exchange, Heard, MAX_MESSAGE, ObjectId, Peer, PropertyRef, ReadResult, Request,
    Value as Wire, who_is,
};

/// Most objects of one device.
const MOST_OBJECTS: usize = 5_000;
/// Most states of one object.
const MOST_STATES: usize = 64;
/// Priority that a draft proposes: below the operator's by hand.
const PROPOSED: u8 = 10;

/// Looks around in BACnet devices.
pub static BROWSER: Browser =
    Browser { kind: "bacnet-ip", browse: |document, context, _| browse(document, context).boxed() };

/// Asks each device of the file that has no tags yet for its objects. Nothing is changed on a device.
///
/// # Errors
/// [`BrowseError`].
async fn browse(document: &Document, context: &Context) -> Result<Draft, BrowseError> {
    let file: File = super::KIND.read(document).map_err(BrowseError::File)?;
    let mut plan = Plan::new(document, context, &file.keys);
    let (endpoint, devices) = build::resolve(&mut plan, &file);
    plan.finish().map_err(BrowseError::File)?;
    let mut client = Client::open(&endpoint, context.budget.clone()).await.map_err(BrowseError::Device)?;
    let mut text = document.text.trim_end().to_owned();
    text.push('\n');
    let mut notes = Vec::new();
    for device in &devices {
        if !device.points.is_empty() {
            notes.push(Note::new(format!("`{}` has tags already and is left as it is.", device.name)));
            continue;
        }
        let found = client.look(device.instance, &device.place).await.map_err(BrowseError::Device)?;
        if found.len() >= MOST_OBJECTS {
            notes.push(Note::new(format!(
                "`{}` has more than {MOST_OBJECTS} objects; the rest is left out.",
                device.name
            )));
        }
        // A draft of `discover` has the head of the table, and nothing below it.
        let head = format!("[device.{}.tags]", device.name);
        let lines: Vec<&str> = text.lines().filter(|line| line.trim() != head).collect();
        text = format!("{}\n\n{head}\n", lines.join("\n").trim_end());
        let mut taken = HashSet::new();
        found.iter().for_each(|one| text.push_str(&line(one, &mut taken)));
    }
    let (mistakes, tags) = check(&context.name, &text, &context.folder);
    Ok(Draft { file: format!("connections/{}.toml", context.name), text, tags, notes, mistakes })
}

/// An object, as its device describes it.
#[derive(Clone, Debug)]
struct Found {
    object: ObjectId,
    facts: HashMap<u32, Vec<Wire>>,
}

impl Found {
    fn text(&self, property: u32) -> &str {
        match self.facts.get(&property).map(Vec::as_slice) {
            Some([Wire::Text(text)]) => text.trim(),
            _ => "",
        }
    }

    fn number(&self, property: u32) -> Option<f64> {
        match self.facts.get(&property).map(Vec::as_slice) {
            Some([Wire::Real(number)]) => Some(f64::from(*number)).filter(|number| number.is_finite()),
            _ => None,
        }
    }

    fn is_commandable(&self) -> bool {
        matches!(self.object.kind, 1 | 4 | 14) || self.facts.contains_key(&property::RELINQUISH_DEFAULT)
    }

    fn unit(&self) -> &'static str {
        match self.facts.get(&property::UNITS).map(Vec::as_slice) {
            Some([Wire::Enumerated(number)]) => units::name(*number).unwrap_or_default(),
            _ => "",
        }
    }

    fn states(&self) -> Map<String, Json> {
        let mut states = Map::new();
        let named =
            |text: &str, number: usize| Some((number.to_string(), json!(text))).filter(|_| !text.is_empty());
        let both = [(property::INACTIVE_TEXT, 0), (property::ACTIVE_TEXT, 1)];
        states.extend(both.iter().filter_map(|(property, number)| named(self.text(*property), *number)));
        // The first state is 1 (12.20).
        let texts = self.facts.get(&property::STATE_TEXT).into_iter().flatten().take(MOST_STATES);
        states.extend((1..).zip(texts).filter_map(|(number, text)| match text {
            Wire::Text(text) => named(text.trim(), number),
            _ => None,
        }));
        states
    }
}

/// What to ask of an object of a type, besides its name.
fn questions(kind: u16) -> Vec<u32> {
    let mut asked = vec![property::OBJECT_NAME, property::DESCRIPTION];
    match kind {
        0..=2 => asked.extend([property::UNITS, property::MIN_PRES_VALUE, property::MAX_PRES_VALUE]),
        12 | 23 | 24 | 45 | 46 | 48 => asked.push(property::UNITS),
        3..=5 => asked.extend([property::INACTIVE_TEXT, property::ACTIVE_TEXT]),
        13 | 14 | 19 => asked.push(property::STATE_TEXT),
        _ => {}
    }
    if matches!(kind, 2 | 5 | 19 | 39..=50) {
        asked.push(property::RELINQUISH_DEFAULT);
    }
    asked
}

fn line(one: &Found, taken: &mut HashSet<String>) -> String {
    let at = object::object_words(one.object);
    let title = one.text(property::OBJECT_NAME);
    let base = Some(segment(title)).filter(|name| !name.is_empty()).unwrap_or_else(|| segment(&at));
    let numbered = (1..).map(|number| if number == 1 { base.clone() } else { format!("{base}-{number}") });
    let tag = numbered.into_iter().find(|tag| taken.insert(tag.to_ascii_lowercase())).unwrap_or_default();
    let mut keys = Map::new();
    keys.insert("at".into(), json!(at));
    keys.insert("unit".into(), json!(one.unit()));
    if let (Some(low), Some(high)) =
        (one.number(property::MIN_PRES_VALUE), one.number(property::MAX_PRES_VALUE))
        && low < high
        && low > f64::from(f32::MIN)
        && high < f64::from(f32::MAX)
    {
        keys.insert("range".into(), json!([low, high]));
    }
    let states = one.states();
    if !states.is_empty() {
        keys.insert("states".into(), Json::Object(states));
    }
    if title != tag {
        keys.insert("name".into(), json!(title));
    }
    if one.text(property::DESCRIPTION) != title {
        keys.insert("description".into(), json!(one.text(property::DESCRIPTION)));
    }
    let write = if one.is_commandable() {
        format!("   # takes commands: priority = {PROPOSED}, write = {{ }}")
    } else {
        String::new()
    };
    format!("{tag} = {}{write}\n", inline(&Json::Object(keys)))
}

/// Asks one question after the other.
struct Client<'a> {
    endpoint: &'a Endpoint,
    budget: Arc<Budget>,
    socket: Socket,
    exchange: Exchange,
    host: Option<SocketAddrV4>,
    bbmd: Option<Registration>,
}

impl<'a> Client<'a> {
    async fn open(endpoint: &'a Endpoint, budget: Arc<Budget>) -> Result<Self, Fault> {
        // A port that the running connection may have is not taken from it.
        let mut socket = Door::Udp(0).open().await?;
        let host = match &endpoint.host {
            Some((host, port)) => Some(resolve(host, *port).await?),
            None => None,
        };
        let bbmd = Registration::begin(&mut socket, endpoint).await?;
        Ok(Self { endpoint, budget, socket, exchange: Exchange::default(), host, bbmd })
    }

    async fn look(&mut self, instance: u32, place: &Whereabouts) -> Result<Vec<Found>, Fault> {
        let peer = self.locate(instance, place).await?;
        let device = ObjectId::device(instance);
        let octets = self.read(&peer, &single(device, property::MAX_APDU_LENGTH_ACCEPTED, None)).await?;
        let limits = match octets.into_iter().next() {
            Some(Ok(values)) => match values.as_slice() {
                [Wire::Unsigned(octets)] => Facts::limits_of(u32::try_from(*octets).unwrap_or(u32::MAX)),
                _ => Limits::default(),
            },
            Some(Err((class, code))) => {
                let why = super::group::error_words(class, code);
                return Err(Fault::Config(
                    format!("the device at {peer} is not instance {instance}: {why}").into(),
                ));
            }
            None => Limits::default(),
        };
        let objects = self.objects(&peer, device, limits).await?;
        let wanted: Vec<ObjectId> = objects
            .into_iter()
            .filter(|object| Type::of(object.kind, property::PRESENT_VALUE).is_some())
            .take(MOST_OBJECTS)
            .collect();
        let items = wanted
            .iter()
            .flat_map(|object| questions(object.kind).into_iter().map(|number| item(*object, number, None)));
        let told = self.all(&peer, items.collect(), limits).await?;
        let mut found: HashMap<ObjectId, HashMap<u32, Vec<Wire>>> = HashMap::new();
        for (target, values) in told {
            found.entry(target.object).or_default().insert(target.property, values);
        }
        let facts = |object| Found { object, facts: found.remove(&object).unwrap_or_default() };
        Ok(wanted.into_iter().map(facts).collect())
    }

    /// The list of objects, whole or element by element.
    async fn objects(
        &mut self,
        peer: &Peer,
        device: ObjectId,
        limits: Limits,
    ) -> Result<Vec<ObjectId>, Fault> {
        let list = property::OBJECT_LIST;
        let object = |value: &Wire| match value {
            Wire::Object(object) => Some(*object),
            _ => None,
        };
        if let Ok(results) = self.try_read(peer, &single(device, list, None)).await?
            && let Some(Ok(values)) = results.first()
        {
            return Ok(values.iter().filter_map(object).collect());
        }
        let count = self.read(peer, &single(device, list, Some(0))).await?;
        let count = match count.first() {
            Some(Ok(values)) => match values.as_slice() {
                [Wire::Unsigned(count)] => u32::try_from(*count).unwrap_or(u32::MAX),
                _ => 0,
            },
            _ => 0,
        };
        let most = u32::try_from(MOST_OBJECTS).unwrap_or(u32::MAX) * 2;
        let items = (1..=count.min(most)).map(|index| item(device, list, Some(index))).collect();
        let mut told = self.all(peer, items, limits).await?;
        told.sort_by_key(|(target, _)| target.index);
        Ok(told.iter().filter_map(|(_, values)| values.first().and_then(object)).collect())
    }

    /// Reads everything, in as few requests as the device can take; what it refuses is left out.
    async fn all(
        &mut self,
        peer: &Peer,
        items: Vec<Item>,
        limits: Limits,
    ) -> Result<Vec<(PropertyRef, Vec<Wire>)>, Fault> {
        let mut reads: VecDeque<Read> = planner::plan(items, limits).into();
        let mut told = Vec::new();
        while let Some(read) = reads.pop_front() {
            match self.try_read(peer, &read).await? {
                Ok(results) => {
                    let values = read
                        .items
                        .iter()
                        .zip(results)
                        .filter_map(|(item, result)| Some((item.target, result.ok()?)));
                    told.extend(values);
                }
                Err(NoResults::OneByOne { forever: true }) => {
                    // It knows no requests for several: neither will it for the others.
                    let rest = std::mem::take(&mut reads);
                    let rest = std::iter::once(read).chain(rest).flat_map(|read| read.items);
                    reads = rest.map(Read::single).collect();
                }
                Err(NoResults::Broken(fault)) => return Err(fault),
                Err(_) if read.items.len() == 1 => {}
                Err(_) => read.split().into_iter().rev().for_each(|half| reads.push_front(half)),
            }
        }
        Ok(told)
    }

    async fn read(&mut self, peer: &Peer, read: &Read) -> Result<Vec<ReadResult>, Fault> {
        match self.try_read(peer, read).await? {
            Ok(results) => Ok(results),
            Err(NoResults::Broken(fault)) => Err(fault),
            Err(NoResults::Refused(why)) => Err(Fault::Exception { code: 0, text: why.into() }),
            Err(_) => Err(Fault::Protocol("it does not answer a read of one property".into())),
        }
    }

    async fn try_read(
        &mut self,
        peer: &Peer,
        read: &Read,
    ) -> Result<Result<Vec<ReadResult>, NoResults>, Fault> {
        let answer = self.ask(peer, &read.request()).await?;
        Ok(results(read, &answer))
    }

    async fn ask(&mut self, peer: &Peer, request: &Request) -> Result<Answer, Fault> {
        let within = self.endpoint.timing.timeout;
        for _ in 0..=self.endpoint.timing.retries {
            let Some((invoke, datagram)) = self.exchange.ask(peer, request) else { break };
            self.budget.turn().await;
            self.send(peer.at, &datagram).await?;
            let mut deadline = Instant::now() + within;
            while let Ok(heard) = timeout_at(deadline, self.hear()).await {
                match heard? {
                    Heard::Answer { invoke: number, answer } if number == invoke => {
                        return match refusal(&answer) {
                            Some(fault @ Fault::Protocol(_)) => Err(fault),
                            _ => Ok(answer),
                        };
                    }
                    Heard::Part { .. } => deadline = Instant::now() + within,
                    _ => {}
                }
            }
            self.exchange.forget(invoke);
        }
        Err(timed_out(within))
    }

    async fn locate(&mut self, instance: u32, place: &Whereabouts) -> Result<Peer, Fault> {
        let range = Some((instance, instance));
        let to = |network| Some(Address { network, mac: Vec::new() });
        let (at, datagram) = match (place, self.host, &self.bbmd) {
            (Whereabouts::Host, Some(at), _) => return Ok(Peer { at, beyond: None }),
            (Whereabouts::Beyond(beyond), Some(at), _) => {
                return Ok(Peer { at, beyond: Some(beyond.clone()) });
            }
            (Whereabouts::Network(network), Some(at), _) => (at, who_is(range, to(*network), &Cast::Unicast)),
            (_, _, Some(bbmd)) => (bbmd.at, who_is(range, to(u16::MAX), &Cast::Distribute)),
            _ => return Err(Fault::Config("neither host nor BBMD is known".into())),
        };
        let within = self.endpoint.timing.timeout;
        for _ in 0..=self.endpoint.timing.retries {
            self.send(at, &datagram).await?;
            let deadline = Instant::now() + within;
            while let Ok(heard) = timeout_at(deadline, self.hear()).await {
                if let Heard::IAm { from, about } = heard?
                    && about.device.instance == instance
                {
                    return Ok(from);
                }
            }
        }
        Err(timed_out(within))
    }

    async fn send(&mut self, to: SocketAddrV4, datagram: &[u8]) -> Result<(), Fault> {
        self.socket.send(to, datagram).await.map_err(|error| transport::fault_from_io(&error))
    }

    async fn hear(&mut self) -> Result<Heard, Fault> {
        let mut buffer = [0; MAX_MESSAGE];
        let (count, from) =
            self.socket.receive(&mut buffer).await.map_err(|error| transport::fault_from_io(&error))?;
        let Some(from) = from else { return Ok(Heard::Stranger) };
        let mut out = Vec::new();
        let heard = self.exchange.hear(from, buffer.get(..count).unwrap_or_default(), &mut out);
        for (to, datagram) in out {
            self.send(to, &datagram).await?;
        }
        Ok(heard)
    }
}

/// A property to read. A name may be long, a list of states longer.
fn item(object: ObjectId, number: u32, index: Option<u32>) -> Item {
    let kind = Type::of(object.kind, number).unwrap_or(Type::Text);
    let target = PropertyRef { object, property: number, index };
    Item::new(0, &Row::new(object, What::Value(target), Codec { kind, scaling: None }, false), Part::Value)
}

fn single(object: ObjectId, number: u32, index: Option<u32>) -> Read {
    Read::single(item(object, number, index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_becomes_a_line_of_the_draft() {
        let text = |text: &str| vec![Wire::Text(text.into())];
        let mut taken = HashSet::new();
        let supply = Found {
            object: ObjectId::new(0, 1),
            facts: HashMap::from([
                (property::OBJECT_NAME, text("Supply air °C")),
                (property::DESCRIPTION, text("behind the \"heater\"")),
                (property::UNITS, vec![Wire::Enumerated(62)]),
                (property::MIN_PRES_VALUE, vec![Wire::Real(-20.0)]),
                (property::MAX_PRES_VALUE, vec![Wire::Real(60.0)]),
            ]),
        };
        assert_eq!(
            line(&supply, &mut taken),
            "Supply-air-degC = { at = \"analog-input 1\", unit = \"Cel\", range = [-20, 60], name = \"Supply air °C\", description = \"behind the \\\"heater\\\"\" }\n"
        );
        let mode = Found {
            object: ObjectId::new(19, 2),
            facts: HashMap::from([
                (property::OBJECT_NAME, text("supply-AIR-degC")),
                (property::STATE_TEXT, vec![Wire::Text("Off".into()), Wire::Text("Heat".into())]),
                (property::RELINQUISH_DEFAULT, vec![Wire::Unsigned(1)]),
            ]),
        };
        assert_eq!(
            line(&mode, &mut taken),
            "supply-AIR-degC-2 = { at = \"multi-state-value 2\", states = { 1 = \"Off\", 2 = \"Heat\" }, name = \"supply-AIR-degC\" }   # takes commands: priority = 10, write = { }\n"
        );
        let silent = Found { object: ObjectId::new(5, 9), facts: HashMap::new() };
        assert!(line(&silent, &mut taken).starts_with("binary-value-9 = { at = \"binary-value 9\" }"));
    }
}
