//! From a path to the bytes it names.

use super::program::{Program, Stored, Type};
use wire::enip::table::class_id;
use wire::enip::{Elementary, Kind, Path, Segment, Status, is_program};

/// Where a value lies.
#[derive(Debug, Clone)]
pub(super) struct Place {
    scope: String,
    instance: u32,
    offset: usize,
    pub(super) kind: Type,
    /// From here to the end of the array; 1 for what is none.
    pub(super) elements: usize,
    /// Of a BOOL member, its bit in the byte at `offset`.
    bit: Option<u16>,
    pub(super) read_only: bool,
}

/// A value on the way to a member.
struct Cursor {
    offset: usize,
    kind: Type,
    /// Dimensions not yet indexed.
    dimensions: Vec<usize>,
    elements: usize,
    bit: Option<u16>,
}

impl Program {
    /// Finds what a path names.
    pub(super) fn find(&self, path: &Path) -> Result<Place, Status> {
        let mut segments = path.0.iter().peekable();
        let mut scope = String::new();
        if let Some(Segment::Symbol(name)) = segments.peek()
            && is_program(name)
        {
            scope = self.scope(name).ok_or(Status::PATH_SEGMENT)?;
            segments.next();
        }
        let tags = self.scopes.get(&scope).ok_or(Status::PATH_SEGMENT)?;
        let stored = match segments.next() {
            Some(Segment::Symbol(name)) => {
                let key = (scope.clone(), name.to_ascii_lowercase());
                let found = self.names.get(&key).and_then(|instance| tags.get(instance));
                found.ok_or(Status::with(0x04, 0x0000))?
            }
            Some(Segment::Class(class_id::SYMBOL)) => match segments.next() {
                Some(Segment::Instance(instance)) => tags.get(instance).ok_or(Status::PATH_DESTINATION)?,
                _ => return Err(Status::PATH_SEGMENT),
            },
            _ => return Err(Status::PATH_SEGMENT),
        };
        let dimensions: Vec<usize> =
            stored.symbol.dimensions.iter().filter(|d| **d > 0).map(|d| *d as usize).collect();
        let mut cursor = Cursor {
            offset: 0,
            kind: stored.kind,
            elements: dimensions.iter().product(),
            dimensions,
            bit: None,
        };
        while let Some(segment) = segments.next() {
            match segment {
                Segment::Member(first) => {
                    let mut index = vec![*first as usize];
                    while let Some(Segment::Member(next)) = segments.peek() {
                        index.push(*next as usize);
                        segments.next();
                    }
                    self.element(&mut cursor, &index)?;
                }
                Segment::Symbol(name) => self.member(&mut cursor, name)?,
                _ => return Err(Status::PATH_SEGMENT),
            }
        }
        Ok(Place {
            scope,
            instance: stored.symbol.instance,
            offset: cursor.offset,
            kind: cursor.kind,
            elements: cursor.elements,
            bit: cursor.bit,
            read_only: stored.symbol.access == Some(2),
        })
    }

    /// The scope with the name, case ignored.
    pub(super) fn scope(&self, name: &str) -> Option<String> {
        self.scopes.keys().find(|scope| scope.eq_ignore_ascii_case(name)).cloned()
    }

    fn element(&self, cursor: &mut Cursor, index: &[usize]) -> Result<(), Status> {
        if index.len() != cursor.dimensions.len() || cursor.dimensions.is_empty() {
            return Err(Status::PATH_DESTINATION);
        }
        let mut number = 0;
        for (index, size) in index.iter().zip(&cursor.dimensions) {
            if index >= size {
                return Err(Status::PATH_DESTINATION);
            }
            number = number * size + index;
        }
        cursor.offset += number * self.size(cursor.kind);
        cursor.elements -= number;
        cursor.dimensions.clear();
        Ok(())
    }

    fn member(&self, cursor: &mut Cursor, name: &str) -> Result<(), Status> {
        let Type::Structure(instance) = cursor.kind else { return Err(Status::PATH_SEGMENT) };
        let structure = self.structures.get(&instance).ok_or(Status::PATH_SEGMENT)?;
        let found = structure.template.members.iter().find(|member| member.name.eq_ignore_ascii_case(name));
        let member = found.ok_or(Status::PATH_SEGMENT)?;
        cursor.offset += member.offset as usize;
        cursor.kind = match member.kind.template() {
            Some(template) => Type::Structure(template),
            None => Type::Elementary(member.kind.kind().unwrap_or(Elementary::Dint)),
        };
        if cursor.kind == Type::Elementary(Elementary::Bool) {
            cursor.bit = Some(member.info);
            cursor.dimensions.clear();
        } else {
            cursor.dimensions = if member.info > 0 { vec![usize::from(member.info)] } else { Vec::new() };
        }
        cursor.elements = cursor.dimensions.iter().product();
        Ok(())
    }

    fn stored(&self, place: &Place) -> Option<&Stored> {
        self.scopes.get(&place.scope)?.get(&place.instance)
    }

    /// The type that stands before its data.
    pub(super) fn wire_kind(&self, place: &Place) -> Kind {
        match place.kind {
            Type::Elementary(kind) => Kind::Elementary(kind),
            Type::Structure(instance) => {
                Kind::Structure(self.structures.get(&instance).map_or(0, |structure| structure.handle))
            }
        }
    }

    /// The bytes of some elements; `None` if there are fewer.
    pub(super) fn read(&self, place: &Place, elements: usize) -> Option<Vec<u8>> {
        if elements > place.elements {
            return None;
        }
        let data = &self.stored(place)?.data;
        if let Some(bit) = place.bit {
            return data.get(place.offset).map(|byte| vec![byte >> bit & 1]);
        }
        data.get(place.offset..place.offset + elements * self.size(place.kind)).map(<[u8]>::to_vec)
    }

    /// Overwrites bytes from an offset within the place on; `None` if they do not fit.
    pub(super) fn write(&mut self, place: &Place, offset: usize, data: &[u8]) -> Option<()> {
        let room = place.elements * self.size(place.kind);
        if offset + data.len() > room {
            return None;
        }
        let stored = self.scopes.get_mut(&place.scope)?.get_mut(&place.instance)?;
        if let (Some(bit), [value]) = (place.bit, data) {
            let byte = stored.data.get_mut(place.offset)?;
            *byte = *byte & !(1 << bit) | u8::from(*value != 0) << bit;
            return Some(());
        }
        let start = place.offset + offset;
        stored.data.get_mut(start..start + data.len())?.copy_from_slice(data);
        Some(())
    }
}
