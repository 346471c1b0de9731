//! A pickle reader that can build a state_dict of f32 tensors and nothing else.
//!
//! Pickle is a program; this machine knows the few instructions that `torch.save` uses and an
//! allow-list of the names it refers to. Everything else is refused by name. Nothing is ever
//! executed. Opcodes: CPython's `pickletools`.

use std::collections::BTreeMap;

/// Most things on the stack, and most instructions: a network has a few dozen tensors.
const STACK_MAX: usize = 100_000;
const STEPS_MAX: usize = 1_000_000;

/// Names a state_dict may refer to.
const ALLOWED: [(&str, &str); 3] = [
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch", "FloatStorage"),
];

/// Where a tensor's numbers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorRef {
    /// Its name.
    pub name: String,
    /// Key of the storage that holds its numbers.
    pub storage: String,
    /// First number.
    pub offset: usize,
    /// Length of each dimension.
    pub shape: Vec<usize>,
}

/// Why a pickle is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpickleError {
    /// It refers to something that is no tensor: perhaps an attack.
    #[error("the pickle refers to `{0}`, which no model needs; do not use this file")]
    Forbidden(String),
    /// An instruction that torch does not write.
    #[error("the pickle has the unknown instruction 0x{0:02x}; it was not written by torch.save")]
    Instruction(u8),
    /// It ends early, or its instructions do not fit together.
    #[error("the pickle is malformed ({0}); write the model again")]
    Malformed(&'static str),
}

impl TensorRef {
    /// The tensor's numbers out of its storage's bytes; nothing when it lies outside.
    pub fn slice(&self, bytes: &[u8]) -> Option<Vec<f32>> {
        let count = self.shape.iter().try_fold(1_usize, |all, side| all.checked_mul(*side))?;
        let start = self.offset.checked_mul(4)?;
        let end = start.checked_add(count.checked_mul(4)?)?;
        let number = |four: &[u8]| Some(f32::from_le_bytes(four.try_into().ok()?));
        bytes.get(start..end)?.chunks_exact(4).map(number).collect()
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Mark,
    Nothing,
    Int(i64),
    Text(String),
    Global(&'static str),
    Tuple(Vec<Self>),
    Dict(Vec<(Self, Self)>),
    Storage(String),
    Tensor { storage: String, offset: usize, shape: Vec<usize> },
}

/// The tensors of a pickled state_dict, in order.
///
/// # Errors
/// [`UnpickleError`].
pub fn state_dict(bytes: &[u8]) -> Result<Vec<TensorRef>, UnpickleError> {
    let Item::Dict(pairs) = Machine::new(bytes).run()? else {
        return Err(UnpickleError::Malformed("it holds no state_dict"));
    };
    pairs
        .into_iter()
        .map(|pair| match pair {
            (Item::Text(name), Item::Tensor { storage, offset, shape }) => {
                Ok(TensorRef { name, storage, offset, shape })
            }
            _ => Err(UnpickleError::Malformed("something in it is no named tensor")),
        })
        .collect()
}

struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Item>,
    memo: BTreeMap<u32, Item>,
}

impl<'a> Machine<'a> {
    const fn new(rest: &'a [u8]) -> Self {
        Self { rest, stack: Vec::new(), memo: BTreeMap::new() }
    }

    fn run(mut self) -> Result<Item, UnpickleError> {
        for _ in 0..STEPS_MAX {
            let opcode = self.byte()?;
            if opcode == b'.' {
                return self.pop();
            }
            self.step(opcode)?;
        }
        Err(UnpickleError::Malformed("it is too long"))
    }

