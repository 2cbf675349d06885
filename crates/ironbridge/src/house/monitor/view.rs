//! What pages ask of the monitor.

use super::{ASSETS, FINDINGS, Watching, draft, rows};
use crate::house::discover::draft_shape;
use crate::house::pages::Pages;
use model::Principal;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use watch::Protocol;
use watch::book::{Act, AssetBook, Change, KeptFinding, Refusal, Standing};
use watch::report::{FindingRow, LinkRow, PointRow};
use web::shapes as api;
use web::{FindingAct, Problem, ProblemKind};

const MAX_ASSETS: usize = 10_000;
const MAX_LINKS: usize = 20_000;
const MAX_POINTS: usize = 5_000;
const MAX_FINDINGS: usize = 1_000;
/// Of one asset's page.
const MAX_OF_ONE: usize = 500;

impl web::Monitor for Pages {
    fn state(&self) -> api::MonitorState {
        self.0.watching.state()
    }

    fn assets(&self) -> api::MonitorAssets {
        self.0.watching.asset_rows()
    }

    fn asset(&self, id: &str) -> Option<api::MonitorAssetPage> {
        self.0.watching.asset_page(id)
    }

    fn change_asset(
        &self,
        who: &Principal,
        id: &str,
        change: &api::MonitorAssetChange,
    ) -> Result<api::MonitorAsset, Problem> {
        let api::MonitorAssetChange { approved, name, note, level, zone } = change.clone();
        self.0.watching.change_asset(&who.name, id, &Change { approved, name, note, level, zone })
    }

    fn approve(&self, who: &Principal, ids: &[String]) -> Result<api::MonitorApproved, Problem> {
        self.0.watching.approve(&who.name, ids)
    }

    fn forget(&self, id: &str) -> Result<(), Problem> {
        self.0.watching.forget(id)
    }

    fn draft(&self, id: &str, ask: &api::MonitorDraftAsk) -> Result<api::DraftFile, Problem> {
        let folder = self.0.facts.load().folder.clone();
        self.0.watching.draft(id, ask, &folder)
    }

    fn protocols(&self) -> api::MonitorProtocols {
        let protocol = |protocol: &Protocol| api::MonitorProtocol {
            key: protocol.key().to_owned(),
            name: protocol.name().to_owned(),
            realm: rows::word(protocol.realm()),
        };
        api::MonitorProtocols { protocols: Protocol::ALL.iter().map(protocol).collect() }
    }

    fn links(&self, asset: Option<&str>) -> api::MonitorLinks {
        let watching = &self.0.watching;
        let (seen, around) = (watching.seen.load(), watching.around.load());
        let mine = |link: &&LinkRow| asset.is_none_or(|asset| link.client == asset || link.server == asset);
        let mut links = seen.report.links.iter().filter(mine);
        let rows = links.by_ref().take(MAX_LINKS).map(|link| rows::link(link, &around)).collect();
        api::MonitorLinks { links: rows, more: links.next().is_some() }
    }

    fn points(&self, asset: &str) -> api::MonitorPoints {
        let watching = &self.0.watching;
        let seen = watching.seen.load();
        let mut points = seen.report.points.iter().filter(|point| point.server == asset);
        let rows = points.by_ref().take(MAX_POINTS).map(|point| rows::point(watching, point)).collect();
        api::MonitorPoints { points: rows, more: points.next().is_some() }
    }

    fn map(&self) -> api::MonitorMap {
        self.0.watching.map()
    }

    fn findings(&self, ask: &api::MonitorFindingsAsk) -> api::MonitorFindings {
        self.0.watching.finding_rows(ask)
    }

    fn finding(&self, id: &str) -> Option<api::MonitorFinding> {
        self.0.watching.finding(id)
    }

    fn act(&self, who: &Principal, id: &str, act: FindingAct) -> Result<api::MonitorFinding, Problem> {
        let act = match act {
            FindingAct::Acknowledge { note } => Act::Acknowledge { note },
            FindingAct::Close { note } => Act::Close { note },
            FindingAct::Mute { reason, until } => Act::Mute { reason, until },
            FindingAct::Unmute => Act::Unmute,
        };
        let watching = &self.0.watching;
        let (done, events) = watching.act(&who.name, id, act)?;
        for event in events {
            self.0.namespace.event(event);
        }
        Ok(done)
    }

    fn packets(&self, id: &str) -> Result<Vec<u8>, Problem> {
        let watching = &self.0.watching;
        if !watching.findings.lock().findings.contains_key(id) {
            return Err(Problem::not_found(format_args!("finding {id}")));
        }
        let file = watching.evidence.lock().file(id).map_err(Problem::internal)?;
        file.ok_or_else(|| {
            Problem::new(
                ProblemKind::NotFound,
                "No packets of this finding are kept.",
                "They made room for newer ones, or had passed before they could be kept.",
                "Raise `evidence_mb` under [monitor] to keep more; the finding itself stays.",
            )
        })
    }

