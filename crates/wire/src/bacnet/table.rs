//! Names of the standard's numbers (clause 21), as far as a gateway and a monitor need them.

/// Name of a confirmed service.
pub fn confirmed_service(choice: u8) -> Option<&'static str> {
    const NAMES: [&str; 34] = [
        "AcknowledgeAlarm",
        "COVNotification",
        "EventNotification",
        "GetAlarmSummary",
        "GetEnrollmentSummary",
        "SubscribeCOV",
        "AtomicReadFile",
        "AtomicWriteFile",
        "AddListElement",
        "RemoveListElement",
        "CreateObject",
        "DeleteObject",
        "ReadProperty",
        "ReadPropertyConditional",
        "ReadPropertyMultiple",
        "WriteProperty",
        "WritePropertyMultiple",
        "DeviceCommunicationControl",
        "PrivateTransfer",
        "TextMessage",
        "ReinitializeDevice",
        "VT-Open",
        "VT-Close",
        "VT-Data",
        "Authenticate",
        "RequestKey",
        "ReadRange",
        "LifeSafetyOperation",
        "SubscribeCOVProperty",
        "GetEventInformation",
        "SubscribeCOVPropertyMultiple",
        "COVNotificationMultiple",
        "AuditNotification",
        "AuditLogQuery",
    ];
    NAMES.get(usize::from(choice)).copied()
}

/// Name of an unconfirmed service.
pub fn unconfirmed_service(choice: u8) -> Option<&'static str> {
    const NAMES: [&str; 15] = [
        "I-Am",
        "I-Have",
        "COVNotification",
        "EventNotification",
        "PrivateTransfer",
        "TextMessage",
        "TimeSynchronization",
        "Who-Has",
        "Who-Is",
        "UTCTimeSynchronization",
        "WriteGroup",
        "COVNotificationMultiple",
        "AuditNotification",
        "Who-Am-I",
        "You-Are",
    ];
    NAMES.get(usize::from(choice)).copied()
}

/// Whether a confirmed service changes something in the device that serves it.
pub const fn changes(choice: u8) -> bool {
    // AtomicWriteFile to DeleteObject; WriteProperty to DeviceCommunicationControl; ReinitializeDevice;
    // LifeSafetyOperation.
    matches!(choice, 7..=11 | 15..=17 | 20 | 27)
}

/// Object types by their number.
const OBJECT_TYPES: [&str; 63] = [
    "analog-input",
    "analog-output",
    "analog-value",
    "binary-input",
    "binary-output",
    "binary-value",
    "calendar",
    "command",
    "device",
    "event-enrollment",
    "file",
    "group",
    "loop",
    "multi-state-input",
    "multi-state-output",
    "notification-class",
    "program",
    "schedule",
    "averaging",
    "multi-state-value",
    "trend-log",
    "life-safety-point",
    "life-safety-zone",
    "accumulator",
    "pulse-converter",
    "event-log",
    "global-group",
    "trend-log-multiple",
    "load-control",
    "structured-view",
    "access-door",
    "timer",
    "access-credential",
    "access-point",
    "access-rights",
    "access-user",
    "access-zone",
    "credential-data-input",
    "network-security",
    "bitstring-value",
    "characterstring-value",
    "date-pattern-value",
    "date-value",
    "datetime-pattern-value",
    "datetime-value",
    "integer-value",
    "large-analog-value",
    "octetstring-value",
    "positive-integer-value",
    "time-pattern-value",
    "time-value",
    "notification-forwarder",
    "alert-enrollment",
    "channel",
    "lighting-output",
    "binary-lighting-output",
    "network-port",
    "elevator-group",
    "escalator",
    "lift",
    "staging",
    "audit-log",
    "audit-reporter",
];

/// Short forms of object types, as building automation people write them.
const SHORT: &[(&str, u16)] = &[
    ("AI", 0),
    ("AO", 1),
    ("AV", 2),
    ("BI", 3),
    ("BO", 4),
    ("BV", 5),
    ("MI", 13),
    ("MO", 14),
    ("MV", 19),
    ("MSI", 13),
    ("MSO", 14),
    ("MSV", 19),
    ("ACC", 23),
    ("BSV", 39),
    ("CSV", 40),
    ("IV", 45),
    ("LAV", 46),
    ("PIV", 48),
];

/// Name of an object type.
pub fn object_type(number: u16) -> Option<&'static str> {
    OBJECT_TYPES.get(usize::from(number)).copied()
}

