//! What a refused pickle would import, read off its instructions without following them: tells a
//! broken or foreign file from an attack.
//!
//! Source of the instructions and their arguments: `Lib/pickletools.py` of CPython.

use super::unpickle::{PickleFault, is_allowed};

/// What follows an instruction.
enum Argument {
    /// So many bytes.
    Bytes(usize),
    /// A text or bytes, their length in so many bytes before them.
    Counted(usize),
    /// A line.
    Line,
    /// Two lines: module and name.
    Names,
}

/// The first thing that the pickle would import or call and that weights do not need.
pub(super) fn find(pickle: &[u8]) -> Option<PickleFault> {
    let mut at = 0_usize;
    // The last two texts: what STACK_GLOBAL imports, unless it was meant to be hard to see.
    let (mut older, mut newer) = (String::new(), String::new());
    while let Some(opcode) = pickle.get(at).copied() {
        at += 1;
        let rest = pickle.get(at..)?;
        match argument(opcode)? {
            Argument::Bytes(length) => at += length,
            Argument::Counted(width) => {
                let length = count(rest, width)?;
                let end = width.checked_add(length)?;
                older = std::mem::replace(&mut newer, lossy(rest.get(width..end)?));
                at += end;
            }
            Argument::Line => at += line(rest)?.1,
            Argument::Names => {
                let (module, first) = line(rest)?;
                let (name, second) = line(rest.get(first..)?)?;
                // Noise has no names.
                if !is_name(&module) || !is_name(&name) {
                    return None;
                }
                if opcode == b'i' || !is_allowed(&module, &name) {
                    return Some(PickleFault::ForbiddenName(format!("{module}.{name}")));
                }
                at += first + second;
            }
        }
        match opcode {
            0x93 if is_name(&older) && is_name(&newer) && !is_allowed(&older, &newer) => {
                return Some(PickleFault::ForbiddenName(format!("{older}.{newer}")));
            }
            0x82..=0x84 => return Some(PickleFault::ForbiddenOpcode { opcode, at: at - 1 }),
            _harmless => {}
        }
    }
    None
}

fn argument(opcode: u8) -> Option<Argument> {
    Some(match opcode {
        b'c' | b'i' => Argument::Names,
        b'I' | b'L' | b'F' | b'S' | b'V' | b'P' | b'g' | b'p' => Argument::Line,
        b'K' | b'h' | b'q' | 0x80 | 0x82 => Argument::Bytes(1),
        b'M' | 0x83 => Argument::Bytes(2),
        b'J' | b'j' | b'r' | 0x84 => Argument::Bytes(4),
        b'G' | 0x95 => Argument::Bytes(8),
        b'U' | b'C' | 0x8a | 0x8c => Argument::Counted(1),
        b'X' | b'T' | b'B' | 0x8b => Argument::Counted(4),
        0x8d | 0x8e | 0x96 => Argument::Counted(8),
        b'.' => return None,
        b'('
        | b')'
        | b'0'
        | b'1'
        | b'2'
        | b'N'
        | b'Q'
        | b'R'
        | b']'
        | b'a'
        | b'b'
        | b'd'
        | b'e'
        | b'l'
        | b'o'
        | b's'
        | b't'
        | b'u'
        | b'}'
        | 0x81
        | 0x85..=0x89
        | 0x8f..=0x94
        | 0x97
        | 0x98 => Argument::Bytes(0),
        _unknown => return None,
    })
}

/// Whether Python could import something of this name.
fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    !name.is_empty() && name.chars().all(is_part)
}

/// The number in the first `width` bytes.
fn count(bytes: &[u8], width: usize) -> Option<usize> {
    let mut number = [0; 8];
    number.get_mut(..width)?.copy_from_slice(bytes.get(..width)?);
    usize::try_from(u64::from_le_bytes(number)).ok()
}

/// The first line, and its length with its end.
fn line(bytes: &[u8]) -> Option<(String, usize)> {
    let length = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((lossy(bytes.get(..length)?), length + 1))
}

/// Enough of a name to tell it.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_behind_what_weights_never_hold_is_still_seen() {
        let attacks: [&[u8]; 5] = [
            b"\x80\x02G\0\0\0\0\0\0\0\x000cos\nsystem\nN\x85R.",
            b"\x80\x04]\x94(\x8c\x02os\x8c\x06system\x93N\x85Re.",
            b"I7\n0(S'true'\nios\nsystem\n.",
            b"\x80\x02]\x82\x01.",
            b"\x80\x05\x96\x03\0\0\0\0\0\0\0abc0cbuiltins\neval\n.",
        ];
        for attack in attacks {
            assert!(find(attack).is_some_and(|fault| fault.is_hostile()), "{attack:?}");
        }
        let noise = [b"c".as_slice(), &[0xff; 9], b"\n\x01\n."].concat();
        assert_eq!(find(&noise), None);
        for harmless in
            [&b"\x80\x02](K\x01G\0\0\0\0\0\0\0\0e."[..], b"", b"no pickle at all", b"\x8d"]
        {
            assert_eq!(find(harmless), None);
        }
    }
}
