//! One controller at the end of a route: its connection, what it can do, and whether its program was changed.

use super::catalog::{self, Catalog};
use super::line::{Connected, Line, Way};
use model::Fault;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;
use tokio::time::Instant;
use wire::enip::connection::{
    CLASS_3, Direction, EXPLICIT, ForwardClose, ForwardOpen, Patience, SMALL_MAX, Triad,
};
use wire::enip::symbol::changes;
use wire::enip::table::{class_id, service};
use wire::enip::{Limits, Path, Reply, Request, Response, Status};

const L: Limits = Limits::STANDARD;
/// Our vendor id in connections: 0 is nobody's.
const VENDOR: u16 = 0;
/// Packet interval asked for, in microseconds: with the multiplier the connection lives 17 minutes without a message.
const INTERVAL_US: u32 = 2_000_000;
const MULTIPLIER: u8 = 7;
/// Bytes of an unconnected message that every device takes (Volume 1, 3-5.5.4), the route not counted.
const UNCONNECTED: usize = 480;
/// How often the controller is asked whether its program was changed.
const CHANGES_EVERY: Duration = Duration::from_secs(5);
/// Requests without an answer after which a connection is not believed any more.
const DOUBTFUL: u32 = 2;

/// How to get there.
pub(super) struct Reach {
    pub(super) route: Path,
    pub(super) connection: Option<Connected>,
    pub(super) timeout: Duration,
}

impl Reach {
    /// Sends a message and gives its answer.
    pub(super) async fn send(&mut self, line: &mut Line, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let way = match &mut self.connection {
            Some(connection) => Way::Connected(connection),
            None => Way::Unconnected(&self.route),
        };
        let answer = line.ask(way, message, self.timeout).await?;
        // A router that could not deliver the message says so itself.
        match Reply::parse(&answer) {
            Ok(reply) if reply.service == service::UNCONNECTED_SEND && !reply.status.is_ok() => {
                match message.first() {
                    Some(&service::UNCONNECTED_SEND) => Ok(answer),
                    _ => Err(refused(reply.status)),
                }
            }
            _ => Ok(answer),
        }
    }

    /// The same for a request.
    pub(super) async fn ask(&mut self, line: &mut Line, request: &Request) -> Result<Vec<u8>, Fault> {
        let mut message = Vec::new();
        request.emit(&mut message).map_err(|error| Fault::Config(error.to_string().into()))?;
        self.send(line, &message).await
    }
}

/// The fault that a status is.
pub(super) fn refused(status: Status) -> Fault {
    Fault::Exception { code: status.code(), text: status.to_string().into() }
}

/// What a controller turned out not to have. Kept through sessions: some answer what they do not know by hanging up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lacks {
    pub(super) connections: bool,
    pub(super) large: bool,
    pub(super) multiple: bool,
    pub(super) changes: bool,
    pub(super) tag_list: bool,
}

/// What is being tried, so that a hang-up is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trial {
    Large,
    Connection,
    Changes,
    TagList,
}

/// One controller.
pub(super) struct Controller {
    pub(super) name: String,
    pub(super) reach: Reach,
    pub(super) max_size: u16,
    pub(super) lacks: Lacks,
    pub(super) catalog: Option<Catalog>,
    /// Prepared in this session.
    ready: bool,
    trial: Option<Trial>,
    size: u16,
    triad: Triad,
    serial: u16,
    unanswered: u32,
    fingerprint: Option<Vec<u8>>,
    looked_at: Option<Instant>,
}

/// What preparing found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing new.
    Same,
    /// Another program, or the first look at one: what was learned of tags is void.
    Changed,
}

impl Controller {
    pub(super) fn new(name: &str, reach: Reach, max_size: u16, lacks: Lacks) -> Self {
        // The standard library's per-process random keys make a number that no other connection of ours has had.
        let random = RandomState::new().build_hasher().finish();
        let triad = Triad { connection: 0, vendor: VENDOR, originator: (random >> 32) as u32 };
        Self {
            name: name.to_owned(),
            reach,
            max_size,
            lacks,
            catalog: None,
            ready: false,
            trial: None,
            size: 0,
            triad,
            serial: (random & 0xFFFF) as u16,
            unanswered: 0,
            fingerprint: None,
            looked_at: None,
        }
    }

    /// A new session: nothing of the old one holds.
    pub(super) fn begin(&mut self) {
        self.trial = None;
        self.ready = false;
        self.reach.connection = None;
        self.unanswered = 0;
        self.looked_at = None;
    }

