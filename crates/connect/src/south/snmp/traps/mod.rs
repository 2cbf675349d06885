//! Traps and informs: what SNMP devices say without being asked.
//!
//! ```text
//!  device ─▶ UDP ─▶ receiver (a thread of its own: BER, community or user) ─ known sender ─▶ bounded queue ─▶ driver
//!                       └◀─────────── an inform is acknowledged when it is on disk ─────────────────────────┘
//! ```
//! Rationale: a trap can be sent by anybody, so each device says from where it sends and what it shows, and the rest is
//! dropped and counted. Every trap is an event; objects that it carries become values.

mod config;
mod driver;
mod receiver;
mod words;

use super::config::Tag as Entry;
use super::credentials::{Credentials, security};
use super::oid;
use super::speaker::Row;
use crate::kind::{Built, Claim, Context, Kind, Security};
use crate::south::link::ARRIVES;
use crate::south::port::address;
use crate::south::tags::{GROUP_POINTS, Plan, Resolved, Source, Tag, Wrong, closed_schema};
use crate::south::{DeviceLayout, Driver, GroupLayout};
use config::File;
use driver::{Sender, Traps};
use model::config::{Diagnostic, Document};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Traps and informs of SNMP v2c and v3.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "snmp-traps",
    title: "SNMP traps and informs",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("../traps-sample.toml"),
};

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::of_arrivals(document, context);
    let listen =
        address(&mut plan, &["listen"], &file.listen, "an address of this gateway, or \"0.0.0.0\" for all");
    let (mut devices, mut hosts) = (Vec::new(), BTreeMap::new());
    let mut weakest: Option<Security> = None;
    for (name, device) in &file.device {
        let home = plan.device(name, &device.keys);
        let credentials = Credentials::resolve(&mut plan, &["device", name], &device.who);
        let help = "the address that it sends from, e.g. \"10.20.1.2\": a trap says no other name";
        let host = address(&mut plan, &["device", name, "host"], &device.host, help);
        if let Some(other) = hosts.insert(host, name) {
            let message = format!("`{name}` and `{other}` send from one address");
            plan.mistake(
                &["device", name, "host"],
                message,
                "one device is what sends from one address: join them",
            );
        }
        let own = security(&device.who);
        if weakest.as_ref().is_none_or(|weakest| weakest.level == "encrypted") {
            weakest = Some(own);
        }
        let mut points: Vec<(usize, Row)> = Vec::new();
        plan.tags(&home, &device.tags, |plan, tag, entry| points.extend(resolve(plan, tag, entry)));
        if points.len() > GROUP_POINTS {
            let message = format!("a device may have at most {GROUP_POINTS} tags");
            plan.mistake(&["device", name, "tags"], message, "leave out what nobody looks at");
        }
        devices.push((name.clone(), host, credentials, points));
    }
    let Resolved { timing, points, .. } = plan.finish()?;
    let (mut layouts, mut groups, mut senders) = (Vec::new(), Vec::new(), Vec::new());
    for (device, (name, host, credentials, rows)) in devices.into_iter().enumerate() {
        layouts.push(DeviceLayout { name: name.clone(), unit: host.to_string(), excluded: Vec::new() });
        let (indices, rows): (Vec<usize>, Vec<Row>) = rows.into_iter().unzip();
        let class = ARRIVES.to_owned();
        groups.push(GroupLayout { device, class, period: Duration::ZERO, points: indices });
        senders.push(Sender { name, host, credentials, rows });
    }
    let layout = timing.layout(layouts, groups);
    let address = SocketAddr::new(listen, file.port);
    Ok(Built {
        it: Box::new(Traps::new(context, address, file.max_rate, senders, layout)),
        points,
        claims: vec![Claim::Listen { protocol: "udp", address: address.to_string() }],
        expected: Vec::new(),
        endpoint: format!("listens on UDP {address}"),
        security: weakest.unwrap_or_else(|| Security::none("no device is known, so nothing is taken")),
    })
}

fn resolve(plan: &mut Plan<'_>, tag: &Tag<'_>, entry: &Entry) -> Option<(usize, Row)> {
    let (oid, known) = oid::parse(&entry.at).map_err(|wrong| plan.wrong(tag, "at", wrong)).ok()?;
    let Some(kind) = entry.kind.or(known) else {
        let help = "write type = \"integer\", \"text\" or another; the device's MIB file says which";
        plan.wrong(
            tag,
            "at",
            Wrong::new("`type` is missing: this object is not among those known by name", help),
        );
        return None;
    };
    if entry.keys.write.is_some() {
        let help = "leave out `write`; write it through a connection of kind \"snmp\"";
        plan.wrong(tag, "write", Wrong::new("what a device sends by itself cannot be written", help));
    }
    let words = format!("{oid} {}", kind.name());
    let slot = plan.point(tag, Source { value: kind.value_type(), words })?;
    Some((slot.index, Row { oid, kind, scaling: slot.scaling }))
}

#[cfg(test)]
mod tests;
