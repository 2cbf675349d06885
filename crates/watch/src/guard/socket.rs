//! Wire against socket: what a device answered us must reach us as it was sent. Compared answer by answer, by the connection's
//! ports and the number of the transaction, never between separate reads.

use super::{Core, Explained};
use crate::core::Talk;
use crate::detect::own;
use crate::findings::Scene;
use crate::hosts::Endpoint;
use model::expected::Reply;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Most answers that wait for their other half.
const MAX: usize = 4_096;
/// How long an answer waits, in nanoseconds; a transaction number does not come again sooner.
const PATIENCE_NS: i64 = 5_000_000_000;

type Key = (SocketAddr, SocketAddr, u32);

#[derive(Debug, Clone, Copy)]
struct Half {
    digest: u64,
    time_ns: i64,
    /// Where it was seen, if that is the wire.
    scene: Option<Scene>,
}

/// Answers that were seen at one of the two.
#[derive(Debug, Default)]
pub struct Socket {
    halves: HashMap<Key, Half>,
}

impl Socket {
    pub fn forget(&mut self, now_ns: i64, explained: &mut Explained) {
        let before = self.halves.len();
        self.halves.retain(|_, half| half.time_ns.saturating_add(PATIENCE_NS) > now_ns);
        explained.answers_single += (before - self.halves.len()) as u64;
    }
}

impl Core {
    /// An answer came out of the socket.
    pub(crate) fn reply(&mut self, reply: &Reply) {
        let half = Half { digest: reply.digest, time_ns: reply.time.0, scene: None };
        self.compare((reply.local, reply.remote, reply.transaction), half);
    }

    /// An answer to us went over the wire.
    pub(crate) fn wire_reply(&mut self, talk: &Talk, transaction: u32, bytes: &[u8]) {
        if !self.is_own(talk.client) {
            return;
        }
        let address = |id, port| match self.hosts.get(id).map(|host| host.endpoint) {
            Some(Endpoint::Ip(ip)) => Some(SocketAddr::new(ip, port)),
            _ => None,
        };
        let (Some(local), Some(remote)) =
            (address(talk.client, talk.client_port), address(talk.server, talk.port))
        else {
            return;
        };
        let scene = Scene { source: talk.server, target: talk.client, ..talk.scene() };
        let half = Half { digest: Reply::digest(bytes), time_ns: talk.time_ns, scene: Some(scene) };
        self.compare((local, remote, transaction), half);
    }

    fn compare(&mut self, key: Key, half: Half) {
        let fresh = |other: &Half| (other.time_ns - half.time_ns).abs() < PATIENCE_NS;
        // Twice at the same of the two is a number used again: the newer one stays.
        let other = self.guard.socket.halves.remove(&key);
        let other = other.filter(|other| fresh(other) && other.scene.is_some() != half.scene.is_some());
        let Some(other) = other else {
            if self.guard.socket.halves.len() >= MAX {
                self.guard.explained.no_room += 1;
                return;
            }
            self.guard.socket.halves.insert(key, half);
            return;
        };
        if other.digest == half.digest {
            self.guard.explained.answers_same += 1;
            return;
        }
        self.guard.explained.answers_changed += 1;
        if let Some(scene) = half.scene.or(other.scene) {
            let words = format_args!("answer {} from {} to port {}", key.2, key.1, key.0.port());
            self.findings.raise(&own::CHANGED, scene, words);
        }
    }
}