    /// The device hung up instead of answering: what was being tried then is not tried again.
    pub(super) fn hung_up(&mut self) {
        match self.trial.take() {
            Some(Trial::Large) => self.lacks.large = true,
            Some(Trial::Connection) => self.lacks.connections = true,
            Some(Trial::Changes) => self.lacks.changes = true,
            Some(Trial::TagList) => self.lacks.tag_list = true,
            None => {}
        }
    }

    /// Bytes that a message or its answer may have.
    pub(super) fn capacity(&self) -> usize {
        match self.reach.connection {
            Some(_) => usize::from(self.size).saturating_sub(2),
            None => UNCONNECTED,
        }
    }

    /// What [`Controller::capacity`] will be if the controller agrees to the connection that it is asked for.
    pub(super) fn capacity_hoped_for(&self) -> usize {
        match (self.reach.connection, self.lacks.connections) {
            (Some(_), _) | (None, true) => self.capacity(),
            (None, false) => {
                let most = if self.lacks.large { self.max_size.min(500) } else { self.max_size };
                usize::from(most).saturating_sub(2)
            }
        }
    }

    /// A request was answered.
    pub(super) fn answered(&mut self) {
        self.unanswered = 0;
    }

    /// A request was not answered: after some, its connection is opened anew.
    pub(super) fn silent(&mut self) {
        self.unanswered += 1;
        if self.unanswered >= DOUBTFUL {
            self.ready = false;
        }
    }

