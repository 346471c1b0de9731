//! What a process must show of itself: readiness, signs of life, memory; and the order of starts.

use super::check::{Mistake, mistake, span};
use super::file::{Process, Role};
use cappuccino_core::words::supervision::AGREEING_MIN;
use cappuccino_core::words::{AlertChange, AlertsPolicy, Pattern, Severity};
use cappuccino_core::words::{LivenessPolicy, ProcessName, ProcessPolicy, Readiness, Sign, Span};
use regex::bytes::Regex;
use serde::Deserialize;
use serde_spanned::Spanned;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Time that a process has to prove that it is ready, when the file says nothing.
const READY_WITHIN: Span = Span::seconds(60);
/// Least memory limit: anything less is a slip of a unit.
const MEMORY_MIN: u64 = 1024 * 1024;

/// `ready = { log = "…" }`: when a process counts as ready.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ready {
    log: Option<Spanned<String>>,
    file: Option<PathBuf>,
    http: Option<Spanned<String>>,
    delay: Option<Spanned<String>>,
    within: Option<Spanned<String>>,
}

/// `liveness = { log = "10m", cpu = "5m" }`: how long each sign of life may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Liveness {
    heartbeat_file: Option<PathBuf>,
    heartbeat: Option<Spanned<String>>,
    log: Option<Spanned<String>>,
    session: Option<Spanned<String>>,
    cpu: Option<Spanned<String>>,
    gpu: Option<Spanned<String>>,
    agree: Option<Spanned<u32>>,
}

/// The proof that a process is ready.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A line of its log that this matches.
    Log(Regex),
    /// This file, written since its start.
    File(PathBuf),
    /// An answer without an error from this address.
    Http(String),
}

/// How readiness is proven and which file is a heartbeat.
#[derive(Clone, Debug, Default)]
pub struct ShownBy {
    /// None: it is ready after a time.
    pub proof: Option<Proof>,
    /// Touched by the process as long as it works.
    pub heartbeat: Option<PathBuf>,
}

/// When the process is ready, and what proves it.
pub(super) fn ready(process: &Process, default: Readiness) -> Result<Readiness, Mistake> {
    let Some(written) = &process.ready else {
        return match (&process.ready_after, default) {
            (Some(text), _) => Ok(Readiness::After(span(Some(text), Span::ZERO)?)),
            (None, default) => Ok(default),
        };
    };
    let place = written.span();
    let ready = written.get_ref();
    if process.ready_after.is_some() {
        let what = "`ready` and `ready_after` say the same".to_owned();
        return Err(mistake(place, what, "keep `ready`; its `delay` is the time"));
    }
    let ways = [ready.log.is_some(), ready.file.is_some(), ready.http.is_some()];
    match (ways.iter().filter(|way| **way).count(), &ready.delay) {
        (0, Some(delay)) if ready.within.is_none() => {
            Ok(Readiness::After(span(Some(delay), Span::ZERO)?))
        }
        (1, None) => Ok(Readiness::Proven { deadline: span(ready.within.as_ref(), READY_WITHIN)? }),
        _ => Err(mistake(
            place,
            "`ready` names one way to see that a process is ready".to_owned(),
            "write one of log, file, http (with `within`), or delay",
        )),
    }
}

/// What shows that one instance is well; paths are relative to its folder.
pub(super) fn shown_by(
    process: &Process,
    directory: &Path,
    instance: u32,
) -> Result<ShownBy, Mistake> {
    let fill = |text: &str| text.replace("{instance}", &instance.to_string());
    let place = |path: &PathBuf| directory.join(fill(&path.to_string_lossy()));
    let proof = match process.ready.as_ref().map(Spanned::get_ref) {
        Some(Ready { log: Some(text), .. }) => Some(Proof::Log(pattern(text)?)),
        Some(Ready { file: Some(path), .. }) => Some(Proof::File(place(path))),
        Some(Ready { http: Some(url), .. }) => Some(Proof::Http(fill(address(url)?))),
        Some(Ready { log: None, file: None, http: None, .. }) | None => None,
    };
    let written = process.liveness.as_ref().and_then(|live| live.get_ref().heartbeat_file.as_ref());
    Ok(ShownBy { proof, heartbeat: written.map(place) })
}

