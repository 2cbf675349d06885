//! Tests of the whole kind over pipes in memory, in paused time.

mod config;
mod exchange;
mod plant;
mod quality;
mod serial;
mod writes;