    /// Whether [`Controller::prepare`] has something to do.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.ready || !self.lacks.changes && self.looked_at.is_none_or(|at| now >= at + CHANGES_EVERY)
    }

    /// Opens the connection if there is none, and looks whether the program was changed.
    ///
    /// # Errors
    /// Those of the session; exceptions where the route does not lead to the controller.
    pub(super) async fn prepare(&mut self, line: &mut Line) -> Result<Found, Fault> {
        if !self.ready {
            self.connect(line).await?;
            self.ready = true;
        }
        let mut found = Found::Same;
        if !self.lacks.changes {
            found = self.look(line).await?;
        }
        let first = self.catalog.is_none() && !self.lacks.tag_list;
        if !self.lacks.tag_list && (first || found == Found::Changed) {
            self.trial = Some(Trial::TagList);
            let mut begun = false;
            let uploaded = catalog::upload(line, &mut self.reach, &mut begun).await;
            if begun {
                // It has a list: if the session ends now, that is not why.
                self.trial = None;
            }
            match uploaded {
                Ok(catalog) => {
                    let who = &catalog.identity;
                    tracing::info!(
                        device = self.name,
                        product = who.name,
                        revision = format!("{}.{}", who.revision.0, who.revision.1),
                        serial = format!("{:08x}", who.serial),
                        tags = catalog.tags(),
                        "read the controller's tag list"
                    );
                    self.catalog = Some(catalog);
                    found = Found::Changed;
                }
                // In the midst of a change: again with the next look.
                Err(Fault::Exception { code, .. }) if Status::new((code & 0xFF) as u8).is_transient() => {
                    self.fingerprint = None;
                }
                Err(Fault::Exception { .. }) => self.lacks.tag_list = true,
                Err(fault @ Fault::Timeout { .. }) => {
                    self.trial = None;
                    return Err(fault);
                }
                Err(fault) => return Err(fault),
            }
            self.trial = None;
        }
        Ok(found)
    }

    async fn look(&mut self, line: &mut Line) -> Result<Found, Fault> {
        self.looked_at = Some(Instant::now());
        let path = Path::object(changes::CLASS, 1);
        let request = Request::GetAttributeList { path, attributes: changes::ATTRIBUTES.to_vec() };
        self.trial = Some(Trial::Changes);
        let answer = self.reach.ask(line, &request).await;
        if !matches!(answer, Err(Fault::Lost(_))) {
            self.trial = None;
        }
        let answer = answer?;
        match Response::parse(&request, &answer, &L) {
            Ok(Response::Data { data, .. }) => {
                let known = self.fingerprint.replace(data.to_vec());
                let same = known.as_deref() == Some(data);
                Ok(if same { Found::Same } else { Found::Changed })
            }
            // During a download it refuses everything.
            Ok(Response::Failed(status)) if status.is_transient() => Ok(Found::Same),
            Ok(Response::Failed(_)) => {
                self.lacks.changes = true;
                Ok(Found::Same)
            }
            Ok(_) => Ok(Found::Same),
            Err(error) => Err(Fault::Protocol(error.to_string().into())),
        }
    }

    async fn connect(&mut self, line: &mut Line) -> Result<(), Fault> {
        let old = self.reach.connection.take();
        if old.is_some() {
            self.close(line).await?;
        }
        if self.lacks.connections {
            return Ok(());
        }
        if !self.lacks.large && self.max_size > SMALL_MAX {
            self.trial = Some(Trial::Large);
            match self.forward_open(line, self.max_size, true).await? {
                Ok(()) => return Ok(()),
                // The service, the size or the parameters of it are not known there.
                Err(status) if is_size(status) => self.lacks.large = true,
                Err(status) => return self.without(status),
            }
        }
        self.trial = Some(Trial::Connection);
        match self.forward_open(line, self.max_size.min(500), false).await? {
            Ok(()) => Ok(()),
            Err(status) => self.without(status),
        }
    }

    /// What a refused connection means: no connection, or no such controller.
    fn without(&mut self, status: Status) -> Result<(), Fault> {
        let route = matches!(status.extended, Some(0x0204 | 0x0311 | 0x0312 | 0x0315 | 0x0318));
        if status.general == 0x01 && route {
            return Err(refused(status));
        }
        // What has no connection free now may have one in the next session.
        self.lacks.connections = status.general == Status::SERVICE.general;
        Ok(())
    }

    async fn forward_open(
        &mut self,
        line: &mut Line,
        size: u16,
        large: bool,
    ) -> Result<Result<(), Status>, Fault> {
        self.serial = self.serial.wrapping_add(1);
        self.triad.connection = self.serial;
        let direction = Direction { interval_us: INTERVAL_US, size, flags: EXPLICIT };
        let to_originator_id = u32::from(self.serial) | 0x4942_0000;
        let open = ForwardOpen {
            large,
            patience: self.patience(),
            to_target_id: 0,
            to_originator_id,
            triad: self.triad,
            multiplier: MULTIPLIER,
            to_target: direction,
            to_originator: direction,
            transport: CLASS_3,
            path: self.application_path(),
        };
        let request = Request::ForwardOpen(Box::new(open));
        let mut message = Vec::new();
        request.emit(&mut message).map_err(|error| Fault::Config(error.to_string().into()))?;
        let answer = line.ask(Way::Unconnected(&Path::default()), &message, self.reach.timeout).await;
        if !matches!(answer, Err(Fault::Lost(_))) {
            self.trial = None;
        }
        let answer = answer?;
        match Response::parse(&request, &answer, &L) {
            Ok(Response::Opened(opened)) => {
                self.size = size;
                self.unanswered = 0;
                self.reach.connection = Some(Connected {
                    to_target: opened.to_target_id,
                    to_originator: to_originator_id,
                    sequence: 0,
                });
                Ok(Ok(()))
            }
            Ok(Response::Failed(status)) => Ok(Err(status)),
            Ok(_) => Err(Fault::Protocol("an answer of another kind".into())),
            Err(error) => Err(Fault::Protocol(error.to_string().into())),
        }
    }

    /// Closes what is not believed any more; whether that succeeds does not matter.
    async fn close(&mut self, line: &mut Line) -> Result<(), Fault> {
        let close =
            ForwardClose { patience: self.patience(), triad: self.triad, path: self.application_path() };
        let mut message = Vec::new();
        let emitted = Request::ForwardClose(Box::new(close)).emit(&mut message);
        emitted.map_err(|error| Fault::Config(error.to_string().into()))?;
        match line.ask(Way::Unconnected(&Path::default()), &message, self.reach.timeout).await {
            Ok(_) | Err(Fault::Timeout { .. }) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    fn patience(&self) -> Patience {
        Patience::millis(u64::try_from(self.reach.timeout.as_millis() * 3 / 4).unwrap_or(u64::MAX))
    }

    fn application_path(&self) -> Path {
        let mut path = self.reach.route.clone();
        path.0.extend(Path::object(class_id::ROUTER, 1).0);
        path
    }
}

/// Whether a refusal of a large connection says that a small one may be had.
fn is_size(status: Status) -> bool {
    status.general == Status::SERVICE.general
        || matches!(status.general, 0x03 | 0x09 | 0x13 | 0x15 | 0x20)
        || status.general == 0x01
            && matches!(status.extended, Some(0x0103 | 0x0108 | 0x0109 | 0x0127 | 0x0128))
}
