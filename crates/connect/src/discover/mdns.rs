//! What a device calls itself, and which services it announces, by multicast DNS: asked of one address at a time
//! (RFC 6762, section 5.5: a question may go straight to a device), so that nobody else hears of it.

use super::{Ask, Asker, Effort, Found, Probe, Reply, Transport, clean};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wire::mdns::{self, Record, SERVICES};

/// Finds names.
pub static PROBE: Probe = Probe {
    name: "mdns",
    title: "mDNS names",
    port: mdns::PORT,
    transport: Transport::Udp,
    asks: "its name and the services that it announces, two datagrams at most",
    security: "mDNS tells everybody on the network what a device calls itself; nothing proves that it is true.",
    effort,
    broadcast: None,
    look,
};

/// Tells our answers from others.
const ID: u16 = 0x1B;
/// Most types of services that are asked further.
const MOST_TYPES: usize = 4;
/// Most services that are kept.
const MOST_SERVICES: usize = 16;

fn effort(_: &Ask) -> Effort {
    Effort { connections: 0, requests: 2 }
}

fn look<'a>(asker: &'a mut Asker<'_>, _: &'a Ask) -> BoxFuture<'a, Vec<Found>> {
    async move {
        let reverse = mdns::reverse(asker.address());
        let first =
            match asker.datagram(&mdns::question(ID, &[&reverse, SERVICES]), |it| mdns::answer(ID, it)).await
            {
                Reply::Got(records) => records,
                _ => return Vec::new(),
            };
        let types = pointed(&first, SERVICES);
        let asked: Vec<&str> = types.iter().take(MOST_TYPES).map(String::as_str).collect();
        let more = match asked.is_empty() {
            true => Vec::new(),
            false => match asker.datagram(&mdns::question(ID, &asked), |it| mdns::answer(ID, it)).await {
                Reply::Got(records) => records,
                _ => Vec::new(),
            },
        };
        found(asker, &reverse, &first, &more).into_iter().collect()
    }
    .boxed()
}

/// Where the pointers of a name point.
fn pointed(records: &[Record], of: &str) -> Vec<String> {
    let target = |record: &Record| match record {
        Record::Pointer { name, target } if name.eq_ignore_ascii_case(of) => Some(target.clone()),
        _ => None,
    };
    records.iter().filter_map(target).collect()
}

fn found(asker: &Asker<'_>, reverse: &str, first: &[Record], more: &[Record]) -> Option<Found> {
    let mut hosts = pointed(first, reverse);
    let mut details = Vec::new();
    for record in more {
        if let Record::Service { name, host, port } = record {
            hosts.push(host.clone());
            if details.len() < MOST_SERVICES {
                details.push(("service".to_owned(), clean(&format!("{name}, port {port}"))));
            }
        }
    }
    if details.is_empty() {
        let types = pointed(first, SERVICES).into_iter().take(MOST_SERVICES);
        details.extend(types.map(|kind| ("service".to_owned(), clean(&kind))));
    }
    let name = hosts.first().map(|host| clean(host.trim_end_matches(".local"))).unwrap_or_default();
    let told = !name.is_empty() || !details.is_empty();
    told.then(|| Found { name, details, ..Found::new(&PROBE, asker.address(), asker.port()) })
}
