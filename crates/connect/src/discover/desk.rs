//! Keeps the scans: one at a time, the last few to look at.

use super::{Ask, Plan, Probe, Scan, neighbours, plan};
use crate::south::tags::Wrong;
use model::{Clock, Time};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Scans that are kept to look at.
const KEPT: usize = 8;

/// Why a scan does not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Busy {
    /// One runs already.
    Running,
    /// What was agreed is not what would happen now.
    Changed {
        /// The most packets of the plan as it is now.
        packets_most: u64,
    },
    /// Nobody would be asked.
    Nobody,
}

/// Plans and keeps scans.
pub struct Desk {
    probes: &'static [&'static Probe],
    clock: Arc<dyn Clock>,
    scans: Mutex<VecDeque<Arc<Scan>>>,
}

impl Desk {
    /// A desk for these probes.
    pub fn new(probes: &'static [&'static Probe], clock: Arc<dyn Clock>) -> Self {
        Self { probes, clock, scans: Mutex::default() }
    }

    /// The probes.
    pub const fn probes(&self) -> &'static [&'static Probe] {
        self.probes
    }

    /// What an ask would do; `known` are hosts that connections talk to, with the connection's name.
    ///
    /// # Errors
    /// [`Wrong`] with advice.
    pub async fn plan(&self, ask: &Ask, known: &[(String, String)]) -> Result<Plan, Wrong> {
        plan(ask, self.probes, known, &neighbours()).await
    }

    /// Takes a plan that a person has agreed to, if it is still the same: `packets_most` is the number they saw.
    ///
    /// The caller runs the scan with [`Desk::run`].
    ///
    /// # Errors
    /// [`Busy`].
    pub fn begin(&self, plan: Plan, packets_most: u64, who: &str) -> Result<Arc<Scan>, Busy> {
        if plan.addresses.is_empty() && plan.ask.interface.is_none() {
            return Err(Busy::Nobody);
        }
        if plan.packets_most() != packets_most {
            return Err(Busy::Changed { packets_most: plan.packets_most() });
        }
        let mut scans = self.scans.lock();
        if scans.front().is_some_and(|scan| scan.is_running()) {
            return Err(Busy::Running);
        }
        let started = self.clock.now();
        let scan = Arc::new(Scan::new(id(started), who.to_owned(), plan, started));
        scans.push_front(scan.clone());
        scans.truncate(KEPT);
        Ok(scan)
    }

    /// Forgets a scan that was taken but must not begin.
    pub fn cancel(&self, scan: &Arc<Scan>) {
        self.scans.lock().retain(|known| !Arc::ptr_eq(known, scan));
    }

    /// Runs a scan to its end.
    pub async fn run(&self, scan: &Arc<Scan>) {
        scan.run(&*self.clock).await;
    }

    /// The scans, newest first.
    pub fn scans(&self) -> Vec<Arc<Scan>> {
        self.scans.lock().iter().cloned().collect()
    }

    /// One scan.
    pub fn scan(&self, id: &str) -> Option<Arc<Scan>> {
        self.scans.lock().iter().find(|scan| scan.id == id).cloned()
    }
}

fn id(started: Time) -> String {
    format!("d{:x}", started.millis())
}
