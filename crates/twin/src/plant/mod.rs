//! The demonstration plant: a pure, seeded model of a small bottling plant.
//!
//! ```text
//!   set-points ─▶ ┌──────────── Plant::step(dt) ────────────┐ ─▶ tags ─▶ register banks, data blocks, tags, objects, documents
//!   switches   ─▶ │ line, labeller ─▶ palletiser ─▶ wrapper │
//!                 │   └─ steam, air, power demand ─▶ boiler, compressors, meters, network, roof, air handling
//!                 └─────────────────────────────────────────┘
//! ```
//! It advances in ticks of 100 ms and draws from one seeded generator, so that the same seed and the same inputs give
//! the same plant, in real time or as fast as the processor can.

mod air_handling;
mod bottling;
mod cabinet;
mod checkweigher;
mod cold_store;
mod labeller;
pub mod packml;
mod palletiser;
mod roof;
mod switches;
mod utilities;
mod washer;
mod water;
mod wrapper;

pub use air_handling::{AIR_HANDLING_STATES, AirHandling};
pub use bottling::{Line, RECIPES, Recipe, Station};
pub use cabinet::{Cabinet, PORTS, Port};
pub use checkweigher::{CHECKWEIGHER_STATES, Checkweigher};
pub use cold_store::{COLD_STORE_STATES, ColdStore};
pub use labeller::Labeller;
pub use palletiser::{CLOCK_OFFSET_S, Palletiser};
pub use roof::{INVERTER_STATES, Roof};
pub use switches::{Machine, SWITCHES, Switch, UnknownSwitch};
pub use utilities::{AIR_STATES, Air, BURNER_STATES, Boiler, COMPRESSOR_STATES, Compressor, Meter};
pub use washer::{WASHER_STATES, Washer};
pub use water::{WATER_STATES, Water};
pub use wrapper::Wrapper;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::rng::Rng;

/// Step of the model.
pub const TICK: Duration = Duration::from_millis(100);

/// The plant.
#[derive(Debug, Clone)]
pub struct Plant {
    /// Bottling line 1.
    pub line: Line,
    /// Labeller of the line.
    pub labeller: Labeller,
    /// Palletiser behind the line.
    pub palletiser: Palletiser,
    /// Wrapper behind the palletiser.
    pub wrapper: Wrapper,
    /// Steam.
    pub boiler: Boiler,
    /// Compressed air.
    pub air: Air,
    /// Meters of the incomer, the packaging hall, the boiler house, compressed air and the offices.
    pub meters: [Meter; 5],
    /// Network and its power supply.
    pub cabinet: Cabinet,
    /// Weather and sunlight.
    pub roof: Roof,
    /// Air of the packaging hall.
    pub air_handling: AirHandling,
    /// Checkweigher behind the packer.
    pub checkweigher: Checkweigher,
    /// Cold store.
    pub cold_store: ColdStore,
    /// Bottle washer before the line.
    pub washer: Washer,
    /// Water treatment.
    pub water: Water,
    rng: Rng,
    switches: BTreeSet<Switch>,
    elapsed: Duration,
    rest: Duration,
}

