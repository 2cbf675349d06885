//! Measures EtherNet/IP controllers: the connection that they give and the packets that they really answer in it, what else
//! they have, time of an answer, connections at once, and which tags are refused.
//!
//! Rationale: what a device does not know, many answer by hanging up, and a driver that finds that out loses a session each
//! time that it starts. So it is found out once. Nothing is read that the plan of the connection would not read.

mod measured;

pub use measured::Measured;
pub(super) use measured::OfDevice;

use super::build;
use super::group::{Ask, Group};
use super::line::Line;
use super::target::{Controller, Lacks};
use super::{KIND, route};
use crate::characterise::{self, Effort, Progress, Survey, Surveyor, Touched};
use crate::discover::{CONNECTION_PACKETS, REQUEST_PACKETS};
use crate::kind::Context;
use crate::south::budget::Permit;
use crate::south::survey::measured::text;
use crate::south::survey::voice::MOST_FAULTS;
use crate::south::survey::{Manner, Tongue, Voice, tempo};
use crate::south::tags::{Plan, Resolved, closed_schema};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::config::{Diagnostic, Document};
use model::{Fault, Status};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use transport::Target;
use wire::enip::repr::{Services, emit_multiple};
use wire::enip::symbol::{attribute, changes};
use wire::enip::table::{class_id, service};
use wire::enip::{Kind, Path, Reply, Request, Status as CipStatus};

/// Measures EtherNet/IP controllers.
pub static SURVEYOR: Surveyor = Surveyor { kind: "ethernet-ip", schema: closed_schema::<Measured>, prepare };

/// Silence between two questions.
const PAUSE: Duration = Duration::from_millis(50);
/// Sizes that are tried where the connection's own is too much, in bytes.
const SIZES: [u16; 3] = [1_000, 500, 250];
/// Most packets of the round that looks at every tag of a controller.
const MOST_ROUND: usize = 200;
/// Most tags that are named.
const NAMED: usize = 4;
/// Requests of a connection besides what is asked in it: the session, and two tries of each controller's own.
const OPENING: u64 = 3;

fn prepare(document: &Document, context: &Context) -> Result<Box<dyn Survey>, Vec<Diagnostic>> {
    let file: super::config::File = KIND.read(document)?;
    let mut plan = Plan::new(document, context, &file.keys);
    // What an earlier measurement says is what is to be found out.
    let (controllers, laid) = build::resolve(&mut plan, &file, None);
    let Resolved { timing, .. } = plan.finish()?;
    let mut subjects: Vec<Subject> = controllers.into_iter().map(Subject::new).collect();
    for (device, layout, rows) in laid.into_iter().map(|(_, layout, rows)| (layout.device, layout, rows)) {
        if let Some(subject) = subjects.get_mut(device) {
            subject.tags += layout.points.len();
            subject.groups.push(Group::new(device, rows));
        }
    }
    subjects.retain(|subject| subject.tags > 0);
    let manner = Manner {
        connect_timeout: timing.connect_timeout,
        timeout: timing.timeout,
        pause: PAUSE,
        budget: context.budget.clone(),
    };
    let target = Target::Tcp { host: file.host, port: file.port };
    Ok(Box::new(Endpoint { target, manner, subjects }))
}

/// One endpoint to measure.
struct Endpoint {
    target: Target,
    manner: Manner,
    subjects: Vec<Subject>,
}

/// One controller to measure.
struct Subject {
    name: String,
    spec: Spec,
    tags: usize,
    groups: Vec<Group>,
}

/// How a controller is reached, and what it turned out not to have.
#[derive(Clone, Debug)]
struct Spec {
    name: String,
    route: Path,
    size: u16,
    lacks: Arc<Mutex<Lacks>>,
}

/// Where.
#[derive(Clone, Debug)]
struct Place {
    target: Target,
    spec: Spec,
}

/// One session with one connection to one controller.
struct Session {
    line: Line,
    controller: Controller,
    lacks: Arc<Mutex<Lacks>>,
    _permit: Permit,
}

impl Tongue for Session {
    type Place = Place;
    type Question = Vec<u8>;
    type Answer = Vec<u8>;

    async fn open(place: &Place, manner: &Manner, progress: &Progress) -> Result<Self, Fault> {
        let permit = manner.budget.permit_now()?;
        manner.budget.turn().await;
        progress.packets(CONNECTION_PACKETS + REQUEST_PACKETS);
        progress.request();
        let line = Line::open(&place.target, manner.connect_timeout, manner.budget.clone()).await?;
        let spec = &place.spec;
        // Tag list and changes are asked for by questions of their own.
        let lacks = Lacks { changes: true, tag_list: true, ..*spec.lacks.lock() };
        let reach =
            super::target::Reach { route: spec.route.clone(), connection: None, timeout: manner.timeout };
        let controller = Controller::new(&spec.name, reach, spec.size, lacks);
        let mut session = Self { line, controller, lacks: spec.lacks.clone(), _permit: permit };
        let prepared = session.controller.prepare(&mut session.line).await;
        session.tell(progress);
        session.keep(prepared.as_ref().err());
        prepared.map(|_| session)
    }

