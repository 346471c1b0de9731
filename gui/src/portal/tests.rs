//! Dialogs that come, do not come, and never answer, on a bus of our own.

use super::*;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use zbus::ObjectServer;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

const SOON: Duration = Duration::from_secs(20);

fn question() -> Question {
    let (title, name) = ("Save".to_owned(), "a.png".to_owned());
    Question { title, folder: "/tmp".into(), name, endings: &["png", "csv"] }
}

#[test]
fn an_address_becomes_a_path_only_when_it_is_one_here() {
    assert_eq!(path_of("file:///home/ada/a%20b.png"), Some("/home/ada/a b.png".into()));
    for wrong in ["https://x/y", "file:relative", "file:///a%2", "file:///a%zz"] {
        assert_eq!(path_of(wrong), None, "{wrong}");
    }
}

#[test]
fn a_bus_that_is_not_there_or_says_nothing_is_told_and_waited_for_no_longer_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let address = |name: &str| Some(format!("unix:path={}", folder.path().join(name).display()));
    let why = ask(question(), address("nobody"), SOON).unwrap_err();
    assert!(why.contains("no message bus"), "{why}");
    let _silent = UnixListener::bind(folder.path().join("silent")).unwrap();
    let why = ask(question(), address("silent"), Duration::from_millis(50)).unwrap_err();
    assert!(why.contains("no dialog came up"), "{why}");
}

/// Nothing of this machine is started by it, whatever is installed.
const LONELY: &str = r#"<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>"#;

/// A message bus of our own.
struct Bus {
    daemon: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Bus {
    /// None when the machine has no program for it.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bus.conf");
        std::fs::write(&file, LONELY).unwrap();
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg("--config-file").arg(&file).args(["--nofork", "--print-address"]);
        let daemon = daemon.stdout(Stdio::piped()).spawn();
        let Ok(mut daemon) = daemon else {
            println!("skipped: dbus-daemon is not installed");
            return None;
        };
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Some(Self { daemon, address: address.trim().to_owned(), _folder: folder })
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.daemon.kill().ok();
        self.daemon.wait().ok();
    }
}

/// Where the caller waits for the answer.
fn request(header: &Header<'_>, options: &HashMap<String, OwnedValue>) -> String {
    let sender = header.sender().unwrap().trim_start_matches(':').replace('.', "_");
    let token: String = options["handle_token"].try_clone().unwrap().try_into().unwrap();
    format!("{PORTAL_PATH}/request/{sender}/{token}")
}

/// A portal whose user answers like this.
struct Portal(u32, &'static str);

#[zbus::interface(name = "org.freedesktop.portal.FileChooser")]
impl Portal {
    async fn save_file(
        &self,
        parent: &str,
        title: &str,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> OwnedObjectPath {
        assert_eq!((parent, title), ("", "Save"));
        let path = request(&header, &options);
        let found = HashMap::from([("uris", Value::from(vec![self.1]))]);
        let answer = (self.0, found);
        let to = header.sender().unwrap().to_owned();
        let request = "org.freedesktop.portal.Request";
        let bus = emitter.connection();
        bus.emit_signal(Some(to), path.as_str(), request, "Response", &answer).await.unwrap();
        OwnedObjectPath::try_from(path).unwrap()
    }
}

#[test]
fn a_dialog_names_a_file_is_closed_or_is_not_there() {
    let Some(bus) = Bus::start() else { return };
    let address = || Some(bus.address.clone());
    let why = ask(question(), address(), SOON).unwrap_err();
    assert!(why.contains("not installed"), "{why}");
    for (code, wanted) in [(0, Some("/tmp/b c.csv")), (1, None)] {
        let portal = Portal(code, "file:///tmp/b%20c.csv");
        let served = Builder::address(bus.address.as_str()).unwrap();
        let served = served.serve_at(PORTAL_PATH, portal).unwrap().name(PORTAL).unwrap();
        let _served = served.build().unwrap();
        assert_eq!(ask(question(), address(), SOON), Ok(wanted.map(PathBuf::from)));
    }
}

/// A portal that takes its time: its dialog comes up when it may, and tells when it is closed.
struct Slow(Mutex<mpsc::Receiver<()>>, mpsc::Sender<()>);

/// A dialog that is open.
struct Open(mpsc::Sender<()>);

#[zbus::interface(name = "org.freedesktop.portal.FileChooser")]
impl Slow {
    async fn save_file(
        &self,
        parent: &str,
        title: &str,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> OwnedObjectPath {
        assert_eq!((parent, title), ("", "Save"));
        self.0.lock().unwrap().recv().unwrap();
        let path = request(&header, &options);
        server.at(path.as_str(), Open(self.1.clone())).await.unwrap();
        OwnedObjectPath::try_from(path).unwrap()
    }
}

#[zbus::interface(name = "org.freedesktop.portal.Request")]
impl Open {
    fn close(&self) {
        self.0.send(()).unwrap();
    }
}

#[test]
fn a_dialog_that_comes_up_when_nobody_waits_any_more_is_closed() {
    let Some(bus) = Bus::start() else { return };
    let ((comes, may_come), (closes, closed)) = (mpsc::channel(), mpsc::channel());
    let served = Builder::address(bus.address.as_str()).unwrap();
    let served = served.serve_at(PORTAL_PATH, Slow(Mutex::new(may_come), closes)).unwrap();
    let _served = served.name(PORTAL).unwrap().build().unwrap();
    let why = ask(question(), Some(bus.address.clone()), Duration::from_millis(50)).unwrap_err();
    assert!(why.contains("no dialog came up"), "{why}");
    comes.send(()).unwrap();
    assert_eq!(closed.recv_timeout(SOON), Ok(()), "it stays open, and what it saves is lost");
}
