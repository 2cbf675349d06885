//! The services that a client needs: who is there, read, write, tell me of changes (13, 15, 16).

use super::tag::{Tag, closes, context, opening, optional, put, shortest, unsigned};
use super::{Error, MAX_INSTANCE, ObjectId, Reader, Value};

/// Most values of one property, and most properties of one answer.
const MAX_ITEMS: usize = 10_000;

/// Service choices of confirmed services (21).
pub(crate) mod confirmed {
    pub const COV_NOTIFICATION: u8 = 1;
    pub const SUBSCRIBE_COV: u8 = 5;
    pub const READ_PROPERTY: u8 = 12;
    pub const READ_PROPERTY_MULTIPLE: u8 = 14;
    pub const WRITE_PROPERTY: u8 = 15;
}

/// Service choices of unconfirmed services (21).
pub(crate) mod unconfirmed {
    pub const I_AM: u8 = 0;
    pub const COV_NOTIFICATION: u8 = 2;
    pub const WHO_IS: u8 = 8;
}

/// A property of an object, or one element of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyRef {
    /// The object.
    pub object: ObjectId,
    /// The property; see [`super::table::property_name`].
    pub property: u32,
    /// Element of an array, 0 is its length; `None`: the whole.
    pub index: Option<u32>,
}

/// Who is there (16.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhoIs {
    /// Lowest and highest device instance that is asked; `None`: all.
    pub range: Option<(u32, u32)>,
}

/// A device says that it is there (16.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IAm {
    /// The device object.
    pub device: ObjectId,
    /// Longest APDU that it takes, in octets.
    pub max_apdu: u32,
    /// 0 both, 1 sends, 2 receives, 3 no parts.
    pub segmentation: u32,
    /// Vendor number, as ASHRAE gives it.
    pub vendor: u32,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// One property (15.5).
    ReadProperty(PropertyRef),
    /// Several properties, of several objects (15.7). References to one object stand together.
    ReadPropertyMultiple(Vec<PropertyRef>),
    /// Writes a property (15.9).
    WriteProperty {
        /// Which.
        target: PropertyRef,
        /// The value, which has two parts if it is a date with a time; [`Value::Null`] gives a priority up.
        values: Vec<Value>,
        /// 1 (life safety) to 16; `None`: the property has no priorities, or 16 counts.
        priority: Option<u8>,
    },
    /// Changes of an object's value are to be told (13.14).
    SubscribeCov {
        /// The subscriber's own number.
        process: u32,
        /// The object.
        object: ObjectId,
        /// For how long, in seconds, and whether each notification is to be confirmed; `None` cancels.
        subscribe: Option<(u32, bool)>,
    },
}

/// The answer to [`Request::ReadProperty`].
#[derive(Clone, Debug, PartialEq)]
pub struct ReadAck {
    /// What was read.
    pub target: PropertyRef,
    /// Its value, or its elements.
    pub values: Vec<Value>,
}

/// One property in the answer to [`Request::ReadPropertyMultiple`].
#[derive(Clone, Debug, PartialEq)]
pub struct ReadMultipleAck {
    /// What was read.
    pub target: PropertyRef,
    /// Its values, or error class and code.
    pub result: ReadResult,
}

/// Values, or error class and code (18).
pub type ReadResult = Result<Vec<Value>, (u32, u32)>;

/// An object's value has changed (13.6, 13.7).
#[derive(Clone, Debug, PartialEq)]
pub struct CovNotification {
    /// The subscriber's number.
    pub process: u32,
    /// The device that says so.
    pub device: ObjectId,
    /// The object.
    pub object: ObjectId,
    /// Seconds for which it will go on.
    pub remaining: u32,
    /// Properties, their element if it is one, and their values.
    pub values: Vec<(u32, Option<u32>, Vec<Value>)>,
}