/// A text that a line holds; between slashes it is a regular expression.
fn pattern(text: &Spanned<String>) -> Result<Regex, Mistake> {
    let written = text.get_ref();
    let inner = written.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let expression = inner.map_or_else(|| regex::escape(written), str::to_owned);
    if expression.is_empty() {
        let what = "every line holds an empty text".to_owned();
        return Err(mistake(text.span(), what, "write what the process prints when it is ready"));
    }
    Regex::new(&expression).map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim().to_owned();
        let remedy = "leave the slashes away to look for the text as it is";
        mistake(text.span(), format!("`{written}` is no regular expression: {why}"), remedy)
    })
}

fn address(url: &Spanned<String>) -> Result<&str, Mistake> {
    let text = url.get_ref();
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(text);
    }
    let what = format!("`{text}` is no address of the web");
    Err(mistake(url.span(), what, "write it as in http://127.0.0.1:8000/health"))
}

/// The signs of life and their limits.
pub(super) fn liveness(process: &Process) -> Result<LivenessPolicy, Mistake> {
    let Some(written) = &process.liveness else { return Ok(LivenessPolicy::default()) };
    let live = written.get_ref();
    if live.heartbeat.is_some() != live.heartbeat_file.is_some() {
        let what = "a heartbeat is a file and a time".to_owned();
        return Err(mistake(written.span(), what, "write both heartbeat_file and heartbeat"));
    }
    let all = [
        (Sign::Heartbeat, &live.heartbeat),
        (Sign::Log, &live.log),
        (Sign::Session, &live.session),
        (Sign::Cpu, &live.cpu),
        (Sign::Gpu, &live.gpu),
    ];
    let mut limits = BTreeMap::new();
    for (sign, text) in all {
        if let Some(text) = text {
            limits.insert(sign, span(Some(text), Span::ZERO)?);
        }
    }
    let agreeing = live.agree.as_ref().map_or(AGREEING_MIN, |number| *number.get_ref());
    if let Some(session) = live.session.as_ref().filter(|_| !matches!(process.role, Role::Trader)) {
        let what = "only a trader writes a session".to_owned();
        return Err(mistake(session.span(), what, "look for its log or a heartbeat file"));
    }
    let known = u32::try_from(limits.len()).unwrap_or(u32::MAX);
    match &live.agree {
        Some(number) if agreeing < AGREEING_MIN => Err(mistake(
            number.span(),
            "one missing sign of life has too many innocent reasons to end a process".to_owned(),
            "write 2 or more",
        )),
        Some(number) if agreeing > known => Err(mistake(
            number.span(),
            format!("{agreeing} signs can never be missing: {known} are looked for"),
            "name more signs, or a smaller number",
        )),
        Some(_) | None => Ok(LivenessPolicy { limits, agreeing }),
    }
}

/// A size as people write it: `512MiB`, `12GiB`.
pub(super) fn memory_limit(text: Option<&Spanned<String>>) -> Result<Option<u64>, Mistake> {
    let Some(text) = text else { return Ok(None) };
    let parsed = parse_bytes(text.get_ref()).filter(|bytes| *bytes >= MEMORY_MIN);
    parsed.map(Some).ok_or_else(|| {
        let what = format!("`{}` is no amount of memory", text.get_ref());
        mistake(text.span(), what, "write a whole number and MiB or GiB, as in 12GiB")
    })
}

fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    match unit.trim() {
        "KiB" => number.checked_mul(1024),
        "MiB" => number.checked_mul(1024 * 1024),
        "GiB" => number.checked_mul(1024 * 1024 * 1024),
        _ => None,
    }
}

