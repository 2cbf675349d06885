//! Aggregates of OPC 10000-13 by the numbers of their nodes. What they are is `insight`'s; here a value holds until the next
//! one (stepped): samples are told on change, so a straight line between two of them would invent values.

use insight::processed::{Aggregate, Processed, Raw, Rules, Series};
use model::{Status, Time};
use opcua::types::{AggregateConfiguration, NodeId, StatusCode};

/// Numbers of the aggregate functions (OPC 10000-13, annex A; OPC 10000-6, annex A).
const KNOWN: [(u32, Aggregate); 27] = [
    (2_341, Aggregate::Interpolative),
    (2_342, Aggregate::Average),
    (2_343, Aggregate::TimeAverage),
    (2_344, Aggregate::Total),
    (2_346, Aggregate::Minimum),
    (2_347, Aggregate::Maximum),
    (2_350, Aggregate::Range),
    (2_352, Aggregate::Count),
    (2_355, Aggregate::NumberOfTransitions),
    (2_357, Aggregate::Start),
    (2_358, Aggregate::End),
    (2_359, Aggregate::Delta),
    (2_360, Aggregate::DurationGood),
    (2_361, Aggregate::DurationBad),
    (2_362, Aggregate::PercentGood),
    (2_363, Aggregate::PercentBad),
    (11_285, Aggregate::TimeAverage2),
    (11_304, Aggregate::Total2),
    (11_307, Aggregate::DurationInStateZero),
    (11_308, Aggregate::DurationInStateNonZero),
    (11_426, Aggregate::StandardDeviationSample),
    (11_427, Aggregate::StandardDeviationPopulation),
    (11_428, Aggregate::VarianceSample),
    (11_429, Aggregate::VariancePopulation),
    (11_505, Aggregate::StartBound),
    (11_506, Aggregate::EndBound),
    (11_507, Aggregate::DeltaBounds),
];

/// The aggregate of this number.
pub(super) fn of(node: u32) -> Option<Aggregate> {
    KNOWN.iter().find(|(number, _)| *number == node).map(|(_, aggregate)| *aggregate)
}

/// The nodes of all that are known.
pub(super) fn nodes() -> impl Iterator<Item = NodeId> {
    KNOWN.iter().map(|(number, _)| NodeId::new(0, *number))
}

/// How samples are understood, as the client wants it (OPC 10000-13, 4.2.1.2).
///
/// # Errors
/// BadAggregateConfigurationRejected for shares of good time that decide, and for slopes behind the last sample.
pub(super) fn rules(asked: &AggregateConfiguration) -> Result<Rules, StatusCode> {
    if asked.use_server_capabilities_defaults {
        return Ok(Rules { stepped: true, uncertain_is_bad: true });
    }
    let shares = (asked.percent_data_good, asked.percent_data_bad);
    if asked.use_sloped_extrapolation || !matches!(shares, (0 | 100, 0 | 100)) {
        return Err(StatusCode::BadAggregateConfigurationRejected);
    }
    Ok(Rules { stepped: true, uncertain_is_bad: asked.treat_uncertain_as_bad })
}

/// Calculated by the historian (OPC 10000-4, 7.39.3: InfoType DataValue and the historian bit `Calculated`).
const CALCULATED: u32 = 0x0401;
/// Found between two samples (the historian bit `Interpolated`).
pub(super) const INTERPOLATED: u32 = 0x0402;

/// One interval: its value, and its quality with the mark of how it came about.
pub(super) fn interval(
    series: &Series<'_>,
    aggregate: Aggregate,
    from: Time,
    until: Time,
) -> (Option<f64>, Status) {
    let Processed { value, status } = series.process(aggregate, from.0, until.0);
    let mark = match aggregate {
        // A sample as it is.
        Aggregate::Start | Aggregate::End => 0,
        Aggregate::Interpolative => INTERPOLATED,
        _ => CALCULATED,
    };
    (value, if value.is_some() { Status(status.0 | mark) } else { status })
}

/// A sample; one that is bad or no number counts as Bad.
pub(super) fn raw(at: Time, value: Option<f64>, status: Status) -> Raw {
    let bad = value.is_none() && !status.is_bad();
    let status = if bad { Status::BAD_NO_DATA } else { status };
    Raw { time: at.0, value: value.unwrap_or(f64::NAN), status }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_stands_for_one() {
        for (number, aggregate) in KNOWN {
            assert_eq!(of(number), Some(aggregate));
        }
        assert_eq!(of(2_351), None, "annotations are not kept");
        assert_eq!(nodes().count(), KNOWN.len());
    }

    #[test]
    fn what_cannot_be_kept_to_is_refused() {
        let asked =
            AggregateConfiguration { percent_data_bad: 100, percent_data_good: 100, ..Default::default() };
        assert_eq!(rules(&asked), Ok(Rules { stepped: true, uncertain_is_bad: false }));
        let refused = Err(StatusCode::BadAggregateConfigurationRejected);
        assert_eq!(rules(&AggregateConfiguration { percent_data_good: 80, ..asked.clone() }), refused);
        assert_eq!(rules(&AggregateConfiguration { use_sloped_extrapolation: true, ..asked }), refused);
    }

    #[test]
    fn what_was_calculated_says_so() {
        let at = |seconds: i64| Time(seconds * 1_000_000_000);
        let all = [
            raw(at(0), Some(1.0), Status::GOOD),
            raw(at(5), None, Status::GOOD),
            raw(at(8), Some(3.0), Status::GOOD),
        ];
        let series = Series::new(&all, Rules { stepped: true, uncertain_is_bad: true });
        let (value, status) = interval(&series, Aggregate::Average, at(0), at(10));
        assert_eq!((value, status), (Some(2.0), Status(0x40A4_0401)), "a text among numbers is none");
        assert_eq!(interval(&series, Aggregate::End, at(0), at(10)), (Some(3.0), Status(0x40A4_0000)));
        assert_eq!(interval(&series, Aggregate::Average, at(20), at(30)), (None, Status::BAD_NO_DATA));
    }
}
