//! How many points below a prefix are bad: one pass over all points a second at most, then a subtraction for each
//! question, so that 100,000 points stay fluid.

use model::{Clock, Status};
use namespace::{Namespace, Tree};
use parking_lot::Mutex;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// How old the counts may be.
const FRESH: Duration = Duration::from_secs(1);
/// Points looked at under one lock of the namespace: writers wait no longer than for these.
const STEP: usize = 4_096;

/// Counts of one moment.
pub(crate) struct Counted {
    /// The tree that the counts belong to.
    pub tree: Arc<Tree>,
    /// Before each row of the tree: bad and uncertain points so far.
    before: Vec<(u32, u32)>,
    at: Duration,
}

/// Points of a range by quality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub total: usize,
    pub good: usize,
    pub uncertain: usize,
    pub bad: usize,
}

impl Counted {
    pub fn of(&self, range: &Range<usize>) -> Counts {
        let at = |row: usize| self.before.get(row).copied().unwrap_or_default();
        let (from, to) = (at(range.start), at(range.end));
        let (bad, uncertain) =
            ((to.0.saturating_sub(from.0)) as usize, (to.1.saturating_sub(from.1)) as usize);
        let total = range.len();
        Counts { total, bad, uncertain, good: total.saturating_sub(bad + uncertain) }
    }
}

/// Keeps the newest counts.
pub(crate) struct QualityIndex {
    clock: Arc<dyn Clock>,
    newest: Mutex<Option<Arc<Counted>>>,
}

impl QualityIndex {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, newest: Mutex::new(None) }
    }

    /// Counts that are at most a second old and fit the present tree.
    pub fn counted(&self, namespace: &Namespace) -> Arc<Counted> {
        let tree = namespace.points();
        let now = self.clock.monotonic();
        // Held while counting: who asks at the same time waits for the same result.
        let mut newest = self.newest.lock();
        if let Some(have) = &*newest
            && Arc::ptr_eq(&have.tree, &tree)
            && now.saturating_sub(have.at) < FRESH
        {
            return have.clone();
        }
        let counted = Arc::new(Counted { before: count(namespace, &tree), tree, at: now });
        *newest = Some(counted.clone());
        counted
    }
}

fn count(namespace: &Namespace, tree: &Tree) -> Vec<(u32, u32)> {
    let mut before = Vec::with_capacity(tree.len() + 1);
    let (mut bad, mut uncertain) = (0, 0);
    before.push((0, 0));
    for step in tree.ids().chunks(STEP) {
        let mut statuses = vec![Status::BAD; step.len()];
        namespace.visit(step, |index, _, last| {
            if let Some(status) = statuses.get_mut(index) {
                *status = last.status;
            }
        });
        for status in statuses {
            bad += u32::from(status.is_bad());
            uncertain += u32::from(status.is_uncertain());
            before.push((bad, uncertain));
        }
    }
    before
}
