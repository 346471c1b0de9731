//! Reads a value of the shape that is expected, and names the place where it has another.

use crate::model::pickle::PyValue;
use std::fmt;

/// Where a value is in its file: names and places from the outermost on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Name(String),
    Place(usize),
}

/// A value of another shape than its file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShapeFault {
    /// Where.
    pub(super) path: Path,
    /// What is due there.
    pub(super) due: &'static str,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct At<'a> {
    pub(super) value: &'a PyValue,
    pub(super) path: Path,
}

impl Path {
    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if place == 0 => f.write_str(name)?,
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Place(place) => write!(f, "[{place}]")?,
            }
        }
        if self.0.is_empty() { f.write_str("the whole file") } else { Ok(()) }
    }
}

impl<'a> At<'a> {
    pub(super) fn top(value: &'a PyValue) -> Self {
        Self { value, path: Path::default() }
    }

    fn fault(&self, due: &'static str) -> ShapeFault {
        ShapeFault { path: self.path.clone(), due }
    }

    fn inner(&self, step: Step, value: &'a PyValue) -> Self {
        let mut path = self.path.clone();
        path.0.push(step);
        Self { value, path }
    }

    /// The value under `name`; `null` when the key is missing, as Python's `get` gives it.
    pub(super) fn field(&self, name: &str) -> Result<Self, ShapeFault> {
        let PyValue::Dict(items) = self.value else { return Err(self.fault("an object is due")) };
        let named = |key: &PyValue| matches!(key, PyValue::Text(text) if text == name.as_bytes());
        let found = items.iter().rev().find(|(key, _)| named(key));
        let value = found.map_or(&PyValue::None, |(_, value)| value);
        Ok(self.inner(Step::Name(name.to_owned()), value))
    }

    pub(super) fn items(&self) -> Result<Vec<Self>, ShapeFault> {
        let PyValue::List(items) = self.value else { return Err(self.fault("a list is due")) };
        let numbered = items.iter().enumerate();
        Ok(numbered.map(|(place, value)| self.inner(Step::Place(place), value)).collect())
    }

    /// The entries of an object whose keys are names.
    pub(super) fn entries(&self) -> Result<Vec<(String, Self)>, ShapeFault> {
        let PyValue::Dict(items) = self.value else { return Err(self.fault("an object is due")) };
        let named = items.iter().map(|(key, value)| {
            let PyValue::Text(text) = key else {
                return Err(self.fault("an object with names is due"));
            };
            let name = String::from_utf8_lossy(text).into_owned();
            Ok((name.clone(), self.inner(Step::Name(name), value)))
        });
        named.collect()
    }

    pub(super) fn is_null(&self) -> bool {
        *self.value == PyValue::None
    }

    pub(super) fn text(&self) -> Result<String, ShapeFault> {
        let PyValue::Text(text) = self.value else { return Err(self.fault("a text is due")) };
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// A time as Python's `isoformat` writes one without a zone; the text, which can be read.
    pub(super) fn local_time(&self) -> Result<String, ShapeFault> {
        let text = self.text()?;
        match text.parse::<jiff::civil::DateTime>() {
            Ok(_) => Ok(text),
            Err(_) => Err(self.fault("a local time is due, such as 2025-11-17T18:00:00")),
        }
    }

    pub(super) fn integer(&self) -> Result<i64, ShapeFault> {
        let PyValue::Int(number) = self.value else {
            return Err(self.fault("a whole number is due"));
        };
        Ok(*number)
    }

    /// A number, whole or not; what Python writes for infinities and NaN too.
    pub(super) fn number(&self) -> Result<f64, ShapeFault> {
        if let PyValue::Float(number) = self.value {
            return Ok(*number);
        }
        let due = || self.fault("a number is due");
        let whole = self.integer().map_err(|_another_kind| due())?;
        whole.to_string().parse().map_err(|_unread: std::num::ParseFloatError| due())
    }

    /// What `read` gives, or none for `null`.
    pub(super) fn optional<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, ShapeFault>,
    ) -> Result<Option<T>, ShapeFault> {
        if self.is_null() { Ok(None) } else { read(self).map(Some) }
    }
}
