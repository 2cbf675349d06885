//! The checkweigher behind the packer: it weighs each case, and pushes out what is too light or too heavy.

use super::bottling::Line;
use crate::rng::Rng;

/// States of the checkweigher, by number.
pub const CHECKWEIGHER_STATES: [&str; 3] = ["Waiting", "Weighing", "Taring"];
/// What a case weighs beside its bottles, and each bottle beside what is in it, in kg.
const TARE_KG: f64 = 0.42;
const BOTTLE_KG: f64 = 0.031;
/// Bottles in a case.
const BOTTLES: f64 = 12.0;
/// How long taring takes, and how long the belt runs on after a case, in seconds.
const TARING_S: f64 = 4.0;
const RUN_ON_S: f64 = 8.0;

/// The checkweigher.
#[derive(Debug, Clone)]
pub struct Checkweigher {
    /// Weight of the last case in kg.
    pub weight: f64,
    /// Whether that one was let through.
    pub accepted: bool,
    /// Number of that case.
    pub number: u32,
    /// Cases let through.
    pub good: u32,
    /// Cases pushed out.
    pub rejects: u32,
    /// Cases per minute.
    pub speed: f64,
    /// How far from its nominal weight a case may be, as an operator sets it, in kg.
    pub tolerance: f64,
    /// How far the scale is off, in kg: it creeps, and taring takes it away.
    pub offset: f64,
    seen: u32,
    taring_s: f64,
    since_s: f64,
    rng: Rng,
}

impl Checkweigher {
    pub(super) fn new(seed: u64, cases: u32) -> Self {
        Self {
            weight: 6.79,
            accepted: true,
            number: cases,
            good: cases,
            rejects: 211,
            speed: 34.0,
            tolerance: 0.12,
            offset: 0.01,
            seen: cases,
            taring_s: 0.0,
            since_s: 0.0,
            rng: Rng::new(seed ^ 0xC4EC),
        }
    }

    /// Index into [`CHECKWEIGHER_STATES`].
    #[must_use]
    pub fn state(&self) -> u16 {
        if self.taring_s > 0.0 { 2 } else { u16::from(self.since_s < RUN_ON_S) }
    }

    /// Takes away what the scale is off by now; cases that come meanwhile go through unweighed.
    pub fn tare(&mut self) {
        self.taring_s = TARING_S;
    }

    pub(super) fn step(&mut self, dt: f64, line: &Line) {
        self.since_s += dt;
        self.speed += (line.packer.speed - self.speed) * (dt / 3.0).min(1.0);
        self.offset = (self.offset + 0.000_02 * dt + self.rng.noise(0.000_05)).clamp(-0.1, 0.1);
        if self.taring_s > 0.0 {
            self.taring_s -= dt;
            if self.taring_s <= 0.0 {
                self.offset = 0.0;
            }
        }
        let cases = line.packer.good;
        for _ in 0..cases.wrapping_sub(self.seen).min(100) {
            self.weigh(line.recipe().volume_ml);
        }
        self.seen = cases;
    }

    fn weigh(&mut self, volume_ml: f64) {
        let nominal = TARE_KG + BOTTLES * (BOTTLE_KG + volume_ml / 1_000.0);
        self.since_s = 0.0;
        self.number = self.number.wrapping_add(1);
        if self.taring_s > 0.0 {
            return;
        }
        // Now and then a bottle is missing.
        let missing = if self.rng.between(0.0, 1.0) < 0.004 { nominal / BOTTLES } else { 0.0 };
        self.weight = nominal - missing + self.offset + self.rng.noise(0.02);
        self.accepted = (self.weight - nominal).abs() <= self.tolerance;
        let counter = if self.accepted { &mut self.good } else { &mut self.rejects };
        *counter = counter.wrapping_add(1);
    }
}
