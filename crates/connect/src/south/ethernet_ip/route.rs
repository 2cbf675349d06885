//! Routes as people write them: pairs of port and address.

use crate::south::tags::Wrong;
use wire::enip::{Path, Segment};

/// Most hops of a route.
const MAX_HOPS: usize = 8;

/// Reads `1,0` or `1,3,2,192.168.1.5,1,0`; the empty text is the empty route.
///
/// # Errors
/// [`Wrong`] with advice.
pub fn parse(text: &str) -> Result<Path, Wrong> {
    let help = "write pairs of port and address: \"1,0\" is the backplane, slot 0; \"\" is the device itself";
    if text.trim().is_empty() {
        return Ok(Path::default());
    }
    let parts: Vec<&str> = text.split([',', '/']).map(str::trim).collect();
    if !parts.len().is_multiple_of(2) || parts.len() > 2 * MAX_HOPS {
        return Err(Wrong::new(format!("the route `{text}` is not made of pairs"), help));
    }
    let mut segments = Vec::new();
    for pair in parts.chunks_exact(2) {
        let [port, link] = pair else { continue };
        let number = match *port {
            "backplane" | "bp" => Some(1),
            "enet" => Some(2),
            port => port.parse::<u16>().ok().filter(|port| *port > 0),
        };
        let Some(port) = number else {
            return Err(Wrong::new(format!("`{port}` in the route `{text}` is no port number"), help));
        };
        let plain = !link.is_empty() && link.len() <= 64 && link.bytes().all(|b| b.is_ascii_graphic());
        if !plain {
            return Err(Wrong::new(format!("`{link}` in the route `{text}` is no address"), help));
        }
        // A slot or node is one byte; anything else is an address in text.
        let link = link.parse::<u8>().map_or_else(|_| link.as_bytes().into(), |slot| [slot].into());
        segments.push(Segment::Port { port, link });
    }
    Ok(Path(segments))
}

/// As it is written: `1,0`.
pub(super) fn words(route: &Path) -> String {
    let hop = |segment: &Segment| match segment {
        Segment::Port { port, link } => match link.as_ref() {
            [slot] => Some(format!("{port},{slot}")),
            text => Some(format!("{port},{}", String::from_utf8_lossy(text))),
        },
        _ => None,
    };
    let hops: Vec<String> = route.0.iter().filter_map(hop).collect();
    if hops.is_empty() { "direct".into() } else { format!("route {}", hops.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_port_and_address() {
        for (text, expected) in [
            ("", "direct"),
            ("1,0", "route 1,0"),
            ("backplane/3/enet/10.1.2.3/1/0", "route 1,3,2,10.1.2.3,1,0"),
        ] {
            assert_eq!(words(&parse(text).unwrap()), expected);
        }
        for (text, why) in [
            ("1", "not made of pairs"),
            ("x,0", "no port number"),
            ("1,", "no address"),
            ("0,1", "no port number"),
        ] {
            assert!(parse(text).unwrap_err().message.contains(why), "{text}");
        }
    }
}
