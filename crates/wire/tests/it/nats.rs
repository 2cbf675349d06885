//! A hostile server of NATS: each line is taken whole, waited for, or ends the session.

use crate::random::hostile;
use wire::nats::{Said, parse};

#[test]
fn a_million_hostile_streams() {
    const MOST: usize = 1_000;
    let sound = [
        b"INFO {\"a\":1}\r\nPING\r\nMSG a.b 1 5\r\nhello\r\n".to_vec(),
        b"HMSG a.b 1 reply 19 21\r\nNATS/1.0\r\nA: bc\r\n\r\n{}\r\n-ERR 'no'\r\n".to_vec(),
        b"HMSG x 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\n+OK\r\nPONG\r\n".to_vec(),
    ];
    hostile(0x107E, &sound, |bytes| {
        let (mut rest, mut said) = (bytes, 0);
        while let Ok(Some((what, used))) = parse(rest, MOST) {
            assert!(used > 0 && used <= rest.len());
            if let Said::Message(message) = what {
                let _ = message.header("a");
                assert!(
                    message.payload.len() <= MOST && message.payload.len() + message.headers.len() <= used
                );
            }
            rest = &rest[used..];
            said += 1;
        }
        said >= 2 && rest.is_empty()
    });
}
