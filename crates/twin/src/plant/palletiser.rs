//! The palletiser: an old PLC with a wrong clock, whose program is sometimes downloaded again.

use super::packml::{Machine, Reason, State};
use crate::rng::Rng;

/// How far its clock is from the plant's, in seconds, when the simulation starts: nobody changed it to winter time,
/// and it was never right.
pub const CLOCK_OFFSET_S: f64 = 3600.0 + 37.0;
/// How fast it runs away, in seconds per second (20 ppm is a sound quartz; this one is warm and old).
const CLOCK_DRIFT: f64 = 180e-6;
/// How long a download takes, in seconds.
const DOWNLOAD_S: f64 = 20.0;
/// Part of a download in which the PLC answers nobody, in seconds after its start.
const SILENT_S: (f64, f64) = (4.0, 14.0);

/// The palletiser.
#[derive(Debug, Clone)]
pub struct Palletiser {
    /// State and reason.
    pub machine: Machine,
    /// Pallets since the counter was new.
    pub pallets: u32,
    /// Layers on the present pallet, 0 to 5.
    pub layer: u16,
    /// Cycle time of the PLC in ms.
    pub cycle_ms: f64,
    /// Height of the lift in mm.
    pub lift_mm: f64,
    /// Program number, goes up with every download.
    pub program: u16,
    /// Checksum of the program.
    pub checksum: u16,
    /// Error of its clock in seconds.
    pub clock_error_s: f64,
    download_s: Option<f64>,
    cases_seen: u32,
    cases: u32,
}

impl Palletiser {
    pub(super) fn new(cases: u32) -> Self {
        Self {
            machine: Machine::running(),
            pallets: 8_881,
            layer: 2,
            cycle_ms: 12.0,
            lift_mm: 420.0,
            program: 14,
            checksum: 0xA31C,
            clock_error_s: CLOCK_OFFSET_S,
            download_s: None,
            cases_seen: cases,
            cases: 0,
        }
    }

    /// Starts a download unless one runs.
    pub(super) fn download(&mut self) {
        if self.download_s.is_none() {
            self.download_s = Some(0.0);
            self.machine.go(State::Stopping, Reason::None);
        }
    }

    /// True from the start to the end of a download.
    #[must_use]
    pub const fn is_downloading(&self) -> bool {
        self.download_s.is_some()
    }

    /// False while a download keeps the PLC from answering.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.download_s.is_none_or(|s| s < SILENT_S.0 || s > SILENT_S.1)
    }

    pub(super) fn step(&mut self, dt: f64, cases: u32, rng: &mut Rng) {
        self.clock_error_s += CLOCK_DRIFT * dt;
        self.step_download(dt, rng);
        self.machine.advance(dt);
        let new = cases.wrapping_sub(self.cases_seen).min(1000);
        self.cases_seen = cases;
        if self.machine.runs() {
            self.cases += new;
        }
        while self.cases >= 8 {
            self.cases -= 8;
            self.layer += 1;
            if self.layer > 5 {
                self.layer = 0;
                self.pallets = self.pallets.wrapping_add(1);
            }
        }
        let height = 150.0 + f64::from(self.layer) * 240.0;
        self.lift_mm += (height - self.lift_mm) * (dt / 1.5).min(1.0);
        self.cycle_ms = 12.0 + rng.noise(0.4);
    }

    fn step_download(&mut self, dt: f64, rng: &mut Rng) {
        let Some(since) = self.download_s.as_mut() else { return };
        *since += dt;
        if *since < DOWNLOAD_S {
            return;
        }
        self.download_s = None;
        self.program = self.program.wrapping_add(1);
        self.checksum = rng.next() as u16;
        self.machine.go(State::Starting, Reason::None);
    }
}
