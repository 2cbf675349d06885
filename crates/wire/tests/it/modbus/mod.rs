//! Modbus: the examples of the standard, properties, hostile bytes.

mod examples;
mod generate;
mod hostile;
mod properties;
