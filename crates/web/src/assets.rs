//! The assets, found by path.

use crate::plant::Asset;
use crate::state::Web;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// The assets of one configuration.
pub(crate) struct Assets {
    pub all: Arc<[Asset]>,
    by_path: HashMap<String, usize>,
}

impl Assets {
    fn new(all: Arc<[Asset]>) -> Self {
        let by_path = all.iter().enumerate().map(|(index, asset)| (asset.path.folded(), index)).collect();
        Self { all, by_path }
    }

    /// The asset that stands exactly here.
    pub fn at(&self, path: &str) -> Option<&Asset> {
        self.all.get(*self.by_path.get(&path.to_ascii_lowercase())?)
    }

    /// The asset that a point belongs to: the nearest above it.
    pub fn above(&self, path: &str) -> Option<&Asset> {
        let mut at = path;
        while let Some((parent, _)) = at.rsplit_once('/') {
            if let Some(asset) = self.at(parent) {
                return Some(asset);
            }
            at = parent;
        }
        None
    }
}

/// Keeps the index of the present configuration.
#[derive(Default)]
pub(crate) struct AssetCache(Mutex<Option<Arc<Assets>>>);

impl Web {
    /// The assets of the present configuration.
    pub fn assets(&self) -> Arc<Assets> {
        let all = self.plant.assets();
        let mut kept = self.asset_cache.0.lock();
        match &*kept {
            Some(have) if Arc::ptr_eq(&have.all, &all) => have.clone(),
            _ => {
                let made = Arc::new(Assets::new(all));
                *kept = Some(made.clone());
                made
            }
        }
    }
}
