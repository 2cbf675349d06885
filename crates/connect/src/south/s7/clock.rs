//! Dates and times of the CPU, which knows no time zone: they are texts without one (ISO 8601). Pure.

use wire::s7::bcd;

/// Days from 1970-01-01 to 1990-01-01, where DATE begins.
const DAYS_TO_1990: i64 = 7_305;
const DAY_NS: i64 = 86_400_000_000_000;

/// A date of the proleptic Gregorian calendar from days since 1970-01-01 (algorithm of Howard Hinnant, public domain).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970-01-01; `None` if there is no such date.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let found = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    (civil(found) == (year, month, day)).then_some(found)
}

/// A moment of the CPU's clock: days since 1970 and nanoseconds of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    days: i64,
    ns: i64,
}

impl Moment {
    fn new(year: i64, month: i64, day: i64, (h, m, s): (i64, i64, i64), ns: i64) -> Option<Self> {
        let sound = (0..24).contains(&h) && (0..60).contains(&m) && (0..60).contains(&s);
        (sound && (0..1_000_000_000).contains(&ns)).then_some(())?;
        Some(Self { days: days(year, month, day)?, ns: ((h * 60 + m) * 60 + s) * 1_000_000_000 + ns })
    }

    fn date(self) -> String {
        let (year, month, day) = civil(self.days);
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// With as many digits behind the second as the type has.
    fn time(self, digits: usize) -> String {
        let (s, ns) = (self.ns / 1_000_000_000, self.ns % 1_000_000_000);
        let (h, m, s) = (s / 3_600, s / 60 % 60, s % 60);
        let fraction: String = format!("{ns:09}").chars().take(digits).collect();
        format!("{h:02}:{m:02}:{s:02}.{fraction}")
    }

    fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
        let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let (clock, ns) = parse_clock(time)?;
        Self::new(year, month, day, clock, ns)
    }
}

fn parse_clock(text: &str) -> Option<((i64, i64, i64), i64)> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let clock = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((clock, format!("{fraction:0<9}").parse().ok()?))
}

/// DATE: days since 1990-01-01.
pub fn date_text(raw: u16) -> String {
    Moment { days: DAYS_TO_1990 + i64::from(raw), ns: 0 }.date()
}

/// The raw DATE of a text.
pub fn date_raw(text: &str) -> Option<u16> {
    u16::try_from(Moment::parse(text)?.days - DAYS_TO_1990).ok()
}

/// TIME_OF_DAY: milliseconds (or nanoseconds, LTIME_OF_DAY) since midnight, given in nanoseconds; `None` past the day.
pub fn tod_text(ns: u64, digits: usize) -> Option<String> {
    let ns = i64::try_from(ns).ok().filter(|ns| *ns < DAY_NS)?;
    Some(Moment { days: 0, ns }.time(digits))
}

/// Nanoseconds since midnight of a text.
pub fn tod_ns(text: &str) -> Option<i64> {
    let (clock, ns) = parse_clock(text)?;
    Moment::new(1970, 1, 1, clock, ns).map(|moment| moment.ns)
}

/// DATE_AND_TIME: eight BCD bytes, years 1990 to 2089, the last nibble the day of the week.
pub fn date_and_time_text(bytes: [u8; 8]) -> Option<String> {
    let [year, month, day, hour, minute, second, ms, last] = bytes;
    let two = |byte| bcd::from_byte(byte).map(i64::from);
    let year = two(year)?;
    let ms = two(ms)? * 10 + i64::from(last >> 4);
    let year = if year < 90 { 2000 + year } else { 1900 + year };
    let clock = (two(hour)?, two(minute)?, two(second)?);
    let moment = Moment::new(year, two(month)?, two(day)?, clock, (ms < 1_000).then_some(ms)? * 1_000_000)?;
    Some(format!("{}T{}", moment.date(), moment.time(3)))
}

/// Its bytes.
pub fn date_and_time_bytes(text: &str) -> Option<[u8; 8]> {
    let moment = Moment::parse(text)?;
    let (year, month, day) = civil(moment.days);
    (1990..=2089).contains(&year).then_some(())?;
    let (ms, s) = (moment.ns / 1_000_000 % 1_000, moment.ns / 1_000_000_000);
    let two = |number: i64| bcd::to_byte((number % 100) as u8);
    // 1 is Sunday; 1970-01-01 was a Thursday.
    let weekday = (moment.days + 4).rem_euclid(7) + 1;
    let last = ((ms % 10) << 4 | weekday) as u8;
    Some([two(year), two(month), two(day), two(s / 3_600), two(s / 60 % 60), two(s % 60), two(ms / 10), last])
}

