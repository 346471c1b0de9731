//! The other side of a notification channel: an HTTP server that misbehaves as told, and a desktop
//! session with a real notification daemon.

use crate::tls::{self, Line};
use rustls::ServerConfig;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How the server answers one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// This status, with these header lines.
    Status(u16, &'static str),
    /// Nothing, until the other side gives up.
    Silence,
    /// The connection is reset.
    Reset,
    /// 200, but only once the test says so with [`Server::release`].
    Held,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    pub method: String,
    pub path: String,
    pub headers: String,
    pub body: Value,
    /// Whether it was answered with success.
    pub confirmed: bool,
}

#[derive(Default)]
struct State {
    script: VecDeque<Reply>,
    otherwise: Option<Reply>,
    asked: Vec<Asked>,
    released: bool,
}

/// A server on a port of its own.
#[derive(Clone)]
pub struct Server {
    port: u16,
    tls: Option<Arc<ServerConfig>>,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Default for Server {
    fn default() -> Self {
        Self::new([])
    }
}

impl Server {
    /// A server that answers with `script` and then always with 200.
    pub fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        let (server, door) = Self::closed(None, script);
        server.open(&door);
        server
    }

    /// One that speaks TLS.
    pub fn encrypted(tls: Arc<ServerConfig>, script: impl IntoIterator<Item = Reply>) -> Self {
        let (server, door) = Self::closed(Some(tls), script);
        server.open(&door);
        server
    }

    /// One that has a port, but refuses connections until it is opened.
    pub fn closed(
        tls: Option<Arc<ServerConfig>>,
        script: impl IntoIterator<Item = Reply>,
    ) -> (Self, OwnedFd) {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
        let door = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&door, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = SocketAddrV4::try_from(getsockname(&door).unwrap()).unwrap().port();
        let state = State { script: script.into_iter().collect(), ..State::default() };
        let server = Self { port, tls, state: Arc::new((Mutex::new(state), Condvar::new())) };
        (server, door)
    }

    /// From here on it answers.
    pub fn open(&self, door: &OwnedFd) {
        rustix::net::listen(door, 64).unwrap();
        let listener = TcpListener::from(door.try_clone().unwrap());
        let inside = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inside = inside.clone();
                std::thread::spawn(move || inside.serve(stream));
            }
        });
    }

    /// What it answers when the script is over.
    pub fn otherwise(&self, reply: Reply) {
        self.state.0.lock().unwrap().otherwise = Some(reply);
    }

    /// Lets held requests be answered.
    pub fn release(&self) {
        self.state.0.lock().unwrap().released = true;
        self.state.1.notify_all();
    }

    pub fn url(&self) -> String {
        match self.tls {
            None => format!("http://127.0.0.1:{}", self.port),
            Some(_) => format!("https://localhost:{}", self.port),
        }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.0.lock().unwrap().asked.clone()
    }

    /// Requests that were answered with success.
    pub fn confirmed(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.confirmed).collect()
    }

    fn serve(&self, stream: TcpStream) {
        let mut line = tls::line(&stream, self.tls.as_ref());
        let Some(mut asked) = read(&mut line) else { return };
        let (number, reply) = {
            let mut state = self.state.0.lock().unwrap();
            let scripted = state.script.pop_front();
            let reply = scripted.or_else(|| state.otherwise.clone());
            let reply = reply.unwrap_or(Reply::Status(200, ""));
            asked.confirmed = matches!(reply, Reply::Status(200, _));
            state.asked.push(asked);
            (state.asked.len() - 1, reply)
        };
        match reply {
            Reply::Status(code, headers) => answer(&mut line, code, headers),
            Reply::Silence => std::thread::sleep(Duration::from_secs(20)),
            Reply::Reset => reset(&stream),
            Reply::Held => {
                let state = self.state.0.lock().unwrap();
                let mut state = self.state.1.wait_while(state, |s| !s.released).unwrap();
                state.asked[number].confirmed = true;
                drop(state);
                answer(&mut line, 200, "");
            }
        }
    }
}

