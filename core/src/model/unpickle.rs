//! Reads a pickle as plain data. A pickle is a program for a small machine; here nothing it asks
//! for is ever called: calls are written down, and only of the few names that weights need.
//!
//! Source of the opcodes: `Lib/pickletools.py` of CPython; of what weights need: `torch.save`.

use super::pickle::PyValue;
use std::collections::BTreeMap;

/// Deepest nesting that is built.
const MAX_DEPTH: usize = 24;
/// Longest tuple that may be referred to twice, so that references cannot multiply memory.
const MAX_SHARED: usize = 16;

/// The names a pickle of weights may mention.
const ALLOWED: [(&str, &str); 3] = [
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch", "FloatStorage"),
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

/// The value that `pickle` describes.
///
/// # Errors
/// [`PickleFault`] for everything that weights do not need, hostile or not.
pub fn load(pickle: &[u8]) -> Result<PyValue, PickleFault> {
    let mut machine = Machine {
        bytes: pickle,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: BTreeMap::new(),
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
    memo: BTreeMap<u32, Item>,
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
        let length = rest.iter().take(200).position(|byte| *byte == b'\n');
        let length = length.ok_or_else(|| self.malformed("a name without end"))?;
        let line = rest.get(..length).unwrap_or_default();
        self.at += length + 1;
        Ok(String::from_utf8_lossy(line).into_owned())
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
            b'X' => self.text()?,
            b'c' => self.global()?,
            b'q' | b'r' => self.remember(opcode)?,
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
            // Attributes of the dictionary itself (torch's `_metadata`): not part of the weights.
            b'b' => drop(self.pop()?),
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

    fn text(&mut self) -> Result<(), PickleFault> {
        let length = usize::try_from(u32::from_le_bytes(self.take()?)).unwrap_or(usize::MAX);
        let text = self.bytes.get(self.at..).and_then(|rest| rest.get(..length));
        let text = text.ok_or_else(|| self.malformed("a text longer than the file"))?.to_vec();
        self.at += length;
        self.push(PyValue::Text(text));
        Ok(())
    }

    fn global(&mut self) -> Result<(), PickleFault> {
        let (module, name) = (self.line()?, self.line()?);
        let allowed = ALLOWED.iter().find(|allowed| **allowed == (&module, &name));
        let (module, name) =
            allowed.ok_or_else(|| PickleFault::ForbiddenName(format!("{module}.{name}")))?;
        self.push(PyValue::Global(module, name));
        Ok(())
    }

    fn memo_key(&mut self, short: bool) -> Result<u32, PickleFault> {
        Ok(if short { self.take::<1>()?[0].into() } else { u32::from_le_bytes(self.take()?) })
    }

    fn remember(&mut self, opcode: u8) -> Result<(), PickleFault> {
        let key = self.memo_key(opcode == b'q')?;
        let top = self.stack.last().ok_or_else(|| self.malformed("nothing to remember"))?;
        if is_shareable(&top.0) {
            self.memo.insert(key, top.clone());
        }
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Result<(), PickleFault> {
        let key = self.memo_key(opcode == b'h')?;
        let item = self.memo.get(&key).cloned();
        let item = item.ok_or_else(|| self.malformed("refers to nothing that may be shared"))?;
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
        } else if matches!(target, PyValue::Call(..)) {
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
        text.len() <= 256
    } else {
        matches!(value, PyValue::Global(..) | PyValue::Int(_) | PyValue::None)
    }
}
