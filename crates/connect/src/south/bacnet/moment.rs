//! Dates and times of day (20.2.12, 20.2.13), which know no zone and may leave out parts: texts without one. Pure.

/// Stands for any.
const ANY: u8 = 255;

/// `2026-11-22`; `*` stands for any, `odd`, `even` and `last` are the standard's patterns.
pub(super) fn date([year, month, day, _]: [u8; 4]) -> String {
    let year = if year == ANY { "*".to_owned() } else { format!("{:04}", 1900 + u16::from(year)) };
    let month = match month {
        ANY => "*".to_owned(),
        13 => "odd".to_owned(),
        14 => "even".to_owned(),
        month => format!("{month:02}"),
    };
    let day = match day {
        ANY => "*".to_owned(),
        32 => "last".to_owned(),
        33 => "odd".to_owned(),
        34 => "even".to_owned(),
        day => format!("{day:02}"),
    };
    format!("{year}-{month}-{day}")
}

/// `17:35:45.17`.
pub(super) fn time([hour, minute, second, hundredths]: [u8; 4]) -> String {
    let part = |number: u8| if number == ANY { "*".to_owned() } else { format!("{number:02}") };
    format!("{}:{}:{}.{}", part(hour), part(minute), part(second), part(hundredths))
}

/// Date and time of a text.
pub(super) fn split(text: &str) -> Result<(&str, &str), String> {
    text.split_once(['T', ' '])
        .ok_or_else(|| format!("{text} is no date with a time; write 2026-11-22T17:35:45"))
}

/// A date with its day of the week.
pub(super) fn parse_date(text: &str) -> Result<[u8; 4], String> {
    let wrong = || format!("{text} is no date; write 2026-11-22, with * for any");
    let mut parts = text.splitn(3, '-');
    let mut next = || parts.next().ok_or_else(wrong);
    let year = match next()? {
        "*" => ANY,
        year => {
            let year: u16 = year.parse().map_err(|_| wrong())?;
            year.checked_sub(1900)
                .and_then(|year| u8::try_from(year).ok())
                .filter(|year| *year < ANY)
                .ok_or_else(wrong)?
        }
    };
    let month = match next()? {
        "*" => ANY,
        "odd" => 13,
        "even" => 14,
        month => month.parse().ok().filter(|month| (1..=12).contains(month)).ok_or_else(wrong)?,
    };
    let day = match next()? {
        "*" => ANY,
        "last" => 32,
        "odd" => 33,
        "even" => 34,
        day => day.parse().ok().filter(|day| (1..=days_of(year, month)).contains(day)).ok_or_else(wrong)?,
    };
    Ok([year, month, day, weekday(year, month, day)])
}

/// A time of day; what is left out behind the minute is 0.
pub(super) fn parse_time(text: &str) -> Result<[u8; 4], String> {
    let wrong = || format!("{text} is no time; write 17:35:45.17, with * for any");
    let (clock, hundredths) = text.split_once('.').unwrap_or((text, "00"));
    let mut parts = clock.splitn(3, ':');
    let number = |text: Option<&str>, below: u8| match text {
        Some("*") => Ok(ANY),
        Some(text) => text.parse().ok().filter(|number| *number < below).ok_or_else(wrong),
        None => Err(wrong()),
    };
    let (hour, minute) = (number(parts.next(), 24)?, number(parts.next(), 60)?);
    let second = number(parts.next().or(Some("0")), 60)?;
    // Hundredths have two digits: .5 is half a second.
    let hundredths = if hundredths.len() == 1 && hundredths != "*" {
        number(Some(&format!("{hundredths}0")), 100)?
    } else {
        number(Some(hundredths), 100)?
    };
    Ok([hour, minute, second, hundredths])
}

const fn days_of(year: u8, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => {
            let year = 1900 + year as u16;
            let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
            if leap || year == 1900 + ANY as u16 { 29 } else { 28 }
        }
        _ => 31,
    }
}

/// 1 is Monday; any where the date is not one day.
fn weekday(year: u8, month: u8, day: u8) -> u8 {
    if year == ANY || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return ANY;
    }
    let days = |year: u8| (1..=12).map(move |month| u32::from(days_of(year, month)));
    let before: u32 = (0..year).flat_map(days).sum();
    let months: u32 = days(year).take(usize::from(month) - 1).sum();
    // 1900-01-01 was a Monday.
    ((before + months + u32::from(day) - 1) % 7 + 1) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_and_their_patterns() {
        for (text, bytes) in [
            ("1991-01-24", [91, 1, 24, 4]),
            ("2026-11-22", [126, 11, 22, 7]),
            ("2024-02-29", [124, 2, 29, 4]),
            ("*-12-25", [255, 12, 25, 255]),
            ("*-odd-last", [255, 13, 32, 255]),
        ] {
            assert_eq!(parse_date(text), Ok(bytes), "{text}");
            assert_eq!(date(bytes), text);
        }
        for wrong in ["2026-02-30", "2026-13-01", "1899-01-01", "2026-1", "22.11.2026", ""] {
            assert!(parse_date(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times() {
        for (text, bytes) in [
            ("17:35:45.17", [17, 35, 45, 17]),
            ("06:05", [6, 5, 0, 0]),
            ("06:05:00.5", [6, 5, 0, 50]),
            ("*:00:00.00", [255, 0, 0, 0]),
        ] {
            assert_eq!(parse_time(text), Ok(bytes), "{text}");
        }
        assert_eq!(time([6, 5, 4, 3]), "06:05:04.03");
        for wrong in ["24:00", "1", "12:60", "12:00:00.100", "noon"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
        assert!(split("2026-11-22").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_moment_or_told(text in ".{0,30}") {
            if let Ok(bytes) = parse_date(&text) {
                prop_assert_eq!(parse_date(&date(bytes)), Ok(bytes));
            }
            if let Ok(bytes) = parse_time(&text) {
                prop_assert_eq!(parse_time(&time(bytes)), Ok(bytes));
            }
        }
    }
}
