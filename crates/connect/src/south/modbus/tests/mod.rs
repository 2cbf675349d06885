//! Tests of the whole kind over pipes in memory, in paused time.

mod budget;
mod config;
mod exchange;
mod flapping;
mod plant;
mod quality;
mod serial;
mod writes;
