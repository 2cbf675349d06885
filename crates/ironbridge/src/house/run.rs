//! `run`: from a plant folder to a running house and back.

use super::watchdog::Pulse;
use super::{
    Facts, House, Options, PlantSecrets, configuration, control, data_folder, health, history, monitor,
    pages, query,
};
use crate::cli::{complain, exit, print};
use crate::plant::{self, Plant, Tls};
use crate::report;
use access::{Access, Certificate};
use model::config::Diagnostic;
use model::{Event, EventKind, SystemClock, event::severity};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use transport::tls::ClientAuthority;

/// Why it did not start, for a person.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct StartError {
    what: String,
    why: String,
}

impl StartError {
    /// Of one room.
    pub fn room(what: &str, why: impl Display) -> Self {
        Self { what: what.into(), why: why.to_string() }
    }
}

/// What a started house tells.
pub struct Ready {
    /// The house.
    pub house: Arc<House>,
    /// The page.
    pub server: web::Server,
    /// `http://127.0.0.1:8080`.
    pub address: String,
}

/// `ironbridge run`. The exit code.
pub fn run(folder: &Path, data: &Path) -> u8 {
    // Mistakes first: with any, not even the data folder is made.
    let plant = match Prepared::load(folder, data) {
        Ok(plant) => plant,
        Err(found) => {
            complain(&report::mistakes(&found));
            return exit::MISTAKES;
        }
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(why) => {
            complain(&why.to_string());
            return exit::FAILED;
        }
    };
    let options = Options { data: data.to_owned(), simulated: false };
    runtime.block_on(async move {
        match serve(plant, &options).await {
            Ok(ready) => {
                announce(&ready);
                until_stopped(&ready).await;
                ready.server.stop().await;
                ready.house.stop().await;
                exit::OK
            }
            Err(why) => {
                complain(&why.to_string());
                exit::FAILED
            }
        }
    })
}

/// The runtime of everything that is not SQL.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    raise_file_limit();
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("ironbridge").build()
}

/// A plant without mistakes, to be started with the data folder that it was loaded for.
pub struct Prepared {
    plant: Plant,
    secrets: Arc<PlantSecrets>,
}

impl Prepared {
    /// Loads the folder. Nothing is opened or made yet.
    ///
    /// # Errors
    /// Every mistake in every file.
    pub fn load(folder: &Path, data: &Path) -> Result<Self, Vec<Diagnostic>> {
        let secrets = PlantSecrets::unopened(data);
        // Where there is no such folder, loading says so in words.
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let plant = plant::load(&folder, secrets.clone())?;
        for note in plant.connections.iter().filter_map(|one| one.it.note.as_ref()) {
            tracing::warn!("{note}");
        }
        Ok(Self { plant, secrets })
    }
}

/// Starts everything.
///
/// # Errors
/// [`StartError`]; then everything that was started is stopped again.
pub async fn serve(prepared: Prepared, options: &Options) -> Result<Ready, StartError> {
    let Prepared { plant, secrets } = prepared;
    data_folder(&options.data)?;
    let clock = SystemClock::shared();
    // A damaged file of accounts closes sign-in and writing; recording must not stop for it.
    let (access, damaged) =
        Access::open_anyway(&options.data.join("access"), clock, access::Options::default())
            .map_err(|why| StartError::room("accounts", why))?;
    secrets.open(&access, own_names(&plant.settings.web.names, None));
    let house = House::open(&plant, secrets, access.clone(), options)?;
    end_faults_of_before(&house);
    for why in damaged {
        tell_damaged(&house, &why);
    }
    super::accounts::tell(&house);
    let page = listen(&plant, &access)?;
    house.facts.store(Arc::new(Facts::of(&plant, options.simulated, page.address.clone())));
    let names = plant.settings.web.names.clone();
    tell_changed(&house, &plant.folder);
    start(&house, plant).map_err(|why| StartError::room("start", why))?;
    let app = web::App {
        namespace: house.namespace.clone(),
        store: Arc::new(history::Recorded(house.clone())),
        query: Arc::new(query::Queries::new(&house)),
        access: Arc::new(access),
        plant: Arc::new(pages::Pages(house.clone())),
        configuration: Arc::new(configuration::Files::new(&house)),
    };
    control::listen(&house, &app).map_err(|why| StartError::room("local socket", why))?;
    let tls = page.tls.as_ref().map(|tls| tls.config().clone());
    let server =
        web::serve(web::Options { listener: page.listener, tls, names, limits: web::Limits::default() }, app)
            .map_err(|why| StartError::room("web page", why))?;
    monitor::start(&house);
    if let Some(opcua) = house.facts.load().settings.serve.opcua.clone() {
        house.supervisor.spawn("opc-ua", super::opcua::serve(house.clone(), opcua));
    }
    super::serve::start(&house);
    house.supervisor.spawn("health", health::watch(house.clone()));
    house.supervisor.spawn("notices", health::notices(house.clone()));
    house.supervisor.spawn("accounts", housekeeping(house.clone(), page.tls));
    Ok(Ready { house, server, address: page.address })
}

