//! Looks at a datagram without ever failing: what it is, as far as it can be told.

use super::tag::{Class, Tag};
use super::{Address, Apdu, Bvlc, Error, IAm, Npdu, ObjectId, Reader, table};

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View<'a> {
    /// Function of the BVLL, if it begins as one.
    pub function: Option<u8>,
    /// Where to beyond this network.
    pub to: Option<Address>,
    /// Where from beyond this network.
    pub from: Option<Address>,
    /// The message of the application layer.
    pub apdu: Option<Apdu<'a>>,
    /// Name of its service.
    pub service: Option<&'static str>,
    /// Whether it is a request that changes something.
    pub changes: bool,
    /// The first object that the request or answer names.
    pub object: Option<ObjectId>,
    /// What a device says about itself.
    pub device: Option<IAm>,
    /// What was wrong, and ended the look.
    pub problem: Option<Error>,
}

impl<'a> View<'a> {
    /// Looks at a datagram.
    pub fn of(datagram: &'a [u8]) -> Self {
        let mut view = Self::default();
        if let [0x81, function, ..] = datagram {
            view.function = Some(*function);
        }
        if let Err(problem) = view.look(datagram) {
            view.problem = Some(problem);
        }
        view
    }

    fn look(&mut self, datagram: &'a [u8]) -> Result<(), Error> {
        let npdu = match (Bvlc::parse(datagram), datagram) {
            (Ok(bvlc), _) => bvlc.npdu(),
            // Another length than it says: that is told, and what is there is looked at all the same.
            (
                Err(problem),
                [0x81, 9..=11, _, _, npdu @ ..] | [0x81, 4, _, _, _, _, _, _, _, _, npdu @ ..],
            ) => {
                self.problem = Some(problem);
                Some(npdu)
            }
            (Err(problem), _) => return Err(problem),
        };
        let Some(npdu) = npdu else { return Ok(()) };
        let npdu = Npdu::parse(npdu)?;
        (self.to, self.from) = (npdu.to, npdu.from);
        if npdu.network_message.is_some() {
            return Ok(());
        }
        let apdu = Apdu::parse(npdu.body)?;
        self.apdu = Some(apdu.clone());
        match apdu {
            Apdu::Confirmed { service, body, segment, .. } => {
                self.service = table::confirmed_service(service);
                self.changes = table::changes(service);
                if segment.is_none_or(|segment| segment.sequence == 0) {
                    self.object = first_object(body);
                }
            }
            Apdu::Unconfirmed { service, body } => {
                self.service = table::unconfirmed_service(service);
                if service == 0 {
                    self.device = Some(IAm::parse(body)?);
                }
            }
            Apdu::SimpleAck { service, .. } | Apdu::Error { service, .. } => {
                self.service = table::confirmed_service(service);
            }
            Apdu::ComplexAck { service, body, segment, .. } => {
                self.service = table::confirmed_service(service);
                if segment.is_none_or(|segment| segment.sequence == 0) {
                    self.object = first_object(body);
                }
            }
            Apdu::SegmentAck { .. } | Apdu::Reject { .. } | Apdu::Abort { .. } => {}
        }
        Ok(())
    }
}

/// The first object identifier: at a context place of four bytes, 0 for most services, 1 for subscriptions.
fn first_object(body: &[u8]) -> Option<ObjectId> {
    let mut reader = Reader::new(body);
    for place in 0..2 {
        let Ok(Tag::Value { class: Class::Context, number, length }) = Tag::read(&mut reader) else {
            return None;
        };
        let bytes = reader.take(usize::try_from(length).ok()?).ok()?;
        if number == place && length == 4 {
            return ObjectId::read(bytes).ok();
        }
    }
    None
}
