//! What a certificate says (RFC 5280, 4.1): whose it is, who says so, from when to when.

/// Most elements of a name that are looked at.
const MOST: usize = 64;

/// A time of a certificate: seconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

/// A look at a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Common name of whom it is for, else its organisation. Not checked to be text.
    pub subject: Option<&'a [u8]>,
    /// The same of who signed it.
    pub issuer: Option<&'a [u8]>,
    /// Holds from then.
    pub from: Option<Moment>,
    /// Holds until then.
    pub until: Option<Moment>,
    /// Subject and issuer are the same.
    pub is_self_signed: bool,
}

/// One element in DER: its tag, its content, what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, length, rest @ ..] = bytes else { return None };
    let (length, rest) = match *length {
        plain @ 0..=0x7F => (usize::from(plain), rest),
        long @ 0x81..=0x83 => {
            let (octets, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
            (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// Elements one after the other.
fn elements(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (tag, content, tail) = element(rest)?;
        rest = tail;
        Some((tag, content))
    })
    .take(MOST)
}

/// The common name of a name, else its organisation.
fn name(bytes: &[u8]) -> Option<&[u8]> {
    let attribute = |wanted: &[u8]| {
        elements(bytes).flat_map(|(_, set)| elements(set)).find_map(|(_, pair)| {
            let mut parts = elements(pair);
            parts.next().filter(|(tag, oid)| *tag == 6 && *oid == wanted)?;
            parts.next().map(|(_, value)| value)
        })
    };
    attribute(&[0x55, 4, 3]).or_else(|| attribute(&[0x55, 4, 10]))
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// A time in the short form (years of two digits: up to 49 they are of this century) or the long one.
fn moment(tag: u8, text: &[u8]) -> Option<Moment> {
    let digits = text.strip_suffix(b"Z").filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let two = |at: usize| {
        let [a, b] = digits.get(at..)?.first_chunk::<2>()?;
        Some(i64::from(a - b'0') * 10 + i64::from(b - b'0'))
    };
    let (year, at) = match tag {
        0x17 => (two(0).map(|year| if year < 50 { 2_000 + year } else { 1_900 + year })?, 2),
        0x18 => (two(0)? * 100 + two(2)?, 4),
        _ => return None,
    };
    let (month, day) = (two(at)?, two(at + 2)?);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(())?;
    let seconds = two(at + 4)? * 3_600 + two(at + 6)? * 60 + two(at + 8).unwrap_or(0);
    Some(Moment(days(year, month, day) * 86_400 + seconds))
}

impl<'a> Certificate<'a> {
    /// Looks at a certificate in DER; `None` if it is none.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (0x30, certificate, _) = element(bytes)? else { return None };
        let (0x30, signed, _) = element(certificate)? else { return None };
        // Version (if it is said), serial number, algorithm, issuer, validity, subject.
        let mut parts = elements(signed).skip_while(|(tag, _)| *tag == 0xA0).skip(2);
        let (_, issuer) = parts.next()?;
        let (_, validity) = parts.next()?;
        let (_, subject) = parts.next()?;
        let mut times = elements(validity).map(|(tag, text)| moment(tag, text));
        Some(Self {
            subject: name(subject),
            issuer: name(issuer),
            from: times.next().flatten(),
            until: times.next().flatten(),
            is_self_signed: subject == issuer,
        })
    }
}
