//! Real processes that show, or do not show, that they are ready and alive; and a runner that is
//! replaced beneath them.

use cappuccino_core::api::{ProcessView, Status};
use cappuccino_core::words::{Fault, Note};
use cappuccino_headless::demo::optuna_writer::{Ending, StudyWriter};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};
use support::daemon::{PATIENCE, Site};
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

/// A site whose processes are stopped with the test.
struct Own(Site);

impl Own {
    fn new(extra: &str) -> Self {
        Self(Site::new(PROGRAM, extra))
    }
}

impl std::ops::Deref for Own {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.0
    }
}

impl std::ops::DerefMut for Own {
    fn deref_mut(&mut self) -> &mut Site {
        &mut self.0
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if self.0.has_runner() {
            drop(self.0.word(&["stop"]).output());
        }
    }
}

/// A site with one more process; nothing waits long.
fn site(script: &str, keys: &str) -> Own {
    let extra = format!(
        "[[process]]\nname = \"x\"\nrole = \"other\"\ncommand = [\"sh\", \"x.sh\"]\n\
         restart_delay = \"10ms\"\nrestart_delay_max = \"20ms\"\nmax_restarts = 100\n\
         stop_grace = \"1s\"\n{keys}\n"
    );
    let site = Own::new(&extra);
    fs::write(site.root().join("x.sh"), script).unwrap();
    site
}

fn view(status: &Status, name: &str) -> ProcessView {
    status.processes.iter().find(|process| process.name.as_str() == name).unwrap().clone()
}

fn becomes(site: &Site, phase: &str) -> ProcessView {
    until(&format!("x is {phase}"), PATIENCE, || {
        Some(view(&site.status().ok()?, "x")).filter(|x| x.phase == phase)
    })
}

fn condemned(site: &Site, wanted: Fault) -> String {
    until("the runner ends x for its fault", PATIENCE, || {
        site.history().into_iter().find_map(|entry| match entry.note {
            Note::ProcessCondemned(_, _, fault, why) if fault == wanted => Some(why),
            _ => None,
        })
    })
}

#[test]
fn a_line_of_this_life_and_no_other_shows_that_it_is_ready() {
    // The log of an earlier life already holds the line.
    let mut site = site(
        "while [ ! -f go ]; do sleep 0.02; done; echo loading; echo 'ready at 8000'; exec sleep 1000",
        "ready = { log = '/^ready at \\d+$/' }",
    );
    let logs = site.workspace().logs_dir();
    fs::create_dir_all(&logs).unwrap();
    fs::write(logs.join("x.log"), "ready at 8000\n").unwrap();
    site.start_and_wait();
    let running = becomes(&site, "running");
    assert!(running.next.contains("must show that it is ready"), "{}", running.next);
    fs::write(site.root().join("go"), "").unwrap();
    let pid = becomes(&site, "ready").pid;
    // What was ready stays so when the runner is killed, although its log is gone by now.
    site.kill();
    fs::write(logs.join("x.log"), "").unwrap();
    site.start_and_wait();
    assert_eq!(becomes(&site, "ready").pid, pid);
    let shown = site
        .history()
        .into_iter()
        .filter(|entry| matches!(&entry.note, Note::ProcessReady(name, _) if name.as_str() == "x"));
    assert_eq!(shown.count(), 1);
}

#[test]
fn a_file_of_an_earlier_life_proves_nothing() {
    let mut site = site(
        "while [ ! -f go ]; do sleep 0.02; done; touch up; exec sleep 1000",
        "ready = { file = 'up' }",
    );
    fs::write(site.root().join("up"), "").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    site.start_and_wait();
    becomes(&site, "running");
    fs::write(site.root().join("go"), "").unwrap();
    becomes(&site, "ready");
}

#[test]
fn an_address_that_refuses_is_not_ready_and_one_that_answers_is() {
    let script = "exec python3 -c \"
import http.server, os
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if os.path.exists('go') else 503)
        self.end_headers()
    def log_message(self, *words): pass
