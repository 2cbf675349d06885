//! Measures S7 CPUs: the PDU that its answers really fill, requests and connections at once, time of an answer, and what of
//! its tags is refused.
//!
//! Rationale: a CPU agrees to a size and a number of jobs, but a communication processor or a router before it may do less;
//! then answers are lost without a word. So the fullest request that the tags need is put once at the agreed size, and at
//! smaller ones where it is not answered. Nothing is read that the plan of the connection would not read.

use super::build::{self, Session};
use super::conclude::header_fault;
use super::driver::S7;
use super::group::{Group, Read, Refused};
use super::planner::Chunk;
use super::session::{Opened, open};
use super::{KIND, endpoint_of};
use crate::characterise::{self, Effort, Progress, Survey, Surveyor, Touched};
use crate::discover::{CONNECTION_PACKETS, REQUEST_PACKETS};
use crate::kind::Context;
use crate::south::Driver;
use crate::south::budget::Permit;
use crate::south::dial::Dial;
use crate::south::survey::voice::MOST_FAULTS;
use crate::south::survey::{Manner, Tongue, Voice, measured, tempo};
use crate::south::tags::{Plan, Resolved, closed_schema};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::Fault;
use model::config::{Diagnostic, Document};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use transport::Target;
use wire::s7::cotp::{self, Joiner, Tpdu};
use wire::s7::{HeaderError, ReadItem, Request, Response, repr};

/// Measures S7 CPUs.
pub static SURVEYOR: Surveyor = Surveyor { kind: "s7", schema: closed_schema::<Measured>, prepare };

/// Silence between two questions.
const PAUSE: Duration = Duration::from_millis(50);
/// Sizes that are tried where the agreed one is too much, in bytes.
const SIZES: [u16; 3] = [480, 240, 112];
/// Most requests of the round that looks at every tag, and most tags of refused variables that are asked for alone.
const MOST_ROUND: usize = 200;
const MOST_SINGLES: usize = 200;
/// Most areas and tags that are named.
const NAMED: usize = 4;
/// Packets that a connection takes: TCP's, the connect request and the negotiation.
const OPENING: u64 = CONNECTION_PACKETS + 2 * REQUEST_PACKETS;
/// PDUs that answer nothing, after which the peer is not believed any more.
const MAX_STRANGERS: u32 = 16;

/// What was measured of the endpoint of an S7 connection.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The kind of the connection
    pub kind: Option<String>,
    /// When, e.g. "2026-11-22T13:05:00Z"
    pub measured: String,
    /// Where, as the connection's page shows it, e.g. "10.20.1.21:102 TSAP 03.01": for another endpoint it does not hold
    pub endpoint: String,
    /// Largest PDU that it answers, in bytes, where that is less than it agrees to
    #[schemars(range(min = 112, max = 960))]
    pub pdu: Option<u16>,
    /// Requests at once
    #[schemars(range(min = 1, max = 16))]
    pub jobs: Option<u8>,
    /// Connections that it held at the same time, of up to four; for people
    #[schemars(range(min = 1, max = 4))]
    pub connections: Option<u8>,
    /// Usual time of an answer, ms; for people
    pub answer_ms: Option<f64>,
}

impl measured::File for Measured {
    fn about(&self) -> (&str, &str) {
        (&self.measured, &self.endpoint)
    }

    fn words(&self) -> String {
        let pdu = self.pdu.map(|pdu| format!("PDUs of at most {pdu} bytes"));
        let jobs = self.jobs.map(|jobs| match jobs {
            1 => "one request at a time".to_owned(),
            jobs => format!("up to {jobs} requests at once"),
        });
        pdu.into_iter().chain(jobs).collect::<Vec<_>>().join("; ")
    }
}

