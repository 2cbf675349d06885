//! The one table of services and classes. Driver, simulated device and monitor read it.

use std::fmt;

/// Classes (5-1 and the vendor's publications).
pub mod class_id {
    /// Identity.
    pub const IDENTITY: u32 = 0x01;
    /// Message router.
    pub const ROUTER: u32 = 0x02;
    /// Connection manager.
    pub const CONNECTION_MANAGER: u32 = 0x06;
    /// File.
    pub const FILE: u32 = 0x37;
    /// Name of the program, Rockwell.
    pub const PROGRAM_NAME: u32 = 0x64;
    /// PCCC: the commands of PLC-5 and SLC 500.
    pub const PCCC: u32 = 0x67;
    /// Symbols: the tags.
    pub const SYMBOL: u32 = 0x6B;
    /// Templates: the structures.
    pub const TEMPLATE: u32 = 0x6C;
    /// Controller, Rockwell: mode, lock.
    pub const CONTROLLER: u32 = 0x8E;
}

/// Services.
pub mod service {
    /// All attributes of an object.
    pub const GET_ATTRIBUTES_ALL: u8 = 0x01;
    /// Several attributes of an object.
    pub const GET_ATTRIBUTE_LIST: u8 = 0x03;
    /// Sets several attributes.
    pub const SET_ATTRIBUTE_LIST: u8 = 0x04;
    /// Resets a device or an object.
    pub const RESET: u8 = 0x05;
    /// Starts it.
    pub const START: u8 = 0x06;
    /// Stops it.
    pub const STOP: u8 = 0x07;
    /// Several services in one message.
    pub const MULTIPLE: u8 = 0x0A;
    /// One attribute.
    pub const GET_ATTRIBUTE_SINGLE: u8 = 0x0E;
    /// Sets one attribute.
    pub const SET_ATTRIBUTE_SINGLE: u8 = 0x10;
    /// Executes a PCCC command (class 0x67).
    pub const EXECUTE_PCCC: u8 = 0x4B;
    /// Reads a tag; on a template, its definition.
    pub const READ_TAG: u8 = 0x4C;
    /// Writes a tag.
    pub const WRITE_TAG: u8 = 0x4D;
    /// Sets and clears bits of a tag; on the connection manager, closes a connection.
    pub const READ_MODIFY_WRITE: u8 = 0x4E;
    /// Closes a connection (class 6).
    pub const FORWARD_CLOSE: u8 = 0x4E;
    /// Reads a tag from an offset on.
    pub const READ_TAG_FRAGMENTED: u8 = 0x52;
    /// Sends a message to the end of a route (class 6).
    pub const UNCONNECTED_SEND: u8 = 0x52;
    /// Writes a tag from an offset on.
    pub const WRITE_TAG_FRAGMENTED: u8 = 0x53;
    /// Opens a connection (class 6).
    pub const FORWARD_OPEN: u8 = 0x54;
    /// Attributes of many instances: the tag list.
    pub const GET_INSTANCE_ATTRIBUTE_LIST: u8 = 0x55;
    /// Opens a connection with large packets (class 6).
    pub const LARGE_FORWARD_OPEN: u8 = 0x5B;
    /// Marks a reply.
    pub const REPLY: u8 = 0x80;
}

/// What a request does to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// Reads.
    Read,
    /// Opens or closes connections, routes messages.
    Connect,
    /// Changes process data.
    Write,
    /// Changes settings: addresses, time, ports, parameters.
    Configure,
    /// Reads a program or file out of the device.
    Upload,
    /// Writes a program, file or firmware into the device.
    Download,
    /// Starts the program.
    Start,
    /// Stops the program.
    Stop,
    /// Restarts or resets the device.
    Reset,
    /// Creates or deletes objects.
    Build,
    /// A service of a class that is not known here.
    Unknown,
}

