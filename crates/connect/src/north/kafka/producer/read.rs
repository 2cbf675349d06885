//! Asking a partition for a message that it acknowledged.

use super::{Producer, Stored, name};
use crate::north::Found;
use crate::north::kafka::words;
use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{ApiKey, FetchRequest, FetchResponse};
use kafka_protocol::records::RecordBatchDecoder;
use model::Fault;

/// Versions that are spoken: before topics have numbers instead of names.
const FETCH: (i16, i16) = (4, 11);
/// How long the broker may wait before it answers.
const WAIT_MS: i32 = 1_000;
/// Most bytes of an answer; a batch that is larger comes whole.
const MAX_BYTES: i32 = 1_024 * 1_024;
/// The topic has no message of this number (any more).
const OUT_OF_RANGE: i16 = 1;
/// There is no such topic or partition.
const UNKNOWN: i16 = 3;
/// We may not read it.
const DENIED: i16 = 29;

impl Producer<'_> {
    /// The last message that was acknowledged.
    pub(in crate::north::kafka) fn stored(&self) -> Option<Stored> {
        self.stored.clone()
    }

    /// Whether the cluster has a message that it took. A compacted topic may have replaced it by a newer one of its key.
    pub(in crate::north::kafka) async fn has(&mut self, stored: &Stored) -> Found {
        let (topic, index) = &stored.place;
        let leader = self.topics.get(topic).and_then(|all| all.get(usize::try_from(*index).ok()?)).copied();
        let leader = leader.and_then(|leader| Some((leader, self.clients.get_mut(&leader)?)));
        let Some((leader, client)) = leader else {
            return Found::Unsaid(format!("nobody leads {topic}-{index} at the moment"));
        };
        let partition = FetchPartition::default()
            .with_partition(*index)
            .with_current_leader_epoch(-1)
            .with_fetch_offset(stored.offset)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(MAX_BYTES);
        let of_topic = FetchTopic::default().with_topic(name(topic)).with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_replica_id((-1).into())
            .with_max_wait_ms(WAIT_MS)
            .with_min_bytes(1)
            .with_max_bytes(MAX_BYTES)
            .with_session_epoch(-1)
            .with_topics(vec![of_topic]);
        let answer: Result<FetchResponse, Fault> =
            client.call(ApiKey::Fetch, FETCH.0, FETCH.1, &request).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(fault) => {
                // The producer dials again when it has something to say.
                self.clients.remove(&leader);
                return Found::Unsaid(fault.to_string());
            }
        };
        let said = answer.responses.first().and_then(|topic| topic.partitions.first());
        let Some(said) = said else {
            return Found::Unsaid(format!("the broker says nothing of {topic}-{index}"));
        };
        match said.error_code {
            0 => self.compare(stored, said.records.clone().unwrap_or_default()),
            OUT_OF_RANGE => Found::Gone(
                "the partition has no message of this number: it was deleted, or the topic was made anew"
                    .into(),
            ),
            UNKNOWN => Found::Gone("there is no such topic any more".into()),
            DENIED => Found::Unsaid(
                "we may not read the topic: give the user READ, or write `prove = \"off\"`".into(),
            ),
            code => Found::Unsaid(words::words(code)),
        }
    }

    fn compare(&self, stored: &Stored, mut records: Bytes) -> Found {
        // Only the first batch is looked at: it holds the message, or what comes after it.
        let records = match RecordBatchDecoder::decode(&mut records) {
            Ok(set) => set.records,
            Err(why) => return Found::Unsaid(format!("what the topic has cannot be read: {why}")),
        };
        match records.iter().find(|record| record.offset == stored.offset) {
            Some(record) if record.key.as_ref() == Some(&stored.key) => Found::There,
            Some(_) => Found::Gone("another message has this number now: the topic was made anew".into()),
            None if records.iter().any(|record| record.offset > stored.offset) => {
                Found::Unsaid("the topic is compacted: older messages of a key go".into())
            }
            None => Found::Gone("the partition does not have it".into()),
        }
    }
}
