//! An idempotent producer: who leads which partition, batches with a number, again until the leader has them.
//!
//! ```text
//!  messages ─ key, murmur2 ─▶ queue of a partition ─▶ batch (producer, epoch, sequence) ─▶ its leader, acks=all
//!                                  ▲                       │ not the leader, no answer: the same batch again
//!                                  └── halves ◀── refused ─┘ done: the next batch
//! ```
//! One batch of a partition is under way at a time, so that order holds; a batch that is sent again has the number that it
//! had, so that the broker leaves out what it has already (KIP-98).

mod read;
mod topics;

use super::client::{Client, check};
use super::config::Servers;
use super::words::{self, Verdict};
use super::{Message, partition};
use crate::north::Reject;
use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, InitProducerIdRequest, InitProducerIdResponse, ProduceRequest, ProduceResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};
use model::{Fault, Time};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most bytes of keys and payloads in a batch, before packing: brokers take 1 MiB unless told otherwise.
const MAX_BATCH: usize = 768 * 1024;
/// Most messages of a batch.
const MAX_RECORDS: usize = 10_000;
/// How long a leader may wait for its copies.
const COPIES_MS: i32 = 15_000;
/// How long the same batch is tried before the session ends.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(200);
/// Versions that are spoken: before topics have numbers instead of names.
const PRODUCE: (i16, i16) = (3, 9);

/// How topics are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Creation {
    /// -1: the cluster's default.
    pub(super) partitions: i32,
    /// -1: the cluster's default.
    pub(super) replicas: i16,
    pub(super) compacted: bool,
}

/// Topic and partition.
type Place = (Arc<str>, i32);

/// Messages of one partition: those under way first.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Message>,
    /// How many of the first are in the batch that is under way; fewer after a refusal.
    most: Option<usize>,
}

/// A message that a partition has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) place: Place,
    pub(super) offset: i64,
    /// Its key.
    key: Bytes,
}

/// What became of a batch.
struct Told {
    place: Place,
    /// Number of its first message; -1 if the broker does not say.
    offset: i64,
    code: i16,
    message: Option<String>,
}

/// See the module.
pub(super) struct Producer<'a> {
    servers: &'a Servers,
    creation: Creation,
    compression: Compression,
    clients: HashMap<i32, Client>,
    brokers: HashMap<i32, (String, u16)>,
    /// Leaders of each topic by partition.
    topics: HashMap<Arc<str>, Vec<i32>>,
    id: i64,
    epoch: i16,
    sequences: HashMap<Place, i32>,
    /// The last message that was acknowledged.
    stored: Option<Stored>,
    /// The last thing that went wrong with a broker.
    trouble: Option<Fault>,
}

