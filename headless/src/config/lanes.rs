//! The section `[lanes]`: who trades beside the live model, and what follows.

use super::check::{Mistake, mistake};
use cappuccino_core::words::{LanesPolicy, Promote};
use serde::Deserialize;
use serde_spanned::Spanned;

/// Shadows at most: each costs a network's answer per bar.
const SHADOWS_MAX: u32 = 8;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Lanes {
    shadows: Option<Spanned<u32>>,
    promote: Option<Word>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Ask,
    Auto,
    Never,
}

pub(super) fn lanes(file: &Lanes) -> Result<LanesPolicy, Mistake> {
    let default = LanesPolicy::default();
    let promote = match file.promote {
        Some(Word::Ask) => Promote::Ask,
        Some(Word::Auto) => Promote::Auto,
        Some(Word::Never) => Promote::Never,
        None => default.promote,
    };
    match &file.shadows {
        Some(shadows) if *shadows.get_ref() > SHADOWS_MAX => {
            let what = format!("{} shadows are too many", shadows.get_ref());
            Err(mistake(shadows.span(), what, "write 0 to 8"))
        }
        shadows => {
            let shadows = shadows.as_ref().map_or(default.shadows, |shadows| *shadows.get_ref());
            Ok(LanesPolicy { shadows, promote })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepted, refused};
    use super::*;

    #[test]
    fn lanes_are_read_and_wrong_ones_refused() {
        let lanes = |text: &str| accepted(text).policy.deployment.lanes;
        assert_eq!(lanes(""), LanesPolicy { shadows: 2, promote: Promote::Ask });
        let some = lanes("[lanes]\nshadows = 0\npromote = \"auto\"");
        assert_eq!(some, LanesPolicy { shadows: 0, promote: Promote::Auto });
        refused("[lanes]\nshadows = 9", "9 shadows are too many", "0 to 8");
        refused("[lanes]\npromote = \"always\"", "unknown variant `always`", "");
    }

    #[test]
    fn the_guard_compares_with_the_model_before_only_where_it_trades_on() {
        let built_in = "[guard]\nmax_behind_previous_percent = 2\n[[process]]\nname = \"t\"\n\
            role = \"trader\"\ncommand = [\"cappuccino\", \"trade\", \"--model\", \"m\", \
            \"--session\", \"s\", \"--feed\", \"alpaca\", \"--tickers\", \"A\"]\n";
        let policy = accepted(built_in).policy.deployment.guard;
        assert!((policy.max_behind_previous_percent - 2.0).abs() < 1e-12);
        let what = "only `cappuccino trade` lets the model before trade on";
        refused(&built_in.replace("\"cappuccino\", \"trade\"", "\"trader\""), what, "leave");
        let shared = built_in.replace("command =", "session_csv = \"s.csv\"\ncommand =");
        refused(&shared, "one session file for all models", "{revision}");
    }
}
