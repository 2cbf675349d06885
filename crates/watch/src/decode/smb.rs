//! SMB: commands, shares, and patterns that no proper client sends.

use super::{Decoder, Told};
use crate::core::{Core, Talk};
use crate::detect::smb as rules;
use crate::operation::{Effect, Kind, Outcome};
use crate::protocol::Protocol;
use crate::stream::Step;
use crate::text::clean_text;
use std::borrow::Cow;
use wire::smb::{self, Dialect, MessageView, command_name, frame_length};

/// Bytes of a message that are looked at; the rest is data.
const ENOUGH: usize = 4_096;
/// Function numbers: the command, with its dialect behind this.
pub const OLD: u32 = 0x1_0000;
const ENCRYPTED: u32 = 0x2_0000;
/// Asks for more, and "this name or password is wrong", of NTSTATUS.
const MORE: u32 = 0xC000_0016;
const WRONG: u32 = 0xC000_006D;
/// Shares of administrators, and pipes by which services and tasks are started from afar.
const ADMINISTRATION: [&str; 6] = ["ADMIN$", "C$", "SVCCTL", "ATSVC", "WINREG", "PSEXESVC"];

/// One conversation.
#[derive(Debug, Default)]
pub struct Smb {
    /// Bytes that are passed over: from the server, from the client.
    skip: [usize; 2],
}

impl Decoder for Smb {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let side = usize::from(talk.from_client);
        let mut rest = bytes;
        if let Some(skip) = self.skip.get_mut(side) {
            let over = (*skip).min(rest.len());
            *skip -= over;
            rest = rest.get(over..).unwrap_or_default();
        }
        loop {
            let length = match frame_length(rest) {
                Ok(Some(length)) => length,
                Ok(None) => break,
                Err(_) => return Step::Lost,
            };
            let looked = length.min(ENOUGH);
            let Some(head) = rest.get(..looked) else { break };
            message(&MessageView::new(head.get(4..).unwrap_or_default()), talk, core);
            match rest.get(length..) {
                Some(tail) => rest = tail,
                None => {
                    self.skip.get_mut(side).into_iter().for_each(|skip| *skip = length - rest.len());
                    return Step::Took(bytes.len());
                }
            }
        }
        Step::Took(bytes.len() - rest.len())
    }
}

fn message(view: &MessageView<'_>, talk: &Talk, core: &mut Core) {
    let Some(dialect) = view.dialect() else { return };
    let command = view.command().unwrap_or_default();
    let function = match dialect {
        Dialect::One => OLD | u32::from(command),
        Dialect::Two => command.into(),
        Dialect::Encrypted => ENCRYPTED,
    };
    let is_sign_in = command_name(dialect, command) == "Session setup";
    let mut told = Told::new(Protocol::Smb, function);
    told.effect = if is_sign_in { Effect::Session } else { Effect::Unknown };
    if view.is_answer() {
        told.kind = Kind::Response;
        let wrong = view.status().filter(|status| status >> 30 == 3 && *status != MORE);
        told.outcome = Core::outcome(wrong);
        if is_sign_in && told.outcome == Outcome::Refused(WRONG) {
            told.effect = Effect::Security;
        }
    }
    // Behind the share of SMB 1 stands which service is wanted; five question marks are any.
    let name = view.name().map(|name| clean_text(name.trim_end_matches("?????"))).unwrap_or_default();
    if let Some(oddity) = view.oddity() {
        core.findings.raise(&rules::EXPLOIT, talk.scene(), oddity);
    }
    let upper = name.to_ascii_uppercase();
    // The share that programs sign in by (IPC$) is none of them, though it ends like one.
    let share = upper.rsplit('\\').next().unwrap_or_default();
    if ADMINISTRATION.iter().any(|known| share == *known || (known.len() > 2 && upper.contains(known))) {
        core.findings.raise(&rules::ADMINISTRATION, talk.scene(), &name);
    }
    told.tell(&name, talk, core);
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    let command = u16::try_from(function & 0xFFFF).unwrap_or_default();
    match function {
        ENCRYPTED.. => command_name(Dialect::Encrypted, 0).into(),
        OLD.. => format!("{} (SMB 1)", smb::command_name(Dialect::One, command)).into(),
        _ => smb::command_name(Dialect::Two, command).into(),
    }
}
