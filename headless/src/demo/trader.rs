//! The built-in trader: one policy, synthetic bars, paper money.

use super::candles::{Bar, Market, TRAINING_BARS};
use super::error::DemoError;
use super::features::{WARM_UP, observe};
use super::policy::Policy;
use super::session::{Session, SessionRow, Valuation};
use super::stop::Stop;
use super::{at_speed, load_policy, parse_speed, say};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// How long a bar takes at speed 1.
const BAR_LENGTH: Duration = Duration::from_secs(1);

/// What the trader needs to know.
#[derive(clap::Args, Clone, Debug)]
pub struct TraderArgs {
    /// Folder of the model; it must hold actor.pth
    #[arg(long, value_name = "DIR")]
    pub model_dir: PathBuf,
    /// CSV file of the session; the account is kept beside it
    #[arg(long, value_name = "FILE")]
    pub session_csv: PathBuf,
    /// Seed of the market
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How much faster than one bar a second
    #[arg(long, default_value_t = 1.0, value_parser = parse_speed)]
    pub speed: f64,
}

/// Trades until SIGTERM or SIGINT.
///
/// # Errors
/// [`DemoError::Model`] (exit code 2) when the model is missing or invalid, before anything is
/// traded; other [`DemoError`]s when the session cannot be written.
pub fn run(args: &TraderArgs) -> Result<(), DemoError> {
    let stop = Stop::on_signals()?;
    trade(args, &stop, &mut std::io::stdout().lock())
}

/// Trades until `stop`, printing progress to `out`.
///
/// # Errors
/// As [`run`].
pub fn trade(args: &TraderArgs, stop: &Stop, out: &mut impl Write) -> Result<(), DemoError> {
    let policy = load_policy(&args.model_dir)?;
    let mut session = Session::open(&args.session_csv, args.seed)?;
    let mut market = Market::new(args.seed).skip(TRAINING_BARS - WARM_UP + session.state.bars);
    let mut history: Vec<Bar> = market.by_ref().take(WARM_UP).collect();
    say(out, &ready_line(args, &session))?;
    for bar in market {
        if stop.wait(at_speed(BAR_LENGTH, args.speed)) {
            break;
        }
        history.remove(0);
        history.push(bar);
        let row = trade_bar(&policy, &mut session, &history);
        if let Some(row) = row {
            session.append(&row)?;
            if row.traded.iter().any(|units| units.abs() > 0.0) {
                say(out, &format!("traded {:+.6?}, worth {:.2}", row.traded, row.now.worth))?;
            }
        }
    }
    say(out, &format!("trader stopped after {} bars", session.state.bars))
}

fn ready_line(args: &TraderArgs, session: &Session) -> String {
    format!(
        "trader ready: model {}, synthetic market of seed {}, {} bars traded before",
        args.model_dir.display(),
        args.seed,
        session.state.bars
    )
}

/// Acts on the bar that has just closed. The next one opens at its close, which is therefore the
/// price of the fill.
fn trade_bar(policy: &Policy, session: &mut Session, closed: &[Bar]) -> Option<SessionRow> {
    let bar = closed.last()?;
    let prices = bar.candles.map(|candle| candle.close);
    let account = &mut session.state.account;
    let observation = account.observation(&prices, &observe(closed)?);
    let traded = account.follow(&policy.act(&observation), &prices);
    let now = Valuation { worth: account.worth(&prices), prices };
    let reward = session.state.last.map_or(0.0, |last| reward(&last, &now));
    Some(SessionRow { opened_s: bar.opened_s, now, reward, traded })
}

fn reward(last: &Valuation, now: &Valuation) -> f64 {
    let growths = now.prices.iter().zip(&last.prices).map(|(now, last)| now / last - 1.0);
    let count = f64::from(u32::try_from(now.prices.len()).unwrap_or(1));
    now.worth / last.worth - 1.0 - growths.sum::<f64>() / count
}
