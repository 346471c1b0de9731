//! The window under clients of every kind: gaps, impatience, garbage, and clients that never read.

use cappuccino_core::api::{CommandBody, CommandRequest, ErrorBody, Status};
use cappuccino_core::client::ClientError;
use cappuccino_core::store::Entry;
use cappuccino_core::words::{Generation, Note, Refusal, RequestId, Sequence};
use cappuccino_headless::serve::port::AskError;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use support::api::{Window, connect, every_note};
use support::wait::until;

const PATIENCE: Duration = Duration::from_secs(20);
const NOON: &str = "2026-03-01T12:00:00Z";

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("no answer") })
}

fn request(id: &str, expected: Option<u64>) -> CommandRequest {
    CommandRequest {
        id: RequestId(id.into()),
        actor: "test".into(),
        expected: expected.map(Generation),
        command: CommandBody::Approve,
    }
}

/// Sends bytes, reads until the other end closes.
fn exchange(window: &Window, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(window.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A server that closes before it read everything resets the connection after its answer.
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(window: &Window, path: &str, headers: &str) -> (u16, String) {
    ask(window, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n"))
}

fn post(window: &Window, body: &str) -> (u16, String) {
    let length = body.len();
    ask(
        window,
        &format!(
            "POST /v1/commands HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{body}"
        ),
    )
}

fn ask(window: &Window, text: &str) -> (u16, String) {
    let answer = exchange(window, text.as_bytes());
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (code, body.to_owned())
}

#[test]
fn a_client_that_comes_and_goes_hears_every_line_once() {
    let mut window = Window::open();
    let socket = window.socket();
    let listener = std::thread::spawn(move || {
        let mut heard: Vec<u64> = Vec::new();
        let mut visits = 0;
        while heard.len() < 200 {
            visits += 1;
            block_on(async {
                let seen = Sequence(heard.last().copied().unwrap_or(0));
                let mut events = connect(&socket).await.events(Some(seen)).await.unwrap();
                // A different number of lines each time, so that the breaks fall everywhere.
                let stay = heard.len() + 1 + visits * 7 % 13;
                while heard.len() < stay.min(200) {
                    let event = events.next().await.unwrap().unwrap();
                    if event.name == "message" {
                        let entry: Entry = event.json().unwrap();
                        assert_eq!(Some(entry.sequence), event.id);
                        heard.push(entry.sequence.0);
                    }
                }
            });
        }
        (heard, visits)
    });
    for _ in 0..50 {
        window.remember(vec![Note::RunnerStarted; 4]);
    }
    let (heard, visits) = listener.join().unwrap();
    assert_eq!(heard, (1..=200).collect::<Vec<u64>>());
    assert!(visits > 20, "{visits} visits prove little");
}

#[test]
fn a_new_client_gets_the_picture_first_and_then_what_is_new() {
    let mut window = Window::open();
    window.remember(every_note());
    block_on(async {
        let mut events = window.connect().await.events(None).await.unwrap();
        let first = events.next().await.unwrap().unwrap();
        let status: Status = first.json().unwrap();
        assert_eq!((first.name.as_str(), status.deployment.generation), ("status", Generation(7)));
        window.remember([Note::RunnerStopping]);
        let line = events.next().await.unwrap().unwrap();
        assert_eq!(line.id, Some(Sequence(every_note().len() as u64 + 1)));
    });
}

#[test]
fn streams_end_in_order_when_the_runner_goes_down() {
    let mut window = Window::open();
    let socket = window.socket();
    let (listening, is_listening) = std::sync::mpsc::channel();
    let listener = std::thread::spawn(move || {
        block_on(async {
            let mut events = connect(&socket).await.events(Some(Sequence(0))).await.unwrap();
            listening.send(()).unwrap();
            let mut lines = 0;
            while let Some(event) = events.next().await.expect("no broken end") {
                lines += usize::from(event.name == "message");
            }
            lines
        })
    });
    is_listening.recv().unwrap();
    window.remember([Note::RunnerStopping]);
    let began = Instant::now();
    window.close();
    assert_eq!(listener.join().unwrap(), 1);
    assert!(began.elapsed() < Duration::from_secs(2), "nobody held the runner up");
}

#[test]
fn an_older_picture_is_refused_with_the_present_one() {
    let window = Window::open();
    window.answer(|request| {
        let expected = request.expected.unwrap_or_default();
        let refusal = Refusal::Stale { expected, actual: Generation(7) };
        Some(Err(AskError::Refused(refusal)))
    });
    let error = block_on(async { window.connect().await.command(&request("a", Some(3))).await });
    assert!(error.as_ref().is_err_and(ClientError::is_stale), "{error:?}");
    let Err(ClientError::Refused { body, .. }) = error else { panic!("refused") };
    assert!(body.error.contains("you saw generation 3, it is 7"), "{}", body.error);
    assert_eq!(body.status.unwrap().deployment.generation, Generation(7));
}

#[test]
fn a_request_sent_twice_reaches_the_runner_twice_under_one_id() {
    let window = Window::open();
    block_on(async {
        let mut client = window.connect().await;
        let once = client.command(&request("same", None)).await.unwrap();
        assert_eq!(client.command(&request("same", None)).await.unwrap(), once);
    });
    let ids: Vec<_> = window.asked().into_iter().map(|request| request.id.0).collect();
    assert_eq!(ids, ["same", "same"], "whether it acts twice is the runner's to decide");
}

#[test]
fn clients_that_wait_for_an_answer_hold_nobody_up() {
    let window = Window::open();
    window.answer(|_| None);
    let mut waiting: Vec<UnixStream> = Vec::new();
    let body = serde_json::to_string(&request("x", None)).unwrap();
    for _ in 0..4 {
        let mut stream = UnixStream::connect(window.socket()).unwrap();
        write!(
            stream,
            "POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        waiting.push(stream);
    }
    until("all were asked", PATIENCE, || (window.asked().len() == 4).then_some(()));
    assert_eq!(get(&window, "/v1/status", "").0, 200, "waiting clients hold nobody up");
}

#[test]
fn clients_that_never_read_hold_nobody_up() {
    let mut window = Window::open();
    for _ in 0..100 {
        window.remember(every_note());
    }
    let mut stuck = Vec::new();
    let mut open = |text: &str| {
        let mut stream = UnixStream::connect(window.socket()).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stuck.push(stream);
    };
    for _ in 0..12 {
        open("GET /v1/export HTTP/1.1\r\nhost: x\r\n\r\n");
        open("GET /v1/events HTTP/1.1\r\nhost: x\r\nlast-event-id: 0\r\n\r\n");
        open("GET /v1/history?limit=1000 HTTP/1.1\r\nhost: x\r\n\r\n");
        open("POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{");
        open("GET /v1/sta");
    }
    let began = Instant::now();
    let lines: Vec<Entry> = block_on(async {
        let mut client = window.connect().await;
        client.get_json("/v1/history?from=1&limit=1000").await.unwrap()
    });
    assert_eq!(lines.len(), 1000);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    window.close();
}

#[test]
fn streams_over_the_limit_are_refused_and_come_back_when_others_leave() {
    let window = Window::open();
    let open = || {
        let mut stream = UnixStream::connect(window.socket()).unwrap();
        stream.write_all(b"GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        (stream, String::from_utf8_lossy(&head).into_owned())
    };
    let mut streams: Vec<_> = (0..32).map(|_| open()).collect();
    assert!(streams.iter().all(|(_, head)| head == "HTTP/1.1 200"));
    assert_eq!(open().1, "HTTP/1.1 503");
    streams.pop();
    until("a place is free", PATIENCE, || (open().1 == "HTTP/1.1 200").then_some(()));
}

#[test]
fn garbage_is_answered_or_dropped_and_the_window_stays_open() {
    let mut window = Window::open();
    window.remember([Note::RunnerStarted]);
    let long = format!("/v1/{}", "x".repeat(100_000));
    let big = "x".repeat(100_000);
    let no_id = r#"{"id":"","actor":"a","command":{"do":"approve"}}"#;
    let no_such = r#"{"id":"1","actor":"a","command":{"do":"launch_missiles"}}"#;
    let cases = [
        (404, get(&window, "/", "")),
        (404, get(&window, "/v1/nothing", "")),
        (404, get(&window, "/v1/trials/999", "")),
        (400, get(&window, "/v1/trials/best", "")),
        (400, get(&window, "/v1/trials?order=worst", "")),
        (400, get(&window, "/v1/trials?limit=0", "")),
        (400, get(&window, "/v1/history?limit=99999999", "")),
        (400, get(&window, "/v1/curves?from=0&to=1", "")),
        (
            400,
            get(
                &window,
                &format!("/v1/curves?names=a{}&from={NOON}&to={NOON}", ",a".repeat(32)),
                "",
            ),
        ),
        (400, get(&window, &format!("/v1/curves?names=a&buckets=1&from={NOON}&to={NOON}"), "")),
        (404, get(&window, &format!("/v1/series/a?from={NOON}&to={NOON}"), "")),
        (400, get(&window, "/v1/history?from=1&before=2", "")),
        (400, get(&window, "/v1/history?form=1", "")),
        (400, get(&window, "/v1/history?from=-1", "")),
        (400, get(&window, "/v1/events", "last-event-id: x\r\n")),
        (410, get(&window, "/v1/events", "last-event-id: 99\r\n")),
        (405, get(&window, "/v1/commands", "")),
        (400, post(&window, "")),
        (400, post(&window, "{")),
        (400, post(&window, no_id)),
        (400, post(&window, no_such)),
        (400, post(&window, &big)),
    ];
    for (place, (expected, (code, body))) in cases.into_iter().enumerate() {
        assert_eq!(code, expected, "case {place}: {body}");
        let error: ErrorBody = serde_json::from_str(&body).unwrap();
        assert!(error.error.contains("; "), "case {place} has a remedy: {}", error.error);
    }
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"\0\0\0\0\r\n\r\n", long.as_bytes()] {
        let answer = exchange(&window, &[bytes, b"\r\n\r\n"].concat());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(get(&window, "/v1/status", "").0, 200);
    assert_eq!(window.asked(), [], "none of it reached the runner");
}