/// The alerts' rules, with those of critical processes first: what `[alerts]` says decides.
pub(super) fn ranked(
    mut alerts: AlertsPolicy,
    processes: &BTreeMap<ProcessName, ProcessPolicy>,
) -> AlertsPolicy {
    let severity = Some(Severity::Critical);
    let critical = processes.iter().filter(|(_, policy)| policy.critical).map(|(name, _)| {
        let change = AlertChange { severity, ..AlertChange::default() };
        (Pattern(format!("process/{name}/*")), change)
    });
    alerts.changes.splice(0..0, critical.collect::<Vec<_>>());
    alerts
}

/// Which processes each is started after: a name of the file means all its instances.
pub(super) struct Order {
    wanted: Vec<(Vec<ProcessName>, Vec<Spanned<String>>)>,
    instances: BTreeMap<String, Vec<ProcessName>>,
}

impl Order {
    pub(super) const fn new() -> Self {
        Self { wanted: Vec::new(), instances: BTreeMap::new() }
    }

    /// Takes note of a process of the file.
    pub(super) fn note(&mut self, process: &Process, names: Vec<ProcessName>) {
        self.instances.insert(process.name.get_ref().clone(), names.clone());
        self.wanted.push((names, process.after.clone()));
    }

    /// Writes the order into the policies; refuses unknown names and loops.
    pub(super) fn settle(
        &self,
        policies: &mut BTreeMap<ProcessName, ProcessPolicy>,
    ) -> Result<(), Mistake> {
        for (names, after) in &self.wanted {
            let mut others = Vec::new();
            for other in after {
                others.extend(self.named(other, policies)?);
            }
            for name in names {
                if let Some(policy) = policies.get_mut(name) {
                    policy.after.clone_from(&others);
                }
            }
        }
        for (names, after) in &self.wanted {
            if let (Some(name), Some(place)) = (names.first(), after.first())
                && let Some(way) = way_back(name, policies)
            {
                let way: Vec<&str> = way.iter().map(|name| name.as_str()).collect();
                let what = format!("this order goes in a circle: {}", way.join(" after "));
                return Err(mistake(place.span(), what, "remove one `after` of the circle"));
            }
        }
        Ok(())
    }

    fn named(
        &self,
        written: &Spanned<String>,
        policies: &BTreeMap<ProcessName, ProcessPolicy>,
    ) -> Result<Vec<ProcessName>, Mistake> {
        let other = written.get_ref();
        if let Some(instances) = self.instances.get(other) {
            return Ok(instances.clone());
        }
        let one = policies.keys().find(|name| name.as_str() == other.as_str());
        one.map(|name| vec![name.clone()]).ok_or_else(|| {
            let known: Vec<&str> = self.instances.keys().map(String::as_str).collect();
            let remedy = format!("the processes are: {}", known.join(", "));
            mistake(written.span(), format!("there is no process `{other}`"), &remedy)
        })
    }
}

