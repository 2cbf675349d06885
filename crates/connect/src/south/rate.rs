//! How much one sender may say, where what comes cannot be asked to wait.

use tokio::time::Instant;

/// Seconds' worth of messages that may come at once.
const BURST: f64 = 5.0;

/// A bucket of permissions.
#[derive(Debug)]
pub(in crate::south) struct Rate {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Rate {
    /// So many a second, five seconds' worth at once; full after its first second.
    pub(in crate::south) fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, left: per_second, at: Instant::now() }
    }

    /// Takes one permission, if there is one.
    pub(in crate::south) fn has_room(&mut self) -> bool {
        let now = Instant::now();
        let grown = (now - self.at).as_secs_f64() * self.per_second;
        self.left = (self.left + grown).min(self.per_second * BURST);
        self.at = now;
        let has = self.left >= 1.0;
        self.left -= f64::from(u8::from(has));
        has
    }
}