server = http.server.HTTPServer(('127.0.0.1', int(open('port').read())), Health)
open('serving', 'w').close()
server.serve_forever()\"";
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut site = site(script, &format!("ready = {{ http = 'http://127.0.0.1:{port}/health' }}"));
    fs::write(site.root().join("port"), port.to_string()).unwrap();
    site.start_and_wait();
    until("it serves", PATIENCE, || site.root().join("serving").exists().then_some(()));
    assert_eq!(becomes(&site, "running").phase, "running");
    fs::write(site.root().join("go"), "").unwrap();
    becomes(&site, "ready");
}

#[test]
fn what_never_shows_that_it_is_ready_is_ended_and_tried_again() {
    let mut site =
        site("echo starting; exec sleep 1000", "ready = { log = 'never', within = '300ms' }");
    site.start_and_wait();
    let why = condemned(&site, Fault::NotReady);
    assert!(why.contains("300ms"), "{why}");
    let x = until("another life begins", PATIENCE, || {
        Some(view(&site.status().ok()?, "x")).filter(|x| x.generation.0 >= 2)
    });
    assert!(x.failures >= 1 && x.failures_total >= 1, "{x:?}");
}

#[test]
fn a_process_that_hangs_is_ended_when_its_log_and_the_processor_agree() {
    let mut site = site("echo working; exec sleep 1000", "liveness = { log = '2s', cpu = '2s' }");
    site.start_and_wait();
    let why = condemned(&site, Fault::Hung);
    assert_eq!(why, "no log line for 2s, no processor use for 2s");
    until("it is told why, and what is looked for in its next life", PATIENCE, || {
        let told = site.word(&["why", "x"]).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let parts = ["is ended because it showed no signs of life", "at most 2s", "restarts: 1 of"];
        parts.iter().all(|part| told.contains(part)).then_some(())
    });
    let of_the_first = site.history().into_iter().filter(|entry| match &entry.note {
        Note::ProcessCondemned(_, life, ..) | Note::ProcessExited(_, life, ..) => life.0 == 1,
        _ => false,
    });
    assert_eq!(of_the_first.count(), 2, "condemned once, ended once");
}

#[test]
fn a_busy_process_with_a_silent_log_is_left_alone_and_nobody_is_told() {
    let mut site =
        site("while :; do :; done", "liveness = { log = '1s', cpu = '1s' }\nstop_signal = 'INT'");
    site.start_and_wait();
    until("whoever asks is told", PATIENCE, || {
        let told = site.word(&["why", "x"]).output().unwrap();
        String::from_utf8(told.stdout).unwrap().contains("no log line for").then_some(())
    });
    assert_eq!(view(&site.status().unwrap(), "x").generation.0, 1, "it lives on");
    let told = site
        .history()
        .into_iter()
        .find(|entry| matches!(&entry.note, Note::AlertFired(key, ..) if key.contains("quiet")));
    assert!(told.is_none(), "{told:?}");
}

#[test]
fn a_process_whose_only_sign_is_missing_is_told_and_left_alone() {
    let mut site = site("exec sleep 1000", "liveness = { log = '1s' }");
    site.start_and_wait();
    until("the missing sign is told", PATIENCE, || {
        let alerts = site.status().ok()?.alerts;
        alerts.into_iter().find(|alert| alert.key == "process/x/quiet")
    });
    assert_eq!(view(&site.status().unwrap(), "x").generation.0, 1, "it lives on");
}

#[test]
fn the_memory_of_the_whole_tree_counts() {
    let script = "python3 -c \"
import time
held = bytearray(150 * 1024 * 1024)
time.sleep(1000)\" & wait";
    let mut site = site(script, "memory_limit = '100MiB'");
    site.start_and_wait();
    let why = condemned(&site, Fault::Memory);
    assert!(why.ends_with("of 100 MiB that it may"), "{why}");
}

