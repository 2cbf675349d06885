//! The air-handling unit of the packaging hall: fresh air, filtered, heated or cooled, blown in.

use crate::rng::Rng;

/// What the unit does, by number; BACnet counts states from 1.
pub const AIR_HANDLING_STATES: [&str; 4] = ["Off", "Ventilation", "Heating", "Cooling"];

/// The unit.
#[derive(Debug, Clone)]
pub struct AirHandling {
    /// Supply air in Cel.
    pub supply: f64,
    /// Air from the hall in Cel.
    pub extract: f64,
    /// Set-point of the supply air in Cel, writable.
    pub setpoint: f64,
    /// Heating valve in %.
    pub heating: f64,
    /// Cooling valve in %.
    pub cooling: f64,
    /// What the fan is told, writable.
    pub fan: bool,
    /// Air in m3/h.
    pub flow: f64,
    /// Pressure over the filter in Pa: it grows until somebody changes the filter.
    pub filter: f64,
    integral: f64,
    rng: Rng,
}

impl AirHandling {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            supply: 19.6,
            extract: 22.4,
            setpoint: 20.0,
            heating: 30.0,
            cooling: 0.0,
            fan: true,
            flow: 14_200.0,
            filter: 118.0,
            integral: 30.0,
            rng: Rng::new(seed ^ 0xA1D),
        }
    }

    /// Index into [`AIR_HANDLING_STATES`].
    #[must_use]
    pub fn state(&self) -> u16 {
        match () {
            () if !self.fan => 0,
            () if self.heating > 2.0 => 2,
            () if self.cooling > 2.0 => 3,
            () => 1,
        }
    }

    /// Whether the filter wants to be changed.
    #[must_use]
    pub fn filter_dirty(&self) -> bool {
        self.filter > 250.0
    }

    pub(super) fn step(&mut self, dt: f64, outdoor: f64, line_load: f64) {
        let flow = if self.fan { 14_200.0 } else { 0.0 };
        self.flow += (flow - self.flow) * (dt / 8.0).min(1.0) + self.rng.noise(15.0) * flow / 14_200.0;
        self.flow = self.flow.max(0.0);
        // One sequence for both valves: above 0 it heats, below it cools.
        let error = self.setpoint.clamp(10.0, 35.0) - self.supply;
        if self.fan {
            self.integral = (self.integral + error * 0.25 * dt).clamp(-100.0, 100.0);
        }
        let demand = if self.fan { (self.integral + error * 6.0).clamp(-100.0, 100.0) } else { 0.0 };
        self.heating += (demand.max(0.0) - self.heating) * (dt / 4.0).min(1.0);
        self.cooling += ((-demand).max(0.0) - self.cooling) * (dt / 4.0).min(1.0);
        let recovered = outdoor + (self.extract - outdoor) * 0.7;
        let supply = recovered + self.heating * 0.12 - self.cooling * 0.1;
        self.supply += (supply - self.supply) * (dt / 25.0).min(1.0) + self.rng.noise(0.01);
        let hall = 0.6 * self.supply + 0.4 * (outdoor + 12.0) + line_load * 2.5;
        self.extract += (hall - self.extract) * dt / 900.0 + self.rng.noise(0.003);
        self.filter += dt * 0.002 * self.flow / 14_200.0;
        if self.filter > 300.0 {
            self.filter = 95.0; // a new one
        }
    }
}
