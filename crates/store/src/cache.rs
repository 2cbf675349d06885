//! What was decoded lately: indexes, stamps, runs, rollups; each kind under a bound in bytes.

use crate::rollup::Bucket;
use crate::run::{Run, Stamps};
use crate::segment::read::Segment;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Least recently used goes first. Evicts in bulk: a quarter at a time.
pub(crate) struct Lru<K, V> {
    all: HashMap<K, (V, usize, u64)>,
    bytes: usize,
    most: usize,
    tick: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Lru<K, V> {
    pub fn new(most: usize) -> Self {
        Self { all: HashMap::new(), bytes: 0, most, tick: 0 }
    }

    pub fn get(&mut self, key: &K) -> Option<V> {
        self.tick += 1;
        let tick = self.tick;
        self.all.get_mut(key).map(|slot| {
            slot.2 = tick;
            slot.0.clone()
        })
    }

    pub fn put(&mut self, key: K, value: V, bytes: usize) {
        if bytes > self.most / 2 {
            return;
        }
        self.tick += 1;
        if let Some(old) = self.all.insert(key, (value, bytes, self.tick)) {
            self.bytes -= old.1;
        }
        self.bytes += bytes;
        if self.bytes > self.most {
            self.evict();
        }
    }

    fn evict(&mut self) {
        let mut by_age: Vec<(u64, K)> = self.all.iter().map(|(k, v)| (v.2, k.clone())).collect();
        by_age.sort_by_key(|a| a.0);
        for (_, key) in by_age {
            if self.bytes <= self.most / 4 * 3 {
                break;
            }
            if let Some(old) = self.all.remove(&key) {
                self.bytes -= old.1;
            }
        }
    }

    pub fn remove_if(&mut self, gone: impl Fn(&K) -> bool) {
        self.all.retain(|k, v| {
            let keep = !gone(k);
            if !keep {
                self.bytes -= v.1;
            }
            keep
        });
    }

    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// (segment, row group, run).
pub(crate) type Place = (u64, u32, u32);

/// All caches.
pub(crate) struct Cache {
    pub segments: Lru<u64, Arc<Segment>>,
    pub stamps: Lru<Place, Arc<Stamps>>,
    pub runs: Lru<Place, Arc<Run>>,
    /// (segment, point).
    pub rollups: Lru<(u64, u32), Arc<Vec<Bucket>>>,
    pub rollup_files: Lru<u64, Arc<crate::rollup::RollupFile>>,
}

impl Cache {
    /// `bytes` for all together.
    pub fn new(bytes: usize) -> Self {
        Self {
            segments: Lru::new(bytes / 4),
            stamps: Lru::new(bytes / 8),
            runs: Lru::new(bytes / 8 * 3),
            rollups: Lru::new(bytes / 8),
            rollup_files: Lru::new(bytes / 8),
        }
    }

    pub fn forget(&mut self, segment: u64) {
        self.segments.remove_if(|k| *k == segment);
        self.stamps.remove_if(|k| k.0 == segment);
        self.runs.remove_if(|k| k.0 == segment);
        self.rollups.remove_if(|k| k.0 == segment);
        self.rollup_files.remove_if(|k| *k == segment);
    }

    pub const fn bytes(&self) -> usize {
        self.segments.bytes()
            + self.stamps.bytes()
            + self.runs.bytes()
            + self.rollups.bytes()
            + self.rollup_files.bytes()
    }
}
