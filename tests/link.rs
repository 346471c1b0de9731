//! The app's link to the runner: what it tells of runners that come, go, lie, or say nothing.

use cappuccino_core::api::{CAPABILITIES, CommandBody, CommandRequest};
use cappuccino_core::words::{
    Generation, Note, ProcessName, RequestId, RevisionId, Span, TrialNumber, Verdict,
};
use cappuccino_gui::link::{Link, RunnerLink};
use cappuccino_gui::news::{Foreseen, News, Outcome, SeriesWish, Wish};
use cappuccino_gui::place::Place;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use support::api::{Window, noon};
use support::wait::until;

const PATIENCE: Duration = Duration::from_secs(20);

/// A link and everything it told.
struct Ear {
    link: RunnerLink,
    heard: Vec<News>,
}

impl Ear {
    fn at(socket: PathBuf) -> Self {
        let root = socket.parent().unwrap().to_owned();
        let place = Place { root, sockets: vec![socket] };
        Self { link: RunnerLink::start(place, Arc::new(|| {})).unwrap(), heard: Vec::new() }
    }

    /// Waits until something is told that `wanted` takes; everything up to there is forgotten.
    fn hear<T>(&mut self, what: &str, wanted: impl Fn(&News) -> Option<T>) -> T {
        until(what, PATIENCE, || {
            self.heard.extend(self.link.news());
            let place = self.heard.iter().position(|news| wanted(news).is_some())?;
            let found = wanted(&self.heard[place]);
            self.heard.drain(..=place);
            found
        })
    }

    fn hear_end(&mut self) -> (String, bool) {
        self.hear("the end of the conversation", |news| match news {
            News::Disconnected { why, absent, .. } => Some((why.clone(), *absent)),
            _ => None,
        })
    }
}

fn ask(id: &str) -> Wish {
    Wish::Ask(CommandRequest {
        id: RequestId(id.into()),
        actor: "test".into(),
        expected: Some(Generation(7)),
        command: CommandBody::Approve,
    })
}

fn foresee(id: &str) -> Wish {
    Wish::Foresee(CommandRequest {
        id: RequestId(id.into()),
        actor: "test".into(),
        expected: None,
        command: CommandBody::Rollback { to: None, hold: true, reason: String::new() },
    })
}

#[test]
fn a_runner_is_met_followed_asked_and_missed() {
    let mut window = Window::open();
    let mut ear = Ear::at(window.socket());
    ear.hear("who it is", |news| matches!(news, News::Connected(_)).then_some(()));
    ear.hear("its picture", |news| matches!(news, News::Status(_)).then_some(()));
    let dots = ear.hear("the study", |news| match news {
        News::Chart(chart) => Some(chart.dots.len()),
        _ => None,
    });
    assert_eq!(dots, support::api::trials().len());
    window.remember([Note::RunnerStarted]);
    let note = ear.hear("a new line", |news| match news {
        News::Line(line) => Some(line.note.clone()),
        _ => None,
    });
    assert_eq!(note, Note::RunnerStarted);
    assert!(ear.link.wish(ask("one")));
    let id = ear.hear("the answer", |news| match news {
        News::Answered(id, Outcome::Accepted(_)) => Some(id.0.clone()),
        _ => None,
    });
    assert_eq!(id, "one");
    assert!(ear.link.wish(Wish::FollowLog(Some((ProcessName::new("nobody").unwrap(), None)))));
    ear.hear("that there is no log", |news| matches!(news, News::LogFailed(..)).then_some(()));
    assert!(ear.link.wish(foresee("three")));
    let lines = ear.hear("what it would lead to", |news| match news {
        News::Foreseen(_, Foreseen::Leads(foresight)) => Some(foresight.lines.clone()),
        _ => None,
    });
    assert_eq!(lines, ["deployment 8 of revision 2: rolling back"]);
    assert!(ear.link.wish(Wish::Params(TrialNumber(411))));
    let params = ear.hear("what a trial was drawn with", |news| match news {
        News::Params(number, Ok(params)) => Some((*number, params[0].value.clone())),
        _ => None,
    });
    assert_eq!(params, (TrialNumber(411), "0.0003".into()));
    assert!(ear.link.wish(Wish::Params(TrialNumber(9999))));
    let why = ear.hear("that there is no such trial", |news| match news {
        News::Params(_, Err(why)) => Some(why.clone()),
        _ => None,
    });
    assert!(why.contains("no trial 9999"), "{why}");
    let verdict = Verdict { steps: Vec::new() };
    window.remember([Note::ModelExamined(RevisionId(2), TrialNumber(300), verdict)]);
    window.remember(vec![Note::RunnerStarted; 1_500]);
    for (revision, is_there) in [(2, true), (9, false)] {
        assert!(ear.link.wish(Wish::Examination(RevisionId(revision))));
        let found = ear.hear("an examination far back", |news| match news {
            News::Examined(of, found) if of.0 == revision => Some(found.clone()),
            _ => None,
        });
        assert_eq!(found.unwrap().is_some(), is_there, "revision {revision}");
    }
    assert!(ear.link.wish(Wish::FollowLanes(true)));
    ear.hear("the lanes", |news| matches!(news, News::Lanes(_)).then_some(()));
    window.close();
    ear.hear_end();
    assert!(ear.link.wish(foresee("four")));
    ear.hear("that nobody foresees", |news| {
        matches!(news, News::Foreseen(_, Foreseen::Unknown(_))).then_some(())
    });
    assert!(ear.link.wish(ask("two")));
    let why = ear.hear("that nobody was asked", |news| match news {
        News::Answered(_, Outcome::Refused { why, .. }) => Some(why.clone()),
        _ => None,
    });
    assert!(why.contains("no runner"), "{why}");
}

