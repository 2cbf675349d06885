//! Composition: opens the rooms in order, starts what the plant folder asks for, changes what changed, stops in order.
//!
//! ```text
//! start: access ▶ journal ▶ namespace ▶ store ▶ declare all ▶ connections, destinations ▶ page, socket ▶ ready
//! stop:  page, socket ▶ connections ▶ destinations ▶ store ▶ journal
//! ```

mod accounts;
mod applied;
mod apply;
mod characterise;
mod configuration;
mod control;
mod discover;
mod health;
mod history;
mod inbox;
mod monitor;
mod opcua;
mod pages;
mod parquet;
mod past;
mod plan;
mod query;
mod run;
mod serve;
mod shapes;
mod watchdog;

pub use apply::How;
pub use plan::text as plan_text;
pub use query::offline as query_offline;
pub use run::{Prepared, StartError, announce, run, runtime, serve, until_stopped, verify_audit};

use crate::plant::{Known, Mark, Plant, Settings, Switch};
use crate::supervisor::Supervisor;
use access::{Access, Certificate};
use arc_swap::ArcSwap;
use connect::kind::Secrets;
use connect::{north, south};
use journal::{Journal, RealDisk};
use model::{Clock, Fault, SystemClock, Time};
use namespace::Namespace;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use store::Store;
use transport::TlsServer;
use transport::tls::ClientAuthority;

/// Everything that runs.
pub struct House {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) started: Time,
    pub(crate) data: PathBuf,
    pub(crate) namespace: Namespace,
    pub(crate) store: Store,
    pub(crate) access: Access,
    pub(crate) supervisor: Supervisor,
    wheel: Arc<south::Wheel>,
    /// What kinds may ask of this gateway.
    secrets: Arc<PlantSecrets>,
    connections: Mutex<BTreeMap<String, Running<south::Handle>>>,
    destinations: Mutex<BTreeMap<String, Running<north::Handle>>>,
    pub(crate) facts: ArcSwap<Facts>,
    /// SQL for others, while it is offered.
    tables: serve::Doors,
    /// Scans for devices.
    desk: connect::discover::Desk,
    /// Measurements of devices.
    bench: connect::characterise::Bench,
    /// The monitor of the network.
    watching: Arc<monitor::Watching>,
    applied: applied::Applied,
    /// The plant as an OPC UA server, while it is offered.
    opcua: Mutex<Option<::serve::opcua::Server>>,
    /// The one engine of all queries.
    sql: OnceLock<sql::Sql>,
    /// One change at a time.
    applying: tokio::sync::Mutex<()>,
}

/// What the configuration says, for pages.
pub(crate) struct Facts {
    pub folder: PathBuf,
    pub site: model::Path,
    pub enterprise: String,
    pub site_name: String,
    pub simulated: bool,
    pub address: String,
    pub assets: Arc<[web::Asset]>,
    /// Types and assets as destinations tell them.
    pub models: Arc<connect::kind::Models>,
    /// The settings that are in effect: what needs a restart is as it was at the start.
    pub settings: Settings,
    /// Secret to the connections and destinations that use it.
    pub secrets: BTreeMap<String, Vec<String>>,
}

struct Running<T> {
    /// What it was made from.
    mark: Mark,
    handle: T,
}

/// What the rooms are opened with.
pub struct Options {
    /// Data folder.
    pub data: PathBuf,
    /// All devices are simulated: the badge says so.
    pub simulated: bool,
}

/// Secrets of the plant, as sessions ask for them. A plant is loaded before the store of secrets is opened: kinds look a
/// secret up when a session begins, never while they are built.
pub(crate) struct PlantSecrets {
    access: OnceLock<Access>,
    /// How others call this machine, for its certificate.
    names: OnceLock<Vec<String>>,
    /// Data folder.
    data: PathBuf,
    /// Where others post values.
    inbox: Arc<connect::inbox::Inbox>,
    /// Where drivers say what came out of their sockets.
    witness: Arc<connect::witness::Witness>,
}

impl PlantSecrets {
    /// Of a data folder that is not opened yet, and may not even be there.
    fn unopened(data: &Path) -> Arc<Self> {
        Arc::new(Self {
            access: OnceLock::new(),
            names: OnceLock::new(),
            data: data.to_owned(),
            inbox: Arc::default(),
            witness: Arc::default(),
        })
    }

    /// From now on secrets are found. `names` are those by which others reach this machine.
    fn open(&self, access: &Access, names: Vec<String>) {
        // Set once, by the start.
        let _ = self.access.set(access.clone());
        let _ = self.names.set(names);
    }
}

