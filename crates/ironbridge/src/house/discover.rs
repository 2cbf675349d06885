//! Finding devices for pages and command line: what connects the room `connect` with the API's shapes.

use super::pages::Pages;
use super::{House, Running};
use crate::exchange::import as models;
use crate::report;
use access::Access;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connect::discover::{Ask, Busy, Found, Plan, Probe, Scan, Wish, draft, host_of, looked_at};
use connect::draft::{Draft, Note};
use connect::import::{self, FORMATS, Input};
use connect::kind::{self, Context};
use connect::south::Handle;
use connect::south::budget::Budget;
use connect::south::tags::Wrong;
use connect::south::{BROWSERS, BrowseError, KINDS, PROBES, modbus};
use futures_util::future::BoxFuture;
use model::config::{Diagnostic, Document};
use model::{Principal, Time};
use namespace::{Entry, Ledger as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use watch::Announced;
use web::shapes::{
    BrowseAsk, CharacteriseAsk, CharacterisePlan, CharacteriseRun, CharacteriseStart, DeviceProfile,
    DiscoverAsk, DiscoverDetail, DiscoverFound, DiscoverPlan, DiscoverProtocol, DiscoverProtocols,
    DiscoverRemark, DiscoverScan, DiscoverShare, DiscoverSkipped, DiscoverStart, DraftAsk, DraftFile,
    DraftNote, DraftText, ImportAsk, ImportFormat, ImportFormats,
};
use web::{Discover, Problem, ProblemKind};

impl Discover for Pages {
    fn protocols(&self) -> DiscoverProtocols {
        let protocol = |probe: &&'static Probe| DiscoverProtocol {
            name: probe.name.into(),
            title: probe.title.into(),
            port: probe.port,
            transport: probe.transport.word().into(),
            asks: probe.asks.into(),
        };
        let profile = |about: modbus::About| DeviceProfile {
            name: about.name.into(),
            title: about.title,
            vendor: about.vendor,
            models: about.models,
            points: about.points,
            source: about.source,
            confirmed: about.confirmed,
        };
        DiscoverProtocols {
            protocols: self.0.desk.probes().iter().map(protocol).collect(),
            profiles: modbus::profiles().into_iter().map(profile).collect(),
        }
    }

    fn plan<'a>(&'a self, ask: &'a DiscoverAsk) -> BoxFuture<'a, Result<DiscoverPlan, Problem>> {
        Box::pin(async move { Ok(plan_shape(&self.0.plan(ask).await?)) })
    }

    fn start<'a>(
        &'a self,
        who: &'a Principal,
        yes: &'a DiscoverStart,
    ) -> BoxFuture<'a, Result<DiscoverScan, Problem>> {
        Box::pin(async move {
            let plan = self.0.plan(&yes.ask).await?;
            let detail = plan.sentence();
            let scan = self.0.desk.begin(plan, yes.packets_most, &who.name).map_err(busy)?;
            // Without a record, no packet.
            let object = format!("scan/{}: {}", scan.id, yes.ask.targets.join(" "));
            if let Err(why) = recorded(&self.0.access, who, "discover", object, detail).await {
                self.0.desk.cancel(&scan);
                return Err(why);
            }
            let (house, running) = (self.0.clone(), scan.clone());
            let asks = house.announce(
                format!("scan/{}", scan.id),
                scan.plan.addresses.iter().copied(),
                scan.plan.ask.interface.is_some(),
            );
            self.0.supervisor.spawn("discover", async move {
                tokio::select! {
                    () = house.supervisor.stopped() => running.stop(),
                    () = house.desk.run(&running) => {}
                }
                drop(asks);
            });
            Ok(scan_shape(&scan))
        })
    }

    fn scans(&self) -> Vec<DiscoverScan> {
        self.0.desk.scans().iter().map(scan_shape).collect()
    }

    fn scan(&self, id: &str) -> Option<DiscoverScan> {
        self.0.desk.scan(id).map(|scan| scan_shape(&scan))
    }

    fn stop(&self, id: &str) -> bool {
        let scan = self.0.desk.scan(id);
        scan.iter().for_each(|scan| scan.stop());
        scan.is_some()
    }

    fn draft(&self, id: &str, ask: &DraftAsk) -> Result<DraftFile, Problem> {
        let scan = self.0.desk.scan(id).ok_or_else(|| Problem::not_found(format!("scan {id}")))?;
        let snapshot = scan.snapshot();
        let found = snapshot
            .found
            .get(ask.index)
            .ok_or_else(|| Problem::not_found(format!("device {}", ask.index)))?;
        let probe = PROBES.iter().find(|probe| probe.name == found.protocol);
        let folder = self.0.facts.load().folder.clone();
        let wish = Wish { name: ask.name.as_deref(), profile: ask.profile.as_deref() };
        let draft = probe.and_then(|probe| draft(&snapshot.found, ask.index, probe, wish, &folder));
        draft.map(draft_shape).ok_or_else(|| {
            Problem::new(
                ProblemKind::Refused,
                format!("There is no kind of connection that reads {} devices yet.", found.title),
                "Nothing was drafted.",
                "What the device said stands in the table.",
            )
        })
    }

    fn formats(&self) -> ImportFormats {
        let format = |format: &&import::Format| ImportFormat {
            name: format.name.into(),
            title: format.title.into(),
            files: format.files.into(),
            text: format.text.into(),
            kinds: format.kinds.iter().map(ToString::to_string).collect(),
        };
        let model = |format: &models::Format| ImportFormat {
            name: format.name.into(),
            title: format.title.into(),
            files: format.files.into(),
            text: format.text.into(),
            kinds: Vec::new(),
        };
        let models = models::FORMATS.iter().map(model);
        ImportFormats { formats: FORMATS.iter().map(format).chain(models).collect() }
    }

    fn import(&self, ask: &ImportAsk) -> Result<DraftFile, Problem> {
        let data = STANDARD.decode(ask.data.as_bytes()).map_err(|why| {
            problem(
                ProblemKind::Invalid,
                &format!("`data` is no Base64: {why}"),
                "send the file as it is, in Base64",
            )
        })?;
        if let Some(format) = models::format(&ask.format) {
            return models::import(format, &ask.file, &data).map(model_shape).map_err(|why| wrong(&why));
        }
        let input = Input {
            format: &ask.format,
            file: &ask.file,
            data: &data,
            kind: ask.kind.as_deref(),
            name: ask.name.as_deref(),
            host: ask.host.as_deref(),
            device: ask.device.as_deref(),
        };
        import::import(&input).map(draft_shape).map_err(|why| wrong(&why))
    }

    fn browse<'a>(&'a self, ask: &'a BrowseAsk) -> BoxFuture<'a, Result<DraftFile, Problem>> {
        Box::pin(self.0.browse(ask))
    }

    fn characterise_plan<'a>(
        &'a self,
        ask: &'a CharacteriseAsk,
    ) -> BoxFuture<'a, Result<CharacterisePlan, Problem>> {
        Box::pin(async move { self.0.characterise_plan(ask) })
    }

    fn characterise<'a>(
        &'a self,
        who: &'a Principal,
        yes: &'a CharacteriseStart,
    ) -> BoxFuture<'a, Result<CharacteriseRun, Problem>> {
        Box::pin(self.0.characterise(who, yes))
    }

    fn characterise_runs(&self) -> Vec<CharacteriseRun> {
        self.0.characterise_runs()
    }

    fn characterise_stop(&self, id: &str) -> bool {
        self.0.characterise_stop(id)
    }
}

