//! What was seen, and what was not.

use serde::Serialize;

/// Counts of everything that limits what a report can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Coverage {
    /// Packets looked at.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Time of the first, nanoseconds since 1970 UTC; 0 if none has a time.
    pub first_ns: i64,
    /// Time of the last.
    pub last_ns: i64,
    /// Since when packets come without a long pause: a new capture, or one that was stopped, begins anew.
    #[serde(skip)]
    pub since_ns: i64,
    /// Packets that were captured only in part (snap length).
    pub truncated: u64,
    /// Packets of a link type that is not read.
    pub unread_link: u64,
    /// Packets whose headers cannot be right.
    pub malformed_headers: u64,
    /// Messages of OT protocols that were read.
    pub messages: u64,
    /// Messages that break the rules of their protocol.
    pub malformed_messages: u64,
    /// Packets that were seen twice, as a mirror of two ports delivers them, or sent again.
    pub repeated: u64,
    /// Places where bytes of a TCP stream were never captured.
    pub gaps: u64,
    /// Bytes that are missing there.
    pub gap_bytes: u64,
    /// Bytes of recognised conversations that could not be cut into messages.
    pub undecoded_bytes: u64,
    /// Conversations (TCP connections, UDP exchanges).
    pub flows: u64,
    /// Of these, with packets of one direction only.
    pub one_way_flows: u64,
    /// Of these, encrypted.
    pub encrypted_flows: u64,
    /// Of these, HTTP/2 without encryption: named, but what is asked is not read.
    pub http2_flows: u64,
    /// Of these, with data of a protocol that is not recognised.
    pub unknown_flows: u64,
    /// Conversations that were let go because too many were open.
    pub evicted_flows: u64,
    /// Hosts, links, points, findings and planned requests for which there was no room.
    pub no_room: u64,
    /// Reads and writes by machines for which there was no room in the lists of their point.
    pub crowded: u64,
    /// Parts of packets that never became whole.
    pub lost_fragments: u64,
}
