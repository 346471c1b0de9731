//! The four files, read: every record they hold as a line for the history, and every figure of
//! the monitor as a sample. A file of another shape is refused whole.

use super::LegacyFile;
use super::place::{line_at, line_of};
use super::shape::{At, ShapeFault};
use crate::model::pickle::PyValue;
use crate::model::python_json;
use crate::words::number;

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// It is no JSON.
    #[error("line {line}: {reason}; repair the file or leave it out, nothing was imported")]
    NoJson {
        /// Line, from 1.
        line: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// It has another shape.
    #[error("line {line}: {path}: {due}; repair the file or leave it out, nothing was imported")]
    Shape {
        /// Line, from 1.
        line: usize,
        /// Where in the file.
        path: String,
        /// What is due there.
        due: &'static str,
    },
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Its records, in the file's order.
    pub records: Vec<Record>,
    /// Figures over time: the time as written, the series, the value.
    pub samples: Vec<(String, &'static str, f64)>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, as written (local time without a zone); empty when the file does not say.
    pub at: String,
    /// What, as a sentence.
    pub text: String,
}

/// Reads `text` as the file `file`.
///
/// # Errors
/// [`LegacyError`], with the line; the file is then refused whole.
pub fn read(file: LegacyFile, text: &str) -> Result<Found, LegacyError> {
    value_and_found(file, text).map(|(_, found)| found)
}

/// The file's value, known to be of its shape, with what it holds.
pub(super) fn value_and_found(
    file: LegacyFile,
    text: &str,
) -> Result<(PyValue, Found), LegacyError> {
    let value = python_json::parse(text).map_err(|fault| LegacyError::NoJson {
        line: line_at(text, fault.at),
        reason: fault.reason,
    })?;
    let found = found(file, &value).map_err(|fault| LegacyError::Shape {
        line: line_of(text, &fault.path),
        path: fault.path.to_string(),
        due: fault.due,
    })?;
    Ok((value, found))
}

fn found(file: LegacyFile, value: &PyValue) -> Result<Found, ShapeFault> {
    let top = At::top(value);
    match file {
        LegacyFile::DeploymentState => deployment_state(&top),
        LegacyFile::DeploymentLog => deployment_log(&top),
        LegacyFile::WatchdogState => watchdog_state(&top),
        LegacyFile::MonitorState => monitor_state(&top),
    }
}

fn records(records: Vec<Record>) -> Found {
    Found { records, samples: Vec::new() }
}

fn deployment_state(top: &At<'_>) -> Result<Found, ShapeFault> {
    top.field("last_deployed_trial")?.optional(At::integer)?;
    top.field("last_deployed_value")?.optional(At::number)?;
    top.field("last_deployment_time")?.optional(At::text)?;
    top.field("current_paper_trader_pid")?.optional(At::integer)?;
    let history = top.field("deployment_history")?.items()?;
    let deployments = history.iter().map(deployment);
    Ok(records(deployments.collect::<Result<_, _>>()?))
}

fn deployment(entry: &At<'_>) -> Result<Record, ShapeFault> {
    let trial = entry.field("trial_id")?.integer()?;
    let value = entry.field("value")?.number()?;
    let at = entry.field("timestamp")?.text()?;
    let pid = entry.field("pid")?.optional(At::integer)?;
    let folder = entry.field("model_dir")?.optional(At::text)?;
    entry.field("log_file")?.optional(At::text)?;
    entry.field("csv_file")?.optional(At::text)?;
    let value = number(value);
    let folder = folder.map_or_else(String::new, |folder| format!(" from {folder}"));
    let pid = pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
    Ok(Record { at, text: format!("trial with id {trial} = {value} was deployed{folder}{pid}") })
}

fn deployment_log(top: &At<'_>) -> Result<Found, ShapeFault> {
    let decision = |entry: &At<'_>| {
        let trial = entry.field("trial_id")?.optional(At::integer)?;
        let value = entry.field("value")?.optional(At::number)?;
        let (at, action) = (entry.field("timestamp")?.text()?, entry.field("action")?.text()?);
        let details = entry.field("details")?.optional(At::text)?;
        let trial = trial.map_or_else(String::new, |trial| format!(" trial with id {trial}"));
        let value = value.map_or_else(String::new, |value| format!(" = {}", number(value)));
        let details = details.map_or_else(String::new, |details| format!(": {details}"));
        Ok(Record { at, text: format!("{action}{trial}{value}{details}") })
    };
    Ok(records(top.items()?.iter().map(decision).collect::<Result<_, _>>()?))
}