fn prepare(document: &Document, context: &Context) -> Result<Box<dyn Survey>, Vec<Diagnostic>> {
    let file: super::config::File = KIND.read(document)?;
    let mut plan = Plan::new(document, context, &file.keys);
    // What an earlier measurement says is what is to be found out.
    let (session, devices) = build::resolve(&mut plan, &file, None);
    let Resolved { classes, .. } = plan.finish()?;
    let target = Target::Tcp { host: file.host.clone(), port: file.port };
    let endpoint = endpoint_of(&target, session.remote);
    let driver = S7::new(Dial::Target(target.clone()), session, &classes, devices);
    let manner = Manner {
        connect_timeout: session.timing.connect_timeout,
        timeout: session.timing.timeout,
        pause: PAUSE,
        budget: context.budget.clone(),
    };
    Ok(Box::new(Cpu { endpoint, place: Place { target, session }, manner, driver, singles: 0 }))
}

/// Where, and what to negotiate.
#[derive(Clone, Debug)]
struct Place {
    target: Target,
    session: Session,
}

/// One CPU to measure.
struct Cpu {
    endpoint: String,
    place: Place,
    manner: Manner,
    /// Never served: its groups are the plan.
    driver: S7,
    /// Tags of refused variables that were asked for alone.
    singles: usize,
}

