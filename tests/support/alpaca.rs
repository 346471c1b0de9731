//! A venue on the loopback that answers like Alpaca's crypto bars, with every fault that a venue
//! may have. Its time is its own: it passes with each complete answer, and its `Date` tells it.

use cappuccino_core::trading::paper::candle::{Bar, Candle};
use cappuccino_core::words::Timestamp;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

/// One answer that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429, to be lifted a second later.
    Limit,
    /// 500 without a body.
    Internal,
    /// 504 with a page for people.
    HtmlPage,
    /// 200 with half of the JSON, and the connection closed.
    Truncated,
    /// 200 with an error in it.
    ErrorIn200,
    /// The connection is closed before any answer.
    HangUp,
    /// The answer comes byte by byte.
    Slow,
    /// 401.
    Unauthorized,
    /// 400.
    UnknownSymbol,
}

/// What the venue knows and does.
#[derive(Debug, Default)]
pub struct Venue {
    /// Its bars, oldest first.
    pub bars: Vec<Bar>,
    /// Its tickers, in the order of the bars.
    pub tickers: Vec<String>,
    /// Its present.
    pub now: i64,
    /// Time that passes with each complete answer.
    pub step: i64,
    /// What goes wrong next.
    pub faults: VecDeque<Fault>,
    /// Candles that it never reports: ticker and bar.
    pub missing: Vec<(usize, usize)>,
    /// Paths asked for.
    pub asked: Vec<String>,
}

/// A venue that listens.
pub struct Server {
    /// Its address, as in `http://127.0.0.1:4711`.
    pub url: String,
    /// What it knows and does.
    pub venue: Arc<Mutex<Venue>>,
}

impl Server {
    /// Starts to listen.
    pub fn start(venue: Venue) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let venue = Arc::new(Mutex::new(venue));
        let shared = venue.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that went away is no trouble of the venue.
                drop(serve(stream, &shared));
            }
        });
        Self { url, venue }
    }
}

fn serve(mut stream: TcpStream, venue: &Mutex<Venue>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut venue = venue.lock().unwrap();
    venue.asked.push(path.clone());
    let date = http_date(venue.now);
    let fault = venue.faults.pop_front();
    let (status, extra, body) = match fault {
        None | Some(Fault::Truncated | Fault::Slow) => ("200 OK", String::new(), venue.page(&path)),
        Some(Fault::Limit) => {
            let reset = format!("X-RateLimit-Reset: {}\r\n", venue.now / 1000 + 1);
            ("429 Too Many Requests", reset, r#"{"message":"too many requests."}"#.into())
        }
        Some(Fault::Internal) => ("500 Internal Server Error", String::new(), String::new()),
        Some(Fault::HtmlPage) => ("504 Gateway Timeout", String::new(), "<html>sorry".into()),
        Some(Fault::ErrorIn200) => ("200 OK", String::new(), r#"{"message":"oops"}"#.into()),
        Some(Fault::Unauthorized) => ("401 Unauthorized", String::new(), "forbidden.".into()),
        Some(Fault::UnknownSymbol) => {
            ("400 Bad Request", String::new(), r#"{"message":"invalid symbol"}"#.into())
        }
        Some(Fault::HangUp) => return Ok(()),
    };
    drop(venue);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nDate: {date}\r\n{extra}Content-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    match fault {
        Some(Fault::Truncated) => stream.write_all(&body.as_bytes()[..length / 2]),
        Some(Fault::Slow) => body.as_bytes().chunks(length / 40 + 1).try_for_each(|part| {
            thread::sleep(Duration::from_millis(5));
            stream.write_all(part)
        }),
        _sound => stream.write_all(body.as_bytes()),
    }
}

impl Venue {
    /// A page: each ticker has one of its own, and time passes after the last.
    fn page(&mut self, path: &str) -> String {
        let value = |name: &str| {
            let start = path.find(&format!("{name}="))? + name.len() + 1;
            let text = path[start..].split('&').next()?;
            Some(text.replace("%3A", ":").replace("%2F", "/"))
        };
        let time = |name| Timestamp::parse(&value(name).unwrap()).unwrap();
        let ticker: usize = value("page_token").map_or(0, |token| token.parse().unwrap());
        let (start, end) = (time("start"), time("end"));
        let candles: Vec<String> = (0..self.bars.len())
            .filter(|bar| (start..=end).contains(&self.bars[*bar].at))
            .filter(|bar| self.bars[*bar].at.0 < self.now)
            .filter(|bar| !self.missing.contains(&(ticker, *bar)))
            .filter(|bar| !self.bars[*bar].stale[ticker])
            .map(|bar| self.candle(bar, ticker))
            .collect();
        let is_last = ticker + 1 == self.tickers.len();
        let next = if is_last { "null".to_owned() } else { format!("\"{}\"", ticker + 1) };
        if is_last {
            self.now += self.step;
        }
        let (name, candles) = (&self.tickers[ticker], candles.join(","));
        format!(r#"{{"bars":{{"{name}":[{candles}]}},"next_page_token":{next}}}"#)
    }

    /// A candle as far as its time has come: one that is not over is not yet what it will be.
    fn candle(&self, bar: usize, ticker: usize) -> String {
        let Bar { at, candles, .. } = &self.bars[bar];
        let Candle { open, high, low, close, volume } = candles[ticker];
        let close = if at.0 + 3_600_000 > self.now { high } else { close };
        format!(
            r#"{{"t":"{at}","o":{open:?},"h":{high:?},"l":{low:?},"c":{close:?},"v":{volume:?},"n":1,"vw":{open:?}}}"#
        )
    }
}

/// A time as HTTP writes it (RFC 9110, IMF-fixdate).
fn http_date(milliseconds: i64) -> String {
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let months =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = Timestamp(milliseconds).to_string();
    let day = days[usize::try_from(milliseconds.div_euclid(86_400_000) % 7).unwrap()];
    let month = months[text[5..7].parse::<usize>().unwrap() - 1];
    format!("{day}, {} {month} {} {} GMT", &text[8..10], &text[..4], &text[11..19])
}

/// The last full hour of the machine's clock, so that the venue's time is near ours.
pub fn last_hour() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() / 3600 * 3_600_000
}
