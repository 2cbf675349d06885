//! DNP3 over TCP and UDP.

use super::Decoder;
use crate::core::{Core, Talk};
use crate::links;
use crate::operation::{Body, Effect, Kind, Operation, Outcome};
use crate::points::Touch;
use crate::protocol::Protocol;
use crate::stream::Step;
use std::borrow::Cow;
use wire::dnp3::link::{self, LinkView, MAX_USER};
use wire::dnp3::table::{self, Access, IIN_REFUSED, UNSOLICITED};
use wire::dnp3::{FragmentView, Header, Joiner, Range};

/// Function numbers: those of the application layer as they are, those of the link layer behind this.
const LINK: u32 = 0x100;
/// Function of the latest request when there was none.
const NONE: u32 = u32::MAX;
/// The first frame of a fragment (transport function, FIR).
const FIRST: u8 = 0x40;
/// The last one (FIN).
const FINAL: u8 = 0x80;

/// One conversation.
#[derive(Debug)]
pub struct Dnp3 {
    /// Fragments from masters, from outstations.
    joiners: (Joiner, Joiner),
    /// A fragment was seen to begin, of masters, of outstations.
    begun: (bool, bool),
    /// Function of the latest request, by its sequence number.
    asked: [u32; 16],
    turn: Turn,
    /// Addresses that masters used for themselves, by the lowest byte.
    origins: [u64; 4],
    astray: u32,
}

/// Whose turn it is: a master waits for the answer before it asks again, with the next number (IEEE 1815-2012, 4.2.2.4).
#[derive(Debug, Default)]
struct Turn {
    unit: u32,
    sequence: u8,
    answered: bool,
    /// Requests without an answer between, and when the first of them came.
    open: u32,
    since_ns: i64,
    /// Answers are seen here at all.
    heard: bool,
    /// Sequence of the latest unsolicited message, and whether it was confirmed.
    notice: Option<(u8, bool)>,
    /// Messages that were out of turn, since the latest that was not.
    wrong: u32,
}

/// So many requests within a second without an answer do not wait for one.
const UNANSWERED: u32 = 4;
/// The same where no answers are seen: the mirror may carry one direction only.
const UNHEARD: u32 = 16;
const SECOND_NS: i64 = 1_000_000_000;

impl Turn {
    fn take(&mut self, view: &FragmentView<'_>, code: u8, unit: u32, now_ns: i64) {
        let Some(sequence) = view.sequence() else { return };
        match code {
            0 if view.is_unsolicited() => {
                self.notice
                    .iter_mut()
                    .filter(|(known, _)| *known == sequence)
                    .for_each(|(_, done)| *done = true);
            }
            UNSOLICITED => {
                let again = self.notice == Some((sequence, true));
                self.wrong = if again { self.wrong + 1 } else { 0 };
                // Confirmed once, it stays so: the same number comes again only after all others.
                self.notice = Some((sequence, again));
            }
            129.. => {
                self.answered |= self.unit == unit && self.sequence == sequence;
                (self.open, self.heard) = (0, true);
            }
            // Nobody answers a confirmation, nor a command that says so.
            0 | 6 | 8 | 10 | 12 => {}
            _ => {
                let again = self.unit == unit && self.sequence == sequence && self.answered;
                if self.open == 0 || self.unit != unit {
                    self.open = 0;
                    self.since_ns = now_ns;
                }
                self.open += 1;
                let many = if self.heard { UNANSWERED } else { UNHEARD };
                let hasty = self.open >= many && now_ns.saturating_sub(self.since_ns) < SECOND_NS;
                self.wrong = if again || hasty { self.wrong + 1 } else { 0 };
                (self.unit, self.sequence, self.answered) = (unit, sequence, false);
            }
        }
    }
}

impl Default for Dnp3 {
    fn default() -> Self {
        Self {
            joiners: Default::default(),
            begun: (false, false),
            asked: [NONE; 16],
            turn: Turn::default(),
            origins: [0; 4],
            astray: 0,
        }
    }
}

impl Decoder for Dnp3 {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let mut rest = bytes;
        while rest.len() >= link::HEADER {
            if !rest.starts_with(&[0x05, 0x64]) {
                self.astray += 1;
                if self.astray == 1 {
                    core.malformed(talk, Protocol::Dnp3, "bytes that begin no frame");
                }
                return Step::Lost;
            }
            let Some(length) = link::frame_length(rest) else { break };
            let Some((frame, tail)) = rest.split_at_checked(length) else { break };
            rest = tail;
            self.frame(frame, talk, core);
        }
        Step::Took(bytes.len() - rest.len())
    }
}

