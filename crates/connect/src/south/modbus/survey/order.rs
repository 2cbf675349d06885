//! Whether the floats of a device look as if their words stood in another order than the file says. Pure.

use crate::south::modbus::types::Order;

/// Fewest floats, not zero, that make a hint.
const FEWEST: usize = 2;

const ORDERS: [Order; 4] = [Order::ABCD, Order::CDAB, Order::BADC, Order::DCBA];

/// The order that all floats look right in, if they do not in the one that the file says and exactly one other fits. It is
/// a hint, never more: a person compares with the display of the device.
pub(super) fn hint(floats: &[([u8; 4], Order)]) -> Option<Order> {
    let telling: Vec<_> = floats.iter().filter(|(bytes, _)| *bytes != [0; 4]).collect();
    if telling.len() < FEWEST || telling.iter().all(|(bytes, order)| is_likely(*bytes, *order)) {
        return None;
    }
    let mut fitting =
        ORDERS.into_iter().filter(|order| telling.iter().all(|(bytes, _)| is_likely(*bytes, *order)));
    let only = fitting.next()?;
    fitting.next().is_none().then_some(only)
}

/// Measured values of plants lie there; bytes in a wrong order mostly do not.
fn is_likely(bytes: [u8; 4], order: Order) -> bool {
    let [a, b, c, d] = bytes;
    let ordered = match order {
        Order::ABCD => [a, b, c, d],
        Order::CDAB => [c, d, a, b],
        Order::BADC => [b, a, d, c],
        Order::DCBA => [d, c, b, a],
    };
    let value = f32::from_be_bytes(ordered).abs();
    (1e-4..=1e9).contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_swapped(value: f32) -> [u8; 4] {
        let [a, b, c, d] = value.to_be_bytes();
        [c, d, a, b]
    }

    #[test]
    fn a_hint_needs_two_floats_that_fit_one_order_only() {
        let values = [20.5_f32, 230.1, 0.98, 0.0];
        let swapped: Vec<_> = values.iter().map(|value| (words_swapped(*value), Order::ABCD)).collect();
        assert_eq!(hint(&swapped), Some(Order::CDAB));
        let right: Vec<_> = values.iter().map(|value| (value.to_be_bytes(), Order::ABCD)).collect();
        assert_eq!(hint(&right), None);
        assert_eq!(hint(&swapped[..1]), None);
        let noise = [([0x7F, 0xFF, 0x7F, 0xFF], Order::ABCD), ([0xFF; 4], Order::ABCD)];
        assert_eq!(hint(&noise), None);
    }
}
