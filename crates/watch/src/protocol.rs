//! The protocols that are told apart.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whose protocol it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Realm {
    /// Of machines and their control.
    Ot,
    /// Of offices and servers.
    It,
    /// Of the network itself.
    Network,
    /// Not known.
    Unknown,
}

macro_rules! protocols {
    ($($variant:ident $key:literal $name:literal $realm:ident;)*) => {
        /// A protocol, recognised by what is in its packets.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Protocol { $(#[doc = $name] $variant),* }

        impl Protocol {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// A short word for files and filters.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key),* }
            }

            /// Its name for people.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Whose it is.
            #[must_use]
            pub const fn realm(self) -> Realm {
                match self { $(Self::$variant => Realm::$realm),* }
            }
        }
    };
}

protocols! {
    Modbus "modbus" "Modbus" Ot;
    S7 "s7" "S7comm" Ot;
    S7Plus "s7plus" "S7comm-plus" Ot;
    Enip "enip" "EtherNet/IP" Ot;
    EnipIo "enip-io" "EtherNet/IP I/O" Ot;
    Dnp3 "dnp3" "DNP3" Ot;
    Bacnet "bacnet" "BACnet" Ot;
    Iec104 "iec104" "IEC 60870-5-104" Ot;
    OpcUa "opcua" "OPC UA" Ot;
    Mms "mms" "MMS (IEC 61850)" Ot;
    Goose "goose" "GOOSE" Ot;
    SampledValues "sv" "Sampled Values" Ot;
    Profinet "profinet" "PROFINET" Ot;
    ProfinetDcp "pn-dcp" "PROFINET DCP" Ot;
    Ethercat "ethercat" "EtherCAT" Ot;
    Fox "fox" "Niagara Fox" Ot;
    Fins "fins" "Omron FINS" Ot;
    Ads "ads" "Beckhoff ADS" Ot;
    Melsec "melsec" "Mitsubishi MELSEC" Ot;
    Synchrophasor "c37118" "Synchrophasor (C37.118)" Ot;
    HartIp "hart-ip" "HART-IP" Ot;
    Mqtt "mqtt" "MQTT" It;
    Http "http" "HTTP" It;
    Tls "tls" "TLS" It;
    Ssh "ssh" "SSH" It;
    Telnet "telnet" "Telnet" It;
    Ftp "ftp" "FTP" It;
    Tftp "tftp" "TFTP" It;
    Smb "smb" "SMB" It;
    Netbios "netbios" "NetBIOS" It;
    Rdp "rdp" "RDP" It;
    Vnc "vnc" "VNC" It;
    Rpc "rpc" "DCE/RPC" It;
    Snmp "snmp" "SNMP" It;
    Syslog "syslog" "Syslog" It;
    Ntp "ntp" "NTP" Network;
    Dns "dns" "DNS" Network;
    NameService "names" "name discovery (mDNS, LLMNR, NetBIOS, SSDP)" Network;
    Dhcp "dhcp" "DHCP" Network;
    Arp "arp" "ARP" Network;
    Lldp "lldp" "LLDP" Network;
    Cdp "cdp" "CDP" Network;
    SpanningTree "stp" "Spanning Tree" Network;
    Icmp "icmp" "ICMP" Network;
    Igmp "igmp" "IGMP" Network;
    Ptp "ptp" "PTP" Network;
    Tcp "tcp" "TCP, not recognised" Unknown;
    Udp "udp" "UDP, not recognised" Unknown;
    Ip "ip" "IP, other" Unknown;
    Ethernet "ethernet" "Ethernet, other" Unknown;
    Silent "silent" "connection attempts without data" Unknown;
}

impl Protocol {
    /// The protocol with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|protocol| protocol.key() == key)
    }

    /// All protocols of machines, as a set.
    pub(crate) const OT_BITS: u64 = {
        let (mut bits, mut rest) = (0, Self::ALL);
        while let Some((first, tail)) = rest.split_first() {
            if matches!(first.realm(), Realm::Ot) {
                bits |= first.bit();
            }
            rest = tail;
        }
        bits
    };

    /// Whether what it carries is hidden.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Ssh)
    }

    /// A set of only this one.
    pub(crate) const fn bit(self) -> u64 {
        1 << self as u32
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        Self::from_key(&key)
            .ok_or_else(|| serde::de::Error::custom(format!("the protocol {key:?} is not known here")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fit_a_set_and_have_their_own_key() {
        assert!(Protocol::ALL.len() <= 64);
        let mut keys: Vec<_> = Protocol::ALL.iter().map(|protocol| protocol.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), Protocol::ALL.len());
    }
}
