//! The bottling line: filler, capper and packer with bottles between them.
//!
//! ```text
//!   filler ──▶ ▒▒▒ 200 bottles ▒▒▒ ──▶ capper ──▶ ▒▒▒ 240 bottles ▒▒▒ ──▶ packer (cases of 12)
//! ```
//! A machine that stands still starves the one behind it and blocks the one before it, once the buffer between them
//! is empty or full: the cause of a stop is often two machines away.

use super::packml::{Machine, Reason, State};
use crate::rng::Rng;

/// Bottles that fit between filler and capper.
const BUFFER_1: f64 = 200.0;
/// Bottles that fit between capper and packer.
const BUFFER_2: f64 = 240.0;
/// Bottles in a case.
const CASE: f64 = 12.0;

/// What is filled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// Name, at most 16 characters.
    pub name: &'static str,
    /// Target volume in mL.
    pub volume_ml: f64,
    /// Target speed that the HMI sets, in bottles per minute.
    pub speed: f64,
}

/// The products of the plant.
pub const RECIPES: [Recipe; 3] = [
    Recipe { name: "COLA-050", volume_ml: 500.0, speed: 420.0 },
    Recipe { name: "WATER-075", volume_ml: 750.0, speed: 360.0 },
    Recipe { name: "JUICE-033", volume_ml: 330.0, speed: 450.0 },
];

/// One machine of the line.
#[derive(Debug, Clone)]
pub struct Station {
    /// State and reason.
    pub machine: Machine,
    /// Speed in bottles (packer: cases) per minute.
    pub speed: f64,
    /// Good pieces since the counter was new.
    pub good: u32,
    /// Rejected pieces.
    pub rejects: u32,
    fraction: f64,
    stop_for_s: f64,
}

impl Station {
    pub(super) fn new(speed: f64, good: u32, rejects: u32) -> Self {
        Self { machine: Machine::running(), speed, good, rejects, fraction: 0.0, stop_for_s: 0.0 }
    }

    /// Moves the speed towards `target` and gives the pieces made meanwhile, whole ones counted.
    pub(super) fn run(&mut self, target: f64, dt: f64, reject_rate: f64, rng: &mut Rng) -> f64 {
        let target = if self.machine.runs() { target + rng.noise(target * 0.004) } else { 0.0 };
        self.speed += (target - self.speed) * (dt / 1.5).min(1.0);
        if self.speed < 0.5 {
            self.speed = 0.0;
        }
        let pieces = self.speed / 60.0 * dt;
        self.fraction += pieces;
        while self.fraction >= 1.0 {
            self.fraction -= 1.0;
            let counter = if rng.chance(reject_rate) { &mut self.rejects } else { &mut self.good };
            *counter = counter.wrapping_add(1);
        }
        pieces
    }

    /// Holds the machine for a time, once in `mean_s` seconds of running.
    fn maybe_stop(&mut self, mean_s: f64, seconds: (f64, f64), reason: Reason, dt: f64, rng: &mut Rng) {
        if self.machine.runs() && rng.chance(dt / mean_s) {
            self.stop_for_s = rng.between(seconds.0, seconds.1);
            self.machine.go(State::Holding, reason);
        }
        if self.machine.state() == State::Held && self.machine.in_state_s() >= self.stop_for_s {
            let reason = self.machine.reason();
            self.machine.go(State::Unholding, reason);
        }
    }

    /// Waits while there is nothing to do, and goes on when there is.
    pub(super) fn wait_if(&mut self, must_wait: bool, may_go: bool, reason: Reason) {
        if self.machine.runs() && must_wait {
            self.machine.go(State::Suspending, reason);
        } else if self.machine.state() == State::Suspended && may_go && self.machine.in_state_s() > 1.0 {
            let reason = self.machine.reason();
            self.machine.go(State::Unsuspending, reason);
        }
    }
}

/// The line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Filler; its speed counts bottles.
    pub filler: Station,
    /// Capper.
    pub capper: Station,
    /// Packer; its speed counts cases.
    pub packer: Station,
    /// Target speed of the filler in bottles per minute, as written by the HMI.
    pub target: f64,
    /// Level of the filler's bowl in %.
    pub level: f64,
    /// Temperature of the product in Cel.
    pub product_temp: f64,
    /// Volume of the last bottle in mL.
    pub volume_ml: f64,
    /// Vibration of the filler's main bearing in mm/s RMS.
    pub vibration: f64,
    /// Temperature of that bearing in Cel.
    pub bearing_temp: f64,
    /// Torque of the last cap in N.m.
    pub torque: f64,
    /// Caps left in the hopper in %.
    pub caps: f64,
    /// Temperature of the packer's glue in Cel.
    pub glue_temp: f64,
    /// Bottles between filler and capper.
    pub buffer_1: f64,
    /// Bottles between capper and packer.
    pub buffer_2: f64,
    /// Number of the present batch.
    pub batch: u32,
    /// Wear of the bearing: 0 sound, 1 worn out.
    pub wear: f64,
    valve_open: bool,
    batch_left_s: f64,
}