impl WhoIs {
    /// Reads the service's bytes.
    ///
    /// # Errors
    /// They are not exactly one.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        if reader.remaining() == 0 {
            return Ok(Self { range: None });
        }
        let range = (unsigned(context(&mut reader, 0)?)?, unsigned(context(&mut reader, 1)?)?);
        reader.finish()?;
        if range.0 > range.1 || range.1 > MAX_INSTANCE {
            return Err(Error::Unexpected("no device has an instance in this range"));
        }
        Ok(Self { range: Some(range) })
    }

    /// The unconfirmed APDU's service choice and bytes.
    pub fn emit(&self) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        if let Some((low, high)) = self.range {
            put(&mut out, 0, &shortest(low));
            put(&mut out, 1, &shortest(high));
        }
        (unconfirmed::WHO_IS, out)
    }
}

impl IAm {
    /// Reads the service's bytes.
    ///
    /// # Errors
    /// They are not exactly one.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let four = [
            Value::read(&mut reader)?,
            Value::read(&mut reader)?,
            Value::read(&mut reader)?,
            Value::read(&mut reader)?,
        ];
        reader.finish()?;
        let small =
            |number: u64| u32::try_from(number).map_err(|_| Error::Unexpected("a number is too large"));
        match four {
            [
                Value::Object(device),
                Value::Unsigned(max_apdu),
                Value::Enumerated(segmentation),
                Value::Unsigned(vendor),
            ] if device.kind == 8 => {
                Ok(Self { device, max_apdu: small(max_apdu)?, segmentation, vendor: small(vendor)? })
            }
            _ => Err(Error::Unexpected("an I-Am has a device, a length, an enumeration and a vendor")),
        }
    }

    /// The unconfirmed APDU's service choice and bytes.
    pub fn emit(&self) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        Value::Object(self.device).emit(&mut out);
        Value::Unsigned(self.max_apdu.into()).emit(&mut out);
        Value::Enumerated(self.segmentation).emit(&mut out);
        Value::Unsigned(self.vendor.into()).emit(&mut out);
        (unconfirmed::I_AM, out)
    }
}

fn put_reference(out: &mut Vec<u8>, first: u8, property: u32, index: Option<u32>) {
    put(out, first, &shortest(property));
    if let Some(index) = index {
        put(out, first + 1, &shortest(index));
    }
}

impl Request {
    /// Service choice and the service's bytes.
    pub fn emit(&self) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        match self {
            Self::ReadProperty(target) => {
                put(&mut out, 0, &target.object.bytes());
                put_reference(&mut out, 1, target.property, target.index);
                (confirmed::READ_PROPERTY, out)
            }
            Self::ReadPropertyMultiple(targets) => {
                for group in targets.chunk_by(|a, b| a.object == b.object) {
                    let Some(first) = group.first() else { continue };
                    put(&mut out, 0, &first.object.bytes());
                    Tag::Opening(1).emit(&mut out);
                    for target in group {
                        put_reference(&mut out, 0, target.property, target.index);
                    }
                    Tag::Closing(1).emit(&mut out);
                }
                (confirmed::READ_PROPERTY_MULTIPLE, out)
            }
            Self::WriteProperty { target, values, priority } => {
                put(&mut out, 0, &target.object.bytes());
                put_reference(&mut out, 1, target.property, target.index);
                put_bracketed(&mut out, 3, values);
                if let Some(priority) = priority {
                    put(&mut out, 4, &[(*priority).clamp(1, 16)]);
                }
                (confirmed::WRITE_PROPERTY, out)
            }
            Self::SubscribeCov { process, object, subscribe } => {
                put(&mut out, 0, &shortest(*process));
                put(&mut out, 1, &object.bytes());
                if let Some((seconds, confirmed)) = subscribe {
                    put(&mut out, 2, &[u8::from(*confirmed)]);
                    put(&mut out, 3, &shortest(*seconds));
                }
                (confirmed::SUBSCRIBE_COV, out)
            }
        }
    }

    /// Reads the bytes of a confirmed service.
    ///
    /// # Errors
    /// It is another service, or not exactly one of these.
    pub fn parse(service: u8, body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let request = match service {
            confirmed::READ_PROPERTY => {
                let object = ObjectId::read(context(&mut reader, 0)?)?;
                let (property, index) = reference(&mut reader, 1)?;
                Self::ReadProperty(PropertyRef { object, property, index })
            }
            confirmed::READ_PROPERTY_MULTIPLE => Self::ReadPropertyMultiple(references(&mut reader)?),
            confirmed::WRITE_PROPERTY => write(&mut reader)?,
            confirmed::SUBSCRIBE_COV => subscribe(&mut reader)?,
            _ => return Err(Error::Unexpected("no such service is served here")),
        };
        reader.finish()?;
        Ok(request)
    }
}

