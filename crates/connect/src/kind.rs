//! How a protocol (south) or a target (north) enters the product.
//!
//! Rationale: the configuration struct belongs to the kind. Validation, JSON schema, the form on the page and the
//! reference come from it, so nothing outside a kind's folder knows its keys.

use crate::inbox::Inbox;
use crate::south::budget::Budget;
use crate::witness::Witness;
use model::config::{Diagnostic, Document, check, nearest};
use model::expected::ExpectedTraffic;
use model::{Declaration, Fault, Path};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use transport::TlsServer;
use transport::tls::ClientAuthority;

/// A kind of connection (`Kind<dyn Driver>`) or of destination (`Kind<dyn Sink>`).
pub struct Kind<T: ?Sized> {
    /// What stands in `kind = "..."`, e.g. `modbus-tcp`.
    pub name: &'static str,
    /// For people, e.g. `Modbus TCP`.
    pub title: &'static str,
    /// JSON schema of its configuration file.
    pub schema: fn() -> serde_json::Value,
    /// Checks a file and constructs. Does no IO but reading files that the configuration names.
    pub build: Build<T>,
    /// An example file that builds.
    pub sample: &'static str,
}

/// The constructor of a kind: what it makes of a file, or every mistake in it.
pub type Build<T> = fn(&Document, &Context) -> Result<Built<T>, Vec<Diagnostic>>;

impl<T: ?Sized> fmt::Debug for Kind<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.name)
    }
}

impl<T: ?Sized> Kind<T> {
    /// Holds a document against the schema of the kind, which is derived once: a plant may have a thousand files of
    /// it. Then constructs the kind's own struct.
    ///
    /// # Errors
    /// Every mistake in the document, at its place.
    pub fn read<F: DeserializeOwned>(&self, document: &Document) -> Result<F, Vec<Diagnostic>> {
        type Derived = BTreeMap<(&'static str, &'static str), Arc<serde_json::Value>>;
        static DERIVED: Mutex<Derived> = Mutex::new(BTreeMap::new());
        // A connection and a destination may have the same name.
        let key = (std::any::type_name::<T>(), self.name);
        let schema = DERIVED.lock().entry(key).or_insert_with(|| Arc::new((self.schema)())).clone();
        let found = check(document, &schema);
        if !found.is_empty() {
            return Err(found);
        }
        document.construct().map_err(|mistake| vec![mistake])
    }
}

/// The kind that a document names in `kind`; `of` is what it is a kind of, for the words: `connection`, `destination`.
///
/// # Errors
/// The key is missing or names none, with the nearest.
pub fn choose<T: ?Sized>(
    kinds: &[&'static Kind<T>],
    of: &str,
    document: &Document,
) -> Result<&'static Kind<T>, Vec<Diagnostic>> {
    let known = || kinds.iter().map(|kind| kind.name);
    let list = known().collect::<Vec<_>>().join(", ");
    let Some(wanted) = document.root.get("kind").and_then(|node| node.as_text()) else {
        let help = format!("write `kind = \"...\"` with one of: {list}");
        return Err(vec![document.mistake(&["kind"], "`kind` is missing or no text", help)]);
    };
    find(kinds, wanted).ok_or_else(|| {
        let help = nearest(wanted, known()).map_or_else(
            || format!("possible: {list}"),
            |near| format!("did you mean \"{near}\"? Possible: {list}"),
        );
        vec![document.mistake(&["kind"], format!("there is no kind of {of} \"{wanted}\""), help)]
    })
}

/// The kind with the name, if there is one.
pub fn find<T: ?Sized>(kinds: &[&'static Kind<T>], name: &str) -> Option<&'static Kind<T>> {
    kinds.iter().find(|kind| kind.name == name).copied()
}

/// The place an asset gives to a tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The full path of the point.
    pub path: Path,
    /// Former full paths whose history it continues.
    pub was: Vec<Path>,
    /// What the asset's type says of the point.
    pub contract: Option<Arc<Contract>>,
}

/// What an asset's type says of one of its points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contract {
    /// Unit in which the plant sees it; a tag in another unit of the same quantity is converted. Empty: the tag's own.
    pub unit: String,
    /// Display name, where the tag has none.
    pub name: String,
    /// What it means, where the tag does not say.
    pub description: String,
    /// Expected lowest and highest value in `unit`, where the tag has none.
    pub range: Option<(f64, f64)>,
    /// Names of the values, where the tag has none.
    pub states: model::States,
}

/// The plant's asset types and the assets of them, for destinations that pass the model on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Models {
    /// Types by name: all their points, by name, with those that they inherit.
    pub types: BTreeMap<String, Vec<Member>>,
    /// Types of assets, by their full path in lower case.
    pub assets: BTreeMap<String, String>,
    /// Of every asset, by its full path in lower case: its type and those that it extends, in lower case; also types
    /// that are no more than a word.
    pub kinds: BTreeMap<String, Vec<String>>,
}

/// One point of an asset type.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What its values are; a number of any sort is an `F64`.
    pub value_type: model::ValueType,
    /// What the type says of it.
    pub contract: Arc<Contract>,
}

/// Where secrets come from. A session asks when it begins; a file is built without them.
pub trait Secrets: Send + Sync {
    /// The secret of that name; `None` if it was never set.
    fn secret(&self, name: &str) -> Option<String>;

