//! A device: its objects, what it tells about itself, what it can do.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use wire::bacnet::table::{class, code, property, service_bit};
use wire::bacnet::{MAX_APDU, ObjectId, PropertyRef, Value};

use super::behaviour::Conduct;

/// What a device can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Longest APDU, in octets.
    pub max_apdu: usize,
    /// Sends long answers in parts.
    pub parts: bool,
    /// Knows ReadPropertyMultiple.
    pub many: bool,
    /// Subscriptions that it takes; 0: it does not know the service.
    pub subscriptions: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self { max_apdu: MAX_APDU, parts: true, many: true, subscriptions: 100 }
    }
}

/// What a commandable object holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Priorities {
    /// Values by priority, the highest first.
    pub held: Box<[Option<Vec<Value>>; 16]>,
    /// What counts where none is held.
    pub default: Vec<Value>,
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its value; of a commandable one what counts of the priorities.
    pub value: Vec<Value>,
    /// Of a commandable one.
    pub priorities: Option<Priorities>,
    /// In alarm, fault, overridden, out of service; `None`: it has no such property.
    pub flags: Option<[bool; 4]>,
    /// Reliability, if it has one.
    pub reliability: Option<u32>,
    /// Smallest change that is told, of numbers.
    pub increment: f32,
    /// Its value may be written although it has no priorities.
    pub writable: bool,
    /// Further properties; several values are an array.
    pub more: BTreeMap<u32, Vec<Value>>,
}

impl Object {
    /// A sound object that is only read.
    #[must_use]
    pub fn new(name: &str, value: Value) -> Self {
        Self {
            name: name.into(),
            value: vec![value],
            priorities: None,
            flags: Some([false; 4]),
            reliability: Some(0),
            increment: 0.1,
            writable: false,
            more: BTreeMap::new(),
        }
    }

    /// The same with priorities; its value is what counts where none is held.
    #[must_use]
    pub fn commandable(mut self) -> Self {
        self.priorities =
            Some(Priorities { held: Box::new([const { None }; 16]), default: self.value.clone() });
        self
    }

    /// The same with a further property.
    #[must_use]
    pub fn with(mut self, property: u32, values: Vec<Value>) -> Self {
        self.more.insert(property, values);
        self
    }

    /// Holds a value at a priority, 1 to 16, or gives it up.
    pub fn command(&mut self, priority: u8, value: Option<Vec<Value>>) {
        let Some(Priorities { held: slots, default }) = &mut self.priorities else { return };
        if let Some(slot) = usize::from(priority).checked_sub(1).and_then(|at| slots.get_mut(at)) {
            *slot = value;
        }
        self.value = slots.iter().flatten().next().unwrap_or(default).clone();
    }

    fn get(&self, id: ObjectId, number: u32) -> Option<Vec<Value>> {
        Some(match number {
            property::PRESENT_VALUE => self.value.clone(),
            property::OBJECT_NAME => vec![Value::Text(self.name.clone())],
            property::OBJECT_IDENTIFIER => vec![Value::Object(id)],
            79 => vec![Value::Enumerated(id.kind.into())],
            property::STATUS_FLAGS => vec![Value::Bits(self.flags?.to_vec())],
            property::RELIABILITY => vec![Value::Enumerated(self.reliability?)],
            property::PRIORITY_ARRAY => {
                let one = |slot: &Option<Vec<Value>>| slot.clone().unwrap_or(vec![Value::Null]);
                self.priorities.as_ref()?.held.iter().flat_map(one).collect()
            }
            property::RELINQUISH_DEFAULT => self.priorities.as_ref()?.default.clone(),
            _ => self.more.get(&number)?.clone(),
        })
    }
}

/// Everything that one device counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Confirmed requests.
    pub requests: AtomicU64,
    /// Requests for several properties.
    pub many: AtomicU64,
    /// Subscriptions taken, renewals included.
    pub subscriptions: AtomicU64,
    /// Notifications sent.
    pub told: AtomicU64,
    /// Notifications that were acknowledged.
    pub acknowledged: AtomicU64,
    /// Parts of long answers.
    pub parts: AtomicU64,
}

/// One device.
#[derive(Debug)]
pub struct Device {
    /// Its instance.
    pub instance: u32,
    /// What it can do.
    pub rules: Rules,
    /// Its counters.
    pub counters: Counters,
    objects: Mutex<BTreeMap<ObjectId, Object>>,
    conduct: Mutex<Conduct>,
}

/// Class and code of an error.
pub(super) type Refusal = (u32, u32);

impl Device {
    /// A device with these objects.
    #[must_use]
    pub fn new(instance: u32, rules: Rules, objects: impl IntoIterator<Item = (ObjectId, Object)>) -> Self {
        Self {
            instance,
            rules,
            counters: Counters::default(),
            objects: Mutex::new(objects.into_iter().collect()),
            conduct: Mutex::default(),
        }
    }

