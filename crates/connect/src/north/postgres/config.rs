//! The keys of `kind = "postgres"`.

use super::Postgres;
use crate::kind::{Built, Context, Security};
use crate::north::{Sink, settings};
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

#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
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
    /// schema of the tables; created if the user may
    #[serde(default = "schema_name")]
    schema: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum SslMode {
    VerifyFull,
    Disable,
}

fn schema_name() -> String {
    "ironbridge".into()
}

pub(super) fn schema() -> serde_json::Value {
    settings::schema::<Keys>()
}

/// A database, ready to be dialled.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) address: Address,
    pub(super) database: String,
    pub(super) schema: String,
    /// `SITE:NAME`, our row in the table of deliveries.
    pub(super) gateway: String,
    /// `enterprise/site`.
    pub(super) site: String,
    pub(super) tls: Option<TlsClient>,
    pub(super) timeout: Duration,
    sign_in: SignIn,
    client_certificate: bool,
}

impl Server {
    pub(super) fn credentials(&self) -> Result<(String, String), Fault> {
        Ok(self.sign_in.credentials()?.unwrap_or_default())
    }

    pub(super) fn security(&self) -> Security {
        reach::security(self.tls.is_some(), "PostgreSQL", reach::who(true, self.client_certificate))
    }

    fn endpoint(&self) -> String {
        format!("postgres://{}/{}", self.address.place(), self.database)
    }
}

pub(super) fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
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
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if keys.schema.is_empty() || keys.schema.len() > 63 || !keys.schema.chars().all(plain) {
        let help = "write lower-case letters, digits and `_`, e.g. \"ironbridge\"";
        mistakes.push(document.mistake(&["schema"], "`schema` is no name for a schema", help));
    }
    let near = address.as_ref().is_some_and(Address::is_loopback);
    let mode = keys.sslmode.unwrap_or(if near { SslMode::Disable } else { SslMode::VerifyFull });
    let secure = mode == SslMode::VerifyFull;
    let tls = if keys.tls.any() && !secure {
        let help = "write `sslmode = \"verify-full\"`, or leave `tls` out";
        mistakes.push(document.mistake(&["tls"], "`tls` is given but the connection is in the clear", help));
        None
    } else {
        reach::tls(&keys.tls, secure, "", document, context, &mut mistakes)
    };
    let (Some(address), true) = (address, mistakes.is_empty()) else { return Err(mistakes) };
    let server = Server {
        database: address.path.trim_start_matches('/').into(),
        schema: keys.schema,
        gateway: format!("{}:{}", context.site, context.name),
        site: context.site.to_string(),
        sign_in: SignIn::new(Some(address.user.clone()), keys.password.as_ref(), context),
        client_certificate: keys.tls.certificate.is_some(),
        timeout: CONNECT_TIMEOUT,
        address,
        tls,
    };
    let (endpoint, security) = (server.endpoint(), server.security());
    let sink = Postgres { server, delivered: model::Position::START };
    Ok(Built::destination(sink, endpoint, security))
}
