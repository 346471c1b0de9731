//! The other side of a notification channel: an HTTP server that misbehaves as told, and a desktop
//! session with a real notification daemon.

use serde_json::Value;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { script: script.into_iter().collect(), ..State::default() };
        let server = Self { port, state: Arc::new((Mutex::new(state), Condvar::new())) };
        let inside = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inside = inside.clone();
                std::thread::spawn(move || inside.serve(stream));
            }
        });
        server
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
        format!("http://127.0.0.1:{}", self.port)
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

    fn serve(&self, mut stream: TcpStream) {
        let Some(mut asked) = read(&stream) else { return };
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
            Reply::Status(code, headers) => answer(&mut stream, code, headers),
            Reply::Silence => std::thread::sleep(Duration::from_secs(20)),
            Reply::Reset => reset(&stream),
            Reply::Held => {
                let state = self.state.0.lock().unwrap();
                let mut state = self.state.1.wait_while(state, |s| !s.released).unwrap();
                state.asked[number].confirmed = true;
                drop(state);
                answer(&mut stream, 200, "");
            }
        }
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
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

fn answer(stream: &mut TcpStream, code: u16, headers: &str) {
    let text = format!(
        "HTTP/1.1 {code} Said\r\n{headers}connection: close\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    // A client that was killed meanwhile does not read it.
    drop(stream.write_all(text.as_bytes()));
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
fn are_installed(programs: &[&str], packages: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &&&str| std::env::split_paths(&path).any(|p| p.join(program).exists());
    let missing = programs.iter().find(|program| !is_there(program));
    if let Some(missing) = missing {
        println!("skipped: {missing} is not installed (apt-get install {packages})");
    }
    missing.is_none()
}

/// A server with a certificate of an authority of its own, `ca.pem` in its folder.
pub struct TlsServer {
    child: Child,
    port: u16,
}

const AUTHORITY: &str = r#"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
  -keyout ca.key -out ca.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
  -keyout key.pem -out request.pem
printf 'subjectAltName=DNS:localhost\n' > names
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
  -extfile names -out certificate.pem
"#;

impl TlsServer {
    /// None, with the reason printed, without openssl.
    pub fn start(folder: &Path) -> Option<Self> {
        if !are_installed(&["openssl"], "openssl") {
            return None;
        }
        let made = Command::new("sh").args(["-ec", AUTHORITY]).current_dir(folder).output();
        let made = made.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("openssl")
            .args(["s_server", "-quiet", "-www", "-key", "key.pem", "-cert", "certificate.pem"])
            .args(["-accept", &port.to_string()])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port };
        crate::wait::until("it listens", Duration::from_secs(20), || {
            TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        });
        Some(server)
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
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
