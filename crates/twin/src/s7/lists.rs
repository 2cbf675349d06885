//! System status lists, as a CPU gives them.

use wire::s7::szl::{self, Identity, List};

use super::cpu::{Memory, Rules};

/// A text in a field of `length` bytes.
fn field(text: &str, length: usize, fill: u8) -> Vec<u8> {
    let mut bytes: Vec<u8> = text.bytes().take(length).collect();
    bytes.resize(length, fill);
    bytes
}

fn module(identity: &Identity) -> Vec<Vec<u8>> {
    let mut firmware = [b'V', 0, 0, 0];
    let numbers = identity.firmware.trim_start_matches('V').split('.').map(|part| part.parse().unwrap_or(0));
    firmware.iter_mut().skip(1).zip(numbers).for_each(|(byte, number)| *byte = number);
    let [high, low] = identity.hardware.to_be_bytes();
    let record = |index: u8, order: &str, release: [u8; 4]| {
        let mut record = vec![0, index];
        record.extend(field(order, 20, b' '));
        record.extend_from_slice(&[0, 0xC0]);
        record.extend_from_slice(&release);
        record
    };
    let hardware = [high, low, 0, 1];
    vec![record(1, &identity.order, hardware), record(6, &identity.order, hardware), record(7, "", firmware)]
}

fn component(identity: &Identity) -> Vec<Vec<u8>> {
    let texts = [
        (1, identity.system.as_str()),
        (2, &identity.module),
        (3, &identity.plant),
        (4, "Ironbridge simulated device"),
        (5, &identity.serial),
        (7, &identity.kind),
        (8, ""),
        (9, ""),
        (10, ""),
        (11, ""),
    ];
    let record = |(index, text): (u8, &str)| [vec![0, index], field(text, 32, 0)].concat();
    texts.into_iter().map(record).collect()
}

/// A whole list, or `None` if the CPU has no such.
pub(super) fn list(memory: &Memory, rules: Rules, id: u16, index: u16) -> Option<Vec<u8>> {
    let records = match id {
        0x0000 => [0x0000u16, 0x0011, 0x001C, 0x0131, 0x0424].map(|id| id.to_be_bytes().to_vec()).to_vec(),
        szl::MODULE => module(&memory.identity),
        szl::COMPONENT => component(&memory.identity),
        0x0131 if index == 1 => {
            let mut record = vec![0, 1];
            record.extend_from_slice(&rules.pdu.to_be_bytes());
            record.extend_from_slice(&u16::try_from(rules.connections).unwrap_or(u16::MAX).to_be_bytes());
            record.resize(40, 0);
            vec![record]
        }
        szl::STATE => {
            let mut record = vec![0x51, 0x44, 0xFF, memory.state];
            record.resize(20, 0);
            vec![record]
        }
        _ => return None,
    };
    let length = u16::try_from(records.first().map_or(0, Vec::len)).ok()?;
    let mut out = Vec::new();
    List::emit(id, index, length, records.iter().map(Vec::as_slice), &mut out);
    Some(out)
}
