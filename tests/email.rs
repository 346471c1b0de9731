//! Notifications by mail: the real program beside a mail server that misbehaves.

use cappuccino_core::api::ChannelView;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use support::daemon::{PATIENCE, Site};
use support::smtp::{Deed, Secrecy, Server, Step};
use support::tls::certificate;
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

/// A channel without secrecy, with these keys on top.
fn email(server: &Server, keys: &str) -> String {
    let to = if keys.contains("to = ") { "" } else { "to = [\"ada@example.org\"]\n" };
    format!(
        "[[notify.channel]]\nkind = \"email\"\nhost = \"localhost\"\ntls = \"none\"\n\
         port = {}\nfrom = \"Cappuccino <desk@example.org>\"\n{to}\
         about = [\"revision/*\"]\nretry_delay = \"50ms\"\nretry_delay_max = \"200ms\"\n{keys}\n",
        server.port()
    )
}

fn channel(site: &Site) -> ChannelView {
    let output = site.word(&["notifications", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Vec<ChannelView>>(&output.stdout).unwrap().remove(0)
}

/// Waits until the channel has nothing to tell any more, and a line like this is among the told.
fn is_told(site: &Site, server: &Server, title: &str) {
    until(title, PATIENCE, || {
        let told = server.confirmed().iter().any(|letter| letter.header("Subject") == title);
        (told && channel(site).waiting == 0).then_some(())
    });
}

#[test]
fn whatever_the_mail_server_does_each_line_arrives_and_none_is_repeated_once_confirmed() {
    let script = [
        (Step::Greeting, Deed::Say("421 try again later")),
        (Step::Sender, Deed::Silence),
        (Step::Reader, Deed::Say("451 greylisted")),
        (Step::Text, Deed::HangUp),
        (Step::End, Deed::Say("452 the disk is full")),
        (Step::End, Deed::HangUp),
    ];
    let server = Server::new(Secrecy::None, script.map(Some));
    let mut site = Site::new(PROGRAM, &email(&server, ""));
    site.start_and_wait();
    site.finish_trial(1.0);
    is_told(&site, &server, "Cappuccino: revision 1 went live");
    assert_eq!(server.talks(), script.len() + 1, "{:?}", server.said());
    let letters = server.letters();
    // Its text reached the server three times; what it gave no word on is the same mail again.
    let numbers: Vec<String> = letters.iter().map(|one| one.header("Message-ID")).collect();
    assert_eq!(numbers.len(), 3);
    assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
    let arrived = &letters[2];
    assert!(arrived.confirmed && !letters[0].confirmed && !letters[1].confirmed);
    assert_eq!(
        (arrived.from.as_str(), &arrived.to[..]),
        ("desk@example.org", &["ada@example.org".to_owned()][..])
    );
    assert_eq!(arrived.header("Auto-Submitted"), "auto-generated");
    assert!(arrived.text.contains("revision 1 went live"), "{}", arrived.text);
    for value in [2.0, 3.0] {
        site.kill();
        site.start_and_wait();
        site.finish_trial(value);
        is_told(&site, &server, &format!("Cappuccino: revision {value} went live"));
    }
    assert_eq!(server.confirmed().len(), 3, "nothing is repeated");
}

#[test]
fn a_mail_that_is_refused_for_good_is_given_up_at_once_in_sight_and_the_next_one_is_sent() {
    let server =
        Server::new(Secrecy::None, [Some((Step::Reader, Deed::Say("550 no such reader"))), None]);
    let mut site = Site::new(PROGRAM, &email(&server, ""));
    site.start_and_wait();
    site.finish_trial(1.0);
    let dead = until("it is given up", PATIENCE, || channel(&site).dead.pop());
    assert!(dead.text.starts_with("revision 1 went live"), "{dead:?}");
    assert!(dead.why.contains("ada@example.org: the server refuses it"), "{dead:?}");
    assert!(dead.why.contains("550") && dead.why.contains("no such reader"), "{dead:?}");
    assert_eq!(server.talks(), 1, "a refusal is not asked for twice");
    site.finish_trial(2.0);
    is_told(&site, &server, "Cappuccino: revision 2 went live");
    assert_eq!((server.talks(), channel(&site).state.as_str()), (2, "ok"));
}

#[test]
fn who_is_refused_for_good_keeps_no_mail_from_the_others_and_who_must_wait_gets_no_other_twice() {
    let server = Server::new(Secrecy::None, []);
    let keys = "to = [\"Ada <ada@example.org>\", \"bob@example.org\"]\n";
    let mut site = Site::new(PROGRAM, &email(&server, keys));
    server.refuse("bob@example.org", Some("550 bob left"));
    site.start_and_wait();
    site.finish_trial(1.0);
    is_told(&site, &server, "Cappuccino: revision 1 went live");
    assert_eq!(server.letters()[0].to, ["ada@example.org"]);
    assert!(site.runner_log().contains("bob left"), "{}", site.runner_log());

    server.refuse("bob@example.org", Some("450 later"));
    site.finish_trial(2.0);
    until("it waits", PATIENCE, || channel(&site).state.contains("later").then_some(()));
    server.refuse("bob@example.org", None);
    is_told(&site, &server, "Cappuccino: revision 2 went live");
    assert_eq!(server.letters().len(), 2);
    assert_eq!(server.letters()[1].to, ["ada@example.org", "bob@example.org"]);
}

/// `notify-test` with these keys; its answer, without the server's port.
fn try_it(folder: &Path, server: &Server, keys: &str) -> String {
    let text = format!(
        "[study]\ndatabase = \"s.db\"\n[[notify.channel]]\nkind = \"email\"\nport = {}\n\
         from = \"desk@example.org\"\nto = [\"ada@example.org\"]\n{keys}",
        server.port()
    );
    fs::write(folder.join("cappuccino.toml"), text).unwrap();
    let output = std::process::Command::new(PROGRAM)
        .args(["notify-test", "--workspace"])
        .arg(folder)
        .output()
        .unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn a_password_is_said_to_nobody_but_the_proven_server() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(config) = certificate(folder) else { return };
    fs::write(folder.join("password"), "s3cret\n").unwrap();
    fs::set_permissions(folder.join("password"), fs::Permissions::from_mode(0o600)).unwrap();
    let login = "user = \"desk\"\npassword_file = \"password\"\n";
    let servers = [
        ("starttls", Server::new(Secrecy::Starttls(config.clone()), [])),
        ("tls", Server::new(Secrecy::Tls(config.clone()), [])),
    ];
    for (tls, server) in &servers {
        let ours = format!("host = \"localhost\"\ntls = \"{tls}\"\nca_file = \"ca.pem\"\n{login}");
        assert_eq!(try_it(folder, server, &ours), "email (email): delivered\n");
        let letter = server.confirmed().remove(0);
        assert!(letter.encrypted);
        // RFC 4616, as base64: NUL desk NUL s3cret.
        assert_eq!(letter.login.as_deref(), Some("AGRlc2sAczNjcmV0"));

        let before = server.said().len();
        let unknown = try_it(folder, server, &ours.replace("ca_file = \"ca.pem\"\n", ""));
        assert!(unknown.contains("certificate"), "{unknown}");
        let other_name = try_it(folder, server, &ours.replace("localhost", "127.0.0.1"));
        assert!(other_name.contains("certificate"), "{other_name}");
        let said = server.said().split_off(before);
        assert!(said.iter().all(|line| !line.starts_with("AUTH")), "{said:?}");
    }
    let plain = Server::new(Secrecy::None, []);
    let keys = format!("host = \"localhost\"\nca_file = \"ca.pem\"\n{login}");
    let refused = try_it(folder, &plain, &keys);
    assert!(refused.contains("STARTTLS is not supported"), "{refused}");
    assert!(plain.said().iter().all(|line| line.starts_with("EHLO") || line == "QUIT"));

    let script = [Some((Step::SignIn, Deed::Say("535 who are you?")))];
    let server = Server::new(Secrecy::Starttls(config), script);
    let refused = try_it(folder, &server, &keys);
    assert!(refused.contains("check `user` and the password"), "{refused}");
    assert!(!refused.contains("s3cret"), "{refused}");
}

#[test]
fn a_server_that_says_nothing_costs_ten_seconds_of_one_thread() {
    let server = Server::new(Secrecy::None, [Some((Step::Greeting, Deed::Silence))]);
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let text = try_it(folder.path(), &server, "host = \"localhost\"\ntls = \"none\"\n");
    assert!(text.contains("localhost does not take mail"), "{text}");
    println!("given up after {:?}", began.elapsed());
    assert!(began.elapsed() >= Duration::from_secs(9), "{:?}", began.elapsed());
}

#[test]
fn every_mistake_in_a_mail_channel_names_its_place_and_remedy() {
    let refused = |keys: &str, what: &str, remedy: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cappuccino.toml");
        let good = "kind = \"email\"\nhost = \"mail.example.org\"\nfrom = \"a@b.org\"\n\
                    to = [\"c@d.org\"]\n";
        let names = keys.lines().filter_map(|line| line.split(" = ").next());
        let names: Vec<&str> = names.collect();
        let kept = |line: &&str| !names.contains(&line.split(" = ").next().unwrap());
        let rest: Vec<&str> = good.lines().filter(kept).collect();
        let keys = keys.lines().filter(|line| !line.ends_with("= absent"));
        let keys: Vec<&str> = rest.into_iter().chain(keys).collect();
        let keys = keys.join("\n");
        let text = format!("[study]\ndatabase = \"s.db\"\n[[notify.channel]]\n{keys}\n");
        fs::write(&file, text).unwrap();
        let error = cappuccino_headless::config::load(&file).unwrap_err().to_string();
        assert!(error.contains(what) && error.contains(remedy), "{keys}: {error}");
        assert!(error.contains("cappuccino.toml:"), "{error}");
    };
    refused("host = absent", "needs `host`", "docs/OPERATIONS.md");
    refused("from = absent", "needs `from`", "add it");
    refused("to = []", "needs `to`", "add it");
    refused("to = [\"c@d.org\", \"c d\"]", "`c d` is no mail address", "me@example.org");
    refused("from = \"ü@b.org\"", "is no mail address", "ASCII");
    refused("tls = \"none\"", "could read the mail and the password", "\"starttls\"");
    refused("tls = \"ssl\"", "unknown variant", "`starttls`");
    refused("port = 0", "nonzero", "");
    refused("user = \"me\"", "needs `password_env` or `password_file`", "add it");
    refused("password_env = \"P\"", "needs `user`", "add it");
    refused("url = \"http://a\"", "`url` is no key of a channel of kind `email`", "host, port");
}
