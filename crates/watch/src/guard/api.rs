//! What the monitor is told and asked about what is normal.

use super::{Announced, Authorised, Expected, Explained, Mode, Reply, Window};
use crate::baseline::{Baseline, Difference};
use crate::monitor::Monitor;

impl Monitor {
    /// What is judged as time goes on, whether packets come or not: to be called about once a second.
    pub fn tick(&mut self, now_ns: i64) {
        self.core.settle(now_ns);
        self.untaken(now_ns);
    }

    /// Sets what is done with what is new, and which addresses are the exception.
    pub fn set_mode(&mut self, mode: Mode, others: impl IntoIterator<Item = (String, Mode)>) {
        self.core.set_mode(mode, others);
    }

    /// Sets what is normal, as it was learned before.
    pub fn set_baseline(&mut self, baseline: Baseline) {
        self.core.guard.baseline = baseline;
    }

    /// Takes what was seen into the baseline, as far as it is being learned. How much of it was new.
    pub fn learn(&mut self) -> u64 {
        self.core.learn()
    }

    /// What is normal.
    #[must_use]
    pub const fn baseline(&self) -> &Baseline {
        &self.core.guard.baseline
    }

    /// What was seen and is not normal, at most so many.
    #[must_use]
    pub fn differences(&self, most: usize) -> Vec<Difference> {
        self.core.differences(most)
    }

    /// What was seen while guarding, in this run or before, and is not approved: [`Monitor::set_unapproved`] brings it back
    /// after a restart.
    #[must_use]
    pub fn unapproved(&mut self) -> Baseline {
        self.core.learn();
        let mut unapproved = Baseline::default();
        self.core.differences(usize::MAX).iter().for_each(|difference| unapproved.note(difference));
        unapproved
    }

    /// Whether everything that is new was told: nothing waits for a greater finding that explains it.
    #[must_use]
    pub fn has_told(&self) -> bool {
        self.core.guard.pending.is_empty()
    }

    /// Sets what was seen in earlier runs and is not approved: it stays a difference, is not learned by itself, and that it is
    /// there is not found anew.
    pub fn set_unapproved(&mut self, unapproved: Baseline) {
        self.core.guard.set_aside = unapproved;
    }

    /// Forgets what earlier runs saw of an address.
    pub fn forget(&mut self, address: &str) {
        self.core.guard.set_aside.forget(address);
    }

    /// Makes a difference normal, with what it stands on.
    pub fn approve(&mut self, difference: &Difference) {
        self.core.guard.baseline.approve(difference);
    }

    /// Sets what Ironbridge itself sends.
    pub fn expect(&mut self, expected: Expected) {
        self.core.expect(expected);
    }

    /// Takes a command that was authorised, before or shortly after its write is on the wire.
    pub fn authorise(&mut self, command: Authorised) {
        self.core.authorise(command);
    }

    /// Says that all commands that left for their devices before this time were told: what is on the wire since then and not
    /// among them was asked for by nobody, and is found without waiting.
    pub fn authorised_until(&mut self, time_ns: i64) {
        self.core.guard.ledger_ns = self.core.guard.ledger_ns.max(time_ns);
    }

    /// Takes that we ask devices because a person said yes to it; one with a known id is changed. False if there is no room
    /// for one.
    pub fn announce(&mut self, announced: Announced) -> bool {
        let room = self.core.guard.announced.take(announced);
        self.core.guard.explained.no_room += u64::from(!room);
        room
    }

    /// Takes windows of expected work; those with a known id are changed. False if there is no room for one.
    pub fn set_windows(&mut self, windows: impl IntoIterator<Item = Window>) -> bool {
        self.core.guard.windows.set(windows)
    }

    /// Takes an answer as it came out of the socket.
    pub fn reply(&mut self, reply: &Reply) {
        self.core.reply(reply);
    }

    /// How much of our own traffic was explained.
    #[must_use]
    pub const fn explained(&self) -> Explained {
        self.core.guard.explained
    }
}
