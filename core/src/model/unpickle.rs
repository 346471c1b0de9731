//! Reads a pickle as plain data. A pickle is a program for a small machine; here nothing it asks
//! for is ever called: calls are written down, and only of the few names that weights need.
//!
//! Source of the opcodes: `Lib/pickletools.py` of CPython; of what weights need: `torch.save`.

use super::pickle::PyValue;
use super::suspicion;
use std::collections::BTreeMap;

/// Deepest nesting that is built.
const MAX_DEPTH: usize = 24;
/// Longest tuple that may be referred to twice, so that references cannot multiply memory.
const MAX_SHARED: usize = 16;
/// Longest text that may be referred to twice, in bytes.
const MAX_SHARED_TEXT: usize = 256;
/// What all references together may copy, in bytes.
const MAX_COPIED: usize = 4 << 20;
/// Longest module or class name in bytes.
const MAX_NAME: usize = 200;

/// The names a pickle of weights may mention. Nothing they stand for is ever called here, and
/// PyTorch's own restricted loader calls them for every model. Storages other than of 32-bit
/// floats are known, so that they are refused as what they are.
const ALLOWED: [(&str, &str); 14] = [
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch", "FloatStorage"),
    ("torch", "DoubleStorage"),
    ("torch", "HalfStorage"),
    ("torch", "BFloat16Storage"),
    ("torch", "LongStorage"),
    ("torch", "IntStorage"),
    ("torch", "ShortStorage"),
    ("torch", "CharStorage"),
    ("torch", "ByteStorage"),
    ("torch", "BoolStorage"),
    ("torch.storage", "UntypedStorage"),
];

/// Why a pickle is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PickleFault {
    /// It mentions something that could run code, or that weights do not need.
    #[error("it asks for `{0}`, which weights of 32-bit floats do not need: refused unseen")]
    ForbiddenName(String),
    /// An instruction that weights do not need.
    #[error("it uses the instruction {opcode:#04x} at byte {at}, which weights do not need")]
    ForbiddenOpcode {
        /// The instruction.
        opcode: u8,
        /// Offset in bytes.
        at: usize,
    },
    /// It ends early or contradicts itself.
    #[error("it is malformed at byte {at}: {reason}")]
    Malformed {
        /// Offset in bytes.
        at: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

impl PickleFault {
    /// Whether loading the pickle in Python would import or call something that weights do not
    /// need: an attack, or at least what one looks like.
    pub const fn is_hostile(&self) -> bool {
        match self {
            Self::ForbiddenName(_) => true,
            // EXT1, EXT2, EXT4: a class out of a registry, named by a number.
            Self::ForbiddenOpcode { opcode, .. } => matches!(opcode, 0x82..=0x84),
            Self::Malformed { .. } => false,
        }
    }
}

/// The value that `pickle` describes. Needs memory in proportion to its length.
///
/// # Errors
/// [`PickleFault`] for everything that weights do not need, hostile or not.
pub fn load(pickle: &[u8]) -> Result<PyValue, PickleFault> {
    run(pickle).map_err(|fault| {
        // The first thing wrong need not be the worst.
        let worse = if fault.is_hostile() { None } else { suspicion::find(pickle) };
        worse.unwrap_or(fault)
    })
}

/// Whether a pickle of weights may mention this name.
pub(super) fn is_allowed(module: &str, name: &str) -> bool {
    ALLOWED.contains(&(module, name))
}

fn run(pickle: &[u8]) -> Result<PyValue, PickleFault> {
    let mut machine = Machine {
        bytes: pickle,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: BTreeMap::new(),
        room: MAX_COPIED,
    };
    loop {
        if let Some(value) = machine.step()? {
            return Ok(value);
        }
    }
}

/// A value and how deeply it is nested.
type Item = (PyValue, usize);

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Item>,
    marks: Vec<usize>,
    memo: BTreeMap<u32, Option<Item>>,
    /// Bytes that may still be copied by references.
    room: usize,
}