/// What came for a read.
#[derive(Debug)]
enum Answer {
    /// Which of its variables are refused, and why.
    Items(Vec<(usize, &'static str)>),
    /// Refused as a whole.
    Refused(HeaderError),
}

/// One open connection.
struct Connection {
    opened: Opened,
    joiner: Joiner,
    reference: u16,
    _permit: Permit,
}

impl Tongue for Connection {
    type Place = Place;
    type Question = Request<'static>;
    type Answer = Answer;

    async fn open(place: &Place, manner: &Manner, progress: &Progress) -> Result<Self, Fault> {
        let permit = manner.budget.permit_now()?;
        manner.budget.turn().await;
        progress.packets(OPENING);
        let opened = open(&mut Dial::Target(place.target.clone()), place.session).await?;
        Ok(Self { opened, joiner: Joiner::default(), reference: 0, _permit: permit })
    }

    async fn burst(
        &mut self,
        questions: &[Request<'static>],
        manner: &Manner,
        progress: &Progress,
    ) -> (Result<Vec<Answer>, Fault>, Duration) {
        manner.asked(questions.len(), self.put(questions, progress)).await
    }

    fn busy(_: &Answer) -> Option<Fault> {
        None
    }
}

impl Connection {
    async fn put(
        &mut self,
        questions: &[Request<'static>],
        progress: &Progress,
    ) -> Result<Vec<Answer>, Fault> {
        let (mut out, mut waiting) = (Vec::new(), Vec::new());
        for question in questions {
            // Never 0, which the negotiation had.
            self.reference = self.reference.checked_add(1).unwrap_or(1);
            cotp::emit_data_with(&mut out, |out| question.emit(self.reference, out));
            progress.request();
            progress.packets(REQUEST_PACKETS);
            waiting.push((self.reference, question));
        }
        let io = |error: std::io::Error| transport::fault_from_io(&error);
        self.opened.stream.write_all(&out).await.map_err(io)?;
        self.opened.stream.flush().await.map_err(io)?;
        let (mut answers, mut strangers) = (Vec::new(), 0);
        let mut piece = [0_u8; 2_048];
        while !waiting.is_empty() {
            let count = self.opened.stream.read(&mut piece).await.map_err(io)?;
            if count == 0 {
                return Err(Fault::Lost("it hung up".into()));
            }
            let mut bytes = piece.get(..count).unwrap_or_default();
            let broken = |why: String| Fault::Protocol(why.into());
            while let Some(tpdu) =
                self.opened.deframer.feed(&mut bytes).map_err(|why| broken(why.to_string()))?
            {
                let Tpdu::Data { last, payload } =
                    Tpdu::parse(tpdu).map_err(|why| broken(why.to_string()))?
                else {
                    return Err(broken("a transport message that has no place here".into()));
                };
                let whole = self.joiner.take(last, payload).map_err(|why| broken(why.to_string()))?;
                let Some(pdu) = whole else { continue };
                let reference = repr::reference(pdu);
                match waiting.iter().position(|(number, _)| Some(*number) == reference) {
                    Some(at) => answers.push(answer(waiting.swap_remove(at).1, pdu)?),
                    None => strangers += 1,
                }
                self.joiner.clear();
                if strangers > MAX_STRANGERS {
                    return Err(broken("endless answers to nothing".into()));
                }
            }
        }
        Ok(answers)
    }
}

fn answer(request: &Request<'static>, pdu: &[u8]) -> Result<Answer, Fault> {
    match Response::parse(request, pdu) {
        Ok(Response::Read(items)) => {
            let refused = items.iter().enumerate().filter_map(|(at, item)| match item {
                ReadItem::Refused(code) => Some((at, code.sentence())),
                ReadItem::Data(_) => None,
            });
            Ok(Answer::Items(refused.collect()))
        }
        Ok(Response::Refused(error)) => Ok(Answer::Refused(error)),
        Ok(_) => Err(Fault::Protocol("an answer of another kind".into())),
        Err(why) => Err(Fault::Protocol(why.to_string().into())),
    }
}

impl Survey for Cpu {
    fn effort(&self) -> Effort {
        let reads = self.driver.groups.iter().map(|group| group.reads.len()).sum::<usize>();
        // At the smallest size it takes so many more.
        let round = reads.saturating_mul(usize::from(self.place.session.pdu / 100) + 1).min(MOST_ROUND);
        let rows = self.driver.groups.iter().map(|group| group.rows.len()).sum::<usize>().min(MOST_SINGLES);
        let round = u64::try_from(round + rows * 2 + SIZES.len() + 1).unwrap_or(u64::MAX);
        let requests = round + tempo::MOST_REQUESTS + MOST_FAULTS * 2;
        let connections = tempo::MOST_CONNECTIONS + MOST_FAULTS + 1;
        let count = u32::try_from(requests).unwrap_or(u32::MAX);
        Effort {
            endpoint: self.endpoint.clone(),
            devices: self.touched(),
            requests,
            packets: requests * REQUEST_PACKETS + connections * OPENING,
            least: self.manner.pause.saturating_mul(20),
            most: (self.manner.pause + self.manner.timeout).saturating_mul(count),
            at_once: (tempo::DEEPEST, tempo::MOST_SOCKETS),
        }
    }

    fn run<'a>(&'a mut self, progress: &'a Progress) -> BoxFuture<'a, Result<characterise::Measured, Fault>> {
        self.measure(progress).boxed()
    }
}

type Talk<'a> = Voice<'a, Connection>;

impl Cpu {
    fn touched(&self) -> Vec<Touched> {
        let layout = self.driver.layout();
        let device = |(index, device): (usize, &crate::south::DeviceLayout)| {
            let mut areas: Vec<String> = Vec::new();
            let regions = self.driver.groups.iter().filter(|group| group.device == index);
            for region in regions.flat_map(Group::regions) {
                let area = region.area_words();
                if !areas.contains(&area) {
                    areas.push(area);
                }
            }
            let more = areas.len().saturating_sub(NAMED);
            areas.truncate(NAMED);
            let more = if more > 0 { format!(" and {more} more areas") } else { String::new() };
            Touched { name: device.name.clone(), unit: device.unit.clone(), what: areas.join(", ") + &more }
        };
        layout.devices.iter().enumerate().map(device).collect()
    }

    /// Variables of the plan at its present size, request by request, with the number of their group.
    fn memory(&self) -> impl Iterator<Item = (usize, Vec<Arc<Chunk>>, Request<'static>)> {
        let groups = self.driver.groups.iter().enumerate();
        let reads = groups.flat_map(|(number, group)| group.reads.iter().map(move |read| (number, read)));
        reads.filter_map(|(number, read)| match &**read {
            Read::Memory(chunks) => Some((number, chunks.clone(), read.request())),
            Read::List { .. } => None,
        })
    }

    fn plan_for(&mut self, pdu: u16) {
        self.driver.groups.iter_mut().for_each(|group| group.set_pdu(pdu));
    }

    /// Single points, up to `count`, for questions at once.
    fn questions(&self, count: usize) -> Vec<Request<'static>> {
        let singles = self.driver.groups.iter().flat_map(|group| {
            let rows = (0..).take(group.rows.len()).filter_map(|row| group.singles([row]));
            rows.filter(|read| matches!(read, Read::Memory(_))).map(|read| read.request())
        });
        let few: Vec<_> = singles.take(count).collect();
        few.iter().cycle().take(count).cloned().collect()
    }

    async fn measure(&mut self, progress: &Progress) -> Result<characterise::Measured, Fault> {
        let Some(home) = self.questions(1).pop() else {
            let why = "the file has no tags in the CPU's memory, so there is nothing to measure";
            return Err(Fault::Config(why.into()));
        };
        let mut voice: Talk<'_> = Voice::new(self.manner.clone(), self.place.clone(), progress, home);
        progress.step("Looks how large an answer may be");
        voice.is_there().await?;
        let (agreed, window) =
            voice.line().map(|line| (line.opened.pdu, line.opened.window)).unwrap_or((112, 1));
        let pdu = self.largest(&mut voice, agreed).await?;
        progress.step("Looks at every tag");
        self.round(&mut voice).await?;
        let answer_ms = tempo::answers(&voice);
        progress.step("Looks how many requests it takes at once");
        let jobs = self.jobs(&mut voice, window).await?;
        progress.step("Looks how many connections it takes");
        let connections = tempo::sockets(&mut voice).await?;
        progress.step("Done");
        let text = measured::text(&[
            ("kind", Some(crate::draft::quoted(SURVEYOR.kind))),
            ("endpoint", Some(crate::draft::quoted(&self.endpoint))),
            ("pdu", (pdu < agreed).then(|| pdu.to_string())),
            ("jobs", jobs.map(|jobs| jobs.to_string())),
            ("connections", Some(connections.to_string())),
            ("answer_ms", Some(format!("{answer_ms:.1}"))),
        ]);
        Ok(characterise::Measured { text })
    }

    /// The largest size at which its fullest request is answered.
    async fn largest(&mut self, voice: &mut Talk<'_>, agreed: u16) -> Result<u16, Fault> {
        for size in std::iter::once(agreed).chain(SIZES.into_iter().filter(|size| *size < agreed)) {
            self.plan_for(size);
            // What is refused is planned around until a request is answered whole: only that shows the size.
            while let Some((group, chunks, request)) = self.fullest() {
                match voice.one(&request).await {
                    Ok(Answer::Items(refused)) => {
                        voice.well();
                        if !self.learn(voice, group, &chunks, &refused).await? {
                            self.say_size(voice, size, agreed);
                            return Ok(size);
                        }
                    }
                    Ok(Answer::Refused(HeaderError::PDU_SIZE)) => break,
                    Ok(Answer::Refused(why)) => return Err(header_fault(why)),
                    Err(fault) => {
                        voice.bear(fault)?;
                        voice.is_there().await?;
                        break;
                    }
                }
            }
        }
        Err(Fault::Protocol("it answers no request of its tags, however small".into()))
    }

    fn fullest(&self) -> Option<(usize, Vec<Arc<Chunk>>, Request<'static>)> {
        self.memory().max_by_key(|(_, chunks, _)| weight(chunks))
    }

    /// Asks for the tags of refused variables one by one, and plans around those that are refused. False if that changes
    /// nothing.
    async fn learn(
        &mut self,
        voice: &mut Talk<'_>,
        group: usize,
        chunks: &[Arc<Chunk>],
        refused: &[(usize, &'static str)],
    ) -> Result<bool, Fault> {
        let mut found = false;
        for (at, why) in refused {
            let rows = chunks.get(*at).map(|chunk| chunk.rows.clone()).unwrap_or_default();
            let only = rows.len() == 1;
            for row in rows {
                let single = self.driver.groups.get(group).and_then(|group| group.singles([row]));
                let Some(single) = single.filter(|_| self.singles < MOST_SINGLES) else { continue };
                self.singles += 1;
                let is_refused = only
                    || match voice.one(&single.request()).await {
                        Ok(Answer::Items(items)) => !items.is_empty(),
                        Ok(Answer::Refused(_)) => true,
                        Err(fault) => {
                            voice.bear(fault)?;
                            voice.is_there().await?;
                            false
                        }
                    };
                if let Some(group) = self.driver.groups.get_mut(group).filter(|_| is_refused) {
                    group.refused.push(Refused { row, why });
                    group.replan();
                    found = true;
                }
            }
        }
        Ok(found)
    }

    fn say_size(&self, voice: &Talk<'_>, size: u16, agreed: u16) {
        let text = if size < agreed {
            format!(
                "It agrees to {agreed} bytes, but requests that fill them get no answer; the planner keeps to {size}. A \
                 communication processor or a router before the CPU may be the reason."
            )
        } else {
            let tags = self.fullest().map_or(0, |(_, chunks, _)| weight(&chunks));
            format!(
                "It agrees to so much, and the fullest request of its tags ({tags} bytes of data) was answered."
            )
        };
        voice.say("", "largest PDU", format!("{size} bytes"), &text);
    }

    /// Reads each tag once, and says which are refused.
    async fn round(&mut self, voice: &mut Talk<'_>) -> Result<(), Fault> {
        let reads: Vec<_> = self.memory().take(MOST_ROUND).collect();
        for (group, chunks, request) in reads {
            match voice.one(&request).await {
                Ok(Answer::Items(refused)) => {
                    voice.well();
                    self.learn(voice, group, &chunks, &refused).await?;
                }
                Ok(Answer::Refused(error)) => return Err(header_fault(error)),
                Err(fault) => {
                    voice.bear(fault)?;
                    voice.is_there().await?;
                }
            }
        }
        let refused = self.driver.groups.iter().flat_map(|group| {
            group.refused.iter().filter_map(|it| Some((group.row(it.row)?.place.words(), it.why)))
        });
        let (names, whys): (Vec<String>, Vec<&str>) = refused.unzip();
        if let Some(why) = whys.first() {
            let more = names.len().checked_sub(NAMED).filter(|more| *more > 0);
            let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
            let named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
            let text = format!("{}{more}: {why} The other tags are read around them.", named.join(", "));
            voice.say("", "tags refused", names.len().to_string(), &text);
        }
        Ok(())
    }

    /// The most requests at once that pay; `None` if the CPU agrees to one only.
    async fn jobs(&mut self, voice: &mut Talk<'_>, window: usize) -> Result<Option<u8>, Fault> {
        for _ in 0..tempo::ROW {
            voice.is_there().await?;
        }
        let deepest = u32::try_from(window).unwrap_or(1).min(tempo::DEEPEST);
        if deepest < 2 {
            let text = "The CPU agrees to one request under way at a time.";
            voice.say("", "requests at once", "1".into(), text);
            return Ok(None);
        }
        let questions = self.questions(deepest as usize);
        let few = |count| questions.iter().take(count).cloned().collect();
        let jobs = tempo::depth(voice, few, deepest, "jobs").await?;
        Ok(Some(jobs.unwrap_or(1)))
    }
}

/// Bytes of data in the answer.
fn weight(chunks: &[Arc<Chunk>]) -> usize {
    chunks.iter().map(|chunk| chunk.item().data_length()).sum()
}
