//! What the plan will send, and how its points stand on the wire: for the monitor.

use super::driver::S7;
use super::group::{Place, Read};
use super::planner::Span;
use super::types::{Codec, Type};
use crate::south::Driver;
use model::expected::{Coding, ExpectedTraffic, s7_space};
use model::{Access, Declaration, Value};
use std::sync::Arc;
use wire::s7::table::{READ, WRITE};

/// A point in memory. A bit is written as one byte of its own.
#[derive(Debug)]
struct OnWire(Codec);

impl Coding for OnWire {
    fn value(&self, bytes: &[u8]) -> Option<Value> {
        if self.0.kind == Type::Bool {
            return bytes.first().map(|byte| Value::Bool(*byte != 0));
        }
        let (value, status) = self.0.decode(bytes);
        status.is_good().then_some(value)
    }

    fn agrees(&self, asked: &Value, seen: &[u8]) -> bool {
        self.value(seen).is_some_and(|seen| self.0.agrees(asked, &seen))
    }
}

impl S7 {
    /// Every request that the plan may send, and every point with its place.
    pub(super) fn expected(&self, to: &ExpectedTraffic, points: &[Arc<Declaration>]) -> Vec<ExpectedTraffic> {
        let traffic = |function: u8, span: Span| ExpectedTraffic {
            function,
            space: s7_space(span.region.area.code(), span.region.db),
            first: span.first,
            count: span.width.into(),
            ..to.clone()
        };
        let mut expected = Vec::new();
        let layout = self.layout();
        for (book, layout) in self.groups.iter().zip(&layout.groups) {
            for read in &book.reads {
                match &**read {
                    Read::Memory(chunks) => {
                        expected.extend(chunks.iter().map(|chunk| traffic(READ, chunk.span)));
                    }
                    // User data has no function code of its own.
                    Read::List { id, .. } => {
                        expected.push(ExpectedTraffic { first: (*id).into(), count: 1, ..to.clone() });
                    }
                }
            }
            for (row, index) in book.rows.iter().zip(&layout.points) {
                let (Place::Memory(span), Some(point)) = (row.place, points.get(*index)) else { continue };
                let function = if point.access == Access::Read { READ } else { WRITE };
                expected.push(ExpectedTraffic {
                    point: Some(Arc::clone(point)),
                    coding: Some(Arc::new(OnWire(row.codec.clone()))),
                    ..traffic(function, span)
                });
            }
        }
        expected
    }
}
