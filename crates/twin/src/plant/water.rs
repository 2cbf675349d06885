//! The water treatment: reverse osmosis on a skid, which fills the tank for process water.

use crate::rng::Rng;

/// States of the skid, by number.
pub const WATER_STATES: [&str; 3] = ["Standby", "Producing", "Flushing"];
/// Content of the tank in m3, and what the skid makes in an hour.
const TANK_M3: f64 = 12.0;
const FLOW_M3_H: f64 = 9.0;
/// Between two flushes of the membrane, and how long one takes, in seconds.
const FLUSH_S: (f64, f64) = (1_200.0, 40.0);

/// The water treatment.
#[derive(Debug, Clone)]
pub struct Water {
    /// Conductivity of the water made, in uS/cm.
    pub conductivity: f64,
    /// Water made, in m3/h.
    pub flow: f64,
    /// Pressure before the membrane in bar.
    pub pressure: f64,
    /// Temperature of the raw water in Cel.
    pub temperature: f64,
    /// Level of the tank in %.
    pub level: f64,
    /// Level that an operator wants kept, in %.
    pub target: f64,
    /// Water made since the counter was new, in m3.
    pub total: f64,
    producing: bool,
    flush_s: f64,
    rng: Rng,
}

impl Water {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            conductivity: 8.2,
            flow: 8.9,
            pressure: 14.1,
            temperature: 12.5,
            level: 71.0,
            target: 75.0,
            total: 48_211.4,
            producing: true,
            flush_s: FLUSH_S.0 / 3.0,
            rng: Rng::new(seed ^ 0xA9A),
        }
    }

    /// Index into [`WATER_STATES`].
    #[must_use]
    pub const fn state(&self) -> u16 {
        if self.flush_s < 0.0 { 2 } else { self.producing as u16 }
    }

    pub(super) fn step(&mut self, dt: f64, load: f64) {
        self.producing =
            if self.producing { self.level < self.target + 4.0 } else { self.level < self.target - 4.0 };
        if self.producing {
            self.flush_s -= dt;
        }
        if self.flush_s < -FLUSH_S.1 {
            self.flush_s = FLUSH_S.0;
        }
        let makes = self.state() == 1;
        let near = |is: f64, wanted: f64, seconds: f64| is + (wanted - is) * (dt / seconds).min(1.0);
        self.flow = near(self.flow, if makes { FLOW_M3_H } else { 0.0 }, 3.0);
        self.pressure = near(self.pressure, if makes { 14.0 } else { 2.0 }, 4.0) + self.rng.noise(0.03);
        // After a pause the first water is the worst.
        self.conductivity =
            near(self.conductivity, if makes { 8.0 } else { 24.0 }, 30.0) + self.rng.noise(0.04);
        self.temperature += self.rng.noise(0.004);
        let made = self.flow / 3_600.0 * dt;
        self.total += made;
        let used = (0.6 + 7.0 * load) / 3_600.0 * dt;
        self.level = (self.level + (made - used) / TANK_M3 * 100.0).clamp(0.0, 100.0);
    }
}
