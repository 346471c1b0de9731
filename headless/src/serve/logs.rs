//! What a process printed, page by page: whole lines from its file.

use super::Window;
use super::answer::{Problem, on_a_thread};
use super::reading::{Asked, understood};
use crate::host::first_byte;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cappuccino_core::api::LogPage;
use cappuccino_core::words::ProcessName;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path as FilePath;

/// Bytes of one page, unless the client wants fewer.
const PAGE_BYTES: u64 = 256 << 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// The page begins here; at the last page's `to` for what follows.
    from: Option<u64>,
    /// The page ends here; at the first page's `from` for what precedes. The end by default.
    before: Option<u64>,
}

pub(super) async fn logs(
    State(window): State<Window>,
    Path(process): Path<String>,
    query: Asked<LogQuery>,
) -> Result<Json<LogPage>, Problem> {
    let query = understood(query)?;
    if query.from.is_some() && query.before.is_some() {
        return Err(Problem::from_and_before());
    }
    let name = ProcessName::new(process).map_err(|error| Problem::malformed(error.to_string()))?;
    let path = window.port.logs.join(format!("{name}.log"));
    match on_a_thread("the log", move || page(&path, &query)).await? {
        Ok(page) => Ok(Json(page)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text =
                format!("`{name}` has printed nothing yet; `/v1/status` lists what there is");
            Err(Problem::new(StatusCode::NOT_FOUND, text))
        }
        Err(error) => {
            let text = format!("the log of `{name}` cannot be read: {error}; check its rights");
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, text))
        }
    }
}

fn page(path: &FilePath, query: &LogQuery) -> io::Result<LogPage> {
    let mut file = File::open(path)?;
    // What is before it was given back.
    let first = first_byte(&file)?;
    let length = file.metadata()?.len();
    let forwards = |from: u64| (from, length.min(from.saturating_add(PAGE_BYTES)));
    let (start, end) = match (query.from, query.before) {
        // The file was cut since: what it holds now is new.
        (Some(from), _) if from > length => forwards(first),
        (Some(from), _) => forwards(from.max(first)),
        (None, before) => {
            let end = before.unwrap_or(length).min(length);
            (end.saturating_sub(PAGE_BYTES).max(first).min(end), end)
        }
    };
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(end.saturating_sub(start)).read_to_end(&mut bytes)?;
    let starts_within_a_line = query.from.is_none() && start > first;
    Ok(whole_lines(start, length, &bytes, starts_within_a_line))
}

/// Leaves out the torn line at the end, and at the beginning when the page was cut there; a line
/// longer than a page is shown in pieces.
fn whole_lines(start: u64, length: u64, bytes: &[u8], torn_start: bool) -> LogPage {
    let is_newline = |byte: &u8| *byte == b'\n';
    let skip =
        if torn_start { bytes.iter().position(is_newline).map_or(0, |at| at + 1) } else { 0 };
    let bytes = bytes.get(skip..).unwrap_or_default();
    let page_is_full = u64::try_from(bytes.len()).is_ok_and(|length| length >= PAGE_BYTES);
    let keep = match bytes.iter().rposition(is_newline) {
        Some(at) => at + 1,
        None if page_is_full => bytes.len(),
        None => 0,
    };
    let bytes = bytes.get(..keep).unwrap_or_default();
    let offset = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let from = start.saturating_add(offset(skip));
    LogPage {
        from,
        to: from.saturating_add(offset(bytes.len())),
        length,
        text: String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(path: &FilePath, from: Option<u64>, before: Option<u64>) -> LogPage {
        page(path, &LogQuery { from, before }).unwrap()
    }

    #[test]
    fn pages_join_to_the_whole_file_forwards_and_backwards_and_a_torn_line_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let lines: Vec<String> = (0..60_000).map(|n| format!("line {n} of many\n")).collect();
        let text = lines.concat();
        std::fs::write(&path, format!("{text}torn")).unwrap();
        let (mut forwards, mut at) = (String::new(), 0);
        loop {
            let page = read(&path, Some(at), None);
            assert_eq!(page.from, at);
            if page.text.is_empty() {
                break;
            }
            forwards += &page.text;
            at = page.to;
        }
        assert!(forwards == text);
        let mut page = read(&path, None, None);
        let mut backwards = page.text.clone();
        while page.from > 0 {
            page = read(&path, None, Some(page.from));
            backwards.insert_str(0, &page.text);
        }
        assert!(backwards == text);
    }

    #[test]
    fn a_head_that_was_given_back_is_no_page_of_zeros() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let hole = PAGE_BYTES * 4;
        let mut file = File::create_new(&path).unwrap();
        file.set_len(hole).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"a\nb\n").unwrap();
        let said = |page: LogPage| (page.from, page.text);
        let all = (hole, "a\nb\n".to_owned());
        assert_eq!(said(read(&path, Some(0), None)), all);
        assert_eq!(said(read(&path, None, None)), all);
        assert_eq!(said(read(&path, None, Some(hole))).1, "", "nothing is before it");
    }

    #[test]
    fn a_file_that_was_cut_is_read_from_its_new_beginning_and_a_giant_line_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        std::fs::write(&path, "new\n").unwrap();
        let page = read(&path, Some(900), None);
        assert_eq!((page.from, page.length, page.text.as_str()), (0, 4, "new\n"));
        std::fs::write(&path, vec![b'x'; 600_000]).unwrap();
        let page = read(&path, Some(0), None);
        assert_eq!(page.to, PAGE_BYTES);
    }
}
