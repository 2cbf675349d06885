//! The one table of services: numbers of their binary encodings (OPC 10000-6, A.2; the published NodeIds).

/// What a service does to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Finds servers and endpoints.
    Discover,
    /// Opens, closes, keeps alive.
    Session,
    /// Looks through the address space.
    Browse,
    /// Reads values or history.
    Read,
    /// Subscribes, or is told of changes.
    Subscribe,
    /// Writes values.
    Write,
    /// Calls a method.
    Call,
    /// Changes history.
    History,
    /// Adds and removes nodes.
    Nodes,
}

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Number of its request.
    pub request: u32,
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub access: Access,
}

/// An answer that is only an error.
pub const FAULT: u32 = 397;
/// Request to open or renew a secure channel.
pub const OPEN_CHANNEL: u32 = 446;
/// Request to close it.
pub const CLOSE_CHANNEL: u32 = 452;
/// Request to activate a session.
pub const ACTIVATE_SESSION: u32 = 467;
/// Request to browse.
pub const BROWSE: u32 = 527;
/// Request to read.
pub const READ: u32 = 631;
/// Request to write.
pub const WRITE: u32 = 673;
/// Request to call methods.
pub const CALL: u32 = 712;
/// Request to create monitored items.
pub const MONITOR: u32 = 751;
/// Request to be told of changes.
pub const PUBLISH: u32 = 826;

const fn s(request: u32, name: &'static str, access: Access) -> Service {
    Service { request, name, access }
}

/// Services from here on were added later: the number of their answer is 1 more, not 3.
const LATER: u32 = 12_000;

/// All services, by the number of their request.
pub const SERVICES: [Service; 39] = [
    s(422, "Find servers", Access::Discover),
    s(428, "Get endpoints", Access::Discover),
    s(437, "Register server", Access::Discover),
    s(OPEN_CHANNEL, "Open secure channel", Access::Session),
    s(CLOSE_CHANNEL, "Close secure channel", Access::Session),
    s(461, "Create session", Access::Session),
    s(ACTIVATE_SESSION, "Activate session", Access::Session),
    s(473, "Close session", Access::Session),
    s(479, "Cancel", Access::Session),
    s(488, "Add nodes", Access::Nodes),
    s(494, "Add references", Access::Nodes),
    s(500, "Delete nodes", Access::Nodes),
    s(506, "Delete references", Access::Nodes),
    s(BROWSE, "Browse", Access::Browse),
    s(533, "Browse next", Access::Browse),
    s(554, "Translate browse paths", Access::Browse),
    s(560, "Register nodes", Access::Browse),
    s(566, "Unregister nodes", Access::Browse),
    s(615, "Query first", Access::Browse),
    s(621, "Query next", Access::Browse),
    s(READ, "Read", Access::Read),
    s(664, "History read", Access::Read),
    s(WRITE, "Write", Access::Write),
    s(700, "History update", Access::History),
    s(CALL, "Call", Access::Call),
    s(MONITOR, "Create monitored items", Access::Subscribe),
    s(763, "Modify monitored items", Access::Subscribe),
    s(769, "Set monitoring mode", Access::Subscribe),
    s(775, "Set triggering", Access::Subscribe),
    s(781, "Delete monitored items", Access::Subscribe),
    s(787, "Create subscription", Access::Subscribe),
    s(793, "Modify subscription", Access::Subscribe),
    s(799, "Set publishing mode", Access::Subscribe),
    s(PUBLISH, "Publish", Access::Subscribe),
    s(832, "Republish", Access::Subscribe),
    s(841, "Transfer subscriptions", Access::Subscribe),
    s(847, "Delete subscriptions", Access::Subscribe),
    s(12_208, "Find servers on network", Access::Discover),
    s(12_211, "Register server 2", Access::Discover),
];

/// The service of a number, and whether that is the number of its answer.
#[must_use]
pub fn service(number: u32) -> Option<(&'static Service, bool)> {
    let of = |request: u32| {
        let at = SERVICES.binary_search_by_key(&request, |service| service.request).ok()?;
        SERVICES.get(at)
    };
    let back = if number > LATER { 1 } else { 3 };
    of(number).map(|service| (service, false)).or_else(|| Some((of(number.checked_sub(back)?)?, true)))
}
