//! The numbers in a pickled `optuna.trial.FrozenTrial`: the parameters that a model was trained
//! with. As everywhere here, nothing that a pickle asks for is called: what is no number or text
//! under a name is passed over unseen.
//!
//! Source of the opcodes: `Lib/pickletools.py` of CPython, protocols 2 to 5.

use std::collections::BTreeMap;

/// Why a file is no trial.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrozenTrialFault {
    /// It ends early, contradicts itself, or uses an instruction that a trial does not need.
    #[error("it is no pickled trial: {reason} at byte {at}")]
    Malformed {
        /// Offset in bytes.
        at: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A pickle of something else.
    #[error("it is a pickle, but of no Optuna trial: it has no parameters")]
    NoTrial,
}

/// The trial's parameters that are numbers (`True` and `False` are 1 and 0), by name.
///
/// # Errors
/// [`FrozenTrialFault`].
pub fn params(pickle: &[u8]) -> Result<BTreeMap<String, f64>, FrozenTrialFault> {
    let mut machine = Machine { bytes: pickle, ..Machine::default() };
    let trial = loop {
        if let Some(value) = machine.step()? {
            break value;
        }
    };
    let Plain::Names(attributes) = trial else { return Err(FrozenTrialFault::NoTrial) };
    let found = |wanted: &str| {
        let mut attributes = attributes.iter();
        match attributes.find(|(name, _)| name == wanted) {
            Some((_, Plain::Names(pairs))) => Some(pairs.iter().filter_map(number)),
            Some(_) | None => None,
        }
    };
    let params = found("_params").ok_or(FrozenTrialFault::NoTrial)?;
    // What was drawn counts more than what somebody wrote beside it.
    Ok(found("_user_attrs").into_iter().flatten().chain(params).collect())
}

fn number((name, value): &(String, Plain)) -> Option<(String, f64)> {
    if let Plain::Number(number) = value { Some((name.clone(), *number)) } else { None }
}

/// What is kept of a value.
#[derive(Clone, Debug)]
enum Plain {
    Number(f64),
    Text(String),
    /// A dictionary with names, or an object with such attributes.
    Names(Vec<(String, Plain)>),
    /// Anything else.
    Unseen,
}

#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Plain>,
    marks: Vec<usize>,
    memo: BTreeMap<u32, Plain>,
}

type Outcome<T> = Result<T, FrozenTrialFault>;

