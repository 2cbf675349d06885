//! What every plant needs beside its product: steam, compressed air, electricity.

use crate::rng::Rng;

/// Boiler states, by number.
pub const BURNER_STATES: [&str; 4] = ["Off", "Purge", "Ignition", "Run"];

/// A steam boiler with a modulating burner.
#[derive(Debug, Clone)]
pub struct Boiler {
    /// Steam pressure in bar (gauge).
    pub pressure: f64,
    /// Pressure set-point in bar, writable.
    pub setpoint: f64,
    /// Level of the drum in %.
    pub drum_level: f64,
    /// Flue gas in degrees Fahrenheit: its transmitter came from another continent.
    pub flue_f: f64,
    /// Feed water in Cel.
    pub feed_temp: f64,
    /// Steam in t/h.
    pub steam: f64,
    /// Burner load in %.
    pub load: f64,
    /// Conductivity of the boiler water in uS/cm.
    pub conductivity: f64,
    /// Gas since the meter was new, in m3.
    pub gas: f64,
    /// Index into [`BURNER_STATES`].
    pub burner: u16,
    in_state_s: f64,
    integral: f64,
    pump: bool,
}

impl Boiler {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            pressure: 7.9,
            setpoint: 8.0,
            drum_level: 51.0,
            flue_f: 392.0,
            feed_temp: 102.0,
            steam: 2.1,
            load: 48.0,
            conductivity: rng.between(2300.0, 2700.0),
            gas: 48_210.0,
            burner: 3,
            in_state_s: 0.0,
            integral: 48.0,
            pump: false,
        }
    }

    /// True while the feed pump runs.
    #[must_use]
    pub const fn pump_runs(&self) -> bool {
        self.pump
    }

    pub(super) fn step(&mut self, dt: f64, line_load: f64, rng: &mut Rng) {
        self.steam += (1.1 + line_load * 1.3 - self.steam) * dt / 20.0 + rng.noise(0.006);
        self.in_state_s += dt;
        let error = self.setpoint.clamp(2.0, 10.0) - self.pressure;
        let next = match self.burner {
            0 if error > 0.5 => Some(1),
            1 if self.in_state_s > 15.0 => Some(2),
            2 if self.in_state_s > 4.0 => Some(3),
            3 if error < -0.9 => Some(0),
            _ => None,
        };
        if let Some(next) = next {
            self.burner = next;
            self.in_state_s = 0.0;
        }
        if self.burner == 3 {
            self.integral = (self.integral + error * 2.5 * dt).clamp(15.0, 100.0);
            self.load += ((self.integral + error * 30.0).clamp(15.0, 100.0) - self.load) * dt / 3.0;
        } else {
            self.load = 0.0;
            self.integral = 30.0;
        }
        self.pressure += (self.load * 0.045 - self.steam) * dt / 55.0 + rng.noise(0.0015);
        self.pressure = self.pressure.clamp(0.0, 11.0);
        self.pump = if self.pump { self.drum_level < 56.0 } else { self.drum_level < 46.0 };
        let feed = if self.pump { 0.55 } else { 0.0 };
        self.drum_level += (feed - self.steam * 0.1) * dt + rng.noise(0.02);
        self.feed_temp += (102.0 - f64::from(u8::from(self.pump)) * 4.0 - self.feed_temp) * dt / 40.0;
        self.flue_f += (290.0 + self.load * 2.1 - self.flue_f) * dt / 45.0 + rng.noise(0.08);
        self.conductivity += dt * 0.05 + rng.noise(0.3);
        if self.conductivity > 3200.0 {
            self.conductivity = 2200.0; // blow-down
        }
        self.gas += self.load * 0.0009 * dt;
    }
}

/// Compressor states, by number.
pub const COMPRESSOR_STATES: [&str; 3] = ["Stopped", "Unloaded", "Loaded"];

/// One compressor.
#[derive(Debug, Clone)]
pub struct Compressor {
    /// Pressure at its own outlet in bar.
    pub outlet: f64,
    /// Electrical power in kW.
    pub power: f64,
    /// Oil in Cel.
    pub oil: f64,
    /// Operating hours.
    pub hours: f64,
    /// Index into [`COMPRESSOR_STATES`].
    pub state: u16,
    in_state_s: f64,
    rated: f64,
}

impl Compressor {
    const fn new(state: u16, hours: f64, rated: f64) -> Self {
        Self { outlet: 7.1, power: rated, oil: 78.0, hours, state, in_state_s: 0.0, rated }
    }

