//! Objects that nearly every device has, by name.
//!
//! SNMPv2-MIB (RFC 3418), IF-MIB (RFC 2863), HOST-RESOURCES-MIB (RFC 2790), UPS-MIB (RFC 1628).

use super::types::Type;

/// Name, OID without instance, type.
pub(super) const NAMES: &[(&str, &[u32], Type)] = &[
    ("sysDescr", &[1, 3, 6, 1, 2, 1, 1, 1], Type::Text),
    ("sysObjectID", &[1, 3, 6, 1, 2, 1, 1, 2], Type::Oid),
    ("sysUpTime", &[1, 3, 6, 1, 2, 1, 1, 3], Type::Ticks),
    ("sysContact", &[1, 3, 6, 1, 2, 1, 1, 4], Type::Text),
    ("sysName", &[1, 3, 6, 1, 2, 1, 1, 5], Type::Text),
    ("sysLocation", &[1, 3, 6, 1, 2, 1, 1, 6], Type::Text),
    ("ifNumber", &[1, 3, 6, 1, 2, 1, 2, 1], Type::Integer),
    ("ifDescr", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 2], Type::Text),
    ("ifType", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 3], Type::Integer),
    ("ifMtu", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 4], Type::Integer),
    ("ifSpeed", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 5], Type::Unsigned),
    ("ifPhysAddress", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 6], Type::Mac),
    ("ifAdminStatus", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 7], Type::Integer),
    ("ifOperStatus", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 8], Type::Integer),
    ("ifLastChange", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 9], Type::Ticks),
    ("ifInOctets", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 10], Type::Counter),
    ("ifInUcastPkts", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 11], Type::Counter),
    ("ifInDiscards", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 13], Type::Counter),
    ("ifInErrors", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 14], Type::Counter),
    ("ifOutOctets", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 16], Type::Counter),
    ("ifOutUcastPkts", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 17], Type::Counter),
    ("ifOutDiscards", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 19], Type::Counter),
    ("ifOutErrors", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 20], Type::Counter),
    ("ifName", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1], Type::Text),
    ("ifHCInOctets", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6], Type::Counter),
    ("ifHCOutOctets", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 10], Type::Counter),
    ("ifHighSpeed", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15], Type::Unsigned),
    ("ifAlias", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18], Type::Text),
    ("hrSystemUptime", &[1, 3, 6, 1, 2, 1, 25, 1, 1], Type::Ticks),
    ("upsBatteryStatus", &[1, 3, 6, 1, 2, 1, 33, 1, 2, 1], Type::Integer),
    ("upsSecondsOnBattery", &[1, 3, 6, 1, 2, 1, 33, 1, 2, 2], Type::Integer),
    ("upsEstimatedMinutesRemaining", &[1, 3, 6, 1, 2, 1, 33, 1, 2, 3], Type::Integer),
    ("upsEstimatedChargeRemaining", &[1, 3, 6, 1, 2, 1, 33, 1, 2, 4], Type::Integer),
    ("upsBatteryVoltage", &[1, 3, 6, 1, 2, 1, 33, 1, 2, 5], Type::Integer),
    ("upsBatteryTemperature", &[1, 3, 6, 1, 2, 1, 33, 1, 2, 7], Type::Integer),
];
