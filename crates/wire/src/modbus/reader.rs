//! Reading big-endian fields.

use super::Error;
use crate::reader::Big;

/// The cursor of this protocol: big-endian, with its own mistakes.
pub(super) type Reader<'a> = crate::reader::Reader<'a, Big, Error>;
