//! Where a connection goes.

use crate::{SerialSettings, TlsClient};
use std::fmt;

/// One place that can be dialled.
#[derive(Clone, Debug)]
pub enum Target {
    /// Plain TCP.
    Tcp {
        /// Name or address; IPv6 without brackets.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// TCP with TLS on top.
    Tls {
        /// Name or address; also the name the certificate must carry, unless `config` overrides it.
        host: String,
        /// TCP port.
        port: u16,
        /// Whom to trust and how to show oneself.
        config: TlsClient,
    },
    /// A serial line of this machine.
    Serial {
        /// Device file, e.g. `/dev/ttyUSB0` or `/dev/serial/by-id/...`.
        path: String,
        /// Speed and framing.
        settings: SerialSettings,
    },
}

impl Target {
    /// The exclusive thing this target uses, if it has one: a serial line can be opened only once.
    pub fn exclusive(&self) -> Option<&str> {
        match self {
            Self::Serial { path, .. } => Some(path),
            Self::Tcp { .. } | Self::Tls { .. } => None,
        }
    }

    /// Whether what is said on the way can be read or changed by others on the network.
    pub const fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls { .. })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => write_host(f, host, *port),
            Self::Serial { path, settings } => write!(f, "{path} ({settings})"),
        }
    }
}

fn write_host(f: &mut fmt::Formatter<'_>, host: &str, port: u16) -> fmt::Result {
    if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_as_people_write_it() {
        let v4 = Target::Tcp { host: "10.20.1.11".into(), port: 502 };
        let v6 = Target::Tcp { host: "fd00::1".into(), port: 502 };
        let line = Target::Serial { path: "/dev/ttyS0".into(), settings: SerialSettings::default() };
        assert_eq!(v4.to_string(), "10.20.1.11:502");
        assert_eq!(v6.to_string(), "[fd00::1]:502");
        assert_eq!(line.to_string(), "/dev/ttyS0 (19200 8E1)");
        assert_eq!(line.exclusive(), Some("/dev/ttyS0"));
        assert_eq!(v4.exclusive(), None);
    }
}