    /// Looks at an object, or changes it; `None` if there is none.
    pub fn with<T>(&self, id: ObjectId, change: impl FnOnce(&mut Object) -> T) -> Option<T> {
        self.objects.lock().get_mut(&id).map(change)
    }

    /// Takes an object away.
    pub fn remove(&self, id: ObjectId) {
        self.objects.lock().remove(&id);
    }

    /// Adds an object.
    pub fn add(&self, id: ObjectId, object: Object) {
        self.objects.lock().insert(id, object);
    }

    /// How it behaves.
    #[must_use]
    pub fn conduct(&self) -> Conduct {
        *self.conduct.lock()
    }

    /// Behaves differently from now on.
    pub fn set_conduct(&self, conduct: Conduct) {
        *self.conduct.lock() = conduct;
    }

    fn of_device(&self, number: u32) -> Option<Vec<Value>> {
        let text = |text: &str| vec![Value::Text(text.into())];
        Some(match number {
            property::OBJECT_NAME => text(&format!("Simulated device {}", self.instance)),
            property::VENDOR_NAME => text("Ironbridge simulation"),
            property::MODEL_NAME => text("IB-AHU"),
            property::FIRMWARE_REVISION => text("1.0"),
            property::VENDOR_IDENTIFIER => vec![Value::Unsigned(1_023)],
            property::SYSTEM_STATUS => vec![Value::Enumerated(0)],
            property::OBJECT_IDENTIFIER => vec![Value::Object(ObjectId::device(self.instance))],
            property::MAX_APDU_LENGTH_ACCEPTED => vec![Value::Unsigned(self.rules.max_apdu as u64)],
            property::SEGMENTATION_SUPPORTED => vec![Value::Enumerated(if self.rules.parts { 1 } else { 3 })],
            property::PROTOCOL_SERVICES_SUPPORTED => {
                let mut bits = vec![false; 40];
                // ReadProperty, WriteProperty, I-Am, Who-Is.
                for (bit, on) in [
                    (12, true),
                    (15, true),
                    (26, true),
                    (34, true),
                    (service_bit::READ_PROPERTY_MULTIPLE, self.rules.many),
                    (service_bit::SUBSCRIBE_COV, self.rules.subscriptions > 0),
                ] {
                    bits.iter_mut().skip(bit).take(1).for_each(|slot| *slot = on);
                }
                vec![Value::Bits(bits)]
            }
            property::OBJECT_LIST => {
                let objects = self.objects.lock();
                let own = ObjectId::device(self.instance);
                std::iter::once(&own).chain(objects.keys()).map(|id| Value::Object(*id)).collect()
            }
            _ => return None,
        })
    }

    /// A property, or an element of it.
    pub(super) fn read(&self, target: PropertyRef) -> Result<Vec<Value>, Refusal> {
        let unknown = (class::PROPERTY, code::UNKNOWN_PROPERTY);
        let own = target.object.kind == 8
            && (target.object.instance == self.instance
                || target.object.instance == wire::bacnet::MAX_INSTANCE);
        let values = if own {
            self.of_device(target.property).ok_or(unknown)?
        } else {
            let objects = self.objects.lock();
            let object = objects.get(&target.object).ok_or((class::OBJECT, code::UNKNOWN_OBJECT))?;
            object.get(target.object, target.property).ok_or(unknown)?
        };
        match target.index {
            None => Ok(values),
            Some(0) => Ok(vec![Value::Unsigned(values.len() as u64)]),
            Some(index) => {
                let one = usize::try_from(index).ok().and_then(|index| values.get(index - 1));
                one.cloned().map(|one| vec![one]).ok_or((class::PROPERTY, code::INVALID_ARRAY_INDEX))
            }
        }
    }

    pub(super) fn write(
        &self,
        target: PropertyRef,
        values: Vec<Value>,
        priority: Option<u8>,
    ) -> Result<(), Refusal> {
        let mut objects = self.objects.lock();
        let object = objects.get_mut(&target.object).ok_or((class::OBJECT, code::UNKNOWN_OBJECT))?;
        if target.property != property::PRESENT_VALUE || !(object.writable || object.priorities.is_some()) {
            return Err((class::PROPERTY, code::WRITE_ACCESS_DENIED));
        }
        let release = values == [Value::Null] && object.priorities.is_some();
        let same = |(a, b): (&Value, &Value)| std::mem::discriminant(a) == std::mem::discriminant(b);
        let fits = values.len() == object.value.len() && values.iter().zip(&object.value).all(same);
        if !release && !fits {
            return Err((class::PROPERTY, code::INVALID_DATA_TYPE));
        }
        if object.priorities.is_some() {
            object.command(priority.unwrap_or(16), (!release).then_some(values));
        } else {
            object.value = values;
        }
        Ok(())
    }

    /// What is told of an object: its value and flags.
    pub(super) fn state(&self, id: ObjectId) -> Option<(Vec<Value>, [bool; 4], f32)> {
        let objects = self.objects.lock();
        let object = objects.get(&id)?;
        Some((object.value.clone(), object.flags.unwrap_or_default(), object.increment))
    }
}