impl<'a> Producer<'a> {
    /// Reaches a broker and gets a number of one's own.
    pub(super) async fn open(
        servers: &'a Servers,
        creation: Creation,
        compression: Compression,
    ) -> Result<Self, Fault> {
        let mut last = Fault::Connect("no broker is configured".into());
        for address in &servers.addresses {
            match Client::open(servers, &address.host, address.port).await {
                Ok(client) => {
                    let mut producer = Self {
                        servers,
                        creation,
                        compression,
                        clients: HashMap::from([(-1, client)]),
                        brokers: HashMap::new(),
                        topics: HashMap::new(),
                        id: -1,
                        epoch: -1,
                        sequences: HashMap::new(),
                        stored: None,
                        trouble: None,
                    };
                    return match producer.introduce().await {
                        Err(Fault::Lost(why)) if servers.sign_in.user().is_none() => Err(Fault::Lost(
                            format!("{why}; if the cluster asks for a sign-in, write `user` and `password`")
                                .into(),
                        )),
                        done => done.map(|()| producer),
                    };
                }
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    async fn introduce(&mut self) -> Result<(), Fault> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(60_000)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let any = self.any().await?;
            let answer: InitProducerIdResponse = any.call(ApiKey::InitProducerId, 0, 4, &request).await?;
            // 14, 15, 16: whoever gives out the numbers is not ready.
            let again =
                matches!(answer.error_code, 14..=16) || words::verdict(answer.error_code) == Verdict::Again;
            if again && Instant::now() < deadline {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            check("the cluster gives us no producer number", answer.error_code)?;
            (self.id, self.epoch) = (answer.producer_id.0, answer.producer_epoch);
            return Ok(());
        }
    }

    /// A connection to whichever broker there is.
    async fn any(&mut self) -> Result<&mut Client, Fault> {
        if self.clients.is_empty() {
            let known = self.brokers.values().cloned();
            let first = self.servers.addresses.iter().map(|address| (address.host.clone(), address.port));
            let mut last = Fault::Connect("no broker is known".into());
            for (host, port) in known.chain(first).collect::<Vec<_>>() {
                match Client::open(self.servers, &host, port).await {
                    Ok(client) => {
                        self.clients.insert(-1, client);
                        break;
                    }
                    Err(fault) => last = fault,
                }
            }
            if self.clients.is_empty() {
                return Err(last);
            }
        }
        self.clients.values_mut().next().ok_or_else(|| Fault::Connect("no broker is known".into()))
    }

    /// Hands over all messages in their order; gives back what the cluster never takes.
    ///
    /// # Errors
    /// What ends the session; what was not handed over comes again.
    pub(super) async fn deliver(&mut self, messages: Vec<Message>, now: Time) -> Result<Vec<Reject>, Fault> {
        let mut rejects = Vec::new();
        let mut queues = self.sort(messages, now, &mut rejects).await?;
        let mut deadline = Instant::now() + PATIENCE;
        while !queues.is_empty() {
            let told = self.round(&queues).await;
            let mut progress = false;
            let mut why = None;
            for told in told? {
                match self.take(&told, &mut queues, now, &mut rejects)? {
                    true => progress = true,
                    false => why = Some(format!("the topic `{}`: {}", told.place.0, words::words(told.code))),
                }
            }
            if progress {
                deadline = Instant::now() + PATIENCE;
            }
            queues.retain(|_, queue| !queue.waiting.is_empty());
            if queues.is_empty() || why.is_none() && progress {
                continue;
            }
            if Instant::now() >= deadline {
                let trouble = self.trouble.take();
                let silent =
                    || trouble.map_or_else(|| "no leader answers".to_owned(), |fault| fault.to_string());
                return Err(Fault::Lost(why.unwrap_or_else(silent).into()));
            }
            tokio::time::sleep(PAUSE).await;
            let topics: Vec<Arc<str>> = queues.keys().map(|(topic, _)| topic.clone()).collect();
            self.look(&topics).await?;
        }
        Ok(rejects)
    }

    /// Each message to the partition of its key.
    async fn sort(
        &mut self,
        messages: Vec<Message>,
        now: Time,
        rejects: &mut Vec<Reject>,
    ) -> Result<BTreeMap<Place, Queue>, Fault> {
        let mut unknown: Vec<Arc<str>> = Vec::new();
        for message in &messages {
            if !self.topics.contains_key(&message.topic) && !unknown.contains(&message.topic) {
                unknown.push(message.topic.clone());
            }
        }
        let refused = self.learn(&unknown).await?;
        let mut queues: BTreeMap<Place, Queue> = BTreeMap::new();
        for message in messages {
            if let Some(code) = refused.get(&message.topic) {
                let reason = format!("the topic `{}`: {}", message.topic, words::words(*code));
                rejects.push(message.reject(reason, now));
                continue;
            }
            let count = self.topics.get(&message.topic).map_or(0, Vec::len);
            let index = i32::try_from(partition::of(&message.key, count)).unwrap_or(0);
            queues.entry((message.topic.clone(), index)).or_default().waiting.push_back(message);
        }
        Ok(queues)
    }

    /// Sends the first batch of each partition to its leader; what is not heard is not told.
    async fn round(&mut self, queues: &BTreeMap<Place, Queue>) -> Result<Vec<Told>, Fault> {
        let mut of_leader: BTreeMap<i32, Vec<(&Place, Bytes)>> = BTreeMap::new();
        for (place, queue) in queues {
            let leaders = self.topics.get(&place.0);
            let leader = leaders.and_then(|leaders| leaders.get(usize::try_from(place.1).ok()?)).copied();
            let Some(leader) = leader.filter(|leader| self.brokers.contains_key(leader)) else { continue };
            of_leader.entry(leader).or_default().push((place, self.batch(place, queue)?));
        }
        let mut jobs = Vec::new();
        for (leader, batches) in of_leader {
            let client = match self.clients.remove(&leader) {
                Some(client) => client,
                None => {
                    let Some((host, port)) = self.brokers.get(&leader).cloned() else { continue };
                    match Client::open(self.servers, &host, port).await {
                        Ok(client) => client,
                        Err(Fault::Security(why)) => return Err(Fault::Security(why)),
                        // It is down: another will lead its partitions.
                        Err(fault) => {
                            self.trouble = Some(fault);
                            continue;
                        }
                    }
                }
            };
            jobs.push(produce(leader, client, request(&batches)));
        }
        let mut told = Vec::new();
        for (leader, client, answer) in join_all(jobs).await {
            match answer {
                Ok(answer) => {
                    self.clients.insert(leader, client);
                    told.extend(read(&answer, queues));
                }
                Err(Fault::Config(why)) => return Err(Fault::Config(why)),
                // Whether it has the batches is not known: the same again, with their numbers.
                Err(fault) => self.trouble = Some(fault),
            }
        }
        Ok(told)
    }

    /// The first messages of a queue as a batch.
    fn batch(&self, place: &Place, queue: &Queue) -> Result<Bytes, Fault> {
        let base = self.sequences.get(place).copied().unwrap_or(0);
        let records = queue.first().into_iter().zip(0i32..).map(|(message, n)| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: self.id,
            producer_epoch: self.epoch,
            timestamp_type: TimestampType::Creation,
            offset: n.into(),
            sequence: base.wrapping_add(n),
            timestamp: message.time_ms,
            key: Some(message.key.clone()),
            value: Some(message.payload.clone()),
            headers: message
                .headers
                .iter()
                .map(|(name, value)| (StrBytes::from_static_str(name), Some(value.clone())))
                .collect(),
        });
        let records: Vec<Record> = records.collect();
        let options = RecordEncodeOptions { version: 2, compression: self.compression };
        let mut out = BytesMut::new();
        RecordBatchEncoder::encode(&mut out, &records, &options)
            .map_err(|why| Fault::Protocol(format!("a batch cannot be written: {why}").into()))?;
        Ok(out.freeze())
    }

    /// What a leader said of a batch. Returns whether that brought us further.
    fn take(
        &mut self,
        told: &Told,
        queues: &mut BTreeMap<Place, Queue>,
        now: Time,
        rejects: &mut Vec<Reject>,
    ) -> Result<bool, Fault> {
        let Some(queue) = queues.get_mut(&told.place) else { return Ok(false) };
        let count = queue.first().len();
        match words::verdict(told.code) {
            Verdict::Done => {
                let last = count.checked_sub(1).and_then(|last| queue.waiting.get(last));
                if let (Some(message), true) = (last, told.code == 0 && told.offset >= 0) {
                    let offset = told.offset + i64::try_from(count).unwrap_or(1) - 1;
                    self.stored =
                        Some(Stored { place: told.place.clone(), offset, key: message.key.clone() });
                }
                queue.waiting.drain(..count.min(queue.waiting.len()));
                queue.most = None;
                let sequence = self.sequences.entry(told.place.clone()).or_insert(0);
                // Numbers begin anew behind the largest (KIP-98).
                *sequence = sequence.wrapping_add(i32::try_from(count).unwrap_or(0)) & i32::MAX;
                Ok(true)
            }
            Verdict::Again => Ok(false),
            Verdict::Data if count > 1 => {
                queue.most = Some(count / 2);
                Ok(true)
            }
            Verdict::Data => {
                let said = told.message.as_deref().filter(|said| !said.is_empty());
                let reason = match said {
                    Some(said) => format!("{}: {said}", words::words(told.code)),
                    None => words::words(told.code),
                };
                rejects.extend(queue.waiting.pop_front().map(|message| message.reject(reason, now)));
                queue.most = None;
                Ok(true)
            }
            Verdict::Session | Verdict::Denied => {
                Err(words::fault(&format!("the topic `{}`", told.place.0), told.code))
            }
        }
    }
}

impl Queue {
    /// What goes into the next batch.
    fn first(&self) -> Vec<&Message> {
        let mut bytes = 0;
        let fits = |(n, message): &(usize, &Message)| {
            bytes += message.key.len() + message.payload.len() + 100;
            *n == 0 || bytes <= MAX_BATCH
        };
        let most = self.most.unwrap_or(MAX_RECORDS).clamp(1, MAX_RECORDS);
        self.waiting.iter().take(most).enumerate().take_while(fits).map(|(_, message)| message).collect()
    }
}

fn name(topic: &Arc<str>) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_string()))
}