impl Secrets for PlantSecrets {
    fn secret(&self, name: &str) -> Option<String> {
        self.access.get()?.secret(name).map(|secret| secret.to_string())
    }

    fn data(&self) -> Option<PathBuf> {
        Some(self.data.clone())
    }

    fn listener(&self, clients: &ClientAuthority) -> Result<TlsServer, Fault> {
        let (Some(access), Some(names)) = (self.access.get(), self.names.get()) else {
            return Err(Fault::Config("this gateway has no certificate of its own yet".into()));
        };
        let source = Certificate::BuiltIn { names: names.clone() };
        let made = access.listener_tls(source, clients, &[]);
        made.map(|listener| listener.server()).map_err(|why| Fault::Config(why.to_string().into()))
    }

    fn witness(&self) -> Arc<connect::witness::Witness> {
        self.witness.clone()
    }

    fn inbox(&self) -> Arc<connect::inbox::Inbox> {
        self.inbox.clone()
    }
}

impl House {
    /// Opens the rooms. Nothing is read from devices yet.
    ///
    /// # Errors
    /// The room that cannot be opened, with the next step.
    pub(crate) fn open(
        plant: &Plant,
        secrets: Arc<PlantSecrets>,
        access: Access,
        options: &Options,
    ) -> Result<Arc<Self>, StartError> {
        let clock = SystemClock::shared();
        let settings = &plant.settings;
        let bytes = |gb: f64| (gb * 1e9) as u64;
        let journal_options = journal::Options {
            max_bytes: bytes(settings.journal.max_gb),
            max_age: settings.journal.max_age.0,
            // Recent records in memory: enough for readers that keep up, small beside the rest.
            ring_bytes: 16 << 20,
            ..journal::Options::new(options.data.join("journal"))
        };
        let disk = Arc::new(RealDisk);
        let (journal, recovered) = Journal::open(journal_options, disk, clock.clone())
            .map_err(|why| StartError::room("journal", why))?;
        let store = Store::open(options.data.join("store"), &journal, clock.clone(), store_options(plant))
            .map_err(|why| StartError::room("store", why))?;
        let namespace = Namespace::open(
            journal,
            recovered,
            clock.clone(),
            namespace::Settings {
                max_skew: settings.max_skew.0,
                writes_on: settings.writes == Switch::On,
                authority: Arc::new(access.clone()),
                ledger: Arc::new(access.clone()),
            },
        );
        let watching = monitor::Watching::open(&options.data, &settings.monitor, clock.clone())
            .map_err(|why| StartError::room("monitor", why))?;
        Ok(Arc::new(Self {
            watching: Arc::new(watching),
            started: clock.now(),
            desk: connect::discover::Desk::new(south::PROBES, clock.clone()),
            bench: connect::characterise::Bench::new(clock.clone()),
            clock,
            data: options.data.clone(),
            namespace,
            store,
            access,
            supervisor: Supervisor::default(),
            wheel: Arc::new(south::Wheel::new()),
            secrets,
            connections: Mutex::default(),
            destinations: Mutex::default(),
            facts: ArcSwap::from_pointee(Facts::of(plant, options.simulated, String::new())),
            applied: applied::Applied::new(&options.data),
            opcua: Mutex::default(),
            applying: tokio::sync::Mutex::default(),
            tables: serve::Doors::default(),
            sql: OnceLock::new(),
        }))
    }

    /// What runs, so that only what changed is loaded.
    pub(crate) fn known(&self) -> Known {
        let namespace = self.namespace.clone();
        Known {
            connections: self
                .connections
                .lock()
                .iter()
                .map(|(name, one)| (name.clone(), one.mark.clone()))
                .collect(),
            destinations: self
                .destinations
                .lock()
                .iter()
                .map(|(name, one)| (name.clone(), one.mark.clone()))
                .collect(),
            feeder: Some(Box::new(move |path| namespace.find(path).and_then(|id| namespace.live(id)))),
        }
    }

    /// The plant's secrets.
    pub(crate) fn secrets(&self) -> Arc<PlantSecrets> {
        self.secrets.clone()
    }

    /// Connections that are not connected.
    pub(crate) fn connections_lost(&self) -> usize {
        let running = self.connections.lock();
        running.values().filter(|one| one.handle.status().state != south::status::State::Connected).count()
    }

    /// The other side of every connection, by name.
    pub(crate) fn endpoints(&self) -> Vec<(String, String)> {
        let running = self.connections.lock();
        running.iter().map(|(name, one)| (name.clone(), one.handle.status().endpoint)).collect()
    }

