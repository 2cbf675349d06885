//! EtherNet/IP: there and back, hostile bytes, real traffic.

mod captures;
mod generate;
mod hostile;
mod pccc;
mod round_trip;
