//! Who talks to whom, in which protocol.

use crate::hosts::HostId;
use crate::operation::{Effect, Kind, Operation, Outcome};
use crate::protocol::Protocol;
use std::collections::HashMap;

/// Most functions that a link counts one by one.
const MAX_FUNCTIONS: usize = 128;

/// A client is established after so many requests and so much time.
const ESTABLISHED_REQUESTS: u64 = 20;
const ESTABLISHED_NS: i64 = 60_000_000_000;

const MINUTE_NS: i64 = 60_000_000_000;

/// What names a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkKey {
    pub client: HostId,
    pub server: HostId,
    pub protocol: Protocol,
    /// Port of the server; 0 where there is none.
    pub port: u16,
}

/// How often a function was used.
#[derive(Debug, Clone, Copy)]
pub struct FunctionCount {
    pub function: u32,
    pub effect: Effect,
    pub requests: u64,
    pub answers: u64,
    pub refused: u64,
    /// Since when requests are counted as of late, and how many.
    lately: (i64, u32),
}

impl FunctionCount {
    /// Requests within the last minutes.
    pub const fn lately(&self) -> u32 {
        self.lately.1
    }

    fn request(&mut self, time_ns: i64) {
        self.requests += 1;
        if !(0..LATELY_NS).contains(&time_ns.saturating_sub(self.lately.0)) {
            self.lately = (time_ns, 0);
        }
        self.lately.1 = self.lately.1.saturating_add(1);
    }
}

/// What happens within this happens of late, in nanoseconds.
const LATELY_NS: i64 = 300_000_000_000;

/// Requests of whole minutes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Minutes {
    start_ns: i64,
    requests: u32,
    low: u32,
    high: u32,
    whole: u32,
}

impl Minutes {
    /// Counts a request; the requests of a minute that is over with it.
    fn count(&mut self, time_ns: i64) -> Option<u32> {
        let age = time_ns.saturating_sub(self.start_ns);
        if (0..MINUTE_NS).contains(&age) {
            self.requests = self.requests.saturating_add(1);
            return None;
        }
        // The first minute began somewhere; after a pause of more than one nothing is known of those between.
        let over = (self.start_ns != 0 && (MINUTE_NS..2 * MINUTE_NS).contains(&age)).then_some(self.requests);
        if let Some(requests) = over {
            self.low = if self.whole == 0 { requests } else { self.low.min(requests) };
            self.high = self.high.max(requests);
            self.whole = self.whole.saturating_add(1);
        }
        (self.start_ns, self.requests) = (time_ns, 1);
        over
    }

    /// The fewest and the most requests of a minute, and how many minutes were looked at.
    pub const fn range(&self) -> (u32, u32, u32) {
        (self.low, self.high, self.whole)
    }
}

/// One link.
#[derive(Debug, Clone)]
pub struct Link {
    pub key: LinkKey,
    pub first_ns: i64,
    pub last_ns: i64,
    /// Packets and bytes to the server and back.
    pub to_server: (u64, u64),
    pub to_client: (u64, u64),
    pub flows: u64,
    pub functions: Vec<FunctionCount>,
    pub requests: u64,
    pub refused: u64,
    /// Requests that change the device.
    pub changes: u64,
    /// Refusals since the last success.
    pub refused_in_row: u64,
    /// Time of the first request that changes the device.
    pub first_change_ns: Option<i64>,
    /// Functions that were refused as such, each once.
    pub functions_refused: u32,
    pub malformed: u64,
    /// A conversation was seen from its beginning.
    pub begun: bool,
    /// It came when another client had long been there.
    pub newcomer: bool,
    /// Time of the latest request, and whether there was none for a while before it.
    pub last_request_ns: i64,
    pub awoke: bool,
    /// Messages in a row that are out of turn, as the decoder counts.
    pub out_of_turn: u32,
    /// Single addresses in a row that were read, each behind the one before.
    pub walk: u32,
    walked: (u32, u32),
    /// Objects that were commanded, by the lowest byte, since when.
    commanded: ([u64; 4], i64),
    /// Addresses of the protocol's own that the client used for itself.
    pub origins: u32,
    /// Second of the latest message that nobody waited for as an answer, their number in it, and the latest full one.
    second: i64,
    in_second: u32,
    flooded_ns: Option<i64>,
    /// Units that were asked, and those that answered, by the lowest byte of their number.
    asked: [u64; 4],
    answered: [u64; 4],
    /// Units to which the client came back after it had asked others, and the one that it asked latest.
    again: [u64; 4],
    latest_unit: Option<u32>,
    pub minutes: Minutes,
    /// Which part of the device the client called, where the protocol says it: S7's selector of rack and slot.
    pub called: Option<u16>,
    /// What was asked of late is encrypted, in a protocol that need not be.
    pub hidden: bool,
    /// All that was counted here turned out to belong to another link.
    void: bool,
}

