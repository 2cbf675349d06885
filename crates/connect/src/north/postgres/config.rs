//! The keys of `kind = "postgres"`.

use super::Postgres;
use crate::kind::{Built, Context};
use crate::north::{Sink, settings};
use crate::postgres::{Database, DatabaseKeys};
use model::config::{Diagnostic, Document};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    /// the database and how it is reached
    #[serde(flatten)]
    database: DatabaseKeys,
    /// schema of the tables; created if the user may
    #[serde(default = "schema_name")]
    schema: String,
}

fn schema_name() -> String {
    "ironbridge".into()
}

pub(super) fn schema() -> serde_json::Value {
    settings::schema::<Keys>()
}

/// A database with our tables.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) database: Database,
    pub(super) schema: String,
    /// `SITE:NAME`, our row in the table of deliveries.
    pub(super) gateway: String,
    /// `enterprise/site`.
    pub(super) site: String,
}

pub(super) fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let database = Database::read(&keys.database, document, context, &mut mistakes);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if keys.schema.is_empty() || keys.schema.len() > 63 || !keys.schema.chars().all(plain) {
        let help = "write lower-case letters, digits and `_`, e.g. \"ironbridge\"";
        mistakes.push(document.mistake(&["schema"], "`schema` is no name for a schema", help));
    }
    let (Some(database), true) = (database, mistakes.is_empty()) else { return Err(mistakes) };
    let server = Server {
        database,
        schema: keys.schema,
        gateway: format!("{}:{}", context.site, context.name),
        site: context.site.to_string(),
    };
    let (endpoint, security) = (server.database.endpoint(), server.database.security());
    let sink = Postgres { server, delivered: model::Position::START, proofs: super::Proofs::default() };
    Ok(Built::destination(sink, endpoint, security))
}
