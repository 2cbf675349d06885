//! What clients send (PostgreSQL 15, chapter 55.7), read without trust: every length and count is checked against what is
//! there before anything is taken, and against a limit before anything is kept.

/// Longest start-up packet, bytes: PostgreSQL's own limit.
pub(super) const MOST_STARTUP: usize = 10_000;
/// Longest message before the sign-in is done, bytes.
pub(super) const MOST_SIGN_IN: usize = 8_192;
/// Longest message after it, bytes.
pub(super) const MOST_MESSAGE: usize = 8 << 20;
/// Most values of a `Bind`, and most types of a `Parse`.
const MOST_VALUES: usize = 1_000;

/// A message that breaks the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Broken(pub &'static str);

/// The first packet of a connection, without its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Startup {
    /// Asks for TLS.
    Tls,
    /// Asks for Kerberos encryption, which we do not have.
    Gss,
    /// Asks to stop a query of another connection.
    Cancel { process: i32, secret: i32 },
    /// Begins a session.
    Session { minor: u16, parameters: Vec<(String, String)> },
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Query(String),
    Parse {
        name: String,
        text: String,
        types: Vec<u32>,
    },
    Bind {
        portal: String,
        statement: String,
        formats: Vec<i16>,
        values: Vec<Option<Vec<u8>>>,
        results: Vec<i16>,
    },
    Describe {
        what: What,
        name: String,
    },
    Execute {
        portal: String,
        most: u32,
    },
    Close {
        what: What,
        name: String,
    },
    Sync,
    Flush,
    Terminate,
    /// A password or a step of SASL.
    Password(Vec<u8>),
    /// Part of a `COPY FROM`, which we never ask for.
    Copy,
}

/// Of which kind a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Statement,
    Portal,
}

/// Takes from the front.
pub(super) struct Reader<'a>(pub &'a [u8]);

const SHORT: Broken = Broken("the message ends too early");

impl<'a> Reader<'a> {
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let (front, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(front)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        self.take(N)?.try_into().map_err(|_| SHORT)
    }

    pub fn u8(&mut self) -> Result<u8, Broken> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub fn i16(&mut self) -> Result<i16, Broken> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, Broken> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, Broken> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    fn text(&mut self) -> Result<String, Broken> {
        let end = self.0.iter().position(|b| *b == 0).ok_or(Broken("a text has no end"))?;
        let text = self.take(end)?;
        self.take(1)?;
        String::from_utf8(text.to_vec()).map_err(|_| Broken("a text is not UTF-8"))
    }

    /// A count of what follows, each of at least `size` bytes.
    fn count(&mut self, size: usize) -> Result<usize, Broken> {
        let count = usize::from(self.i16()?.cast_unsigned());
        if count > MOST_VALUES {
            return Err(Broken("a message has more than 1,000 values"));
        }
        if count * size > self.0.len() {
            return Err(SHORT);
        }
        Ok(count)
    }

    fn formats(&mut self) -> Result<Vec<i16>, Broken> {
        (0..self.count(2)?).map(|_| self.i16()).collect()
    }
}

/// Reads a start-up packet.
pub(super) fn startup(body: &[u8]) -> Result<Startup, Broken> {
    let mut from = Reader(body);
    let (major, minor) = (from.i16()?, from.i16()?.cast_unsigned());
    match (major, minor) {
        (1234, 5679) => Ok(Startup::Tls),
        (1234, 5680) => Ok(Startup::Gss),
        (1234, 5678) => Ok(Startup::Cancel { process: from.i32()?, secret: from.i32()? }),
        (3, minor) => {
            let mut parameters = Vec::new();
            while from.0.first().is_some_and(|b| *b != 0) {
                parameters.push((from.text()?, from.text()?));
            }
            Ok(Startup::Session { minor, parameters })
        }
        _ => Err(Broken("this is no client of PostgreSQL 7.4 or newer")),
    }
}

fn what(from: &mut Reader<'_>) -> Result<What, Broken> {
    match from.u8()? {
        b'S' => Ok(What::Statement),
        b'P' => Ok(What::Portal),
        _ => Err(Broken("neither statement nor portal")),
    }
}