fn request(batches: &[(&Place, Bytes)]) -> ProduceRequest {
    let mut topics: BTreeMap<&Arc<str>, Vec<PartitionProduceData>> = BTreeMap::new();
    for ((topic, index), records) in batches {
        let data = PartitionProduceData::default().with_index(*index).with_records(Some(records.clone()));
        topics.entry(topic).or_default().push(data);
    }
    let topics = topics
        .into_iter()
        .map(|(topic, data)| TopicProduceData::default().with_name(name(topic)).with_partition_data(data));
    ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(-1)
        .with_timeout_ms(COPIES_MS)
        .with_topic_data(topics.collect())
}

async fn produce(
    leader: i32,
    mut client: Client,
    request: ProduceRequest,
) -> (i32, Client, Result<ProduceResponse, Fault>) {
    let answer = client.call(ApiKey::Produce, PRODUCE.0, PRODUCE.1, &request).await;
    (leader, client, answer)
}

fn read(answer: &ProduceResponse, queues: &BTreeMap<Place, Queue>) -> Vec<Told> {
    let mut told = Vec::new();
    for topic in &answer.responses {
        for partition in &topic.partition_responses {
            let place =
                queues.keys().find(|(name, index)| **name == *topic.name.0 && *index == partition.index);
            let message = partition.error_message.as_ref().map(|said| said.to_string());
            let (code, offset) = (partition.error_code, partition.base_offset);
            told.extend(place.map(|place| Told { place: place.clone(), offset, code, message }));
        }
    }
    told
}
