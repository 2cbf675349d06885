//! The guard: holds what is seen against what is normal, what is planned, and what was authorised.
//!
//! ```text
//!   new in the tables ─▶ own plan? ─▶ baseline? ─▶ waits 5 s for what explains it better ─▶ finding
//!   every write ───────▶ ours: in the ledger? ── else: approved writer? value in range? ──▶ finding at once
//! ```
//! While learning nothing of this is a finding, except what breaks declared ranges, the plan or the ledger; detections of
//! dangerous commands do not ask the guard at all.
//!
//! Rationale: the tables already know what is new, so that ordinary traffic costs nothing here. A stranger who writes is one
//! finding, not four (new asset, new link, new function, new writer): the lesser ones wait a few seconds and are dropped when
//! the greater one came.

mod announced;
mod api;
mod images;
mod ledger;
mod own;
mod socket;
mod window;
mod write;

pub use announced::Announced;
pub use ledger::Authorised;
pub use model::expected::Reply;
pub use own::Expected;
pub use window::Window;

pub(crate) use write::Written;

use crate::baseline::{self, Baseline, Difference, LinkName, LinkNorm, link_name, place_of};
use crate::core::{Core, Talk};
use crate::decode::function_name;
use crate::detect::{Rule, base, dnp3, net};
use crate::findings::Scene;
use crate::hosts::{Endpoint, HostId};
use crate::links::{Counted, LinkId, LinkKey};
use crate::operation::{Kind, Operation};
use crate::points::PointKey;
use crate::protocol::Realm;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How long a difference waits for what explains it better, in nanoseconds.
const PATIENCE_NS: i64 = 5_000_000_000;
/// How often what is new is learned, in nanoseconds.
const LEARN_NS: i64 = 60_000_000_000;
/// Most differences that wait.
const MAX_PENDING: usize = 1_024;
/// Most things that are said of one difference.
const MAX_WORDS: usize = 5;

/// What is done with what is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It becomes normal.
    #[default]
    Learning,
    /// It is a finding.
    Guarding,
}

/// How much of our own traffic was explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Explained {
    /// Writes from our own addresses that an authorised command explains.
    pub commands_matched: u64,
    /// Writes from our own addresses that nothing explains.
    pub commands_unmatched: u64,
    /// Answers that were the same on the wire and at the socket.
    pub answers_same: u64,
    /// Answers that were not.
    pub answers_changed: u64,
    /// Answers that were seen at one of the two only: nothing is known of them.
    pub answers_single: u64,
    /// Differences, commands, answers and images for which there was no room.
    pub no_room: u64,
}

/// A difference that waits.
#[derive(Debug)]
struct Pending {
    due_ns: i64,
    rule: &'static Rule,
    scene: Scene,
    words: Vec<String>,
}

/// Everything that the guard knows.
#[derive(Default)]
pub struct Guard {
    mode: Mode,
    /// Somebody wants to know what is normal.
    on: bool,
    /// When was learned last.
    learned_ns: i64,
    /// Addresses that are in another mode than the rest.
    modes: HashMap<String, Mode>,
    pub baseline: Baseline,
    /// What was seen while guarding and not approved: learning does not take it in by itself.
    set_aside: Baseline,
    /// When learning began this time.
    learning_ns: i64,
    pending: Vec<Pending>,
    pub(crate) due_ns: i64,
    /// Hosts that were looked at when they spoke without a conversation.
    hosts: usize,
    /// Hosts that are not in the baseline, with whom they talked first.
    strangers: HashMap<HostId, HostId>,
    pub(crate) expected: Expected,
    announced: announced::Announcements,
    pub(crate) windows: window::Windows,
    ledger: ledger::Ledger,
    /// All commands that left before this time are in the ledger.
    ledger_ns: i64,
    waiting: Vec<write::Waiting>,
    images: images::Images,
    socket: socket::Socket,
    pub(crate) explained: Explained,
}

impl Guard {
    /// Whether somebody is guarded.
    pub fn is_guarding(&self) -> bool {
        self.mode == Mode::Guarding || !self.modes.is_empty()
    }

    /// Whether what is new at this address is a finding.
    fn guards(&self, address: &str) -> bool {
        self.modes.get(address).copied().unwrap_or(self.mode) == Mode::Guarding
    }

