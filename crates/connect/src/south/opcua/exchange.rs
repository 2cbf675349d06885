//! A session at work: one loop for notifications, scans, writes and signs of life.

use super::backfill::{Fill, Gaps, Page};
use super::build::Spec;
use super::channel::{Channel, Line};
use super::config::Mode;
use super::ladder::{Live, Session};
use super::poll::Scan;
use super::publishing::LIFE;
use super::services;
use super::value;
use super::write::Sent;
use crate::south::status::Quarantined;
use crate::south::{Link, Origin, Work, Writing};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use model::{Fault, Status, Time, Value};
use opcua::types::{
    DataValue, DateTime, NodeId, NotificationMessage, PublishResponse, SubscriptionAcknowledgement,
    VariantScalarTypeId,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Requests for notifications under way at once.
const MOST_PUBLISHING: usize = 10;
/// Other requests under way at once; jobs wait beyond.
const MOST_WORK: usize = 32;

/// How often we look whether the server is still trusted.
const JUDGED: Duration = Duration::from_secs(5);
/// How far the server's clock may be from ours.
const IN_STEP: Duration = Duration::from_secs(2);

/// What is known of a row over all sessions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The server's type, once seen.
    pub(super) kind: Option<VariantScalarTypeId>,
    /// The newest time of a value.
    pub(super) newest: Option<Time>,
}

/// What a request under way became.
pub(super) enum Done {
    Publish(Result<PublishResponse, Fault>),
    Again {
        subscription: u32,
        found: Vec<(u32, Option<NotificationMessage>)>,
    },
    Alive {
        sent: Instant,
        outcome: Result<DateTime, Fault>,
    },
    Read {
        group: usize,
        run: u32,
        rows: Vec<u32>,
        attempt: u32,
        sent: Instant,
        outcome: Result<Vec<DataValue>, Fault>,
    },
    Fresh {
        group: usize,
        rows: Vec<u32>,
        outcome: Result<(Vec<DataValue>, DateTime), Fault>,
    },
    Written {
        writing: Writing,
        sent: Sent,
    },
    Filled {
        fill: Fill,
        outcome: Result<Page, Fault>,
    },
    ReadBack {
        writing: Writing,
        kind: VariantScalarTypeId,
        outcome: Result<DataValue, Fault>,
    },
    Rechecked {
        group: usize,
        outcome: Result<Rechecked, Fault>,
    },
    Switched {
        outcome: Result<(), Fault>,
    },
    Judged(Result<(), Fault>),
}

/// Rows that were tried again.
pub(super) struct Rechecked {
    pub(super) nodes: Vec<(u32, Option<NodeId>)>,
    pub(super) results: Vec<(u32, Result<(), String>)>,
}

