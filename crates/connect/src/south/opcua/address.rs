//! Addresses of nodes, as text and as the server numbers them (OPC 10000-6, 5.3.1.10).
//!
//! `nsu=http://vendor.com/plc;s=Line1.Speed` names the namespace; `ns=2;s=Line1.Speed` gives its number, which may be
//! another one after the server's next start.

use crate::south::tags::Wrong;
use opcua::types::{ByteString, Guid, Identifier, NodeId};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest text of an address.
const LONGEST: usize = 4_096;

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    namespace: Namespace,
    identifier: Identifier,
}

#[derive(Clone, Debug, PartialEq)]
enum Namespace {
    Number(u16),
    Named(Arc<str>),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Namespace::Number(0) => {}
            Namespace::Number(number) => write!(f, "ns={number};")?,
            Namespace::Named(uri) => write!(f, "nsu={};", uri.replace('%', "%25").replace(';', "%3B"))?,
        }
        write!(f, "{}", self.identifier)
    }
}

impl Address {
    /// The address of a node as a server with these namespaces numbers it.
    pub fn of(node: &NodeId, namespaces: &[String]) -> Self {
        let namespace = match namespaces.get(usize::from(node.namespace)) {
            Some(uri) if node.namespace > 0 => Namespace::Named(uri.as_str().into()),
            _ => Namespace::Number(node.namespace),
        };
        Self { namespace, identifier: node.identifier.clone() }
    }

    /// The node as the wire shows it, and the lowest and highest number that its namespace may have in a server that did not
    /// say how it numbers them.
    pub fn on_wire(&self) -> (NodeId, u16, u16) {
        let (first, last) = match self.namespace {
            Namespace::Number(number) => (number, number),
            Namespace::Named(_) => (0, u16::MAX),
        };
        (NodeId { namespace: first, identifier: self.identifier.clone() }, first, last)
    }

    /// The node in a server with these namespaces.
    ///
    /// # Errors
    /// In words: the server does not have the namespace.
    pub fn resolve(&self, namespaces: &[String]) -> Result<NodeId, String> {
        let number = match &self.namespace {
            Namespace::Number(number) => *number,
            Namespace::Named(uri) => {
                let found = namespaces.iter().position(|known| **known == **uri);
                found.and_then(|at| u16::try_from(at).ok()).ok_or_else(|| {
                    let known: Vec<&str> = namespaces.iter().skip(1).take(8).map(String::as_str).collect();
                    format!("the server has no namespace {uri}; it has {}", known.join(", "))
                })?
            }
        };
        Ok(NodeId { namespace: number, identifier: self.identifier.clone() })
    }
}

/// Reads one address. `namespace` is meant where the text names none.
///
/// # Errors
/// [`Wrong`] with advice.
pub fn parse(text: &str, namespace: Option<&str>) -> Result<Address, Wrong> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(Wrong::new(
            "this address is longer than 4096 characters",
            "copy it from the server again",
        ));
    }
    let (namespace, rest) = if let Some(rest) = text.strip_prefix("nsu=") {
        let (uri, rest) = rest.split_once(';').ok_or_else(|| no_node(text))?;
        (Namespace::Named(uri.replace("%3B", ";").replace("%3b", ";").replace("%25", "%").into()), rest)
    } else if let Some(rest) = text.strip_prefix("ns=") {
        let (number, rest) = rest.split_once(';').ok_or_else(|| no_node(text))?;
        let number = number.parse().map_err(|_| {
            Wrong::new(
                format!("`{number}` in `{text}` is no number of a namespace"),
                "it is a whole number from 0 to 65535",
            )
        })?;
        (Namespace::Number(number), rest)
    } else {
        (namespace.map_or(Namespace::Number(0), |uri| Namespace::Named(uri.into())), text)
    };
    let identifier = identifier(rest).ok_or_else(|| no_node(text))?;
    Ok(Address { namespace, identifier })
}

fn identifier(text: &str) -> Option<Identifier> {
    let (kind, value) = text.split_once('=')?;
    match kind {
        "i" => value.parse().ok().map(Identifier::Numeric),
        "s" if !value.is_empty() => Some(Identifier::String(value.into())),
        "g" => Guid::from_str(value).ok().map(Identifier::Guid),
        "b" => ByteString::from_base64(value).map(Identifier::ByteString),
        _ => None,
    }
}

fn no_node(text: &str) -> Wrong {
    Wrong::new(
        format!("`{text}` is no node of OPC UA"),
        "write \"nsu=http://vendor.com/plc;s=Line1.Speed\", \"ns=2;s=Line1.Speed\" or \"ns=2;i=1001\", as a browser for OPC UA \
         shows it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let namespaces = ["http://opcfoundation.org/UA/", "urn:server", "http://a.com/x;y"].map(String::from);
        for (text, expected) in [
            ("i=2258", "i=2258"),
            ("ns=2;s=Line1.Speed=x;y", "ns=2;s=Line1.Speed=x;y"),
            ("nsu=urn:server;i=7", "ns=1;i=7"),
            ("nsu=http://a.com/x%3By;s=Größe", "ns=2;s=Größe"),
            ("ns=1;g=72962b91-fa75-4ae6-8d28-b404dc7daf63", "ns=1;g=72962b91-fa75-4ae6-8d28-b404dc7daf63"),
            ("ns=1;b=AQID", "ns=1;b=AQID"),
        ] {
            let address = parse(text, None).unwrap();
            assert_eq!(parse(&address.to_string(), None).unwrap(), address);
            let node = address.resolve(&namespaces).unwrap();
            assert_eq!(node.to_string(), expected);
            assert_eq!(Address::of(&node, &namespaces).resolve(&namespaces).unwrap(), node);
        }
        let named = parse("s=Speed", Some("urn:server")).unwrap();
        assert_eq!(named.to_string(), "nsu=urn:server;s=Speed");
        let reordered = ["http://opcfoundation.org/UA/", "http://a.com/x;y", "urn:server"].map(String::from);
        assert_eq!(named.resolve(&reordered).unwrap().to_string(), "ns=2;s=Speed");
        assert!(named.resolve(&namespaces[..1]).unwrap_err().contains("no namespace urn:server"));
    }

    #[test]
    fn refusals_say_what_to_write() {
        for text in [
            "",
            "Line1.Speed",
            "ns=2",
            "ns=x;s=a",
            "ns=70000;i=1",
            "i=-1",
            "s=",
            "g=1",
            "b=!",
            "nsu=urn:x",
            "x=1",
        ] {
            let wrong = parse(text, None).unwrap_err();
            assert!(!wrong.help.is_empty(), "{text}: {wrong:?}");
        }
    }
}