/// The way from a process along its `after`s back to itself, if there is one.
fn way_back<'a>(
    start: &'a ProcessName,
    policies: &'a BTreeMap<ProcessName, ProcessPolicy>,
) -> Option<Vec<&'a ProcessName>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![start]];
    while let Some(way) = ways.pop() {
        let others = way.last().and_then(|last| policies.get(*last)).map(|own| &own.after);
        for other in others.into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(other);
            if other == start {
                return Some(longer);
            }
            if seen.insert(other) {
                ways.push(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accepted, refused};
    use super::*;

    fn process(name: &str, extra: &str) -> String {
        format!("[[process]]\nname = \"{name}\"\nrole = \"worker\"\ncommand = [\"a\"]\n{extra}\n")
    }

    #[test]
    fn readiness_signs_and_memory_are_read() {
        let config = accepted(&process(
            "w",
            "instances = 2\ndirectory = \"d\"\nmemory_limit = \"12GiB\"\n\
             ready = { file = \"up-{instance}\", within = \"9s\" }\n\
             liveness = { log = \"10m\", cpu = \"5m\", heartbeat_file = \"b\", heartbeat = \"2m\" }",
        ));
        let name = ProcessName::new("w-2").unwrap();
        let policy = &config.policy.processes[&name];
        assert_eq!(policy.ready, Readiness::Proven { deadline: Span::seconds(9) });
        assert_eq!(policy.memory_limit_bytes, Some(12 << 30));
        assert_eq!(policy.liveness.limits[&Sign::Heartbeat], Span::minutes(2));
        assert_eq!(policy.liveness.agreeing, 2);
        let shown_by = &config.commands[&name].shown_by;
        assert_eq!(shown_by.heartbeat.as_deref(), Some(Path::new("/w/d/b")));
        assert!(
            matches!(&shown_by.proof, Some(Proof::File(path)) if path == Path::new("/w/d/up-2"))
        );
    }

    #[test]
    fn a_text_is_a_text_and_between_slashes_it_is_an_expression() {
        let proof = |written: &str| {
            let config = accepted(&process("w", &format!("ready = {{ log = '{written}' }}")));
            let shown_by = config.commands.into_values().next().unwrap().shown_by;
            let Some(Proof::Log(pattern)) = shown_by.proof else { panic!("no pattern") };
            pattern
        };
        assert!(proof("up (8000)").is_match(b"it is up (8000) now"));
        assert!(proof("/up .[0-9]+/").is_match(b"it is up (8000) now"));
        assert!(!proof("up .").is_match(b"it is up (8000) now"));
    }

    #[test]
    fn alerts_of_a_critical_process_are_critical_unless_a_rule_says_otherwise() {
        let rule = "[[alerts.rule]]\nkey = \"process/b/quiet\"\nseverity = \"info\"\n";
        let two = process("a", "") + &process("b", "critical = true") + rule;
        let alerts = accepted(&two).policy.alerts;
        let severity = |key: &str| alerts.of(key).severity;
        assert_eq!(severity("process/a/cooling"), None);
        assert_eq!(severity("process/b/cooling"), Some(Severity::Critical));
        assert_eq!(severity("process/b/quiet"), Some(Severity::Info));
    }

    #[test]
    fn mistakes_are_named() {
        refused(&process("w", "ready = { log = '/(/' }"), "no regular expression", "slashes");
        refused(&process("w", "ready = { log = '' }"), "empty text", "prints");
        refused(&process("w", "ready = { log = 'a', file = 'b' }"), "one way", "one of log");
        refused(&process("w", "ready = { within = '5s' }"), "one way", "one of log");
        refused(&process("w", "ready = { http = 'localhost' }"), "no address", "http://");
        refused(&process("w", "ready = { delay = '1s' }\nready_after = '1s'"), "the same", "delay");
        refused(&process("w", "liveness = { log = '1m', cpu = '1m', agree = 1 }"), "innocent", "2");
        refused(&process("w", "liveness = { log = '1m', agree = 2 }"), "never be missing", "more");
        refused(&process("w", "liveness = { heartbeat = '1m' }"), "a file and a time", "both");
        refused(&process("w", "liveness = { session = '1m' }"), "only a trader", "heartbeat");
        refused(&process("w", "memory_limit = '12'"), "no amount of memory", "12GiB");
        refused(&process("w", "memory_limit = '12KiB'"), "no amount of memory", "12GiB");
        refused(&process("w", "after = ['x']"), "no process `x`", "the processes are: w");
    }

    #[test]
    fn an_order_that_goes_in_a_circle_is_refused_with_the_circle() {
        let three = process("a", "after = ['c']")
            + &process("b", "after = ['a']")
            + &process("c", "after = ['b']");
        refused(&three, "a after c after b after a", "remove one");
        refused(&process("a", "after = ['a']"), "a after a", "remove one");
        let fine = process("a", "instances = 2") + &process("b", "after = ['a']");
        let config = accepted(&fine);
        assert_eq!(config.policy.processes[&ProcessName::new("b").unwrap()].after.len(), 2);
    }
}