    /// Stops everything in order; what was taken in is on disk afterwards.
    pub async fn stop(&self) {
        let connections = std::mem::take(&mut *self.connections.lock());
        let stopping: Vec<_> = connections.into_values().map(|one| tokio::spawn(one.handle.stop())).collect();
        for one in stopping {
            let _ = one.await;
        }
        let destinations = std::mem::take(&mut *self.destinations.lock());
        for one in destinations.into_values() {
            one.handle.stop().await;
        }
        self.supervisor.stop().await;
        self.store.close();
        if let Err(why) = self.namespace.journal().clone().close() {
            tracing::error!(%why, "the journal was not closed cleanly");
        }
    }
}

impl Facts {
    pub(crate) fn of(plant: &Plant, simulated: bool, address: String) -> Self {
        let mut secrets: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (user, names) in plant.secret_users() {
            for name in names {
                secrets.entry(name.clone()).or_default().push(user.clone());
            }
        }
        Self {
            folder: plant.folder.clone(),
            site: plant.site.clone(),
            enterprise: plant.settings.enterprise.clone(),
            site_name: plant.settings.site.clone(),
            simulated,
            address,
            assets: assets_of(plant).into(),
            models: plant.models.clone(),
            settings: plant.settings.clone(),
            secrets,
        }
    }

    /// The settings in effect when `wanted` were applied without a restart.
    pub(crate) fn effective(&self, wanted: &Settings) -> Settings {
        let was = &self.settings;
        Settings {
            web: was.web.clone(),
            serve: was.serve.clone(),
            history: was.history.clone(),
            journal: was.journal.clone(),
            max_skew: was.max_skew,
            monitor: was.monitor.clone(),
            ..wanted.clone()
        }
    }
}

/// A type as pages show it; `None` for a word without a file.
fn type_of(plant: &Plant, name: &str) -> Option<web::AssetType> {
    let (known, description, points) =
        plant.types.all().find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
    let point = |(name, point): (&str, &crate::plant::PointType)| web::TypePoint {
        name: name.to_owned(),
        wanted: point.wanted(),
        required: point.required,
    };
    let part = |(name, part): (&str, &crate::plant::PartType)| web::TypePart {
        name: name.to_owned(),
        kind: part.kind.clone(),
        required: part.required,
    };
    let above = std::iter::successors(plant.types.above(known), |name| plant.types.above(name));
    Some(web::AssetType {
        description: description.to_owned(),
        extends: above.take(16).map(str::to_owned).collect(),
        points: points.into_iter().map(point).collect(),
        parts: plant.types.parts(known).map(part).collect(),
    })
}

/// The assets as pages show them.
fn assets_of(plant: &Plant) -> Vec<web::Asset> {
    let mut types: BTreeMap<&str, Option<Arc<web::AssetType>>> = BTreeMap::new();
    for placed in &plant.assets {
        let kind = placed.asset.kind.as_str();
        types.entry(kind).or_insert_with(|| type_of(plant, kind).map(Arc::new));
    }
    let asset = |placed: &crate::plant::Placed| web::Asset {
        path: placed.path.clone(),
        name: placed.asset.name.clone(),
        asset_type: placed.asset.kind.clone(),
        level: placed.asset.level.word().to_owned(),
        owner_ot: placed.asset.owner_ot.clone(),
        owner_it: placed.asset.owner_it.clone(),
        zone: placed.asset.zone.clone(),
        of: types.get(placed.asset.kind.as_str()).cloned().flatten(),
        state: placed
            .binds
            .iter()
            .map(|(_, path, _)| path)
            .find(|path| path.last().eq_ignore_ascii_case("state"))
            .cloned(),
    };
    plant.assets.iter().map(asset).collect()
}

fn store_options(plant: &Plant) -> store::Options {
    let rule = |keep: &crate::plant::Keep| store::Rule {
        pattern: keep.select.clone(),
        max_age: Some(keep.period.0),
        max_bytes: None,
    };
    let retention = plant.settings.history.keep.iter().map(rule).collect();
    let mut options = store::Options { retention, ..store::Options::default() };
    if let Some(gb) = plant.settings.history.max_gb {
        options.max_bytes = (gb * 1e9) as u64;
    }
    options
}

/// The folders that only the owner may enter.
fn data_folder(data: &Path) -> Result<(), StartError> {
    crate::backup::private_folder(data).map_err(|why| StartError::room("data folder", why))
}
