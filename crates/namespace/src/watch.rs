//! A conflating look at some points, for pages and `tail`: newest wins, nothing is queued.

use crate::Namespace;
use model::{Last, PointId, Position};

/// Remembers which positions its owner has seen.
pub struct Watch {
    namespace: Namespace,
    points: Vec<PointId>,
    seen: Vec<Option<Position>>,
}

impl Watch {
    pub(crate) fn new(namespace: Namespace, points: &[PointId]) -> Self {
        Self { namespace, points: points.to_vec(), seen: vec![None; points.len()] }
    }

    /// What changed since the last call, as (index into the watched points, newest sample). The first call has all.
    pub fn poll(&mut self) -> Vec<(usize, Last)> {
        let mut changed = Vec::new();
        let table = self.namespace.0.table.read();
        for (index, (id, seen)) in self.points.iter().zip(&mut self.seen).enumerate() {
            let Some(slot) = table.get(id.index()) else { continue };
            if *seen != Some(slot.last.position) {
                *seen = Some(slot.last.position);
                changed.push((index, slot.last.clone()));
            }
        }
        changed
    }

    /// Waits for a change. Cancel-safe. Callers pace themselves: under load this returns at once.
    pub async fn changed(&mut self) -> Vec<(usize, Last)> {
        loop {
            let namespace = self.namespace.clone();
            let next = namespace.next_publish();
            let mut next = std::pin::pin!(next);
            let changed = self.poll();
            if !changed.is_empty() {
                return changed;
            }
            next.as_mut().await;
        }
    }
}
