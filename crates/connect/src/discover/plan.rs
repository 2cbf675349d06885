//! What a scan would do, to whom and for how long: shown before anything is sent.

use super::targets::{MOST_TARGETS, Target, add_range, is_one_host, parse};
use super::{Ask, Broadcast, Neighbours, Probe, Transport, cable};
use crate::south::tags::Wrong;
use model::config::nearest;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// Packets that opening and closing a TCP connection takes from us: SYN, ACK, FIN, ACK.
pub(crate) const CONNECTION_PACKETS: u64 = 4;
/// Packets of a request over TCP: the request, and the acknowledgement of its answer.
pub(crate) const REQUEST_PACKETS: u64 = 2;
/// New connections or datagrams a second, all addresses together.
pub(super) const STARTS_PER_S: u64 = 50;
/// Longest that looking up a name may take.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Most ports of one protocol.
const MOST_PORTS: usize = 16;
/// The same for all protocols together.
const MOST_QUESTIONS: usize = 100_000;

/// An address that gets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The address.
    pub address: IpAddr,
    /// Why.
    pub why: String,
    /// The connection that talks to it already.
    pub connection: Option<String>,
}

/// What one protocol contributes.
#[derive(Clone, Debug)]
pub struct Share {
    /// Its probe.
    pub probe: &'static Probe,
    /// Its ports.
    pub ports: Vec<u16>,
    /// Packets if nobody answers: one to each address and port.
    pub packets_least: u64,
    /// Packets if everybody answers and tells all.
    pub packets_most: u64,
}

/// What a scan would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What was asked.
    pub ask: Ask,
    /// Who would be asked, in order.
    pub addresses: Vec<IpAddr>,
    /// By protocol.
    pub shares: Vec<Share>,
    /// What is asked of everybody on the cable that is named.
    pub(super) broadcasts: Vec<(&'static Probe, Broadcast)>,
    /// Who would not be asked, and why.
    pub skipped: Vec<Skipped>,
    /// How many of those that were named this machine has talked to lately.
    pub neighbours: usize,
    /// Time if every address refuses at once.
    pub least: Duration,
    /// Time if everybody answers at the last moment.
    pub most: Duration,
}

impl Plan {
    /// Packets if nobody answers.
    pub fn packets_least(&self) -> u64 {
        self.shares.iter().map(|share| share.packets_least).sum::<u64>() + self.cable_packets()
    }

    /// Packets if everybody answers and tells all. The scan never sends more.
    pub fn packets_most(&self) -> u64 {
        self.shares.iter().map(|share| share.packets_most).sum::<u64>() + self.cable_packets()
    }

    /// Packets to everybody on the cable that is named.
    pub(super) fn cable_packets(&self) -> u64 {
        match self.ask.interface {
            Some(_) => cable::PACKETS + u64::try_from(self.broadcasts.len()).unwrap_or(u64::MAX),
            None => 0,
        }
    }

    /// The protocols that ask everybody on the cable at once.
    pub(super) fn broadcasts(&self) -> Vec<(&'static Probe, Broadcast)> {
        self.broadcasts.clone()
    }

    fn cable_words(&self) -> String {
        let Some(name) = &self.ask.interface else { return String::new() };
        let titles: String =
            self.broadcasts.iter().map(|(probe, _)| format!(", one for {}", probe.title)).collect();
        format!(
            " On {name} one packet asks everybody for PROFINET names{titles}, those left out above too; then it is listened to \
             for {}, also to what switches say of themselves (LLDP).",
            words(self.ask.listen)
        )
    }

    /// How many of those that were named are known without asking: neighbours of this machine, and hosts that a
    /// connection talks to.
    pub fn known(&self) -> (usize, usize) {
        let connected = self.skipped.iter().filter(|skipped| skipped.connection.is_some()).count();
        (self.neighbours, connected)
    }

    fn known_words(&self) -> String {
        let one = |count: usize| if count == 1 { "address" } else { "addresses" };
        match self.known() {
            (0, 0) => String::new(),
            (near, 0) => {
                format!("Known already: {near} {} that this machine has talked to lately. ", one(near))
            }
            (0, own) => format!("Known already: {own} {} of your connections, not asked again. ", one(own)),
            (near, own) => format!(
                "Known already: {near} {} that this machine has talked to lately, {own} of your connections, not asked again. ",
                one(near)
            ),
        }
    }

    /// The most that one address gets.
    pub fn packets_per_address(&self) -> u64 {
        let single: u64 = self.shares.iter().map(|share| share.packets_most).sum();
        single / u64::try_from(self.addresses.len()).unwrap_or(1).max(1)
    }

