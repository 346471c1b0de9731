//! The trader's command, when it starts the trader that is built in: read as that trader will read
//! it, so that what it would refuse is a mistake of the configuration.

use super::SessionPath;
use super::check::{Mistake, mistake};
use super::file::{File, Process, Role};
use crate::trade::args::{TradeArgs, full_ticker};
use clap::Parser;

/// The word that starts it.
const TRADE: &str = "trade";

#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Words {
    #[command(flatten)]
    args: TradeArgs,
}

/// What the built-in trader is told; nothing when the trader is another program.
pub(super) fn built_in(file: &File) -> Result<Option<TradeArgs>, Mistake> {
    let trader = file.processes.iter().find(|process| matches!(process.role, Role::Trader));
    let Some(words) = trader.and_then(words) else { return Ok(None) };
    let Some(process) = trader else { return Ok(None) };
    let args = Words::try_parse_from(words).map_err(|error| {
        let what = format!("the trader would not start: {}", in_a_line(&error.to_string()));
        mistake(process.command.span(), what, "`cappuccino trade --help` lists what it takes")
    })?;
    let args = args.args;
    if let Some(named) = &file.models.tickers
        && !named.get_ref().iter().map(|name| full_ticker(name)).eq(args.full_tickers())
    {
        let (here, there) = (named.get_ref().join(" "), args.tickers.join(" "));
        let what = format!("models are for {here}, the trader trades {there}");
        return Err(mistake(
            named.span(),
            what,
            "name the trader's tickers, or leave the line out",
        ));
    }
    Ok(Some(args))
}

/// What clap says, up to its hints: what is missing is named line by line.
fn in_a_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned()
}

/// Whether the guard can compare with the model before, when it is to.
pub(super) fn tells_of_the_model_before(
    file: &File,
    built_in: Option<&TradeArgs>,
    session: Option<&SessionPath>,
) -> Result<(), Mistake> {
    let Some(limit) = &file.guard.max_behind_previous_percent else { return Ok(()) };
    let is_off = *limit.get_ref() <= 0.0;
    let what = match (built_in, session) {
        (Some(_), Some(path)) if is_off || path.is_per_revision() => return Ok(()),
        (Some(_), _) => "one session file for all models tells nobody whose gains it holds",
        (None, _) if is_off => return Ok(()),
        (None, _) => "only `cappuccino trade` lets the model before trade on to compare with",
    };
    let remedy = "leave the line out, or use `cappuccino trade` and {revision} in `session_csv`";
    Err(mistake(limit.span(), what.to_owned(), remedy))
}

/// What follows `cappuccino trade`.
fn words(process: &Process) -> Option<&[String]> {
    let [program, word, rest @ ..] = process.command.get_ref().as_slice() else { return None };
    let name = program.rsplit('/').next().unwrap_or(program);
    (name.starts_with("cappuccino") && word == TRADE).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepted, refused};

    fn text(words: &str, models: &str) -> String {
        format!(
            "[models]\n{models}\n[[process]]\nname = \"t\"\nrole = \"trader\"\n\
             command = [{words}]\n"
        )
    }

    const WORDS: &str = r#""/usr/bin/cappuccino", "trade", "--model", "{model_dir}", "--session",
        "{session_csv}", "--feed", "alpaca", "--tickers", "BTC/USD", "ETH""#;

    #[test]
    fn the_built_in_trader_says_what_is_traded() {
        let config = accepted(&text(WORDS, ""));
        assert_eq!(config.built_in.unwrap().tickers, ["BTC/USD", "ETH"]);
        assert_eq!(config.models.tickers.unwrap(), ["BTC/USD", "ETH/USD"]);
        assert!(accepted(&text(r#""python", "trade.py""#, "")).built_in.is_none());
    }

    #[test]
    fn a_command_that_it_would_refuse_is_a_mistake_and_so_are_other_tickers() {
        let wrong = text(&WORDS.replace("alpaca", "nasdaq"), "");
        refused(&wrong, "the trader would not start: invalid value 'nasdaq'", "trade --help");
        let said = "arguments were not provided: --tickers <TICKER>... --feed <FEED> --session";
        refused(&text(r#""cappuccino", "trade", "--model", "m""#, ""), said, "trade --help");
        let said = "models are for BTC/USD, the trader trades BTC/USD ETH";
        refused(&text(WORDS, "tickers = [\"BTC/USD\"]"), said, "or leave the line out");
        let turned = text(WORDS, "tickers = [\"ETH\", \"BTC\"]");
        refused(&turned, "models are for ETH BTC", "or leave the line out");
        accepted(&text(WORDS, "tickers = [\"BTC\", \"ETH/USD\"]"));
    }
}
