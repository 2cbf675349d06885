//! The driver against a simulated CPU over a pipe, in time that only tests move.

mod config;
mod flapping;
mod plant;
mod reading;
mod trouble;
mod writing;
