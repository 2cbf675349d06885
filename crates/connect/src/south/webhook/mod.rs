//! Webhook: machines and services post their values to this gateway.
//!
//! ```text
//!  POST /api/in/NAME/PATH ─ token, limits ─▶ door ─▶ intake: paths, patterns, payload ─▶ link ─▶ journal
//!        ▲──────────────────────── 200 when it is on disk ◀──────────────────────────────────────┘
//! ```
//! Rationale: a post is a message whose topic is its path, so everything else is as with MQTT. It comes in at the page's own
//! listener, which is encrypted wherever it leaves the machine.

mod config;
mod driver;

use super::Driver;
use super::messages::{Intake, Levels, resolve};
use super::tags::{Plan, closed_schema};
use crate::kind::{Built, Context, Kind, Security};
use crate::north::Switch;
use config::File;
use driver::Webhook;
use model::config::{Diagnostic, Document};

/// How webhooks enter the product.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "webhook",
    title: "Webhook (JSON, posted to this gateway)",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

/// What to write where no tag is.
const EXAMPLE: &str = "[device.scale.tags] with weight = { at = \"/\", type = \"f64\", value = \"/weight\" }";

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::of_arrivals(document, context);
    let mut spec = resolve(&mut plan, &file.device, Levels::Slashes, EXAMPLE);
    spec.commands = file.commands == Switch::On;
    for point in spec.points.iter().filter(|point| point.command.is_some()) {
        let device = spec.devices.get(point.device).map(String::as_str).unwrap_or_default();
        let help = "leave out `write` and `command`";
        plan.mistake(&["device", device], format!("`{}`: a webhook only takes values in", point.topic), help);
    }
    let resolved = plan.finish()?;
    let claims = spec.claims();
    let (intake, layout) = Intake::new(&context.name, spec, "posts", resolved.timing);
    Ok(Built {
        points: resolved.points,
        claims,
        expected: Vec::new(),
        endpoint: format!("/api/in/{}", context.name),
        security: Security::tls(
            "a token, on this gateway's own listener: encrypted wherever it leaves the machine; who has the token can send any value",
        ),
        it: Box::new(Webhook::new(context, &file, intake, layout)),
    })
}
