//! Notifications by the real program, to servers that misbehave, to programs that hang, and to a
//! real notification daemon.

use cappuccino_core::api::{ChannelView, CommandBody};
use cappuccino_core::words::Span;
use cappuccino_headless::config::{Address, ChannelKind};
use cappuccino_headless::notify::bell::Bell;
use cappuccino_headless::notify::lane::Trouble;
use cappuccino_headless::notify::message::Message;
use cappuccino_headless::notify::secret::Secret;
use cappuccino_headless::notify::send::sender;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::daemon::{PATIENCE, Site};
use support::notify::{Reply, Server};
use support::process::lives;
use support::tls::certificate;
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

fn webhook(server: &Server, keys: &str) -> String {
    format!(
        "[[notify.channel]]\nkind = \"webhook\"\nname = \"hook\"\nurl = \"{}/h\"\n\
         about = [\"revision/*\"]\nretry_delay = \"50ms\"\nretry_delay_max = \"200ms\"\n{keys}\n",
        server.url()
    )
}

fn address(url: &str) -> Address {
    Address { url: Secret::Given(url.to_owned()), ca_file: None }
}

fn channels(site: &Site) -> Vec<ChannelView> {
    let output = site.word(&["notifications", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn channel(site: &Site, name: &str) -> ChannelView {
    channels(site).into_iter().find(|channel| channel.name == name).unwrap()
}

/// How often each line of the history was confirmed.
fn tellings(server: &Server) -> BTreeMap<u64, u32> {
    let mut tellings = BTreeMap::new();
    for asked in server.confirmed() {
        for line in asked.body["lines"].as_array().unwrap() {
            *tellings.entry(line.as_u64().unwrap()).or_default() += 1;
        }
    }
    tellings
}

/// Waits until a trial of this value is live and told about, and the channel has recorded that.
fn goes_live(site: &mut Site, server: &Server, value: f64) {
    let before = server.confirmed().len();
    site.finish_trial(value);
    until("it is told", PATIENCE, || (server.confirmed().len() > before).then_some(()));
    is_recorded(site, server);
}

/// Waits until the channel has recorded everything that was confirmed.
fn is_recorded(site: &Site, server: &Server) {
    let newest = *tellings(server).keys().last().unwrap();
    until("it is recorded", PATIENCE, || {
        (channel(site, "hook").delivered.0 >= newest).then_some(())
    });
}

#[test]
fn whatever_the_other_side_does_each_line_arrives_and_none_is_repeated_once_confirmed() {
    let server = Server::new([
        Reply::Status(429, "retry-after: 2\r\n"),
        Reply::Status(500, ""),
        Reply::Reset,
        Reply::Status(302, "location: http://127.0.0.1:1/\r\n"),
        Reply::Silence,
    ]);
    let mut site = Site::new(PROGRAM, &webhook(&server, ""));
    site.start_and_wait();
    goes_live(&mut site, &server, 1.0);
    let asked = server.asked();
    assert_eq!(asked.len(), 6, "five failures, one success");
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(2), "it waits as asked");
    assert!(asked[5].at - asked[4].at >= Duration::from_secs(9), "silence has a limit");
    assert!(asked.iter().all(|one| one.body == asked[0].body), "the same message each time");
    assert_eq!(asked[0].body["title"], "Cappuccino: revision 1 went live");
    assert_eq!(asked[0].body["severity"], "info");
    goes_live(&mut site, &server, 2.0);
    site.kill();
    site.start_and_wait();
    goes_live(&mut site, &server, 3.0);
    let tellings = tellings(&server);
    assert_eq!(tellings.len(), 3, "{tellings:?}");
    assert!(tellings.values().all(|times| *times == 1), "{tellings:?}");
    let view = channel(&site, "hook");
    assert_eq!((view.state.as_str(), view.waiting, view.dead.len()), ("ok", 0, 0));
}

#[test]
fn a_line_that_never_arrives_is_given_up_in_sight_and_the_next_one_is_told() {
    let server = Server::default();
    server.otherwise(Reply::Status(500, ""));
    let mut site = Site::new(PROGRAM, &webhook(&server, "max_tries = 3"));
    site.start_and_wait();
    site.finish_trial(1.0);
    let dead = until("it is given up", PATIENCE, || channel(&site, "hook").dead.pop());
    assert!(dead.text.starts_with("revision 1 went live"), "{dead:?}");
    assert_eq!(dead.why, "the server answers 500 Internal Server Error; it is tried again");
    assert_eq!(server.asked().len(), 3);
    assert!(site.runner_log().contains("`hook` gave 1 line(s) up"), "{}", site.runner_log());
    server.otherwise(Reply::Status(200, ""));
    goes_live(&mut site, &server, 2.0);
    // The record survives a restart, and what was given up stays so.
    site.kill();
    site.start_and_wait();
    let view = until("it is up", PATIENCE, || Some(channel(&site, "hook")));
    assert_eq!(view.dead, std::slice::from_ref(&dead));
    assert!(!tellings(&server).contains_key(&dead.sequence.0));
    let text = site.word(&["notifications"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("given up by hook: line"), "{text}");
}

#[test]
fn a_runner_killed_between_an_arrival_and_its_record_repeats_one_message_at_most() {
    let server = Server::new([Reply::Held]);
    let mut site = Site::new(PROGRAM, &webhook(&server, ""));
    site.start_and_wait();
    site.finish_trial(1.0);
    until("it is sent", PATIENCE, || (!server.asked().is_empty()).then_some(()));
    site.kill();
    // It had arrived all the same.
    server.release();
    until("it arrived", PATIENCE, || (!server.confirmed().is_empty()).then_some(()));
    site.start_and_wait();
    until("it is repeated", PATIENCE, || (server.confirmed().len() == 2).then_some(()));
    is_recorded(&site, &server);
    for value in [2.0, 3.0] {
        site.kill();
        site.start_and_wait();
        goes_live(&mut site, &server, value);
    }
    let tellings = tellings(&server);
    let times: Vec<u32> = tellings.values().copied().collect();
    assert_eq!(times, [2, 1, 1], "{tellings:?}");
}

#[test]
fn a_new_channel_begins_at_the_end_and_a_restored_backup_is_no_flood() {
    let server = Server::default();
    let mut site = Site::new(PROGRAM, "");
    site.start_and_wait();
    site.finish_trial(1.0);
    until("it is live", PATIENCE, || {
        (site.status().unwrap().deployment.phase == "live").then_some(())
    });
    site.kill();
    let config = site.root().join("cappuccino.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + &webhook(&server, "")).unwrap();
    // As after the restoration of an older backup: the channel is ahead of the history.
    let place = r#"{"version":1,"channels":{"hook":{"delivered":100000,"ahead":[100002]}}}"#;
    fs::write(site.workspace().notify_file(), place).unwrap();
    site.start_and_wait();
    goes_live(&mut site, &server, 2.0);
    assert_eq!(server.confirmed().len(), 1);
    assert_eq!(server.confirmed()[0].body["title"], "Cappuccino: revision 2 went live");
}

#[test]
fn good_news_of_the_night_waits_for_the_morning() {
    let server = Server::default();
    let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let clock = |hours: u64| format!("{:02}:00", (since_epoch / 3600 + hours) % 24);
    let quiet = format!("[notify]\nquiet_hours = \"{}-{}\"\n", clock(22), clock(2));
    let mut site = Site::new(PROGRAM, &(quiet.clone() + &webhook(&server, "")));
    site.set("TZ", "UTC");
    site.start_and_wait();
    site.finish_trial(1.0);
    let waits = || channels(&site).pop().filter(|view| view.waiting == 1);
    let view = until("it waits", PATIENCE, waits);
    assert_eq!(view.state, "waiting");
    assert!(server.asked().is_empty());
    site.kill();
    let config = site.root().join("cappuccino.toml");
    let text = fs::read_to_string(&config).unwrap().replace(&quiet, "");
    fs::write(&config, text).unwrap();
    site.start_and_wait();
    until("it is told", PATIENCE, || (server.confirmed().len() == 1).then_some(()));
}

#[test]
fn a_channel_that_hangs_delays_neither_the_others_nor_the_loop_nor_the_end() {
    let (silent, server) = (Server::default(), Server::default());
    silent.otherwise(Reply::Silence);
    let hanging = webhook(&silent, "").replace("\"hook\"", "\"silent\"");
    let desktop = "[[notify.channel]]\nkind = \"desktop\"\n";
    let mut site = Site::new(PROGRAM, &(hanging + desktop + &webhook(&server, "")));
    site.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    site.start_and_wait();
    goes_live(&mut site, &server, 1.0);
    until("it hangs", PATIENCE, || (!silent.asked().is_empty()).then_some(()));
    let mut slowest = Duration::ZERO;
    for turn in 0..20 {
        let began = Instant::now();
        let reason = || "a test".to_owned();
        let command = match turn % 2 {
            0 => CommandBody::Pause { pin: false, reason: reason() },
            _ => CommandBody::Resume,
        };
        site.ask(&format!("turn-{turn}"), command).unwrap();
        slowest = slowest.max(began.elapsed());
    }
    println!("slowest of 20 durable commands beside a hanging channel: {slowest:?}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let view = until("the bus is missed", PATIENCE, || {
        let view = channel(&site, "desktop");
        view.state.starts_with("unavailable: ").then_some(view)
    });
    assert!(view.waiting >= 1 && view.dead.is_empty(), "{view:?}");
    assert!(view.state.contains("log in to a desktop session"), "{view:?}");
    let began = Instant::now();
    site.ask("bye", CommandBody::Shutdown { keep_processes: true }).unwrap();
    site.wait_for_end();
    println!("gone after {:?} with a message under way", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn a_program_that_hangs_is_killed_with_its_children_and_others_get_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let command = ["sh", "-c", script].map(String::from).to_vec();
        let directory = folder.path().to_owned();
        let kind = ChannelKind::Command { command, directory };
        sender(&kind, Arc::new(Bell::default())).send(&Message::test("mine"))
    };
    run("cat > message.json; printf %s \"$CAPPUCCINO_SEVERITY $CAPPUCCINO_TITLE\" > said").unwrap();
    let message = fs::read(folder.path().join("message.json")).unwrap();
    let message: serde_json::Value = serde_json::from_slice(&message).unwrap();
    assert_eq!(message["body"], "the channel `mine` works");
    let said = fs::read_to_string(folder.path().join("said")).unwrap();
    assert_eq!(said, "info Cappuccino: a test");

    let refused = run("echo no printer >&2; exit 3").unwrap_err();
    assert!(refused.why().contains("exit status: 3 (no printer)"), "{refused:?}");

    let began = Instant::now();
    let hung = run("sleep 1000 & echo $! > child; sleep 1000").unwrap_err();
    assert!(hung.why().starts_with("it was killed after 10 s"), "{hung:?}");
    assert!(began.elapsed() < Duration::from_secs(13));
    let child: u32 =
        fs::read_to_string(folder.path().join("child")).unwrap().trim().parse().unwrap();
    until("its child is gone", PATIENCE, || (!lives(child)).then_some(()));
}

#[test]
fn each_service_is_spoken_to_in_its_own_words() {
    let server = Server::default();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "s3cret\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let (url, token) = (address(&server.url()), Secret::File(token));
    let message = Message { title: "a <b>".into(), ..Message::test("mine") };
    let kinds = [
        ChannelKind::Ntfy { url: url.clone(), topic: "desk".into(), token: Some(token.clone()) },
        ChannelKind::Slack { url: url.clone() },
        ChannelKind::Discord { url: url.clone() },
        ChannelKind::Webhook { url: url.clone(), token: None },
        ChannelKind::Telegram { url: url.clone(), token, chat_id: "7".into() },
        ChannelKind::Heartbeat { url, every: Span::minutes(1) },
    ];
    for kind in &kinds {
        sender(kind, Arc::new(Bell::default())).send(&message).unwrap();
    }
    let asked = server.asked();
    let [ntfy, slack, discord, webhook, telegram, heartbeat] = &asked[..] else { panic!() };
    assert_eq!((&ntfy.body["topic"], &ntfy.body["title"]), (&"desk".into(), &"a <b>".into()));
    assert!(ntfy.headers.contains("authorization: bearer s3cret"), "{}", ntfy.headers);
    assert_eq!(slack.body["text"], "*a &lt;b&gt;*\nthe channel `mine` works");
    assert_eq!(discord.body["content"], "**a <b>**\nthe channel `mine` works");
    assert_eq!(webhook.body["kind"], "test");
    assert!(!webhook.headers.contains("authorization"));
    assert_eq!(
        (telegram.path.as_str(), &telegram.body["chat_id"]),
        ("/bots3cret/sendMessage", &"7".into())
    );
    assert_eq!(heartbeat.method, "GET");
}

#[test]
fn a_test_message_tells_what_happened_and_never_a_secret() {
    let (server, refusing) = (Server::default(), Server::default());
    refusing.otherwise(Reply::Status(403, ""));
    let extra = format!(
        "{}[[notify.channel]]\nkind = \"slack\"\nurl = \"{}/services/T0/s3cret\"\n\
         [[notify.channel]]\nkind = \"discord\"\nurl = \"https://127.0.0.1:{}/s3cret\"\n\
         [[notify.channel]]\nkind = \"telegram\"\nchat_id = \"7\"\ntoken_env = \"NO_SUCH_TOKEN\"\n",
        webhook(&server, ""),
        refusing.url(),
        server.port(),
    );
    let mut site = Site::new(PROGRAM, &extra);
    let test = |site: &Site, words: &[&str]| {
        let output = site.word(words).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code().unwrap(), text.concat())
    };
    let (code, text) = test(&site, &["notify-test", "hook"]);
    assert_eq!((code, text.as_str()), (0, "hook (webhook): delivered\n"));
    let (code, text) = test(&site, &["notify-test", "fax"]);
    assert_eq!(code, 2);
    assert!(text.contains("there is no channel `fax`"), "{text}");
    let (code, text) = test(&site, &["notify-test"]);
    assert_eq!(code, 1);
    for said in [
        "hook (webhook): delivered",
        "slack (slack): failed: the server answers 403 Forbidden; check the token",
        "discord (discord): failed: no answer (",
        "telegram (telegram): failed: the variable NO_SUCH_TOKEN is not set; set it",
        "3 of 4 channel(s) did not deliver",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
    // Neither in the runner's log nor in what clients see.
    site.start_and_wait();
    site.finish_trial(1.0);
    until("discord fails", PATIENCE, || {
        channel(&site, "discord").state.starts_with("failing: ").then_some(())
    });
    let shown = serde_json::to_string(&channels(&site)).unwrap();
    assert!(!(site.runner_log() + &shown).contains("s3cret"));
}

#[test]
fn the_heartbeat_beats_while_the_loop_turns_and_stops_with_the_runner() {
    let server = Server::new([Reply::Status(503, "")]);
    let heartbeat = "[[notify.channel]]\nkind = \"heartbeat\"\nevery = \"1s\"\n";
    let url = format!("url = \"{}/ping\"\n", server.url());
    let mut site = Site::new(PROGRAM, &(heartbeat.to_owned() + &url));
    site.start_and_wait();
    until("three beats", PATIENCE, || (server.confirmed().len() >= 3).then_some(()));
    assert_eq!(channel(&site, "heartbeat").state, "ok");
    site.kill();
    let beats = server.asked().len();
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(server.asked().len(), beats, "the address notices");
}

#[test]
fn every_mistake_in_a_channel_names_its_place_and_remedy() {
    let refused = |text: &str, what: &str, remedy: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cappuccino.toml");
        fs::write(&file, format!("[study]\ndatabase = \"s.db\"\n{text}")).unwrap();
        let error = cappuccino_headless::config::load(&file).unwrap_err().to_string();
        assert!(error.contains(what) && error.contains(remedy), "{text}: {error}");
        assert!(error.contains("cappuccino.toml:"), "{error}");
    };
    refused("[notify]\nquiet_hours = \"22-7\"", "no stretch of the day", "22:00-07:00");
    refused(
        "[notify]\nquiet_hour = \"22:00-07:00\"",
        "unknown field",
        "did you mean `quiet_hours`?",
    );
    let channel = |keys: &str| format!("[[notify.channel]]\n{keys}\n");
    refused(&channel("kind = \"desktp\""), "unknown variant", "did you mean `desktop`?");
    refused(
        &channel("kind = \"desktop\"\nurl = \"http://a\""),
        "`url` is no key of a channel",
        "remove it",
    );
    refused(&channel("kind = \"ntfy\"\nurl = \"http://a\""), "needs `topic`", "docs/OPERATIONS.md");
    refused(&channel("kind = \"slack\""), "needs `url`, `url_env` or `url_file`", "add it");
    refused(&channel("kind = \"slack\"\nurl = \"a.b\""), "this is no address", "https://");
    refused(
        &channel("kind = \"slack\"\nurl = \"http://a\"\nurl_env = \"A\""),
        "two places",
        "keep one",
    );
    refused(&channel("kind = \"desktop\"\nmin_severity = \"warn\""), "unknown variant", "5:16");
    refused(&channel("kind = \"desktop\"\nmax_tries = \"3\""), "invalid type", "");
    refused(&(channel("kind = \"desktop\"").repeat(2)), "two channels named `desktop`", "`name`");
}

#[test]
fn a_server_must_prove_who_it_is_by_a_known_authority_or_the_one_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some(certificate) = certificate(folder.path()) else { return };
    let server = Server::encrypted(certificate, []);
    let ping = |ca_file: Option<&str>| {
        let ca_file = ca_file.map(|name| folder.path().join(name));
        let url = Address { ca_file, ..address(&server.url()) };
        let kind = ChannelKind::Heartbeat { url, every: Span::minutes(1) };
        sender(&kind, Arc::new(Bell::default())).send(&Message::test("x"))
    };
    let unknown = ping(None).unwrap_err();
    assert!(unknown.why().contains("certificate"), "{unknown:?}");
    let missing = ping(Some("none.pem")).unwrap_err();
    assert!(missing.why().contains("name a file of PEM certificates"), "{missing:?}");
    ping(Some("ca.pem")).unwrap();
}

#[test]
fn trouble_is_said_in_words() {
    let kind = ChannelKind::Webhook { url: address("http://127.0.0.1:1/s3cret"), token: None };
    let trouble = sender(&kind, Arc::new(Bell::default())).send(&Message::test("x")).unwrap_err();
    assert!(matches!(trouble, Trouble::Failed { .. }));
    assert!(trouble.why().contains("refused") && !trouble.why().contains("s3cret"), "{trouble:?}");
}