    fn step(&mut self, dt: f64, header: f64, band: (f64, f64), rng: &mut Rng) {
        self.in_state_s += dt;
        let next = match self.state {
            2 if header > band.1 => 1,
            0 | 1 if header < band.0 => 2,
            1 if self.in_state_s > 90.0 => 0,
            state => state,
        };
        if next != self.state {
            self.state = next;
            self.in_state_s = 0.0;
        }
        let (load, warm) = match self.state {
            2 => (1.0, 84.0),
            1 => (0.33, 72.0),
            _ => (0.0, 30.0),
        };
        self.power += (self.rated * load - self.power) * (dt / 1.2).min(1.0) + rng.noise(0.05) * load;
        self.power = self.power.max(0.0);
        self.oil += (warm - self.oil) * dt / 150.0 + rng.noise(0.02);
        self.outlet += (header + load * 0.12 - self.outlet) * (dt / 0.5).min(1.0) + rng.noise(0.003);
        if self.state > 0 {
            self.hours += dt / 3600.0;
        }
    }
}

/// States of the compressed air as a whole, by number.
pub const AIR_STATES: [&str; 3] = ["Off", "Pressure low", "Supplying"];

/// Compressed air: two compressors on one header. The first reports bar, the second kPa.
#[derive(Debug, Clone)]
pub struct Air {
    /// Pressure of the header in bar.
    pub header: f64,
    /// Base load.
    pub first: Compressor,
    /// Helps out.
    pub second: Compressor,
    /// Dew point in Cel.
    pub dew_point: f64,
    /// Air consumed in m3/min.
    pub flow: f64,
}

impl Air {
    pub(super) const fn new() -> Self {
        Self {
            header: 7.0,
            first: Compressor::new(2, 18_403.2, 37.0),
            second: Compressor::new(0, 9_120.7, 22.0),
            dew_point: 3.2,
            flow: 4.1,
        }
    }

    /// Index into [`AIR_STATES`], as the controller of the base-load compressor tells it.
    #[must_use]
    pub fn state(&self) -> u16 {
        match () {
            () if self.first.state == 0 && self.second.state == 0 && self.header < 5.0 => 0,
            () if self.header < 5.8 => 1,
            () => 2,
        }
    }

    pub(super) fn step(&mut self, dt: f64, line_load: f64, rng: &mut Rng) {
        self.flow += (1.9 + line_load * 2.9 - self.flow) * dt / 5.0 + rng.noise(0.03);
        self.first.step(dt, self.header, (6.7, 7.4), rng);
        self.second.step(dt, self.header, (6.4, 7.1), rng);
        let made = [&self.first, &self.second].into_iter().filter(|c| c.state == 2).map(|c| c.rated * 0.155);
        self.header += (made.sum::<f64>() - self.flow) * dt / 45.0;
        self.header = self.header.clamp(0.0, 8.5);
        self.dew_point += (3.2 - self.dew_point) * dt / 60.0 + rng.noise(0.02);
    }
}

/// One energy meter.
#[derive(Debug, Clone)]
pub struct Meter {
    /// Phase voltage in V.
    pub voltage: f64,
    /// Current in A.
    pub current: f64,
    /// Active power in kW.
    pub power: f64,
    /// Power factor, 0 to 1.
    pub factor: f64,
    /// Grid frequency in Hz.
    pub frequency: f64,
    /// Energy since the meter was new in kWh; rolls over at 2^32.
    pub energy: u32,
    fraction: f64,
    base: f64,
}

impl Meter {
    pub(super) const fn new(base: f64, energy: u32) -> Self {
        let (voltage, factor) = (231.0, 0.93);
        Self {
            voltage,
            // A meter that is read before the plant has moved shows what its power draws, not 0.
            current: base * 1000.0 / (3.0 * voltage * factor),
            power: base,
            factor,
            frequency: 50.0,
            energy,
            fraction: 0.0,
            base,
        }
    }

    /// `load` is the part of the feeder that varies, in kW; `grid` moves all meters together.
    pub(super) fn step(&mut self, dt: f64, load: f64, grid: (f64, f64), rng: &mut Rng) {
        self.power += (self.base + load - self.power) * (dt / 1.0).min(1.0) + rng.noise(0.15);
        self.power = self.power.max(0.0);
        self.frequency = grid.0;
        self.voltage = grid.1 - self.power * 0.012 + rng.noise(0.1);
        self.factor = (0.86 + self.power / (self.base.max(1.0) * 20.0) + rng.noise(0.003)).clamp(0.5, 0.99);
        self.current = self.power * 1000.0 / (3.0 * self.voltage * self.factor);
        self.fraction += self.power * dt / 3600.0;
        if self.fraction >= 1.0 {
            self.fraction -= 1.0;
            self.energy = self.energy.wrapping_add(1);
        }
    }
}
