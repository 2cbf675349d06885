//! NATS in: messages of a JetStream stream become points, and a hub keeps the points of many gateways as they are.
//!
//! ```text
//!  stream ─ durable consumer ─ pull ─▶ intake: subjects, patterns, payload ─▶ link ─▶ journal
//!     ▲                                                                                 │
//!     └──────────────────────── acknowledged ◀── on disk ◀── position ◀─────────────────┘
//! ```
//! Rationale: the stream keeps what was not acknowledged, so nothing is queued here, and an acknowledgement says that the
//! values are on disk. What comes again after a crash or a lost acknowledgement is found in the journal and left out.

mod config;
mod driver;

use super::Driver;
use super::messages::{Intake, Levels, resolve};
use super::tags::{Plan, closed_schema};
use crate::kind::{Built, Context, Kind};
use crate::nats::{Servers, is_name};
use crate::north::Switch;
use config::{File, sites};
use driver::{NatsIn, Place};
use model::config::{Diagnostic, Document};

/// How NATS in enters the product.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "nats",
    title: "NATS JetStream in",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

/// What to write where no tag is.
const EXAMPLE: &str =
    "[device.oven.tags] with temperature = { at = \"plant.oven.temperature\", type = \"f64\" }";

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::of_arrivals(document, context);
    let mut mistakes = Vec::new();
    let servers = Servers::read(&file.server, document, context, &mut mistakes);
    plan.add(mistakes);
    let example = if file.gateways.is_some() { None } else { Some(EXAMPLE) };
    let mut spec = resolve(&mut plan, &file.device, Levels::Dots, example);
    spec.commands = file.commands == Switch::On;
    for point in spec.points.iter().filter(|point| point.command.is_some()) {
        let device = spec.devices.get(point.device).map(String::as_str).unwrap_or_default();
        let help = "leave out `write` and `command`";
        plan.mistake(&["device", device], format!("`{}`: a stream only brings values", point.topic), help);
    }
    if let Some(gateways) = &file.gateways {
        sites(&mut plan, gateways, &mut spec);
    }
    let own = format!("{}_{}", context.site, context.name).replace('/', "_");
    let consumer = file.consumer.clone().unwrap_or(own);
    let names = [Some(&file.stream.name), file.stream.domain.as_ref()];
    if names.into_iter().flatten().any(|name| !is_name(name)) {
        let help = "write letters, digits, `-` and `_`, e.g. { name = \"PLANT\" }";
        plan.mistake(&["stream"], "this is no name for a stream or a domain", help);
    }
    if !is_name(&consumer) {
        let help = "write letters, digits, `-` and `_`, e.g. \"leeds-orders\"";
        plan.mistake(&["consumer"], "this is no name for a consumer", help);
    }
    let resolved = plan.finish()?;
    let claims = spec.claims();
    let place = Place::new(&file, consumer, &spec);
    let (intake, layout) = Intake::new(&context.name, spec, "subjects", resolved.timing);
    Ok(Built {
        points: resolved.points,
        claims,
        expected: Vec::new(),
        endpoint: servers.endpoint(),
        security: servers.security(),
        it: Box::new(NatsIn::new(context, servers, place, intake, layout)),
    })
}
