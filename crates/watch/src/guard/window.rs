//! Windows of expected work: who, on which assets, until when.

use crate::hosts::Host;

/// Most windows.
const MAX: usize = 256;

/// Somebody works on devices for a time, and it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its name, e.g. `W-7`.
    pub id: String,
    /// Addresses of the devices that are worked on: IP, hardware for those that speak none.
    pub assets: Vec<String>,
    /// Begin, nanoseconds since 1970 UTC.
    pub from_ns: i64,
    /// End.
    pub until_ns: i64,
}

/// The windows. A number names one for as long as the monitor runs, also when it is over.
#[derive(Debug, Default)]
pub struct Windows(Vec<Window>);

impl Windows {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes windows; those with a known id are changed. False if there was no room for one.
    pub fn set(&mut self, windows: impl IntoIterator<Item = Window>) -> bool {
        let mut room = true;
        for window in windows {
            let count = self.0.len();
            match self.0.iter_mut().find(|known| known.id == window.id) {
                Some(known) => *known = window,
                None if count < MAX => self.0.push(window),
                None => room = false,
            }
        }
        room
    }

    /// The number of the window that is open for a host, 0 for none.
    pub fn open(&self, host: &Host, time_ns: i64) -> u32 {
        let open = |window: &Window| (window.from_ns..window.until_ns).contains(&time_ns);
        if !self.0.iter().any(open) {
            return 0;
        }
        let name = host.endpoint.to_string();
        let at = self.0.iter().position(|window| open(window) && window.assets.contains(&name));
        at.and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(0)
    }

    /// The id of a window.
    pub fn id(&self, number: u32) -> Option<&str> {
        self.0.get((number as usize).checked_sub(1)?).map(|window| window.id.as_str())
    }
}
