//! Reading: scans of servers without subscriptions, a whole group once, and what was refused once more.

use super::build::Item;
use super::config::Mode;
use super::exchange::{Done, Exchange, Rechecked};
use super::monitor::{self, Room};
use super::notify;
use super::services;
use super::status;
use super::value;
use crate::south::{Arrival, Link};
use model::{Fault, Value};
use opcua::types::{AttributeId, DataValue, DateTime, NodeId, ReadValueId, StatusCode};
use std::time::Duration;
use tokio::time::Instant;

/// How long creating refused items once more may take.
const AGAIN: Duration = Duration::from_secs(10);
/// Reads of one scan under way at once.
const MOST_READS: usize = 4;

/// One scan of a group.
#[derive(Debug, Default)]
pub(super) struct Scan {
    run: u32,
    /// Portions that wait.
    waiting: Vec<Vec<u32>>,
    under_way: usize,
    arrivals: Vec<Arrival>,
}

impl Exchange<'_> {
    /// The rows of a group that the server does not refuse, in portions that it takes.
    pub(super) fn portions(&self, group: usize) -> Vec<Vec<u32>> {
        let nodes = self.session.nodes.get(group).map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<u32> = (0..)
            .zip(nodes)
            .filter(|(row, node)| node.is_some() && self.asks(group, *row))
            .filter(|(row, _)| !self.session.refused.has(group, *row))
            .map(|(row, _)| row)
            .collect();
        rows.chunks(self.session.limits.read.max(1)).map(<[u32]>::to_vec).collect()
    }

    fn asks(&self, group: usize, row: u32) -> bool {
        let item = self.spec.groups.get(group).and_then(|group| group.items.get(row as usize));
        item.is_some_and(Item::asks)
    }

    pub(super) fn questions(&self, group: usize, rows: &[u32]) -> Vec<ReadValueId> {
        let nodes = self.session.nodes.get(group).map(Vec::as_slice).unwrap_or_default();
        let node = |row: &u32| nodes.get(*row as usize).cloned().flatten().unwrap_or_default();
        rows.iter().map(|row| services::attribute(node(row), AttributeId::Value)).collect()
    }

    pub(super) fn start_scan(&mut self, group: usize, link: &mut Link) {
        let waiting = self.portions(group);
        if waiting.is_empty() {
            return link.abandon_scan(group);
        }
        let scan = self.scans.entry(group).or_default();
        *scan = Scan { run: scan.run.wrapping_add(1), waiting, ..Scan::default() };
        self.go_on(group, link);
    }

    fn go_on(&mut self, group: usize, link: &mut Link) {
        loop {
            let Some(scan) = self.scans.get_mut(&group) else { return };
            if scan.under_way >= MOST_READS {
                return;
            }
            let Some(rows) = scan.waiting.pop() else { break };
            scan.under_way += 1;
            let run = scan.run;
            self.ask(group, run, rows, 0, link);
        }
        if let Some(scan) = self.scans.get_mut(&group)
            && scan.under_way == 0
        {
            let arrivals = std::mem::take(&mut scan.arrivals);
            let origin = self.live();
            link.scanned(group, origin, arrivals);
        }
    }

    fn ask(&mut self, group: usize, run: u32, rows: Vec<u32>, attempt: u32, link: &Link) {
        link.spent(1, 0);
        let questions = self.questions(group, &rows);
        let (channel, within, sent) = (self.channel.clone(), self.spec.timing.timeout, Instant::now());
        self.work.push(Box::pin(async move {
            let outcome = services::read(&channel, questions, within).await;
            Done::Read { group, run, rows, attempt, sent, outcome }
        }));
    }

    pub(super) fn conclude_scan(
        &mut self,
        group: usize,
        run: u32,
        (rows, attempt, sent): (Vec<u32>, u32, Instant),
        outcome: Result<Vec<DataValue>, Fault>,
        link: &mut Link,
    ) -> Result<(), Fault> {
        if self.scans.get(&group).is_none_or(|scan| scan.run != run) {
            link.late();
            return Ok(());
        }
        match outcome {
            Ok(answers) => {
                let device = self.spec.groups.get(group).map_or(0, |group| group.device);
                link.answered(device, sent.elapsed());
                self.take_answers(group, &rows, &answers, link);
            }
            Err(Fault::Timeout { .. }) if attempt < self.spec.timing.retries => {
                self.ask(group, run, rows, attempt + 1, link);
                return Ok(());
            }
            Err(Fault::Exception { code, .. }) if monitor::is_too_many(code) && rows.len() > 1 => {
                self.session.limits.read = rows.len().div_ceil(2);
                let (left, right) = rows.split_at(rows.len() / 2);
                if let Some(scan) = self.scans.get_mut(&group) {
                    scan.waiting.extend([left.to_vec(), right.to_vec()]);
                }
            }
            Err(fault @ (Fault::Timeout { .. } | Fault::Exception { .. })) => {
                let status = match fault {
                    Fault::Exception { code, .. } => status::quality(code),
                    _ => link.lost_status(group),
                };
                let lost =
                    rows.iter().map(|row| Arrival { row: *row, value: Value::None, status, source: None });
                if let Some(scan) = self.scans.get_mut(&group) {
                    scan.arrivals.extend(lost);
                }
            }
            Err(fault) => return Err(fault),
        }
        if let Some(scan) = self.scans.get_mut(&group) {
            scan.under_way = scan.under_way.saturating_sub(1);
        }
        self.go_on(group, link);
        Ok(())
    }

    fn take_answers(&mut self, group: usize, rows: &[u32], answers: &[DataValue], link: &mut Link) {
        let (arrivals, refused) = self.judge(group, rows, answers);
        if let Some(scan) = self.scans.get_mut(&group) {
            scan.arrivals.extend(arrivals);
        }
        self.refuse(group, refused, link);
    }

    /// The values that a read gave, and the rows that it says it will never give.
    fn judge(
        &mut self,
        group: usize,
        rows: &[u32],
        answers: &[DataValue],
    ) -> (Vec<Arrival>, Vec<(u32, String)>) {
        let (mut arrivals, mut refused, mut kinds) =
            (Vec::with_capacity(rows.len()), Vec::new(), Vec::with_capacity(rows.len()));
        let Some(of_group) = self.spec.groups.get(group) else { return (arrivals, refused) };
        for (row, data) in rows.iter().zip(answers) {
            match data.status {
                Some(code) if notify::is_refusal(code) => refused.push((*row, status::words(code))),
                _ => notify::spread(of_group, *row, data, &self.session.types, &mut arrivals),
            }
            if let Some(kind) = data.value.as_ref().and_then(value::type_of) {
                kinds.extend(of_group.fed_by(*row).map(|row| (row, kind)));
            }
        }
        arrivals.retain(|arrival| !self.session.refused.is_unfit(group, arrival.row));
        // What was read says nothing of what a subscription told: gaps are between values that it told.
        self.remember(group, &kinds, std::iter::empty());
        (arrivals, refused)
    }

    fn refuse(&mut self, group: usize, refused: Vec<(u32, String)>, link: &mut Link) {
        if refused.is_empty() {
            return;
        }
        for (row, why) in refused {
            self.session.refused.add(group, row, why);
        }
        self.tell_refused(group, link);
    }

    /// Values that were read to know what is true now: their time is that of the server's answer, however old its stamp
    /// of the value is. Ours would be later than changes that the answer does not know yet.
    pub(super) fn publish_fresh(
        &mut self,
        group: usize,
        rows: &[u32],
        answers: &[DataValue],
        stamp: &DateTime,
        link: &mut Link,
    ) {
        let (mut arrivals, _) = self.judge(group, rows, answers);
        let answered = value::time(Some(stamp));
        arrivals.iter_mut().for_each(|arrival| arrival.source = answered);
        link.arrived(group, self.live(), arrivals);
    }

    /// Tries again what the server refuses: its namespaces and nodes may be other ones by now.
    pub(super) fn recheck(&mut self, group: usize) {
        let rows: Vec<u32> = self.session.refused.of(group).map(|(row, _)| row).collect();
        if rows.is_empty() {
            return;
        }
        let (spec, channel) = (self.spec.clone(), self.channel.clone());
        let subscription = self.session.subscriptions.iter().find(|one| one.group == group).map(|one| one.id);
        let mut room = Room { portion: self.session.limits.monitor, queue: u32::MAX };
        self.work.push(Box::pin(async move {
            let outcome = async {
                let namespaces = services::namespaces(&channel, AGAIN).await?;
                let Some(of_group) = spec.groups.get(group) else { return Err(Fault::Stopped) };
                let mut found = Rechecked { nodes: Vec::new(), results: Vec::new() };
                let mut known: Vec<(u32, NodeId)> = Vec::new();
                for (row, item) in
                    rows.iter().filter_map(|row| Some((*row, of_group.items.get(*row as usize)?)))
                {
                    match item.address.resolve(&namespaces) {
                        Ok(node) => {
                            found.nodes.push((row, Some(node.clone())));
                            if item.asks() {
                                known.push((row, node));
                            } else {
                                found.results.push((row, Ok(())));
                            }
                        }
                        Err(why) => {
                            found.nodes.push((row, None));
                            found.results.push((row, Err(why)));
                        }
                    }
                }
                match subscription {
                    Some(id) => {
                        let results =
                            monitor::create(&channel, id, of_group, known, &mut room, AGAIN).await?;
                        found.results.extend(results);
                    }
                    None => {
                        let questions = known
                            .iter()
                            .map(|(_, node)| services::attribute(node.clone(), AttributeId::Value));
                        let answers = services::read(&channel, questions.collect(), AGAIN).await?;
                        found.results.extend(known.iter().zip(answers).map(|((row, _), data)| {
                            let code = data.status.unwrap_or(StatusCode::Good);
                            (*row, if notify::is_refusal(code) { Err(status::words(code)) } else { Ok(()) })
                        }));
                    }
                }
                Ok(found)
            };
            Done::Rechecked { group, outcome: outcome.await }
        }));
    }

    pub(super) fn conclude_recheck(
        &mut self,
        group: usize,
        outcome: Result<Rechecked, Fault>,
        link: &mut Link,
    ) {
        if let Ok(found) = outcome {
            let fed = |row| self.spec.groups.get(group).into_iter().flat_map(move |group| group.fed_by(row));
            let nodes = self.session.nodes.get_mut(group).map(Vec::as_mut_slice).unwrap_or_default();
            for (row, node) in found.nodes {
                for row in fed(row) {
                    if let Some(slot) = nodes.get_mut(row as usize) {
                        slot.clone_from(&node);
                    }
                }
            }
            let mut changed = false;
            for (row, result) in found.results {
                match result {
                    Ok(()) => changed |= self.session.refused.remove(group, row),
                    Err(why) => self.session.refused.add(group, row, why),
                }
            }
            if changed {
                self.tell_refused(group, link);
            }
        }
        if self.spec.mode == Mode::Subscribe || self.session.refused.of(group).next().is_some() {
            link.schedule_recheck(group);
        }
    }
}
