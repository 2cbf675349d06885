//! `[serve.postgres]` and `[serve.flight]` of `ironbridge.toml`: SQL for other tools.

use super::settings::Tls;
use model::Role;
use model::config::Period;
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::SocketAddr;

/// SQL for other tools, whatever is spoken with them.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tables {
    /// address and port (default "127.0.0.1:5432" for PostgreSQL, "127.0.0.1:32010" for Flight); any address but loopback needs `tls`
    pub listen: Option<String>,
    /// further host names under which tools reach it, e.g. ["ironbridge.plant.example"]
    pub names: Vec<String>,
    /// encrypt: "built-in" makes a certificate by Ironbridge's own authority, or give your own files
    pub tls: Option<Tls>,
    /// most connections at once
    #[schemars(range(min = 1, max = 10000))]
    pub connections: usize,
    /// bounds of viewers
    pub viewer: Bounds,
    /// bounds of operators
    pub operator: Bounds,
    /// bounds of engineers and administrators
    pub engineer: Bounds,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            listen: None,
            names: Vec::new(),
            tls: None,
            connections: 100,
            viewer: Bounds::default(),
            operator: Bounds::default(),
            engineer: Bounds::default(),
        }
    }
}

/// Bounds of one role.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// longest run of a query (default "60s")
    pub time: Period,
    /// most rows of an answer (default 10 million); one more is an error
    #[schemars(range(min = 1))]
    pub rows: u64,
    /// most memory of a connection for sorting, grouping and joining, in megabytes (default 256)
    #[schemars(range(min = 1, max = 65536))]
    pub memory_mb: u64,
    /// most connections of one user or token (default 20)
    #[schemars(range(min = 1, max = 10000))]
    pub connections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        let limits = serve::RoleLimits::default();
        Self {
            time: Period(limits.time),
            rows: limits.rows as u64,
            memory_mb: (limits.memory >> 20) as u64,
            connections: limits.connections,
        }
    }
}

impl Tables {
    /// Bounds of a role.
    pub fn limits(&self, role: Role) -> serve::RoleLimits {
        let bounds = match role {
            Role::Viewer => &self.viewer,
            Role::Operator => &self.operator,
            Role::Engineer | Role::Administrator => &self.engineer,
        };
        serve::RoleLimits {
            time: bounds.time.0,
            rows: usize::try_from(bounds.rows).unwrap_or(usize::MAX),
            memory: usize::try_from(bounds.memory_mb << 20).unwrap_or(usize::MAX),
            connections: bounds.connections,
        }
    }

    /// Loopback may be plain; any other address needs TLS. `default` is where it listens if nothing is written.
    ///
    /// # Errors
    /// Message and help.
    pub fn address(&self, default: &str) -> Result<SocketAddr, (String, &'static str)> {
        let listen = self.listen.as_deref().unwrap_or(default);
        let help = "add `tls = \"built-in\"` to this section, or listen on 127.0.0.1";
        super::settings::listen_address(listen, self.tls.is_some(), help)
    }
}