    fn modes(&self) -> api::MonitorModes {
        self.0.watching.mode_rows()
    }

    fn set_mode(&self, who: &Principal, ask: &api::MonitorModeAsk) -> Result<api::MonitorModes, Problem> {
        self.0.watching.set_mode(who, ask)
    }

    fn differences(&self) -> api::MonitorDifferences {
        self.0.watching.difference_rows()
    }

    fn approve_differences(&self, who: &Principal, ids: &[String]) -> Result<api::MonitorApproved, Problem> {
        let (approved, events) = self.0.watching.approve_differences(who, ids)?;
        for event in events {
            self.0.namespace.event(event);
        }
        Ok(approved)
    }

    fn windows(&self, past: bool) -> api::MonitorWindows {
        self.0.watching.window_rows(past)
    }

    fn add_window(
        &self,
        who: &Principal,
        ask: &api::MonitorWindowAsk,
    ) -> Result<api::MonitorWindow, Problem> {
        self.0.watching.add_window(who, ask)
    }

    fn end_window(&self, _: &Principal, id: &str) -> Result<api::MonitorWindow, Problem> {
        self.0.watching.end_window(id)
    }
}

fn refused(refusal: Refusal) -> Problem {
    let title = |text: String| crate::house::discover::sentence(&text);
    match refusal {
        Refusal::Unknown(what) => Problem::not_found(what),
        Refusal::Invalid(message, next) => {
            Problem::new(ProblemKind::Invalid, title(message), "Nothing was changed.", title(next.into()))
        }
        Refusal::Standing(message, next) => Problem::new(
            ProblemKind::Refused,
            title(message.into()),
            "Nothing was changed.",
            title(next.into()),
        ),
    }
}

pub(super) fn not_kept() -> Problem {
    Problem::new(
        ProblemKind::Unavailable,
        "The disk did not take it.",
        "It holds until Ironbridge is stopped, not longer.",
        "Free space on the disk of the data folder, or replace it; then do it again.",
    )
}

impl Watching {
    fn asset_rows(&self) -> api::MonitorAssets {
        let around = self.around.load();
        let findings = self.findings.lock();
        let (open, assets) = (findings.open_by_asset(), self.assets.lock());
        let rows =
            assets.assets.iter().take(MAX_ASSETS).map(|(id, known)| rows::asset(id, known, &around, &open));
        api::MonitorAssets { assets: rows.collect(), more: assets.assets.len() > MAX_ASSETS }
    }

    fn asset_row(&self, id: &str) -> Option<api::MonitorAsset> {
        let around = self.around.load();
        let findings = self.findings.lock();
        let (open, assets) = (findings.open_by_asset(), self.assets.lock());
        assets.assets.get(id).map(|known| rows::asset(id, known, &around, &open))
    }

    fn asset_page(&self, id: &str) -> Option<api::MonitorAssetPage> {
        let asset = self.asset_row(id)?;
        let (seen, around) = (self.seen.load(), self.around.load());
        let report = &seen.report;
        let live = report.assets.iter().find(|asset| asset.id == id);
        let facts = match live.filter(|asset| !asset.facts.is_empty()) {
            Some(asset) => asset
                .facts
                .iter()
                .map(|fact| api::MonitorFact {
                    field: fact.field.key().to_owned(),
                    value: fact.value.clone(),
                    source: fact.source.to_owned(),
                    evidence: Some(rows::packet(self, fact.evidence)),
                })
                .collect(),
            None => self.assets.lock().assets.get(id)?.facts.iter().map(remembered).collect(),
        };
        let links = report.links.iter().filter(|link| link.client == id || link.server == id);
        let points = report.points.iter().filter(|point| point.server == id);
        let kinds: Vec<String> =
            draft::ways(id, &report.links).iter().map(|way| way.kind.to_owned()).collect();
        let ask =
            api::MonitorFindingsAsk { asset: Some(id.to_owned()), ..api::MonitorFindingsAsk::default() };
        Some(api::MonitorAssetPage {
            facts,
            links: links.take(MAX_OF_ONE).map(|link| rows::link(link, &around)).collect(),
            points: points.take(MAX_OF_ONE).map(|point| rows::point(self, point)).collect(),
            findings: self.finding_rows(&ask).findings,
            draft: Some(kinds).filter(|kinds| !kinds.is_empty() && asset.connection.is_none()),
            asset,
        })
    }

    fn change_asset(&self, by: &str, id: &str, change: &Change) -> Result<api::MonitorAsset, Problem> {
        let now = self.clock.now();
        self.change_assets(|assets| assets.change(id, by, change, now).map(drop))?;
        self.asset_row(id).ok_or_else(|| Problem::not_found(format_args!("asset {id}")))
    }

