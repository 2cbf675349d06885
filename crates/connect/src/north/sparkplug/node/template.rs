//! Assets as template instances (Sparkplug B 3.0, section 6.4.17): NBIRTH brings each type as a definition, births bring
//! the assets with all members, data those that changed.
//!
//! Rationale: a member has no alias; hosts know it by the names of instance and member. What a device's birth does not
//! feed, because another device does, is null there: an instance has all members of its definition.

use super::{Node, Place, encode, quality_set, type_of};
use crate::kind::{Member, Models};
use crate::mqtt::sparkplug::{Metric, MetricValue, PropertySet, Template, datatype, stamp};
use crate::north::{Samples, below};
use model::{Path, PointId, Status, Time};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a point sits in a template.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    /// The asset's path below the site: the instance's name.
    asset: Arc<str>,
    /// The type: the definition's name.
    kind: Arc<str>,
    /// Which member.
    member: Arc<Member>,
}

impl Seat {
    /// The seat of the point at `path`, if its asset's type has it.
    pub(super) fn of(models: &Models, path: &Path, site: &Path) -> Option<Self> {
        let (asset, name) = path.as_str().rsplit_once('/')?;
        let kind = models.assets.get(&asset.to_ascii_lowercase())?;
        let member = models.types.get(kind)?.iter().find(|member| member.name.eq_ignore_ascii_case(name))?;
        Some(Self {
            asset: below(asset, site.as_str()).into(),
            kind: kind.as_str().into(),
            member: Arc::new(member.clone()),
        })
    }
}

/// The definitions of all types.
pub(super) fn definitions(models: &Models, site: &Path, now: Time) -> Vec<Metric> {
    let definition = |(kind, members): (&String, &Vec<Member>)| {
        let metrics = members
            .iter()
            .map(|member| Metric {
                name: Some(member.name.clone()),
                datatype: Some(type_of(member.value_type)),
                is_null: Some(true),
                properties: Some(about(member, site)),
                ..Metric::default()
            })
            .collect();
        wrap(kind, Template { metrics, template_ref: None, is_definition: Some(true) }, now)
    };
    models.types.iter().map(definition).collect()
}

/// What the type says of a member.
fn about(member: &Member, site: &Path) -> PropertySet {
    let contract = &member.contract;
    let mut declared = model::Declaration::new(site.clone(), member.value_type);
    declared.unit.clone_from(&contract.unit);
    declared.range = contract.range;
    declared.name.clone_from(&contract.name);
    declared.description.clone_from(&contract.description);
    declared.states.clone_from(&contract.states);
    super::describe(&declared, Status::GOOD)
}

fn wrap(name: &str, template: Template, time: Time) -> Metric {
    Metric {
        name: Some(name.to_owned()),
        timestamp: Some(stamp(time)),
        datatype: Some(datatype::TEMPLATE),
        value: Some(MetricValue::Template(template.encode_to_vec())),
        ..Metric::default()
    }
}

fn instance(kind: &str, metrics: Vec<Metric>) -> Template {
    Template { metrics, template_ref: Some(kind.to_owned()), is_definition: Some(false) }
}

impl Place {
    /// A metric of the point as a member of its asset, in the type that the definition says.
    fn seated(&self, seat: &Seat, value: &model::Value, metric: Metric) -> Metric {
        let value = encode(value, seat.member.value_type);
        Metric {
            name: Some(seat.member.name.clone()),
            alias: None,
            datatype: Some(type_of(seat.member.value_type)),
            is_null: value.is_none().then_some(true),
            value,
            ..metric
        }
    }
}

impl Node {
    /// Metrics of a birth: plain points, then assets with all their members.
    pub(super) fn birth_metrics(&self, points: &[PointId]) -> Vec<Metric> {
        let mut metrics = Vec::new();
        let mut assets: BTreeMap<&str, (&Seat, BTreeMap<&str, Metric>, Time)> = BTreeMap::new();
        for point in points {
            let (Some(place), Some(metric)) = (self.places.get(point), self.birth_metric(*point)) else {
                continue;
            };
            let Some(seat) = &place.seat else {
                metrics.push(metric);
                continue;
            };
            let asset = assets.entry(&seat.asset).or_insert((seat, BTreeMap::new(), place.last.time));
            asset.1.insert(&seat.member.name, place.seated(seat, &place.last.value, metric));
            asset.2 = asset.2.max(place.last.time);
        }
        for (name, (seat, mut fed, time)) in assets {
            let members = self.models.types.get(&*seat.kind).map_or(&[][..], Vec::as_slice);
            let all = members.iter().map(|member| {
                fed.remove(member.name.as_str()).unwrap_or_else(|| Metric {
                    name: Some(member.name.clone()),
                    datatype: Some(type_of(member.value_type)),
                    is_null: Some(true),
                    properties: Some(quality_set(Status::BAD_WAITING_FOR_INITIAL_DATA)),
                    ..Metric::default()
                })
            });
            metrics.push(wrap(name, instance(&seat.kind, all.collect()), time));
        }
        metrics
    }

    /// Metrics of data: plain points, then for each asset and time the members that came.
    pub(super) fn data_metrics(&self, samples: &Samples, rows: &[usize]) -> Vec<Metric> {
        let mut metrics = Vec::new();
        let mut assets: BTreeMap<(Time, &str), (&Seat, Vec<Metric>)> = BTreeMap::new();
        for row in rows {
            let Some((metric, place)) = self.data_metric(samples, *row) else { continue };
            let (Some(seat), Some((_, time, status, value))) = (&place.seat, samples.get(*row)) else {
                metrics.push(metric);
                continue;
            };
            let value = self.told(place, samples, status, value);
            let asset = assets.entry((time, &seat.asset)).or_insert((seat, Vec::new()));
            asset.1.push(place.seated(seat, value, metric));
        }
        for ((time, name), (seat, members)) in assets {
            let metric = wrap(name, instance(&seat.kind, members), time);
            metrics.push(Metric { is_historical: samples.historical.then_some(true), ..metric });
        }
        metrics
    }
}
