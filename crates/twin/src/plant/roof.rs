//! The roof: weather, and the photovoltaic inverter below it.

use crate::rng::Rng;

/// States of the inverter, by number.
pub const INVERTER_STATES: [&str; 3] = ["Night", "Starting", "Feeding"];
/// What the panels give at most, in kW.
const PEAK_KW: f64 = 120.0;
/// The plant starts at ten in the morning of its own day.
const START_H: f64 = 10.0;

/// The roof.
#[derive(Debug, Clone)]
pub struct Roof {
    /// Outdoor temperature in Cel.
    pub temperature: f64,
    /// Relative humidity in %.
    pub humidity: f64,
    /// Wind in m/s.
    pub wind: f64,
    /// Light in W/m2.
    pub light: f64,
    /// What the inverter feeds in, in kW.
    pub power: f64,
    /// Energy since it was new, in Wh.
    pub energy_wh: f64,
    cloud: f64,
    hours: f64,
    rng: Rng,
}

impl Roof {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x50AB);
        let cloud = rng.between(0.1, 0.5);
        Self {
            temperature: 14.0,
            humidity: 61.0,
            wind: 3.2,
            light: 610.0,
            power: 70.0,
            energy_wh: 412_660_000.0,
            cloud,
            hours: START_H,
            rng,
        }
    }

    /// Index into [`INVERTER_STATES`].
    #[must_use]
    pub fn state(&self) -> u16 {
        match self.light {
            light if light < 5.0 => 0,
            light if light < 25.0 => 1,
            _ => 2,
        }
    }

    pub(super) fn step(&mut self, dt: f64) {
        self.hours = (self.hours + dt / 3600.0) % 24.0;
        let sun = ((self.hours - 6.0) / 12.0 * std::f64::consts::PI).sin().max(0.0);
        self.cloud = (self.cloud + self.rng.noise(0.004)).clamp(0.0, 0.9);
        let light = 950.0 * sun * (1.0 - self.cloud);
        self.light += (light - self.light) * (dt / 6.0).min(1.0);
        self.power = if self.state() == 2 { self.light / 1000.0 * PEAK_KW * 0.9 } else { 0.0 };
        self.energy_wh += self.power * 1000.0 * dt / 3600.0;
        let warm = 9.0 + 9.0 * ((self.hours - 9.0) / 12.0 * std::f64::consts::PI).sin();
        self.temperature += (warm - self.temperature) * dt / 1800.0 + self.rng.noise(0.004);
        self.humidity = (self.humidity + self.rng.noise(0.02)).clamp(20.0, 100.0);
        self.wind = (self.wind + (3.2 - self.wind) * dt / 30.0 + self.rng.noise(0.06)).max(0.0);
    }
}