/// The loop's book.
pub(super) struct Exchange<'a> {
    pub(super) spec: &'a Arc<Spec>,
    pub(super) session: Session,
    pub(super) channel: Arc<Channel>,
    line: Line,
    /// By group and row.
    pub(super) known: &'a mut [Vec<Known>],
    pub(super) gaps: Gaps,
    pub(super) work: FuturesUnordered<BoxFuture<'static, Done>>,
    pub(super) acknowledge: Vec<SubscriptionAcknowledgement>,
    pub(super) publishing: usize,
    pub(super) window: usize,
    pub(super) life_at: Instant,
    life_asked: bool,
    judged_at: Instant,
    pub(super) unanswered: u32,
    /// The server's clock goes with ours.
    pub(super) in_step: bool,
    pub(super) scans: HashMap<usize, Scan>,
    pub(super) delayed: Vec<(Instant, Writing, VariantScalarTypeId)>,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(spec: &'a Arc<Spec>, live: Live, known: &'a mut [Vec<Known>]) -> Self {
        live.line.channel.polling();
        let window = (live.session.subscriptions.len() + 1).clamp(2, MOST_PUBLISHING);
        Self {
            spec,
            session: live.session,
            channel: live.line.channel.clone(),
            line: live.line,
            known,
            gaps: Gaps::default(),
            work: FuturesUnordered::new(),
            acknowledge: Vec::new(),
            publishing: 0,
            window,
            life_at: Instant::now(),
            life_asked: false,
            judged_at: Instant::now(),
            unanswered: 0,
            in_step: true,
            scans: HashMap::new(),
            delayed: Vec::new(),
        }
    }

    /// Serves until something ends the session. Gives the session back if it may be taken up again.
    pub(super) async fn run(mut self, link: &mut Link) -> (Fault, Option<Session>) {
        let fault = match self.begin(link) {
            Ok(()) => self.serve(link).await,
            Err(fault) => fault,
        };
        let back = matches!(fault, Fault::Lost(_) | Fault::Timeout { .. } | Fault::Connect(_));
        if back {
            self.line.leave();
            self.session.leave();
        }
        (fault, back.then_some(self.session))
    }

    async fn serve(&mut self, link: &mut Link) -> Fault {
        loop {
            self.take_jobs(link);
            self.keep_publishing();
            let until = self.next_moment();
            let outcome = tokio::select! {
                fault = self.line.ended() => Err(fault),
                Some(done) = self.work.next(), if !self.work.is_empty() => self.conclude(done, link),
                () = link.wait(Some(until)) => Ok(()),
            };
            if let Err(fault) = outcome.and_then(|()| self.moments(link)) {
                return fault;
            }
        }
    }

    /// The session is open: what it already brought, and what the points do not know.
    fn begin(&mut self, link: &mut Link) -> Result<(), Fault> {
        let devices = 0..self.spec.devices.len();
        // Asked before the first sign of life takes the mark away.
        let lost = std::mem::take(&mut self.session.lost);
        link.notifications_lost(lost);
        // What was lost may have been the newest value of any point.
        let stale: Vec<usize> =
            (0..self.spec.groups.len()).filter(|group| lost > 0 || link.shows_loss(*group)).collect();
        devices.for_each(|device| link.alive(device));
        self.find_gaps(link.clock().now(), link);
        for group in 0..self.spec.groups.len() {
            self.tell_refused(group, link);
            self.show_callable(group, link);
        }
        let now = DateTime::now();
        let mut missed = std::mem::take(&mut self.session.missed).into_iter();
        while let Some((id, message)) = missed.next() {
            let Some(index) = self.session.subscriptions.iter().position(|one| one.id == id) else {
                continue;
            };
            self.acknowledge(id, message.sequence_number);
            if let Err(fault) = self.take(index, message, Some(&now), false, link) {
                self.session.missed = missed.collect();
                return Err(fault);
            }
        }
        // A subscription that was taken up tells only what changes from now on.
        for group in stale.into_iter().filter(|_| self.spec.mode == Mode::Subscribe) {
            if self.session.subscriptions.iter().any(|one| one.group == group && one.draining) {
                self.refresh(group);
            }
        }
        Ok(())
    }

    /// Reads all values of a group once.
    pub(super) fn refresh(&mut self, group: usize) {
        for rows in self.portions(group) {
            let questions = self.questions(group, &rows);
            let (channel, within) = (self.channel.clone(), self.spec.timing.timeout);
            self.work.push(Box::pin(async move {
                let outcome = services::read_stamped(&channel, questions, within).await;
                Done::Fresh { group, rows, outcome }
            }));
        }
    }

    fn take_jobs(&mut self, link: &mut Link) {
        while self.work.len() < MOST_WORK + self.publishing {
            let Some(job) = link.take() else { break };
            match job.work {
                Work::Scan { group, .. } => self.start_scan(group, link),
                Work::Write(order) => self.start_write(*order, link),
                Work::Recheck { group } => self.recheck(group),
                Work::Probe { .. } | Work::Readback { .. } => {}
            }
        }
    }

    fn conclude(&mut self, done: Done, link: &mut Link) -> Result<(), Fault> {
        match done {
            Done::Publish(outcome) => self.conclude_publish(outcome, link),
            Done::Again { subscription, found } => self.conclude_again(subscription, found, link),
            Done::Alive { sent, outcome } => self.conclude_alive(sent, outcome, link),
            Done::Read { group, run, rows, attempt, sent, outcome } => {
                self.conclude_scan(group, run, (rows, attempt, sent), outcome, link)
            }
            Done::Fresh { group, rows, outcome } => {
                if let Ok((answers, stamp)) = outcome {
                    self.publish_fresh(group, &rows, &answers, &stamp, link);
                }
                Ok(())
            }
            Done::Written { writing, sent } => {
                self.conclude_write(writing, sent, link);
                Ok(())
            }
            Done::Filled { fill, outcome } => self.conclude_fill(fill, outcome, link),
            Done::ReadBack { writing, kind, outcome } => {
                self.conclude_read_back(writing, kind, outcome, link);
                Ok(())
            }
            Done::Rechecked { group, outcome } => {
                self.conclude_recheck(group, outcome, link);
                Ok(())
            }
            Done::Judged(outcome) => outcome,
            Done::Switched { outcome } => match outcome {
                Err(fault @ Fault::Lost(_)) => Err(fault),
                _ => Ok(()),
            },
        }
    }

    fn conclude_alive(
        &mut self,
        sent: Instant,
        outcome: Result<DateTime, Fault>,
        link: &mut Link,
    ) -> Result<(), Fault> {
        self.life_asked = false;
        match outcome {
            Err(Fault::Timeout { timeout_ms }) => {
                self.unanswered += 1;
                self.life_at = Instant::now();
                if self.unanswered > self.spec.timing.retries {
                    return Err(Fault::Lost(
                        format!("no sign of life within {timeout_ms} ms, asked {} times", self.unanswered)
                            .into(),
                    ));
                }
                Ok(())
            }
            Err(fault @ (Fault::Lost(_) | Fault::Security(_))) => Err(fault),
            outcome => {
                if let Ok(stamp) = outcome {
                    self.compare_clocks(&stamp, link);
                }
                link.answered(0, sent.elapsed());
                self.heard(link);
                Ok(())
            }
        }
    }

    /// Whether the server's clock goes with ours: its stamps count as synchronised only then.
    pub(super) fn compare_clocks(&mut self, stamp: &DateTime, link: &Link) {
        if let Some(theirs) = value::time(Some(stamp)) {
            let ours = link.clock().now();
            self.in_step = ours.since(theirs).max(theirs.since(ours)) <= IN_STEP;
        }
    }

    /// Where values of now come from.
    pub(super) const fn live(&self) -> Origin {
        Origin { synchronised: self.in_step, historical: false }
    }

    fn next_moment(&self) -> Instant {
        let delayed = self.delayed.iter().map(|(at, ..)| *at).min();
        let life = if self.life_asked { None } else { Some(self.life_at) };
        let rest = Instant::now() + LIFE;
        let life = life.into_iter().chain(self.next_fill());
        delayed.into_iter().chain(life).fold(rest, Instant::min)
    }

    /// What is due by the clock.
    fn moments(&mut self, link: &mut Link) -> Result<(), Fault> {
        let now = Instant::now();
        if !self.life_asked && self.life_at <= now {
            self.life_asked = true;
            link.spent(1, 0);
            let (channel, within) = (self.channel.clone(), self.spec.timing.timeout);
            self.work.push(Box::pin(async move {
                Done::Alive { sent: now, outcome: services::alive(&channel, within).await }
            }));
        }
        if now.duration_since(self.judged_at) >= JUDGED {
            self.judged_at = now;
            let looking = self.session.trust(self.spec, link.clock().now());
            self.work.push(Box::pin(async move { Done::Judged(looking.await) }));
        }
        let mut index = 0;
        while let Some((at, ..)) = self.delayed.get(index) {
            if *at <= now {
                let (_, writing, kind) = self.delayed.swap_remove(index);
                self.read_back(writing, kind);
            } else {
                index += 1;
            }
        }
        self.follow_pauses(link);
        self.fill_gaps(now, link);
        let Some(index) = self.session.subscriptions.iter().position(|one| !one.off && one.is_dead(now))
        else {
            return Ok(());
        };
        // The first time it is only taken up again, because it keeps what was not told. Silent even then: made anew.
        if self.session.subscriptions.get(index).is_some_and(|one| one.draining) {
            self.session.subscriptions.remove(index);
        }
        Err(Fault::Lost("a subscription fell silent".into()))
    }

    /// A paused device gets no traffic: its subscriptions are switched off until it is resumed.
    fn follow_pauses(&mut self, link: &mut Link) {
        let (mut changed, mut fresh) = (Vec::new(), Vec::new());
        for one in &mut self.session.subscriptions {
            let device = self.spec.groups.get(one.group).map_or(0, |group| group.device);
            let off = !link.is_active(device);
            if one.off != off {
                one.off = off;
                one.heard = Instant::now();
                changed.push((one.id, !off));
                if !off {
                    fresh.push(one.group);
                }
            }
        }
        for (id, on) in changed {
            let channel = self.channel.clone();
            self.work.push(Box::pin(async move {
                Done::Switched { outcome: services::set_publishing(&channel, vec![id], on).await }
            }));
        }
        fresh.into_iter().for_each(|group| self.refresh(group));
    }

    /// Rows whose node the server refuses, and those whose member it does not have.
    fn refused_rows(&self, group: usize) -> Vec<u32> {
        let refused = &self.session.refused;
        let of_nodes = self.spec.groups.get(group).into_iter();
        let of_nodes = of_nodes.flat_map(|g| refused.of(group).flat_map(|(row, _)| g.fed_by(row)));
        of_nodes.chain(refused.unfits(group).map(|(row, _)| row)).collect()
    }

    /// Tells the link and the points what the server refuses in a group.
    pub(super) fn tell_refused(&self, group: usize, link: &mut Link) {
        let Some(device) = self.spec.groups.get(group).map(|group| group.device) else { return };
        let mut total = Vec::new();
        for (index, of_device) in self.spec.groups.iter().enumerate().filter(|(_, g)| g.device == device) {
            let path = |row| Some(link.namespace().meta(link.point(index, row)?)?.path.to_string());
            let mut tell = |row: u32, points: Vec<String>, why: &str| {
                if let Some(item) = of_device.items.get(row as usize) {
                    let (address, reason) = (item.address.to_string(), why.to_owned());
                    total.push(Quarantined { address, points, reason });
                }
            };
            for (row, why) in self.session.refused.of(index) {
                tell(row, of_device.fed_by(row).filter_map(path).collect(), why);
            }
            for (row, why) in self.session.refused.unfits(index) {
                tell(row, path(row).into_iter().collect(), why);
            }
        }
        let rows = self.refused_rows(group);
        let bad = rows
            .iter()
            .map(|row| crate::south::Arrival {
                row: *row,
                value: Value::None,
                status: Status::BAD_CONFIGURATION_ERROR,
                source: None,
            })
            .collect::<Vec<_>>();
        link.quarantine(group, rows, total);
        if !bad.is_empty() {
            link.arrived(group, Origin::LIVE, bad);
        }
    }
}
