//! A simulated endpoint in memory and a namespace to read it into.

use crate::kind::{Built, Context, Security};
use crate::south::dial::Dial;
use crate::south::modbus::build;
use crate::south::modbus::config::TcpFile;
use crate::south::modbus::driver::{Framing, Modbus};
use crate::south::tags::Plan;
use crate::south::testing::{self, namespace};
use crate::south::{Driver, Handle, Wheel, run};
use model::config::Document;
use model::{Command, Last, Outcome, Path, Principal, Role, Value};
use namespace::Namespace;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;
use transport::Stream;
use wire::modbus::mbap::{self, Deframer};
use wire::modbus::rtu::{self, RequestDeframer};
use wire::modbus::{Limits, Request, Table};

/// What the simulated endpoint does with one request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// This PDU.
    Pdu(Vec<u8>),
    /// This PDU after a while; meanwhile it answers others (TCP) or nobody (RTU).
    Late(Duration, Vec<u8>),
    /// Nothing.
    Silence,
    /// These bytes as they are.
    Raw(Vec<u8>),
    /// Closes the connection.
    Close,
}

/// Registers and bits of one unit, and how it behaves.
#[derive(Default)]
pub(super) struct Unit {
    pub(super) registers: HashMap<u16, u16>,
    pub(super) coils: HashMap<u16, bool>,
    pub(super) silent: bool,
}

pub(super) type Hook = Box<dyn FnMut(u8, &Request) -> Option<Reply> + Send>;

/// The endpoint behind the pipe.
#[derive(Default)]
pub(super) struct Endpoint {
    pub(super) units: HashMap<u8, Unit>,
    /// Looks at each request first; `None` leaves it to the unit.
    pub(super) hook: Option<Hook>,
    /// What came, and when.
    pub(super) log: Vec<(Instant, u8, Request)>,
    pub(super) dials: u32,
    pub(super) refuse: bool,
    pub(super) sessions: Vec<tokio::task::AbortHandle>,
}

impl Endpoint {
    pub(super) fn unit(&mut self, unit: u8) -> &mut Unit {
        self.units.entry(unit).or_default()
    }

    fn reply(&mut self, unit: u8, request: &Request) -> Reply {
        self.log.push((Instant::now(), unit, request.clone()));
        if let Some(reply) = self.hook.as_mut().and_then(|hook| hook(unit, request)) {
            return reply;
        }
        match self.units.get_mut(&unit) {
            Some(unit) if !unit.silent => Reply::Pdu(unit.answer(request)),
            _ => Reply::Silence,
        }
    }
}

impl Unit {
    /// Holding and input registers are the same here; addresses that were never set do not exist.
    pub(super) fn answer(&mut self, request: &Request) -> Vec<u8> {
        let refuse = |code: u8| vec![request.function_code() | 0x80, code];
        match request {
            Request::ReadHoldingRegisters { address, quantity }
            | Request::ReadInputRegisters { address, quantity } => {
                let words: Option<Vec<u16>> =
                    (0..*quantity).map(|i| self.registers.get(&(address + i)).copied()).collect();
                let Some(words) = words else { return refuse(2) };
                let mut pdu = vec![request.function_code(), (quantity * 2) as u8];
                pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
                pdu
            }
            Request::ReadCoils { address, quantity } | Request::ReadDiscreteInputs { address, quantity } => {
                let bits: Option<Vec<bool>> =
                    (0..*quantity).map(|i| self.coils.get(&(address + i)).copied()).collect();
                let Some(bits) = bits else { return refuse(2) };
                let mut pdu = vec![request.function_code(), quantity.div_ceil(8) as u8];
                wire::modbus::pack_bits(bits, &mut pdu);
                pdu
            }
            Request::WriteSingleRegister { address, value } => {
                self.registers.insert(*address, *value);
                echo(request)
            }
            Request::WriteSingleCoil { address, value } => {
                self.coils.insert(*address, *value);
                echo(request)
            }
            Request::WriteMultipleRegisters { address, values } => {
                self.registers
                    .extend(values.iter().enumerate().map(|(i, value)| (address + i as u16, *value)));
                echo(request)[..5].to_vec()
            }
            Request::MaskWriteRegister { address, and_mask, or_mask } => {
                let word = self.registers.entry(*address).or_default();
                *word = (*word & and_mask) | (or_mask & !and_mask);
                echo(request)
            }
            Request::Diagnostics { .. } => echo(request),
            _ => refuse(1),
        }
    }
}