    fn step(&mut self, opcode: u8) -> Result<(), UnpickleError> {
        match opcode {
            0x80 => self.byte().map(drop),
            b'c' => self.global(),
            b'(' => self.push(Item::Mark),
            b')' => self.push(Item::Tuple(Vec::new())),
            b'}' => self.push(Item::Dict(Vec::new())),
            b'N' | 0x88 | 0x89 => self.push(Item::Nothing),
            b'K' => self.byte().and_then(|byte| self.push(Item::Int(byte.into()))),
            b'M' => self.array().and_then(|b| self.push(Item::Int(u16::from_le_bytes(b).into()))),
            b'J' => self.array().and_then(|b| self.push(Item::Int(i32::from_le_bytes(b).into()))),
            b'X' => self.text(),
            b'q' => self.byte().and_then(|key| self.remember(key.into())),
            b'r' => self.array().and_then(|key| self.remember(u32::from_le_bytes(key))),
            b'h' => self.byte().and_then(|key| self.recall(key.into())),
            b'j' => self.array().and_then(|key| self.recall(u32::from_le_bytes(key))),
            b't' => self.since_mark().and_then(|items| self.push(Item::Tuple(items))),
            0x85..=0x87 => self.last(usize::from(opcode - 0x84)),
            b'Q' => self.storage(),
            b'R' => self.reduce(),
            b's' => self.set_last(),
            b'u' => self.set_since_mark(),
            unknown => Err(UnpickleError::Instruction(unknown)),
        }
    }