    /// The plan in one sentence.
    pub fn sentence(&self) -> String {
        let count = self.addresses.len();
        let known = self.known_words();
        let cable = self.cable_words();
        if count == 0 && cable.is_empty() {
            return format!("{known}There is nobody to ask.");
        }
        if count == 0 {
            return format!("{known}{}", cable.trim_start());
        }
        let titles: Vec<&str> = self.shares.iter().map(|share| share.probe.title).collect();
        let (at_once, least, most) = (self.ask.at_once.min(count), self.packets_least(), self.packets_most());
        format!(
            "{known}Asks {count} {} for {}, {at_once} at a time and each one question at a time: \
             at least {least} packets in about {}, at most {most} packets in {}.{cable}",
            if count == 1 { "address" } else { "addresses" },
            titles.join(", "),
            words(self.least),
            words(self.most),
        )
    }
}

fn words(time: Duration) -> String {
    match time.as_secs() {
        0..120 => format!("{} s", time.as_secs().max(1)),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

/// Makes the plan of an ask. Sends nothing but questions to the name server for the names in it.
///
/// `known` are the hosts that connections talk to, with the connection's name: they are not asked again, because a
/// device often takes one connection only, and a paused device must have its peace.
///
/// # Errors
/// [`Wrong`] with advice.
pub async fn plan(
    ask: &Ask,
    probes: &[&'static Probe],
    known: &[(String, String)],
    neighbours: &Neighbours,
) -> Result<Plan, Wrong> {
    check(ask)?;
    let mut wanted = gather(&ask.targets, neighbours).await?;
    let near = wanted.iter().filter(|address| neighbours.contains_key(address)).count();
    let mut skipped = Vec::new();
    for address in gather(&ask.exclude, neighbours).await? {
        if wanted.remove(&address) {
            skipped.push(Skipped { address, why: "you excluded it".into(), connection: None });
        }
    }
    for (host, connection) in known {
        for address in addresses_of(host).await.unwrap_or_default() {
            if wanted.remove(&address) {
                let why = format!("connection `{connection}` talks to it already");
                skipped.push(Skipped { address, why, connection: Some(connection.clone()) });
            }
        }
    }
    let addresses: Vec<IpAddr> = wanted.into_iter().collect();
    let mut shares = shares(ask, probes, addresses.len())?;
    if addresses.is_empty() {
        shares.clear();
    }
    let questions: usize = shares.iter().map(|share| share.ports.len()).sum::<usize>() * addresses.len();
    if questions > MOST_QUESTIONS {
        return Err(Wrong::new("that is too much for one scan", "ask a smaller range or fewer protocols"));
    }
    let (least, most) = times(ask, &shares, addresses.len());
    let (least, most) = match ask.interface {
        // Meanwhile the addresses are asked.
        Some(_) => (least.max(ask.listen), most.max(ask.listen)),
        None => (least, most),
    };
    let broadcasts = match ask.interface {
        Some(_) => probes
            .iter()
            .filter(|probe| ask.protocols.is_empty() || ask.protocols.iter().any(|name| name == probe.name))
            .filter_map(|probe| Some((*probe, probe.broadcast?)))
            .collect(),
        None => Vec::new(),
    };
    Ok(Plan { ask: ask.clone(), addresses, shares, broadcasts, skipped, neighbours: near, least, most })
}

fn check(ask: &Ask) -> Result<(), Wrong> {
    if ask.targets.is_empty() && ask.interface.is_none() {
        return Err(Wrong::new("nobody to ask is named", "name addresses, e.g. 10.20.1.0/24"));
    }
    if let Some(name) = ask.interface.as_deref().filter(|name| !cable::exists(name)) {
        let names = cable::interfaces().join(", ");
        let help = if names.is_empty() {
            "this machine has none that frames can leave by".into()
        } else {
            format!("there are: {names}")
        };
        return Err(Wrong::new(format!("there is no interface `{name}`"), help));
    }
    for (what, list) in [("targets", &ask.targets), ("exclusions", &ask.exclude)] {
        if list.len() > MOST_TARGETS {
            return Err(Wrong::new(
                format!("more than {MOST_TARGETS} {what}"),
                "write ranges instead of single addresses",
            ));
        }
    }
    if !(1..=64).contains(&ask.at_once) {
        return Err(Wrong::new("`at_once` is 1 to 64", "16 is a good number"));
    }
    if !(Duration::from_millis(100)..=Duration::from_secs(10)).contains(&ask.timeout) {
        return Err(Wrong::new("`timeout_ms` is 100 to 10000", "1000 suits nearly every device"));
    }
    if ask.pause > Duration::from_secs(10) {
        return Err(Wrong::new("`pause_ms` is at most 10000", "100 suits nearly every device"));
    }
    if !(Duration::from_secs(3)..=Duration::from_secs(120)).contains(&ask.listen) {
        return Err(Wrong::new(
            "`listen_s` is 3 to 120",
            "35 hears every switch, which says every 30 s who it is",
        ));
    }
    if ask.units.is_empty() {
        return Err(Wrong::new("no unit id is named", "leave `units` out for 1 and 255"));
    }
    Ok(())
}

fn shares(ask: &Ask, probes: &[&'static Probe], addresses: usize) -> Result<Vec<Share>, Wrong> {
    let names = || probes.iter().map(|probe| probe.name).collect::<Vec<_>>().join(", ");
    let unknown = |name: &str| {
        let near = nearest(name, probes.iter().map(|probe| probe.name));
        let help = near.map_or_else(
            || format!("write one of: {}", names()),
            |near| format!("did you mean `{near}`? There are: {}", names()),
        );
        Wrong::new(format!("there is no protocol `{name}` to ask for"), help)
    };
    let known = |name: &String| probes.iter().any(|probe| probe.name == name.as_str());
    if let Some(name) = ask.protocols.iter().chain(ask.ports.keys()).find(|name| !known(name)) {
        return Err(unknown(name));
    }
    let addresses = u64::try_from(addresses).unwrap_or(u64::MAX);
    let chosen = probes
        .iter()
        .filter(|probe| ask.protocols.is_empty() || ask.protocols.iter().any(|name| name == probe.name));
    let mut shares = Vec::new();
    for probe in chosen {
        let ports = ask.ports.get(probe.name).cloned().unwrap_or_else(|| vec![probe.port]);
        if ports.is_empty() || ports.len() > MOST_PORTS || ports.contains(&0) {
            return Err(Wrong::new(
                format!("the ports of `{}` are 1 to {MOST_PORTS} numbers from 1 to 65535", probe.name),
                format!("leave them out for {}", probe.port),
            ));
        }
        let starts = addresses.saturating_mul(u64::try_from(ports.len()).unwrap_or(1));
        shares.push(Share {
            probe,
            ports,
            packets_least: starts,
            packets_most: starts.saturating_mul(packets_most(probe, ask)),
        });
    }
    Ok(shares)
}

/// The most packets that a probe sends to one port.
fn packets_most(probe: &Probe, ask: &Ask) -> u64 {
    let effort = (probe.effort)(ask);
    match probe.transport {
        Transport::Udp => effort.requests.into(),
        Transport::Tcp => {
            u64::from(effort.connections) * CONNECTION_PACKETS + u64::from(effort.requests) * REQUEST_PACKETS
        }
    }
}

fn times(ask: &Ask, shares: &[Share], addresses: usize) -> (Duration, Duration) {
    let starts: u64 = shares.iter().map(|share| share.packets_least).sum();
    let least = Duration::from_millis(starts.saturating_mul(1_000) / STARTS_PER_S);
    let one: Duration = shares
        .iter()
        .map(|share| {
            let effort = (share.probe.effort)(ask);
            let each = ask.timeout * effort.connections + (ask.timeout + ask.pause * 2) * effort.requests;
            each * u32::try_from(share.ports.len()).unwrap_or(1)
        })
        .sum();
    let waves = u32::try_from(addresses.div_ceil(ask.at_once.max(1))).unwrap_or(u32::MAX);
    (least, one.saturating_mul(waves).max(least))
}

async fn gather(targets: &[String], neighbours: &Neighbours) -> Result<BTreeSet<IpAddr>, Wrong> {
    let mut found = BTreeSet::new();
    for text in targets {
        match parse(text)? {
            Target::Range(first, last) => add_range(&mut found, first, last)?,
            Target::Address(address) => drop(found.insert(address)),
            Target::Neighbours => found.extend(neighbours.keys().copied()),
            Target::Name(name) => found.extend(addresses_of(&name).await?),
        }
    }
    Ok(found)
}

/// The addresses of a name or an address.
async fn addresses_of(host: &str) -> Result<Vec<IpAddr>, Wrong> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let unknown = |why: &str| {
        Wrong::new(format!("the name `{host}` {why}"), "check its spelling, or write the address")
    };
    match tokio::time::timeout(LOOK_UP, tokio::net::lookup_host((host, 0))).await {
        Ok(Ok(found)) => {
            Ok(found.map(|socket| socket.ip()).filter(|address| is_one_host(*address)).take(4).collect())
        }
        Ok(Err(_)) => Err(unknown("was not found")),
        Err(_) => Err(unknown("could not be looked up in time")),
    }
}

/// Name to host of every endpoint that is an address and port, e.g. `10.20.1.11:502`, `opc.tcp://plc-1:4840/x`.
pub fn host_of(endpoint: &str) -> Option<&str> {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let rest = rest.split(['/', ' ']).next().unwrap_or(rest);
    if endpoint.starts_with('/') {
        return None;
    }
    if let Some(v6) = rest.strip_prefix('[') {
        return v6.split_once(']').map(|(host, _)| host);
    }
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
    Some(host).filter(|host| !host.is_empty())
}

/// Ports by protocol, from `modbus=502,1502`.
///
/// # Errors
/// [`Wrong`] with advice.
pub fn parse_ports(texts: &[String]) -> Result<BTreeMap<String, Vec<u16>>, Wrong> {
    let mut ports: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    for text in texts {
        let wrong = || Wrong::new(format!("`{text}` names no ports"), "write e.g. modbus=502,1502");
        let (name, numbers) = text.split_once('=').ok_or_else(wrong)?;
        let numbers: Result<Vec<u16>, Wrong> =
            numbers.split(',').map(|n| n.trim().parse().map_err(|_| wrong())).collect();
        ports.entry(name.trim().to_owned()).or_default().extend(numbers?);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::PROBES;

    fn ask(targets: &[&str]) -> Ask {
        Ask {
            targets: targets.iter().map(ToString::to_string).collect(),
            protocols: vec!["modbus".into()],
            ..Ask::default()
        }
    }

    #[tokio::test]
    async fn says_how_many_packets_to_whom_and_how_long() {
        let known = [("10.20.1.7".to_owned(), "line-1".to_owned())];
        let wanted = Ask { exclude: vec!["10.20.1.1-3".into()], ..ask(&["10.20.1.0/24"]) };
        let plan = plan(&wanted, PROBES, &known, &Neighbours::new()).await.unwrap();
        assert_eq!(plan.addresses.len(), 250);
        assert_eq!(plan.packets_least(), 250);
        assert_eq!(plan.packets_most(), 250 * plan.packets_per_address());
        let known = plan.skipped.iter().find(|skipped| skipped.connection.is_some()).unwrap();
        assert_eq!(known.why, "connection `line-1` talks to it already");
        assert!(
            plan.sentence().starts_with(
                "Known already: 1 address of your connections, not asked again. \
                 Asks 250 addresses for Modbus TCP, 16 at a time"
            ),
            "{}",
            plan.sentence()
        );
        assert!(plan.least <= plan.most);
    }

    #[tokio::test]
    async fn neighbours_are_known_without_asking() {
        let neighbours = Neighbours::from([("10.20.1.9".parse().unwrap(), "00:80:f4:01:02:03".into())]);
        let plan = plan(&ask(&["neighbours"]), PROBES, &[], &neighbours).await.unwrap();
        assert_eq!(plan.addresses, ["10.20.1.9".parse::<IpAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn wrong_asks_say_what_to_write() {
        let cases: Vec<(Ask, &str)> = vec![
            (Ask::default(), "nobody to ask"),
            (ask(&["10.0.0.0/8"]), "4096"),
            (Ask { protocols: vec!["modbos".into()], ..ask(&["10.0.0.1"]) }, "no protocol `modbos`"),
            (
                Ask { ports: BTreeMap::from([("modbus".into(), vec![0])]), ..ask(&["10.0.0.1"]) },
                "ports of `modbus`",
            ),
            (Ask { units: vec![], ..ask(&["10.0.0.1"]) }, "no unit id"),
            (Ask { listen: Duration::from_secs(1), ..ask(&["10.0.0.1"]) }, "listen_s"),
            (Ask { at_once: 65, ..ask(&["10.0.0.1"]) }, "at_once"),
            (Ask { timeout: Duration::from_millis(1), ..ask(&["10.0.0.1"]) }, "timeout_ms"),
            (Ask { targets: vec!["10.0.0.1".into(); 65], ..ask(&[]) }, "more than 64"),
        ];
        for (ask, part) in cases {
            let wrong = plan(&ask, PROBES, &[], &Neighbours::new()).await.unwrap_err();
            assert!(wrong.message.contains(part), "{wrong:?}");
        }
    }

    #[test]
    fn hosts_of_endpoints() {
        for (endpoint, host) in [
            ("10.20.1.11:502", Some("10.20.1.11")),
            ("[fd00::1]:502", Some("fd00::1")),
            ("opc.tcp://plc-1:4840/server", Some("plc-1")),
            ("http://plc-1/data", Some("plc-1")),
            ("/dev/ttyUSB0 19200 8E1", None),
        ] {
            assert_eq!(host_of(endpoint), host, "{endpoint}");
        }
    }

    #[test]
    fn ports_as_people_write_them() {
        let ports = parse_ports(&["modbus=502, 1502".into()]).unwrap();
        assert_eq!(ports["modbus"], [502, 1502]);
        assert!(parse_ports(&["502".into()]).is_err());
        assert!(parse_ports(&["modbus=x".into()]).is_err());
    }
}