fn reference(reader: &mut Reader<'_>, first: u8) -> Result<(u32, Option<u32>), Error> {
    let property = unsigned(context(reader, first)?)?;
    let index = optional(reader, first + 1)?.map(unsigned).transpose()?;
    Ok((property, index))
}

fn references(reader: &mut Reader<'_>) -> Result<Vec<PropertyRef>, Error> {
    let mut all = Vec::new();
    while reader.remaining() > 0 {
        let object = ObjectId::read(context(reader, 0)?)?;
        opening(reader, 1)?;
        while !closes(reader, 1) {
            let (property, index) = reference(reader, 0)?;
            all.push(PropertyRef { object, property, index });
            if all.len() > MAX_ITEMS {
                return Err(Error::TooLong { what: "a list of properties", most: MAX_ITEMS });
            }
        }
    }
    Ok(all)
}

fn write(reader: &mut Reader<'_>) -> Result<Request, Error> {
    let object = ObjectId::read(context(reader, 0)?)?;
    let (property, index) = reference(reader, 1)?;
    let values = bracketed(reader, 3)?;
    let priority = optional(reader, 4)?.map(unsigned).transpose()?;
    let priority = match priority {
        None => None,
        Some(priority @ 1..=16) => Some(priority as u8),
        Some(_) => return Err(Error::Unexpected("a priority is 1 to 16")),
    };
    Ok(Request::WriteProperty { target: PropertyRef { object, property, index }, values, priority })
}

fn subscribe(reader: &mut Reader<'_>) -> Result<Request, Error> {
    let process = unsigned(context(reader, 0)?)?;
    let object = ObjectId::read(context(reader, 1)?)?;
    let confirmed = optional(reader, 2)?;
    let seconds = optional(reader, 3)?;
    let subscribe = match (confirmed, seconds) {
        (None, None) => None,
        (Some([flag @ 0..=1]), Some(seconds)) => Some((unsigned(seconds)?, *flag == 1)),
        _ => return Err(Error::Unexpected("a subscription has a time and says whether it is confirmed")),
    };
    Ok(Request::SubscribeCov { process, object, subscribe })
}

/// Primitive values within brackets.
fn bracketed(reader: &mut Reader<'_>, number: u8) -> Result<Vec<Value>, Error> {
    opening(reader, number)?;
    let mut values = Vec::new();
    while !closes(reader, number) {
        values.push(Value::read(reader)?);
        if values.len() > MAX_ITEMS {
            return Err(Error::TooLong { what: "a list of values", most: MAX_ITEMS });
        }
    }
    Ok(values)
}

fn put_bracketed(out: &mut Vec<u8>, number: u8, values: &[Value]) {
    Tag::Opening(number).emit(out);
    values.iter().for_each(|value| value.emit(out));
    Tag::Closing(number).emit(out);
}

/// Reads the answer to [`Request::ReadProperty`].
///
/// # Errors
/// It is not exactly one.
pub fn read_ack(body: &[u8]) -> Result<ReadAck, Error> {
    let mut reader = Reader::new(body);
    let object = ObjectId::read(context(&mut reader, 0)?)?;
    let (property, index) = reference(&mut reader, 1)?;
    let values = bracketed(&mut reader, 3)?;
    reader.finish()?;
    Ok(ReadAck { target: PropertyRef { object, property, index }, values })
}

