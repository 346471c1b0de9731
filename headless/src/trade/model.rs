//! A model's folder becomes somebody who trades; anything less than a sound model is refused.

use super::args::TradeArgs;
use super::error::{ModelFault, TradeError};
use cappuccino_core::model::container::Limits;
use cappuccino_core::model::frozen_trial;
use cappuccino_core::model::network::PolicyNetwork;
use cappuccino_core::model::torch;
use cappuccino_core::trading::paper::desk::Player;
use cappuccino_core::trading::paper::policy::Policy;
use cappuccino_core::trading::paper::rules::ModelSettings;
use cappuccino_core::words::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

/// Name of the champion's lane.
pub(super) const CHAMPION: &str = "champion";
/// Name of the lane of the model that was the champion before.
pub(super) const PREVIOUS: &str = "previous";
/// Largest file that is read, in bytes: a network of width 2048 has some 30 MB.
const FILE_MAX: u64 = 512 << 20;

/// Everybody who takes part: the model, those beside it, and whom they are compared with.
pub(super) fn players(args: &TradeArgs) -> Result<Vec<Player>, TradeError> {
    let count = args.tickers.len();
    let champion = player(CHAMPION, &args.model, count)?;
    let settings = champion.settings;
    let mut players = vec![champion];
    for shadow in &args.shadow {
        let (name, folder) = shadow.split_once('=').unwrap_or((stem(shadow), shadow));
        players.push(player(name, Path::new(folder), count)?);
    }
    let benchmarks = [
        ("hold", Policy::Hold),
        ("equal-weight", Policy::EqualWeight),
        ("chance", Policy::Random(1)),
    ];
    players.extend(benchmarks.map(|(name, policy)| Player {
        name: name.to_owned(),
        model: String::new(),
        policy,
        settings,
    }));
    for (place, player) in players.iter().enumerate() {
        if players.iter().skip(place + 1).any(|other| other.name == player.name) {
            let name = &player.name;
            return Err(TradeError::Argument(format!(
                "two lanes are called `{name}`; name them apart with --shadow NAME=DIR"
            )));
        }
    }
    Ok(players)
}

/// The folder's own name, short enough for a table.
fn stem(folder: &str) -> &str {
    let name = folder.trim_end_matches('/').rsplit('/').next().unwrap_or(folder);
    name.get(..12).unwrap_or(name)
}

/// The model in a folder as a lane of that name.
pub(super) fn player(name: &str, folder: &Path, tickers: usize) -> Result<Player, TradeError> {
    let (network, settings, model) = load(folder, tickers)
        .map_err(|fault| TradeError::Model { folder: folder.to_owned(), fault })?;
    let policy = Policy::Network(Arc::new(network));
    Ok(Player { name: name.to_owned(), model, policy, settings })
}

/// The network in a folder, how it was trained, and the digest of its weights.
///
/// # Errors
/// [`ModelFault`] for a file that is missing or unsound, or that does not fit the others.
pub(crate) fn load(
    folder: &Path,
    tickers: usize,
) -> Result<(PolicyNetwork, ModelSettings, String), ModelFault> {
    let actor = bytes(folder, "actor.pth")?;
    let trial = bytes(folder, "best_trial")?;
    let weights = torch::read(Cursor::new(&actor), &Limits::default())?;
    let network = PolicyNetwork::from_actor(&weights)?;
    let settings = ModelSettings::of(&frozen_trial::params(&trial)?)?;
    if network.actions() != tickers {
        return Err(ModelFault::Tickers { model: network.actions(), named: tickers });
    }
    let (found, state) = (network.state_len(), settings.state_len(tickers));
    if found != state {
        return Err(ModelFault::State { network: found, lookback: settings.lookback, state });
    }
    let digest = Digest(Sha256::digest(&actor).into());
    Ok((network, settings, digest.to_string()))
}

fn bytes(folder: &Path, name: &'static str) -> Result<Vec<u8>, ModelFault> {
    let read = || {
        let mut bytes = Vec::new();
        let mut file = File::open(folder.join(name))?.take(FILE_MAX + 1);
        if u64::try_from(file.read_to_end(&mut bytes)?).unwrap_or(u64::MAX) > FILE_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than any model"));
        }
        Ok(bytes)
    };
    read().map_err(|source| ModelFault::File { name, source })
}