impl Machine<'_> {
    const fn malformed(&self, reason: &'static str) -> PickleFault {
        PickleFault::Malformed { at: self.at, reason }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], PickleFault> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let bytes = *bytes.ok_or_else(|| self.malformed("it ends early"))?;
        self.at += N;
        Ok(bytes)
    }

    fn line(&mut self) -> Result<String, PickleFault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().take(MAX_NAME + 1).position(|byte| *byte == b'\n');
        let line = rest.get(..length.unwrap_or(MAX_NAME)).unwrap_or_default();
        let text = String::from_utf8_lossy(line).into_owned();
        match length {
            Some(length) => self.at += length + 1,
            None if rest.len() > MAX_NAME => return Err(PickleFault::ForbiddenName(text)),
            None => return Err(self.malformed("a name without end")),
        }
        Ok(text)
    }

    fn push(&mut self, value: PyValue) {
        self.stack.push((value, 0));
    }

    fn pop(&mut self) -> Result<Item, PickleFault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let item = if self.stack.len() > floor { self.stack.pop() } else { None };
        item.ok_or_else(|| self.malformed("nothing to take"))
    }

    fn pop_marked(&mut self) -> Result<Vec<Item>, PickleFault> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    /// Pushes a value that holds the `items`.
    fn push_nested(
        &mut self,
        items: Vec<Item>,
        build: impl FnOnce(Vec<PyValue>) -> PyValue,
    ) -> Result<(), PickleFault> {
        let depth = items.iter().map(|(_, depth)| depth + 1).max().unwrap_or(0);
        if depth > MAX_DEPTH {
            return Err(self.malformed("nested too deeply"));
        }
        let values = items.into_iter().map(|(value, _)| value).collect();
        self.stack.push((build(values), depth));
        Ok(())
    }

    /// Runs one instruction; the value once it is complete.
    fn step(&mut self) -> Result<Option<PyValue>, PickleFault> {
        let at = self.at;
        let [opcode] = self.take()?;
        match opcode {
            0x80 => drop(self.take::<1>()?),
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.push(PyValue::None),
            0x88 => self.push(PyValue::Bool(true)),
            0x89 => self.push(PyValue::Bool(false)),
            b'K' | b'M' | b'J' | 0x8a => self.integer(opcode)?,
            b'X' | 0x8c => self.text(opcode)?,
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(&module, &name)?;
            }
            0x93 => self.stack_global()?,
            // A class and its instance in one: nothing that weights need, so it is only named.
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                return Err(PickleFault::ForbiddenName(format!("{module}.{name}")));
            }
            // How much follows; known from the file.
            0x95 => drop(self.take::<8>()?),
            b'q' | b'r' | 0x94 => self.remember(opcode)?,
            b'h' | b'j' => self.recall(opcode)?,
            b')' => self.push(PyValue::Tuple(Vec::new())),
            b't' => {
                let items = self.pop_marked()?;
                self.push_nested(items, PyValue::Tuple)?;
            }
            0x85..=0x87 => self.short_tuple(opcode)?,
            b'}' => self.push(PyValue::Dict(Vec::new())),
            b'R' => self.call()?,
            b'Q' => {
                let id = self.pop()?;
                self.push_nested(vec![id], |mut id| {
                    PyValue::Persistent(Box::new(id.pop().unwrap_or(PyValue::None)))
                })?;
            }
            b's' | b'u' => self.set_items(opcode)?,
            b'b' => self.build()?,
            b'.' => return self.finish().map(Some),
            _unneeded => return Err(PickleFault::ForbiddenOpcode { opcode, at }),
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<PyValue, PickleFault> {
        let (value, _) = self.pop()?;
        let clean = self.stack.is_empty() && self.marks.is_empty();
        if clean && self.at == self.bytes.len() {
            Ok(value)
        } else {
            Err(self.malformed("something is left over"))
        }
    }

    fn integer(&mut self, opcode: u8) -> Result<(), PickleFault> {
        let number = match opcode {
            b'K' => u8::from_le_bytes(self.take()?).into(),
            b'M' => u16::from_le_bytes(self.take()?).into(),
            b'J' => i32::from_le_bytes(self.take()?).into(),
            _long => self.long()?,
        };
        self.push(PyValue::Int(number));
        Ok(())
    }

    fn long(&mut self) -> Result<i64, PickleFault> {
        let [length] = self.take()?;
        let mut bytes = [0; 8];
        let room = bytes.get_mut(..length.into());
        for byte in room.ok_or_else(|| self.malformed("a number of more than 64 bits"))? {
            [*byte] = self.take()?;
        }
        let unused = 64 - 8 * u32::from(length);
        let number = i64::from_le_bytes(bytes);
        Ok(number.checked_shl(unused).and_then(|n| n.checked_shr(unused)).unwrap_or(0))
    }

    fn text(&mut self, opcode: u8) -> Result<(), PickleFault> {
        let length = if opcode == b'X' {
            usize::try_from(u32::from_le_bytes(self.take()?)).unwrap_or(usize::MAX)
        } else {
            self.take::<1>()?[0].into()
        };
        let text = self.bytes.get(self.at..).and_then(|rest| rest.get(..length));
        let text = text.ok_or_else(|| self.malformed("a text longer than the file"))?.to_vec();
        self.at += length;
        self.push(PyValue::Text(text));
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<(), PickleFault> {
        let allowed = ALLOWED.iter().find(|allowed| **allowed == (module, name));
        let (module, name) =
            allowed.ok_or_else(|| PickleFault::ForbiddenName(format!("{module}.{name}")))?;
        self.push(PyValue::Global(module, name));
        Ok(())
    }

    fn stack_global(&mut self) -> Result<(), PickleFault> {
        let (name, module) = (self.pop()?.0, self.pop()?.0);
        let (PyValue::Text(name), PyValue::Text(module)) = (name, module) else {
            return Err(self.malformed("a name that is no text"));
        };
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes.get(..MAX_NAME).unwrap_or(bytes)).into_owned()
        };
        self.global(&text(&module), &text(&name))
    }

    /// Attributes of a dictionary itself (torch's `_metadata`): not part of the weights.
    fn build(&mut self) -> Result<(), PickleFault> {
        let (state, _) = self.pop()?;
        let target = self.stack.last().map(|(target, _)| target);
        if matches!(state, PyValue::Dict(_)) && target.is_some_and(is_mapping) {
            Ok(())
        } else {
            Err(self.malformed("attributes set on something that is no dictionary"))
        }
    }

    fn memo_key(&mut self, short: bool) -> Result<u32, PickleFault> {
        Ok(if short { self.take::<1>()?[0].into() } else { u32::from_le_bytes(self.take()?) })
    }

    fn remember(&mut self, opcode: u8) -> Result<(), PickleFault> {
        let key = if opcode == 0x94 {
            u32::try_from(self.memo.len()).unwrap_or(u32::MAX)
        } else {
            self.memo_key(opcode == b'q')?
        };
        let top = self.stack.last().ok_or_else(|| self.malformed("nothing to remember"))?;
        // What is not shareable takes its number all the same, for `MEMOIZE` counts.
        let top = if is_shareable(&top.0) { Some(top.clone()) } else { None };
        if let Some((value, _)) = &top {
            self.charge(weight(value))?;
        }
        self.memo.insert(key, top);
        Ok(())
    }

    fn charge(&mut self, bytes: usize) -> Result<(), PickleFault> {
        let left = self.room.checked_sub(bytes);
        self.room = left.ok_or_else(|| self.malformed("its references multiply what it holds"))?;
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Result<(), PickleFault> {
        let key = self.memo_key(opcode == b'h')?;
        let item = self.memo.get(&key).cloned().flatten();
        let item = item.ok_or_else(|| self.malformed("refers to nothing that may be shared"))?;
        self.charge(weight(&item.0))?;
        self.stack.push(item);
        Ok(())
    }

    fn short_tuple(&mut self, opcode: u8) -> Result<(), PickleFault> {
        let mut items = Vec::new();
        for _item in 0x85..=opcode {
            items.insert(0, self.pop()?);
        }
        self.push_nested(items, PyValue::Tuple)
    }

    fn call(&mut self) -> Result<(), PickleFault> {
        let (arguments, depth) = self.pop()?;
        let (callable, _) = self.pop()?;
        match (callable, arguments) {
            (callable @ PyValue::Global(..), PyValue::Tuple(arguments)) => {
                let call = PyValue::Call(Box::new(callable), arguments);
                self.stack.push((call, depth));
                Ok(())
            }
            _other => Err(self.malformed("a call of something that has no name")),
        }
    }

    fn set_items(&mut self, opcode: u8) -> Result<(), PickleFault> {
        let items = if opcode == b'u' {
            self.pop_marked()?
        } else {
            let value = self.pop()?;
            vec![self.pop()?, value]
        };
        let (target, own_depth) = self.pop()?;
        let depth = items.iter().map(|(_, depth)| depth + 1).max().unwrap_or(0).max(own_depth);
        let mut pairs = Vec::new();
        let mut values = items.into_iter().map(|(value, _)| value);
        while let Some(key) = values.next() {
            pairs.push((key, values.next().ok_or_else(|| self.malformed("a key without value"))?));
        }
        let filled = if let PyValue::Dict(mut own) = target {
            own.append(&mut pairs);
            PyValue::Dict(own)
        } else if let PyValue::Filled(mapping, mut own) = target {
            own.append(&mut pairs);
            PyValue::Filled(mapping, own)
        } else if is_mapping(&target) {
            PyValue::Filled(Box::new(target), pairs)
        } else {
            return Err(self.malformed("items set on something that has none"));
        };
        if depth > MAX_DEPTH {
            return Err(self.malformed("nested too deeply"));
        }
        self.stack.push((filled, depth));
        Ok(())
    }
}

