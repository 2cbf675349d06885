//! S7: random frames there and back, hostile frames, public captures.

mod captures;
mod generate;
mod hostile;
mod properties;