    async fn burst(
        &mut self,
        questions: &[Vec<u8>],
        _: &Manner,
        progress: &Progress,
    ) -> (Result<Vec<Vec<u8>>, Fault>, Duration) {
        // A controller's message router answers in order: one after the other.
        let (mut answers, sent) = (Vec::new(), Instant::now());
        for question in questions {
            let answer = self.controller.reach.send(&mut self.line, question).await;
            self.tell(progress);
            match answer {
                Ok(answer) => answers.push(answer),
                Err(fault) => return (Err(fault), sent.elapsed()),
            }
        }
        (Ok(answers), sent.elapsed())
    }

    fn busy(answer: &Vec<u8>) -> Option<Fault> {
        let status = Reply::parse(answer).ok()?.status;
        status.is_transient().then(|| super::target::refused(status))
    }
}

impl Session {
    fn tell(&mut self, progress: &Progress) {
        let tally = std::mem::take(&mut self.line.tally);
        (0..tally.requests).for_each(|_| progress.request());
        progress.packets(tally.requests * REQUEST_PACKETS);
    }

    /// Keeps what was learned by opening.
    fn keep(&mut self, fault: Option<&Fault>) {
        if matches!(fault, Some(Fault::Lost(_))) {
            self.controller.hung_up();
        }
        let mut known = self.lacks.lock();
        (known.connections, known.large) = (self.controller.lacks.connections, self.controller.lacks.large);
    }
}

type Talk<'a> = Voice<'a, Session>;

impl Survey for Endpoint {
    fn effort(&self) -> Effort {
        let most = |subject: &Subject| {
            let alone = subject.tags.min(MOST_ROUND) * 2 + SIZES.len() + 4;
            u64::try_from(alone).unwrap_or(u64::MAX) + tempo::ROW * 2
        };
        let count = u64::try_from(self.subjects.len()).unwrap_or(1);
        let connections = tempo::MOST_CONNECTIONS + MOST_FAULTS + count * (1 + SIZES.len() as u64);
        let asked = self.subjects.iter().map(most).sum::<u64>() + MOST_FAULTS * 2 + tempo::MOST_REQUESTS;
        let requests = asked + connections * OPENING;
        let touched = |subject: &Subject| Touched {
            name: subject.name.clone(),
            unit: route::words(&subject.spec.route),
            what: match subject.tags {
                1 => "1 tag".into(),
                tags => format!("{tags} tags"),
            },
        };
        Effort {
            endpoint: self.target.to_string(),
            devices: self.subjects.iter().map(touched).collect(),
            requests,
            packets: requests * REQUEST_PACKETS + connections * CONNECTION_PACKETS,
            least: self.manner.pause.saturating_mul(20),
            most: (self.manner.pause + self.manner.timeout)
                .saturating_mul(u32::try_from(requests).unwrap_or(u32::MAX)),
            at_once: (1, tempo::MOST_SOCKETS),
        }
    }

    fn run<'a>(&'a mut self, progress: &'a Progress) -> BoxFuture<'a, Result<characterise::Measured, Fault>> {
        self.measure(progress).boxed()
    }
}

impl Endpoint {
    async fn measure(&mut self, progress: &Progress) -> Result<characterise::Measured, Fault> {
        let mut devices = String::new();
        let mut tempos: Option<(u8, f64)> = None;
        for subject in &mut self.subjects {
            let Some(home) = subject.home() else { continue };
            let place = Place { target: self.target.clone(), spec: subject.spec.clone() };
            let mut voice: Talk<'_> = Voice::new(self.manner.clone(), place, progress, home);
            let known = subject.measure(&mut voice).await?;
            devices.push_str(&known.text(&subject.name));
            if tempos.is_none() {
                let answer_ms = tempo::answers(&voice);
                progress.step("Looks how many connections it takes");
                tempos = Some((tempo::sockets(&mut voice).await?, answer_ms));
            }
        }
        let Some((connections, answer_ms)) = tempos else {
            return Err(Fault::Config("the file has no tags, so there is nothing to measure".into()));
        };
        progress.step("Done");
        let mut file = text(&[
            ("kind", Some(crate::draft::quoted(SURVEYOR.kind))),
            ("endpoint", Some(crate::draft::quoted(&self.target.to_string()))),
            ("connections", Some(connections.to_string())),
            ("answer_ms", Some(format!("{answer_ms:.1}"))),
        ]);
        file.push_str(&devices);
        Ok(characterise::Measured { text: file })
    }
}