/// A request after so much silence is a new beginning.
const SILENCE_NS: i64 = 60_000_000_000;
/// So many requests and notices in a second are a flood where nothing needs more.
const FLOOD: u32 = 50;
/// Commands belong together within this.
const COMMANDED_NS: i64 = 10_000_000_000;
/// A flood ends with so much time without a full second.
const FLOOD_NS: i64 = 10_000_000_000;

/// Notes a unit in a set.
pub fn mark(set: &mut [u64; 4], unit: u32) {
    let place = set.get_mut((unit >> 6 & 3) as usize);
    place.into_iter().for_each(|word| *word |= 1 << (unit & 63));
}

fn has(set: &[u64; 4], unit: u32) -> bool {
    set.get((unit >> 6 & 3) as usize).is_some_and(|word| word >> (unit & 63) & 1 == 1)
}

fn size(set: &[u64; 4]) -> u32 {
    set.iter().map(|word| word.count_ones()).sum()
}

/// What a message added to what is known of its link.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// A function that was not used before.
    pub new_function: bool,
    /// Requests of the minute that is over with it.
    pub minute: Option<u32>,
}

impl Link {
    fn function(&mut self, function: u32, effect: Effect) -> Option<&mut FunctionCount> {
        let at = match self.functions.iter().position(|known| known.function == function) {
            Some(at) => at,
            None if self.functions.len() < MAX_FUNCTIONS => {
                self.functions.push(FunctionCount {
                    function,
                    effect,
                    requests: 0,
                    answers: 0,
                    refused: 0,
                    lately: (0, 0),
                });
                self.functions.len() - 1
            }
            None => return None,
        };
        self.functions.get_mut(at)
    }

    /// Whether more messages come in a second than a protocol of telecontrol needs.
    pub fn is_flooded(&self) -> bool {
        self.flooded_ns.is_some_and(|since| self.last_ns.saturating_sub(since) < FLOOD_NS)
    }

    /// Units that were asked and never answered, once any did. Those to which the client comes back are devices that are off,
    /// not places where it looks for one.
    pub fn unanswered_units(&self) -> u32 {
        if self.answered == [0; 4] {
            return 0;
        }
        let known = self.answered.iter().zip(&self.again).map(|(answered, again)| answered | again);
        self.asked.iter().zip(known).map(|(asked, known)| (asked & !known).count_ones()).sum()
    }

    /// Units that answered.
    pub fn answering_units(&self) -> u32 {
        size(&self.answered)
    }

    /// Notes a connection without data at a port.
    pub fn tried(&mut self, port: u16) {
        mark(&mut self.asked, port.into());
    }

    /// Ports at which there were such connections; those of the same lowest byte count once.
    pub fn tried_ports(&self) -> u32 {
        size(&self.asked)
    }

    /// Notes that one address of a table was read, or a block of them (which ends a walk).
    pub fn read_at(&mut self, table: u32, first: u32, count: u32) {
        let is_next = count == 1 && self.walked == (table, first);
        // Reading one address again and again is a poll.
        self.walk = if is_next { self.walk.saturating_add(1) } else { 0 };
        self.walked = (table, first.saturating_add(1));
    }

    /// Notes that an object was commanded.
    pub fn command(&mut self, object: u32, time_ns: i64) {
        if !(0..COMMANDED_NS).contains(&time_ns.saturating_sub(self.commanded.1)) {
            self.commanded = ([0; 4], time_ns);
        }
        mark(&mut self.commanded.0, object);
    }

    /// Different objects that were commanded lately.
    pub fn commanded_objects(&self) -> u32 {
        size(&self.commanded.0)
    }

    fn pace(&mut self, op: &Operation<'_>, time_ns: i64) {
        if op.kind == Kind::Request {
            let silence = time_ns.saturating_sub(self.last_request_ns);
            self.awoke = silence >= SILENCE_NS;
            self.last_request_ns = time_ns;
            if self.latest_unit.is_some_and(|latest| latest != op.unit) && has(&self.asked, op.unit) {
                mark(&mut self.again, op.unit);
            }
            mark(&mut self.asked, op.unit);
            self.latest_unit = Some(op.unit);
        } else if !op.is_for_gateway() {
            mark(&mut self.answered, op.unit);
        }
        if op.kind != Kind::Response {
            let second = time_ns.div_euclid(1_000_000_000);
            self.in_second = if second == self.second { self.in_second.saturating_add(1) } else { 1 };
            self.second = second;
            // Behind a concentrator each station has its own share.
            if self.in_second >= FLOOD.saturating_mul(self.answering_units().max(1)) {
                self.flooded_ns = Some(time_ns);
            }
        }
    }