/// Number of an object type, by its name or its short form (`AI`), case ignored.
pub fn object_type_number(name: &str) -> Option<u16> {
    let short = SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    let long = || (0..).zip(OBJECT_TYPES).find(|(_, known)| known.eq_ignore_ascii_case(name));
    short.or_else(|| long().map(|(number, _)| number))
}

/// Numbers of properties that a client looks at (21, `BACnetPropertyIdentifier`).
pub mod property {
    #![allow(missing_docs, reason = "the names are the standard's")]
    pub const ACTIVE_TEXT: u32 = 4;
    pub const DESCRIPTION: u32 = 28;
    pub const FIRMWARE_REVISION: u32 = 44;
    pub const INACTIVE_TEXT: u32 = 46;
    pub const MAX_APDU_LENGTH_ACCEPTED: u32 = 62;
    pub const MAX_PRES_VALUE: u32 = 65;
    pub const MIN_PRES_VALUE: u32 = 69;
    pub const MODEL_NAME: u32 = 70;
    pub const OBJECT_IDENTIFIER: u32 = 75;
    pub const OBJECT_LIST: u32 = 76;
    pub const OBJECT_NAME: u32 = 77;
    pub const PRESENT_VALUE: u32 = 85;
    pub const PRIORITY_ARRAY: u32 = 87;
    pub const PROTOCOL_SERVICES_SUPPORTED: u32 = 97;
    pub const RELIABILITY: u32 = 103;
    pub const RELINQUISH_DEFAULT: u32 = 104;
    pub const SEGMENTATION_SUPPORTED: u32 = 107;
    pub const STATE_TEXT: u32 = 110;
    pub const STATUS_FLAGS: u32 = 111;
    pub const SYSTEM_STATUS: u32 = 112;
    pub const UNITS: u32 = 117;
    pub const VENDOR_IDENTIFIER: u32 = 120;
    pub const VENDOR_NAME: u32 = 121;
}

/// Error classes (18.1).
pub mod class {
    #![allow(missing_docs, reason = "the names are the standard's")]
    pub const DEVICE: u32 = 0;
    pub const OBJECT: u32 = 1;
    pub const PROPERTY: u32 = 2;
    pub const RESOURCES: u32 = 3;
    pub const SECURITY: u32 = 4;
    pub const SERVICES: u32 = 5;
    pub const COMMUNICATION: u32 = 7;
}

/// Error codes (18) that decide something.
pub mod code {
    #![allow(missing_docs, reason = "the names are the standard's")]
    pub const SERVICE_REQUEST_DENIED: u32 = 29;
    pub const UNKNOWN_OBJECT: u32 = 31;
    pub const UNKNOWN_PROPERTY: u32 = 32;
    pub const VALUE_OUT_OF_RANGE: u32 = 37;
    pub const WRITE_ACCESS_DENIED: u32 = 40;
    pub const INVALID_ARRAY_INDEX: u32 = 42;
    pub const COV_SUBSCRIPTION_FAILED: u32 = 43;
    pub const OPTIONAL_FUNCTIONALITY_NOT_SUPPORTED: u32 = 45;
    pub const UNKNOWN_SUBSCRIPTION: u32 = 79;
    pub const INVALID_DATA_TYPE: u32 = 9;
}

/// Places in the bit string of the services that a device serves (21, `BACnetServicesSupported`).
pub mod service_bit {
    #![allow(missing_docs, reason = "the names are the standard's")]
    pub const SUBSCRIBE_COV: usize = 5;
    pub const READ_PROPERTY_MULTIPLE: usize = 14;
}

/// What a reliability other than 0 says, in words (12, `BACnetReliability`).
pub const fn reliability(number: u32) -> &'static str {
    match number {
        0 => "no fault detected",
        1 => "there is no sensor",
        2 => "the sensor is above its range",
        3 => "the sensor is below its range",
        4 => "the loop is open",
        5 => "the loop is shorted",
        6 => "the output is not there",
        8 => "the process has failed",
        9 => "the states contradict each other",
        10 => "it is configured wrongly",
        12 => "the device has lost its own source",
        13 => "a member has failed",
        15 => "it has tripped",
        _ => "it is not reliable",
    }
}

