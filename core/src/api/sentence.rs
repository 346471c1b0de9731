//! One sentence for everything the history remembers: the same words in every client.

use crate::words::{
    Candidate, Command, ExamStep, Examined, ExitStatus, Fault, Finding, Generation, Note,
    ProcessName, RevisionId, Timestamp, TradesDigest, Trouble, Verdict, number,
};

/// What happened, as a sentence.
pub fn sentence(note: &Note) -> String {
    match note {
        Note::RunnerStarted => "the runner came up".to_owned(),
        Note::RunnerStopping => "the runner was asked to go down".to_owned(),
        Note::StudyFollowed(study) => format!("the study `{}` is followed", study.name),
        Note::StudyUnavailable(why) => format!("the study cannot be read: {why}"),
        Note::StudyReplaced(study) => replaced(&study.name),
        Note::CandidateDeclined(candidate, why) => {
            format!("{} was not deployed: {why}", trial(candidate))
        }
        Note::DeploymentBegan(id, revision, candidate, cause) => {
            format!(
                "deployment {id} began, of revision {revision} from {}: {cause}",
                trial(candidate)
            )
        }
        Note::DeploymentReached(id, revision, stage) => {
            format!("deployment {id} of revision {revision}: {stage}")
        }
        Note::RevisionJudged(revision, number, standing) => {
            format!("revision {revision} (trial {number}) is {standing}")
        }
        Note::WentLive(_, revision, Some(before), cause) => {
            format!("revision {revision} went live in place of revision {before}: {cause}")
        }
        Note::WentLive(_, revision, None, cause) => {
            format!("revision {revision} went live: {cause}")
        }
        Note::Halted(why) => format!("nothing trades until a person decides: {why}"),
        Note::ModeChanged(mode) => format!("deployments are {mode}"),
        Note::TrialHeld(_, number, reason) => format!("trial {number} is held back: {reason}"),
        Note::TrialReleased(_, number) => format!("trial {number} may be deployed again"),
        Note::ProcessStarted(name, life, pid) => format!("{name} runs (life {life}, pid {pid})"),
        Note::ProcessAdopted(name, life, pid) => {
            format!("{name} was running already and was taken over (life {life}, pid {pid})")
        }
        Note::LaunchFailed(name, life, why) => {
            format!("{name} could not be started (life {life}): {why}")
        }
        Note::ProcessExited(name, life, status, asked) => exited(name, *life, status, *asked),
        Note::ProcessCooling(name, pause) => {
            format!("{name} spent its restarts; one more try after {pause}")
        }
        Note::ProcessHealthy(name, life) => healthy(name, *life),
        Note::AlertRaised(key, text, remedy) => format!("alert {key}: {text}; {remedy}"),
        Note::AlertCleared(key) => format!("alert {key} is over"),
        Note::Imported(file, at, text) => imported(file, at, text),
        Note::AlertFired(key, trouble, times) => fired(key, trouble, *times),
        Note::AlertMuted(key, trouble, why) => muted(key, trouble, why),
        Note::AlertFlapping(key, trouble, turns) => flapping(key, trouble, *turns),
        Note::AlertResolved(key, _, lasted, _) => format!("alert {key} is over after {lasted}"),
        Note::SilenceEnded(id, pattern) => {
            format!("silence {id} ran out: `{pattern}` is told again")
        }
        Note::NewBest(candidate) => format!("{} is the best so far", trial(candidate)),
        Note::Traded(digest) => traded(digest),
        Note::ProcessCondemned(name, life, fault, why) => condemned(name, *life, *fault, why),
        Note::WorkersPaused(pause) => {
            format!("all workers failed together; they pause for {pause}")
        }
        Note::ProcessReady(name, life) => format!("{name} is ready (life {life})"),
        Note::Asked(_, actor, command) => format!("{actor} asked to {}", wish(command)),
        Note::ModelExamined(revision, number, verdict) => {
            format!("revision {revision} (trial {number}) was examined: {}", examined(verdict))
        }
    }
}

fn replaced(name: &str) -> String {
    format!("another study, `{name}`, is in the place of the one whose model is live")
}

fn imported(file: &str, at: &str, text: &str) -> String {
    let when = if at.is_empty() { String::new() } else { format!(", {at}") };
    format!("before, in {file}{when}: {text}")
}

/// What an examination came to.
fn examined(verdict: &Verdict) -> String {
    let outcome = verdict.outcome();
    let unseen = match verdict.unchecked() {
        0 => String::new(),
        1 => ", one thing could not be checked".to_owned(),
        count => format!(", {count} things could not be checked"),
    };
    verdict
        .objection()
        .map_or_else(|| format!("{outcome}{unseen}"), |why| format!("{outcome}: {why}"))
}

