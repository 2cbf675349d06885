//! STATE of the primary host (Sparkplug B 3.0, section 6.4.26): `{"online":true,"timestamp":1767225600123}`.

use serde::Deserialize;

#[derive(Deserialize)]
struct Said {
    online: bool,
    timestamp: u64,
}

/// What is known about the primary host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host {
    online: bool,
    timestamp: u64,
}

impl Host {
    /// Whether it is online.
    pub fn is_online(self) -> bool {
        self.online
    }

    /// Takes a STATE message. One that is older than what is known, or no STATE at all, changes nothing. Returns
    /// whether it was understood.
    pub fn take(&mut self, payload: &[u8]) -> bool {
        let Ok(said) = serde_json::from_slice::<Said>(payload) else { return false };
        if said.timestamp >= self.timestamp {
            *self = Self { online: said.online, timestamp: said.timestamp };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_news_is_no_news() {
        let mut host = Host::default();
        for (payload, understood, online) in [
            ("{\"online\":true,\"timestamp\":100}", true, true),
            ("{\"online\":false,\"timestamp\":99}", true, true),
            ("OFFLINE", false, true),
            ("{\"online\":\"no\",\"timestamp\":200}", false, true),
            ("{\"online\":false,\"timestamp\":100}", true, false),
            ("{\"online\":true,\"timestamp\":101,\"more\":1}", true, true),
        ] {
            assert_eq!(host.take(payload.as_bytes()), understood, "{payload}");
            assert_eq!(host.is_online(), online, "{payload}");
        }
    }
}
