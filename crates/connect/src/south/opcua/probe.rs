//! Who is there, by OPC UA: the endpoints that a server offers, which it tells anybody (OPC 10000-4, 5.5.4).

use super::channel::{Line, Patience};
use super::endpoint::{name_of, policy_of};
use crate::discover::{Ask, Asker, Effort, Found, Opened, Probe, Reply, Transport, clean};
use crate::draft::quoted;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use opcua::crypto::SecurityPolicy;
use opcua::types::{EndpointDescription, MessageSecurityMode};
use std::path::Path;

/// Finds OPC UA servers.
pub static PROBE: Probe = Probe {
    name: "opc-ua",
    title: "OPC UA",
    port: 4_840,
    transport: Transport::Tcp,
    asks: "which endpoints the server offers (GetEndpoints); signs in nowhere, reads nothing",
    security: "OPC UA is encrypted and signed where the server offers it; the draft asks for it.",
    effort,
    broadcast: None,
    look,
};

/// Packets of one conversation: connection, hello, channel, question, goodbye.
const PACKETS: u64 = 12;

fn effort(_: &Ask) -> Effort {
    Effort { connections: 2, requests: 4 }
}

fn look<'a>(asker: &'a mut Asker<'_>, _: &'a Ask) -> BoxFuture<'a, Vec<Found>> {
    async move {
        // Whether somebody listens at all: most addresses of a range are empty.
        if asker.open().await != Opened::Yes {
            return Vec::new();
        }
        asker.close();
        let host = match asker.address() {
            std::net::IpAddr::V6(address) => format!("[{address}]"),
            address => address.to_string(),
        };
        let url = format!("opc.tcp://{host}:{}", asker.port());
        let patience = Patience { connect: asker.timeout(), answer: asker.timeout() };
        let question = Line::endpoints(&url, Path::new(""), patience, None);
        match asker.foreign(PACKETS, question).await {
            Reply::Got(offered) => vec![found(asker, &url, &offered)],
            Reply::Silent | Reply::Broken(_) => Vec::new(),
        }
    }
    .boxed()
}

fn found(asker: &Asker<'_>, url: &str, offered: &[EndpointDescription]) -> Found {
    let mut found = Found::new(&PROBE, asker.address(), asker.port());
    found.kind = Some(super::KIND.name);
    found.keys = vec![("url", quoted(url))];
    if let Some(first) = offered.first() {
        found.model = clean(first.server.application_name.text.as_ref());
        let product = clean(first.server.product_uri.as_ref());
        let application = clean(first.server.application_uri.as_ref());
        found.details = vec![("product".to_owned(), product), ("application".to_owned(), application)];
        found.details.retain(|(_, value)| !value.is_empty());
    }
    found.details.push(("offers".to_owned(), offers(offered)));
    found
}

/// The endpoints in words.
fn offers(offered: &[EndpointDescription]) -> String {
    let mut list: Vec<String> = offered
        .iter()
        .map(|endpoint| match (policy_of(endpoint), endpoint.security_mode) {
            (SecurityPolicy::None, _) => "no encryption".to_owned(),
            (policy, MessageSecurityMode::Sign) => format!("{} signed", name_of(policy)),
            (policy, _) => format!("{} encrypted", name_of(policy)),
        })
        .collect();
    list.sort();
    list.dedup();
    clean(&if list.is_empty() { "nothing".to_owned() } else { list.join(", ") })
}