/// DTL: year (16 bits), month, day, weekday, hour, minute, second, nanoseconds (32 bits).
pub fn dtl_text(bytes: [u8; 12]) -> Option<String> {
    let [y0, y1, month, day, _, hour, minute, second, n0, n1, n2, n3] = bytes;
    let year = u16::from_be_bytes([y0, y1]).into();
    let clock = (hour.into(), minute.into(), second.into());
    let moment =
        Moment::new(year, month.into(), day.into(), clock, u32::from_be_bytes([n0, n1, n2, n3]).into())?;
    Some(format!("{}T{}", moment.date(), moment.time(9)))
}

/// Its bytes.
pub fn dtl_bytes(text: &str) -> Option<[u8; 12]> {
    let moment = Moment::parse(text)?;
    let (year, month, day) = civil(moment.days);
    let [y0, y1] = u16::try_from(year).ok().filter(|year| (1970..=2554).contains(year))?.to_be_bytes();
    let s = moment.ns / 1_000_000_000;
    let [n0, n1, n2, n3] = ((moment.ns % 1_000_000_000) as u32).to_be_bytes();
    let weekday = (moment.days + 4).rem_euclid(7) + 1;
    let small = |number: i64| number as u8;
    Some([
        y0,
        y1,
        small(month),
        small(day),
        small(weekday),
        small(s / 3_600),
        small(s / 60 % 60),
        small(s % 60),
        n0,
        n1,
        n2,
        n3,
    ])
}

/// LDT: nanoseconds since 1970-01-01.
pub fn ldt_text(ns: i64) -> String {
    let moment = Moment { days: ns.div_euclid(DAY_NS), ns: ns.rem_euclid(DAY_NS) };
    format!("{}T{}", moment.date(), moment.time(9))
}

/// Its number.
pub fn ldt_ns(text: &str) -> Option<i64> {
    let moment = Moment::parse(text)?;
    moment.days.checked_mul(DAY_NS)?.checked_add(moment.ns)
}

/// S5TIME: two bits of base (10 ms, 100 ms, 1 s, 10 s) and three BCD digits, in milliseconds.
pub fn s5time_ms(raw: u16) -> Option<u64> {
    let digits = bcd::from_bytes(&(raw & 0x0FFF).to_be_bytes())?;
    Some(digits * 10u64.pow(u32::from(raw >> 12 & 3) + 1))
}

/// The raw S5TIME of exactly so many milliseconds; `None` if it cannot hold them.
pub fn s5time_raw(ms: u64) -> Option<u16> {
    (0..4u16).find_map(|base| {
        let step = 10u64.pow(u32::from(base) + 1);
        let digits = (ms.is_multiple_of(step) && ms / step <= 999).then_some(ms / step)?;
        let [high, low] = *bcd::to_bytes(digits, 2).first_chunk::<2>()?;
        Some(base << 12 | u16::from_be_bytes([high, low]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_there_and_back() {
        assert_eq!(date_text(0), "1990-01-01");
        assert_eq!(date_text(65_535), "2169-06-06");
        assert_eq!(
            (date_raw("1990-01-01"), date_raw("1989-12-31"), date_raw("2026-02-29")),
            (Some(0), None, None)
        );
        let raw = [0x26, 0x11, 0x22, 0x09, 0x10, 0x11, 0x12, 0x31];
        assert_eq!(date_and_time_text(raw).as_deref(), Some("2026-11-22T09:10:11.123"));
        assert_eq!(date_and_time_bytes("2026-11-22T09:10:11.123"), Some(raw), "a Sunday");
        assert_eq!(date_and_time_text([0x26, 0x13, 0x22, 0, 0, 0, 0, 0]), None);
        assert_eq!(date_and_time_text([0x2A, 1, 1, 0, 0, 0, 0, 0]), None);
        let dtl = dtl_bytes("2026-11-22T09:10:11.123456789").unwrap();
        assert_eq!(dtl_text(dtl).as_deref(), Some("2026-11-22T09:10:11.123456789"));
        assert_eq!((dtl[4], dtl_text([0; 12])), (1, None));
        assert_eq!(ldt_text(0), "1970-01-01T00:00:00.000000000");
        assert_eq!(ldt_ns(&ldt_text(1_795_338_611_123_456_789)), Some(1_795_338_611_123_456_789));
        assert_eq!(tod_text(86_399_999_000_000, 3).as_deref(), Some("23:59:59.999"));
        assert_eq!(
            (tod_text(86_400_000_000_000, 3), tod_ns("23:59:59.999")),
            (None, Some(86_399_999_000_000))
        );
    }

    #[test]
    fn every_s5time_comes_back() {
        for raw in 0..=0x3999u16 {
            let Some(ms) = s5time_ms(raw) else { continue };
            assert_eq!(s5time_ms(s5time_raw(ms).unwrap()), Some(ms));
        }
        assert_eq!((s5time_ms(0x2127), s5time_ms(0x000A)), (Some(127_000), None));
        assert_eq!(
            (s5time_raw(9_990_000), s5time_raw(9_990_001), s5time_raw(12_345)),
            (Some(0x3999), None, None)
        );
    }
}