    /// Whether anybody is to be told apart: then values are remembered.
    fn is_active(&self) -> bool {
        self.is_guarding() || !self.expected.is_empty()
    }
}

impl Core {
    /// Sets the mode, and the mode of addresses that have another one.
    pub(crate) fn set_mode(&mut self, mode: Mode, others: impl IntoIterator<Item = (String, Mode)>) {
        self.learn();
        let modes = others.into_iter().filter(|(_, other)| *other != mode).collect();
        let before = std::mem::replace(&mut self.guard.modes, modes);
        let was = std::mem::replace(&mut self.guard.mode, mode);
        if was == Mode::Guarding || before.values().any(|one| *one == Mode::Guarding) {
            let guarded = |address: &str| before.get(address).copied().unwrap_or(was) == Mode::Guarding;
            for difference in self.differences(usize::MAX) {
                if guarded(difference.address()) && !self.guard.guards(difference.address()) {
                    self.guard.set_aside.note(&difference);
                }
            }
        }
        if mode == Mode::Learning && was == Mode::Guarding {
            self.guard.learning_ns = self.coverage.last_ns;
        }
        self.guard.on = true;
        self.guard.hosts = self.hosts.len();
    }

    /// Takes in what was seen, as far as it is being learned. How much of it was new.
    pub(crate) fn learn(&mut self) -> u64 {
        if self.guard.mode == Mode::Guarding && !self.guard.modes.values().any(|mode| *mode == Mode::Learning)
        {
            return 0;
        }
        let mut seen = Baseline::seen(self, self.guard.learning_ns);
        let guard = &mut self.guard;
        let (mode, modes) = (guard.mode, &guard.modes);
        let learns = |address: &str| modes.get(address).copied().unwrap_or(mode) == Mode::Learning;
        seen.assets.retain(|address, _| learns(address));
        seen.links.retain(|name, _| learns(&name.server));
        if guard.set_aside.is_empty() {
            return guard.baseline.merge(&seen, seen.until_ns);
        }
        let mut known = guard.baseline.clone();
        known.merge(&guard.set_aside, 0);
        let new = known.missing(&seen, usize::MAX);
        new.iter().for_each(|difference| guard.baseline.approve(difference));
        guard.baseline.merge_rates(&seen);
        guard.baseline.until_ns = guard.baseline.until_ns.max(seen.until_ns);
        if !new.is_empty() {
            guard.baseline.last_new_ns = seen.until_ns;
        }
        new.len() as u64
    }

    /// What was seen, in this run or before, and is not normal; at most so many.
    pub(crate) fn differences(&self, most: usize) -> Vec<Difference> {
        let mut seen = Baseline::seen(self, 0);
        let set_aside = &self.guard.set_aside;
        if !set_aside.is_empty() {
            seen.merge(set_aside, seen.until_ns);
        }
        self.guard.baseline.missing(&seen, most)
    }

    /// What is judged when time goes on.
    pub(crate) fn settle(&mut self, now_ns: i64) {
        self.guard.due_ns = now_ns.saturating_add(1_000_000_000);
        self.unexplained_writes(now_ns);
        self.guard.socket.forget(now_ns, &mut self.guard.explained);
        if self.guard.on && self.guard.learned_ns.saturating_add(LEARN_NS) <= now_ns {
            self.guard.learned_ns = now_ns;
            self.learn();
        }
        if !self.guard.is_guarding() && self.guard.pending.is_empty() {
            return;
        }
        self.quiet_strangers(now_ns);
        let (due, wait) = std::mem::take(&mut self.guard.pending)
            .into_iter()
            .partition::<Vec<_>, _>(|pending| pending.due_ns <= now_ns);
        self.guard.pending = wait;
        for pending in due {
            for words in &pending.words {
                self.findings.raise(pending.rule, pending.scene, words);
            }
        }
    }