    fn byte(&mut self) -> Result<u8, UnpickleError> {
        let (byte, rest) =
            self.rest.split_first().ok_or(UnpickleError::Malformed("it ends early"))?;
        self.rest = rest;
        Ok(*byte)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], UnpickleError> {
        let (bytes, rest) =
            self.rest.split_at_checked(count).ok_or(UnpickleError::Malformed("it ends early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], UnpickleError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_length| UnpickleError::Malformed("it ends early"))
    }

    fn line(&mut self) -> Result<&'a str, UnpickleError> {
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let bytes = self.take(end.ok_or(UnpickleError::Malformed("it ends early"))?)?;
        self.byte()?;
        std::str::from_utf8(bytes)
            .map_err(|_not_text| UnpickleError::Malformed("a name is no text"))
    }

    fn push(&mut self, item: Item) -> Result<(), UnpickleError> {
        if self.stack.len() >= STACK_MAX {
            return Err(UnpickleError::Malformed("it is too deep"));
        }
        self.stack.push(item);
        Ok(())
    }

    fn pop(&mut self) -> Result<Item, UnpickleError> {
        self.stack.pop().ok_or(UnpickleError::Malformed("its stack is empty"))
    }

    fn global(&mut self) -> Result<(), UnpickleError> {
        let (module, name) = (self.line()?, self.line()?);
        let known = ALLOWED.iter().find(|allowed| **allowed == (module, name));
        let (_, name) =
            known.ok_or_else(|| UnpickleError::Forbidden(format!("{module}.{name}")))?;
        self.push(Item::Global(name))
    }

    fn text(&mut self) -> Result<(), UnpickleError> {
        let length = u32::from_le_bytes(self.array()?);
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        let text = std::str::from_utf8(bytes)
            .map_err(|_not_text| UnpickleError::Malformed("a string is no text"))?;
        self.push(Item::Text(text.to_owned()))
    }

    fn remember(&mut self, key: u32) -> Result<(), UnpickleError> {
        let top = self.stack.last().ok_or(UnpickleError::Malformed("its stack is empty"))?;
        self.memo.insert(key, top.clone());
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<(), UnpickleError> {
        let item = self.memo.get(&key).ok_or(UnpickleError::Malformed("it recalls nothing"))?;
        let item = item.clone();
        self.push(item)
    }

    fn since_mark(&mut self) -> Result<Vec<Item>, UnpickleError> {
        let mark = self.stack.iter().rposition(|item| *item == Item::Mark);
        let mark = mark.ok_or(UnpickleError::Malformed("a mark is missing"))?;
        let items = self.stack.split_off(mark);
        Ok(items.into_iter().skip(1).collect())
    }

    fn last(&mut self, count: usize) -> Result<(), UnpickleError> {
        let start = self.stack.len().checked_sub(count);
        let start = start.ok_or(UnpickleError::Malformed("its stack is empty"))?;
        let items = self.stack.split_off(start);
        self.push(Item::Tuple(items))
    }

    /// A persistent id: ('storage', type, key, device, count).
    fn storage(&mut self) -> Result<(), UnpickleError> {
        const WRONG: UnpickleError = UnpickleError::Malformed("a storage is not described right");
        let Item::Tuple(parts) = self.pop()? else { return Err(WRONG) };
        match parts.as_slice() {
            [
                Item::Text(tag),
                Item::Global("FloatStorage"),
                Item::Text(key),
                Item::Text(_),
                Item::Int(_),
            ] if tag == "storage" => self.push(Item::Storage(key.clone())),
            _ => Err(WRONG),
        }
    }

    fn reduce(&mut self) -> Result<(), UnpickleError> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let (Item::Global(name), Item::Tuple(arguments)) = (callee, arguments) else {
            return Err(UnpickleError::Malformed("it calls what is no name"));
        };
        match (name, arguments.as_slice()) {
            ("OrderedDict", []) => self.push(Item::Dict(Vec::new())),
            (
                "_rebuild_tensor_v2",
                [
                    Item::Storage(storage),
                    Item::Int(offset),
                    Item::Tuple(shape),
                    Item::Tuple(strides),
                    ..,
                ],
            ) => {
                let (shape, strides) = (sizes(shape)?, sizes(strides)?);
                if !is_contiguous(&shape, &strides) {
                    return Err(UnpickleError::Malformed("a tensor is not contiguous"));
                }
                let (storage, offset) = (storage.clone(), size(*offset)?);
                self.push(Item::Tensor { storage, offset, shape })
            }
            _ => Err(UnpickleError::Malformed("it calls a name with other arguments than torch")),
        }
    }

    fn set_last(&mut self) -> Result<(), UnpickleError> {
        let (value, key) = (self.pop()?, self.pop()?);
        self.set(vec![key, value])
    }

    fn set_since_mark(&mut self) -> Result<(), UnpickleError> {
        let items = self.since_mark()?;
        self.set(items)
    }

    fn set(&mut self, items: Vec<Item>) -> Result<(), UnpickleError> {
        let Some(Item::Dict(pairs)) = self.stack.last_mut() else {
            return Err(UnpickleError::Malformed("it fills what is no dictionary"));
        };
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            pairs.push((key, value));
        }
        Ok(())
    }
}

fn size(number: i64) -> Result<usize, UnpickleError> {
    usize::try_from(number).map_err(|_negative| UnpickleError::Malformed("a size is negative"))
}

fn sizes(items: &[Item]) -> Result<Vec<usize>, UnpickleError> {
    items
        .iter()
        .map(|item| {
            let Item::Int(number) = item else {
                return Err(UnpickleError::Malformed("a size is no number"));
            };
            size(*number)
        })
        .collect()
}

/// Whether strides are those of a row-major tensor; sides of length 1 may have any.
fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1_usize;
    shape.len() == strides.len()
        && shape.iter().zip(strides).rev().all(|(side, stride)| {
            let fits = *side == 1 || *stride == expected;
            expected = expected.saturating_mul(*side);
            fits
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pickle_that_would_run_a_command_is_refused_by_name() {
        let evil = b"\x80\x02cos\nsystem\n(X\x02\x00\x00\x00idtR.";
        assert_eq!(state_dict(evil), Err(UnpickleError::Forbidden("os.system".into())));
    }

    #[test]
    fn nonsense_is_refused_without_harm() {
        for bytes in [
            &b""[..],
            b".",
            b"\x80\x02}.",
            b"(((",
            b"X\xff\xff\xff\xffa",
            b"h\x07.",
            b"\x80\x02I01\n.",
            b"ccollections\nOrderedDict\n)RK\x01K\x02s.",
        ] {
            let empty = state_dict(bytes);
            assert!(empty.is_err() || empty == Ok(Vec::new()), "{bytes:?}: {empty:?}");
        }
    }
}
