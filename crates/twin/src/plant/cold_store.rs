//! The cold store: two zones, a compressor, and a door that people leave open.

use crate::rng::Rng;

/// States of the cold store, by number.
pub const COLD_STORE_STATES: [&str; 3] = ["Idle", "Cooling", "Defrosting"];
/// Between two defrosts, and how long one takes, in seconds.
const DEFROST_S: (f64, f64) = (900.0, 60.0);

/// The cold store.
#[derive(Debug, Clone)]
pub struct ColdStore {
    /// Temperatures of its two zones in Cel.
    pub zones: [f64; 2],
    /// What an operator wants, in Cel.
    pub target: f64,
    /// Relative humidity in %.
    pub humidity: f64,
    /// Electrical power of the compressor in kW.
    pub power: f64,
    /// Whether the door stands open.
    pub door_open: bool,
    cooling: bool,
    door_s: f64,
    defrost_s: f64,
    rng: Rng,
}

impl ColdStore {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            zones: [4.1, 4.6],
            target: 4.0,
            humidity: 82.0,
            power: 0.3,
            door_open: false,
            cooling: false,
            door_s: 45.0,
            defrost_s: DEFROST_S.0 / 2.0,
            rng: Rng::new(seed ^ 0xC01D),
        }
    }

    /// Index into [`COLD_STORE_STATES`].
    #[must_use]
    pub const fn state(&self) -> u16 {
        if self.defrost_s < 0.0 { 2 } else { self.cooling as u16 }
    }

    pub(super) fn step(&mut self, dt: f64, outside: f64) {
        self.door_s -= dt;
        if self.door_s <= 0.0 {
            self.door_open = !self.door_open;
            self.door_s =
                if self.door_open { self.rng.between(8.0, 40.0) } else { self.rng.between(60.0, 240.0) };
        }
        self.defrost_s -= dt;
        if self.defrost_s < -DEFROST_S.1 {
            self.defrost_s = DEFROST_S.0;
        }
        let [front, back] = self.zones;
        self.cooling = if self.cooling { back > self.target - 0.4 } else { back > self.target + 0.4 };
        let cold = if self.cooling && self.defrost_s >= 0.0 { 1.0 } else { 0.0 };
        let wanted = 0.3 + 5.2 * cold + if self.defrost_s < 0.0 { 2.0 } else { 0.0 };
        self.power += (wanted - self.power) * (dt / 2.0).min(1.0);
        let leak = if self.door_open { 0.004 } else { 0.000_6 };
        self.zones = [
            front + (outside - front) * leak * dt - 0.03 * cold * dt + self.rng.noise(0.01),
            back + (outside - back) * leak * 0.6 * dt - 0.025 * cold * dt + self.rng.noise(0.01),
        ];
        let humid = if self.door_open { 90.0 } else { 80.0 };
        self.humidity = (self.humidity + (humid - self.humidity) * dt / 60.0).clamp(40.0, 99.0);
    }
}
