//! The network cabinet of the hall: a switch, and the uninterruptible power supply that feeds it.

use super::switches::Machine;
use crate::rng::Rng;

/// What hangs on the ports of the switch, from port 1 on. The last is the way to the office.
pub const PORTS: [Option<Machine>; 6] = [
    Some(Machine::Filler),
    Some(Machine::Palletiser),
    Some(Machine::Boiler),
    Some(Machine::Compressor1),
    Some(Machine::Meters),
    None,
];

/// One port of the switch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Port {
    /// Whether what hangs on it is there.
    pub up: bool,
    /// Bytes received since the switch was started.
    pub received: u64,
    /// Bytes sent since then.
    pub sent: u64,
}

/// The cabinet.
#[derive(Debug, Clone)]
pub struct Cabinet {
    /// Ports of the switch, in the order of [`PORTS`].
    pub ports: [Port; PORTS.len()],
    /// Charge of the battery in %.
    pub charge: f64,
    /// Load of the power supply in %.
    pub load: f64,
    /// Voltage at its input in V.
    pub input: f64,
    /// Time in the cabinet since the switch was started, in seconds.
    pub up_s: f64,
    rng: Rng,
}

impl Cabinet {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            ports: [Port { up: true, received: 4_000_000_000, sent: 9_000_000_000 }; PORTS.len()],
            charge: 100.0,
            load: 31.0,
            input: 231.0,
            up_s: 41.0 * 86_400.0,
            rng: Rng::new(seed ^ 0xCAB),
        }
    }

    /// Minutes that the battery would last.
    #[must_use]
    pub fn minutes(&self) -> f64 {
        self.charge / 100.0 * 1_400.0 / self.load.max(5.0)
    }

    pub(super) fn step(&mut self, dt: f64, voltage: f64, answers: impl Fn(Machine) -> bool) {
        self.up_s += dt;
        self.input = voltage;
        self.load += (31.0 - self.load) * dt / 20.0 + self.rng.noise(0.08);
        self.charge = (self.charge + dt / 60.0).min(100.0);
        for (port, machine) in self.ports.iter_mut().zip(PORTS) {
            port.up = machine.is_none_or(&answers);
            if port.up {
                let bytes = 2_400.0 * dt * self.rng.between(0.8, 1.2);
                port.received = port.received.wrapping_add(bytes as u64);
                port.sent = port.sent.wrapping_add((bytes * 2.3) as u64);
            }
        }
    }
}
