//! What we send (PostgreSQL 15, chapter 55.7), put together in one buffer that is written when it is worth it.

use super::encode::Columns;
use bytes::{BufMut, BytesMut};

/// A column of an answer as it is told beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub name: String,
    pub oid: u32,
}

/// An error or a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// `ERROR`, `FATAL`, `NOTICE`.
    pub severity: &'static str,
    /// SQLSTATE.
    pub code: &'static str,
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// Messages on their way out.
#[derive(Default)]
pub(super) struct Replies {
    pub bytes: BytesMut,
}

impl Replies {
    /// One message: its type, then a length over what `body` writes.
    fn message(&mut self, kind: u8, body: impl FnOnce(&mut BytesMut)) {
        self.bytes.put_u8(kind);
        let at = self.bytes.len();
        self.bytes.put_i32(0);
        body(&mut self.bytes);
        let length = i32::try_from(self.bytes.len() - at).unwrap_or(i32::MAX);
        if let Some(place) = self.bytes.get_mut(at..at + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    fn empty(&mut self, kind: u8) {
        self.message(kind, |_| {});
    }

    pub fn sign_in_mechanisms(&mut self, names: &[&str]) {
        self.message(b'R', |out| {
            out.put_i32(10);
            names.iter().for_each(|name| text(out, name));
            out.put_u8(0);
        });
    }

    /// A step of SASL: 11 goes on, 12 is the last.
    pub fn sign_in_step(&mut self, step: i32, data: &[u8]) {
        self.message(b'R', |out| {
            out.put_i32(step);
            out.put_slice(data);
        });
    }

    pub fn signed_in(&mut self) {
        self.message(b'R', |out| out.put_i32(0));
    }

    pub fn parameter(&mut self, name: &str, value: &str) {
        self.message(b'S', |out| {
            text(out, name);
            text(out, value);
        });
    }

    pub fn key(&mut self, process: i32, secret: i32) {
        self.message(b'K', |out| {
            out.put_i32(process);
            out.put_i32(secret);
        });
    }

    /// Our newest minor version, and the options of the client that we do not know.
    pub fn negotiate(&mut self, unknown: &[&str]) {
        self.message(b'v', |out| {
            out.put_i32(0x0003_0000);
            out.put_i32(i32::try_from(unknown.len()).unwrap_or(0));
            unknown.iter().for_each(|name| text(out, name));
        });
    }

    pub fn ready(&mut self, status: u8) {
        self.message(b'Z', |out| out.put_u8(status));
    }

    pub fn parameters(&mut self, types: &[u32]) {
        self.message(b't', |out| {
            out.put_u16(u16::try_from(types.len()).unwrap_or(u16::MAX));
            types.iter().for_each(|oid| out.put_u32(*oid));
        });
    }

    pub fn columns(&mut self, columns: &[Told], format: impl Fn(usize) -> i16) {
        self.message(b'T', |out| {
            out.put_u16(u16::try_from(columns.len()).unwrap_or(u16::MAX));
            for (at, column) in columns.iter().enumerate() {
                text(out, &column.name);
                out.put_i32(0);
                out.put_i16(0);
                out.put_u32(column.oid);
                out.put_i16(sql::postgres::by_oid(column.oid).map_or(-1, |kind| kind.len));
                out.put_i32(-1);
                out.put_i16(format(at));
            }
        });
    }

    /// Rows `from..to`, each a message.
    pub fn rows(&mut self, columns: &Columns, from: usize, to: usize) {
        for row in from..to {
            self.message(b'D', |out| columns.row(row, out));
        }
    }

    pub fn complete(&mut self, tag: &str) {
        self.message(b'C', |out| text(out, tag));
    }

    pub fn parsed(&mut self) {
        self.empty(b'1');
    }

    pub fn bound(&mut self) {
        self.empty(b'2');
    }

    pub fn closed(&mut self) {
        self.empty(b'3');
    }

    pub fn no_data(&mut self) {
        self.empty(b'n');
    }

    pub fn suspended(&mut self) {
        self.empty(b's');
    }

    pub fn nothing(&mut self) {
        self.empty(b'I');
    }

    pub fn copy_begins(&mut self, columns: usize, binary: bool) {
        self.message(b'H', |out| {
            out.put_u8(u8::from(binary));
            out.put_u16(u16::try_from(columns).unwrap_or(u16::MAX));
            (0..columns).for_each(|_| out.put_i16(i16::from(binary)));
        });
    }

    pub fn copy_data(&mut self, body: impl FnOnce(&mut BytesMut)) {
        self.message(b'd', body);
    }

    pub fn copy_ends(&mut self) {
        self.empty(b'c');
    }

    pub fn report(&mut self, report: &Report) {
        let kind = if report.severity == "NOTICE" { b'N' } else { b'E' };
        self.message(kind, |out| {
            for (field, value) in [
                (b'S', report.severity),
                (b'V', report.severity),
                (b'C', report.code),
                (b'M', &report.message),
                (b'H', &report.hint),
            ] {
                if !value.is_empty() {
                    out.put_u8(field);
                    text(out, value);
                }
            }
            out.put_u8(0);
        });
    }
}

/// A text with its end; a zero byte inside would end it early.
fn text(out: &mut BytesMut, text: &str) {
    out.extend(text.bytes().filter(|b| *b != 0));
    out.put_u8(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_themselves() {
        let mut out = Replies::default();
        out.ready(b'I');
        out.parameter("a", "b\0c");
        assert_eq!(&out.bytes[..], b"Z\0\0\0\x05IS\0\0\0\x09a\0bc\0");
        let mut out = Replies::default();
        out.report(&Report { severity: "ERROR", code: "42601", message: "no".into(), hint: String::new() });
        assert_eq!(&out.bytes[..], b"E\0\0\0\x1eSERROR\0VERROR\0C42601\0Mno\0\0");
    }
}
