//! The demonstration's programs as processes: the test program starts itself as one of them.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The variable that turns a test into the program.
pub const PROGRAM: &str = "CAPPUCCINO_DEMO_PROGRAM";

/// Starts the calling test program again, running only the ignored test `program`, which finds its
/// arguments in [`arguments`]. What it prints goes to the file `log`.
pub fn start(program: &str, arguments: &[&str], log: &Path) -> Child {
    let log = fs::File::create(log).unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", program, "--ignored", "--nocapture"])
        .env(PROGRAM, arguments.join("\n"))
        .stdin(Stdio::null())
        .stderr(log.try_clone().unwrap())
        .stdout(log)
        .spawn()
        .unwrap()
}

/// The arguments of this program; none when the test was not started by [`start`].
pub fn arguments() -> Option<Vec<String>> {
    let arguments = std::env::var(PROGRAM).ok()?;
    Some(std::iter::once("program").chain(arguments.split('\n')).map(str::to_owned).collect())
}

/// Waits until `condition` holds, at most `limit`; panics with `what` when it never does.
pub fn wait_for(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends SIGTERM and waits for the exit code.
pub fn terminate(child: &mut Child) -> Option<i32> {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap().code()
}
