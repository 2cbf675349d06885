//! Notifications: asked for in time, acknowledged, missed ones asked for again, published.

use super::exchange::{Done, Exchange};
use super::notify::{self, Notification};
use super::services;
use super::subscription::Verdict;
use crate::south::{Link, Origin};
use model::Fault;
use opcua::types::{DateTime, NotificationMessage, PublishResponse, StatusCode, SubscriptionAcknowledgement};
use std::time::Duration;
use tokio::time::Instant;

/// How long a request for notifications may wait beyond the longest silence.
const PUBLISH_SLACK: Duration = Duration::from_secs(10);
/// Between two signs of life at least.
pub(super) const LIFE: Duration = Duration::from_secs(1);

impl Exchange<'_> {
    /// Keeps requests for notifications at the server, which answers them when it has something.
    pub(super) fn keep_publishing(&mut self) {
        let Some(silence) = self.session.subscriptions.iter().map(|one| one.silence).max() else { return };
        while self.publishing < self.window {
            self.publishing += 1;
            let acknowledge = std::mem::take(&mut self.acknowledge);
            let channel = self.channel.clone();
            let within = silence.saturating_add(PUBLISH_SLACK);
            self.work.push(Box::pin(async move {
                Done::Publish(services::publish(&channel, acknowledge, within).await)
            }));
        }
    }

    pub(super) fn conclude_publish(
        &mut self,
        outcome: Result<PublishResponse, Fault>,
        link: &mut Link,
    ) -> Result<(), Fault> {
        self.publishing = self.publishing.saturating_sub(1);
        let answer = match outcome {
            Ok(answer) => answer,
            Err(Fault::Exception { code, .. }) => {
                return match StatusCode::from(code & 0xFFFF_0000) {
                    StatusCode::BadTooManyPublishRequests => {
                        self.window = self.window.saturating_sub(1).max(1);
                        Ok(())
                    }
                    StatusCode::BadNoSubscription => {
                        self.session.subscriptions.clear();
                        Err(Fault::Lost("the server forgot the subscriptions".into()))
                    }
                    _ => Err(Fault::Lost(format!("waiting for changes failed with 0x{code:08X}").into())),
                };
            }
            Err(Fault::Timeout { .. }) => return Ok(()),
            Err(fault) => return Err(fault),
        };
        self.heard(link);
        self.compare_clocks(&answer.response_header.timestamp, link);
        let number = answer.notification_message.sequence_number;
        let has_data =
            answer.notification_message.notification_data.as_ref().is_some_and(|data| !data.is_empty());
        let Some(index) = self.session.subscriptions.iter().position(|one| one.id == answer.subscription_id)
        else {
            link.late();
            return Ok(());
        };
        let Some(one) = self.session.subscriptions.get_mut(index) else { return Ok(()) };
        one.heard = Instant::now();
        let draining = one.draining;
        one.draining &= answer.more_notifications;
        if !has_data {
            let (missing, lost) = one.kept_alive(number);
            self.ask_again(answer.subscription_id, missing, lost, link);
            return Ok(());
        }
        let (verdict, missing, lost) = one.came(number);
        self.acknowledge(answer.subscription_id, number);
        self.ask_again(answer.subscription_id, missing, lost, link);
        match verdict {
            Verdict::Twice => {
                link.late();
                Ok(())
            }
            verdict => {
                let sent = answer.response_header.timestamp;
                let late = verdict == Verdict::Late;
                self.take(index, answer.notification_message, draining.then_some(&sent), late, link)
            }
        }
    }

    pub(super) fn ask_again(&mut self, subscription: u32, missing: Vec<u32>, lost: u32, link: &mut Link) {
        link.notifications_lost(lost.into());
        if missing.is_empty() {
            return;
        }
        let channel = self.channel.clone();
        self.work.push(Box::pin(async move {
            let mut found = Vec::with_capacity(missing.len());
            for number in missing {
                found
                    .push((number, services::republish(&channel, subscription, number).await.ok().flatten()));
            }
            Done::Again { subscription, found }
        }));
    }

    pub(super) fn conclude_again(
        &mut self,
        subscription: u32,
        found: Vec<(u32, Option<NotificationMessage>)>,
        link: &mut Link,
    ) -> Result<(), Fault> {
        let Some(index) = self.session.subscriptions.iter().position(|one| one.id == subscription) else {
            return Ok(());
        };
        let mut lost = 0;
        for (number, message) in found {
            let Some(one) = self.session.subscriptions.get_mut(index) else { return Ok(()) };
            if !one.gone(number) {
                continue;
            }
            match message {
                Some(message) => {
                    self.acknowledge(subscription, number);
                    self.take(index, message, None, true, link)?;
                }
                None => lost += 1,
            }
        }
        if lost > 0 {
            link.notifications_lost(lost);
            // What was lost may have been the newest value of a point.
            let group = self.session.subscriptions.get(index).map(|one| one.group);
            group.into_iter().for_each(|group| self.refresh(group));
        }
        Ok(())
    }

    /// Publishes what a notification says.
    pub(super) fn take(
        &mut self,
        index: usize,
        message: NotificationMessage,
        sent: Option<&DateTime>,
        late: bool,
        link: &mut Link,
    ) -> Result<(), Fault> {
        let Some((group, queue)) = self.session.subscriptions.get(index).map(|one| (one.group, one.queue))
        else {
            return Ok(());
        };
        let Some(of_group) = self.spec.groups.get(group) else { return Ok(()) };
        let found = notify::read(message, of_group, &self.session.types, sent);
        let Notification { mut live, mut kept, kinds, mut gaps, ended, strangers, overflows } = found;
        if late {
            kept.append(&mut live);
        }
        if sent.is_some() {
            gaps.extend(notify::full(kept.iter().chain(&live), queue));
            self.dropped(group, gaps);
        }
        if self.session.refused.unfits(group).next().is_some() {
            kept.retain(|arrival| !self.session.refused.is_unfit(group, arrival.row));
            live.retain(|arrival| !self.session.refused.is_unfit(group, arrival.row));
        }
        self.remember(group, &kinds, kept.iter().chain(&live));
        (0..strangers).for_each(|_| link.late());
        link.overflowed(overflows);
        let live_now = self.live();
        // What the server kept while we were away is older than what is live.
        for (origin, arrivals) in [(Origin { historical: true, ..live_now }, kept), (live_now, live)] {
            if !arrivals.is_empty() {
                link.arrived(group, origin, arrivals);
            }
        }
        match ended {
            // This one is made anew; the session and the others are taken up again.
            Some(code) if code.is_bad() => {
                self.session.subscriptions.remove(index);
                Err(Fault::Lost("the server ended a subscription".into()))
            }
            _ => Ok(()),
        }
    }

    /// Says with the next request that a notification came.
    pub(super) fn acknowledge(&mut self, subscription_id: u32, sequence_number: u32) {
        self.acknowledge.push(SubscriptionAcknowledgement { subscription_id, sequence_number });
    }

    pub(super) fn heard(&mut self, link: &mut Link) {
        self.unanswered = 0;
        self.life_at = Instant::now() + self.spec.timing.timeout.max(LIFE);
        (0..self.spec.devices.len()).for_each(|device| link.alive(device));
    }
}