impl Line {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            filler: Station::new(400.0, 1_284_112, 3_106),
            capper: Station::new(400.0, 1_279_870, 1_940),
            packer: Station::new(33.0, 106_601, 87),
            target: RECIPES[0].speed,
            level: rng.between(58.0, 80.0),
            product_temp: 4.2,
            volume_ml: 500.0,
            vibration: 1.4,
            bearing_temp: 46.0,
            torque: 1.8,
            caps: 88.0,
            glue_temp: 168.0,
            buffer_1: 80.0,
            buffer_2: 90.0,
            batch: 41,
            wear: 0.0,
            valve_open: false,
            batch_left_s: 150.0,
        }
    }

    /// The recipe of the present batch.
    #[must_use]
    pub fn recipe(&self) -> Recipe {
        RECIPES.get(self.batch as usize % RECIPES.len()).copied().unwrap_or(RECIPES[0])
    }

    /// True while the bowl is filled up.
    #[must_use]
    pub const fn valve_open(&self) -> bool {
        self.valve_open
    }

    /// The id of the present batch, e.g. `B-00042`.
    #[must_use]
    pub fn batch_id(&self) -> String {
        format!("B-{:05}", self.batch)
    }

    pub(super) fn step(&mut self, dt: f64, worn: bool, rng: &mut Rng) {
        self.step_filler(dt, rng);
        self.step_capper(dt, rng);
        self.step_packer(dt, rng);
        self.step_bearing(dt, worn, rng);
    }

    fn step_filler(&mut self, dt: f64, rng: &mut Rng) {
        self.step_batch(dt, rng);
        let filler = &mut self.filler;
        filler.maybe_stop(1500.0, (25.0, 80.0), Reason::Guard, dt, rng);
        filler.wait_if(self.buffer_1 >= BUFFER_1 - 2.0, self.buffer_1 < BUFFER_1 * 0.6, Reason::Blocked);
        filler.machine.advance(dt);
        let rejects = 0.003 + self.wear * 0.03;
        let made = filler.run(self.target.clamp(0.0, 600.0), dt, rejects, rng);
        self.buffer_1 = (self.buffer_1 + made).min(BUFFER_1);
        let litres = made * self.recipe().volume_ml / 1000.0;
        self.valve_open = if self.valve_open { self.level < 82.0 } else { self.level < 56.0 };
        let inflow = if self.valve_open { 7.0 } else { 0.0 };
        self.level = (self.level + inflow * dt - litres * 0.8).clamp(2.0, 98.0);
        self.product_temp += (4.2 - self.product_temp) * dt / 90.0 + rng.noise(0.012);
        if made > 0.0 {
            self.volume_ml = self.recipe().volume_ml + rng.noise(0.9 + self.wear * 4.0);
        }
    }

    /// Completes the batch, sets up the next one and starts again.
    fn step_batch(&mut self, dt: f64, rng: &mut Rng) {
        let machine = &mut self.filler.machine;
        match machine.state() {
            State::Execute => {
                self.batch_left_s -= dt;
                if self.batch_left_s <= 0.0 {
                    machine.go(State::Completing, Reason::Changeover);
                }
            }
            State::Completed if machine.in_state_s() > 3.0 => {
                machine.go(State::Resetting, Reason::Changeover);
                self.batch = self.batch.wrapping_add(1);
                self.batch_left_s = rng.between(200.0, 320.0);
            }
            State::Idle if machine.in_state_s() > 3.0 => machine.go(State::Starting, Reason::Changeover),
            _ => {}
        }
    }

    fn step_capper(&mut self, dt: f64, rng: &mut Rng) {
        let capper = &mut self.capper;
        capper.maybe_stop(420.0, (15.0, 70.0), Reason::Jam, dt, rng);
        let starved = self.buffer_1 < 2.0;
        let blocked = self.buffer_2 >= BUFFER_2 - 2.0;
        let reason = if blocked { Reason::Blocked } else { Reason::Starved };
        let may_go = self.buffer_1 > 40.0 && self.buffer_2 < BUFFER_2 * 0.7;
        capper.wait_if(starved || blocked, may_go, reason);
        capper.machine.advance(dt);
        // It follows the buffer: slower when it runs empty, at most 480 per minute.
        let made = capper.run((300.0 + self.buffer_1 * 1.4).min(480.0), dt, 0.0015, rng);
        self.buffer_1 = (self.buffer_1 - made).max(0.0);
        self.buffer_2 = (self.buffer_2 + made).min(BUFFER_2);
        if made > 0.0 {
            self.torque = 1.8 + rng.noise(0.07);
        }
        self.caps -= made * 0.004;
        if self.caps < 8.0 {
            self.caps = 96.0; // somebody fills the hopper
        }
    }

    fn step_packer(&mut self, dt: f64, rng: &mut Rng) {
        let packer = &mut self.packer;
        packer.maybe_stop(1100.0, (20.0, 60.0), Reason::Material, dt, rng);
        packer.wait_if(self.buffer_2 < CASE, self.buffer_2 > CASE * 5.0, Reason::Starved);
        packer.machine.advance(dt);
        let made = packer.run((25.0 + self.buffer_2 * 0.1).min(42.0), dt, 0.0008, rng);
        self.buffer_2 = (self.buffer_2 - made * CASE).max(0.0);
        self.glue_temp += (168.0 - self.glue_temp) * dt / 60.0 + rng.noise(0.05);
    }

    /// A worn bearing gets worse by itself, faster under load; a new one is put in when the switch goes off.
    fn step_bearing(&mut self, dt: f64, worn: bool, rng: &mut Rng) {
        let load = self.filler.speed / 400.0;
        self.wear =
            if worn { (self.wear + dt / 900.0 * (0.3 + load + self.wear * 2.0)).min(1.0) } else { 0.0 };
        let steady = load * (1.3 + 9.5 * self.wear * self.wear + 1.2 * self.wear);
        let knock = if rng.chance(self.wear * 0.2) { rng.between(0.0, 3.0) * self.wear } else { 0.0 };
        self.vibration += (steady + knock - self.vibration) * (dt / 0.8).min(1.0) + rng.noise(0.02) * load;
        self.vibration = self.vibration.max(0.05);
        let warm = 24.0 + load * (22.0 + 30.0 * self.wear);
        self.bearing_temp += (warm - self.bearing_temp) * dt / 120.0 + rng.noise(0.01);
    }
}
