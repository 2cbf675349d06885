//! An OPC UA server in a machine: variables with unit and range, structures, methods, over encrypted channels.
//!
//! Rationale: the server is the library's. What is ours is that a machine can leave the network and come back with the
//! values that it had, and that a test decides how long sessions live.

use model::Time;
use opcua::crypto::SecurityPolicy;
use opcua::nodes::{
    AccessLevel, DataTypeBuilder, MethodBuilder, ObjectBuilder, ReferenceDirection, VariableBuilder,
};
use opcua::server::address_space::AddressSpace;
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::memory::{SimpleNodeManager, simple_node_manager};
use opcua::server::{ANONYMOUS_USER_TOKEN_ID, Server as Engine, ServerBuilder, ServerEndpoint, ServerHandle};
use opcua::types::{
    AttributeId, ByteStringBody, ContextOwned, DataEncoding, DataTypeDefinition, DataTypeId, DataValue,
    DateTime, EUInformation, ExtensionObject, MessageSecurityMode, NodeId, NumericRange, ObjectId,
    ObjectTypeId, QualifiedName, Range, ReferenceTypeId, StructureDefinition, StructureField, StructureType,
    TimestampsToReturn, VariableTypeId, Variant, VariantScalarTypeId,
};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Namespace of UNECE unit codes (OPC 10000-8, 5.6.3).
const UNITS: &str = "http://www.opcfoundation.org/UA/units/un/cefact";
/// Notifications in one message: more makes messages that the library cannot send.
const PER_NOTIFICATION: u64 = 1_000;
/// Messages of one subscription that wait for a client.
const MOST_WAITING: usize = 10_000;
/// How often subscriptions are looked at, in ms: much more often than one may publish, or its silences become too long.
const LOOK_MS: u64 = 4;
/// Shortest interval of sampling and publishing, in ms.
const SHORTEST_MS: f64 = 20.0;
/// The namespaces before ours are the standard's and the server's own.
const INDEX: u16 = 2;
/// From 1601 to 1970 in units of 100 ns (OPC 10000-6, 5.2.2.5).
const EPOCH_TICKS: i64 = 116_444_736_000_000_000;
/// How long connections may take to end.
const GOODBYE: Duration = Duration::from_secs(2);
/// What it offers, each signed and encrypted.
const POLICIES: [SecurityPolicy; 3] =
    [SecurityPolicy::Aes256Sha256RsaPss, SecurityPolicy::Aes128Sha256RsaOaep, SecurityPolicy::Basic256Sha256];
/// Waiting before a port that cannot be opened again is tried once more.
const AGAIN: Duration = Duration::from_millis(200);

/// One variable.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its value; the type stays what it is.
    pub value: Variant,
    /// Its unit as people write it; empty without one.
    pub unit: &'static str,
    /// Its range.
    pub range: Option<(f64, f64)>,
    /// Clients may write it.
    pub writable: bool,
}

impl Variable {
    /// A variable that clients only read.
    pub fn new(value: impl Into<Variant>) -> Self {
        Self { value: value.into(), unit: "", range: None, writable: false }
    }
}

/// A structure as a type: name, and its members in order.
#[derive(Clone, Debug)]
pub struct Structure {
    /// Name of the type.
    pub name: &'static str,
    /// Names and types of the members.
    pub fields: Vec<(&'static str, VariantScalarTypeId)>,
}

type Method = Arc<dyn Fn() + Send + Sync>;

/// How a server is set up.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Longest time without a request after which a session is forgotten.
    pub session: Duration,
    /// Whether channels without encryption are taken, too.
    pub clear: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { session: Duration::from_secs(600), clear: false }
    }
}

/// A machine: one object of this name with everything below it. Nodes have the names as identifiers.
pub struct Site {
    name: &'static str,
    namespace: &'static str,
    rules: Rules,
    structures: Vec<Structure>,
    methods: Vec<(&'static str, Method)>,
    variables: RwLock<BTreeMap<&'static str, Variable>>,
    live: Mutex<Option<Live>>,
}

/// What answers while the machine is on the network.
#[derive(Clone)]
struct Live {
    handle: ServerHandle,
    manager: Arc<SimpleNodeManager>,
}

impl Site {
    /// A machine without anything.
    #[must_use]
    pub fn new(name: &'static str, namespace: &'static str, rules: Rules) -> Self {
        let (structures, methods) = (Vec::new(), Vec::new());
        Self {
            name,
            namespace,
            rules,
            structures,
            methods,
            variables: RwLock::default(),
            live: Mutex::default(),
        }
    }

