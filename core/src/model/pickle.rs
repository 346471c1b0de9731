//! Python values, and how they are written as a pickle (protocol 2). Nothing here reads a pickle.
//!
//! Source of the opcodes: `Lib/pickletools.py` of CPython.

/// A value as Python knows it.
#[derive(Clone, Debug, PartialEq)]
pub enum PyValue {
    /// `None`
    None,
    /// `bool`
    Bool(bool),
    /// `int` that fits into 64 bits.
    Int(i64),
    /// `int` of any size: an optional `-` and decimal digits.
    BigInt(String),
    /// `float`
    Float(f64),
    /// `str` as UTF-8, in which a lone surrogate stands as its three bytes.
    Text(Vec<u8>),
    /// `list`
    List(Vec<PyValue>),
    /// `tuple`
    Tuple(Vec<PyValue>),
    /// `dict`, in order; of two equal keys the later wins, as in Python.
    Dict(Vec<(PyValue, PyValue)>),
    /// A class or function: module and name.
    Global(&'static str, &'static str),
    /// What calling the first with the arguments gives.
    Call(Box<PyValue>, Vec<PyValue>),
    /// An instance of the class, with these attributes and without a call of its constructor.
    Object(Box<PyValue>, Vec<(&'static str, PyValue)>),
    /// The value that the reader knows under this id (`persistent_id`).
    Persistent(Box<PyValue>),
    /// The first, after its items were set as those of a mapping.
    Filled(Box<PyValue>, Vec<(PyValue, PyValue)>),
}

impl PyValue {
    /// A `str`.
    pub fn text(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }
}

impl From<u32> for PyValue {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

/// Writes `value` as a pickle that Python 2.3 and later load.
pub fn dump(value: &PyValue) -> Vec<u8> {
    let mut out = vec![0x80, 2];
    put(&mut out, value);
    out.push(b'.');
    out
}

fn put(out: &mut Vec<u8>, value: &PyValue) {
    match value {
        PyValue::None => out.push(b'N'),
        PyValue::Bool(true) => out.push(0x88),
        PyValue::Bool(false) => out.push(0x89),
        PyValue::Int(number) => put_int(out, *number),
        PyValue::BigInt(digits) => put_line(out, b'L', &[digits, "L"]),
        PyValue::Float(number) => put_bytes(out, b'G', &number.to_be_bytes()),
        PyValue::Text(text) => {
            // The format has 32 bits for a length; nothing that is handed over comes near.
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            put_bytes(out, b'X', &length.to_le_bytes());
            out.extend(text.iter().take(usize::try_from(length).unwrap_or(usize::MAX)));
        }
        PyValue::List(items) => {
            out.push(b']');
            put_marked(out, items, b'e');
        }
        PyValue::Tuple(items) if items.is_empty() => out.push(b')'),
        PyValue::Tuple(items) => put_marked(out, items, b't'),
        PyValue::Dict(items) => {
            out.push(b'}');
            put_items(out, items);
        }
        PyValue::Global(module, name) => put_line(out, b'c', &[module, "\n", name]),
        PyValue::Call(callable, arguments) => {
            put(out, callable);
            put(out, &PyValue::Tuple(arguments.clone()));
            out.push(b'R');
        }
        PyValue::Object(class, attributes) => put_object(out, class, attributes),
        PyValue::Persistent(id) => {
            put(out, id);
            out.push(b'Q');
        }
        PyValue::Filled(mapping, items) => {
            put(out, mapping);
            put_items(out, items);
        }
    }
}

fn put_int(out: &mut Vec<u8>, number: i64) {
    if let Ok(small) = u8::try_from(number) {
        put_bytes(out, b'K', &[small]);
    } else if let Ok(medium) = i32::try_from(number) {
        put_bytes(out, b'J', &medium.to_le_bytes());
    } else {
        put_bytes(out, 0x8a, &[8]);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn put_object(out: &mut Vec<u8>, class: &PyValue, attributes: &[(&'static str, PyValue)]) {
    put(out, class);
    out.extend_from_slice(&[b')', 0x81, b'}', b'(']);
    for (name, value) in attributes {
        put(out, &PyValue::text(name));
        put(out, value);
    }
    out.extend_from_slice(b"ub");
}

fn put_items(out: &mut Vec<u8>, items: &[(PyValue, PyValue)]) {
    out.push(b'(');
    for (key, value) in items {
        put(out, key);
        put(out, value);
    }
    out.push(b'u');
}

fn put_marked(out: &mut Vec<u8>, items: &[PyValue], end: u8) {
    out.push(b'(');
    for item in items {
        put(out, item);
    }
    out.push(end);
}

fn put_bytes(out: &mut Vec<u8>, opcode: u8, bytes: &[u8]) {
    out.push(opcode);
    out.extend_from_slice(bytes);
}

fn put_line(out: &mut Vec<u8>, opcode: u8, parts: &[&str]) {
    out.push(opcode);
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_that_python_expects() {
        let value = PyValue::List(vec![
            PyValue::None,
            PyValue::Int(7),
            PyValue::Int(-1),
            PyValue::Int(1 << 40),
            PyValue::BigInt("123456789012345678901".into()),
            PyValue::Float(0.5),
            PyValue::Tuple(vec![]),
            PyValue::text("ü"),
        ]);
        let expected = b"\x80\x02](NK\x07J\xff\xff\xff\xff\x8a\x08\0\0\0\0\0\x01\0\0\
            L123456789012345678901L\nG\x3f\xe0\0\0\0\0\0\0)X\x02\0\0\0\xc3\xbce.";
        assert_eq!(dump(&value), expected);
    }
}