fn echo(request: &Request) -> Vec<u8> {
    let mut pdu = Vec::new();
    request.emit(&mut pdu);
    pdu
}

/// First address and count of a read.
pub(super) fn span(request: &Request) -> Option<(Table, u16, u16)> {
    match request {
        Request::ReadHoldingRegisters { address, quantity } => {
            Some((Table::HoldingRegisters, *address, *quantity))
        }
        Request::ReadInputRegisters { address, quantity } => {
            Some((Table::InputRegisters, *address, *quantity))
        }
        Request::ReadCoils { address, quantity } => Some((Table::Coils, *address, *quantity)),
        Request::ReadDiscreteInputs { address, quantity } => {
            Some((Table::DiscreteInputs, *address, *quantity))
        }
        _ => None,
    }
}

async fn serve_tcp(endpoint: Arc<Mutex<Endpoint>>, stream: DuplexStream) {
    let (mut read, write) = tokio::io::split(stream);
    let write = Arc::new(tokio::sync::Mutex::new(write));
    let mut deframer = Deframer::new();
    let mut buffer = [0u8; 512];
    while let Ok(count @ 1..) = read.read(&mut buffer).await {
        let mut input = &buffer[..count];
        while let Ok(Some(frame)) = deframer.feed(&mut input) {
            let request = Request::parse(frame.pdu, &Limits::STANDARD).unwrap();
            let (transaction, unit) = (frame.transaction, frame.unit);
            let mut adu = Vec::new();
            let mut frame = |pdu: &[u8]| mbap::emit_adu(transaction, unit, pdu, &mut adu);
            let reply = endpoint.lock().reply(unit, &request);
            match reply {
                Reply::Pdu(pdu) => frame(&pdu),
                Reply::Raw(bytes) => adu = bytes,
                Reply::Silence => {}
                Reply::Close => return,
                Reply::Late(after, pdu) => {
                    frame(&pdu);
                    let (write, adu) = (write.clone(), std::mem::take(&mut adu));
                    tokio::spawn(async move {
                        tokio::time::sleep(after).await;
                        let _ = write.lock().await.write_all(&adu).await;
                    });
                }
            }
            if write.lock().await.write_all(&adu).await.is_err() {
                return;
            }
        }
    }
}

async fn serve_rtu(endpoint: Arc<Mutex<Endpoint>>, mut stream: DuplexStream) {
    let mut deframer = RequestDeframer::new();
    let mut buffer = [0u8; 512];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let mut input = &buffer[..count];
        while let Some(frame) = deframer.feed(&mut input) {
            let request = Request::parse(frame.pdu, &Limits::STANDARD).unwrap();
            let unit = frame.unit;
            let reply = endpoint.lock().reply(unit, &request);
            let mut adu = Vec::new();
            match reply {
                Reply::Pdu(pdu) => rtu::emit_adu(unit, &pdu, &mut adu),
                Reply::Raw(bytes) => adu = bytes,
                Reply::Silence => {}
                Reply::Close => return,
                Reply::Late(after, pdu) => {
                    tokio::time::sleep(after).await;
                    rtu::emit_adu(unit, &pdu, &mut adu);
                }
            }
            if stream.write_all(&adu).await.is_err() {
                return;
            }
        }
    }
}

pub(super) struct Plant {
    pub(super) namespace: Namespace,
    pub(super) endpoint: Arc<Mutex<Endpoint>>,
    pub(super) handle: Handle,
    _dir: tempfile::TempDir,
}

