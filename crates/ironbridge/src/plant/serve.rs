//! `[serve]` of `ironbridge.toml`: interfaces that others connect to.

use super::tables::Tables;
use schemars::JsonSchema;
use serde::Deserialize;
use serve::opcua::Policy;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Interfaces that others connect to; each is off unless it is written down.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Serve {
    /// the plant as an OPC UA server, for SCADA systems, MES and other clients
    pub opcua: Option<OpcUa>,
    /// SQL for psql, Grafana, pandas, JDBC and ODBC
    pub postgres: Option<Tables>,
    /// the same tables in columns (Arrow Flight SQL), for pandas, Polars, DuckDB and Spark
    pub flight: Option<Tables>,
    /// most memory of all SQL queries together, the page's too, in megabytes (default 1024)
    #[schemars(range(min = 16, max = 1_048_576))]
    pub sql_memory_mb: u64,
}

impl Default for Serve {
    fn default() -> Self {
        Self { opcua: None, postgres: None, flight: None, sql_memory_mb: (sql::MEMORY >> 20) as u64 }
    }
}

impl Serve {
    /// The ways to SQL: name of the section, where it listens if nothing is written, and its settings if it is on.
    pub const fn tables(&self) -> [(&'static str, &'static str, Option<&Tables>); 2] {
        [
            ("postgres", "127.0.0.1:5432", self.postgres.as_ref()),
            ("flight", "127.0.0.1:32010", self.flight.as_ref()),
        ]
    }
}

/// An OPC UA server.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OpcUa {
    /// address and port, e.g. "127.0.0.1:4840" or "0.0.0.0:4840"
    pub listen: String,
    /// the host name under which clients reach it, e.g. "ironbridge.plant.example"; without one, the address or this machine's name
    pub name: Option<String>,
    /// what it offers, each signed and encrypted; "none" is in the clear, for this machine alone
    pub security: Vec<Security>,
    /// users who sign in with a certificate of their own: name and thumbprint (SHA-1), e.g. { anna = "3f5a 09c1 ..." }
    pub people: BTreeMap<String, String>,
    /// most sessions at once
    #[schemars(range(min = 1, max = 1000))]
    pub sessions: usize,
    /// most monitored items of one subscription
    #[schemars(range(min = 1, max = 1_000_000))]
    pub items: usize,
}

/// A security policy that holds today (OPC 10000-7, 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Security {
    /// RSA-PSS, AES-256
    #[serde(rename = "Aes256_Sha256_RsaPss")]
    Aes256Sha256RsaPss,
    /// RSA-OAEP, AES-128
    #[serde(rename = "Aes128_Sha256_RsaOaep")]
    Aes128Sha256RsaOaep,
    /// RSA-OAEP, AES-256
    #[serde(rename = "Basic256Sha256")]
    Basic256Sha256,
    /// in the clear
    #[serde(rename = "none")]
    None,
}

impl From<Security> for Policy {
    fn from(security: Security) -> Self {
        match security {
            Security::Aes256Sha256RsaPss => Self::Aes256Sha256RsaPss,
            Security::Aes128Sha256RsaOaep => Self::Aes128Sha256RsaOaep,
            Security::Basic256Sha256 => Self::Basic256Sha256,
            Security::None => Self::None,
        }
    }
}

impl Default for OpcUa {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:4840".into(),
            name: None,
            security: vec![
                Security::Aes256Sha256RsaPss,
                Security::Aes128Sha256RsaOaep,
                Security::Basic256Sha256,
            ],
            people: BTreeMap::new(),
            sessions: 50,
            items: 20_000,
        }
    }
}

impl OpcUa {
    /// Encrypted anywhere; in the clear on loopback alone.
    ///
    /// # Errors
    /// Which key is wrong, message and help.
    pub fn address(&self) -> Result<SocketAddr, (&'static str, String, &'static str)> {
        let address: SocketAddr = self.listen.parse().map_err(|_| {
            let message = format!("`{}` is no address with a port", self.listen);
            ("listen", message, "write it like \"127.0.0.1:4840\" or \"[::1]:4840\"")
        })?;
        if self.security.is_empty() {
            let help = "leave `security` out, and the three that hold today are offered";
            return Err(("security", "nothing is offered".into(), help));
        }
        if self.security.contains(&Security::None) && !address.ip().is_loopback() {
            let message = format!("{} leaves this machine and must be encrypted", self.listen);
            return Err(("security", message, "leave \"none\" out, or listen on 127.0.0.1"));
        }
        if let Some((name, text)) = self.people.iter().find(|(_, text)| plain(text).is_none()) {
            let message = format!("`{text}` of {name} is no thumbprint");
            return Err((
                "people",
                message,
                "write the 40 digits of the certificate's SHA-1, blanks and colons as you like",
            ));
        }
        Ok(address)
    }

    /// Users by the thumbprints of their certificates.
    pub fn by_thumbprint(&self) -> BTreeMap<String, String> {
        self.people.iter().filter_map(|(name, text)| Some((plain(text)?, name.clone()))).collect()
    }
}

/// A thumbprint as digits in lower case; nothing if it is none.
fn plain(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | ':')).collect();
    let sound = digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    sound.then(|| digits.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_clear_on_this_machine_alone() {
        let clear = OpcUa { security: vec![Security::None], ..OpcUa::default() };
        assert!(clear.address().is_ok());
        let open = OpcUa { listen: "0.0.0.0:4840".into(), ..clear };
        assert_eq!(open.address().unwrap_err().0, "security");
        let open = OpcUa { listen: "0.0.0.0:4840".into(), ..OpcUa::default() };
        assert!(open.address().is_ok());
        let nowhere = OpcUa { listen: "here".into(), ..OpcUa::default() };
        assert_eq!(nowhere.address().unwrap_err().0, "listen");
    }

    #[test]
    fn thumbprints_are_written_as_people_write_them() {
        let of = |text: &str| OpcUa {
            people: BTreeMap::from([("anna".to_owned(), text.to_owned())]),
            ..OpcUa::default()
        };
        let grouped = of("3F5A 09C1 0000 0000 0000 0000 0000 0000 0000 0001");
        let expected = "3f5a09c100000000000000000000000000000001".to_owned();
        assert_eq!(grouped.by_thumbprint(), BTreeMap::from([(expected, "anna".to_owned())]));
        assert!(grouped.address().is_ok());
        for wrong in ["3f5a", "zf5a09c100000000000000000000000000000001", ""] {
            assert_eq!(of(wrong).address().unwrap_err().0, "people", "{wrong}");
        }
    }
}