fn bind(from: &mut Reader<'_>) -> Result<Message, Broken> {
    let (portal, statement) = (from.text()?, from.text()?);
    let formats = from.formats()?;
    let mut values = Vec::new();
    for _ in 0..from.count(4)? {
        let length = from.i32()?;
        values.push(match usize::try_from(length) {
            Ok(length) => Some(from.take(length)?.to_vec()),
            Err(_) => None,
        });
    }
    Ok(Message::Bind { portal, statement, formats, values, results: from.formats()? })
}

/// Reads a message of type `kind`.
pub(super) fn message(kind: u8, body: &[u8]) -> Result<Message, Broken> {
    let mut from = Reader(body);
    let read = match kind {
        b'Q' => Message::Query(from.text()?),
        b'P' => {
            let (name, text) = (from.text()?, from.text()?);
            let count = from.count(4)?;
            let types: Result<Vec<u32>, Broken> =
                (0..count).map(|_| Ok(from.i32()?.cast_unsigned())).collect();
            Message::Parse { name, text, types: types? }
        }
        b'B' => bind(&mut from)?,
        b'D' => Message::Describe { what: what(&mut from)?, name: from.text()? },
        b'E' => Message::Execute { portal: from.text()?, most: u32::try_from(from.i32()?).unwrap_or(0) },
        b'C' => Message::Close { what: what(&mut from)?, name: from.text()? },
        b'S' => Message::Sync,
        b'H' => Message::Flush,
        b'X' => Message::Terminate,
        b'p' => return Ok(Message::Password(body.to_vec())),
        b'd' | b'c' | b'f' => return Ok(Message::Copy),
        _ => return Err(Broken("a message of an unknown type")),
    };
    if from.0.is_empty() { Ok(read) } else { Err(Broken("the message is longer than it should be")) }
}

/// The two forms of a SASL message: the first names a mechanism.
pub(super) fn sasl_first(body: &[u8]) -> Result<(String, &[u8]), Broken> {
    let mut from = Reader(body);
    let mechanism = from.text()?;
    let length = usize::try_from(from.i32()?).unwrap_or(0);
    Ok((mechanism, from.take(length)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn session(pairs: &[u8]) -> Vec<u8> {
        [&[0, 3, 0, 0][..], pairs].concat()
    }

    #[test]
    fn starts() {
        assert_eq!(startup(&80_877_103_i32.to_be_bytes()), Ok(Startup::Tls));
        assert_eq!(startup(&80_877_104_i32.to_be_bytes()), Ok(Startup::Gss));
        let cancel = [&80_877_102_i32.to_be_bytes()[..], &7_i32.to_be_bytes(), &9_i32.to_be_bytes()].concat();
        assert_eq!(startup(&cancel), Ok(Startup::Cancel { process: 7, secret: 9 }));
        let parameters = vec![("user".to_owned(), "anna".to_owned())];
        assert_eq!(startup(&session(b"user\0anna\0\0")), Ok(Startup::Session { minor: 0, parameters }));
        for broken in
            [&b""[..], b"GET / HTTP/1.1\r\n", &[0, 2, 0, 0], &session(b"user"), &session(b"user\0\xff\0\0")]
        {
            assert!(startup(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn messages() {
        assert_eq!(message(b'Q', b"select 1\0"), Ok(Message::Query("select 1".into())));
        let parse = [&b"s\0select $1\0\0\x01"[..], &25_i32.to_be_bytes()].concat();
        assert_eq!(
            message(b'P', &parse),
            Ok(Message::Parse { name: "s".into(), text: "select $1".into(), types: vec![25] })
        );
        let bind = b"\0s\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\0";
        let values = vec![Some(b"a".to_vec()), None];
        let expected = Message::Bind {
            portal: String::new(),
            statement: "s".into(),
            formats: vec![1],
            values,
            results: vec![],
        };
        assert_eq!(message(b'B', bind), Ok(expected));
        assert_eq!(
            message(b'E', b"\0\xff\xff\xff\xff"),
            Ok(Message::Execute { portal: String::new(), most: 0 })
        );
        for (kind, body) in [
            (b'Q', &b"select"[..]),
            (b'Q', b"a\0b\0"),
            (b'P', b"s\0t\0\xff\xff"),
            (b'B', b"\0\0\x7f\xff"),
            (b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff"),
            (b'D', b"X\0"),
            (b'?', b""),
        ] {
            assert!(message(kind, body).is_err(), "{} {body:?}", kind as char);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(kind: u8, body: Vec<u8>) {
            let _ = message(kind, &body);
            let _ = startup(&body);
            let _ = sasl_first(&body);
        }
    }
}