impl Plant {
    /// A plant in the middle of its day.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let line = Line::new(&mut rng);
        let cases = line.packer.good;
        let palletiser = Palletiser::new(cases);
        Self {
            labeller: Labeller::new(seed),
            wrapper: Wrapper::new(seed, palletiser.pallets),
            cabinet: Cabinet::new(seed),
            roof: Roof::new(seed),
            air_handling: AirHandling::new(seed),
            checkweigher: Checkweigher::new(seed, cases),
            cold_store: ColdStore::new(seed),
            washer: Washer::new(seed),
            water: Water::new(seed),
            boiler: Boiler::new(&mut rng),
            palletiser,
            air: Air::new(),
            meters: [
                Meter::new(38.0, 3_120_441),
                // About to roll over: 2^32 kWh is never reached, but meters start anywhere.
                Meter::new(24.0, u32::MAX - 1),
                Meter::new(9.0, 411_208),
                Meter::new(1.0, 1_098_770),
                Meter::new(12.0, 76_003),
            ],
            line,
            rng,
            switches: BTreeSet::new(),
            elapsed: Duration::ZERO,
            rest: Duration::ZERO,
        }
    }

    /// Lets time pass. What does not fill a whole tick is kept for the next call.
    pub fn step(&mut self, dt: Duration) {
        self.rest += dt;
        while let Some(rest) = self.rest.checked_sub(TICK) {
            self.rest = rest;
            self.tick();
        }
    }

    /// Simulated time since the start.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Turns a trouble on or off.
    pub fn set_switch(&mut self, switch: Switch, on: bool) {
        if on {
            self.switches.insert(switch);
            if switch == Switch::PlannedDownload {
                self.palletiser.download();
            }
        } else {
            self.switches.remove(&switch);
        }
    }

    /// Whether a trouble is on.
    #[must_use]
    pub fn switch(&self, switch: Switch) -> bool {
        self.switches.contains(&switch)
    }

    /// False while nobody gets an answer from this machine.
    #[must_use]
    pub fn answers(&self, machine: Machine) -> bool {
        let reachable = !self.switch(Switch::Outage(machine));
        reachable && (machine != Machine::Palletiser || self.palletiser.answers())
    }

    /// One sentence about what the plant does.
    #[must_use]
    pub fn summary(&self) -> String {
        let line = &self.line;
        format!(
            "filler {:?} at {:.0}/min, capper {:?}, packer {:?}, batch {} {}, steam {:.1} bar, air {:.1} bar",
            line.filler.machine.state(),
            line.filler.speed,
            line.capper.machine.state(),
            line.packer.machine.state(),
            line.batch_id(),
            line.recipe().name,
            self.boiler.pressure,
            self.air.header,
        )
    }

    fn tick(&mut self) {
        let dt = TICK.as_secs_f64();
        self.elapsed += TICK;
        let rng = &mut self.rng;
        self.line.step(dt, self.switches.contains(&Switch::WornBearing), rng);
        self.palletiser.step(dt, self.line.packer.good, rng);
        if !self.palletiser.is_downloading() {
            self.switches.remove(&Switch::PlannedDownload);
        }
        let load = self.line.filler.speed / 420.0;
        self.boiler.step(dt, load, rng);
        self.air.step(dt, load, rng);
        let seconds = self.elapsed.as_secs_f64();
        let grid =
            (50.0 + 0.02 * (seconds / 37.0).sin() + rng.noise(0.004), 231.0 + 1.5 * (seconds / 211.0).sin());
        let air = self.air.first.power + self.air.second.power;
        let packaging = load * 18.0 + self.line.capper.speed / 60.0 + self.line.packer.speed / 10.0;
        let boiler = self.boiler.load * 0.12 + if self.boiler.pump_runs() { 7.5 } else { 0.0 };
        let loads = [air + packaging + boiler, packaging, boiler, air, 2.0];
        for (meter, load) in self.meters.iter_mut().zip(loads) {
            meter.step(dt, load, grid, rng);
        }
        self.step_more(dt);
    }

    /// What came later: it draws numbers of its own.
    fn step_more(&mut self, dt: f64) {
        self.labeller.step(dt, &self.line);
        self.wrapper.step(dt, self.palletiser.pallets);
        self.roof.step(dt);
        self.air_handling.step(dt, self.roof.temperature, self.line.filler.speed / 420.0);
        self.checkweigher.step(dt, &self.line);
        self.cold_store.step(dt, self.roof.temperature);
        self.washer.step(dt, self.line.filler.speed);
        self.water.step(dt, self.line.filler.speed / 420.0);
        let there: Vec<Machine> =
            PORTS.into_iter().flatten().filter(|machine| self.answers(*machine)).collect();
        let voltage = self.meters.first().map_or(0.0, |meter| meter.voltage);
        self.cabinet.step(dt, voltage, |machine| there.contains(&machine));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything the plant shows, every second.
    fn trace(seed: u64, seconds: u64, slice: Duration) -> Vec<String> {
        let mut plant = Plant::new(seed);
        let mut trace = Vec::new();
        while plant.elapsed() < Duration::from_secs(seconds) {
            plant.step(slice);
            if plant.elapsed().as_millis().is_multiple_of(1000) && plant.rest.is_zero() {
                let elapsed = plant.elapsed();
                if elapsed == Duration::from_secs(60) {
                    plant.set_switch(Switch::WornBearing, true);
                }
                trace.push(format!("{} {:?}", plant.summary(), plant.meters));
            }
        }
        trace
    }

    #[test]
    fn the_same_seed_gives_the_same_plant() {
        let one = trace(7, 120, Duration::from_millis(100));
        assert_eq!(one.len(), 120);
        assert_eq!(one, trace(7, 120, Duration::from_millis(50)), "whatever the slices");
        assert_ne!(one, trace(8, 120, Duration::from_millis(100)));
    }

    #[test]
    fn an_hour_shows_what_a_plant_does() {
        let mut plant = Plant::new(3);
        let (mut states, mut reasons, mut batches) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut pressures, mut rolled) = ((f64::MAX, f64::MIN), false);
        let good = plant.line.packer.good;
        for _ in 0..3600 {
            plant.step(Duration::from_secs(1));
            let line = &plant.line;
            for station in [&line.filler, &line.capper, &line.packer] {
                states.insert(station.machine.state());
                reasons.insert(station.machine.reason() as u16);
            }
            batches.insert(line.batch_id());
            pressures = (pressures.0.min(plant.boiler.pressure), pressures.1.max(plant.boiler.pressure));
            rolled |= plant.meters[1].energy < 1000;
            assert!((0.0..=100.0).contains(&line.level) && line.vibration < 3.0, "{}", plant.summary());
            assert!((5.8..=8.0).contains(&plant.air.header), "{}", plant.air.header);
            assert!((20.0..=80.0).contains(&plant.boiler.drum_level), "{}", plant.boiler.drum_level);
        }
        assert!(states.len() >= 10, "{states:?}");
        assert!(reasons.len() >= 5, "{reasons:?}");
        assert!(batches.len() >= 8, "{batches:?}");
        assert!(pressures.0 > 6.5 && pressures.1 < 9.5, "{pressures:?}");
        assert!(rolled, "a meter rolls over");
        let cases = plant.line.packer.good - good;
        assert!((900..2600).contains(&cases), "{cases} cases in an hour");
    }

    #[test]
    fn switches_do_what_they_say() {
        let mut plant = Plant::new(1);
        plant.set_switch(Switch::WornBearing, true);
        plant.step(Duration::from_secs(600));
        assert!(plant.line.wear > 0.5, "{}", plant.line.wear);
        plant.set_switch(Switch::WornBearing, false);
        plant.set_switch(Switch::PlannedDownload, true);
        let program = plant.palletiser.program;
        plant.step(Duration::from_secs(8));
        assert!(!plant.answers(Machine::Palletiser) && plant.switch(Switch::PlannedDownload));
        plant.step(Duration::from_secs(20));
        assert!(plant.answers(Machine::Palletiser) && !plant.switch(Switch::PlannedDownload));
        assert_eq!(plant.palletiser.program, program + 1);
        plant.set_switch(Switch::Outage(Machine::Boiler), true);
        assert!(!plant.answers(Machine::Boiler) && plant.answers(Machine::Filler));
        for switch in Switch::all() {
            assert_eq!(switch.to_string().parse(), Ok(switch));
        }
        assert_eq!("nothing".parse::<Switch>(), Err(UnknownSwitch("nothing".into())));
    }
}