/// Whether a value is a dictionary, as far as weights know any.
fn is_mapping(value: &PyValue) -> bool {
    match value {
        PyValue::Dict(_) => true,
        PyValue::Filled(mapping, _) => is_mapping(mapping),
        PyValue::Call(class, arguments) => {
            arguments.is_empty() && **class == PyValue::Global("collections", "OrderedDict")
        }
        PyValue::None
        | PyValue::Bool(_)
        | PyValue::Int(_)
        | PyValue::BigInt(_)
        | PyValue::Float(_)
        | PyValue::Text(_)
        | PyValue::List(_)
        | PyValue::Tuple(_)
        | PyValue::Global(..)
        | PyValue::Object(..)
        | PyValue::Persistent(_) => false,
    }
}

/// About what a copy of a shareable value takes, in bytes.
fn weight(value: &PyValue) -> usize {
    let own = size_of::<Item>();
    if let PyValue::Tuple(items) = value {
        own + items.iter().map(weight).sum::<usize>()
    } else if let PyValue::Text(text) = value {
        own + text.len()
    } else {
        own
    }
}

/// Whether a value is small enough to be copied wherever the pickle refers to it.
fn is_shareable(value: &PyValue) -> bool {
    if let PyValue::Tuple(items) = value {
        items.len() <= MAX_SHARED && items.iter().all(is_leaf)
    } else {
        is_leaf(value)
    }
}

fn is_leaf(value: &PyValue) -> bool {
    if let PyValue::Text(text) = value {
        text.len() <= MAX_SHARED_TEXT
    } else {
        matches!(value, PyValue::Global(..) | PyValue::Int(_) | PyValue::None)
    }
}
