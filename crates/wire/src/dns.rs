//! DNS questions and answers, to look at (RFC 1035, section 4).
//!
//! ```text
//!   id 2 │ flags 2 │ questions 2 │ answers 2 │ authorities 2 │ more 2 │ name: (length label)... 0 │ type 2 │ class 2 │ ...
//! ```

/// The port.
pub const PORT: u16 = 53;
/// Longest name, bytes (section 2.3.4).
const LONGEST: usize = 255;
/// Most labels of a name.
const MOST_LABELS: usize = 64;

/// A look at a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whether it answers.
    pub is_answer: bool,
    /// Operation: 0 query, 5 update.
    pub operation: u8,
    /// Outcome: 0 done, 3 no such name.
    pub code: u8,
    /// What is asked for, as bytes with dots between the labels.
    pub name: Vec<u8>,
    /// Length of its longest label.
    pub longest_label: usize,
    /// Type of record that is asked for: 1 A, 12 PTR, 16 TXT, 28 AAAA.
    pub kind: u16,
    /// Answers.
    pub answers: u16,
}

/// Looks at a message; `None` if it is none, or does not ask exactly one thing.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Message> {
    let ([_, _, high, low, 0, 1, a0, a1, _, _, _, _], mut rest) = bytes.split_first_chunk::<12>()? else {
        return None;
    };
    let (mut name, mut longest_label) = (Vec::new(), 0);
    for _ in 0..MOST_LABELS {
        let (length, tail) = rest.split_first()?;
        // A question has nothing before it to point to.
        let (label, tail) = tail.split_at_checked(usize::from(*length)).filter(|_| *length < 64)?;
        rest = tail;
        if label.is_empty() {
            let [k0, k1, ..] = rest else { return None };
            return Some(Message {
                is_answer: high & 0x80 != 0,
                operation: high >> 3 & 15,
                code: low & 15,
                name,
                longest_label,
                kind: u16::from_be_bytes([*k0, *k1]),
                answers: u16::from_be_bytes([*a0, *a1]),
            });
        }
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(label);
        longest_label = longest_label.max(label.len());
        if name.len() > LONGEST {
            return None;
        }
    }
    None
}

/// Name of a type of record.
#[must_use]
pub const fn kind_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        65 => "HTTPS",
        252 => "AXFR",
        255 => "ANY",
        _ => return None,
    })
}
