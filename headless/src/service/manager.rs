//! What the runner tells whoever started it as a service: sd_notify(3), by datagrams to the socket
//! in `NOTIFY_SOCKET`. Without the variable there is nobody, and nothing is told.

use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use rustix::time::{ClockId, clock_gettime};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// Where the manager listens.
pub const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";
/// How often it wants to hear that we live, in microseconds.
pub const WATCHDOG_VARIABLE: &str = "WATCHDOG_USEC";
/// Most of a status that is told, in bytes.
const STATUS_MAX: usize = 200;

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub struct ServiceManager {
    line: Option<(OwnedFd, SocketAddrUnix)>,
    /// Half of what the watchdog allows.
    every: Option<Duration>,
    heard: Option<Instant>,
    status: String,
}

/// Whether this program runs as a service.
pub fn is_managed() -> bool {
    std::env::var_os(SOCKET_VARIABLE).is_some()
}

impl ServiceManager {
    /// The manager that the environment names.
    pub fn of_environment() -> Self {
        let watchdog = std::env::var(WATCHDOG_VARIABLE).ok();
        Self::new(std::env::var_os(SOCKET_VARIABLE), watchdog.as_deref())
    }

    fn new(socket: Option<OsString>, watchdog: Option<&str>) -> Self {
        let Some(socket) = socket else { return Self::default() };
        let line = connected(&socket)
            .inspect_err(|error| tracing::warn!("the service manager cannot be told: {error}"))
            .ok();
        let every = watchdog.and_then(|text| text.parse().ok()).map(Duration::from_micros);
        let every = every.filter(|every| !every.is_zero()).map(|every| every / 2);
        Self { line, every, ..Self::default() }
    }

    /// The runner is up and answers.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// It goes down to be started again, processes running on.
    pub fn reloading(&self) {
        let time = clock_gettime(ClockId::Monotonic);
        let microseconds =
            time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// It goes down.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// One line for `systemctl status`; told when it is another one.
    pub fn status(&mut self, text: &str) {
        let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        line.truncate(line.floor_char_boundary(STATUS_MAX));
        if self.line.is_some() && line != self.status {
            self.tell(&format!("STATUS={line}"));
            self.status = line;
        }
    }

    /// Feeds the watchdog when it is time; how long until it is again.
    pub fn alive(&mut self, now: Instant) -> Option<Duration> {
        let every = self.every.filter(|_| self.line.is_some())?;
        let passed = self.heard.map(|heard| now.saturating_duration_since(heard));
        if let Some(left) = passed.and_then(|passed| every.checked_sub(passed))
            && !left.is_zero()
        {
            return Some(left);
        }
        self.heard = Some(now);
        self.tell("WATCHDOG=1");
        Some(every)
    }

    fn tell(&self, text: &str) {
        let Some((line, address)) = &self.line else { return };
        if let Err(error) = rustix::net::sendto(line, text.as_bytes(), SendFlags::NOSIGNAL, address)
        {
            tracing::debug!("the service manager was not told `{text}`: {error}");
        }
    }
}

/// A path, or a name that begins with `@` for a socket without a file.
fn connected(socket: &OsString) -> io::Result<(OwnedFd, SocketAddrUnix)> {
    let name = socket.as_bytes();
    let address = match name.split_first() {
        Some((b'@', rest)) => SocketAddrUnix::new_abstract_name(rest)?,
        Some((b'/', _)) => SocketAddrUnix::new(name)?,
        Some(_) | None => return Err(io::Error::other("NOTIFY_SOCKET names no socket")),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let line = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    Ok((line, address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    fn heard(socket: &UnixDatagram) -> String {
        let mut text = [0; 500];
        let length = socket.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    #[test]
    fn the_manager_hears_what_changes_and_the_watchdog_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut manager = ServiceManager::new(Some(path.into()), Some("30000000"));
        manager.ready();
        manager.status("all is\nwell");
        manager.status("all is\nwell");
        assert_eq!([heard(&socket), heard(&socket)], ["READY=1", "STATUS=all is well"]);
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(manager.alive(at(0)), Some(Duration::from_secs(15)));
        assert_eq!(manager.alive(at(14)), Some(Duration::from_secs(1)));
        assert_eq!(manager.alive(at(15)), Some(Duration::from_secs(15)));
        manager.reloading();
        assert_eq!([heard(&socket), heard(&socket)], ["WATCHDOG=1", "WATCHDOG=1"]);
        assert!(heard(&socket).starts_with("RELOADING=1\nMONOTONIC_USEC="));
    }

    #[test]
    fn without_a_manager_nothing_is_told_and_nothing_is_due() {
        let mut manager = ServiceManager::new(None, Some("30000000"));
        manager.ready();
        assert_eq!(manager.alive(Instant::now()), None);
        let mut gone = ServiceManager::new(Some("/nowhere/at/all".into()), None);
        gone.status("nobody hears this, and nothing breaks");
    }
}