/// Puts on record that somebody said yes, before the first packet.
///
/// # Errors
/// A [`Problem`]: the ledger takes no record.
pub(super) async fn recorded(
    access: &Access,
    who: &Principal,
    action: &'static str,
    object: String,
    detail: String,
) -> Result<(), Problem> {
    let entry =
        Entry { actor: who.name.clone(), action: action.into(), object, outcome: "started".into(), detail };
    let access = access.clone();
    let recorded = tokio::task::spawn_blocking(move || access.record(entry)).await;
    recorded.map_err(|why| why.to_string()).and_then(|recorded| recorded).map_err(|why| {
        tracing::error!(why, action, "not begun: the audit ledger takes no record");
        Problem::new(
            ProblemKind::Unavailable,
            "The audit ledger takes no record, so nothing was sent.",
            "Reading goes on.",
            "Look at the events for a fault of the disk.",
        )
    })
}

pub(super) fn mistakes(found: &[Diagnostic]) -> Problem {
    Problem::new(
        ProblemKind::Invalid,
        report::mistakes(found),
        "Nothing was sent, nothing was changed.",
        "Mend the file; it needs no tags to be looked at.",
    )
}

/// We ask devices because a person said yes to it, until this is dropped: the monitor takes no such packet for a stranger's.
pub(super) struct Asking {
    house: Arc<House>,
    announced: Announced,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let until_ns = self.house.clock.now().0;
        self.house.watching.announce(Announced { until_ns, ..self.announced.clone() });
    }
}

