//! SQL that others ask for: its doors are opened beside the page, and tried again when their port is taken. Recording
//! never waits for them.

use super::{House, query};
use crate::plant::{Tables, Tls};
use access::{Certificate, ListenerTls};
use model::{Event, EventKind, EventState, event::severity};
use parking_lot::Mutex;
use serve::{Options, Server};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use transport::tls::ClientAuthority;

/// Between two attempts to open a listener.
const AGAIN: Duration = Duration::from_secs(5);

/// What is spoken at a door to SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The PostgreSQL wire.
    Postgres,
    /// Arrow Flight SQL.
    Flight,
}

/// The doors that are open.
#[derive(Default)]
pub(super) struct Doors {
    postgres: Mutex<Option<Server>>,
    flight: Mutex<Option<Server>>,
}

impl Way {
    pub const ALL: [Self; 2] = [Self::Postgres, Self::Flight];

    /// Name of its section in `ironbridge.toml`, and of its metrics.
    const fn section(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Flight => "flight",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Postgres => "SQL over the PostgreSQL wire",
            Self::Flight => "SQL over Arrow Flight",
        }
    }

    /// The protocol's name in TLS.
    const fn alpn(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Flight => "h2",
        }
    }

    const fn metric(self) -> &'static str {
        match self {
            Self::Postgres => "sql",
            Self::Flight => "flight",
        }
    }

    const fn door(self, doors: &Doors) -> &Mutex<Option<Server>> {
        match self {
            Self::Postgres => &doors.postgres,
            Self::Flight => &doors.flight,
        }
    }

    /// Its settings, if it is on, and where it listens.
    fn settings(self, house: &House) -> Option<(Tables, Result<SocketAddr, String>)> {
        let facts = house.facts.load();
        let all = facts.settings.serve.tables();
        let (_, default, tables) = all.into_iter().find(|(section, ..)| *section == self.section())?;
        let tables = tables?;
        Some((tables.clone(), tables.address(default).map_err(|(message, _)| message)))
    }
}

/// Offers SQL in every way that is on, until everything stops.
pub(super) fn start(house: &Arc<House>) {
    for way in Way::ALL {
        if way.settings(house).is_some() {
            house.supervisor.spawn(way.metric(), offer(house.clone(), way));
        }
    }
}

async fn offer(house: Arc<House>, way: Way) {
    let mut told = false;
    let server = loop {
        match open(&house, way).await {
            Ok(server) => break server,
            Err(why) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::error!(why, "{} is not offered", way.words());
                    house.namespace.event(fault(&house, way, &why));
                }
            }
        }
        tokio::select! {
            () = house.supervisor.stopped() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    };
    if told {
        let end = Some(house.clock.now());
        let cleared = Event { state: EventState::Cleared, end, ..fault(&house, way, "") };
        house.namespace.event(cleared);
    }
    tracing::info!(address = %server.address(), "{}", way.words());
    *way.door(&house.tables).lock() = Some(server);
    house.supervisor.stopped().await;
    let server = way.door(&house.tables).lock().take();
    if let Some(server) = server {
        server.stop().await;
    }
}

fn fault(house: &House, way: Way, why: &str) -> Event {
    let (at, section) = (house.clock.now(), way.section());
    let title = format!("{} is not offered to other tools", way.words());
    let id = format!("serve/{section}");
    let event = Event::active(EventKind::Fault, &id, "serve", at, severity::LOW, &title);
    let next = format!("Stop what uses the port, or change `listen` under [serve.{section}].");
    event.explained(why, &next)
}

async fn open(house: &Arc<House>, way: Way) -> Result<Server, String> {
    let (settings, listen) = way.settings(house).ok_or("it is not on")?;
    let listen = listen?;
    let folder = house.facts.load().folder.clone();
    let tls = settings.tls.as_ref().map(|tls| certificate(house, way, &settings, tls, listen, &folder));
    let bounds = settings.clone();
    let options = Options {
        listen,
        tls: tls.transpose()?,
        connections: settings.connections,
        limits: Arc::new(move |role| bounds.limits(role)),
    };
    let (access, sql) = (house.access.clone(), query::engine(house));
    match way {
        Way::Postgres => serve::postgres::open(options, access, sql).await,
        Way::Flight => serve::flight::open(options, access, sql).await,
    }
}

fn certificate(
    house: &House,
    way: Way,
    settings: &Tables,
    tls: &Tls,
    listen: SocketAddr,
    folder: &Path,
) -> Result<Arc<ListenerTls>, String> {
    let source = match tls {
        Tls::BuiltIn(_) => {
            let mut names = settings.names.clone();
            names.push("localhost".into());
            names.extend((!listen.ip().is_unspecified()).then(|| listen.ip().to_string()));
            Certificate::BuiltIn { names }
        }
        Tls::Files(files) => {
            Certificate::Files { certificate: folder.join(&files.certificate), key: folder.join(&files.key) }
        }
    };
    let tls = house.access.listener_tls(source, &ClientAuthority::default(), &[way.alpn()]);
    tls.map_err(|why| why.to_string())
}

impl House {
    /// Where SQL is offered, as tools take it: without user and password.
    pub(crate) fn sql_address(&self, way: Way) -> Option<String> {
        let at = way.door(&self.tables).lock().as_ref()?.address();
        let (settings, _) = way.settings(self)?;
        let host = match settings.names.first() {
            Some(name) => name.clone(),
            None if at.ip().is_unspecified() => "localhost".into(),
            None if at.is_ipv6() => format!("[{}]", at.ip()),
            None => at.ip().to_string(),
        };
        let (port, tls) = (at.port(), settings.tls.is_some());
        Some(match way {
            Way::Postgres => {
                let mode = if tls { "?sslmode=require" } else { "" };
                format!("postgresql://{host}:{port}/ironbridge{mode}")
            }
            Way::Flight => format!("grpc{}://{host}:{port}", if tls { "+tls" } else { "" }),
        })
    }

    /// Where the settings say that SQL listens.
    pub fn sql_listens_at(&self) -> Option<String> {
        let (_, listen) = Way::Postgres.settings(self)?;
        listen.ok().map(|address| address.to_string())
    }

    /// Its counts, for metrics.
    pub(crate) fn sql_metrics(&self) -> String {
        let mut out = String::new();
        for way in Way::ALL {
            let Some(status) = way.door(&self.tables).lock().as_ref().map(Server::status) else { continue };
            let (name, words) = (way.metric(), way.words());
            out.push_str(&format!(
                "# HELP ironbridge_{name}_connections Connections of tools, {words}.\n# TYPE ironbridge_{name}_connections gauge\nironbridge_{name}_connections {}\n\
                 # HELP ironbridge_{name}_total What was asked and refused, {words}.\n# TYPE ironbridge_{name}_total counter\n",
                status.open
            ));
            for (what, count) in status.counters {
                out.push_str(&format!("ironbridge_{name}_total{{what=\"{what}\"}} {count}\n"));
            }
        }
        out
    }
}
