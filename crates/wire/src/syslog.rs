//! Syslog messages and how they stand in a stream: RFC 5424, RFC 3164 and what devices make of them (RFC 6587 framing).
//!
//! Looking only: a device's clock, name and text are what it says of itself, and nothing it sends is refused. Whatever does
//! not follow a form is text.

/// Which form a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// RFC 5424, version 1.
    Structured,
    /// RFC 3164 or close to it.
    Bsd,
    /// A text without anything before it.
    Bare,
}

/// A message, taken apart. Texts are as they were sent: untrusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its form.
    pub form: Form,
    /// 0-23 (RFC 5424, 6.2.1, table 1); 1, user, where none was sent.
    pub facility: u8,
    /// 0 emergency to 7 debug (RFC 5424, 6.2.1, table 2); 5, notice, where none was sent.
    pub severity: u8,
    /// What its clock says, as it writes it; empty for none.
    pub stamp: &'a str,
    /// Who it says it is; empty for none.
    pub host: &'a str,
    /// Program that says it; empty for none.
    pub app: &'a str,
    /// Kind of message, `MSGID`; empty for none.
    pub id: &'a str,
    /// Structured data as written, without the dash for none.
    pub data: &'a str,
    /// The message itself.
    pub text: &'a str,
}

/// Names of the facilities (RFC 5424, 6.2.1), as `logger` and others write them.
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "security", "console", "clock", "local0", "local1", "local2", "local3", "local4", "local5",
    "local6", "local7",
];
/// Names of the severities.
pub const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// Facilities whose messages speak of security: auth, authpriv, and the log audit and alert of RFC 5424.
pub const fn is_security(facility: u8) -> bool {
    matches!(facility, 4 | 10 | 13 | 14)
}

impl<'a> Message<'a> {
    /// Takes a message apart; never fails.
    #[must_use]
    pub fn parse(message: &'a str) -> Self {
        let message = message.trim_end_matches(['\r', '\n', '\0']);
        let bare = Self {
            form: Form::Bare,
            facility: 1,
            severity: 5,
            stamp: "",
            host: "",
            app: "",
            id: "",
            data: "",
            text: message,
        };
        let Some((priority, rest)) = priority(message) else { return bare };
        let known =
            Self { form: Form::Bsd, facility: priority >> 3, severity: priority & 7, text: rest, ..bare };
        match rest.strip_prefix("1 ").and_then(|rest| known.structured(rest)) {
            Some(structured) => structured,
            None => known.bsd(rest),
        }
    }

    /// RFC 5424, 6: TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG].
    fn structured(self, rest: &'a str) -> Option<Self> {
        let (stamp, rest) = rest.split_once(' ')?;
        let (host, rest) = rest.split_once(' ')?;
        let (app, rest) = rest.split_once(' ')?;
        let (_process, rest) = rest.split_once(' ')?;
        let (id, rest) = rest.split_once(' ')?;
        let (data, text) = match rest.strip_prefix('-') {
            Some(text) => ("", text),
            None => rest.split_at_checked(data_end(rest)?)?,
        };
        let text = text.strip_prefix(' ').unwrap_or(text);
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let said = |field: &'a str| if field == "-" { "" } else { field };
        let (stamp, host, app, id) = (said(stamp), said(host), said(app), said(id));
        Some(Self { form: Form::Structured, stamp, host, app, id, data, text, ..self })
    }

    /// RFC 3164, 4.1: TIMESTAMP HOSTNAME TAG: CONTENT; each of them may be missing. Many write the time as RFC 3339 does.
    fn bsd(self, rest: &'a str) -> Self {
        let Some((stamp, rest)) = stamp(rest) else {
            let (app, text) = tag(rest);
            return Self { app, text, ..self };
        };
        let (host, behind) = rest.split_once(' ').unwrap_or(("", rest));
        if host.is_empty() || host.ends_with(':') || host.ends_with(']') {
            // No host: the tag stands there.
            let (app, text) = tag(rest);
            return Self { stamp, app, text, ..self };
        }
        let (app, text) = tag(behind);
        Self { stamp, host, app, text, ..self }
    }
}

/// `<PRIVAL>`, 0 to 191.
fn priority(message: &str) -> Option<(u8, &str)> {
    let (digits, rest) = message.strip_prefix('<')?.split_once('>')?;
    if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|priority| *priority <= 191).map(|priority| (priority, rest))
}

/// Where the structured data that a text begins with ends: elements in brackets, with `\` before quotes and brackets in values.
fn data_end(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped, mut open) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match (byte, open) {
            (_, true) if escaped => escaped = false,
            (b'\\', true) if quoted => escaped = true,
            (b'"', true) => quoted = !quoted,
            (b']', true) if !quoted => open = false,
            (_, true) => {}
            (b'[', false) => open = true,
            (_, false) => return (at > 0).then_some(at),
        }
    }
    (!open && !text.is_empty()).then_some(text.len())
}

/// The time at the beginning: `Mmm dd hh:mm:ss` or RFC 3339.
fn stamp(text: &str) -> Option<(&str, &str)> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    if let Some((month, rest)) = text.split_at_checked(15)
        && MONTHS.iter().any(|known| month.starts_with(known))
        && month.bytes().filter(|byte| *byte == b':').count() == 2
    {
        return Some((month, rest.strip_prefix(' ').unwrap_or(rest)));
    }
    let (word, rest) = text.split_once(' ')?;
    let mut bytes = word.bytes();
    let is_time = word.len() >= 19
        && bytes.by_ref().take(4).all(|byte| byte.is_ascii_digit())
        && bytes.next() == Some(b'-')
        && word.contains('T');
    is_time.then_some((word, rest))
}

