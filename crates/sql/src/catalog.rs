//! What SQL asks of the rest of Ironbridge.

use model::{Declaration, Path, PointId, Position, Status, Time, Value};
use std::sync::Arc;
use store::Store;

/// The newest sample of a point, for table `latest`.
#[derive(Clone, Debug)]
pub struct LatestRow {
    /// The point.
    pub path: Path,
    /// Time of the newest sample.
    pub time: Time,
    /// When received.
    pub received: Time,
    /// Its position.
    pub seq: Position,
    /// Its value (kept when the quality turned bad).
    pub value: Value,
    /// Its quality.
    pub status: Status,
    /// The last value that was not Bad, and when it was.
    pub good: Option<(Value, Time)>,
}

/// An asset, for table `assets`.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct AssetRow {
    pub path: String,
    pub type_name: String,
    pub name: String,
    pub level: String,
    pub zone: String,
    pub owner_ot: String,
    pub owner_it: String,
}

/// Iceberg tables that can be asked, by the name of the destination that fills them.
pub type Lakes = Vec<(String, lake::Opener)>;

/// Live metadata and values.
pub trait Catalog: Send + Sync + 'static {
    /// All points declared.
    fn points(&self) -> Vec<(PointId, Arc<Declaration>)>;
    /// Newest samples.
    fn latest(&self) -> Vec<LatestRow>;
    /// Assets.
    fn assets(&self) -> Vec<AssetRow>;
    /// Iceberg tables, for schema `lake`.
    fn lakes(&self) -> Lakes {
        Lakes::new()
    }
    /// Present time, for ages.
    fn now(&self) -> Time;
}

/// From the store alone, for `query --offline`.
pub struct StoreCatalog {
    store: Store,
    now: Time,
}

impl StoreCatalog {
    /// Ages count from `now`.
    pub const fn new(store: Store, now: Time) -> Self {
        Self { store, now }
    }
}

impl Catalog for StoreCatalog {
    fn points(&self) -> Vec<(PointId, Arc<Declaration>)> {
        self.store.points().into_iter().map(|e| (e.point, e.declaration)).collect()
    }

    fn latest(&self) -> Vec<LatestRow> {
        let mut rows = Vec::new();
        for point in self.store.points() {
            let newest = |good| {
                self.store.latest(point.point, good).unwrap_or_else(|e| {
                    tracing::warn!(error = %e, "the newest value cannot be read");
                    None
                })
            };
            if let Some(last) = newest(false) {
                rows.push(LatestRow {
                    path: point.declaration.path.clone(),
                    time: last.time,
                    received: last.received,
                    seq: last.seq,
                    value: last.value,
                    status: last.status,
                    good: newest(true).map(|g| (g.value, g.time)),
                });
            }
        }
        rows
    }

    fn assets(&self) -> Vec<AssetRow> {
        Vec::new()
    }

    fn now(&self) -> Time {
        self.now
    }
}
