//! Sparkplug B 3.0 host application: births of edge nodes make points.
//!
//! ```text
//!  CONNECT with STATE offline as will ─▶ subscribe spBv1.0/# ─▶ STATE online (retained)
//!  NBIRTH, DBIRTH ─▶ host (aliases, sequence) ─▶ book (which point) ─▶ declared ─▶ arrivals ─▶ link
//!  NDATA, DDATA ───▶ host ─────────────────────▶ book ───────────────────────────▶ arrivals ─▶ link
//!  NDEATH, DDEATH ─▶ host ─▶ the device is silent          a number is missing ─▶ NCMD rebirth
//!  write of a tag ─▶ NCMD, DCMD ─▶ the metric shows the value ─▶ Confirmed
//! ```
//! Rationale: a host keeps nothing over a session (clean start, as the standard asks): whoever waits for it sees STATE
//! and is born anew, whoever does not is asked.

mod book;
mod config;
mod driver;
mod host;

use super::Driver;
use super::tags::{Plan, closed_schema};
use super::write::confirm_by_arrival;
use crate::kind::{Built, Claim, Context, Kind};
use crate::mqtt::broker::Broker;
use book::Book;
use config::File;
use driver::SparkplugHost;
use model::config::{Diagnostic, Document};

/// How a Sparkplug host enters the product.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "sparkplug-host",
    title: "Sparkplug B host",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::of_arrivals(document, context);
    let mut mistakes = Vec::new();
    config::check_ids(document, &file, &mut mistakes);
    let below = file.at.clone().unwrap_or_else(|| context.name.clone());
    let root = context.site.join(&below).map_err(|why| {
        let help = "write it like \"edge\" or \"packaging/edge\"";
        mistakes.push(document.mistake(&["at"], format!("`{below}` is no path: {why}"), help));
    });
    let broker = Broker::read(&file.broker, document, context).map_err(|more| mistakes.extend(more)).ok();
    plan.add(mistakes);
    let spec = config::resolve(&mut plan, &file);
    if file.only_written && spec.homes.is_empty() {
        let help = "write down nodes under [device.NAME], or leave `only_written` out";
        plan.mistake(&["only_written"], "no node is written down, so nothing would be taken in", help);
    }
    let mut resolved = plan.finish()?;
    let (Some(mut broker), Ok(root)) = (broker, root) else { return Err(Vec::new()) };
    if file.broker.client_id.is_none() {
        // A node of the same name may be at the same broker, and two clients with one id end each other.
        broker.client_id.push_str("-host");
    }
    confirm_by_arrival(&mut resolved.points);
    let root = (!file.only_written).then_some(root);
    // Where points appear by themselves, no other file may put any.
    let homes = spec.homes.iter().filter(|home| !home.only_tags).map(|home| &home.at);
    let mut claims: Vec<Claim> = homes.chain(&root).cloned().map(Claim::Below).collect();
    claims.sort();
    claims.dedup();
    let host_id = file.host_id.clone().unwrap_or_else(|| format!("ironbridge-{}", context.site.last()));
    let layouts = config::layouts(&spec.homes);
    let book = Book::new(&context.name, root, spec.homes, spec.tags);
    let (endpoint, security) = (broker.endpoint(), broker.security());
    let driver = SparkplugHost::new(broker, host_id, &file, book, (layouts, spec.groups), resolved.timing);
    let endpoint = format!("{endpoint} as {}", driver.host_id());
    Ok(Built {
        it: Box::new(driver),
        points: resolved.points,
        claims,
        expected: Vec::new(),
        endpoint,
        security,
    })
}