    /// Hosts that spoke without asking anybody anything that a baseline lists.
    fn quiet_strangers(&mut self, now_ns: i64) {
        let old = |host: &crate::hosts::Host| host.first_ns.saturating_add(PATIENCE_NS) <= now_ns;
        let new: Vec<HostId> = self
            .hosts
            .iter()
            .skip(self.guard.hosts)
            .take_while(|(_, host)| old(host))
            .map(|(id, _)| id)
            .collect();
        if new.is_empty() {
            return;
        }
        self.guard.hosts += new.len();
        let cards = baseline::cards(self);
        for id in new {
            let Some(host) = self.hosts.get(id) else { continue };
            let is_card = matches!(host.endpoint, Endpoint::Mac(mac) if cards.contains(&mac));
            if is_card || !baseline::is_asset(host) || self.is_known(id) {
                continue;
            }
            let (time_ns, name) = (host.first_ns, host.endpoint.to_string());
            let scene = Scene { source: id, target: HostId(0), time_ns, ..Scene::default() };
            let is_found = self.guard.announced.asks(host, host.first_ns);
            let is_told = self.guard.set_aside.assets.contains_key(&name);
            if !is_told && self.guard.guards(&name) && !self.guard.strangers.contains_key(&id) {
                let words = if is_found { "answers our own search" } else { "speaks to everybody" };
                self.differs(&base::ASSET, scene, words.into());
            }
        }
    }

    /// Whether the baseline judges what a rule of thumb judges without one, or a greater finding explains a lesser.
    pub(crate) fn knows_better(&self, rule: &Rule, scene: &Scene) -> bool {
        // Who put requests between those of a master is found by that; how they were answered adds nothing.
        let put_in = [&net::impostor::RULE, &net::unopened::RULE];
        if rule.id == dnp3::not_understood::RULE.id
            && put_in.iter().any(|rule| self.findings.has(rule, scene))
        {
            return true;
        }
        self.guard.mode == Mode::Guarding && (rule.id == net::NEW_WRITER.id || rule.id == net::PEER_WRITE.id)
    }

    /// Takes a command that was authorised.
    pub(crate) fn authorise(&mut self, command: Authorised) {
        let room = self.guard.ledger.take(command);
        self.guard.explained.no_room += u64::from(!room);
    }

    /// Whether a host is in the baseline, or is ourselves, or one of our devices.
    fn is_known(&self, id: HostId) -> bool {
        let Some(host) = self.hosts.get(id) else { return true };
        if !host.endpoint.is_unicast() || id == HostId(0) {
            return true;
        }
        self.guard.expected.knows(host.endpoint)
            || self.guard.baseline.assets.contains_key(&host.endpoint.to_string())
    }

    /// Says that something is not as it was, unless it was said by something greater.
    fn differs(&mut self, rule: &'static Rule, mut scene: Scene, words: String) {
        scene.window = self.window(scene.target, scene.time_ns).max(self.window(scene.source, scene.time_ns));
        if self.findings.has(rule, &scene) {
            return self.findings.raise(rule, scene, words);
        }
        if [&base::WRITER, &base::WRITTEN].iter().any(|greater| self.findings.has(greater, &scene)) {
            return;
        }
        let same = |pending: &&mut Pending| {
            pending.rule.id == rule.id
                && (pending.scene.source, pending.scene.target) == (scene.source, scene.target)
        };
        if let Some(pending) = self.guard.pending.iter_mut().find(same) {
            if pending.words.len() < MAX_WORDS && !pending.words.contains(&words) {
                pending.words.push(words);
            }
            return;
        }
        if self.guard.pending.len() >= MAX_PENDING {
            return self.findings.raise(rule, scene, words);
        }
        let due_ns = scene.time_ns.saturating_add(PATIENCE_NS);
        self.guard.pending.push(Pending { due_ns, rule, scene, words: vec![words] });
    }

    /// Drops what waits about somebody, because something greater was found.
    fn outdone(&mut self, source: HostId, target: HostId) {
        self.guard.pending.retain(|pending| {
            pending.scene.source != source
                || (pending.scene.target != target && pending.rule.id != base::ASSET.id)
        });
    }

    /// The window of expected work that is open for a host, 0 for none.
    pub(crate) fn window(&self, id: HostId, time_ns: i64) -> u32 {
        if self.guard.windows.is_empty() {
            return 0;
        }
        self.hosts.get(id).map_or(0, |host| self.guard.windows.open(host, time_ns))
    }

    /// What was told of a link already, in an earlier run: that it is there is no news after a restart.
    fn told(&self, name: &LinkName) -> Option<&LinkNorm> {
        self.guard.set_aside.links.get(name)
    }

