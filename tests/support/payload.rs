//! Pickles that would create a file if anything ever ran them, in every way that a pickle can ask.

use std::path::Path;

/// A way to ask for code, and the pickle that takes it. `mark` is the file that would appear.
pub fn pickles(mark: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let command = format!("touch '{}'", mark.display());
    let command = command.as_bytes();
    let text = |text: &[u8]| {
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        [b"X".as_slice(), &length, text].concat()
    };
    let word = text(command);
    let system = b"cposix\nsystem\n".as_slice();
    let ordered = b"ccollections\nOrderedDict\n)R".as_slice();
    vec![
        ("REDUCE", [b"\x80\x02", system, &word, b"\x85R."].concat()),
        (
            "STACK_GLOBAL",
            [b"\x80\x04\x8c\x05posix\x8c\x06system\x93".as_slice(), &word, b"\x85R."].concat(),
        ),
        (
            "names out of the memo",
            [
                b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x940h\x01h\x00h\x01\x93".as_slice(),
                &word,
                b"\x85R.",
            ]
            .concat(),
        ),
        ("INST", [b"(".as_slice(), &word, b"iposix\nsystem\n."].concat()),
        ("OBJ", [b"(".as_slice(), system, &word, b"o."].concat()),
        ("NEWOBJ", [b"\x80\x02csubprocess\nPopen\n".as_slice(), &word, b"\x85\x81."].concat()),
        (
            "getattr",
            [b"\x80\x02cbuiltins\ngetattr\ncposix\nposix\n".as_slice(), &word, b"\x86R."].concat(),
        ),
        (
            "a value of the dictionary",
            [b"\x80\x02".as_slice(), ordered, b"(X\x01\0\0\0a", system, &word, b"\x85Ru."].concat(),
        ),
        (
            "attributes",
            [b"\x80\x02".as_slice(), ordered, b"}(X\x04\0\0\0hook", system, b"ub."].concat(),
        ),
        ("a tensor's hook", {
            let hooks = [system, &word, b"\x85R"].concat();
            [b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\0".as_slice(), &hooks, b"tR."].concat()
        }),
        ("a registry", b"\x80\x02\x82\x01)R.".to_vec()),
        (
            "torch's own loader",
            [b"\x80\x02ctorch.storage\n_load_from_bytes\n", &*word, b"\x85R."].concat(),
        ),
    ]
}
