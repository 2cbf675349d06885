//! OPC UA: a client for servers in PLCs, machines and SCADA systems (OPC 10000).
//!
//! ```text
//!  file ─ config ─ build ─▶ spec ─▶ ladder: take up, take over, or begin ─▶ exchange ─▶ link
//!                  address           │ endpoint, certificates, identity      │ subscription, notify, poll, write
//!                                    └──────────── channel, services ────────┘
//! ```
//! Rationale: what a plant needs of OPC UA is that nothing is lost over a short cut, that one bad node harms no other,
//! and that nobody is trusted by accident. `endpoint`, `subscription`, `notify`, `value` and `address` are pure and tested
//! by tables; the library gives encodings and encryption.

mod address;
mod backfill;
mod browse;
mod build;
mod certificates;
mod channel;
mod config;
mod dictionary;
mod drafting;
mod driver;
mod endpoint;
mod exchange;
mod expected;
#[cfg(test)]
mod hostile;
mod identity;
mod ladder;
mod method;
mod monitor;
mod notify;
mod orders;
mod poll;
mod probe;
mod publishing;
mod services;
mod status;
mod structure;
mod subscription;
mod types;
mod value;
mod write;

pub use browse::BROWSER;
pub use certificates::{Certificates, Entry, Proof, Side, Standing};
pub use probe::PROBE;

use super::Driver;
use super::tags::{Plan, closed_schema};
use super::write as order;
use crate::kind::{Built, Claim, Context, Kind, Security};
use build::Spec;
use config::{File, Policy, Protection};
use driver::OpcUa;
use model::config::{Diagnostic, Document};
use model::expected::ExpectedTraffic;
use std::sync::Arc;

/// OPC UA.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "opc-ua",
    title: "OPC UA",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::new(document, context, &file.keys);
    let draft = build::resolve(&mut plan, document, &file);
    plan.expect_tags(build::EXAMPLE);
    let mut resolved = plan.finish()?;
    draft.calls().for_each(|index| {
        if let Some(point) = resolved.points.get_mut(index) {
            order::without_read_back(Arc::make_mut(point));
        }
    });
    let security = match (file.security, file.protect) {
        (Policy::None, _) => Security::none(
            "OPC UA without encryption, as configured: anybody on this network can read and change what is said",
        ),
        (policy, Protection::Encrypt) => {
            Security::tls(&format!("OPC UA, encrypted and signed ({})", words(policy)))
        }
        (policy, Protection::Sign) => Security::tls(&format!(
            "OPC UA, signed ({}) but not encrypted: anybody on this network can read what is said",
            words(policy)
        )),
    };
    let endpoint = file.url.clone();
    let spec = Spec::new(draft, file, context, &resolved);
    let (host, port, _) = endpoint::parts(&endpoint).unwrap_or_default();
    let expected =
        spec.expected(&ExpectedTraffic::to(&context.name, &host, port, "opc-ua"), &resolved.points);
    Ok(Built {
        it: Box::new(OpcUa::new(spec)),
        points: resolved.points,
        claims: vec![Claim::Endpoint(format!("opc-ua {endpoint}"))],
        expected,
        endpoint,
        security,
    })
}

fn words(policy: Policy) -> &'static str {
    match policy {
        Policy::Best => "the strongest policy that the server offers",
        policy => policy.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Path;

    #[test]
    fn the_sample_builds_and_stands_in_the_readme() {
        assert!(include_str!("README.md").contains(KIND.sample));
        let document = Document::parse("connections/press.toml", KIND.sample).unwrap();
        let context = Context::new("press", Path::new("acme/leeds").unwrap(), "");
        let built = (KIND.build)(&document, &context).unwrap();
        assert_eq!((built.points.len(), built.security.level), (5, "tls"));
        let sources: Vec<&str> = built.points.iter().map(|point| point.source.as_str()).collect();
        assert!(sources.contains(&"nsu=http://vendor.com/plc;s=Press.Zones[1] f64"), "{sources:?}");
        let layout = built.it.layout();
        assert!(layout.groups.iter().all(|group| group.period.is_zero()) && layout.groups.len() == 2);
    }
}
