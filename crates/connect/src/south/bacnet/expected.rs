//! What the plan may send, and how a write of its points stands on the wire: for the monitor.

use super::driver::Bacnet;
use super::group::{Row, What};
use super::write::request;
use super::{READ, READ_MULTIPLE, SUBSCRIBE, WRITE};
use crate::south::Driver;
use model::expected::{Coding, ExpectedTraffic};
use model::{Access, Declaration, Value};
use std::sync::Arc;
use wire::bacnet::Request;

/// A point as a whole request to write it: the number of the service, and what it carries.
#[derive(Debug)]
struct OnWire(Row);

impl Coding for OnWire {
    fn value(&self, bytes: &[u8]) -> Option<Value> {
        let (service, body) = bytes.split_first()?;
        match (Request::parse(*service, body).ok()?, self.0.what) {
            (Request::WriteProperty { target, values, .. }, What::Value(ours)) if target == ours => {
                let (value, status) = self.0.decode(&values);
                status.is_good().then_some(value)
            }
            _ => None,
        }
    }

    /// Property, value and priority are those that would go out.
    fn agrees(&self, asked: &Value, seen: &[u8]) -> bool {
        let ours = request(&self.0, asked).map(|request| request.emit());
        ours.is_ok_and(|(service, body)| seen.split_first() == Some((&service, body.as_slice())))
    }
}

impl Bacnet {
    /// Every service that the plan may use, object by object.
    pub(super) fn expected(&self, connection: &str, points: &[Arc<Declaration>]) -> Vec<ExpectedTraffic> {
        let (host, port) = match self.endpoint.host.as_ref() {
            Some((host, port)) => (host.as_str(), *port),
            None => ("", wire::bacnet::PORT),
        };
        let to = ExpectedTraffic::to(connection, host, port, "bacnet");
        let traffic = |object: wire::bacnet::ObjectId, function| ExpectedTraffic {
            function,
            space: object.kind.into(),
            first: object.instance,
            count: 1,
            ..to.clone()
        };
        let mut expected = vec![to.clone()];
        let bbmd = self.endpoint.bbmd.as_ref();
        expected.extend(bbmd.map(|bbmd| ExpectedTraffic::to(connection, &bbmd.host, bbmd.port, "bacnet")));
        let layout = self.layout();
        for (book, layout) in self.groups.iter().zip(&layout.groups) {
            for (row, index) in book.rows.iter().zip(&layout.points) {
                expected.extend([READ, READ_MULTIPLE].map(|service| traffic(row.object, service)));
                expected.extend(row.cov.then(|| traffic(row.object, SUBSCRIBE)));
                let Some(point) = points.get(*index).filter(|point| point.access != Access::Read) else {
                    continue;
                };
                let point = Some(Arc::clone(point));
                let coding: Option<Arc<dyn Coding>> = Some(Arc::new(OnWire(row.clone())));
                expected.push(ExpectedTraffic { point, coding, ..traffic(row.object, WRITE) });
            }
        }
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::bacnet::types::{Codec, Type};
    use wire::bacnet::{ObjectId, PropertyRef};

    #[test]
    fn only_the_request_that_would_have_been_sent_agrees() {
        let object = ObjectId::new(2, 7);
        let target = PropertyRef { object, property: 85, index: None };
        let row = |property, priority| {
            let what = What::Value(PropertyRef { property, ..target });
            let mut row = Row::new(object, what, Codec { kind: Type::Real, scaling: None }, true);
            row.priority = priority;
            row
        };
        let seen = |row: &Row, value: f64| {
            let (service, body) = request(row, &Value::F64(value)).unwrap().emit();
            [vec![service], body].concat()
        };
        let (ours, asked) = (OnWire(row(85, Some(10))), Value::F64(21.5));
        let sent = seen(&ours.0, 21.5);
        assert!(ours.agrees(&asked, &sent));
        assert_eq!(ours.value(&sent), Some(asked.clone()));
        for (other, why) in [
            (seen(&ours.0, 22.0), "another value"),
            (seen(&row(85, Some(8)), 21.5), "another priority"),
            (seen(&row(103, Some(10)), 21.5), "another property"),
            ([&[8][..], &sent[1..]].concat(), "another service"),
            (sent[..sent.len() - 1].to_vec(), "cut short"),
            (vec![], "nothing"),
        ] {
            assert!(!ours.agrees(&asked, &other), "{why}");
        }
        assert_eq!(ours.value(&seen(&row(103, None), 21.5)), None);
    }
}
