//! The labeller between capper and packer: it works when bottles come, and stops when its roll is empty.

use super::bottling::{Line, Station};
use super::packml::Reason;
use crate::rng::Rng;

/// Labels on a new roll.
const ROLL: f64 = 8_000.0;
/// How long changing a roll takes, in seconds.
const CHANGE_S: (f64, f64) = (20.0, 40.0);

/// The labeller.
#[derive(Debug, Clone)]
pub struct Labeller {
    /// State, speed in labels per minute, counters.
    pub station: Station,
    /// Labels left on the roll.
    pub roll: f64,
    /// How far the last label sat from where it belongs, in mm; positive is too high.
    pub position_mm: f64,
    /// What an operator corrects that by, in mm.
    pub correction_mm: f64,
    /// Temperature of the drive in Cel.
    pub drive_temp: f64,
    change_s: f64,
    rng: Rng,
}

impl Labeller {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            station: Station::new(400.0, 1_277_004, 812),
            roll: 5_200.0,
            position_mm: 0.3,
            correction_mm: 0.0,
            drive_temp: 48.0,
            change_s: 0.0,
            // Draws of its own: it changes nothing of the machines that were there before.
            rng: Rng::new(seed ^ 0x1ABE),
        }
    }

    pub(super) fn step(&mut self, dt: f64, line: &Line) {
        let (station, rng) = (&mut self.station, &mut self.rng);
        let bottles = line.capper.speed;
        if self.roll <= 0.0 && self.change_s <= 0.0 {
            self.change_s = rng.between(CHANGE_S.0, CHANGE_S.1);
        }
        if self.change_s > 0.0 {
            self.change_s -= dt;
            if self.change_s <= 0.0 {
                self.roll = ROLL;
            }
        }
        let empty = self.roll <= 0.0;
        let reason = if empty { Reason::Material } else { Reason::Starved };
        station.wait_if(empty || bottles < 1.0, !empty && bottles > 1.0, reason);
        station.machine.advance(dt);
        self.roll -= station.run(bottles, dt, 0.0006, rng);
        let drift = 0.3 - self.correction_mm;
        self.position_mm += (drift - self.position_mm) * (dt / 4.0).min(1.0) + rng.noise(0.03);
        let warm = 26.0 + station.speed / 420.0 * 22.0;
        self.drive_temp += (warm - self.drive_temp) * dt / 90.0 + rng.noise(0.01);
    }
}
