//! What it costs to follow a trader's session: a file of 1 GB in the original's shape (seven
//! tickers, a trade every twenty rows) from its beginning, then one more row.
//!
//! Prints time and growth of memory of the first reading, and the looks that find one row or none.

use cappuccino_core::trading::Session;
use cappuccino_core::words::Timestamp;
use cappuccino_headless::observe::session::tail::{Look, Tail};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

const TICKERS: [&str; 7] =
    ["BTC/USD", "ETH/USD", "LTC/USD", "BCH/USD", "LINK/USD", "UNI/USD", "AAVE/USD"];
const BYTES: u64 = 1_000_000_000;
const LOOKS: usize = 10_000;

/// An account that buys and sells one ticker after the other at prices that swing.
struct Account {
    minute: i64,
    cash: f64,
    held: [f64; TICKERS.len()],
}

impl Account {
    fn row(&mut self, text: &mut String) {
        use std::fmt::Write;
        let swing = (self.minute as f64 / 500.0).sin();
        let price = |place: usize| 100_000.0 / 4.0_f64.powi(place as i32) * (1.0 + swing / 50.0);
        let mut wishes = [0.0; TICKERS.len()];
        if self.minute % 20 == 0 {
            let place = (self.minute / 20) as usize % TICKERS.len();
            let held = self.held[place];
            let units = if held > 0.0 { -held } else { (1e8 / price(place)).floor() / 1e6 };
            self.cash -= units * price(place) + units.abs() * price(place) * 0.0025;
            self.held[place] += units;
            wishes[place] = units;
        }
        let worth = self.cash + (0..TICKERS.len()).map(|p| self.held[p] * price(p)).sum::<f64>();
        let at = Timestamp(self.minute * 60_000).to_string();
        let at = at.trim_end_matches(".000Z");
        write!(text, "{at}+00:00,{:.6},{worth:.6},-0.012345", self.cash).unwrap();
        self.held.iter().for_each(|held| write!(text, ",{held:.6}").unwrap());
        (0..TICKERS.len()).for_each(|place| write!(text, ",{:.6}", price(place)).unwrap());
        wishes.iter().for_each(|wish| write!(text, ",{wish:.6}").unwrap());
        text.push_str("\r\n");
        self.minute += 1;
    }
}

fn make(path: &Path) -> std::io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = BufWriter::new(File::create(&draft)?);
    let mut text = "timestamp,cash,total_asset,reward".to_owned();
    for kind in ["holding", "price", "action"] {
        TICKERS.iter().for_each(|ticker| text.push_str(&format!(",{kind}_{ticker}")));
    }
    text.push_str("\r\n");
    let mut account = Account { minute: 29_000_000, cash: 10_000.0, held: [0.0; TICKERS.len()] };
    let mut written = 0;
    while written < BYTES {
        account.row(&mut text);
        file.write_all(text.as_bytes())?;
        written += text.len() as u64;
        text.clear();
    }
    file.flush()?;
    std::fs::rename(draft, path)
}

/// The highest resident memory of this process in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn main() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("large-session.csv");
    if !path.exists() {
        make(&path).expect("the session cannot be made");
    }
    let (mut tail, mut session) = (Tail::new(path.clone()), Session::default());
    let (before, began) = (peak_kib(), Instant::now());
    let mut longest = began.elapsed();
    loop {
        let began = Instant::now();
        let look = tail.look(&mut session).expect("the session cannot be read");
        longest = longest.max(began.elapsed());
        if look != Look::More {
            break;
        }
    }
    let (took, grown) = (began.elapsed(), peak_kib() - before);
    let book = session.book();
    let ledger = &book.ledger;
    println!(
        "{} rows, {} trades, {} skipped: {took:.2?}, memory grew by {:.1} MiB, longest look {longest:.0?}",
        book.rows,
        ledger.tally().trades,
        book.skipped,
        grown as f64 / 1024.0
    );
    let start = ledger.first_worth().expect("a first row");
    let gained = ledger.realised() + ledger.unrealised();
    println!("reconciles to {:.6}", ledger.worth() - start - gained);
    let mut looks: Vec<_> = (0..LOOKS)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(tail.look(&mut session).unwrap(), Look::Unchanged);
            began.elapsed()
        })
        .collect();
    looks.sort();
    println!("unchanged look: p50 {:.1?}, p99 {:.1?}", looks[LOOKS / 2], looks[LOOKS * 99 / 100]);
    let length = std::fs::metadata(&path).unwrap().len();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"a line that makes no sense\r\n").unwrap();
    let began = Instant::now();
    assert_eq!(tail.look(&mut session).unwrap(), Look::Grew);
    println!("look that finds a line: {:.1?}", began.elapsed());
    file.set_len(length).unwrap();
}
