//! What the server is told.

use model::ValueType;
use opcua::crypto::SecurityPolicy;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// A security policy that holds today (OPC 10000-7, 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// RSA-PSS, AES-256.
    Aes256Sha256RsaPss,
    /// RSA-OAEP, AES-128.
    Aes128Sha256RsaOaep,
    /// RSA-OAEP, AES-256.
    Basic256Sha256,
    /// In the clear: passwords are encrypted all the same, data is not.
    None,
}

impl Policy {
    pub(super) const fn library(self) -> SecurityPolicy {
        match self {
            Self::Aes256Sha256RsaPss => SecurityPolicy::Aes256Sha256RsaPss,
            Self::Aes128Sha256RsaOaep => SecurityPolicy::Aes128Sha256RsaOaep,
            Self::Basic256Sha256 => SecurityPolicy::Basic256Sha256,
            Self::None => SecurityPolicy::None,
        }
    }
}

/// One point that every asset of a type has.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeMember {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub value_type: ValueType,
    /// Its unit; empty without one.
    pub unit: String,
}

/// What is known of one asset.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetOf {
    /// Its type.
    pub kind: String,
    /// How people call it.
    pub name: String,
}

/// Types and assets of the plant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Types by name.
    pub types: BTreeMap<String, Vec<TypeMember>>,
    /// Assets by their full path in lower case.
    pub assets: BTreeMap<String, AssetOf>,
}

/// The server.
#[derive(Clone)]
pub struct Options {
    /// Where.
    pub listen: SocketAddr,
    /// Under which name clients reach it.
    pub host: String,
    /// What it offers, the strongest first.
    pub policies: Vec<Policy>,
    /// Our own certificate (DER) and its key (PEM).
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
    /// The application URI in the certificate.
    pub uri: String,
    /// `trusted` and `rejected` below it hold clients' certificates.
    pub clients: PathBuf,
    /// `enterprise/site`.
    pub site: String,
    /// Users by the thumbprints of their own certificates (SHA-1, hexadecimal, in lower case).
    pub people: BTreeMap<String, String>,
    /// Most sessions at the same time.
    pub sessions: usize,
    /// Most monitored items of one subscription.
    pub items: usize,
    /// Types and assets of now.
    pub model: Arc<dyn Fn() -> Arc<Model> + Send + Sync>,
}