#[test]
fn a_runner_is_replaced_and_no_process_notices() {
    let mut site = Own::new("");
    site.finish_trial(1.0);
    site.start_and_wait();
    let settled = |site: &Site| {
        until("everything runs", PATIENCE, || {
            let status = site.status().ok()?;
            let pids: Vec<u32> = status.processes.iter().filter_map(|one| one.pid).collect();
            let ready = status.processes.iter().all(|one| one.phase == "ready");
            (ready && pids.len() == 2).then_some((pids, status.runner_since))
        })
    };
    let (before, first) = settled(&site);
    let runner = site.runner_pid();
    let mut gaps = Vec::new();
    for _ in 0..5 {
        let output = until("it is a good moment", PATIENCE, || {
            let output = site.word(&["restart", "--runner", "--json"]).output().unwrap();
            output.status.success().then_some(output)
        });
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        gaps.push(told["gap_milliseconds"].as_u64().unwrap());
        settled(&site);
    }
    let (after, last) = settled(&site);
    assert_eq!(before, after, "no process was restarted");
    assert!(last > first, "another runner is up");
    assert_eq!(site.runner_pid(), runner, "the program changed beneath the same process id");
    assert_eq!(site.doubles(), Vec::<String>::new());
    println!("gaps in ms: {gaps:?}");
}

