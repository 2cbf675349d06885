//! MQTT in: topics become points.
//!
//! ```text
//!  broker ─ session (kept by the broker, QoS 1) ─ message ─▶ book: topics, patterns, payload ─▶ arrivals ─▶ link
//!     ▲                                                         └─ unknown: declared, with room            │
//!     └──────────── acknowledged ◀── on disk ◀── journal ◀── position ◀─────────────────────────────────────┘
//! ```
//! Rationale: a message is acknowledged when its values are on disk, not when they came. Over a cut the broker keeps
//! what was not acknowledged, so nothing is lost and nothing is queued here: the broker's window bounds our memory.

mod config;
mod driver;

use super::Driver;
use super::messages::{Levels, resolve};
use super::tags::{Plan, closed_schema};
use super::write::confirm_by_arrival;
use crate::kind::{Built, Context, Kind};
use crate::mqtt::broker::Broker;
use crate::north::Switch;
use config::File;
use driver::MqttIn;
use model::config::{Diagnostic, Document};

/// How MQTT in enters the product.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "mqtt-in",
    title: "MQTT in",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

/// What to write where no tag is.
const EXAMPLE: &str =
    "[device.oven.tags] with temperature = { at = \"plant/oven/temperature\", type = \"f64\" }";

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::of_arrivals(document, context);
    let mut spec = resolve(&mut plan, &file.device, Levels::Slashes, EXAMPLE);
    spec.commands = file.commands == Switch::On;
    let broker = Broker::read(&file.broker, document, context).map_err(|mistakes| plan.add(mistakes)).ok();
    let mut resolved = plan.finish()?;
    let Some(mut broker) = broker else { return Err(Vec::new()) };
    if file.broker.client_id.is_none() {
        // A destination of the same name may be at the same broker, and two clients with one id end each other.
        broker.client_id.push_str("-in");
    }
    confirm_by_arrival(&mut resolved.points);
    let claims = spec.claims();
    Ok(Built {
        points: resolved.points,
        claims,
        expected: Vec::new(),
        endpoint: broker.endpoint(),
        security: broker.security(),
        it: Box::new(MqttIn::new(&context.name, broker, &file, spec, resolved.timing)),
    })
}
