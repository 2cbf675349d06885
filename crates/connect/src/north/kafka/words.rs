//! What a broker's error code means: for the producer, and in words with the next step.

use model::Fault;

/// What follows from an error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The broker has it.
    Done,
    /// It may have it later: the same batch again, with the same sequence number.
    Again,
    /// It never takes this batch; found by halving.
    Data,
    /// The producer has to begin anew.
    Session,
    /// Somebody has to change something.
    Denied,
}

/// Code, verdict, words (`org.apache.kafka.common.protocol.Errors`).
const CODES: &[(i16, Verdict, &str)] = &[
    (0, Verdict::Done, "done"),
    (2, Verdict::Data, "the batch arrived damaged"),
    (3, Verdict::Again, "the topic or partition does not exist (yet)"),
    (5, Verdict::Again, "the partition has no leader at the moment"),
    (6, Verdict::Again, "another broker leads the partition now"),
    (7, Verdict::Again, "the broker's copies did not answer in time"),
    (8, Verdict::Again, "the broker is not available"),
    (9, Verdict::Again, "a copy of the partition is not available"),
    (10, Verdict::Data, "the message is larger than the topic allows (max.message.bytes)"),
    (13, Verdict::Again, "the broker lost its connection"),
    (17, Verdict::Data, "this is no name for a topic"),
    (18, Verdict::Data, "the batch is larger than the broker's segments"),
    (19, Verdict::Again, "fewer copies than the topic demands (min.insync.replicas) are in step"),
    (20, Verdict::Again, "written, but to fewer copies than the topic demands"),
    (29, Verdict::Denied, "we may not write to this topic: give the user WRITE and, to make topics, CREATE"),
    (31, Verdict::Denied, "we may not do that on this cluster: give the user IDEMPOTENT_WRITE"),
    (32, Verdict::Data, "the time of the sample is outside what the topic allows"),
    (33, Verdict::Denied, "the broker does not know this way to sign in"),
    (34, Verdict::Denied, "the broker does not expect a sign-in now"),
    (35, Verdict::Denied, "the broker does not know this version of the protocol"),
    (41, Verdict::Again, "this broker is not the controller"),
    (44, Verdict::Denied, "a policy of the cluster forbids it"),
    (45, Verdict::Session, "a batch arrived out of order"),
    (46, Verdict::Done, "the broker has this batch already"),
    (47, Verdict::Session, "another producer took over our number"),
    (56, Verdict::Again, "the broker's disk does not answer"),
    (58, Verdict::Denied, "the broker does not accept user and password"),
    (59, Verdict::Session, "the broker forgot our number"),
    (74, Verdict::Again, "our knowledge of the leader is old"),
    (75, Verdict::Again, "the broker's knowledge of the leader is old"),
    (
        76,
        Verdict::Denied,
        "the broker does not know this compression: write `compression = \"gzip\"` or \"none\"",
    ),
    (
        87,
        Verdict::Data,
        "the broker refuses the message (a compacted topic wants a key, or a schema is enforced)",
    ),
    (89, Verdict::Again, "the broker's quota is used up for the moment"),
    (90, Verdict::Session, "another producer took over our number"),
];

/// What follows from a code; what is not known here ends the session.
pub(super) fn verdict(code: i16) -> Verdict {
    CODES.iter().find(|known| known.0 == code).map_or(Verdict::Session, |known| known.1)
}

/// The code in words.
pub(super) fn words(code: i16) -> String {
    let known = CODES.iter().find(|known| known.0 == code);
    let words = known.map_or("an error that is not known here", |known| known.2);
    format!("{words} (Kafka error {code})")
}

/// The fault that a code is to a session; `what` says what was asked, as in "the topic `x`".
pub(super) fn fault(what: &str, code: i16) -> Fault {
    let text = format!("{what}: {}", words(code)).into();
    match verdict(code) {
        Verdict::Denied => Fault::Security(text),
        _ => Fault::Lost(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_told() {
        assert!(CODES.is_sorted_by_key(|known| known.0));
        assert_eq!(
            (verdict(46), verdict(6), verdict(10), verdict(777)),
            (Verdict::Done, Verdict::Again, Verdict::Data, Verdict::Session)
        );
        assert!(fault("the topic `x`", 29).to_string().contains("give the user WRITE"));
        assert!(matches!(fault("x", 45), Fault::Lost(_)));
    }
}
