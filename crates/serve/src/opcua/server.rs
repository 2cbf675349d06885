//! The listener: built anew for each start, kept to its bounds, ended with everything that hangs on it.

use super::manager::Plant;
use super::names::Name;
use super::options::{Options, Policy};
use super::people::People;
use super::pump::{self, Audience, Watched};
use super::standard::Standard;
use access::Access;
use namespace::Namespace;
use opcua::server::diagnostics::DiagnosticsNodeManagerBuilder;
use opcua::server::node_manager::ServerContext;
use opcua::server::{Limits, Server as Engine, ServerBuilder, ServerEndpoint, ServerHandle};
use opcua::types::{BuildInfo, MessageSecurityMode};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Values in one notification message: more makes messages that cannot be sent.
const PER_NOTIFICATION: u64 = 1_000;
/// Messages of one subscription that wait for a client, and values of one item.
const MOST_WAITING: usize = 10_000;
pub(super) const MOST_QUEUED: usize = 1_000;
/// Subscriptions of one session.
pub(super) const MOST_SUBSCRIPTIONS: usize = 100;
/// Shortest interval of publishing and sampling, and how often subscriptions are looked at, in ms.
const SHORTEST_MS: f64 = 50.0;
const LOOK_MS: u64 = 10;
/// Longest message either way in bytes, and longest session without a request.
const MOST_BYTES: usize = 16 << 20;
const SESSION_MS: u64 = 3_600_000;
/// Clients' certificates that wait for a person: a stranger could offer any number.
const MOST_REJECTED: usize = 100;
/// How often that is looked at.
const SWEEP: Duration = Duration::from_secs(1);
/// How long connections may take to end.
const GOODBYE: Duration = Duration::from_secs(2);

/// How the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Points that somebody watches now.
    pub watched: usize,
    /// Counts since the start by name: `told`, `events`, `events_dropped`, `writes`, `refused_sign_in`, `rejected_swept`.
    pub counters: [(&'static str, u64); 6],
}

/// The server at work. Dropping it ends it.
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    people: Arc<People>,
    watched: Arc<Watched>,
    told: Arc<AtomicU64>,
    events: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    swept: Arc<AtomicU64>,
    engine: JoinHandle<()>,
    beside: [JoinHandle<()>; 2],
}

/// The rooms that it stands on.
#[derive(Clone)]
pub struct Rooms {
    /// Points and commands.
    pub namespace: Namespace,
    /// History.
    pub store: Store,
    /// Who may what.
    pub access: Access,
}

impl Server {
    /// Opens the port and serves.
    ///
    /// # Errors
    /// In words: the port is taken, the certificate cannot be read, the folder of certificates cannot be written.
    pub async fn start(options: Options, rooms: Rooms) -> Result<Self, String> {
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|why| format!("the OPC UA port {} cannot be opened: {why}", options.listen))?;
        let address = listener.local_addr().map_err(|why| why.to_string())?;
        let clock = rooms.namespace.clock().clone();
        let people = Arc::new(People::new(rooms.access, options.people.clone()));
        let (watched, told) = (Arc::<Watched>::default(), Arc::<AtomicU64>::default());
        let (events, dropped) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (writes, swept) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let plant = Plant {
            namespace: rooms.namespace.clone(),
            store: rooms.store,
            clock: clock.clone(),
            people: people.clone(),
            watched: watched.clone(),
            model: options.model.clone(),
            uri: uri(&options.site),
            site: options.site.clone(),
            writes: writes.clone(),
            run: clock.now().0,
        };
        let clients = options.clients.clone();
        let (engine, handle) = build(&options, address, plant, people.clone())?;
        let audience = Audience {
            namespace: rooms.namespace,
            watched: watched.clone(),
            subscriptions: handle.subscriptions().clone(),
            site: Name::Path(options.site.clone()).node(),
            told: told.clone(),
            events: events.clone(),
            dropped: dropped.clone(),
        };
        let swept_by = swept.clone();
        let beside = [
            tokio::spawn(pump::run(audience)),
            tokio::spawn(async move {
                let mut ticks = tokio::time::interval(SWEEP);
                loop {
                    ticks.tick().await;
                    let folder = clients.join("rejected");
                    let gone = tokio::task::spawn_blocking(move || sweep(&folder)).await.unwrap_or(0);
                    swept_by.fetch_add(gone, Relaxed);
                }
            }),
        ];
        let engine = tokio::spawn(async move {
            if let Err(why) = engine.run_with(listener).await {
                tracing::error!(why, "the OPC UA server stopped");
            }
        });
        Ok(Self { address, handle, people, watched, told, events, dropped, writes, swept, engine, beside })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> Status {
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        Status {
            watched: self.watched.count(),
            counters: [
                ("told", count(&self.told)),
                ("events", count(&self.events)),
                ("events_dropped", count(&self.dropped)),
                ("writes", count(&self.writes)),
                ("refused_sign_in", count(&self.people.refused)),
                ("rejected_swept", count(&self.swept)),
            ],
        }
    }

