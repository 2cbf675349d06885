//! How many live streams are open, in all and for each session.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Default)]
struct Open {
    all: usize,
    of: HashMap<Arc<str>, usize>,
}

/// Counts them.
pub(crate) struct Streams {
    open: Arc<Mutex<Open>>,
    most: usize,
    most_of_one: usize,
}

/// One open stream; dropping it gives its place back.
pub(crate) struct Place {
    open: Arc<Mutex<Open>>,
    key: Arc<str>,
}

impl Streams {
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self { open: Arc::default(), most, most_of_one }
    }

    /// A place, or the limit that stands in the way.
    pub fn enter(&self, key: &Arc<str>) -> Result<Place, usize> {
        let mut open = self.open.lock();
        let own = open.of.get(key).copied().unwrap_or(0);
        if own >= self.most_of_one {
            return Err(self.most_of_one);
        }
        if open.all >= self.most {
            return Err(self.most);
        }
        open.all += 1;
        open.of.insert(key.clone(), own + 1);
        Ok(Place { open: self.open.clone(), key: key.clone() })
    }

    /// Open now.
    pub fn len(&self) -> usize {
        self.open.lock().all
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        open.all = open.all.saturating_sub(1);
        match open.of.get_mut(&self.key) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                open.of.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limited_in_all_and_for_each() {
        let streams = Streams::new(3, 2);
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let first = (streams.enter(&a).ok(), streams.enter(&a).ok());
        assert_eq!(streams.enter(&a).err(), Some(2));
        let other = streams.enter(&b).ok();
        assert_eq!(streams.enter(&b).err(), Some(3));
        drop((first, other));
        assert_eq!(streams.len(), 0);
        assert!(streams.open.lock().of.is_empty());
    }
}
