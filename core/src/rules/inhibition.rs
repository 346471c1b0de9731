//! Which alerts follow from another one: while that is told, telling them adds nothing.

use crate::words::Role;

const STUDY_UNAVAILABLE: &str = "study/unavailable";
const GPU_LOST: &str = "gpu/lost";
const DISK_SPACE: &str = "disk/space";
const HALTED: &str = "deployment/halted";

/// The alert that `key` follows from; `role` is that of the process with this name.
pub fn source(key: &str, role: impl Fn(&str) -> Option<Role>) -> Option<&'static str> {
    let (room, rest) = key.split_once('/')?;
    match room {
        "study" => (key != STUDY_UNAVAILABLE).then_some(STUDY_UNAVAILABLE),
        "gpu" => (key != GPU_LOST).then_some(GPU_LOST),
        "disk" => (key != DISK_SPACE).then_some(DISK_SPACE),
        "trading" => Some(HALTED),
        "process" => {
            let (name, what) = rest.rsplit_once('/')?;
            // A worker without its card ends over and over; one that does not die is news.
            let follows = what != "stuck" && role(name) == Some(Role::Worker);
            follows.then_some(GPU_LOST)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_without_its_card_is_no_news_and_a_trader_is() {
        let role = |name: &str| match name {
            "worker-1" => Some(Role::Worker),
            "trader" => Some(Role::Trader),
            _ => None,
        };
        assert_eq!(source("process/worker-1/cooling", role), Some(GPU_LOST));
        assert_eq!(source("process/worker-1/stuck", role), None);
        assert_eq!(source("process/trader/cooling", role), None);
        assert_eq!(source("process/stranger/cooling", role), None);
        assert_eq!(source("gpu/0/idle", role), Some(GPU_LOST));
        assert_eq!(source("study/stalled", role), Some(STUDY_UNAVAILABLE));
        for key in [GPU_LOST, STUDY_UNAVAILABLE, DISK_SPACE, HALTED, "engine/cycle"] {
            assert_eq!(source(key, role), None, "{key} follows from nothing");
        }
    }
}