    /// Whether it should be begun anew: the library keeps a little of every item of subscriptions that ended.
    #[must_use]
    pub fn is_worn(&self) -> bool {
        self.watched.is_worn()
    }

    /// Whether it still serves.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.engine.is_finished()
    }

    /// Ends sessions, connections and the port.
    pub async fn stop(mut self) {
        self.handle.cancel();
        if tokio::time::timeout(GOODBYE, &mut self.engine).await.is_err() {
            self.engine.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.handle.cancel();
        self.beside.iter().for_each(JoinHandle::abort);
    }
}

/// The namespace of a plant's points.
fn uri(site: &str) -> String {
    format!("urn:ironbridge:{}", site.replace('/', ":"))
}

fn build(
    options: &Options,
    address: SocketAddr,
    plant: Plant,
    people: Arc<People>,
) -> Result<(Engine, ServerHandle), String> {
    if options.policies.is_empty() {
        return Err("no security policy is offered".into());
    }
    let uri = plant.uri.clone();
    let (who, sizes) = ((people.clone(), plant.watched.clone()), (options.sessions, options.items));
    let standard = move |context: ServerContext| Standard::new(context, who, sizes);
    let manager = move |context: ServerContext| {
        context.type_tree.write().namespaces_mut().add_namespace(&plant.uri);
        plant
    };
    let mut builder = ServerBuilder::new()
        .application_name("Ironbridge")
        .application_uri(&options.uri)
        .product_uri("urn:ironbridge")
        .pki_dir(&options.clients)
        .certificate_path(&options.certificate)
        .private_key_path(&options.key)
        .host(&options.host)
        .port(address.port())
        .discovery_urls(vec!["/".to_owned()])
        .subscription_poll_interval_ms(LOOK_MS)
        .max_session_timeout_ms(SESSION_MS)
        .with_authenticator(people)
        .build_info(BuildInfo {
            product_uri: "urn:ironbridge".into(),
            manufacturer_name: "Ironbridge".into(),
            product_name: "Ironbridge".into(),
            software_version: env!("CARGO_PKG_VERSION").into(),
            ..BuildInfo::default()
        })
        .without_node_managers()
        .with_node_manager(standard)
        .with_node_manager(DiagnosticsNodeManagerBuilder)
        .with_node_manager(manager);
    for policy in &options.policies {
        let (library, mode) = match policy {
            Policy::None => (policy.library(), MessageSecurityMode::None),
            policy => (policy.library(), MessageSecurityMode::SignAndEncrypt),
        };
        let mut endpoint = ServerEndpoint::new("/", library, mode, &[]);
        if *policy == Policy::None {
            // A password is encrypted even where data is not.
            endpoint.password_security_policy = Some(Policy::Basic256Sha256.library().to_string());
        }
        builder = builder.add_endpoint(library.to_str(), endpoint);
    }
    limits(builder.limits_mut(), options);
    let (engine, handle) = builder.build()?;
    if handle.info().server_certificate.is_none() || handle.info().server_pkey.is_none() {
        return Err(format!("{} or its key cannot be read", options.certificate.display()));
    }
    if handle.get_namespace_index(&uri) != Some(super::names::INDEX) {
        return Err("the plant's namespace got another number than 2".into());
    }
    Ok((engine, handle))
}

fn limits(limits: &mut Limits, options: &Options) {
    limits.max_sessions = options.sessions;
    limits.max_message_size = MOST_BYTES;
    limits.max_chunk_count = MOST_BYTES / 8_192;
    limits.max_array_length = 100_000;
    limits.max_string_length = 1 << 20;
    limits.max_byte_string_length = 1 << 20;
    let of = &mut limits.subscriptions;
    of.max_subscriptions_per_session = MOST_SUBSCRIPTIONS;
    of.max_pending_publish_requests = 100;
    of.max_publish_requests_per_subscription = 20;
    of.max_notifications_per_publish = PER_NOTIFICATION;
    of.max_queued_notifications = MOST_WAITING;
    of.max_monitored_item_queue_size = MOST_QUEUED;
    of.max_monitored_items_per_sub = options.items;
    of.min_sampling_interval_ms = SHORTEST_MS;
    of.min_publishing_interval_ms = SHORTEST_MS;
    let of = &mut limits.operational;
    of.max_nodes_per_write = 100;
    of.max_nodes_per_history_read_data = 100;
}

/// Keeps the newest of the certificates that wait; the number of those that went.
fn sweep(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut all: Vec<(SystemTime, std::path::PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    let over = all.len().saturating_sub(MOST_REJECTED);
    if over == 0 {
        return 0;
    }
    all.sort();
    all.iter().take(over).filter(|(_, path)| fs::remove_file(path).is_ok()).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_certificates_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..MOST_REJECTED + 7 {
            fs::write(folder.path().join(format!("{number}.der")), b"x").unwrap();
        }
        assert_eq!((sweep(folder.path()), sweep(folder.path())), (7, 0));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MOST_REJECTED);
    }

    #[test]
    fn the_namespace_has_a_name() {
        assert_eq!(uri("acme/leeds"), "urn:ironbridge:acme:leeds");
    }
}