impl Dnp3 {
    fn frame(&mut self, frame: &[u8], talk: &Talk, core: &mut Core) {
        let view = LinkView::new(frame);
        let mut space = [0; MAX_USER];
        let (data, wrong) = view.user_data(&mut space);
        // The master is the client, whoever opened the connection; its requests show it even where the direction lies.
        let from_master = match data {
            [transport, _, code, ..] if transport & FIRST != 0 && *code != 0 => *code < 128,
            _ => view.from_master(),
        };
        let talk = &talk.with_client(from_master);
        if let Some(wrong) = wrong {
            core.malformed(talk, Protocol::Dnp3, wrong);
        }
        if matches!(wrong, Some(link::Wrong::HeaderCrc | link::Wrong::Length(_))) {
            return;
        }
        self.astray = 0;
        let unit = if from_master { view.destination() } else { view.source() };
        let unit = unit.map_or(0, u32::from);
        if data.is_empty() {
            return link_only(&view, unit, talk, core);
        }
        if let Some(origin) = view.source().filter(|_| from_master) {
            links::mark(&mut self.origins, origin.into());
            let origins = self.origins.iter().map(|word| word.count_ones()).sum();
            core.link(talk, Protocol::Dnp3)
                .and_then(|id| core.links.get_mut(id))
                .into_iter()
                .for_each(|link| link.origins = origins);
        }
        let (joiner, begun) = if from_master {
            (&mut self.joiners.0, &mut self.begun.0)
        } else {
            (&mut self.joiners.1, &mut self.begun.1)
        };
        // Who joins late misses the beginning of the first one.
        let is_end = !talk.opened && !*begun && data.first().is_some_and(|transport| transport & FIRST == 0);
        *begun |= !is_end;
        match joiner.feed(data) {
            Ok(Some(fragment)) => fragment_op((&mut self.asked, &mut self.turn), fragment, unit, talk, core),
            Ok(None) => {}
            Err(_) if is_end => *begun = data.first().is_some_and(|transport| transport & FINAL != 0),
            Err(words) => core.malformed(talk, Protocol::Dnp3, words),
        }
    }
}

fn link_only(view: &LinkView<'_>, unit: u32, talk: &Talk, core: &mut Core) {
    let function = LINK | u32::from(view.is_primary()) << 4 | u32::from(view.function().unwrap_or_default());
    let kind = match (view.is_primary(), talk.from_client) {
        (true, true) => Kind::Request,
        (true, false) => Kind::Notice,
        (false, _) => Kind::Response,
    };
    let outcome = if kind == Kind::Response { Outcome::Done } else { Outcome::Open };
    let (effect, body) = (Effect::Session, Body::None);
    core.operation(
        talk,
        &Operation { protocol: Protocol::Dnp3, kind, function, effect, unit, outcome, body },
    );
}

fn fragment_op(
    (asked, turn): (&mut [u32; 16], &mut Turn),
    fragment: &[u8],
    unit: u32,
    talk: &Talk,
    core: &mut Core,
) {
    let view = FragmentView::new(fragment);
    if let Some(problem) = view.problem() {
        core.malformed(talk, Protocol::Dnp3, format_args!("{view}: {problem}"));
    }
    let Some(code) = view.function_code() else { return };
    let slot = asked.get_mut(usize::from(view.sequence().unwrap_or_default()));
    let (kind, function, outcome) = if !view.is_response() {
        slot.into_iter().for_each(|slot| *slot = code.into());
        (Kind::Request, u32::from(code), Outcome::Open)
    } else if code == UNSOLICITED {
        (Kind::Notice, u32::from(code), Outcome::Open)
    } else {
        let asked = slot.map_or(NONE, |slot| std::mem::replace(slot, NONE));
        let refused = view.indications().map(|iin| u32::from(iin & IIN_REFUSED)).filter(|bits| *bits != 0);
        (Kind::Response, if asked == NONE { code.into() } else { asked }, Core::outcome(refused))
    };
    points(&view, unit, talk, core);
    turn.take(&view, code, unit, talk.time_ns);
    if let Some(link) = core.link(talk, Protocol::Dnp3).and_then(|id| core.links.get_mut(id)) {
        link.out_of_turn = turn.wrong;
    }
    let effect = if kind == Kind::Request { effect(&view) } else { Effect::Unknown };
    let body = Body::Dnp3(view);
    core.operation(
        talk,
        &Operation { protocol: Protocol::Dnp3, kind, function, effect, unit, outcome, body },
    );
}

fn effect(view: &FragmentView<'_>) -> Effect {
    match view.function().map(|function| (function.access, function.code)) {
        Some((Access::Session, _)) => Effect::Session,
        Some((Access::Read, _)) => Effect::Read,
        Some((Access::Write | Access::Operate | Access::Freeze, _)) => Effect::Write,
        Some((Access::Restart, _)) => Effect::Restart,
        Some((Access::Control, 17)) => Effect::Start,
        Some((Access::Control, 18)) => Effect::Stop,
        Some((Access::Control | Access::Configure, _)) => Effect::Configure,
        Some((Access::File, 27)) => Effect::Download,
        Some((Access::File, _)) => Effect::Upload,
        Some((Access::Security, _)) => Effect::Security,
        None => Effect::Unknown,
    }
}

fn points(view: &FragmentView<'_>, unit: u32, talk: &Talk, core: &mut Core) {
    let writes = !view.is_response()
        && view.function().is_some_and(|function| matches!(function.access, Access::Write | Access::Operate));
    let touch = if writes { Touch::Write(None) } else { Touch::Read };
    for header in view.headers().flatten().take(64) {
        let Some(name) = table::group_name(header.group) else { continue };
        let mut note = |first: u32, last: u32| {
            let place = (unit, u64::from(header.group), first, last.saturating_sub(first).saturating_add(1));
            core.point(talk, Protocol::Dnp3, place, touch, || {
                if first == last { format!("{name} {first}") } else { format!("{name} {first}..{last}") }
            });
        };
        match header {
            Header { group: 60 | 80, .. } => {}
            Header { range: Range::Indexes(first, last), .. } => note(first, last),
            Header { range: Range::Count(_), .. } => header.indexes().take(64).for_each(|at| note(at, at)),
            Header { range: Range::All, .. } => {}
        }
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    let low = (function & 0xFF) as u8;
    if function & LINK != 0 {
        let bytes = [0x05, 0x64, 5, (low & 0x10) << 2 | low & 15];
        return LinkView::new(&bytes).function_name().into();
    }
    match table::function(low) {
        Some(known) => known.name.into(),
        None => format!("function {function}").into(),
    }
}
