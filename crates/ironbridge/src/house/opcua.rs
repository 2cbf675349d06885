//! The plant as an OPC UA server: opened beside the page, and tried again when its port is taken. Recording never waits
//! for it.

use super::House;
use crate::plant::OpcUa;
use connect::kind::Models;
use connect::south::opcua::Certificates;
use model::{Event, EventKind, EventState, event::severity};
use parking_lot::Mutex;
use serve::opcua::{AssetOf, Model, Options, Rooms, Server, TypeMember};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Between two attempts to open it, and between two looks whether it still runs.
const AGAIN: Duration = Duration::from_secs(5);
const FAULT: &str = "serve/opcua";

/// Offers the plant until everything stops.
pub async fn serve(house: Arc<House>, settings: OpcUa) {
    let mut told = false;
    loop {
        match open(&house, &settings).await {
            Ok(server) => {
                tracing::info!(address = %server.address(), "the plant as an OPC UA server");
                *house.opcua.lock() = Some(server);
                if std::mem::take(&mut told) {
                    let cleared = fault(&house, "");
                    let end = Some(house.clock.now());
                    house.namespace.event(Event { state: EventState::Cleared, end, ..cleared });
                }
                let goes_on = |server: &Server| server.is_running() && !server.is_worn();
                while house.opcua.lock().as_ref().is_some_and(goes_on) {
                    tokio::select! {
                        () = house.supervisor.stopped() => return end(&house).await,
                        () = tokio::time::sleep(AGAIN) => {}
                    }
                }
                end(&house).await;
            }
            Err(why) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::error!(why, "the OPC UA server is not offered");
                    house.namespace.event(fault(&house, &why));
                }
            }
        }
        tokio::select! {
            () = house.supervisor.stopped() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn end(house: &House) {
    let server = house.opcua.lock().take();
    if let Some(server) = server {
        server.stop().await;
    }
}

fn fault(house: &House, why: &str) -> Event {
    let at = house.clock.now();
    let title = "The plant is not offered as an OPC UA server";
    let event = Event::active(EventKind::Fault, FAULT, "serve", at, severity::LOW, title);
    event.explained(why, "Stop what uses the port, or change `listen` under [serve.opcua].")
}

async fn open(house: &Arc<House>, settings: &OpcUa) -> Result<Server, String> {
    let listen = settings.address().map_err(|(_, message, _)| message)?;
    let certificates = Certificates::in_data(&house.data);
    let clients = certificates.clients();
    // The first call makes a key: seconds of arithmetic.
    let proof = tokio::task::spawn_blocking(move || certificates.proof()).await;
    let proof = proof.map_err(|why| why.to_string())??;
    let host = match &settings.name {
        Some(name) => name.clone(),
        None if listen.ip().is_unspecified() => machine(&proof.uri),
        None if listen.is_ipv6() => format!("[{}]", listen.ip()),
        None => listen.ip().to_string(),
    };
    let models = Book { house: Arc::downgrade(house), known: Mutex::default() };
    let options = Options {
        listen,
        host,
        policies: settings.security.iter().map(|security| (*security).into()).collect(),
        certificate: proof.certificate,
        key: proof.key,
        uri: proof.uri,
        clients,
        site: house.facts.load().site.to_string(),
        people: settings.by_thumbprint(),
        sessions: settings.sessions,
        items: settings.items,
        model: Arc::new(move || models.now()),
    };
    let rooms = Rooms {
        namespace: house.namespace.clone(),
        store: house.store.clone(),
        access: house.access.clone(),
    };
    Server::start(options, rooms).await
}

/// This machine's name: it stands in our certificate's URI, `urn:NAME:ironbridge`.
fn machine(uri: &str) -> String {
    uri.split(':').nth(1).unwrap_or("localhost").to_owned()
}

/// Types and assets as the server tells them, made anew only when they changed.
struct Book {
    house: Weak<House>,
    known: Mutex<Option<(Arc<Models>, Arc<Model>)>>,
}

impl Book {
    fn now(&self) -> Arc<Model> {
        let Some(house) = self.house.upgrade() else { return Arc::default() };
        let facts = house.facts.load();
        let mut known = self.known.lock();
        if let Some((_, model)) = known.as_ref().filter(|(from, _)| Arc::ptr_eq(from, &facts.models)) {
            return model.clone();
        }
        let member = |one: &connect::kind::Member| TypeMember {
            name: one.name.clone(),
            value_type: one.value_type,
            unit: one.contract.unit.clone(),
        };
        let types = facts.models.types.iter();
        let types = types.map(|(name, all)| (name.clone(), all.iter().map(member).collect())).collect();
        let asset = |one: &web::Asset| {
            let path = one.path.as_str();
            let short = path.rsplit('/').next().unwrap_or(path);
            let name = if one.name.is_empty() { short.to_owned() } else { one.name.clone() };
            (path.to_lowercase(), AssetOf { kind: one.asset_type.clone(), name })
        };
        let model = Arc::new(Model { types, assets: facts.assets.iter().map(asset).collect() });
        *known = Some((facts.models.clone(), model.clone()));
        model
    }
}

impl House {
    /// Where OPC UA clients connect.
    pub(crate) fn opcua_address(&self) -> Option<String> {
        let server = self.opcua.lock();
        let at = server.as_ref()?.address();
        let facts = self.facts.load();
        let host = match facts.settings.serve.opcua.as_ref()?.name.clone() {
            Some(name) => name,
            None if at.ip().is_unspecified() => "localhost".into(),
            None if at.is_ipv6() => format!("[{}]", at.ip()),
            None => at.ip().to_string(),
        };
        Some(format!("opc.tcp://{host}:{}", at.port()))
    }

    /// Its counts, for metrics.
    pub(crate) fn opcua_metrics(&self) -> String {
        let Some(status) = self.opcua.lock().as_ref().map(Server::status) else { return String::new() };
        let mut out = format!(
            "# HELP ironbridge_opcua_watched Monitored items of OPC UA clients.\n# TYPE ironbridge_opcua_watched gauge\nironbridge_opcua_watched {}\n\
             # HELP ironbridge_opcua_total What the OPC UA server did and refused.\n# TYPE ironbridge_opcua_total counter\n",
            status.watched
        );
        for (name, count) in status.counters {
            out.push_str(&format!("ironbridge_opcua_total{{what=\"{name}\"}} {count}\n"));
        }
        out
    }
}
