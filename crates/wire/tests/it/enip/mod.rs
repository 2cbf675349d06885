//! EtherNet/IP: there and back, hostile bytes, real traffic.

mod captures;
mod generate;
mod hostile;
mod round_trip;