impl Machine<'_> {
    const fn malformed(&self, reason: &'static str) -> FrozenTrialFault {
        FrozenTrialFault::Malformed { at: self.at, reason }
    }

    fn skip(&mut self, length: usize) -> Outcome<&[u8]> {
        let end = self.at.checked_add(length);
        let bytes = end.and_then(|end| self.bytes.get(self.at..end));
        let bytes = bytes.ok_or_else(|| self.malformed("it ends early"))?;
        self.at += length;
        Ok(bytes)
    }

    fn take<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let short = self.malformed("it ends early");
        self.skip(N)?.first_chunk().copied().ok_or(short)
    }

    fn length(&mut self) -> Outcome<usize> {
        Ok(usize::try_from(u32::from_le_bytes(self.take()?)).unwrap_or(usize::MAX))
    }

    fn line(&mut self) -> Outcome<String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n');
        let length = length.ok_or_else(|| self.malformed("a line without end"))?;
        let line = String::from_utf8_lossy(self.skip(length)?).into_owned();
        self.skip(1)?;
        Ok(line)
    }

    fn push(&mut self, value: Plain) {
        self.stack.push(value);
    }

    fn pop(&mut self) -> Outcome<Plain> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let value = if self.stack.len() > floor { self.stack.pop() } else { None };
        value.ok_or_else(|| self.malformed("nothing to take"))
    }

    fn pop_marked(&mut self) -> Outcome<Vec<Plain>> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    /// Replaces so many values by one that is passed over.
    fn fold(&mut self, count: u8) -> Outcome<()> {
        for _value in 0..count {
            self.pop()?;
        }
        self.push(Plain::Unseen);
        Ok(())
    }

    /// Runs one instruction; the value once it is complete.
    fn step(&mut self) -> Outcome<Option<Plain>> {
        let [opcode] = self.take()?;
        match opcode {
            0x80 => drop(self.skip(1)?),
            0x95 => drop(self.skip(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'N' | b']' | b')' | 0x8f => self.push(Plain::Unseen),
            b'}' => self.push(Plain::Names(Vec::new())),
            0x88 | 0x89 => self.push(Plain::Number(f64::from(u8::from(opcode == 0x88)))),
            b'K' | b'M' | b'J' | 0x8a | b'L' | b'G' => self.number(opcode)?,
            0x8c | b'X' => self.text(opcode)?,
            b'C' | b'B' => self.bytes_unseen(opcode)?,
            b'c' => {
                self.line()?;
                self.line()?;
                self.push(Plain::Unseen);
            }
            0x93 | 0x81 | b'R' | 0x86 => self.fold(2)?,
            0x85 => self.fold(1)?,
            0x87 => self.fold(3)?,
            b't' => {
                self.pop_marked()?;
                self.push(Plain::Unseen);
            }
            b'e' | 0x90 => drop(self.pop_marked()?),
            b'a' => drop(self.pop()?),
            b's' | b'u' => self.set_items(opcode)?,
            b'b' => self.build()?,
            0x94 | b'q' | b'r' => self.remember(opcode)?,
            b'h' | b'j' => self.recall(opcode)?,
            b'.' => return self.pop().map(Some),
            _unneeded => return Err(self.malformed("an instruction that no trial needs")),
        }
        Ok(None)
    }

    fn number(&mut self, opcode: u8) -> Outcome<()> {
        let number = match opcode {
            b'K' => f64::from(u8::from_le_bytes(self.take()?)),
            b'M' => f64::from(u16::from_le_bytes(self.take()?)),
            b'J' => f64::from(i32::from_le_bytes(self.take()?)),
            b'G' => f64::from_be_bytes(self.take()?),
            b'L' => self.line()?.trim_end_matches('L').parse().unwrap_or(f64::NAN),
            // Longer than 32 bits: no parameter that a model is trained with.
            _long => {
                let [length] = self.take()?;
                self.skip(length.into())?;
                f64::NAN
            }
        };
        self.push(if number.is_finite() { Plain::Number(number) } else { Plain::Unseen });
        Ok(())
    }

    fn text(&mut self, opcode: u8) -> Outcome<()> {
        let length =
            if opcode == b'X' { self.length()? } else { usize::from(self.take::<1>()?[0]) };
        let text = String::from_utf8_lossy(self.skip(length)?).into_owned();
        self.push(Plain::Text(text));
        Ok(())
    }

    fn bytes_unseen(&mut self, opcode: u8) -> Outcome<()> {
        let length =
            if opcode == b'B' { self.length()? } else { usize::from(self.take::<1>()?[0]) };
        self.skip(length)?;
        self.push(Plain::Unseen);
        Ok(())
    }

    fn set_items(&mut self, opcode: u8) -> Outcome<()> {
        let items = if opcode == b'u' {
            self.pop_marked()?
        } else {
            let value = self.pop()?;
            vec![self.pop()?, value]
        };
        let target = self.stack.last_mut();
        if let Some(Plain::Names(names)) = target {
            let mut values = items.into_iter();
            while let (Some(key), Some(value)) = (values.next(), values.next()) {
                if let Plain::Text(name) = key {
                    names.push((name, shallow(value)));
                }
            }
        }
        Ok(())
    }

    /// An object gets its attributes: they are what is kept of it.
    fn build(&mut self) -> Outcome<()> {
        let attributes = self.pop()?;
        self.pop()?;
        self.push(attributes);
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Outcome<()> {
        let key = match opcode {
            0x94 => u32::try_from(self.memo.len()).unwrap_or(u32::MAX),
            b'q' => self.take::<1>()?[0].into(),
            _long => u32::from_le_bytes(self.take()?),
        };
        let top = self.stack.last().ok_or_else(|| self.malformed("nothing to remember"))?;
        let kept = if matches!(top, Plain::Names(_)) { Plain::Unseen } else { top.clone() };
        self.memo.insert(key, kept);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Outcome<()> {
        let key = if opcode == b'h' {
            self.take::<1>()?[0].into()
        } else {
            u32::from_le_bytes(self.take()?)
        };
        let value = self.memo.get(&key).cloned();
        let value = value.ok_or_else(|| self.malformed("refers to nothing"))?;
        self.push(value);
        Ok(())
    }
}

/// Keeps dictionaries within dictionaries, and nothing deeper: that is where the parameters are.
fn shallow(value: Plain) -> Plain {
    let is_deep = if let Plain::Names(names) = &value {
        names.iter().any(|(_, inner)| matches!(inner, Plain::Names(_)))
    } else {
        false
    };
    if is_deep { Plain::Unseen } else { value }
}

#[cfg(test)]
mod tests {
    use super::super::best_trial::best_trial_pickle;
    use super::*;
    use crate::words::ids::{TrialId, TrialNumber};
    use crate::words::trial::{Distribution, Param, TrialDetail, TrialState};

    /// Python 3.11 wrote it with protocol 4 (`tests/python/make_frozen_trial.py`).
    const PYTHON: &[u8] = include_bytes!("../../../tests/golden/paper/best_trial");

    #[test]
    fn a_trial_pickled_by_optuna_tells_its_parameters() {
        let found = params(PYTHON).unwrap();
        let known = [("lookback", 5.0), ("norm_action", 11_000.0), ("norm_cash_exp", -12.0)];
        for (name, number) in known.into_iter().chain([("min_cash_reserve", 0.05)]) {
            assert!((found[name] - number).abs() < 1e-12, "{name}");
        }
        assert!(!found.contains_key("model_name"), "a text is no number");
    }

    #[test]
    fn our_own_pickle_tells_the_same() {
        let int = Distribution::Int { low: 1, high: 6, log: false, step: 1 };
        let trial = TrialDetail {
            trial_id: TrialId(2),
            number: TrialNumber(1),
            state: TrialState::Complete,
            values: vec![],
            datetime_start: Some("2026-01-02 03:04:05.000006".into()),
            datetime_complete: None,
            params: vec![Param { name: "lookback".into(), internal: 4.0, distribution: int }],
            user_attrs: vec![],
            system_attrs: vec![],
            intermediate_values: vec![],
        };
        let pickle = best_trial_pickle(&trial, &[("name_folder", "x")]).unwrap();
        assert_eq!(params(&pickle).unwrap(), [("lookback".to_owned(), 4.0)].into());
    }

    #[test]
    fn nonsense_and_other_pickles_are_refused() {
        assert_eq!(params(b"\x80\x04N."), Err(FrozenTrialFault::NoTrial));
        assert_eq!(params(b"\x80\x04}."), Err(FrozenTrialFault::NoTrial));
        for cut in 0..PYTHON.len() {
            assert!(params(&PYTHON[..cut]).is_err());
        }
        let mut spoilt = PYTHON.to_vec();
        for place in 0..spoilt.len() {
            spoilt[place] ^= 0x5A;
            let _any_answer = params(&spoilt).is_ok();
            spoilt[place] ^= 0x5A;
        }
    }
}
