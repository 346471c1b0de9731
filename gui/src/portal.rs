//! The desktop's own dialog for saving a file: `org.freedesktop.portal.FileChooser` on the session
//! bus. Whoever asks may have to wait for ever, so this runs on a thread of its own.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use zbus::blocking::connection::Builder;
use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const PORTAL_PATH: &str = "/org/freedesktop/portal/desktop";
/// Names our request to the portal; one connection asks once.
const TOKEN: &str = "cappuccino_save";

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Over the dialog.
    pub title: String,
    /// Where it begins.
    pub folder: PathBuf,
    /// The name that it proposes.
    pub name: String,
    /// Endings that it offers.
    pub endings: &'static [&'static str],
}

/// Asks where to save; nothing when the user closes the dialog. It may stay open for as long as he
/// likes, but must come up `within` a time. `bus` is the session's unless it is named.
///
/// # Errors
/// A few words: why no dialog came up.
pub fn ask(
    question: Question,
    bus: Option<String>,
    within: Duration,
) -> Result<Option<PathBuf>, String> {
    let (tell, told) = mpsc::channel();
    // Turned once: by the dialog that comes up, or by us who wait for it no longer.
    let is_settled = Arc::new(AtomicBool::new(false));
    let comes_up = Arc::clone(&is_settled);
    let work = move || {
        let is_waited_for = || !comes_up.swap(true, Ordering::AcqRel);
        // Nobody waits any more when the dialog came too late.
        tell.send(dialog(&question, bus.as_deref(), is_waited_for)).ok();
    };
    std::thread::Builder::new()
        .name("dialog".to_owned())
        .spawn(work)
        .map_err(|error| format!("the system gives no thread for a dialog: {error}"))?;
    let ended = || "the dialog ended without an answer".to_owned();
    match told.recv_timeout(within) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) if is_settled.swap(true, Ordering::AcqRel) => {
            told.recv().unwrap_or_else(|_gone| Err(ended()))
        }
        Err(RecvTimeoutError::Timeout) => {
            Err(format!("no dialog came up within {} s", within.as_secs()))
        }
        Err(RecvTimeoutError::Disconnected) => Err(ended()),
    }
}

fn dialog(
    question: &Question,
    bus: Option<&str>,
    is_waited_for: impl FnOnce() -> bool,
) -> Result<Option<PathBuf>, String> {
    let bus = connect(bus).map_err(|_why| "the session has no message bus".to_owned())?;
    let path = request_path(&bus).ok_or("the message bus gave no name")?;
    let request = Proxy::new(&bus, PORTAL, path, "org.freedesktop.portal.Request").map_err(told)?;
    // Listened to before it is asked, or a quick answer would be missed.
    let mut answers = request.receive_signal("Response").map_err(told)?;
    let chooser = Proxy::new(&bus, PORTAL, PORTAL_PATH, "org.freedesktop.portal.FileChooser");
    let chooser = chooser.map_err(told)?;
    let asked = ("", question.title.as_str(), options(question));
    let _request: OwnedObjectPath = chooser.call("SaveFile", &asked).map_err(told)?;
    if !is_waited_for() {
        // Whatever would be chosen there, nothing would be written.
        request.call::<_, _, ()>("Close", &()).map_err(told)?;
        return Ok(None);
    }
    let answer = answers.next().ok_or("the desktop's portal went away")?;
    let (code, found): (u32, HashMap<String, OwnedValue>) =
        answer.body().deserialize().map_err(told)?;
    match code {
        0 => file(&found).map(Some).ok_or_else(|| "the dialog named no file here".to_owned()),
        1 => Ok(None),
        _ => Err("the dialog ended without an answer".to_owned()),
    }
}

fn connect(bus: Option<&str>) -> zbus::Result<Connection> {
    match bus {
        Some(address) => Builder::address(address)?.build(),
        None => Builder::session()?.build(),
    }
}

/// Where the portal answers us: it is made of our name on the bus.
fn request_path(bus: &Connection) -> Option<String> {
    let name = bus.unique_name()?.trim_start_matches(':').replace('.', "_");
    Some(format!("{PORTAL_PATH}/request/{name}/{TOKEN}"))
}

fn options(question: &Question) -> HashMap<&'static str, Value<'_>> {
    let mut folder = question.folder.as_os_str().as_bytes().to_vec();
    folder.push(0);
    let filter = |ending: &&str| ((*ending).to_owned(), vec![(0_u32, format!("*.{ending}"))]);
    let filters: Vec<(String, Vec<(u32, String)>)> = question.endings.iter().map(filter).collect();
    HashMap::from([
        ("handle_token", Value::from(TOKEN)),
        ("current_name", Value::from(question.name.as_str())),
        ("current_folder", Value::from(folder)),
        ("filters", Value::from(filters)),
    ])
}

fn file(found: &HashMap<String, OwnedValue>) -> Option<PathBuf> {
    let all: Vec<String> = found.get("uris")?.try_clone().ok()?.try_into().ok()?;
    path_of(all.first()?)
}

/// The path that a `file:` address names on this machine.
fn path_of(address: &str) -> Option<PathBuf> {
    let mut bytes = address.strip_prefix("file://")?.bytes();
    let mut path = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            path.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            path.push(byte);
        }
    }
    let path = PathBuf::from(OsString::from_vec(path));
    path.is_absolute().then_some(path)
}

fn told(error: impl Into<zbus::Error>) -> String {
    let error = error.into();
    let name = if let zbus::Error::MethodError(name, ..) = &error { name.as_str() } else { "" };
    match name.rsplit('.').next() {
        Some("ServiceUnknown") => "xdg-desktop-portal is not installed".to_owned(),
        Some("UnknownMethod" | "UnknownInterface" | "UnknownObject") => {
            "the desktop's portal has no dialog for files; xdg-desktop-portal-gtk is one".to_owned()
        }
        _ => format!("the desktop's portal answers {error}"),
    }
}

#[cfg(test)]
mod tests;
