//! Whether the trader that is built in could load a model: asked before anything is cut over, so
//! that nobody finds out by three failed starts.

use crate::trade::args::TradeArgs;
use crate::trade::model::load;
use cappuccino_core::words::Finding;
use std::path::Path;

/// Loads the model in `folder` as the trader will.
pub(super) fn examine(trader: &TradeArgs, folder: &Path) -> Finding {
    match load(folder, trader.tickers.len()) {
        Ok((_, settings, _)) => Finding::holds(format_args!(
            "`cappuccino trade` can load it: lookback {}, actions times {}",
            settings.lookback, settings.action_scale
        )),
        Err(fault) => Finding::refused(format_args!("`cappuccino trade` cannot use it: {fault}")),
    }
}