fn watchdog_state(top: &At<'_>) -> Result<Found, ShapeFault> {
    let mut found = Vec::new();
    for (name, count) in top.field("restart_counts")?.entries()? {
        let count = count.integer()?;
        let at = top.field("last_restart_times")?.field(&name)?.optional(At::text)?;
        let text = format!("{name} had {count} restarts on the watchdog's count");
        found.push(Record { at: at.unwrap_or_default(), text });
    }
    for (_, at) in top.field("last_restart_times")?.entries()? {
        at.text()?;
    }
    for alert in top.field("alerts")?.items()? {
        let (severity, process) =
            (alert.field("severity")?.text()?, alert.field("process")?.text()?);
        let (at, message) = (alert.field("timestamp")?.text()?, alert.field("message")?.text()?);
        found.push(Record { at, text: format!("{severity} {process}: {message}") });
    }
    Ok(records(found))
}

fn monitor_state(top: &At<'_>) -> Result<Found, ShapeFault> {
    let at = top.field("last_check_time")?.optional(At::text)?;
    let trials = top.field("last_trial_count")?.optional(At::integer)?;
    let best = top.field("best_trial_id")?.optional(At::integer)?;
    let value = top.field("best_trial_value")?.optional(At::number)?;
    let mut samples = Vec::new();
    let history = top.field("performance_history")?.items()?;
    for entry in &history {
        // A figure without a time belongs nowhere: it must not get lost unseen.
        let at = entry.field("timestamp")?.local_time()?;
        samples.extend(figures(entry)?.into_iter().map(|(name, value)| (at.clone(), name, value)));
    }
    let best = best.zip(value).map_or_else(String::new, |(best, value)| {
        format!(", the best with id {best} = {}", number(value))
    });
    let text = format!(
        "the monitor had seen {} trials{best}, and kept {} looks",
        trials.unwrap_or(0),
        history.len()
    );
    Ok(Found { records: vec![Record { at: at.unwrap_or_default(), text }], samples })
}

/// The figures of one look of the monitor. Its memory is in MiB.
fn figures(entry: &At<'_>) -> Result<Vec<(&'static str, f64)>, ShapeFault> {
    const MIB: f64 = 1_048_576.0;
    let mut figures = Vec::new();
    let stats = entry.field("stats")?;
    for (key, series) in [
        ("complete", "study/trials_complete"),
        ("running", "study/trials_running"),
        ("failed", "study/trials_failed"),
    ] {
        figures.push((series, stats.field(key)?.number()?));
    }
    let gpu = entry.field("gpu_stats")?;
    if !gpu.is_null() {
        for (key, series, unit) in [
            ("temperature", "gpu/0/temperature", 1.0),
            ("utilization", "gpu/0/utilisation", 1.0),
            ("memory_used", "gpu/0/memory_used", MIB),
            ("power_draw", "gpu/0/power", 1.0),
        ] {
            let value = gpu.field(key)?.optional(At::number)?;
            figures.extend(value.map(|value| (series, value * unit)));
        }
    }
    let trading = entry.field("paper_trading")?;
    if !trading.is_null() {
        let worth = trading.field("latest_portfolio_value")?.optional(At::number)?;
        figures.extend(worth.map(|worth| ("trading/equity", worth)));
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_shape_refuses_the_file_with_its_line() {
        let text = "[\n  {\n    \"timestamp\": \"2025-11-17T18:00:00.000001\",\n    \"trial_id\": \
                    3,\n    \"value\": \"high\",\n    \"action\": \"SKIPPED\",\n    \"details\": \
                    \"\"\n  }\n]";
        let error = read(LegacyFile::DeploymentLog, text).unwrap_err().to_string();
        assert!(error.starts_with("line 5: [0].value: a number is due"), "{error}");
        let look = "{\"performance_history\": [\n{\"timestamp\": \"yesterday\"}]}";
        let error = read(LegacyFile::MonitorState, look).unwrap_err().to_string();
        let said = "line 2: performance_history[0].timestamp: a local time is due, such as";
        assert!(error.starts_with(said), "{error}");
        let error = read(LegacyFile::DeploymentLog, "[\n{]").unwrap_err().to_string();
        assert!(error.starts_with("line 2: a string is due"), "{error}");
    }
}
