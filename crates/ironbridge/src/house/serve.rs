//! Interfaces that others connect to: opened beside the page, and tried again when their port is taken. Recording never
//! waits for them.

use super::{House, query};
use crate::plant::{Postgres, Tls};
use access::{Certificate, ListenerTls};
use model::{Event, EventKind, EventState, event::severity};
use serve::postgres::{Options, Server};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use transport::tls::ClientAuthority;

/// Between two attempts to open a listener.
const AGAIN: Duration = Duration::from_secs(5);
/// The protocol's name in TLS, for clients that begin with the handshake.
const ALPN: &str = "postgresql";
const FAULT: &str = "serve/postgres";

/// Offers SQL until everything stops.
pub async fn postgres(house: Arc<House>, settings: Postgres, folder: PathBuf) {
    let mut told = false;
    let server = loop {
        match open(&house, &settings, &folder).await {
            Ok(server) => break server,
            Err(why) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::error!(why, "SQL is not offered");
                    house.namespace.event(fault(&house, &why));
                }
            }
        }
        tokio::select! {
            () = house.supervisor.stopped() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    };
    if told {
        let cleared = Event { state: EventState::Cleared, end: Some(house.clock.now()), ..fault(&house, "") };
        house.namespace.event(cleared);
    }
    tracing::info!(address = %server.address(), tls = settings.tls.is_some(), "SQL over the PostgreSQL wire");
    *house.postgres.lock() = Some(server);
    house.supervisor.stopped().await;
    let server = house.postgres.lock().take();
    if let Some(server) = server {
        server.stop().await;
    }
}

fn fault(house: &House, why: &str) -> Event {
    let at = house.clock.now();
    let event = Event::active(
        EventKind::Fault,
        FAULT,
        "serve",
        at,
        severity::LOW,
        "SQL is not offered to other tools",
    );
    event.explained(why, "Stop what uses the port, or change `listen` under [serve.postgres].")
}

async fn open(house: &Arc<House>, settings: &Postgres, folder: &Path) -> Result<Server, String> {
    let listen = settings.address().map_err(|(message, _)| message)?;
    let tls = settings.tls.as_ref().map(|tls| certificate(house, settings, tls, folder)).transpose()?;
    let bounds = settings.clone();
    let options = Options {
        listen,
        tls,
        connections: settings.connections,
        limits: Arc::new(move |role| bounds.limits(role)),
    };
    Server::start(options, house.access.clone(), query::engine(house)).await
}

fn certificate(
    house: &House,
    settings: &Postgres,
    tls: &Tls,
    folder: &Path,
) -> Result<Arc<ListenerTls>, String> {
    let source = match tls {
        Tls::BuiltIn(_) => {
            let address = settings.address().ok().map(|a| a.ip()).filter(|ip| !ip.is_unspecified());
            let mut names = settings.names.clone();
            names.push("localhost".into());
            names.extend(address.map(|ip| ip.to_string()));
            Certificate::BuiltIn { names }
        }
        Tls::Files(files) => {
            Certificate::Files { certificate: folder.join(&files.certificate), key: folder.join(&files.key) }
        }
    };
    house.access.listener_tls(source, &ClientAuthority::default(), &[ALPN]).map_err(|why| why.to_string())
}

impl House {
    /// Where SQL is offered, as tools take it: without user and password.
    pub(crate) fn sql_address(&self) -> Option<String> {
        let server = self.postgres.lock();
        let at = server.as_ref()?.address();
        let facts = self.facts.load();
        let settings = facts.settings.serve.postgres.as_ref()?;
        let host = match settings.names.first() {
            Some(name) => name.clone(),
            None if at.ip().is_unspecified() => "localhost".into(),
            None if at.is_ipv6() => format!("[{}]", at.ip()),
            None => at.ip().to_string(),
        };
        let mode = if settings.tls.is_some() { "?sslmode=require" } else { "" };
        Some(format!("postgresql://{host}:{}/ironbridge{mode}", at.port()))
    }

    /// Where the settings say that SQL listens.
    pub fn sql_listens_at(&self) -> Option<String> {
        self.facts.load().settings.serve.postgres.as_ref().map(|settings| settings.listen.clone())
    }

    /// Its counts, for metrics.
    pub(crate) fn sql_metrics(&self) -> String {
        let Some(status) = self.postgres.lock().as_ref().map(Server::status) else { return String::new() };
        let mut out = format!(
            "# HELP ironbridge_sql_connections Connections of tools that ask in SQL.\n# TYPE ironbridge_sql_connections gauge\nironbridge_sql_connections {}\n\
             # HELP ironbridge_sql_total What was asked in SQL and refused.\n# TYPE ironbridge_sql_total counter\n",
            status.open
        );
        for (name, count) in status.counters {
            out.push_str(&format!("ironbridge_sql_total{{what=\"{name}\"}} {count}\n"));
        }
        out
    }
}
