//! Every channel of the web beside every way in which a server fails, at one runner at a time.

use cappuccino_core::api::{AlertView, ChannelView};
use cappuccino_core::words::{Note, Sequence};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::daemon::{PATIENCE, Site};
use support::notify::{Asked, Reply, Server};
use support::tls::certificate;
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
const KINDS: [&str; 6] = ["ntfy", "slack", "discord", "webhook", "telegram", "heartbeat"];

/// What a server does to the first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    None,
    /// 429, and when to come again.
    TooMany,
    /// 500.
    Broken,
    /// It takes the message and says nothing.
    Silent,
    /// Its certificate is of an authority that is not the named one, until that is put right.
    Stranger,
    /// It is not there, until it is.
    Refused,
}

const MISHAPS: [Mishap; 6] = [
    Mishap::None,
    Mishap::TooMany,
    Mishap::Broken,
    Mishap::Silent,
    Mishap::Stranger,
    Mishap::Refused,
];

struct Case {
    kind: &'static str,
    mishap: Mishap,
    server: Server,
    door: Option<OwnedFd>,
}

impl Case {
    fn name(&self) -> String {
        format!("{}-{:?}", self.kind, self.mishap)
    }

    fn is_heartbeat(&self) -> bool {
        self.kind == "heartbeat"
    }

    /// How often a revision's start was confirmed; a heartbeat tells of none.
    fn told(&self, revision: u32) -> usize {
        let text = format!("revision {revision} went live");
        let tells = |asked: &&Asked| asked.body.to_string().contains(&text);
        self.server.confirmed().iter().filter(tells).count()
    }

    fn configuration(&self, authority: &Path) -> String {
        let keys = match self.kind {
            "ntfy" => "topic = \"desk\"\n",
            "telegram" => "chat_id = \"7\"\ntoken_env = \"BOT_TOKEN\"\n",
            "heartbeat" => "every = \"1s\"\n",
            _ => "",
        };
        let telling = "about = [\"revision/*\"]\nretry_delay = \"50ms\"\n\
                       retry_delay_max = \"200ms\"\n";
        let (name, kind, url) = (self.name(), self.kind, self.server.url());
        format!(
            "[[notify.channel]]\nname = \"{name}\"\nkind = \"{kind}\"\nurl = \"{url}\"\n\
             ca_file = {authority:?}\n{keys}{}",
            if self.is_heartbeat() { "" } else { telling },
        )
    }
}

/// Every case, and the file in which the authority is looked up: a stranger at first.
fn cases(folder: &Path) -> Option<(Vec<Case>, PathBuf, PathBuf)> {
    let of = |name: &str| {
        let folder = folder.join(name);
        fs::create_dir(&folder).unwrap();
        certificate(&folder).map(|config| (config, folder.join("ca.pem")))
    };
    let ((config, ours), (_, strange)) = (of("ours")?, of("strange")?);
    let authority = folder.join("authority.pem");
    fs::copy(strange, &authority).unwrap();
    let case = |kind, mishap| {
        let script = match mishap {
            Mishap::TooMany => Some(Reply::Status(429, "retry-after: 2\r\n")),
            Mishap::Broken => Some(Reply::Status(500, "")),
            Mishap::Silent => Some(Reply::Silence),
            Mishap::None | Mishap::Stranger | Mishap::Refused => None,
        };
        let tls = (mishap == Mishap::Stranger).then(|| config.clone());
        let (server, door) = Server::closed(tls, script);
        let door = Some(door).filter(|door| {
            let stays_closed = mishap == Mishap::Refused;
            if !stays_closed {
                server.open(door);
            }
            stays_closed
        });
        Case { kind, mishap, server, door }
    };
    let all = KINDS.iter().flat_map(|kind| MISHAPS.map(|mishap| case(kind, mishap))).collect();
    Some((all, authority, ours))
}