/// Who says anew after a start what is still wrong, under another id.
const SAID_ANEW: [&str; 3] = ["connection/", "destination/", "monitor/"];

/// Faults that the start before could not take back, because it was killed or the power went. What still holds is said
/// anew; without this the first page would show both for ever.
fn end_faults_of_before(house: &House) {
    let at = house.clock.now();
    for event in house.namespace.active_events() {
        let said_anew = SAID_ANEW.iter().any(|source| event.source.starts_with(source));
        if said_anew && event.kind == EventKind::Fault {
            house.namespace.event(event.cleared(at));
        }
    }
}

/// What the files say otherwise than at the last apply: somebody changed them while nothing ran.
fn tell_changed(house: &Arc<House>, folder: &Path) {
    match house.applied.diff(folder) {
        Ok(changed) if changed.is_empty() => {}
        Ok(changed) => {
            let names: Vec<&str> = changed.iter().map(|one| one.file.as_str()).collect();
            let detail = format!("files changed since the last apply: {}", names.join(", "));
            if let Err(why) = house.record("system", "apply", "configuration", "started", detail) {
                tracing::error!(why, "the changed configuration is not in the audit ledger");
            }
        }
        Err(why) => tracing::warn!(%why, "the files cannot be compared with those that were applied last"),
    }
    if let Err(why) = house.applied.keep(folder) {
        tracing::warn!(%why, "the applied files could not be kept: the next plan shows their changes again");
    }
}

fn tell_damaged(house: &House, why: &access::AccessError) {
    tracing::error!(%why, "accounts");
    let (text, meaning, next) = why.words();
    let at = house.clock.now();
    let id = format!("accounts/{}", why.code());
    let event = Event::active(EventKind::Fault, id, "accounts", at, severity::HIGH, text);
    house.namespace.event(event.explained(meaning, next));
}

/// Expired sessions, last uses, certificates that are due. The listener's certificate lives as long as this.
async fn housekeeping(house: Arc<House>, _tls: Option<Arc<access::ListenerTls>>) {
    let mut tick = tokio::time::interval(Duration::from_secs(20));
    loop {
        tokio::select! {
            () = house.supervisor.stopped() => return,
            _ = tick.tick() => {}
        }
        let access = house.access.clone();
        if tokio::task::spawn_blocking(move || access.housekeeping()).await.is_err() {
            tracing::error!("the housekeeping of accounts failed");
        }
    }
}

/// Connections and destinations of a plant that was just opened.
fn start(house: &Arc<House>, plant: Plant) -> Result<(), String> {
    // A destination that was removed while nothing ran must not keep files for ever.
    let journal = house.namespace.journal();
    for name in journal.cursor_names() {
        if name.strip_prefix("destination/").is_some_and(|destination| !plant.has_destination(destination)) {
            journal.remove_cursor(&name);
        }
    }
    house.start_destinations(plant.destinations, &plant.site)?;
    house.start_connections(plant.connections)?;
    Ok(())
}

/// A bound listener, its address as people write it, and its certificate.
struct Page {
    listener: std::net::TcpListener,
    address: String,
    tls: Option<Arc<access::ListenerTls>>,
}

/// What our own certificates are made out to: the names that people gave, and this machine's address if it is one.
fn own_names(names: &[String], at: Option<std::net::IpAddr>) -> Vec<String> {
    let address = at.filter(|at| !at.is_unspecified()).map(|at| at.to_string());
    names.iter().cloned().chain(["localhost".to_owned()]).chain(address).collect()
}

