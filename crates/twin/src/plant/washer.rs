//! The bottle washer in front of the line: an old machine with a small old controller.

use crate::rng::Rng;

/// States of the washer, by number.
pub const WASHER_STATES: [&str; 3] = ["Idle", "Washing", "Heating"];
/// Above this a counter of the controller begins again at 0.
const COUNTER_ENDS: f64 = 32_768.0;

/// The washer.
#[derive(Debug, Clone)]
pub struct Washer {
    /// Bottles per minute.
    pub speed: f64,
    /// Temperature of the caustic bath in Cel.
    pub caustic: f64,
    /// What an operator wants it to be, in Cel.
    pub target: f64,
    /// Conductivity of the bath in mS/cm: how strong it still is.
    pub strength: f64,
    /// Pressure of the rinsing water in bar.
    pub rinse: f64,
    bottles: f64,
    steam: bool,
    rng: Rng,
}

impl Washer {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            speed: 430.0,
            caustic: 77.4,
            target: 78.0,
            strength: 108.0,
            rinse: 2.4,
            // It goes round within the first hour.
            bottles: COUNTER_ENDS - 9_000.0,
            steam: true,
            rng: Rng::new(seed ^ 0x0A5E),
        }
    }

    /// Index into [`WASHER_STATES`].
    #[must_use]
    pub fn state(&self) -> u16 {
        match (self.caustic < self.target - 6.0, self.speed > 1.0) {
            (true, _) => 2,
            (_, true) => 1,
            _ => 0,
        }
    }

    /// Bottles washed; after 32,767 comes 0.
    #[must_use]
    pub fn bottles(&self) -> u16 {
        self.bottles as u16
    }

    /// Whether the steam valve of the bath is open.
    #[must_use]
    pub const fn steam(&self) -> bool {
        self.steam
    }

    pub(super) fn step(&mut self, dt: f64, filler: f64) {
        let wanted = if self.caustic < self.target - 6.0 { 0.0 } else { filler * 1.02 };
        self.speed += (wanted - self.speed) * (dt / 4.0).min(1.0);
        self.bottles = (self.bottles + self.speed / 60.0 * dt) % COUNTER_ENDS;
        self.steam =
            if self.steam { self.caustic < self.target + 0.5 } else { self.caustic < self.target - 0.5 };
        // Cold bottles take heat out of the bath, and some of its strength, until it is dosed again.
        let heat = if self.steam { 0.09 } else { 0.0 };
        self.caustic += (heat - 0.01 - self.speed * 0.000_06) * dt + self.rng.noise(0.01);
        self.strength -= self.speed * 0.000_02 * dt;
        if self.strength < 100.0 {
            self.strength = 112.0;
        }
        let rinse = if self.speed > 1.0 { 2.4 } else { 0.2 };
        self.rinse =
            (self.rinse + (rinse - self.rinse) * (dt / 2.0).min(1.0) + self.rng.noise(0.01)).max(0.0);
    }
}
