//! Modbus: TCP, RTU on a serial line, RTU through TCP, and Modbus/TCP Security.
//!
//! ```text
//!  file ─ config ─ build ─▶ spec ─▶ groups ─ planner ─▶ block reads
//!                                     ▲                     │
//!                  quarantine, cuts ──┘   session: window, ids, time-outs ──▶ wire::modbus ──▶ stream
//! ```
//! Rationale: what separates a gateway from a toy is what happens when a device is slow, silent, lying or half right.
//! `types`, `address` and the planner of blocks are pure and tested by tables and properties; `session` is one loop for all
//! framings; `rtu` holds what only a line without transaction ids needs.

mod address;
mod build;
mod conclude;
mod config;
mod driver;
mod expected;
mod group;
mod probe;
mod profile;
mod rtu;
mod session;
mod spec;
mod survey;
#[cfg(test)]
mod tests;
mod types;
mod write;

pub use address::single_tags;
pub use config::Tag;
pub use probe::PROBE;
pub use profile::{About, built_in as profiles, file as profile_file};
pub use survey::SURVEYORS;
pub use types::{Order, Packing, Type};

use super::Driver;
use super::planner;
use super::survey::measured;
use super::tags::{Plan, Resolved, closed_schema};
use crate::kind::{Built, Claim, Context, Kind, Security};
use crate::south::dial::Dial;
use config::{Common, RtuFile, RtuTcpFile, TcpFile, TlsFile};
use driver::{Framing, Modbus};
use model::Fault;
use model::config::{Diagnostic, Document};
use model::expected::ExpectedTraffic;
use std::time::Duration;
use survey::Measured;
use transport::{Parity, SerialSettings, StopBits, Target, TlsClient, TlsFiles};

/// Silence that ends an answer, and a late one, on a line behind a terminal server.
const NETWORK_SILENCE: Duration = Duration::from_millis(20);
/// Shortest silence after a time-out on a local line: USB adapters hold bytes back up to 16 ms.
const LINE_SILENCE: Duration = Duration::from_millis(20);

/// Modbus TCP.
pub static TCP: Kind<dyn Driver> = Kind {
    name: "modbus-tcp",
    title: "Modbus TCP",
    schema: closed_schema::<TcpFile>,
    build: build_tcp,
    sample: include_str!("sample.toml"),
};

/// Modbus RTU on a serial line.
pub static RTU: Kind<dyn Driver> = Kind {
    name: "modbus-rtu",
    title: "Modbus RTU (serial line)",
    schema: closed_schema::<RtuFile>,
    build: build_rtu,
    sample: include_str!("sample-rtu.toml"),
};

/// RTU frames through a terminal server.
pub static RTU_TCP: Kind<dyn Driver> = Kind {
    name: "modbus-rtu-tcp",
    title: "Modbus RTU over TCP",
    schema: closed_schema::<RtuTcpFile>,
    build: build_rtu_tcp,
    sample: include_str!("sample-rtu-tcp.toml"),
};

/// Modbus/TCP Security.
pub static TLS: Kind<dyn Driver> = Kind {
    name: "modbus-tls",
    title: "Modbus/TCP Security (TLS)",
    schema: closed_schema::<TlsFile>,
    build: build_tls,
    sample: include_str!("sample-tls.toml"),
};

type Outcome = Result<Built<dyn Driver>, Vec<Diagnostic>>;

/// A file's common keys, where it leads, and mistakes so far.
type Parts = (Common, Endpoint, Vec<Diagnostic>);

fn tcp(document: &Document) -> Result<Parts, Vec<Diagnostic>> {
    let file: TcpFile = TCP.read(document)?;
    let target = Target::Tcp { host: file.host, port: file.port };
    let security = Security::none("plain Modbus TCP: anybody on this network can read and write the device");
    Ok((file.common, Endpoint { framing: Framing::Tcp, target, security }, Vec::new()))
}

fn build_tcp(document: &Document, context: &Context) -> Outcome {
    let (common, endpoint, found) = tcp(document)?;
    assemble(document, context, &common, endpoint, found)
}

fn rtu_tcp(document: &Document) -> Result<Parts, Vec<Diagnostic>> {
    let file: RtuTcpFile = RTU_TCP.read(document)?;
    let target = Target::Tcp { host: file.host, port: file.port };
    let security = Security::none("plain RTU over TCP: anybody on this network can read and write the line");
    let mut found = Vec::new();
    one_at_a_time(document, &file.common, &mut found);
    let framing = Framing::Rtu { silence: NETWORK_SILENCE };
    Ok((file.common, Endpoint { framing, target, security }, found))
}

