//! What a feed knows of its points.

use super::{Current, Feed};
use model::point::Last;
use model::{Declaration, PointId};
use std::sync::Arc;

impl Feed {
    /// All live points of the selection as they are now, in path order.
    pub fn snapshot(&mut self) -> Vec<Current> {
        let tree = self.namespace.points();
        let namespace = self.namespace.clone();
        let ids: Vec<PointId> = tree
            .ids()
            .iter()
            .copied()
            .filter(|id| self.filter.holds(*id, &|id| namespace.meta(id)))
            .collect();
        let mut all = Vec::with_capacity(ids.len());
        namespace.visit(&ids, |index, declaration, last| {
            if let Some(point) = ids.get(index) {
                all.push(Current { point: *point, declaration: declaration.clone(), last: last.clone() });
            }
        });
        all
    }

    /// What is declared of a point now.
    pub fn meta(&self, point: PointId) -> Option<Arc<Declaration>> {
        self.namespace.meta(point)
    }

    /// The newest sample of a point.
    pub fn last(&self, point: PointId) -> Option<Last> {
        self.namespace.last(point)
    }

    /// The point of a path, if it is selected.
    pub fn find(&mut self, path: &str) -> Option<PointId> {
        let namespace = self.namespace.clone();
        namespace.find(path).filter(|id| self.filter.holds(*id, &|id| namespace.meta(id)))
    }
}
