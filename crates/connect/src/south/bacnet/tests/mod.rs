//! A connection against simulated devices, in the time of the paused runtime.

mod config;
mod flapping;
mod plant;
mod reading;
mod telling;
mod writing;
