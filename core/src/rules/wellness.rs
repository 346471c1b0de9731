//! Is a running process well? Its signs of life and its memory against what it may do.
//!
//! Silence ends a process only when several independent signs agree, and only on a machine that is
//! itself in order: after a suspend or under pressure everything is silent, and killing makes it
//! worse. While any sign is fresh, the process lives: that another is missing is told to whoever
//! asks, and to nobody else.

use crate::words::supervision::{AGREEING_MIN, LivenessPolicy, Signs};

/// Part of the memory limit from which a process is warned of, in percent.
const WARN_PERCENT: u64 = 90;
/// Part of the memory limit below which the warning ends, in percent.
const CALM_PERCENT: u64 = 85;

/// What the signs of life say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// Nothing is missing, or something else shows that it lives.
    Well,
    /// No sign is fresh, which is no proof: a sentence.
    Quiet(String),
    /// Enough is missing to end it: a sentence.
    Gone(String),
}

/// What the memory says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// There is no limit, or it was not read.
    Unknown,
    /// Well below the limit.
    Fine,
    /// Neither clearly below the warning nor above it: nothing new.
    Between,
    /// Near the limit.
    Near,
    /// Over it.
    Over,
}

/// What `signs` say under `policy`.
pub fn pulse(policy: &LivenessPolicy, signs: &Signs) -> Pulse {
    // What cannot be seen is neither missing nor fresh.
    let seen = policy.limits.iter().filter_map(|(sign, limit)| {
        let silent = signs.silent.get(sign)?;
        Some((*sign, *limit, silent >= limit))
    });
    let (missing, fresh): (Vec<_>, Vec<_>) = seen.partition(|(_, _, is_missing)| *is_missing);
    // The limits, not the times: the sentence stays the same from look to look.
    let parts: Vec<String> =
        missing.iter().map(|(sign, limit, _)| format!("no {sign} for {limit}")).collect();
    let text = parts.join(", ");
    let needed = usize::try_from(policy.agreeing.max(AGREEING_MIN)).unwrap_or(usize::MAX);
    match &signs.excuse {
        None if missing.len() >= needed => Pulse::Gone(text),
        None | Some(_) if missing.is_empty() || !fresh.is_empty() => Pulse::Well,
        None | Some(_) => Pulse::Quiet(text),
    }
}

/// What `used` bytes say under a limit.
pub fn memory(limit: Option<u64>, used: Option<u64>) -> Memory {
    let (Some(limit), Some(used)) = (limit, used) else { return Memory::Unknown };
    let part = |percent: u64| limit / 100 * percent;
    if used > limit {
        Memory::Over
    } else if used >= part(WARN_PERCENT) {
        Memory::Near
    } else if used >= part(CALM_PERCENT) {
        Memory::Between
    } else {
        Memory::Fine
    }
}

/// Bytes as people say them: `12.3 GiB`, `350 MiB`.
pub fn bytes(count: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    const GIB: u64 = 1024 * MIB;
    if count >= GIB {
        format!("{}.{} GiB", count / GIB, count % GIB * 10 / GIB)
    } else {
        format!("{} MiB", count / MIB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Span;
    use crate::words::supervision::Sign;
    use std::collections::BTreeMap;

    fn policy() -> LivenessPolicy {
        let limits = BTreeMap::from([
            (Sign::Log, Span::minutes(10)),
            (Sign::Cpu, Span::minutes(5)),
            (Sign::Session, Span::minutes(15)),
        ]);
        LivenessPolicy { limits, agreeing: 2 }
    }

    fn silent(minutes: &[(Sign, i64)]) -> Signs {
        let silent = minutes.iter().map(|(sign, time)| (*sign, Span::minutes(*time)));
        Signs { silent: silent.collect(), ..Signs::default() }
    }

    #[test]
    fn one_missing_sign_beside_a_fresh_one_is_nothing_and_two_end_it() {
        let policy = policy();
        assert_eq!(pulse(&policy, &silent(&[(Sign::Log, 9), (Sign::Cpu, 4)])), Pulse::Well);
        assert_eq!(pulse(&policy, &silent(&[(Sign::Log, 60), (Sign::Cpu, 4)])), Pulse::Well);
        let quiet = pulse(&policy, &silent(&[(Sign::Log, 60)]));
        assert_eq!(quiet, Pulse::Quiet("no log line for 10m 0s".into()), "nothing else is seen");
        let fresh_session = [(Sign::Log, 10), (Sign::Cpu, 5), (Sign::Session, 1)];
        let gone = pulse(&policy, &silent(&fresh_session));
        assert_eq!(gone, Pulse::Gone("no log line for 10m 0s, no processor use for 5m 0s".into()));
    }

    #[test]
    fn what_is_not_looked_for_or_cannot_be_seen_proves_nothing() {
        let policy = policy();
        let told = pulse(&policy, &silent(&[(Sign::Log, 60), (Sign::Heartbeat, 60)]));
        assert!(matches!(told, Pulse::Quiet(_)), "{told:?}");
        let alone = LivenessPolicy { agreeing: 1, ..policy };
        let told = pulse(&alone, &silent(&[(Sign::Log, 60)]));
        assert!(matches!(told, Pulse::Quiet(_)), "one sign never ends a process: {told:?}");
    }

    #[test]
    fn a_machine_in_trouble_excuses_every_silence() {
        let excuse = Some("the disk is busy".into());
        let signs = Signs { excuse, ..silent(&[(Sign::Log, 600), (Sign::Cpu, 600)]) };
        assert!(matches!(pulse(&policy(), &signs), Pulse::Quiet(_)));
    }

    #[test]
    fn memory_is_warned_of_before_the_limit_and_does_not_tremble() {
        let judged = |used| memory(Some(1000), Some(used));
        assert_eq!(
            [judged(849), judged(850), judged(899)],
            [Memory::Fine, Memory::Between, Memory::Between]
        );
        assert_eq!(
            [judged(900), judged(1000), judged(1001)],
            [Memory::Near, Memory::Near, Memory::Over]
        );
        assert_eq!(memory(None, Some(u64::MAX)), Memory::Unknown);
        assert_eq!(memory(Some(u64::MAX), Some(u64::MAX)), Memory::Near);
        assert_eq!(bytes(12 * 1024 * 1024 * 1024 + 512 * 1024 * 1024), "12.5 GiB");
    }
}