    fn approve(&self, by: &str, ids: &[String]) -> Result<api::MonitorApproved, Problem> {
        let (now, change) = (self.clock.now(), Change { approved: Some(true), ..Change::default() });
        let mut approved = 0;
        self.change_assets(|assets| {
            for id in ids.iter().take(MAX_ASSETS) {
                approved += usize::from(assets.change(id, by, &change, now).is_ok());
            }
            Ok(())
        })?;
        Ok(api::MonitorApproved { approved })
    }

    /// Changes the book of assets; it is on disk when this comes back.
    pub(super) fn change_assets(
        &self,
        change: impl FnOnce(&mut AssetBook) -> Result<(), Refusal>,
    ) -> Result<(), Problem> {
        let mut assets = self.assets.lock();
        change(&mut assets).map_err(refused)?;
        self.revisions.assets.fetch_add(1, Ordering::Relaxed);
        if self.save(ASSETS, &*assets) { Ok(()) } else { Err(not_kept()) }
    }

    fn draft(
        &self,
        id: &str,
        ask: &api::MonitorDraftAsk,
        folder: &std::path::Path,
    ) -> Result<api::DraftFile, Problem> {
        let seen = self.seen.load();
        let known = self.assets.lock().assets.get(id).cloned();
        let known = known.ok_or_else(|| Problem::not_found(format_args!("asset {id}")))?;
        let ways = draft::ways(id, &seen.report.links);
        let way = ways.iter().find(|way| ask.kind.as_deref().is_none_or(|kind| kind == way.kind));
        let points: Vec<&PointRow> = seen.report.points.iter().filter(|point| point.server == id).collect();
        let draft = way.and_then(|way| draft::make(&known, way, &points, ask.name.as_deref(), folder));
        draft.map(draft_shape).ok_or_else(|| {
            Problem::new(
                ProblemKind::Refused,
                "It has answered in no protocol that a connection reads.",
                "Nothing was drafted.",
                "If it speaks one that was not seen here, find it with discovery.",
            )
        })
    }

    fn finding_rows(&self, ask: &api::MonitorFindingsAsk) -> api::MonitorFindings {
        let seen = self.seen.load();
        let findings = self.findings.lock();
        let wanted = |kept: &KeptFinding| {
            let state = match ask.state.as_deref() {
                Some(state) => rows::word(kept.standing) == state,
                None => kept.standing != Standing::Closed,
            };
            state
                && ask.asset.as_deref().is_none_or(|asset| kept.source == asset || kept.target == asset)
                && ask.min.is_none_or(|least| kept.severity >= least)
        };
        let mut found: Vec<(&String, &KeptFinding)> =
            findings.findings.iter().filter(|(_, kept)| wanted(kept)).collect();
        found.sort_by(|(_, a), (_, b)| b.severity.cmp(&a.severity).then(b.last.cmp(&a.last)));
        let more = found.len() > MAX_FINDINGS;
        found.truncate(MAX_FINDINGS);
        let live: HashMap<&str, &FindingRow> =
            seen.report.findings.iter().map(|row| (row.id.as_str(), row)).collect();
        let (assets, evidence) = (self.assets.lock(), self.evidence.lock());
        let row = |(id, kept): (&String, &KeptFinding)| {
            let live = live.get(id.as_str()).copied();
            rows::finding(self, (id, kept), live, evidence.size(id), |id| called(&assets, id))
        };
        api::MonitorFindings {
            findings: found.into_iter().map(row).collect(),
            more,
            coverage: self.not_seen(&seen.report),
        }
    }

    fn finding(&self, id: &str) -> Option<api::MonitorFinding> {
        let seen = self.seen.load();
        let findings = self.findings.lock();
        let kept = findings.findings.get(id)?;
        let live = seen.report.findings.iter().find(|row| row.id == id);
        let assets = self.assets.lock();
        let size = self.evidence.lock().size(id);
        let row = rows::finding(self, (id, kept), live, size, |id| called(&assets, id));
        Some(api::MonitorFinding { history: rows::history(kept), ..row })
    }

    fn act(&self, by: &str, id: &str, act: Act) -> Result<(api::MonitorFinding, Vec<model::Event>), Problem> {
        let now = self.clock.now();
        let (saved, events) = {
            let mut findings = self.findings.lock();
            findings.act(id, by, act, now).map_err(refused)?;
            self.revisions.findings.fetch_add(1, Ordering::Relaxed);
            let events = findings.events(now);
            (self.save(FINDINGS, &*findings), events)
        };
        if !saved {
            return Err(not_kept());
        }
        let done = self.finding(id).ok_or_else(|| Problem::not_found(format_args!("finding {id}")))?;
        Ok((done, events))
    }
}

fn remembered(fact: &watch::book::KnownFact) -> api::MonitorFact {
    let watch::book::KnownFact { field, value, source } = fact.clone();
    api::MonitorFact { field, value, source, evidence: None }
}

fn called(assets: &AssetBook, id: &str) -> String {
    assets.assets.get(id).map(|asset| asset.called().to_owned()).unwrap_or_default()
}