impl Effect {
    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Connect => "connect",
            Self::Write => "write",
            Self::Configure => "configure",
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Reset => "reset",
            Self::Build => "build",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the device is another after it than before.
    #[must_use]
    pub const fn changes_device(self) -> bool {
        !matches!(self, Self::Read | Self::Connect | Self::Upload | Self::Unknown)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Its code.
    pub code: u32,
    /// Its name.
    pub name: &'static str,
    /// What setting its attributes does.
    pub setting: Effect,
}

macro_rules! classes {
    ($($code:literal $name:literal $setting:ident;)*) => {
        /// Classes with a known meaning, by code.
        pub const CLASSES: &[Class] = &[$(Class { code: $code, name: $name, setting: Effect::$setting }),*];
    };
}

classes! {
    0x01 "identity" Configure;
    0x02 "message router" Configure;
    0x04 "assembly" Write;
    0x05 "connection" Connect;
    0x06 "connection manager" Configure;
    0x07 "register" Write;
    0x08 "discrete input point" Configure;
    0x09 "discrete output point" Write;
    0x0A "analogue input point" Configure;
    0x0B "analogue output point" Write;
    0x0F "parameter" Configure;
    0x10 "parameter group" Configure;
    0x28 "motor data" Configure;
    0x29 "control supervisor" Write;
    0x2A "AC/DC drive" Write;
    0x37 "file" Configure;
    0x42 "motion device axis" Configure;
    0x43 "time sync" Configure;
    0x47 "device level ring" Configure;
    0x48 "quality of service" Configure;
    0x5D "security" Configure;
    0x5E "EtherNet/IP security" Configure;
    0x5F "certificate management" Configure;
    0x64 "program name" Configure;
    0x66 "controller device" Configure;
    0x67 "PCCC" Write;
    0x68 "program" Download;
    0x69 "map" Configure;
    0x6A "controller data" Write;
    0x6B "symbol" Write;
    0x6C "template" Download;
    0x6D "routine" Download;
    0x70 "task" Configure;
    0x72 "data table" Write;
    0x73 "message path" Configure;
    0x7E "connection list" Configure;
    0x8B "wall clock time" Configure;
    0x8E "controller" Configure;
    0xA1 "non-volatile storage" Download;
    0xA2 "file transfer" Download;
    0xAC "controller changes" Configure;
    0xB2 "symbol connection" Read;
    0xF0 "ControlNet" Configure;
    0xF4 "port" Configure;
    0xF5 "TCP/IP interface" Configure;
    0xF6 "Ethernet link" Configure;
}

/// The class with the code, if its meaning is known.
#[must_use]
pub fn class(code: u32) -> Option<&'static Class> {
    CLASSES.binary_search_by_key(&code, |class| class.code).ok().and_then(|at| CLASSES.get(at))
}

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub effect: Effect,
}

const fn facts(name: &'static str, effect: Effect) -> Option<Service> {
    Some(Service { name, effect })
}

/// What a service is, given the class it is sent to (`None`: a tag, or a class that is not named in the path).
/// Services 0x01 to 0x31 are common to all classes (appendix A-3); 0x4B to 0x63 belong to each class.
#[must_use]
pub fn service_of(code: u8, class_code: Option<u32>) -> Option<Service> {
    of_class(code, class_code).or_else(|| common(code, class_code))
}

