//! How a controller behaves, well or badly.

use crate::talk;
use wire::enip::Status;

/// What the controller does with messages.
pub type Behaviour = talk::Behaviour<Status, Lie, Services>;
/// What it does with a message.
pub type Conduct = talk::Conduct<Status, Lie>;

/// What a controller can do: older, smaller and foreign ones lack something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Services {
    /// Connected messages.
    pub connected: bool,
    /// Connections larger than 511 bytes, up to this size.
    pub large: Option<u16>,
    /// Several services in one message.
    pub multiple: bool,
    /// Reading the tag list; without it the connection is closed, as one well-known server does.
    pub upload: bool,
    /// Whether an unknown tag closes the connection, as that server does.
    pub hangs_up_on_unknown_tags: bool,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            connected: true,
            large: Some(4_002),
            multiple: true,
            upload: true,
            hangs_up_on_unknown_tags: false,
        }
    }
}

/// Which untruth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Another sender context; in connected messages another sequence number.
    Context,
    /// Another session.
    Session,
    /// Another service.
    Service,
    /// Another type code in front of the data of a tag.
    Type,
    /// One byte of the answer is missing, with all lengths in agreement.
    Short,
    /// Only the first half of the frame; the rest never comes.
    Half,
    /// The answer twice: the second answers nothing.
    Twice,
    /// Random bytes without end.
    Endless,
}

impl Lie {
    /// Every lie, for tests that go through all of them.
    pub const ALL: [Self; 8] = [
        Self::Context,
        Self::Session,
        Self::Service,
        Self::Type,
        Self::Short,
        Self::Half,
        Self::Twice,
        Self::Endless,
    ];
}