fn read(line: &mut Line) -> Option<Asked> {
    let mut reader = BufReader::new(line);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = |line: &str| line.strip_prefix("content-length:").map(|n| n.trim().to_owned());
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(length).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.split(' ');
    Some(Asked {
        at: Instant::now(),
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        headers: lower.clone(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        confirmed: false,
    })
}

fn answer(line: &mut Line, code: u16, headers: &str) {
    let text = format!(
        "HTTP/1.1 {code} Said\r\n{headers}connection: close\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    // A client that was killed meanwhile does not read it.
    drop(line.write_all(text.as_bytes()).and_then(|()| line.flush()));
}

/// Closes with a reset instead of an end.
fn reset(stream: &TcpStream) {
    use std::os::fd::AsRawFd;
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = libc::socklen_t::try_from(size_of::<libc::linger>()).unwrap();
    // SAFETY: a plain option of a socket that is open, from a value that outlives the call.
    let done = unsafe {
        let value = (&raw const linger).cast();
        libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, value, size)
    };
    assert_eq!(done, 0);
}

/// Whether these programs are there; else says that a test is skipped and what would help.
pub fn are_installed(programs: &[&str], packages: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &&&str| std::env::split_paths(&path).any(|p| p.join(program).exists());
    let missing = programs.iter().find(|program| !is_there(program));
    if let Some(missing) = missing {
        println!("skipped: {missing} is not installed (apt-get install {packages})");
    }
    missing.is_none()
}

/// A message bus, a screen nobody sees and a notification daemon; gone when it is dropped.
pub struct Session {
    children: Vec<Child>,
    pub bus: String,
    pub display: String,
}

impl Session {
    /// None, with the reason printed, when a program is missing.
    pub fn start(folder: &Path) -> Option<Self> {
        let programs = ["dbus-daemon", "Xvfb", "dunst", "dunstctl"];
        if !are_installed(&programs, "dunst dbus xvfb") {
            return None;
        }
        let bus = format!("unix:path={}", folder.join("bus").display());
        let mut session = Self { children: Vec::new(), bus, display: String::new() };
        let mut daemon = Command::new("dbus-daemon");
        let daemon = daemon.args(["--session", "--nofork", "--print-address=1"]);
        session.first_line(daemon.arg(format!("--address={}", session.bus)));
        let mut screen = Command::new("Xvfb");
        let screen = screen.args(["-noreset", "-displayfd", "1", "-screen", "0", "800x600x24"]);
        session.display = format!(":{}", session.first_line(screen));
        let dunst = session.inside("dunst").stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        session.children.push(dunst.unwrap());
        crate::wait::until("dunst answers", Duration::from_secs(20), || {
            session.dunstctl(&["is-paused"]).map(drop)
        });
        Some(session)
    }

    /// Starts a program that says something once it is ready.
    fn first_line(&mut self, command: &mut Command) -> String {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = child.spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        // Its output stays open: what it says later goes to nobody.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        self.children.push(child);
        line.trim().to_owned()
    }

    /// A command inside the session.
    pub fn inside(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.bus).env("DISPLAY", &self.display);
        command
    }

    fn dunstctl(&self, words: &[&str]) -> Option<String> {
        let output = self.inside("dunstctl").args(words).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// Notifications on the screen, put away first so that they are listed: (id, summary, body).
    pub fn shown(&self) -> Vec<(i64, String, String)> {
        self.dunstctl(&["close-all"]).unwrap();
        let history: Value = serde_json::from_str(&self.dunstctl(&["history"]).unwrap()).unwrap();
        let field = |one: &Value, name: &str| one[name]["data"].as_str().unwrap().to_owned();
        let all = history["data"][0].as_array().unwrap();
        all.iter()
            .map(|one| {
                let id = one["id"]["data"].as_i64().unwrap();
                (id, field(one, "summary"), field(one, "body"))
            })
            .collect()
    }

    /// Presses the button of the topmost notification, the oldest; it goes with that.
    pub fn press(&self) {
        let before = self.on_screen();
        self.dunstctl(&["action", "0"]).unwrap();
        // Some versions leave it on the screen.
        std::thread::sleep(Duration::from_millis(500));
        if self.on_screen() == before {
            self.dunstctl(&["close"]).unwrap();
        }
    }

    /// How many are on the screen.
    pub fn on_screen(&self) -> u32 {
        let count = self.dunstctl(&["count", "displayed"]).unwrap();
        count.trim().parse().unwrap()
    }

    /// Stops the daemon without ending it, or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        let pid = i32::try_from(self.children.last().unwrap().id()).unwrap();
        let signal = if frozen { libc::SIGSTOP } else { libc::SIGCONT };
        // SAFETY: plain system call on a child that was not waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