/// Who is meant to command at a priority (19.2.1); `None` for those that each site gives out itself.
pub const fn priority(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "manual life safety",
        2 => "automatic life safety",
        5 => "critical equipment control",
        6 => "minimum on/off times",
        8 => "manual operator",
        _ => return None,
    })
}

const PROPERTIES: &[(u32, &str)] = &[
    (0, "acked-transitions"),
    (4, "active-text"),
    (6, "alarm-value"),
    (12, "application-software-version"),
    (15, "change-of-state-count"),
    (22, "cov-increment"),
    (24, "daylight-savings-status"),
    (25, "deadband"),
    (28, "description"),
    (33, "elapsed-active-time"),
    (36, "event-state"),
    (40, "feedback-value"),
    (44, "firmware-revision"),
    (45, "high-limit"),
    (46, "inactive-text"),
    (56, "local-date"),
    (57, "local-time"),
    (58, "location"),
    (59, "low-limit"),
    (61, "maximum-output"),
    (62, "max-apdu-length-accepted"),
    (65, "max-pres-value"),
    (66, "minimum-off-time"),
    (67, "minimum-on-time"),
    (68, "minimum-output"),
    (69, "min-pres-value"),
    (70, "model-name"),
    (74, "number-of-states"),
    (75, "object-identifier"),
    (76, "object-list"),
    (77, "object-name"),
    (79, "object-type"),
    (81, "out-of-service"),
    (84, "polarity"),
    (85, "present-value"),
    (87, "priority-array"),
    (97, "protocol-services-supported"),
    (98, "protocol-version"),
    (103, "reliability"),
    (104, "relinquish-default"),
    (106, "resolution"),
    (107, "segmentation-supported"),
    (108, "setpoint"),
    (110, "state-text"),
    (111, "status-flags"),
    (112, "system-status"),
    (117, "units"),
    (118, "update-interval"),
    (119, "utc-offset"),
    (120, "vendor-identifier"),
    (121, "vendor-name"),
    (133, "enable"),
    (139, "protocol-revision"),
    (141, "record-count"),
    (155, "database-revision"),
    (158, "maintenance-required"),
    (164, "tracking-value"),
    (168, "profile-name"),
    (186, "pulse-rate"),
    (187, "scale"),
    (372, "serial-number"),
    (379, "instantaneous-power"),
];

/// Name of a property.
pub fn property_name(number: u32) -> Option<&'static str> {
    PROPERTIES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// Number of a property, case ignored.
pub fn property_number(name: &str) -> Option<u32> {
    PROPERTIES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(number, _)| *number)
}

/// What an error code of a device means, in words (clause 18); `None` for codes that are not known here.
pub const fn error_code(code: u32) -> Option<&'static str> {
    Some(match code {
        2 => "the device is being configured",
        3 => "the device is busy",
        9 => "the value has another data type",
        19 => "the list has no room for one more",
        25 => "the device has a problem of its own",
        27 => "reading is not allowed",
        29 => "the device refuses the service",
        31 => "there is no such object",
        32 => "the object has no such property",
        37 => "the value is out of range",
        40 => "writing is not allowed",
        42 => "the array has no such element",
        43 => "the device takes no further subscription",
        44 => "changes of this property are not told",
        45 => "the device does not have this function",
        50 => "the property is no array",
        72 => "the value has never been set",
        79 => "nobody has subscribed to it",
        82 => "the device is busy",
        83 => "communication of the device is switched off",
        _ => return None,
    })
}

/// What a reject reason means, in words (18.9).
pub const fn reject_reason(reason: u8) -> Option<&'static str> {
    Some(match reason {
        0 => "another reason",
        1 => "its buffer is full",
        2 => "parts of the request contradict each other",
        3 => "a parameter has another data type",
        4 => "a tag is wrong",
        5 => "a parameter is missing",
        6 => "a parameter is out of range",
        7 => "there are too many parameters",
        8 => "an enumeration has no such value",
        9 => "the device does not know the service",
        _ => return None,
    })
}

/// What an abort reason means, in words (18.10).
pub const fn abort_reason(reason: u8) -> Option<&'static str> {
    Some(match reason {
        0 => "another reason",
        1 => "its buffer is full",
        2 => "it did not expect this message",
        3 => "something more urgent came",
        4 => "the request or its answer does not fit one message, and it takes and sends no parts",
        9 => "it has no resources left",
        10 => "its own time is over",
        11 => "the answer would be longer than it may be",
        _ => return None,
    })
}
