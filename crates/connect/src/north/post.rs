//! Posting items to a web server: what it will never take is found by halving, everything else arrives or is tried again.

use super::{Feed, Reject};
use crate::http::{Server, Verdict};
use bytes::Bytes;
use hyper::header::HeaderMap;
use model::{Fault, Position};

/// One thing that is sent, and what it is about.
pub(super) struct Item {
    /// Its record.
    pub position: Position,
    /// A point's path or an event's id.
    pub about: String,
    /// What is sent of it.
    pub bytes: Vec<u8>,
}

/// Headers and body of a request for some items.
pub(super) type Make<'a> = &'a (dyn Fn(&[Item]) -> Result<(HeaderMap, Bytes), Fault> + Sync);

/// Posts all items, in order; returns dead letters.
pub(super) async fn post(
    server: &mut Server,
    path: &str,
    items: &[Item],
    make: Make<'_>,
    feed: &Feed,
) -> Result<Vec<Reject>, Fault> {
    let mut rejects = Vec::new();
    let mut parts = vec![items];
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let (headers, body) = make(part)?;
        match (server.post(path, &headers, body).await?.verdict(), part) {
            (Verdict::Taken, _) => {}
            (Verdict::Later(fault), _) => return Err(fault),
            (Verdict::Never(reason), [one]) => rejects.push(Reject {
                position: one.position,
                path: one.about.clone(),
                reason,
                time: feed.now(),
            }),
            (Verdict::Never(_), many) => {
                let (first, second) = many.split_at(many.len() / 2);
                // The older half first.
                parts.extend([second, first]);
            }
        }
    }
    Ok(rejects)
}