impl House {
    /// Tells the monitor whom we ask from now on.
    pub(super) fn announce(
        self: &Arc<Self>,
        id: String,
        addresses: impl IntoIterator<Item = IpAddr>,
        everybody: bool,
    ) -> Asking {
        let (from_ns, until_ns) = (self.clock.now().0, i64::MAX);
        let announced =
            Announced { id, addresses: addresses.into_iter().collect(), everybody, from_ns, until_ns };
        self.watching.announce(announced.clone());
        Asking { house: self.clone(), announced }
    }

    /// The same for one endpoint, by address or name.
    pub(super) async fn announce_endpoint(self: &Arc<Self>, id: String, endpoint: &str) -> Asking {
        let host = host_of(endpoint).unwrap_or_default();
        let addresses: Vec<IpAddr> = match host.parse() {
            Ok(address) => vec![address],
            // A name that nobody knows reaches nobody.
            Err(_) => tokio::net::lookup_host((host, 0))
                .await
                .map(|found| found.map(|found| found.ip()).collect())
                .unwrap_or_default(),
        };
        self.announce(id, addresses, false)
    }

    async fn browse(self: &Arc<Self>, ask: &BrowseAsk) -> Result<DraftFile, Problem> {
        let document = Document::parse(&ask.file, &ask.text).map_err(|found| mistakes(&found))?;
        let chosen = kind::choose(KINDS, "connection", &document).map_err(|found| mistakes(&found))?;
        let Some(browser) = BROWSERS.iter().find(|browser| browser.kind == chosen.name) else {
            let title = format!("devices of the kind {} do not tell what they hold", chosen.title);
            return Err(problem(ProblemKind::Refused, &title, "write the tags from the device's manual"));
        };
        let facts = self.facts.load_full();
        let stem =
            std::path::Path::new(&ask.file).file_stem().and_then(|stem| stem.to_str()).unwrap_or("draft");
        let mut context = Context::new(stem, facts.site.clone(), facts.folder.clone());
        context.secrets = self.secrets();
        context.budget = self.budget_at(stem, &document);
        let now = self.namespace.clock().now();
        let text = |key: &str| document.root.get(key).and_then(|node| node.as_text());
        let endpoint = text("url").or(text("host")).unwrap_or_default();
        let _asks = self.announce_endpoint(format!("browse/{stem}"), endpoint).await;
        match (browser.browse)(&document, &context, now).await {
            Ok(draft) => Ok(draft_shape(Draft { text: looked_at(&draft.text), ..draft })),
            Err(BrowseError::File(found)) => Err(mistakes(&found)),
            Err(BrowseError::Device(fault)) => {
                let (title, _, next) = fault.words();
                Err(Problem::new(ProblemKind::Unavailable, title, "Nothing was changed.", next))
            }
        }
    }

    /// The budget of the endpoint that a file names: shared with the connection that polls it, if there is one.
    pub(super) fn budget_at(&self, name: &str, document: &Document) -> Arc<Budget> {
        let url = document.root.get("url").and_then(|node| node.as_text());
        let running = self.connections.lock();
        let same = |one: &&Running<Handle>| url.is_some_and(|url| one.handle.endpoint() == url);
        let polls = running.get(name).or_else(|| running.values().find(same));
        polls.map_or_else(Budget::unlimited, |one| one.handle.budget())
    }

    async fn plan(&self, ask: &DiscoverAsk) -> Result<Plan, Problem> {
        let known: Vec<(String, String)> = self
            .endpoints()
            .into_iter()
            .filter_map(|(name, endpoint)| Some((host_of(&endpoint)?.to_owned(), name)))
            .collect();
        self.desk.plan(&wish(ask), &known).await.map_err(|why| wrong(&why))
    }
}

/// The ask with what is gentle where nothing was said.
fn wish(ask: &DiscoverAsk) -> Ask {
    let gentle = Ask::default();
    Ask {
        targets: ask.targets.clone(),
        exclude: ask.exclude.clone(),
        protocols: ask.protocols.clone(),
        ports: ask.ports.clone(),
        units: ask.units.clone().unwrap_or(gentle.units),
        at_once: ask.at_once.unwrap_or(gentle.at_once),
        timeout: ask.timeout_ms.map_or(gentle.timeout, Duration::from_millis),
        pause: ask.pause_ms.map_or(gentle.pause, Duration::from_millis),
        interface: ask.interface.clone(),
        listen: ask.listen_s.map_or(gentle.listen, Duration::from_secs),
    }
}

/// With a capital letter and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

pub(super) fn problem(kind: ProblemKind, title: &str, next: &str) -> Problem {
    Problem::new(kind, sentence(title), "Nothing was sent, nothing was changed.", sentence(next))
}

fn wrong(wrong: &Wrong) -> Problem {
    problem(ProblemKind::Invalid, &wrong.message, &wrong.help)
}

