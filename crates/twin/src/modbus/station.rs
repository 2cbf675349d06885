//! Units behind one port, and what they count.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;
use wire::modbus::ExceptionCode;

use super::bank::Device;
use super::behaviour::Behaviour;

/// Counters of a serial device (section 6.8.1), and its event log (section 6.10).
#[derive(Debug, Default)]
struct Diagnostics {
    messages: u16,
    exceptions: u16,
    no_response: u16,
    busy: u16,
    events: u16,
    log: VecDeque<u8>,
}

const LOG_MAX: usize = 64;

impl Diagnostics {
    fn log(&mut self, event: u8) {
        self.log.truncate(LOG_MAX - 1);
        self.log.push_front(event);
    }
}

/// One device: its data and its behaviour.
pub struct Unit {
    device: Arc<dyn Device>,
    behaviour: RwLock<Behaviour>,
    listening_only: AtomicBool,
    diagnostics: Mutex<Diagnostics>,
    requests: AtomicU64,
    answered: Mutex<Option<Instant>>,
}

impl Unit {
    /// A sound unit.
    #[must_use]
    pub fn new(device: Arc<dyn Device>) -> Self {
        Self {
            device,
            behaviour: RwLock::new(Behaviour::default()),
            listening_only: AtomicBool::new(false),
            diagnostics: Mutex::default(),
            requests: AtomicU64::new(0),
            answered: Mutex::default(),
        }
    }

    /// The same with another behaviour.
    #[must_use]
    pub fn behaving(self, behaviour: Behaviour) -> Self {
        *self.behaviour.write() = behaviour;
        self
    }

    /// Changes the behaviour from the next request on.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        *self.behaviour.write() = behaviour;
    }

    /// The present behaviour.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        *self.behaviour.read()
    }

    /// Requests received since the start, answered or not.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    pub(super) fn device(&self) -> &dyn Device {
        &*self.device
    }

    /// Whether its last answer is less than `rest` ago.
    pub(super) fn is_resting(&self, rest: Duration) -> bool {
        !rest.is_zero() && self.answered.lock().is_some_and(|at| Instant::now() < at + rest)
    }

    pub(super) fn answered_after(&self, delay: Duration) {
        *self.answered.lock() = Some(Instant::now() + delay);
    }

    pub(super) fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Relaxed)
    }

    pub(super) fn is_listening_only(&self) -> bool {
        self.listening_only.load(Relaxed)
    }

    pub(super) fn listen_only(&self) {
        self.listening_only.store(true, Relaxed);
        self.diagnostics.lock().log(0x04);
    }

    pub(super) fn restart(&self, clear_log: bool) {
        self.listening_only.store(false, Relaxed);
        let mut diagnostics = self.diagnostics.lock();
        if clear_log {
            diagnostics.log.clear();
        }
        diagnostics.log(0x00);
    }

    pub(super) fn clear(&self) {
        let mut diagnostics = self.diagnostics.lock();
        let log = std::mem::take(&mut diagnostics.log);
        *diagnostics = Diagnostics { log, ..Diagnostics::default() };
    }

    pub(super) fn record_receive(&self) {
        let listening = u8::from(self.is_listening_only()) << 5;
        let mut diagnostics = self.diagnostics.lock();
        diagnostics.messages = diagnostics.messages.wrapping_add(1);
        diagnostics.log(0x80 | listening);
    }

    pub(super) fn record_send(&self) {
        let mut diagnostics = self.diagnostics.lock();
        diagnostics.events = diagnostics.events.wrapping_add(1);
        diagnostics.log(0x40);
    }

    pub(super) fn record_exception(&self, code: ExceptionCode) {
        let mut diagnostics = self.diagnostics.lock();
        diagnostics.exceptions = diagnostics.exceptions.wrapping_add(1);
        // Exceptions do not count as successful messages (section 6.9); the sent event is counted afterwards.
        diagnostics.events = diagnostics.events.wrapping_sub(1);
        if code == ExceptionCode::SERVER_DEVICE_BUSY {
            diagnostics.busy = diagnostics.busy.wrapping_add(1);
        }
    }

    pub(super) fn record_silence(&self) {
        let mut diagnostics = self.diagnostics.lock();
        diagnostics.no_response = diagnostics.no_response.wrapping_add(1);
    }

    pub(super) fn event_count(&self) -> u16 {
        self.diagnostics.lock().events
    }

    pub(super) fn message_count(&self) -> u16 {
        self.diagnostics.lock().messages
    }

    pub(super) fn event_log(&self) -> Vec<u8> {
        self.diagnostics.lock().log.iter().copied().collect()
    }

    /// Counter of a sub-function 11 to 18; line errors do not happen here and stay 0.
    pub(super) fn diagnostic_counter(&self, sub: u16) -> u16 {
        let diagnostics = self.diagnostics.lock();
        match sub {
            11 | 14 => diagnostics.messages,
            13 => diagnostics.exceptions,
            15 => diagnostics.no_response,
            17 => diagnostics.busy,
            _ => 0,
        }
    }
}

/// What happens to a request for a unit that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownUnit {
    /// Nothing, as on a serial line.
    Silence,
    /// This exception, as from a gateway.
    Exception(ExceptionCode),
}

/// What a station has done since its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections closed at once, because there were too many.
    pub refused: AtomicU64,
    /// Connections open now.
    pub open: AtomicU64,
    /// Requests received.
    pub requests: AtomicU64,
    /// Responses sent, exceptions included.
    pub responses: AtomicU64,
    /// Streams that were not Modbus.
    pub desync: AtomicU64,
    /// Bytes that belonged to no frame (RTU).
    pub skipped: AtomicU64,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Relaxed);
    }
}

/// The units behind one port.
pub struct Station {
    units: BTreeMap<u8, Arc<Unit>>,
    any: Option<Arc<Unit>>,
    unknown: UnknownUnit,
    max_connections: usize,
    pub(super) seed: u64,
    /// What it has done.
    pub counters: Counters,
}

impl Station {
    /// A station without units. Unknown ones are silent.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            units: BTreeMap::new(),
            any: None,
            unknown: UnknownUnit::Silence,
            max_connections: 256,
            seed,
            counters: Counters::default(),
        }
    }

    /// Adds a unit.
    #[must_use]
    pub fn with(mut self, id: u8, unit: Arc<Unit>) -> Self {
        self.units.insert(id, unit);
        self
    }

    /// One device that answers to every unit id that has none of its own, as many TCP devices do.
    #[must_use]
    pub fn with_any(mut self, unit: Arc<Unit>) -> Self {
        self.any = Some(unit);
        self
    }

    /// What happens to a request for an unknown unit.
    #[must_use]
    pub const fn unknown(mut self, unknown: UnknownUnit) -> Self {
        self.unknown = unknown;
        self
    }

    /// Most connections at a time, 256 by default. Real devices often have 4.
    #[must_use]
    pub const fn max_connections(mut self, max: usize) -> Self {
        self.max_connections = max;
        self
    }

    /// A unit by its id.
    #[must_use]
    pub fn unit(&self, id: u8) -> Option<&Arc<Unit>> {
        self.units.get(&id).or(self.any.as_ref())
    }

    pub(super) fn units(&self) -> impl Iterator<Item = &Arc<Unit>> {
        self.units.values()
    }

    pub(super) const fn unknown_unit(&self) -> UnknownUnit {
        self.unknown
    }

    pub(super) const fn most_connections(&self) -> usize {
        self.max_connections
    }
}
