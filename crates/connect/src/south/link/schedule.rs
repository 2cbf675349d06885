//! What is due when: the timers of scans, probes and re-checks, and the queue of jobs.

use super::{FADE, INBOX, Link, Timer};
use crate::south::job::{Job, Lane, Work};
use std::cmp::Reverse;
use tokio::time::Instant;

impl Link {
    pub(super) fn push(&mut self, lane: Lane, work: Work, deadline: Instant) {
        self.numbered += 1;
        self.ready.push(Job { lane, work, deadline, number: self.numbered });
    }

    pub(super) fn fire(&mut self, now: Instant) {
        while let Some(Reverse((at, timer))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            match timer {
                Timer::Scan { group, generation } => self.fire_scan(group, generation, at, now),
                Timer::Probe { device, generation } => self.fire_probe(device, generation),
                Timer::Recheck { group } => {
                    if let Some(book) = self.groups.get_mut(group) {
                        book.recheck_pending = false;
                        self.push(Lane::Browse, Work::Recheck { group }, now);
                    }
                }
            }
        }
        // The session is open, but nobody has answered yet.
        if self.mark_at.is_some_and(|at| at <= now) {
            self.mark_lost();
        }
        if now >= self.fade_at {
            self.fade_at = now + FADE;
            self.shared.response.fade();
        }
    }

    pub(super) fn fire_scan(&mut self, group: usize, generation: u32, at: Instant, now: Instant) {
        let Some(book) = self.groups.get_mut(group) else { return };
        if book.generation != generation {
            return;
        }
        let mut next = self.wheel.at_or_after(at + book.period / 2, book.period, book.phase);
        let mut missed = u64::from(book.busy);
        while next <= now {
            next += book.period;
            missed += 1;
        }
        if missed > 0 {
            self.shared.overrun(book.class, missed);
        }
        self.timers.push(Reverse((next, Timer::Scan { group, generation })));
        if !book.busy {
            book.busy = true;
            book.due = at;
            let deadline = at + book.period;
            self.push(Lane::Scan, Work::Scan { group, fresh: true }, deadline);
        }
    }

    pub(super) fn fire_probe(&mut self, device: usize, generation: u32) {
        let now = Instant::now();
        let Some(book) = self.devices.get(device) else { return };
        if book.generation == generation && book.demoted && !book.paused {
            let attempt = book.backoff.failures();
            self.push(Lane::Browse, Work::Probe { device, attempt }, now);
        }
    }

    pub(super) fn wanted(&self, work: &Work) -> bool {
        match work {
            Work::Scan { group, .. } | Work::Recheck { group } => {
                self.groups.get(*group).is_some_and(|book| self.is_active(book.device))
            }
            Work::Probe { device, .. } => {
                self.devices.get(*device).is_some_and(|book| book.demoted && !book.paused)
            }
            Work::Write(_) | Work::Readback { .. } => true,
        }
    }

    pub(super) fn discard(&mut self, job: Job) {
        match job.work {
            Work::Scan { group, .. } => self.abandon_scan(group),
            Work::Recheck { group } => self.schedule_recheck(group),
            _ => {}
        }
    }

    /// Puts the next re-check of a group on the wheel, if something is in quarantine.
    pub fn schedule_recheck(&mut self, group: usize) {
        let at = Instant::now() + self.recheck;
        if let Some(book) = self.groups.get_mut(group)
            && !book.quarantined.is_empty()
            && !book.recheck_pending
        {
            book.recheck_pending = true;
            self.timers.push(Reverse((at, Timer::Recheck { group })));
        }
    }

    pub(super) fn collect_orders(&mut self, now: Instant) {
        if let Some(orders) = &mut self.orders {
            while self.inbox.len() < INBOX {
                let Some(order) = orders.try_next() else { break };
                self.inbox.push_back(order);
            }
        }
        while let Some(order) = self.inbox.pop_front() {
            self.push(Lane::Write, Work::Write(Box::new(order)), now);
        }
    }

    /// Starts or restarts the scans of a device: at once, then on the wheel.
    pub(super) fn activate(&mut self, device: usize) {
        let now = Instant::now();
        for (index, book) in self.groups.iter_mut().enumerate().filter(|(_, book)| book.device == device) {
            book.generation += 1;
            book.busy = false;
            if !book.period.is_zero() {
                self.timers.push(Reverse((now, Timer::Scan { group: index, generation: book.generation })));
            }
        }
    }

    pub(super) fn deactivate(&mut self, device: usize) {
        let groups = &self.groups;
        self.ready.retain(|job| match job.work {
            Work::Scan { group, .. } => groups.get(group).is_none_or(|book| book.device != device),
            _ => true,
        });
        for book in self.groups.iter_mut().filter(|book| book.device == device) {
            book.generation += 1;
            book.busy = false;
        }
    }
}