fn listen(plant: &Plant, access: &Access) -> Result<Page, StartError> {
    let web = &plant.settings.web;
    let at = plant::check_listen(web).map_err(|(message, _)| StartError::room("web.listen", message))?;
    let certificate = web.tls.as_ref().map(|tls| match tls {
        Tls::BuiltIn(_) => Certificate::BuiltIn { names: own_names(&web.names, Some(at.ip())) },
        Tls::Files(files) => Certificate::Files {
            certificate: plant.folder.join(&files.certificate),
            key: plant.folder.join(&files.key),
        },
    });
    let tls = certificate
        .map(|source| access.listener_tls(source, &ClientAuthority::default(), &["http/1.1"]))
        .transpose()
        .map_err(|why| StartError::room("web.tls", why))?;
    let listener = std::net::TcpListener::bind(at).map_err(|why| {
        let next = "another program listens there: stop it, or change `listen` under [web]";
        StartError::room(&format!("cannot listen on {at}"), format!("{why}; {next}"))
    })?;
    let port = listener.local_addr().map_err(|why| StartError::room("web page", why))?.port();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let host = match web.names.first() {
        Some(name) => name.clone(),
        None if at.ip().is_unspecified() => "localhost".into(),
        None if at.is_ipv6() => format!("[{}]", at.ip()),
        None => at.ip().to_string(),
    };
    Ok(Page { listener, address: format!("{scheme}://{host}:{port}"), tls })
}

/// What a person needs, on standard output; then readiness for the service manager.
pub fn announce(ready: &Ready) {
    let house = &ready.house;
    let facts = house.facts.load();
    let mode = if house.namespace.writes_on() { "LIVE" } else { "READ-ONLY" };
    let mode = if facts.simulated { format!("SIMULATED, {mode}") } else { mode.to_owned() };
    let mut text = format!("Ironbridge {} - {} - {mode}\n", env!("CARGO_PKG_VERSION"), facts.site);
    text.push_str(&format!("page      {}\n", ready.address));
    let token = house.access.setup_token().unwrap_or_else(|why| {
        tracing::error!(%why, "no set-up link can be made");
        None
    });
    if let Some(token) = &token {
        let token = token.as_str();
        text.push_str(&format!(
            "sign in   {}/setup#{token}   (works once: creates the administrator)\n",
            ready.address
        ));
    }
    text.push_str("ready\n");
    print(&text);
    if let Err(why) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        tracing::debug!(%why, "no service manager to tell");
    }
}

/// Until SIGTERM or Ctrl-C; SIGHUP applies the plant folder anew; feeds the watchdog meanwhile.
pub async fn until_stopped(ready: &Ready) {
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        return complain("signals cannot be received");
    };
    let mut watchdog = tokio::time::interval(watchdog_period());
    let mut pulse = Pulse::default();
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reload(&ready.house).await,
            _ = watchdog.tick() => {
                let (stats, now) = (ready.house.namespace.journal().stats(), ready.house.clock.monotonic());
                if pulse.beats(&stats, now) && (stats.state != journal::State::Failing || ready.house.supervisor.panics() == 0) {
                    let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
                }
            }
        }
    }
    tracing::info!("stopping");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
}

fn watchdog_period() -> Duration {
    sd_notify::watchdog_enabled().map_or(Duration::from_secs(10), |period| period / 2)
}

async fn reload(house: &Arc<House>) {
    let folder = house.facts.load().folder.clone();
    match control::apply(house, &folder, "local:SIGHUP", super::How::LOCAL).await {
        Ok(done) if done.applied => tracing::info!(summary = done.summary, notes = ?done.notes, "applied"),
        Ok(done) => tracing::error!(why = done.why, "rolled back; the plant runs as it did before"),
        Err(control::NotApplied::Mistakes(found)) => {
            tracing::error!("not applied:\n{}", report::mistakes(&found))
        }
        Err(control::NotApplied::Refused(why)) => tracing::error!("not applied: {why}"),
    }
}

/// A thousand devices need more than the usual 1,024 files.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(why) = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit })
    {
        tracing::warn!(%why, "the limit of open files could not be raised");
    }
}

/// `audit verify`: number of records, or the first that does not fit.
///
/// # Errors
/// In words.
pub fn verify_audit(data: &Path) -> Result<u64, String> {
    let file = data.join("access/ledger.jsonl");
    let found = access::ledger::verify(&file);
    match found.problem {
        None => Ok(found.records),
        Some(problem) => Err(format!("{}: {problem}", file.display())),
    }
}