impl Subject {
    fn new(controller: Controller) -> Self {
        let lacks = Arc::new(Mutex::new(Lacks { tag_list: false, ..controller.lacks }));
        let spec = Spec {
            name: controller.name.clone(),
            route: controller.reach.route.clone(),
            size: controller.max_size,
            lacks,
        };
        Self { name: controller.name, spec, tags: 0, groups: Vec::new() }
    }

    /// The first tag alone.
    fn home(&self) -> Option<Vec<u8>> {
        let group = self.groups.first()?;
        group.requests(&[0]).next().map(<[u8]>::to_vec)
    }

    async fn measure(&mut self, voice: &mut Talk<'_>) -> Result<OfDevice, Fault> {
        voice.progress.step(format!("Opens a connection to `{}`", self.name));
        voice.is_there().await?;
        self.packets(voice).await?;
        voice.progress.step(format!("Looks at every tag of `{}`", self.name));
        let size = self.sizes(voice).await?;
        self.say_refused(voice);
        for _ in 0..tempo::ROW {
            voice.is_there().await?;
        }
        self.features(voice).await?;
        let asked = self.spec.size;
        Ok(OfDevice::new(&self.spec.route, size.filter(|size| *size < asked), *self.spec.lacks.lock()))
    }

    /// Whether it takes several tags in one message.
    async fn packets(&mut self, voice: &mut Talk<'_>) -> Result<(), Fault> {
        let mut message = Vec::new();
        let Some(home) = self.home() else { return Ok(()) };
        emit_multiple([home.as_slice(), home.as_slice()].into_iter(), &mut message);
        let lacks = match voice.one(&message).await {
            Ok(answer) => Reply::parse_to(&answer, service::MULTIPLE)
                .map_or(true, |reply| reply.status.general == CipStatus::SERVICE.general),
            Err(fault) => {
                voice.bear(fault)?;
                voice.is_there().await?;
                true
            }
        };
        self.spec.lacks.lock().multiple = lacks;
        let (value, text) = if lacks {
            ("1", "It does not take several tags in one message; each is asked for alone.")
        } else {
            ("several", "It takes several tags in one message, so a scan needs few requests.")
        };
        voice.say(&self.name, "tags in a message", value.into(), text);
        Ok(())
    }

    /// The message size at which every packet of its tags is answered; `None` without a connection.
    async fn sizes(&mut self, voice: &mut Talk<'_>) -> Result<Option<u16>, Fault> {
        let lacks = *self.spec.lacks.lock();
        let agreed = voice.line().map_or(0, |line| line.controller.capacity() + 2);
        let agreed = u16::try_from(agreed).unwrap_or(u16::MAX);
        if lacks.connections {
            let text = "It has no connection for us, so each request travels for itself.";
            voice.say(&self.name, "message size", format!("{agreed} bytes"), text);
            self.round(voice, usize::from(agreed).saturating_sub(2), !lacks.multiple).await?;
            return Ok(None);
        }
        for size in std::iter::once(agreed).chain(SIZES.into_iter().filter(|size| *size < agreed)) {
            if self.round(voice, usize::from(size) - 2, !lacks.multiple).await? {
                let text = if size < agreed {
                    format!(
                        "It gives a connection of {agreed} bytes, but does not answer messages that fill it; the planner keeps to this."
                    )
                } else {
                    "It gives a connection of this size, and answered all packets of its tags.".to_owned()
                };
                voice.say(&self.name, "message size", format!("{size} bytes"), &text);
                return Ok(Some(size));
            }
        }
        Err(Fault::Protocol("it answers no packet of its tags, however small".into()))
    }

    /// Asks for every tag in packets of at most so many bytes. False if one was not answered.
    async fn round(&mut self, voice: &mut Talk<'_>, capacity: usize, packets: bool) -> Result<bool, Fault> {
        for group in &mut self.groups {
            group.begin_session();
            group.begin(capacity, packets, Status::BAD_NO_COMMUNICATION);
            for ask in group.plan.clone().into_iter().take(MOST_ROUND) {
                let mut message = Vec::new();
                match &ask {
                    Ask::Packet(rows) => emit_multiple(group.requests(rows), &mut message),
                    Ask::Alone(row) => message.extend(group.requests(&[*row]).flatten()),
                }
                match voice.one(&message).await {
                    Ok(answer) if take(group, &ask, &answer) => voice.well(),
                    Ok(_) => return Ok(false),
                    Err(fault) => {
                        // Some hang up where others refuse a tag; silence is rather about the size.
                        let hung_up = matches!(fault, Fault::Lost(_));
                        voice.bear(fault)?;
                        voice.is_there().await?;
                        if !hung_up || !single_out(group, &ask, voice).await? {
                            return Ok(false);
                        }
                    }
                }
            }
        }
        Ok(true)
    }