    /// Counts a message.
    pub fn count(&mut self, op: &Operation<'_>, time_ns: i64) -> Counted {
        self.last_ns = self.last_ns.max(time_ns);
        self.pace(op, time_ns);
        let before = self.functions.len();
        let minute = if op.kind == Kind::Request { self.minutes.count(time_ns) } else { None };
        let count = self.function(op.function, op.effect);
        match (op.kind, op.outcome) {
            (Kind::Request, _) => {
                count.into_iter().for_each(|count| count.request(time_ns));
                self.requests += 1;
                if changes(op.effect) {
                    self.changes += 1;
                    self.first_change_ns = self.first_change_ns.or(Some(time_ns));
                }
            }
            (_, Outcome::Refused(code)) => {
                let first = count.is_some_and(|count| {
                    count.refused += 1;
                    count.refused == 1
                });
                self.functions_refused += u32::from(first && (op.protocol != Protocol::Modbus || code == 1));
                self.refused += 1;
                self.refused_in_row += u64::from(!op.is_not_now());
            }
            _ => {
                count.into_iter().for_each(|count| count.answers += 1);
                self.refused_in_row = 0;
            }
        }
        Counted { new_function: self.functions.len() > before, minute }
    }
}

/// Whether a request of this effect leaves the device another than before.
pub const fn changes(effect: Effect) -> bool {
    matches!(
        effect,
        Effect::Write | Effect::Configure | Effect::Download | Effect::Start | Effect::Stop | Effect::Restart
    )
}

/// Place of a link in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkId(u32);

/// The table of links.
pub struct Links {
    places: HashMap<LinkKey, LinkId>,
    list: Vec<Link>,
    limit: usize,
    pub refused: u64,
}

impl Links {
    pub fn new(limit: usize) -> Self {
        Self { places: HashMap::new(), list: Vec::new(), limit, refused: 0 }
    }

    pub fn id(&mut self, key: LinkKey, time_ns: i64) -> Option<LinkId> {
        if let Some(id) = self.places.get(&key).copied() {
            self.get_mut(id).into_iter().for_each(|link| link.void = false);
            return Some(id);
        }
        if self.list.len() >= self.limit {
            self.refused += 1;
            return None;
        }
        let id = LinkId(u32::try_from(self.list.len()).ok()?);
        self.list.push(Link {
            key,
            first_ns: time_ns,
            last_ns: time_ns,
            to_server: (0, 0),
            to_client: (0, 0),
            flows: 0,
            functions: Vec::new(),
            requests: 0,
            refused: 0,
            changes: 0,
            refused_in_row: 0,
            first_change_ns: None,
            functions_refused: 0,
            malformed: 0,
            begun: false,
            newcomer: false,
            last_request_ns: time_ns,
            awoke: false,
            out_of_turn: 0,
            walk: 0,
            walked: (0, 0),
            commanded: ([0; 4], 0),
            origins: 0,
            second: 0,
            in_second: 0,
            flooded_ns: None,
            asked: [0; 4],
            answered: [0; 4],
            again: [0; 4],
            latest_unit: None,
            minutes: Minutes::default(),
            called: None,
            hidden: false,
            void: false,
        });
        self.places.insert(key, id);
        Some(id)
    }

    pub fn get(&self, id: LinkId) -> Option<&Link> {
        self.list.get(id.0 as usize)
    }

    pub fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.list.get_mut(id.0 as usize)
    }

    /// Whether a link is new at a server that another client of the protocol, one to be trusted, has been using for longer,
    /// while its own client never did, not even at another port.
    pub fn is_newcomer(&self, id: LinkId, trusted: impl Fn(HostId) -> bool) -> bool {
        let Some(link) = self.get(id) else { return false };
        let is_established = |other: &&Link| {
            other.key.server == link.key.server
                && other.key.protocol == link.key.protocol
                && trusted(other.key.client)
                && other.requests >= ESTABLISHED_REQUESTS
                && other.first_ns.saturating_add(ESTABLISHED_NS) <= link.first_ns
        };
        let mut others = false;
        for other in self.list.iter().filter(is_established) {
            if other.key.client == link.key.client {
                return false;
            }
            others = true;
        }
        others
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.list.iter().filter(|link| !link.void)
    }

    /// Takes a conversation out of a link: it belongs to another.
    pub fn take_back(&mut self, id: LinkId, to_server: (u64, u64), to_client: (u64, u64)) {
        let Some(link) = self.get_mut(id) else { return };
        for (sum, gone) in [(&mut link.to_server, to_server), (&mut link.to_client, to_client)] {
            *sum = (sum.0.saturating_sub(gone.0), sum.1.saturating_sub(gone.1));
        }
        link.flows = link.flows.saturating_sub(1);
        if link.flows == 0 && link.functions.is_empty() {
            (link.void, link.asked) = (true, [0; 4]);
        }
    }
}