    /// Adds a variable.
    #[must_use]
    pub fn with(self, name: &'static str, variable: Variable) -> Self {
        self.variables.write().insert(name, variable);
        self
    }

    /// Adds a type; values of it come from [`Site::structure`].
    #[must_use]
    pub fn knowing(mut self, structure: Structure) -> Self {
        self.structures.push(structure);
        self
    }

    /// Adds a method without arguments.
    #[must_use]
    pub fn doing(mut self, name: &'static str, method: impl Fn() + Send + Sync + 'static) -> Self {
        self.methods.push((name, Arc::new(method)));
        self
    }

    /// A value of a structure; nothing if the type is not known or a member cannot be written.
    #[must_use]
    pub fn structure(&self, name: &str, members: &[Variant]) -> Option<Variant> {
        let known = self.structures.iter().find(|structure| structure.name == name)?;
        let (context, mut bytes) = (ContextOwned::default(), Vec::new());
        for (member, _) in members.iter().zip(&known.fields) {
            member.encode_value(&mut bytes, &context.context()).ok()?;
        }
        let body = ByteStringBody::new(bytes.into(), node(&encoding_of(known.name)));
        Some(Variant::from(ExtensionObject::new(body)))
    }

    /// Shows values of now: those that changed are told.
    pub fn put(&self, values: impl IntoIterator<Item = (&'static str, Variant)>, now: Time) {
        let live = self.live.lock().clone();
        let mut variables = self.variables.write();
        let mut changed = Vec::new();
        for (name, value) in values {
            let Some(variable) = variables.get_mut(name) else { continue };
            if variable.value != value {
                variable.value = value.clone();
                changed.push((name, value));
            }
        }
        drop(variables);
        let Some(live) = live else { return };
        let now = stamp(now);
        let changed: Vec<(NodeId, DataValue)> =
            changed.into_iter().map(|(name, value)| (node(name), DataValue::new_at(value, now))).collect();
        let values = changed.iter().map(|(id, value)| (id, None, value.clone()));
        if let Err(code) = live.manager.set_values(live.handle.subscriptions(), values) {
            tracing::warn!(%code, "the simulated OPC UA server shows nothing new");
        }
    }

    /// What a variable has now: a set-point may have been written.
    #[must_use]
    pub fn get(&self, name: &'static str) -> Option<Variant> {
        let written = self.live.lock().clone().and_then(|live| {
            let space = live.manager.address_space().read();
            let node = space.find(&node(name))?;
            let (stamps, range) = (TimestampsToReturn::Neither, NumericRange::None);
            node.as_node().get_attribute(stamps, AttributeId::Value, &range, &DataEncoding::Binary)?.value
        });
        let mut variables = self.variables.write();
        let variable = variables.get_mut(name)?;
        if let Some(written) = written {
            variable.value = written;
        }
        Some(variable.value.clone())
    }

    fn server(&self, folder: &Path, address: SocketAddr) -> Result<(Engine, Live), String> {
        let anyone = [ANONYMOUS_USER_TOKEN_ID.to_owned()];
        let mut builder = ServerBuilder::new()
            .application_name("Ironbridge simulation")
            .application_uri(format!("{}:server", self.namespace))
            .product_uri("urn:ironbridge:twin")
            .pki_dir(folder)
            .certificate_path("own/cert.der")
            .private_key_path("private/private.pem")
            .create_sample_keypair(true)
            .trust_client_certs(true)
            .host(address.ip().to_string())
            .port(address.port())
            .discovery_urls(vec!["/".to_owned()])
            .subscription_poll_interval_ms(LOOK_MS)
            .max_session_timeout_ms(u64::try_from(self.rules.session.as_millis()).unwrap_or(u64::MAX))
            .with_node_manager(simple_node_manager(
                NamespaceMetadata {
                    namespace_uri: self.namespace.to_owned(),
                    ..NamespaceMetadata::default()
                },
                self.name,
            ));
        for policy in POLICIES {
            let endpoint = ServerEndpoint::new("/", policy, MessageSecurityMode::SignAndEncrypt, &anyone);
            builder = builder.add_endpoint(policy.to_str(), endpoint);
        }
        if self.rules.clear {
            builder = builder.add_endpoint("none", ServerEndpoint::new_none("/", &anyone));
        }
        let limits = &mut builder.limits_mut().subscriptions;
        limits.max_notifications_per_publish = PER_NOTIFICATION;
        limits.max_queued_notifications = MOST_WAITING;
        limits.max_monitored_item_queue_size = MOST_WAITING;
        limits.max_monitored_items_per_sub = MOST_WAITING;
        limits.min_sampling_interval_ms = SHORTEST_MS;
        limits.min_publishing_interval_ms = SHORTEST_MS;
        let (server, handle) = builder.build()?;
        let manager = handle.node_managers().get_of_type::<SimpleNodeManager>();
        let manager = manager.ok_or("the server has no place for nodes")?;
        if handle.get_namespace_index(self.namespace) != Some(INDEX) {
            return Err("the server numbers its namespaces otherwise".to_owned());
        }
        self.fill(&mut manager.address_space().write());
        for (name, method) in &self.methods {
            let method = Arc::clone(method);
            manager.inner().add_method_callback(node(name), move |_| {
                method();
                Ok(Vec::new())
            });
        }
        Ok((server, Live { handle, manager }))
    }

    fn fill(&self, space: &mut AddressSpace) {
        let machine = node(self.name);
        ObjectBuilder::new(&machine, named(self.name), self.name)
            .has_type_definition(ObjectTypeId::BaseObjectType)
            .organized_by(ObjectId::ObjectsFolder)
            .insert(space);
        self.structures.iter().for_each(|structure| define(structure, space));
        for (name, variable) in self.variables.read().iter() {
            self.add(name, variable, &machine, space);
        }
        for (name, _) in &self.methods {
            MethodBuilder::new(&node(name), named(name), *name)
                .executable(true)
                .user_executable(true)
                .component_of(machine.clone())
                .insert(space);
        }
    }

    fn add(&self, name: &str, variable: &Variable, machine: &NodeId, space: &mut AddressSpace) {
        let id = node(name);
        let level = AccessLevel::CURRENT_READ;
        let level = if variable.writable { level | AccessLevel::CURRENT_WRITE } else { level };
        let numeric = variable.range.is_some() || !variable.unit.is_empty();
        let kind =
            if numeric { VariableTypeId::AnalogItemType } else { VariableTypeId::BaseDataVariableType };
        VariableBuilder::new(&id, named(name), name)
            .data_type(self.type_of(&variable.value))
            .value(variable.value.clone())
            .access_level(level)
            .user_access_level(level)
            .has_type_definition(kind)
            .component_of(machine.clone())
            .insert(space);
        let mut property = |property: &str, kind: DataTypeId, value: ExtensionObject| {
            VariableBuilder::new(&node(&format!("{name}.{property}")), property, property)
                .data_type(kind)
                .value(value)
                .has_type_definition(VariableTypeId::PropertyType)
                .property_of(id.clone())
                .insert(space);
        };
        if !variable.unit.is_empty() {
            let unit = EUInformation {
                namespace_uri: UNITS.into(),
                unit_id: -1,
                display_name: variable.unit.into(),
                description: variable.unit.into(),
            };
            property("EngineeringUnits", DataTypeId::EUInformation, ExtensionObject::from_message(unit));
        }
        if let Some((low, high)) = variable.range {
            let range = ExtensionObject::from_message(Range { low, high });
            property("EURange", DataTypeId::Range, range);
        }
    }

    /// The data type of a variable: that of its value, or of the structure in it.
    fn type_of(&self, value: &Variant) -> NodeId {
        if let Variant::ExtensionObject(object) = value
            && let Some(raw) = object.inner_as::<ByteStringBody>()
            && let Some(known) =
                self.structures.iter().find(|s| node(&encoding_of(s.name)) == *raw.encoding_id())
        {
            return node(known.name);
        }
        value.data_type().map_or_else(NodeId::null, |id| id.node_id)
    }
}

fn stamp(time: Time) -> DateTime {
    DateTime::from(time.0.div_euclid(100).saturating_add(EPOCH_TICKS))
}

/// A node of the machine.
fn node(name: &str) -> NodeId {
    NodeId::new(INDEX, name)
}

fn named(name: &str) -> QualifiedName {
    QualifiedName::new(INDEX, name)
}

/// A structure as a data type with its encoding (OPC 10000-3, 5.8.4).
fn define(structure: &Structure, space: &mut AddressSpace) {
    let (id, encoding) = (node(structure.name), node(&encoding_of(structure.name)));
    let field = |(name, kind): &(&str, VariantScalarTypeId)| StructureField {
        name: (*name).into(),
        data_type: NodeId::new(0, *kind as u32),
        value_rank: -1,
        ..StructureField::default()
    };
    let definition = StructureDefinition {
        default_encoding_id: encoding.clone(),
        base_data_type: DataTypeId::Structure.into(),
        structure_type: StructureType::Structure,
        fields: Some(structure.fields.iter().map(field).collect()),
    };
    DataTypeBuilder::new(&id, named(structure.name), structure.name)
        .data_type_definition(DataTypeDefinition::Structure(definition))
        .subtype_of(DataTypeId::Structure)
        .insert(space);
    ObjectBuilder::new(&encoding, "Default Binary", "Default Binary")
        .has_type_definition(ObjectTypeId::DataTypeEncodingType)
        .reference(id, ReferenceTypeId::HasEncoding, ReferenceDirection::Inverse)
        .insert(space);
}

/// The identifier of a type's binary encoding.
fn encoding_of(structure: &str) -> String {
    format!("{structure}.Binary")
}

/// A listening machine. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    certificate: Vec<u8>,
    site: Arc<Site>,
    present: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it shows.
    #[must_use]
    pub const fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// Its certificate (DER), for those who are to trust it.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// While false, its port is closed.
    pub fn set_present(&self, present: bool) {
        self.present.send_if_modified(|now| std::mem::replace(now, present) != present);
    }

