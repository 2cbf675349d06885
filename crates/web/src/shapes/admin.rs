use super::Millis;
use model::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of the audit ledger, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// The records.
    pub records: Vec<AuditRecord>,
    /// Give it as `before` for the next page.
    pub next: Option<u64>,
    /// The state of the hash chain.
    pub chain: AuditChain,
}

/// One record of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// From 1, without gaps.
    pub seq: u64,
    /// ms
    pub time: Millis,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On what.
    pub object: String,
    /// What became of it.
    pub outcome: String,
    /// Anything else worth knowing.
    pub detail: String,
    /// Hash of this record and the one before, hexadecimal.
    pub hash: String,
}

/// The state of the hash chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditChain {
    /// Records in the ledger.
    pub records: u64,
    /// Result of the last check; null before the first.
    pub verified: Option<bool>,
    /// When that was, ms.
    pub checked_at: Option<Millis>,
    /// What is wrong.
    pub problem: Option<String>,
}

/// Result of a check of the whole chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditCheck {
    /// Every hash fits.
    pub ok: bool,
    /// Records checked.
    pub records: u64,
    /// What is wrong.
    pub problem: Option<String>,
}

/// All users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Users {
    /// By name.
    pub users: Vec<UserShape>,
}

/// One user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserShape {
    /// Sign-in name.
    pub name: String,
    /// Role.
    #[schema(value_type = String)]
    pub role: Role,
    /// May not sign in.
    pub disabled: bool,
    /// ms
    pub created: Millis,
    /// ms
    pub last_sign_in: Option<Millis>,
}

/// A new user.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Sign-in name.
    pub name: String,
    /// Role.
    #[schema(value_type = String)]
    pub role: Role,
}

/// A new user and the link with which they set their password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserCreated {
    /// The user.
    pub user: UserShape,
    /// One-time link, to be handed over.
    pub link: String,
}

/// A one-time link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Link {
    /// One-time link, to be handed over.
    pub link: String,
}

/// A change of a user.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// The new role.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub role: Option<Role>,
    /// Whether they may no longer sign in.
    #[serde(default)]
    pub disabled: Option<bool>,
}

/// All API tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// The tokens, without their secret.
    pub tokens: Vec<TokenShape>,
}

/// One API token, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenShape {
    /// For deleting.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Role.
    #[schema(value_type = String)]
    pub role: Role,
    /// Only points under this prefix.
    pub prefix: Option<String>,
    /// ms
    pub created: Millis,
    /// ms
    pub expires: Option<Millis>,
    /// ms
    pub last_used: Option<Millis>,
}

/// A new API token.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// Role; at most the creator's.
    #[schema(value_type = String)]
    pub role: Role,
    /// Only points under this prefix.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Days until it expires; null for never.
    #[serde(default)]
    pub expires_days: Option<u32>,
}

/// A new API token, shown once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenCreated {
    /// Goes into `authorization: Bearer ...`. Shown only now.
    pub token: String,
    /// For deleting.
    pub id: String,
}

/// Names of all secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Secrets {
    /// By name; values are never shown.
    pub secrets: Vec<SecretShape>,
}

/// The name of a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SecretShape {
    /// As configuration refers to it.
    pub name: String,
    /// ms
    pub set_at: Option<Millis>,
    /// Connections and destinations that use it.
    pub used_by: Vec<String>,
}

/// Setting a secret.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretValue {
    /// The secret.
    #[schema(format = Password)]
    pub value: String,
}

/// About this gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// Version of Ironbridge.
    pub version: String,
    /// Seconds since start.
    pub uptime_s: f64,
    /// Live points.
    pub points: usize,
    /// Samples per second, now.
    pub rate_per_s: f64,
    /// Where the data lie.
    pub data_dir: String,
    /// `enterprise/site`: every path of the plant begins with it.
    pub site: String,
    /// Where the configuration lies.
    pub plant_dir: String,
    /// Addresses that it listens on.
    pub listeners: Vec<String>,
}

/// Certificates of servers that connections talk to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Certificates {
    /// Our own certificate as a file, for servers that must be told to trust it; empty before it was made.
    pub own: String,
    /// Refused ones first.
    pub certificates: Vec<Certificate>,
}

/// A server's certificate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Certificate {
    /// SHA-1 in hexadecimal.
    pub thumbprint: String,
    /// Whose it says it is.
    pub subject: String,
    /// The application URI in it; empty without one.
    pub uri: String,
    /// First moment of validity.
    pub from: Millis,
    /// Last moment of validity.
    pub until: Millis,
    /// `trusted` or `rejected`.
    pub standing: String,
    /// `server` (a connection goes to it) or `client` (it connects to our own OPC UA server).
    pub of: String,
}

/// Whether to trust a certificate.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateTrust {
    /// Servers with it are talked to.
    pub trusted: bool,
}