fn busy(busy: Busy) -> Problem {
    match busy {
        Busy::Running => problem(ProblemKind::Refused, "a scan is under way", "wait for its end, or stop it"),
        Busy::Nobody => problem(ProblemKind::Refused, "nobody would be asked", "name other addresses"),
        Busy::Changed { packets_most } => problem(
            ProblemKind::Refused,
            &format!("the plan is another one now: at most {packets_most} packets"),
            "look at the plan again, then say yes to it",
        ),
    }
}

fn plan_shape(plan: &Plan) -> DiscoverPlan {
    DiscoverPlan {
        targets: plan.ask.targets.clone(),
        addresses: plan.addresses.len(),
        at_once: plan.ask.at_once,
        packets_least: plan.packets_least(),
        packets_most: plan.packets_most(),
        packets_per_address_most: plan.packets_per_address(),
        seconds_least: plan.least.as_secs_f64(),
        seconds_most: plan.most.as_secs_f64(),
        sentence: plan.sentence(),
        known: plan.known().0 + plan.known().1,
        protocols: plan.shares.iter().map(share_shape).collect(),
        skipped: plan.skipped.iter().map(skipped_shape).collect(),
    }
}

fn share_shape(share: &connect::discover::Share) -> DiscoverShare {
    DiscoverShare {
        name: share.probe.name.into(),
        title: share.probe.title.into(),
        transport: share.probe.transport.word().into(),
        ports: share.ports.clone(),
        packets_least: share.packets_least,
        packets_most: share.packets_most,
        asks: share.probe.asks.into(),
    }
}

fn skipped_shape(skipped: &connect::discover::Skipped) -> DiscoverSkipped {
    DiscoverSkipped {
        address: skipped.address.to_string(),
        why: skipped.why.clone(),
        connection: skipped.connection.clone(),
    }
}

fn scan_shape(scan: &Arc<Scan>) -> DiscoverScan {
    let now = scan.snapshot();
    let neighbours = scan.neighbours.lock().clone();
    let found = now.found.iter().enumerate().map(|(index, found)| DiscoverFound {
        hardware: neighbours.get(&found.address).cloned(),
        ..found_shape(index, found)
    });
    let remark = |remark: &connect::discover::Remark| DiscoverRemark {
        address: remark.address.to_string(),
        protocol: remark.protocol.into(),
        text: remark.text.clone(),
    };
    DiscoverScan {
        id: scan.id.clone(),
        who: scan.who.clone(),
        started: scan.started.millis_f64(),
        ended: now.ended.map(Time::millis_f64),
        state: now.state.word().into(),
        plan: plan_shape(&scan.plan),
        addresses_done: now.addresses_done,
        addresses_total: scan.plan.addresses.len(),
        packets_sent: now.packets_sent,
        found: found.collect(),
        remarks: now.remarks.iter().map(remark).collect(),
        faults: now.faults,
        backed_off: now.left_alone,
        dropped: now.dropped,
    }
}

fn found_shape(index: usize, found: &Found) -> DiscoverFound {
    let detail =
        |(name, value): &(String, String)| DiscoverDetail { name: name.clone(), value: value.clone() };
    let probe = PROBES.iter().find(|probe| probe.name == found.protocol);
    DiscoverFound {
        index,
        protocol: found.protocol.into(),
        title: found.title.into(),
        address: found.address.to_string(),
        port: found.port,
        hardware: None,
        place: found.place.clone(),
        vendor: found.vendor.clone(),
        model: found.model.clone(),
        firmware: found.firmware.clone(),
        serial: found.serial.clone(),
        name: found.name.clone(),
        details: found.details.iter().map(detail).collect(),
        security: probe.map(|probe| probe.security.to_owned()).unwrap_or_default(),
        profile: found.profile.clone(),
        can_draft: found.kind.is_some(),
    }
}

fn note_shape(note: Note) -> DraftNote {
    DraftNote { line: note.line, text: note.text }
}

/// The first file with what is to be said of all; the others beside it.
fn model_shape(drafts: models::Drafts) -> DraftFile {
    let mut files = drafts.files.into_iter();
    let (file, text) = files.next().unwrap_or_default();
    DraftFile {
        file,
        text,
        tags: 0,
        notes: drafts.notes.into_iter().map(note_shape).collect(),
        mistakes: drafts.mistakes.join("\n"),
        others: files.map(|(file, text)| DraftText { file, text }).collect(),
    }
}

pub(super) fn draft_shape(draft: Draft) -> DraftFile {
    DraftFile {
        others: Vec::new(),
        file: draft.file,
        text: draft.text,
        tags: draft.tags,
        notes: draft.notes.into_iter().map(note_shape).collect(),
        mistakes: draft.mistakes.join("\n"),
    }
}
