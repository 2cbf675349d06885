//! Which database, and who we are to it.

use crate::kind::{Context, Security};
use crate::reach::{self, Address, Scheme, SignIn, TlsKeys};
use model::Fault;
use model::config::{Diagnostic, Document, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;
use transport::TlsClient;

const SCHEMES: &[Scheme] = &[
    Scheme { name: "postgres", port: 5432, tls: false },
    Scheme { name: "postgresql", port: 5432, tls: false },
];

/// How long the database may take to let us in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How a database is reached.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct DatabaseKeys {
    /// the database: "postgres://user@host:5432/database"
    url: String,
    /// the user's password: { secret = "NAME" }, given with `ironbridge secret set NAME`
    #[serde(default)]
    password: Option<SecretRef>,
    /// "verify-full": TLS, and the certificate must be the server's; "disable": in the clear, the default only for
    /// databases on this machine
    #[serde(default)]
    sslmode: Option<SslMode>,
    /// certificates; the machine's own authorities are trusted if left out
    #[serde(default)]
    tls: TlsKeys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum SslMode {
    VerifyFull,
    Disable,
}

/// A database, ready to be dialled.
#[derive(Clone)]
pub struct Database {
    pub(super) address: Address,
    pub(super) name: String,
    pub(super) tls: Option<TlsClient>,
    pub(super) timeout: Duration,
    sign_in: SignIn,
    client_certificate: bool,
}

impl Database {
    /// Reads the keys; mistakes are added to `mistakes`.
    pub fn read(
        keys: &DatabaseKeys,
        document: &Document,
        context: &Context,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let address = Address::parse(&keys.url, SCHEMES).and_then(|address| {
            let database = address.path.strip_prefix('/').unwrap_or_default();
            match (address.user.is_empty(), database.is_empty() || database.contains('/')) {
                (true, _) => Err("names no user".into()),
                (_, true) => Err("names no database".into()),
                _ => Ok(address),
            }
        });
        let address = address
            .map_err(|why| {
                let help = "write \"postgres://user@host:5432/database\"";
                mistakes.push(document.mistake(&["url"], format!("`url` {why}"), help));
            })
            .ok();
        let near = address.as_ref().is_some_and(Address::is_loopback);
        let mode = keys.sslmode.unwrap_or(if near { SslMode::Disable } else { SslMode::VerifyFull });
        let secure = mode == SslMode::VerifyFull;
        let tls = if keys.tls.any() && !secure {
            let help = "write `sslmode = \"verify-full\"`, or leave `tls` out";
            mistakes.push(document.mistake(
                &["tls"],
                "`tls` is given but the connection is in the clear",
                help,
            ));
            None
        } else {
            reach::tls(&keys.tls, secure, "", document, context, mistakes)
        };
        let address = address?;
        Some(Self {
            name: address.path.trim_start_matches('/').into(),
            sign_in: SignIn::new(Some(address.user.clone()), keys.password.as_ref(), context),
            client_certificate: keys.tls.certificate.is_some(),
            timeout: CONNECT_TIMEOUT,
            address,
            tls,
        })
    }

    pub(super) fn credentials(&self) -> Result<(String, String), Fault> {
        Ok(self.sign_in.credentials()?.unwrap_or_default())
    }

    /// How the traffic is protected.
    pub fn security(&self) -> Security {
        reach::security(self.tls.is_some(), "PostgreSQL", reach::who(true, self.client_certificate))
    }

    /// Where it is, for people.
    pub fn endpoint(&self) -> String {
        format!("postgres://{}/{}", self.address.place(), self.name)
    }
}