/// A connection `line-1` over a pipe: TCP framing, or RTU with 5 ms of silence.
pub(super) fn plant(rtu: bool, text: &str, prepare: impl FnOnce(&mut Endpoint)) -> Plant {
    let (namespace, dir) = namespace();
    let (handle, endpoint) = connection(&namespace, "line-1", rtu, text, prepare);
    Plant { namespace, endpoint, handle, _dir: dir }
}

/// The same as one connection of several in a namespace.
pub(super) fn connection(
    namespace: &Namespace,
    name: &str,
    rtu: bool,
    text: &str,
    prepare: impl FnOnce(&mut Endpoint),
) -> (Handle, Arc<Mutex<Endpoint>>) {
    let endpoint = Arc::new(Mutex::new(Endpoint::default()));
    prepare(&mut endpoint.lock());
    let text = format!("kind = \"modbus-tcp\"\nhost = \"plc\"\n{text}");
    let document = Document::parse(&format!("connections/{name}.toml"), &text).unwrap();
    let context = Context::new(name, Path::new("acme/leeds").unwrap(), "");
    let file: TcpFile = document.construct().unwrap();
    let mut plan = Plan::new(&document, &context, &file.common.keys);
    let (timing, devices) = build::resolve(&mut plan, &file.common, None);
    let resolved = plan.finish().unwrap();
    let shared = endpoint.clone();
    let dial = Dial::Mock(Box::new(move || {
        let mut endpoint = shared.lock();
        endpoint.dials += 1;
        if endpoint.refuse {
            return None;
        }
        let (near, far) = tokio::io::duplex(4_096);
        let task = if rtu {
            tokio::spawn(serve_rtu(shared.clone(), far))
        } else {
            tokio::spawn(serve_tcp(shared.clone(), far))
        };
        endpoint.sessions.retain(|session| !session.is_finished());
        endpoint.sessions.push(task.abort_handle());
        Some(Stream::Mock(near))
    }));
    let framing = if rtu { Framing::Rtu { silence: Duration::from_millis(5) } } else { Framing::Tcp };
    let driver: Box<dyn Driver> = Box::new(Modbus::new(dial, framing, timing, &resolved.classes, devices));
    let built = Built {
        it: driver,
        points: resolved.points,
        claims: Vec::new(),
        expected: Vec::new(),
        endpoint: "plc:502".into(),
        security: Security::none("pipe"),
    };
    let handle = run(name, "modbus-tcp", built, namespace, &Arc::new(Wheel::new())).unwrap();
    (handle, endpoint)
}

impl Plant {
    pub(super) fn last(&self, path: &str) -> Last {
        testing::last(&self.namespace, path)
    }

    /// Every value that a point ever had, from the journal.
    pub(super) fn history(&self, path: &str) -> Vec<(Value, model::Status)> {
        testing::history(&self.namespace, path)
    }

    /// Lets `time` pass.
    pub(super) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Lets time pass until `condition` holds, at most a minute.
    pub(super) async fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) -> Duration {
        let start = Instant::now();
        while !condition(self) {
            assert!(start.elapsed() < Duration::from_secs(200), "{what}: {:#?}", self.handle.status());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        start.elapsed()
    }

    pub(super) fn close_sessions(&self) {
        self.endpoint.lock().sessions.drain(..).for_each(|session| session.abort());
    }

    pub(super) async fn write(&self, path: &str, value: Value) -> Outcome {
        self.write_within(path, value, Duration::from_secs(60)).await
    }

    pub(super) async fn write_within(&self, path: &str, value: Value, ttl: Duration) -> Outcome {
        static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let command = Command {
            id: NUMBER.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string(),
            path: Path::new(&format!("acme/leeds/{path}")).unwrap(),
            value,
            expires: self.namespace.clock().now().after(ttl),
            reason: "test".into(),
        };
        let anna = Principal { name: "user:anna".into(), role: Role::Operator, prefix: None };
        self.namespace.command(&anna, command).await
    }
}
