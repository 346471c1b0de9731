//! Short ways to make and change Python values.

use crate::model::pickle::PyValue;

/// An object with these entries.
pub(super) fn object<const N: usize>(entries: [(&str, PyValue); N]) -> PyValue {
    PyValue::Dict(entries.into_iter().map(|(key, value)| (PyValue::text(key), value)).collect())
}

/// What `make` gives of `value`, or `null`.
pub(super) fn maybe<T>(value: Option<T>, make: impl FnOnce(T) -> PyValue) -> PyValue {
    value.map_or(PyValue::None, make)
}

/// A count.
pub(super) fn count(number: u64) -> PyValue {
    i64::try_from(number).map_or_else(|_large| PyValue::BigInt(number.to_string()), PyValue::Int)
}

/// The value under `name` of an object, made `null` when it is missing; none of anything else.
pub(super) fn entry<'a>(object: &'a mut PyValue, name: &str) -> Option<&'a mut PyValue> {
    let PyValue::Dict(entries) = object else { return None };
    let is_it = |(key, _): &(PyValue, PyValue)| matches!(key, PyValue::Text(text) if text == name.as_bytes());
    let place = entries.iter().rposition(is_it).unwrap_or_else(|| {
        entries.push((PyValue::text(name), PyValue::None));
        entries.len() - 1
    });
    entries.get_mut(place).map(|(_, value)| value)
}

/// Puts `value` under `name`, where that was or at the end.
pub(super) fn set(object: &mut PyValue, name: &str, value: PyValue) {
    if let Some(place) = entry(object, name) {
        *place = value;
    }
}

/// Adds `items` to a list, of which the newest `keep` stay.
pub(super) fn extend(list: &mut PyValue, items: Vec<PyValue>, keep: usize) {
    if items.is_empty() {
        return;
    }
    if !matches!(list, PyValue::List(_)) {
        *list = PyValue::List(Vec::new());
    }
    if let PyValue::List(present) = list {
        present.extend(items);
        let surplus = present.len().saturating_sub(keep);
        present.drain(..surplus);
    }
}