    /// A link's name, and whether the baseline has it; `None` if it is not one that is judged here.
    fn judged(&self, id: LinkId) -> Option<(LinkName, bool)> {
        let (key, last_ns) = self.links.get(id).map(|link| (link.key, link.last_ns))?;
        if self.guard.expected.plans(self, &key) || self.is_announced(key.client, key.server, last_ns) {
            return None;
        }
        let name = link_name(self, &key)?;
        let known = self.guard.baseline.links.contains_key(&name);
        self.guard.guards(&name.server).then_some((name, known))
    }

    /// What is said of a link that is not in the baseline: the stranger at one of its ends, else itself.
    fn unknown_link(&mut self, talk: &Talk, name: &LinkName, more: &str) {
        let (client, server) = (talk.client, talk.server);
        let (stranger, peer, does) = if !self.is_known(client) {
            (client, server, "asks")
        } else if !self.is_known(server) {
            (server, client, "answers")
        } else {
            let words = format!("{}{more}", name.protocol.name());
            return self.differs(&base::LINK, talk.scene(), words);
        };
        let first = *self.guard.strangers.entry(stranger).or_insert(peer);
        let other = if does == "asks" { &name.server } else { &name.client };
        let words = format!("{does} {other} in {}{more}", name.protocol.name());
        let scene = Scene { source: stranger, target: first, ..talk.scene() };
        self.differs(&base::ASSET, scene, words);
    }

    /// A link that was not in the table.
    pub(crate) fn new_link(&mut self, id: LinkId, talk: &Talk) {
        self.own_link(id, talk);
        if !self.guard.is_guarding() {
            return;
        }
        if let Some((name, false)) = self.judged(id)
            && self.told(&name).is_none()
        {
            self.unknown_link(talk, &name, "");
        }
    }

    /// What a message added to its link.
    pub(crate) fn counted(&mut self, id: LinkId, counted: Counted, talk: &Talk, op: &Operation<'_>) {
        if op.kind == Kind::Request {
            self.own_request(id, talk, op);
        }
        if !self.guard.is_guarding() || !(counted.new_function || counted.minute.is_some()) {
            return;
        }
        let Some((name, known)) = self.judged(id) else { return };
        let function = || function_name(op.protocol, op.function);
        let is_told = self.told(&name).is_some_and(|norm| norm.uses(op.function));
        if counted.new_function && op.kind != Kind::Response && !is_told {
            if !known {
                self.unknown_link(talk, &name, &format!(": {}", function()));
            } else if self.guard.baseline.links.get(&name).is_some_and(|norm| !norm.uses(op.function)) {
                self.differs(
                    &base::FUNCTION,
                    talk.scene(),
                    format!("{}: {}", name.protocol.name(), function()),
                );
            }
        }
        let rate = self.guard.baseline.links.get(&name).and_then(|norm| norm.rate);
        if let (Some(requests), Some(rate)) = (counted.minute, rate)
            && rate.is_exceeded_by(requests)
        {
            let words = format!("{requests} requests in a minute, usual are {} to {}", rate.low, rate.high);
            self.differs(&base::RATE, talk.scene(), words);
        }
    }

    /// Data that this client did not read before.
    pub(crate) fn new_read(&mut self, key: &PointKey, talk: &Talk) {
        self.own_read(key, talk);
        if !self.guard.is_guarding() || key.protocol.realm() == Realm::Network {
            return;
        }
        let link =
            LinkKey { client: talk.client, server: talk.server, protocol: key.protocol, port: talk.port };
        if self.guard.expected.plans(self, &link) || self.is_announced(link.client, link.server, talk.time_ns)
        {
            return;
        }
        let (Some(name), Some(point)) = (link_name(self, &link), self.points.get(key)) else { return };
        let place = place_of(key, &point.name);
        // A link that is not known says itself what it reads.
        let is_told = self.told(&name).is_some_and(|norm| norm.reads(&place));
        if !is_told
            && self.guard.guards(&name.server)
            && self.guard.baseline.links.get(&name).is_some_and(|norm| !norm.reads(&place))
        {
            self.differs(&base::READ, talk.scene(), format!("{}: {place}", name.protocol.name()));
        }
    }
}
