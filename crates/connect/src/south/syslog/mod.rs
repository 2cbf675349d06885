//! Syslog in, and the alerts of Suricata: what firewalls, switches and servers say, as events beside those of the plant.
//!
//! ```text
//!  device ─▶ UDP ─────────▶┐ (who sends: the address)
//!  device ─▶ TCP, TLS ─ frames ─▶ bounded queue ─▶ driver ─ repeats ─▶ events
//!  eve.json ─ tail ─▶ lines ────────────────────────┘
//! ```
//! Rationale: one thing that is said a thousand times is one event with a count. Syslog has no acknowledgement: what arrives
//! while nobody listens is lost, and the pages say so; a file is read on from where reading ended.

mod alert;
mod config;
mod driver;
mod eve;
mod listen;
mod repeats;
mod words;

use super::link::ARRIVES;
use super::port::address;
use super::tags::{Plan, Resolved, closed_schema};
use super::{DeviceLayout, Driver, GroupLayout, Layout};
use crate::kind::{Built, Claim, Context, Kind, Security};
use config::{File, Transport};
use driver::{Sender, Syslog};
pub use eve::EVE;
use model::config::{Diagnostic, Document};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Syslog over UDP, TCP and TLS.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "syslog",
    title: "Syslog (firewalls, switches, servers)",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::of_arrivals(document, context);
    let listen =
        address(&mut plan, &["listen"], &file.listen, "an address of this gateway, or \"0.0.0.0\" for all");
    if file.clients_ca.is_some() && file.transport != Transport::Tls {
        let help = "write transport = \"tls\", or leave it out";
        plan.mistake(&["clients_ca"], "certificates of senders need TLS", help);
    }
    let (mut senders, mut hosts) = (Vec::new(), BTreeMap::new());
    for (name, device) in &file.device {
        let help = "the address that it sends from, e.g. \"10.20.0.1\"";
        let host = address(&mut plan, &["device", name, "host"], &device.host, help);
        if let Some(other) = hosts.insert(host, name) {
            let message = format!("`{name}` and `{other}` send from one address");
            let help = "one device is what sends from one address: join them";
            plan.mistake(&["device", name, "host"], message, help);
        }
        senders.push(Sender { name: name.clone(), host, at_least: device.at_least, means: device.means });
    }
    let resolved = plan.finish()?;
    let units = senders.iter().map(|sender| (sender.name.clone(), sender.host.to_string()));
    let layout = layout(units, &resolved);
    let address = SocketAddr::new(listen, file.port);
    let (protocol, security) = match (file.transport, &file.clients_ca) {
        (Transport::Udp, _) => (
            "udp",
            Security::none("in the clear, and who sends can be faked: believe it as far as the network"),
        ),
        (Transport::Tcp, _) => {
            ("tcp", Security::none("in the clear: who is in between can read and change it"))
        }
        (Transport::Tls, None) => (
            "tcp",
            Security::tls("TLS with this gateway's certificate; senders are known by their address only"),
        ),
        (Transport::Tls, Some(_)) => ("tcp", Security::tls("TLS, certificates on both sides")),
    };
    let clients_ca = file.clients_ca.as_ref().map(|name| context.file(document, name));
    Ok(Built {
        endpoint: format!("listens on {} {address}", file.transport.word()),
        it: Box::new(Syslog::new(context, address, &file, clients_ca, senders, layout)),
        points: resolved.points,
        claims: vec![Claim::Listen { protocol, address: address.to_string() }],
        expected: Vec::new(),
        security,
    })
}

/// Devices that only speak by themselves, and have no points.
fn layout(devices: impl IntoIterator<Item = (String, String)>, resolved: &Resolved) -> Layout {
    let devices: Vec<DeviceLayout> =
        devices.into_iter().map(|(name, unit)| DeviceLayout { name, unit, excluded: Vec::new() }).collect();
    let class = || ARRIVES.to_owned();
    let groups = (0..devices.len())
        .map(|device| GroupLayout { device, class: class(), period: Duration::ZERO, points: Vec::new() })
        .collect();
    let timing = resolved.timing;
    timing.layout(devices, groups)
}