#[test]
fn a_runner_whose_successor_would_not_come_up_stays() {
    let mut site = Own::new("");
    site.start_and_wait();
    let config = site.root().join("cappuccino.toml");
    let sound = fs::read_to_string(&config).unwrap();
    fs::write(&config, sound.replace("stop_grace", "stop_grase")).unwrap();
    let refused = until("nothing is under way any more", PATIENCE, || {
        let output = site.word(&["restart", "--runner"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{said}");
        (!said.contains("ask again")).then_some(said)
    });
    assert!(refused.contains("the configuration has a mistake"), "{refused}");
    assert!(site.status().is_ok(), "the runner stays");
}

#[test]
fn as_a_service_it_says_when_it_is_up_and_leaves_its_restart_to_the_manager() {
    let mut site = Own::new("");
    let path = site.root().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    site.set("NOTIFY_SOCKET", path.to_str().unwrap());
    site.set("WATCHDOG_USEC", "400000");
    site.start_and_wait();
    let hear = |wanted: &str| {
        let began = Instant::now();
        loop {
            let mut text = [0; 500];
            let length = socket.recv(&mut text).unwrap();
            let text = String::from_utf8_lossy(&text[..length]).into_owned();
            if text.starts_with(wanted) {
                return text;
            }
            assert!(began.elapsed() < PATIENCE, "{wanted} is never told");
        }
    };
    hear("READY=1");
    hear("STATUS=");
    hear("WATCHDOG=1");
    hear("WATCHDOG=1");
    let pid = until("the worker runs", PATIENCE, || view(&site.status().ok()?, "worker").pid);
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(!environment.contains("NOTIFY_SOCKET"), "a process must not speak for the runner");
    let asked = until("it is a good moment", PATIENCE, || {
        let status = site.status().ok()?;
        (view(&status, "worker").phase == "ready").then(|| {
            let mut word = site.word(&["restart", "--runner"]);
            word.stdout(std::process::Stdio::null()).spawn().unwrap()
        })
    });
    hear("RELOADING=1");
    assert_eq!(site.wait_for_end().code(), Some(75));
    // What the manager does.
    site.start_and_wait();
    let mut asked = asked;
    assert!(asked.wait().unwrap().success(), "the word waited for the next runner");
    assert_eq!(view(&site.status().unwrap(), "worker").pid, Some(pid));
}

/// A `systemctl` that remembers what it was told.
fn fake_systemctl(folder: &Path, script: &str) {
    fs::create_dir_all(folder).unwrap();
    let file = folder.join("systemctl");
    fs::write(&file, format!("#!/bin/sh\necho \"$@\" >> \"$TOLD\"\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_service_is_installed_shown_and_removed() {
    let mut site = Own::new("");
    let (bin, home) = (site.root().join("bin"), site.root().join("home"));
    fake_systemctl(
        &bin,
        "[ \"$2\" = is-active ] && echo active; [ \"$2\" = is-enabled ] && echo enabled; exit 0",
    );
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    site.set("PATH", &path);
    site.set("XDG_CONFIG_HOME", home.to_str().unwrap());
    let told = site.root().join("told");
    site.set("TOLD", told.to_str().unwrap());
    let say = |words: &[&str]| {
        let output = site.word(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    say(&["service", "install"]);
    let view: serde_json::Value =
        serde_json::from_str(&say(&["service", "status", "--json"])).unwrap();
    assert_eq!((&view["installed"], &view["current"]), (&true.into(), &true.into()), "{view}");
    let (unit, file) = (view["unit"].as_str().unwrap(), view["file"].as_str().unwrap());
    let told = fs::read_to_string(site.root().join("told")).unwrap();
    let wanted = format!("--user daemon-reload\n--user enable {unit}\n--user start {unit}\n");
    assert!(told.starts_with(&wanted), "{told}");
    // systemd itself finds nothing wrong, where it is installed.
    if let Ok(verified) =
        std::process::Command::new("systemd-analyze").args(["--user", "verify", file]).output()
    {
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert!(!said.contains(unit), "{said}");
        println!("systemd-analyze verify: {} {said}", verified.status);
    }
    say(&["service", "uninstall"]);
    assert!(!Path::new(file).exists());
    assert!(say(&["service", "status"]).contains("not installed"));
}

#[test]
fn without_a_manager_the_service_says_so_and_leaves_nothing() {
    let mut site = Own::new("");
    let (bin, home) = (site.root().join("bin"), site.root().join("home"));
    site.set("XDG_CONFIG_HOME", home.to_str().unwrap());
    let told = site.root().join("told");
    site.set("TOLD", told.to_str().unwrap());
    fs::create_dir_all(&bin).unwrap();
    site.set("PATH", bin.to_str().unwrap());
    let refused = |site: &Site| {
        let output = site.word(&["service", "install"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let left = fs::read_dir(home.join("systemd/user")).unwrap().count();
        assert_eq!(left, 0, "a unit that nobody reads is left behind");
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(&site);
    assert!(said.contains("no `systemctl`") && said.contains("cappuccino start"), "{said}");
    fake_systemctl(&bin, "echo 'Failed to connect to bus: No medium found' >&2; exit 1");
    let said = refused(&site);
    assert!(said.contains("Failed to connect to bus") && said.contains("enable-linger"), "{said}");
}

#[test]
fn a_trial_whose_worker_was_killed_is_told_with_the_command_that_helps() {
    let mut site = Own::new("");
    let mut writer = StudyWriter::open(&site.root().join("optuna.db"), "s").unwrap();
    let mut dead = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let trials = [dead.id(), std::process::id()].map(|pid| {
        let trial = writer.start_trial().unwrap();
        writer.set_user_attr(trial, "pid", &pid.into()).unwrap();
        trial
    });
    let number = trials[0].number;
    site.start_and_wait();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(site.status().unwrap().study.zombies, [], "both workers live");
    dead.kill().unwrap();
    dead.wait().unwrap();
    let alert = until("the abandoned trial is told", PATIENCE, || {
        let alerts = site.status().ok()?.alerts;
        alerts.into_iter().find(|alert| alert.key == "study/zombies")
    });
    assert!(alert.text.ends_with(&format!("nobody works on them: {number}")), "{alert:?}");
    let command = format!("for number in [{number}]]");
    assert!(
        alert.remedy.contains(&command) && alert.remedy.contains("study_name='s'"),
        "{alert:?}"
    );
    let listed = String::from_utf8(site.word(&["trials"]).output().unwrap().stdout).unwrap();
    assert!(listed.contains("nobody works on it any more"), "{listed}");
    writer.finish(trials[0], Ending::Failed).unwrap();
    until("it is over", PATIENCE, || site.status().ok()?.study.zombies.is_empty().then_some(()));
}