/// `TAG[pid]: text`: the tag is at most 48 characters without blanks (32 in RFC 3164; programs write longer ones).
fn tag(text: &str) -> (&str, &str) {
    let Some((head, rest)) = text.split_once(':') else { return ("", text) };
    let name = head.split_once('[').map_or(head, |(name, _)| name);
    if name.is_empty() || name.len() > 48 || head.contains(' ') || head.contains('{') {
        return ("", text);
    }
    (name, rest.strip_prefix(' ').unwrap_or(rest))
}

/// What stands at the beginning of a stream of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message: so many bytes to leave out before it, its length, and how many bytes it takes in all.
    Whole {
        /// Bytes before it.
        skip: usize,
        /// Its bytes.
        length: usize,
        /// Bytes that are done with.
        taken: usize,
    },
    /// More must come.
    Part,
    /// A message longer than is taken: nothing behind can be found.
    TooLong,
}

/// Finds the first message in a stream: counted (RFC 6587, 3.4.1; RFC 5425) or up to the end of a line (3.4.2), each
/// message anew. None is longer than `most` bytes.
#[must_use]
pub fn frame(bytes: &[u8], most: usize) -> Frame {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // Counted: digits without a leading zero, a blank. Everything else is a line.
    let counted = match (bytes.first(), bytes.get(digits)) {
        (Some(b'1'..=b'9'), Some(b' ')) => true,
        (Some(b'1'..=b'9'), None) if digits <= 7 => return Frame::Part,
        _ => false,
    };
    if counted {
        let count = std::str::from_utf8(bytes.get(..digits).unwrap_or_default()).ok();
        let Some(length) =
            count.and_then(|count| count.parse::<usize>().ok()).filter(|length| *length <= most)
        else {
            return Frame::TooLong;
        };
        let (skip, taken) = (digits + 1, digits + 1 + length);
        return if bytes.len() < taken { Frame::Part } else { Frame::Whole { skip, length, taken } };
    }
    match bytes.iter().take(most + 1).position(|byte| *byte == b'\n') {
        Some(length) => Frame::Whole { skip: 0, length, taken: length + 1 },
        None if bytes.len() > most => Frame::TooLong,
        None => Frame::Part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(message: &str) -> (Form, u8, u8, &str, &str, &str, &str) {
        let m = Message::parse(message);
        (m.form, m.facility, m.severity, m.stamp, m.host, m.app, m.text)
    }

    #[test]
    fn messages_as_devices_write_them() {
        use Form::{Bare, Bsd, Structured};
        let table = [
            // The examples of RFC 5424, 6.5, in short.
            (
                "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{FEFF}'su root' failed on /dev/pts/8",
                (
                    Structured,
                    4,
                    2,
                    "2003-10-11T22:14:15.003Z",
                    "mymachine.example.com",
                    "su",
                    "'su root' failed on /dev/pts/8",
                ),
            ),
            (
                "<165>1 2003-10-11T22:14:15Z h evntslog - ID47 [a@1 x=\"1\" y=\"\\\"]\"][b@1 z=\"2\"] An event",
                (Structured, 20, 5, "2003-10-11T22:14:15Z", "h", "evntslog", "An event"),
            ),
            ("<0>1 - - - - - -", (Structured, 0, 0, "", "", "", "")),
            // RFC 3164, 5.4.
            (
                "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
                (
                    Bsd,
                    4,
                    2,
                    "Oct 11 22:14:15",
                    "mymachine",
                    "su",
                    "'su root' failed for lonvick on /dev/pts/8",
                ),
            ),
            (
                "<13>Feb  5 17:32:18 10.0.0.99 sshd[12]: bye",
                (Bsd, 1, 5, "Feb  5 17:32:18", "10.0.0.99", "sshd", "bye"),
            ),
            (
                "<30>2026-11-22T16:00:00+01:00 fw1 filterlog: block in",
                (Bsd, 3, 6, "2026-11-22T16:00:00+01:00", "fw1", "filterlog", "block in"),
            ),
            ("<189>link down on port 4", (Bsd, 23, 5, "", "", "", "link down on port 4")),
            (
                "<189>%LINK-3-UPDOWN: Interface Gi0/1",
                (Bsd, 23, 5, "", "", "%LINK-3-UPDOWN", "Interface Gi0/1"),
            ),
            ("<999>no priority", (Bare, 1, 5, "", "", "", "<999>no priority")),
            ("hello\r\n", (Bare, 1, 5, "", "", "", "hello")),
            ("<34>1 cut off", (Bsd, 4, 2, "", "", "", "1 cut off")),
            ("", (Bare, 1, 5, "", "", "", "")),
        ];
        for (message, expected) in table {
            assert_eq!(fields(message), expected, "{message}");
        }
        let with_data = Message::parse("<165>1 - h a - ID [x@1 a=\"]\"] t");
        assert_eq!((with_data.id, with_data.data), ("ID", "[x@1 a=\"]\"]"));
    }

    #[test]
    fn streams_are_cut_as_rfc_6587_says() {
        let whole = |skip, length, taken| Frame::Whole { skip, length, taken };
        assert_eq!(frame(b"5 <1>ab6 <1>abc", 100), whole(2, 5, 7));
        assert_eq!(frame(b"<1>ab\n<1>c", 100), whole(0, 5, 6));
        assert_eq!(frame(b"5 <1>a", 100), Frame::Part);
        assert_eq!(frame(b"12", 100), Frame::Part);
        assert_eq!(frame(b"", 100), Frame::Part);
        assert_eq!(frame(b"<1>abcdef", 8), Frame::TooLong);
        assert_eq!(frame(b"9000000 <1>a", 100), Frame::TooLong);
        assert_eq!(frame(b"12345678", 4), Frame::TooLong);
    }
}
