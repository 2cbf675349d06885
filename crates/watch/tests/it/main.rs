//! The monitor on traffic of its own making, on hostile bytes and, where they are at hand, on captures of real plants.

mod conformance;
mod detections;
mod hostile;
mod inventory;
mod talk;