/// An examination line by line: step, finding, what was seen.
pub fn findings(verdict: &Verdict) -> Vec<[String; 3]> {
    let line = |step: ExamStep, finding: &Finding| {
        let what = match finding {
            Finding::Holds(_) => "holds",
            Finding::NotChecked(_) => "not checked",
            Finding::Refused(_) => "refused",
            Finding::Hostile(_) => "hostile",
        };
        [step.to_string(), what.to_owned(), finding.text().to_owned()]
    };
    let of = |examined: &Examined| -> Vec<[String; 3]> {
        examined.findings.iter().map(|finding| line(examined.step, finding)).collect()
    };
    verdict.steps.iter().flat_map(of).collect()
}

/// Such as `12 trades with revision 3, +1.3 %, 2026-03-01T06:00–12:00Z`.
fn traded(digest: &TradesDigest) -> String {
    let TradesDigest { revision, trades, growth, from, to } = digest;
    let clock = |at: &Timestamp, part: std::ops::Range<usize>| {
        at.to_string().get(part).unwrap_or_default().to_owned()
    };
    let (from, to) = (clock(from, 0..16), clock(to, 11..16));
    let percent = growth * 100.0;
    let plural = if *trades == 1 { "" } else { "s" };
    format!("{trades} trade{plural} with revision {revision}, {percent:+.1} %, {from}–{to}Z")
}

fn fired(key: &str, trouble: &Trouble, times: u32) -> String {
    let again = if times > 1 { format!(" (told {times} times)") } else { String::new() };
    format!("alert {key}: {}; {}{again}", trouble.text, trouble.remedy)
}

fn flapping(key: &str, trouble: &Trouble, turns: u32) -> String {
    let Trouble { text, remedy, .. } = trouble;
    format!("alert {key} comes and goes, {turns} turns lately: {text}; {remedy}")
}

fn exited(name: &ProcessName, life: Generation, status: &ExitStatus, asked: bool) -> String {
    let how = if asked { "as asked" } else { "by itself" };
    format!("{name} ended {how}, with {status} (life {life})")
}

fn condemned(name: &ProcessName, life: Generation, fault: Fault, why: &str) -> String {
    format!("{name} is ended because {fault}: {why} (life {life})")
}

fn healthy(name: &ProcessName, life: Generation) -> String {
    format!("{name} ran long enough for its failures to be forgotten (life {life})")
}

fn muted(key: &str, trouble: &Trouble, why: &str) -> String {
    format!("alert {key} is not told, {why}: {}", trouble.text)
}

fn trial(candidate: &Candidate) -> String {
    format!("trial {} = {}", candidate.number, number(candidate.value))
}

fn wish(command: &Command) -> String {
    let target = |to: &Option<RevisionId>| match to {
        Some(revision) => format!(" to revision {revision}"),
        None => String::new(),
    };
    let process = |verb: &str, name: &ProcessName| format!("{verb} {name}");
    match command {
        Command::Deploy { candidate, reason } => format!("deploy {}: {reason}", trial(candidate)),
        Command::Rollback { to, hold: true, reason } => {
            format!("roll back{} and hold the present trial back: {reason}", target(to))
        }
        Command::Rollback { to, hold: false, reason } => {
            format!("roll back{}: {reason}", target(to))
        }
        Command::Hold { number, reason, .. } => format!("hold trial {number} back: {reason}"),
        Command::Unhold { number, .. } => format!("let trial {number} be deployed again"),
        Command::Approve => "approve what waits for approval".to_owned(),
        Command::Reject { reason } => format!("decline what is being prepared: {reason}"),
        Command::Pause { pin: true, reason } => format!("pin the live model: {reason}"),
        Command::Pause { pin: false, reason } => {
            format!("pause automatic deployments: {reason}")
        }
        Command::Resume => "resume automatic deployments".to_owned(),
        Command::Restart { process: name } => process("restart", name),
        Command::Reset { process: name } => process("reset", name),
        Command::Acknowledge { alert, reason } => format!("look after {alert}: {reason}"),
        Command::Unacknowledge { alert } => format!("look after {alert} no longer"),
        Command::Silence { pattern, lasts, reason } => {
            format!("silence `{pattern}` for {lasts}: {reason}")
        }
        Command::Unsilence { silence } => format!("end silence {silence}"),
    }
}