fn of_class(code: u8, class_code: Option<u32>) -> Option<Service> {
    match (class_code, code) {
        (Some(class_id::CONNECTION_MANAGER), 0x4E) => facts("Forward Close", Effect::Connect),
        (Some(class_id::CONNECTION_MANAGER), 0x52) => facts("Unconnected Send", Effect::Connect),
        (Some(class_id::CONNECTION_MANAGER), 0x54) => facts("Forward Open", Effect::Connect),
        (Some(class_id::CONNECTION_MANAGER), 0x56) => facts("Get Connection Data", Effect::Read),
        (Some(class_id::CONNECTION_MANAGER), 0x57) => facts("Search Connection Data", Effect::Read),
        (Some(class_id::CONNECTION_MANAGER), 0x5A) => facts("Get Connection Owner", Effect::Read),
        (Some(class_id::CONNECTION_MANAGER), 0x5B) => facts("Large Forward Open", Effect::Connect),
        (Some(class_id::PCCC), 0x4B) => facts("Execute PCCC", Effect::Unknown),
        (Some(class_id::PCCC), 0x4C) => facts("Execute DH+", Effect::Unknown),
        (Some(class_id::FILE), 0x4B) => facts("Initiate Upload", Effect::Upload),
        (Some(class_id::FILE), 0x4C) => facts("Initiate Download", Effect::Download),
        (Some(class_id::FILE), 0x4D) => facts("Initiate Partial Read", Effect::Upload),
        (Some(class_id::FILE), 0x4E) => facts("Initiate Partial Write", Effect::Download),
        (Some(class_id::FILE), 0x4F) => facts("Upload Transfer", Effect::Upload),
        (Some(class_id::FILE), 0x50) => facts("Download Transfer", Effect::Download),
        (Some(class_id::FILE), 0x51) => facts("Clear File", Effect::Download),
        (Some(class_id::TEMPLATE), 0x4C) => facts("Read Template", Effect::Read),
        (Some(0xA1), 0x4B..=0x63) => facts("Update of non-volatile storage (firmware)", Effect::Download),
        // Tags and symbols only: elsewhere these codes mean something else.
        (None | Some(class_id::SYMBOL), 0x4C) => facts("Read Tag", Effect::Read),
        (None | Some(class_id::SYMBOL), 0x4D) => facts("Write Tag", Effect::Write),
        (None | Some(class_id::SYMBOL), 0x4E) => facts("Read Modify Write Tag", Effect::Write),
        (None | Some(class_id::SYMBOL), 0x52) => facts("Read Tag Fragmented", Effect::Read),
        (None | Some(class_id::SYMBOL), 0x53) => facts("Write Tag Fragmented", Effect::Write),
        (Some(_), 0x55) => facts("Get Instance Attribute List", Effect::Read),
        _ => None,
    }
}

fn common(code: u8, class_code: Option<u32>) -> Option<Service> {
    let known = class_code.and_then(class);
    let setting = known.map_or(Effect::Configure, |class| class.setting);
    match code {
        0x01 => facts("Get Attributes All", Effect::Read),
        0x02 => facts("Set Attributes All", setting),
        0x03 => facts("Get Attribute List", Effect::Read),
        0x04 => facts("Set Attribute List", setting),
        0x05 => facts("Reset", Effect::Reset),
        0x06 => facts("Start", Effect::Start),
        0x07 => facts("Stop", Effect::Stop),
        0x08 => facts("Create", Effect::Build),
        0x09 => facts("Delete", Effect::Build),
        0x0A => facts("Multiple Service Packet", Effect::Read),
        0x0D => facts("Apply Attributes", setting),
        0x0E => facts("Get Attribute Single", Effect::Read),
        0x10 => facts("Set Attribute Single", setting),
        0x11 => facts("Find Next Object Instance", Effect::Read),
        0x15 => facts("Restore", Effect::Configure),
        0x16 => facts("Save", Effect::Configure),
        0x17 => facts("No Operation", Effect::Read),
        0x18 => facts("Get Member", Effect::Read),
        0x19 => facts("Set Member", setting),
        0x1A => facts("Insert Member", setting),
        0x1B => facts("Remove Member", setting),
        0x1C => facts("Group Sync", Effect::Read),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_sorted_for_the_search() {
        assert!(CLASSES.is_sorted_by_key(|class| class.code));
        assert_eq!(class(0xF6).unwrap().name, "Ethernet link");
        assert_eq!(class(0x77), None);
    }

    #[test]
    fn one_code_means_another_thing_to_another_class() {
        for (class_code, name) in [
            (None, "Read Tag Fragmented"),
            (Some(0x6B), "Read Tag Fragmented"),
            (Some(0x06), "Unconnected Send"),
        ] {
            assert_eq!(service_of(0x52, class_code).unwrap().name, name);
        }
        assert_eq!(service_of(0x52, Some(0x300)), None);
        assert_eq!(service_of(0x07, Some(0x8E)).unwrap().effect, Effect::Stop);
        assert_eq!(service_of(0x10, Some(0xF6)).unwrap().effect, Effect::Configure);
        assert_eq!(service_of(0x10, Some(0x04)).unwrap().effect, Effect::Write);
    }
}