#[test]
fn no_runner_is_no_error_and_one_that_comes_later_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut ear = Ear::at(folder.path().join("api.sock"));
    assert_eq!(ear.hear_end(), ("no runner is up for this workspace".into(), true));
    // Its socket file without anybody behind it is the same.
    drop(UnixListener::bind(folder.path().join("api.sock")).unwrap());
    assert!(ear.link.wish(Wish::Retry));
    assert!(ear.hear_end().1);
}

#[test]
fn the_series_of_a_screen_come_together_also_from_a_runner_that_knows_no_such_question() {
    for capabilities in [CAPABILITIES.map(str::to_owned).to_vec(), Vec::new()] {
        let mut window = Window::open();
        window.measure("host/cpu", 12.5);
        window.measure("gpu/0/power", 250.0);
        window.close();
        window.capabilities = capabilities.clone();
        window.serve();
        let mut ear = Ear::at(window.socket());
        let names = ["host/cpu", "disk/used", "gpu/0/power"].map(str::to_owned).to_vec();
        let end = Some(noon().plus(Span::minutes(1)));
        let wish = SeriesWish { names, length: Span::hours(1), end, buckets: 100 };
        ear.hear("who it is", |news| matches!(news, News::Connected(_)).then_some(()));
        assert!(ear.link.wish(Wish::FollowSeries(Some(wish))));
        let found = ear.hear("the series", |news| match news {
            News::Series(found) => Some(found.clone()),
            _ => None,
        });
        let newest: Vec<_> =
            found.iter().map(|(name, one)| (&**name, one.buckets[0].last)).collect();
        let wanted = [("gpu/0/power", Some(250.0)), ("host/cpu", Some(12.5))];
        assert_eq!(newest, wanted, "{capabilities:?}: what is not measured is left out");
    }
}

/// Lets everything through to `window` but requests that begin with this.
fn holding_back(window: &Path, held: &'static str) -> tempfile::TempDir {
    let (folder, window) = (tempfile::tempdir().unwrap(), window.to_owned());
    let listener = UnixListener::bind(folder.path().join("api.sock")).unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut server = UnixStream::connect(&window).unwrap();
            let (mut back, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut back, &mut to));
            std::thread::spawn(move || {
                let mut asked = [0; 4096];
                while let Ok(count @ 1..) = client.read(&mut asked) {
                    if !asked.starts_with(held.as_bytes()) {
                        server.write_all(&asked[..count]).unwrap();
                    }
                }
            });
        }
    });
    folder
}

#[test]
fn wishes_are_granted_while_a_reading_hangs_and_it_does_not_hang_for_ever() {
    let window = Window::open();
    let slow = holding_back(&window.socket(), "GET /v1/trials/chart");
    let mut ear = Ear::at(slow.path().join("api.sock"));
    ear.hear("who it is", |news| matches!(news, News::Connected(_)).then_some(()));
    assert!(ear.link.wish(foresee("meanwhile")));
    assert!(ear.link.wish(ask("too")));
    let answered = |news: &News| match news {
        News::Foreseen(..) | News::Answered(..) => Some(Ok(())),
        News::Disconnected { why, .. } => Some(Err(why.clone())),
        _ => None,
    };
    assert_eq!(ear.hear("the one answer", answered), Ok(()));
    assert_eq!(ear.hear("the other answer", answered), Ok(()));
    let why = ear.hear_end().0;
    assert!(why.contains("did not answer within 5 s"), "{why}");
}

#[test]
fn only_the_model_that_is_looked_at_last_is_searched_for_in_the_history() {
    let window = Window::open();
    let slow = holding_back(&window.socket(), "GET /v1/history?before=");
    let mut ear = Ear::at(slow.path().join("api.sock"));
    ear.hear("who it is", |news| matches!(news, News::Connected(_)).then_some(()));
    for revision in [2, 9] {
        assert!(ear.link.wish(Wish::Examination(RevisionId(revision))));
    }
    let first = ear.hear("that a search failed", |news| match news {
        News::Examined(of, Err(_)) => Some(*of),
        _ => None,
    });
    assert_eq!(first, RevisionId(9), "the former search went on");
}

/// Answers every connection with these bytes, or keeps it open and says nothing.
fn liar(socket: &Path, answer: Option<&'static [u8]>) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for mut stream in listener.incoming().flatten() {
            if let Some(answer) = answer {
                let mut asked = [0; 4096];
                let _read = stream.read(&mut asked);
                let _written = stream.write_all(answer);
            } else {
                open.push(stream);
            }
        }
    });
}

#[test]
fn garbage_is_said_to_be_garbage_and_silence_does_not_last() {
    let cases: [(Option<&'static [u8]>, &str); 5] = [
        (Some(b"\0\x01garbage\r\n\r\n"), "broke"),
        (Some(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{\"a\":1}"), "not understood"),
        (Some(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{"), "broke"),
        (Some(b"HTTP/1.1 500 Oh\r\ncontent-length: 15\r\n\r\n{\"error\":\"no.\"}"), "no."),
        (None, "did not answer within"),
    ];
    for (answer, wanted) in cases {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("api.sock");
        liar(&socket, answer);
        let (why, absent) = Ear::at(socket).hear_end();
        assert!(why.contains(wanted) && !absent, "{answer:?} is told as {why:?}");
    }
}