    /// The data folder of this gateway, for what belongs to it and not to the plant, e.g. its own certificates; `None`
    /// where there is none, as in `check`.
    fn data(&self) -> Option<PathBuf> {
        None
    }

    /// TLS with this gateway's own certificate, for connections on which others send.
    ///
    /// # Errors
    /// There is no gateway, as in `check`, or `clients` are no authorities.
    fn listener(&self, clients: &ClientAuthority) -> Result<TlsServer, Fault> {
        let _ = clients;
        Err(Fault::Config("this gateway has no certificate of its own yet".into()))
    }

    /// Where drivers say what came out of their sockets; to nobody where there is no gateway, as in `check`.
    fn witness(&self) -> Arc<Witness> {
        Arc::default()
    }

    /// Where this gateway takes posts in; one of its own where there is no gateway, as in `check`.
    fn inbox(&self) -> Arc<Inbox> {
        Arc::default()
    }
}

/// A store without any secret, for `check` without a data folder and for tests.
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

/// What a kind may know about the plant around its file.
#[derive(Clone)]
pub struct Context {
    /// Name of the connection or destination: its file name without `.toml`.
    pub name: String,
    /// `enterprise/site`: every path begins with it.
    pub site: Path,
    /// The plant folder; relative file names in a configuration start here, or in the configuration file's folder.
    pub folder: PathBuf,
    /// Tags that an asset binds: `connection.device.tag` (lower case) to their place.
    pub bindings: Arc<BTreeMap<String, Binding>>,
    /// Types and assets.
    pub models: Arc<Models>,
    /// The secret store.
    pub secrets: Arc<dyn Secrets>,
    /// Shared with the connection that polls the endpoint already, where there is one: for looking around in a device.
    pub budget: Arc<Budget>,
}

impl Context {
    /// A context without bindings and secrets.
    pub fn new(name: &str, site: Path, folder: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            site,
            folder: folder.into(),
            bindings: Arc::default(),
            models: Arc::default(),
            secrets: Arc::new(NoSecrets),
            budget: Budget::unlimited(),
        }
    }

    /// The binding of a tag, case ignored.
    pub fn binding(&self, device: &str, tag: &str) -> Option<&Binding> {
        if self.bindings.is_empty() {
            return None;
        }
        self.bindings.get(&format!("{}.{device}.{tag}", self.name).to_ascii_lowercase())
    }

    /// A file that the configuration `document` names: beside it first, then in the plant folder.
    pub fn file(&self, document: &Document, name: &str) -> PathBuf {
        let beside =
            std::path::Path::new(&*document.file).parent().unwrap_or_else(|| std::path::Path::new(""));
        let near = self.folder.join(beside).join(name);
        if near.exists() { near } else { self.folder.join(name) }
    }
}

/// An exclusive resource. Two files that claim the same one clash, and `check` says so before anything starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// A serial line, by device file.
    Serial(String),
    /// A listening TCP or UDP port on an address.
    Listen {
        /// `tcp` or `udp`.
        protocol: &'static str,
        /// Address and port as configured, e.g. `0.0.0.0:1883`.
        address: String,
    },
    /// A place in the namespace below which points appear by themselves: no other file may put any there.
    Below(Path),
    /// One endpoint that serves a single client well, e.g. `modbus-tcp 10.20.1.11:502`.
    Endpoint(String),
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(line) => write!(f, "serial line {line}"),
            Self::Listen { protocol, address } => write!(f, "listening {protocol} port {address}"),
            Self::Below(path) => write!(f, "place {path}"),
            Self::Endpoint(endpoint) => write!(f, "endpoint {endpoint}"),
        }
    }
}

/// How traffic to the other side is protected.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Security {
    /// `none` or `tls`.
    pub level: &'static str,
    /// In words, e.g. `TLS 1.3, client certificate`.
    pub text: String,
}

impl Security {
    /// In the clear.
    pub fn none(text: &str) -> Self {
        Self { level: "none", text: text.into() }
    }

    /// Encrypted and authenticated.
    pub fn tls(text: &str) -> Self {
        Self { level: "tls", text: text.into() }
    }
}

/// What a kind makes of a file.
pub struct Built<T: ?Sized> {
    /// The driver or sink, not started.
    pub it: Box<T>,
    /// Points that it will feed; empty for a destination.
    pub points: Vec<Arc<Declaration>>,
    /// Exclusive resources.
    pub claims: Vec<Claim>,
    /// What it will send, for the monitor.
    pub expected: Vec<ExpectedTraffic>,
    /// The other side, for people: `10.20.1.11:502`, `/dev/ttyUSB0 19200 8E1`.
    pub endpoint: String,
    /// How the traffic is protected.
    pub security: Security,
}

impl<T: ?Sized> fmt::Debug for Built<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Built({}, {} points)", self.endpoint, self.points.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_ignore_case() {
        let path = Path::new("acme/leeds/filler/Speed").unwrap();
        let binding = Binding { path, was: Vec::new(), contract: None };
        let mut context = Context::new("Line-1", Path::new("acme/leeds").unwrap(), "");
        context.bindings = Arc::new(BTreeMap::from([("line-1.filler.speed".to_owned(), binding.clone())]));
        assert_eq!(context.binding("Filler", "SPEED"), Some(&binding));
        assert_eq!(context.binding("filler", "level"), None);
    }
}