/// Reads the answer to [`Request::ReadPropertyMultiple`].
///
/// # Errors
/// It is not exactly one.
pub fn read_multiple_ack(body: &[u8]) -> Result<Vec<ReadMultipleAck>, Error> {
    let mut reader = Reader::new(body);
    let mut all = Vec::new();
    while reader.remaining() > 0 {
        let object = ObjectId::read(context(&mut reader, 0)?)?;
        opening(&mut reader, 1)?;
        while !closes(&mut reader, 1) {
            let (property, index) = reference(&mut reader, 2)?;
            let mut ahead = reader;
            let result = if Tag::read(&mut ahead)? == Tag::Opening(5) {
                match bracketed(&mut reader, 5)?.as_slice() {
                    [Value::Enumerated(class), Value::Enumerated(code)] => Err((*class, *code)),
                    _ => return Err(Error::Unexpected("an error has a class and a code")),
                }
            } else {
                Ok(bracketed(&mut reader, 4)?)
            };
            all.push(ReadMultipleAck { target: PropertyRef { object, property, index }, result });
            if all.len() > MAX_ITEMS {
                return Err(Error::TooLong { what: "an answer", most: MAX_ITEMS });
            }
        }
    }
    Ok(all)
}

impl ReadAck {
    /// Service choice and bytes.
    pub fn emit(&self) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        put(&mut out, 0, &self.target.object.bytes());
        put_reference(&mut out, 1, self.target.property, self.target.index);
        put_bracketed(&mut out, 3, &self.values);
        (confirmed::READ_PROPERTY, out)
    }
}

impl ReadMultipleAck {
    /// Service choice and bytes of a whole answer.
    pub fn emit(all: &[Self]) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        for group in all.chunk_by(|a, b| a.target.object == b.target.object) {
            let Some(first) = group.first() else { continue };
            put(&mut out, 0, &first.target.object.bytes());
            Tag::Opening(1).emit(&mut out);
            for one in group {
                put_reference(&mut out, 2, one.target.property, one.target.index);
                match &one.result {
                    Ok(values) => put_bracketed(&mut out, 4, values),
                    Err((class, code)) => {
                        put_bracketed(&mut out, 5, &[Value::Enumerated(*class), Value::Enumerated(*code)]);
                    }
                }
            }
            Tag::Closing(1).emit(&mut out);
        }
        (confirmed::READ_PROPERTY_MULTIPLE, out)
    }
}

impl CovNotification {
    /// Whether an APDU's service is one.
    pub const fn is_service(confirmed: bool, service: u8) -> bool {
        service == if confirmed { confirmed::COV_NOTIFICATION } else { unconfirmed::COV_NOTIFICATION }
    }

    /// Reads the service's bytes.
    ///
    /// # Errors
    /// They are not exactly one.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let process = unsigned(context(&mut reader, 0)?)?;
        let device = ObjectId::read(context(&mut reader, 1)?)?;
        let object = ObjectId::read(context(&mut reader, 2)?)?;
        let remaining = unsigned(context(&mut reader, 3)?)?;
        opening(&mut reader, 4)?;
        let mut values = Vec::new();
        while !closes(&mut reader, 4) {
            let (property, index) = reference(&mut reader, 0)?;
            values.push((property, index, bracketed(&mut reader, 2)?));
            optional(&mut reader, 3)?;
            if values.len() > MAX_ITEMS {
                return Err(Error::TooLong { what: "a notification", most: MAX_ITEMS });
            }
        }
        reader.finish()?;
        Ok(Self { process, device, object, remaining, values })
    }

    /// The bytes of a notification.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, 0, &shortest(self.process));
        put(&mut out, 1, &self.device.bytes());
        put(&mut out, 2, &self.object.bytes());
        put(&mut out, 3, &shortest(self.remaining));
        Tag::Opening(4).emit(&mut out);
        for (property, index, values) in &self.values {
            put_reference(&mut out, 0, *property, *index);
            put_bracketed(&mut out, 2, values);
        }
        Tag::Closing(4).emit(&mut out);
        out
    }
}