fn build_rtu_tcp(document: &Document, context: &Context) -> Outcome {
    let (common, endpoint, found) = rtu_tcp(document)?;
    assemble(document, context, &common, endpoint, found)
}

fn rtu_line(document: &Document) -> Result<Parts, Vec<Diagnostic>> {
    let file: RtuFile = RTU.read(document)?;
    let parity = match file.parity {
        config::Parity::None => Parity::None,
        config::Parity::Even => Parity::Even,
        config::Parity::Odd => Parity::Odd,
    };
    let stop_bits = if file.stop_bits == Some(2) { StopBits::Two } else { StopBits::One };
    let settings = SerialSettings { baud: file.baud, parity, stop_bits, ..SerialSettings::default() };
    let silence = settings.silent_interval().max(LINE_SILENCE);
    let target = Target::Serial { path: file.line, settings };
    let mut found = Vec::new();
    one_at_a_time(document, &file.common, &mut found);
    let (framing, security) = (Framing::Rtu { silence }, Security::none("a local line"));
    Ok((file.common, Endpoint { framing, target, security }, found))
}

fn build_rtu(document: &Document, context: &Context) -> Outcome {
    let (common, endpoint, found) = rtu_line(document)?;
    assemble(document, context, &common, endpoint, found)
}

fn build_tls(document: &Document, context: &Context) -> Outcome {
    let (common, endpoint, found) = tls(document, context)?;
    assemble(document, context, &common, endpoint, found)
}

fn tls(document: &Document, context: &Context) -> Result<Parts, Vec<Diagnostic>> {
    let file: TlsFile = TLS.read(document)?;
    let tls = &file.tls;
    let files = TlsFiles {
        ca: tls.ca.as_ref().map(|name| context.file(document, name)),
        certificate: Some(context.file(document, &tls.certificate)),
        key: Some(context.file(document, &tls.key)),
        server_name: tls.server_name.clone(),
        alpn: Vec::new(),
    };
    let mut found = Vec::new();
    let config = match TlsClient::from_files(files) {
        Ok(config) => Some(config),
        Err(fault) => {
            let why = match &fault {
                Fault::Config(why) => why.to_string(),
                other => other.to_string(),
            };
            found.push(document.mistake(
                &["tls"],
                why,
                "file names are relative to this file's folder, then to the plant folder",
            ));
            None
        }
    };
    let security = Security::tls("TLS with certificates on both sides (Modbus/TCP Security)");
    let target = match config {
        Some(config) => Target::Tls { host: file.host, port: file.port, config },
        // Never dialled: the mistake above stops the build.
        None => Target::Tcp { host: file.host, port: file.port },
    };
    Ok((file.common, Endpoint { framing: Framing::Tcp, target, security }, found))
}

fn one_at_a_time(document: &Document, common: &Common, found: &mut Vec<Diagnostic>) {
    if common.pipeline.is_some_and(|depth| depth > 1) {
        let help = "leave `pipeline` out; it is for Modbus TCP";
        found.push(document.mistake(&["pipeline"], "a serial line answers one request at a time", help));
    }
}

/// What the kinds differ in.
struct Endpoint {
    framing: Framing,
    target: Target,
    security: Security,
}

fn assemble(
    document: &Document,
    context: &Context,
    common: &Common,
    endpoint: Endpoint,
    found: Vec<Diagnostic>,
) -> Outcome {
    let Endpoint { framing, target, security } = endpoint;
    let mut plan = Plan::new(document, context, &common.keys);
    plan.add(found);
    let endpoint = target.to_string();
    let (measured, about): (Option<Measured>, _) = measured::load(&mut plan, &endpoint);
    let (timing, devices) = build::resolve(&mut plan, common, measured.as_ref());
    let Resolved { classes, points, .. } = plan.finish()?;
    let claims = match target.exclusive() {
        Some(line) => vec![Claim::Serial(line.to_owned())],
        None => vec![Claim::Endpoint(format!("modbus {endpoint}"))],
    };
    let (host, port) = match &target {
        Target::Tcp { host, port } | Target::Tls { host, port, .. } => (host.clone(), *port),
        Target::Serial { .. } => (String::new(), 0),
    };
    let mut driver = Modbus::new(Dial::Target(target), framing, timing, &classes, devices);
    driver.measured = about;
    driver.witness = context.secrets.witness();
    let to = ExpectedTraffic::to(&context.name, &host, port, "modbus");
    let expected = driver.expected(&to, &points);
    Ok(Built { it: Box::new(driver), points, claims, expected, endpoint, security })
}