fn channels(site: &Site) -> Vec<ChannelView> {
    let output = site.word(&["notifications", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn is_live(site: &Site, revision: u64) -> Sequence {
    until("it is live", PATIENCE, || {
        let went = |note: &Note| matches!(note, Note::WentLive(_, id, ..) if id.0 == revision);
        site.history().into_iter().find(|entry| went(&entry.note)).map(|entry| entry.sequence)
    })
}

/// Waits until every channel has recorded that it told this line, and every heart beats.
fn all_told(site: &Site, line: Sequence) {
    until("every channel has told it", PATIENCE * 2, || {
        let told = |view: &ChannelView| {
            view.state == "ok" && (view.kind == "heartbeat" || view.delivered >= line)
        };
        channels(site).iter().all(told).then_some(())
    });
}

#[test]
fn each_channel_tells_each_line_once_whatever_its_server_does_first() {
    let folder = tempfile::tempdir().unwrap();
    let Some((cases, authority, ours)) = cases(folder.path()) else { return };
    let configuration: String = cases.iter().map(|case| case.configuration(&authority)).collect();
    let mut site = Site::new(PROGRAM, &configuration);
    site.set("BOT_TOKEN", "s3cret");
    site.start_and_wait();
    site.finish_trial(1.0);
    let line = is_live(&site, 1);
    // Who cannot be reached says why.
    until("those without a server fail", PATIENCE, || {
        let views = channels(&site);
        let says = |case: &&Case| match case.mishap {
            Mishap::Stranger => "certificate",
            Mishap::Refused => "refused",
            Mishap::None | Mishap::TooMany | Mishap::Broken | Mishap::Silent => "",
        };
        let fails = |case: &Case| {
            let view = views.iter().find(|view| view.name == case.name());
            view.is_some_and(|view| view.state.contains(says(&case)))
        };
        cases.iter().all(fails).then_some(())
    });
    let next = folder.path().join("next.pem");
    fs::copy(ours, &next).unwrap();
    fs::rename(next, &authority).unwrap();
    for case in &cases {
        if let Some(door) = &case.door {
            assert!(case.server.asked().is_empty(), "{}", case.name());
            case.server.open(door);
        }
    }
    all_told(&site, line);
    for case in &cases {
        let (name, asked) = (case.name(), case.server.asked());
        assert!(!case.server.confirmed().is_empty(), "{name}");
        let pause = |least: u64| {
            let pause = asked[1].at - asked[0].at;
            assert!(pause >= Duration::from_secs(least), "{name}: again after {pause:?}");
        };
        match case.mishap {
            Mishap::TooMany => pause(2),
            Mishap::Silent => pause(9),
            Mishap::None | Mishap::Broken | Mishap::Stranger | Mishap::Refused => {}
        }
        assert!(!site.runner_log().contains("s3cret"));
    }
    site.kill();
    site.start_and_wait();
    site.finish_trial(2.0);
    all_told(&site, is_live(&site, 2));
    for case in cases.iter().filter(|case| !case.is_heartbeat()) {
        assert_eq!((case.told(1), case.told(2)), (1, 1), "{}", case.name());
    }
}

fn alerts(site: &Site) -> Vec<AlertView> {
    let alerts = site.status().unwrap().alerts.into_iter();
    alerts.filter(|alert| alert.key.starts_with("notify/")).collect()
}

#[test]
fn what_a_channel_gives_up_is_an_alert_until_it_works_again() {
    let server = Server::default();
    server.otherwise(Reply::Status(500, ""));
    let case = |kind| {
        let case = Case { kind, mishap: Mishap::Broken, server: server.clone(), door: None };
        let keys = case.configuration(Path::new("ca.pem")).replace("ca_file = \"ca.pem\"\n", "");
        let tries = if case.is_heartbeat() { "" } else { "max_tries = 3\n" };
        keys + tries
    };
    let configuration: String = KINDS.map(&case).concat();
    let mut site = Site::new(PROGRAM, &configuration);
    site.set("BOT_TOKEN", "s3cret");
    site.start_and_wait();
    site.finish_trial(1.0);
    let expected: Vec<String> = KINDS.iter().map(|kind| format!("notify/{kind}-Broken")).collect();
    until("each channel that fails is an alert", PATIENCE, || {
        let alerts = alerts(&site);
        let raised = |key: &String| alerts.iter().any(|alert| alert.key == *key);
        expected.iter().all(raised).then_some(())
    });
    for view in channels(&site).iter().filter(|view| view.kind != "heartbeat") {
        assert!(view.dead[0].text.starts_with("revision 1 went live"), "{view:?}");
    }
    let output = site.word(&["alerts"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("the channel `slack-Broken` does not get through"), "{text}");
    assert!(text.contains("cappuccino notify-test slack-Broken"), "{text}");

    server.otherwise(Reply::Status(200, ""));
    site.finish_trial(2.0);
    all_told(&site, is_live(&site, 2));
    until("the alerts are over", PATIENCE, || alerts(&site).is_empty().then_some(()));
    // One that is configured no more fails no more, and one that is begun anew with nothing left to
    // tell is not held to what it failed at before.
    server.otherwise(Reply::Status(500, ""));
    site.finish_trial(3.0);
    until("they fail again", PATIENCE, || (alerts(&site).len() == KINDS.len()).then_some(()));
    let all_given_up = || channels(&site).iter().all(|view| view.waiting == 0);
    until("everything is given up", PATIENCE, || all_given_up().then_some(()));
    site.kill();
    server.otherwise(Reply::Status(200, ""));
    let file = site.root().join("cappuccino.toml");
    let text = fs::read_to_string(&file).unwrap().replace(&case(KINDS[0]), "");
    fs::write(&file, text).unwrap();
    site.start_and_wait();
    until("the alerts are over", PATIENCE, || alerts(&site).is_empty().then_some(()));
}
