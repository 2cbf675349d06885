//! Topics: who leads their partitions, and how those are made that are not there.

use super::{COPIES_MS, PATIENCE, PAUSE, Producer, name};
use crate::north::kafka::words::{self, Verdict};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, CreateTopicsRequest, CreateTopicsResponse, MetadataRequest, MetadataResponse,
};
use kafka_protocol::protocol::StrBytes;
use model::Fault;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Versions that are spoken: before topics have numbers instead of names.
const METADATA: (i16, i16) = (4, 9);

impl Producer<'_> {
    /// Waits until the leaders of topics are known, and makes those that are not there. What can never be a topic comes
    /// back with its code.
    pub(super) async fn learn(&mut self, topics: &[Arc<str>]) -> Result<HashMap<Arc<str>, i16>, Fault> {
        let mut refused = HashMap::new();
        let mut missing: Vec<Arc<str>> = topics.to_vec();
        let deadline = Instant::now() + PATIENCE;
        let mut made = false;
        while !missing.is_empty() {
            let codes = self.look(&missing).await?;
            for (topic, code) in &codes {
                match words::verdict(*code) {
                    Verdict::Data => {
                        refused.insert(topic.clone(), *code);
                    }
                    Verdict::Denied => return Err(words::fault(&format!("the topic `{topic}`"), *code)),
                    _ => {}
                }
            }
            missing.retain(|topic| !self.topics.contains_key(topic) && !refused.contains_key(topic));
            let Some(first) = missing.first().cloned() else { break };
            if !std::mem::replace(&mut made, true) {
                self.create(&missing).await?;
            } else if Instant::now() >= deadline {
                if let Some(trouble) = self.trouble.take() {
                    return Err(trouble);
                }
                let why = format!(
                    "the topic `{first}` is not there and was not made: make it with kafka-topics.sh --create, or give the \
                     user CREATE"
                );
                return Err(Fault::Config(why.into()));
            } else {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(refused)
    }

    /// Asks who leads; gives the code of each topic that has none.
    pub(super) async fn look(&mut self, topics: &[Arc<str>]) -> Result<Vec<(Arc<str>, i16)>, Fault> {
        let names = topics.iter().map(|topic| MetadataRequestTopic::default().with_name(Some(name(topic))));
        let request = MetadataRequest::default()
            .with_topics(Some(names.collect()))
            .with_allow_auto_topic_creation(true);
        let answer = match self.any().await {
            Ok(any) => any.call(ApiKey::Metadata, METADATA.0, METADATA.1, &request).await,
            Err(fault) => Err(fault),
        };
        let answer: MetadataResponse = match answer {
            Ok(answer) => answer,
            Err(fault @ (Fault::Config(_) | Fault::Security(_))) => return Err(fault),
            Err(fault) => {
                // This broker is gone; the next attempt asks another.
                self.clients.clear();
                self.trouble = Some(fault);
                return Ok(Vec::new());
            }
        };
        self.trouble = None;
        for broker in &answer.brokers {
            let port = u16::try_from(broker.port).unwrap_or(0);
            let place = (broker.host.to_string(), port);
            if self.brokers.insert(broker.node_id.0, place.clone()).is_some_and(|known| known != place) {
                self.clients.remove(&broker.node_id.0);
            }
        }
        let mut codes = Vec::new();
        for topic in answer.topics {
            let Some(known) =
                topic.name.as_ref().and_then(|name| topics.iter().find(|topic| ***topic == *name.0))
            else {
                continue;
            };
            if topic.error_code != 0 || topic.partitions.is_empty() {
                codes.push((known.clone(), topic.error_code));
                continue;
            }
            let mut leaders = vec![-1; topic.partitions.len()];
            for partition in topic.partitions {
                let at = usize::try_from(partition.partition_index).ok();
                if let Some(leader) = at.and_then(|at| leaders.get_mut(at)) {
                    *leader = partition.leader_id.0;
                }
            }
            self.topics.insert(known.clone(), leaders);
        }
        Ok(codes)
    }

    /// Makes topics; a cluster that does not let us may make them by itself when it is asked for them.
    async fn create(&mut self, topics: &[Arc<str>]) -> Result<(), Fault> {
        let policy = CreatableTopicConfig::default()
            .with_name(StrBytes::from_static_str("cleanup.policy"))
            .with_value(Some(StrBytes::from_static_str("compact")));
        let configs = if self.creation.compacted { vec![policy] } else { Vec::new() };
        let (partitions, replicas) = (self.creation.partitions, self.creation.replicas);
        let wanted = topics.iter().map(|topic| {
            CreatableTopic::default()
                .with_name(name(topic))
                .with_num_partitions(partitions)
                .with_replication_factor(replicas)
                .with_configs(configs.clone())
        });
        let request = CreateTopicsRequest::default().with_topics(wanted.collect()).with_timeout_ms(COPIES_MS);
        let any = self.any().await?;
        let answer: Result<CreateTopicsResponse, Fault> =
            any.call(ApiKey::CreateTopics, 4, 5, &request).await;
        match answer {
            Ok(answer) => {
                for topic in answer.topics.iter().filter(|topic| !matches!(topic.error_code, 0 | 36)) {
                    let said = topic.error_message.as_ref().map_or("", |said| said.as_str());
                    tracing::warn!(topic = %topic.name.0, code = topic.error_code, said, "the topic was not made");
                }
                Ok(())
            }
            Err(Fault::Config(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}