    /// Closes the port and every connection, and waits until they are closed.
    pub async fn shutdown(mut self) {
        self.present.send_replace(false);
        self.task.abort();
        // The result says "cancelled", which is what was asked for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends the connections of a server, too, when whoever runs it goes.
struct Ending(ServerHandle);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Listens on `address` (port 0: a free one). The first time it makes a key: a second of arithmetic.
///
/// # Errors
/// If the address cannot be bound, or a folder for the key cannot be made.
pub async fn listen(address: SocketAddr, site: Arc<Site>) -> io::Result<Server> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let (own, place) = (Arc::clone(&site), folder.path().to_owned());
    let made = tokio::task::spawn_blocking(move || own.server(&place, address)).await;
    let first = made.map_err(io::Error::other)?.map_err(io::Error::other)?;
    let certificate = std::fs::read(folder.path().join("own/cert.der"))?;
    let (present, wanted) = watch::channel(true);
    let task = tokio::spawn(run((first, listener), address, Arc::clone(&site), folder, wanted));
    Ok(Server { address, certificate, site, present, task })
}

/// Answers while it is wanted.
async fn run(
    first: ((Engine, Live), TcpListener),
    address: SocketAddr,
    site: Arc<Site>,
    folder: TempDir,
    mut wanted: watch::Receiver<bool>,
) {
    let mut next = Some(first);
    loop {
        if let Some(((engine, live), listener)) = next.take() {
            let ending = Ending(live.handle.clone());
            *site.live.lock() = Some(live);
            let mut task = tokio::spawn(engine.run_with(listener));
            tokio::select! {
                ended = &mut task => tracing::warn!(?ended, "the simulated OPC UA server stopped"),
                gone = wanted.wait_for(|present| !present) => if gone.is_err() { return },
            }
            site.live.lock().take();
            drop(ending);
            if !task.is_finished() && tokio::time::timeout(GOODBYE, &mut task).await.is_err() {
                task.abort();
            }
        }
        if wanted.wait_for(|present| *present).await.is_err() {
            return;
        }
        match TcpListener::bind(address).await.map_err(|error| error.to_string()) {
            Ok(listener) => match site.server(folder.path(), address) {
                Ok(made) => next = Some((made, listener)),
                Err(why) => tracing::warn!(why, "the simulated OPC UA server cannot start again"),
            },
            Err(why) => tracing::warn!(why, "the simulated OPC UA server cannot open its port again"),
        }
        if next.is_none() {
            tokio::time::sleep(AGAIN).await;
        }
    }
}