    fn say_refused(&self, voice: &Talk<'_>) {
        let refused = self.groups.iter().flat_map(|group| {
            group.refused.iter().filter_map(|(row, why)| Some((group.row(*row)?.words(), why)))
        });
        let (names, whys): (Vec<String>, Vec<&String>) = refused.unzip();
        let Some(why) = whys.first() else { return };
        let more = names.len().checked_sub(NAMED).filter(|more| *more > 0);
        let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
        let named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
        let text = format!("{}{more}: {why}. The other tags are read around them.", named.join(", "));
        voice.say(&self.name, "tags refused", names.len().to_string(), &text);
    }

    /// Whether it gives its tag list, and says that its program was changed.
    async fn features(&mut self, voice: &mut Talk<'_>) -> Result<(), Fault> {
        voice.progress.step(format!("Looks whether `{}` tells of its program", self.name));
        let attributes = vec![attribute::NAME, attribute::TYPE];
        let list = Request::GetInstanceAttributeList { path: Path::object(class_id::SYMBOL, 0), attributes };
        let has_list = self.has(voice, &list).await?;
        let path = Path::object(changes::CLASS, 1);
        let changed = Request::GetAttributeList { path, attributes: changes::ATTRIBUTES.to_vec() };
        let has_changes = self.has(voice, &changed).await?;
        let mut lacks = self.spec.lacks.lock();
        (lacks.tag_list, lacks.changes) = (!has_list, !has_changes);
        let word = |has: bool| if has { "yes" } else { "no" };
        let text = "With it wrong tags are explained better, and arrays of BOOL can be read.";
        voice.say(&self.name, "tag list", word(has_list).into(), text);
        let text = "With it Ironbridge notices a download by itself; without it tags are looked at anew when they fail.";
        voice.say(&self.name, "tells of changed programs", word(has_changes).into(), text);
        Ok(())
    }

    async fn has(&self, voice: &mut Talk<'_>, request: &Request) -> Result<bool, Fault> {
        let mut message = Vec::new();
        request.emit(&mut message).map_err(|error| Fault::Config(error.to_string().into()))?;
        match voice.one(&message).await {
            Ok(answer) => Ok(Reply::parse(&answer)
                .is_ok_and(|reply| reply.status.is_ok() || reply.status == CipStatus::PARTIAL)),
            Err(fault) => {
                voice.bear(fault)?;
                voice.is_there().await?;
                Ok(false)
            }
        }
    }
}

/// Asks for the tags of a packet one by one, and sets those aside for which the device hangs up. False if there is none.
async fn single_out(group: &mut Group, ask: &Ask, voice: &mut Talk<'_>) -> Result<bool, Fault> {
    let rows = match ask {
        Ask::Packet(rows) => rows.clone(),
        Ask::Alone(row) => vec![*row],
    };
    let mut found = false;
    for row in rows {
        let message: Vec<u8> = group.requests(&[row]).flatten().copied().collect();
        match voice.one(&message).await {
            Ok(answer) => found |= take(group, &Ask::Alone(row), &answer) && group.refused.contains_key(&row),
            Err(fault @ Fault::Lost(_)) => {
                voice.bear(fault)?;
                voice.is_there().await?;
                group.refuse(row, "the device closes the connection when it is asked for this tag".into());
                found = true;
            }
            Err(fault) => {
                voice.bear(fault)?;
                voice.is_there().await?;
            }
        }
    }
    Ok(found)
}

/// Takes what came for a packet or a tag: sizes are learned, refusals noted. False if it does not fit the question.
fn take(group: &mut Group, ask: &Ask, answer: &[u8]) -> bool {
    let mut one = |row: u32, reply: &Reply<'_>| match reply.status {
        CipStatus::OK => {
            if let Ok((kind, data)) = Kind::split(reply.data) {
                group.take(row, kind, data);
            }
        }
        CipStatus::PARTIAL | CipStatus::REPLY_TOO_LARGE => {}
        status => group.refuse(row, status.to_string()),
    };
    match ask {
        Ask::Alone(row) => match Reply::parse_to(answer, service::READ_TAG) {
            Ok(reply) => one(*row, &reply),
            Err(_) => return false,
        },
        Ask::Packet(rows) => {
            let Ok(reply) = Reply::parse_to(answer, service::MULTIPLE) else { return false };
            let embedded = reply.status.is_ok() || reply.status.general == CipStatus::EMBEDDED.general;
            let Ok(services) = Services::new(reply.data, rows.len()) else { return false };
            if !embedded {
                return false;
            }
            for (row, part) in rows.iter().zip(services) {
                match Reply::parse_to(part, service::READ_TAG) {
                    Ok(reply) => one(*row, &reply),
                    Err(_) => return false,
                }
            }
        }
    }
    true
}
