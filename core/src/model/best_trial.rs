//! The file `best_trial` beside a model: a trial as a pickled `optuna.trial.FrozenTrial`.
//!
//! A trader written in Python reads its hyperparameters from there.

use super::pickle::{self, PyValue};
use super::python_json::{self, JsonFault};
use crate::words::trial::{Choice, Distribution, Param, TrialDetail, TrialState};

/// Why a trial cannot be handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BestTrialFault {
    /// An attribute that Optuna could not read either.
    #[error("the attribute `{key}` cannot be handed to Python: {fault}")]
    BadAttribute {
        /// Its key.
        key: String,
        /// What is wrong with its text.
        fault: JsonFault,
    },
    /// A stored parameter value outside what its distribution allows.
    #[error(
        "the parameter `{name}` has the stored value {internal}, which its distribution cannot mean"
    )]
    BadParam {
        /// Its name.
        name: String,
        /// The stored number.
        internal: String,
    },
    /// A stored time that is none.
    #[error("`{0}` is no time as Optuna stores it (YYYY-MM-DD HH:MM:SS.ffffff)")]
    BadTime(String),
}

/// The pickle of `trial`; each of `overrides` (key and text) replaces or adds a user attribute.
///
/// It loads in Optuna 3.0 and later and equals the trial that Optuna itself would read.
///
/// # Errors
/// [`BestTrialFault`] when the storage holds something that Optuna could not load either.
pub fn best_trial_pickle(
    trial: &TrialDetail,
    overrides: &[(&str, &str)],
) -> Result<Vec<u8>, BestTrialFault> {
    let class = PyValue::Global("optuna.trial", "FrozenTrial");
    let values = trial.values.iter().map(|value| PyValue::Float(value.as_f64())).collect();
    let values = if trial.values.is_empty() { PyValue::None } else { PyValue::List(values) };
    let mut user_attrs = attributes(&trial.user_attrs)?;
    for (key, text) in overrides {
        user_attrs.push((PyValue::text(key), PyValue::text(text)));
    }
    let reports = trial.intermediate_values.iter();
    let reports = reports.map(|(step, value)| (PyValue::Int(*step), PyValue::Float(*value)));
    let state = vec![
        ("_number", PyValue::Int(trial.number.0)),
        ("state", state(trial.state)),
        ("_values", values),
        ("_datetime_start", time(trial.datetime_start.as_deref())?),
        ("datetime_complete", time(trial.datetime_complete.as_deref())?),
        ("_params", params(trial, external)?),
        ("_user_attrs", PyValue::Dict(user_attrs)),
        ("_system_attrs", PyValue::Dict(attributes(&trial.system_attrs)?)),
        ("intermediate_values", PyValue::Dict(reports.collect())),
        ("_distributions", params(trial, |param| Ok(distribution(&param.distribution)))?),
        ("_trial_id", PyValue::Int(trial.trial_id.0)),
    ];
    Ok(pickle::dump(&PyValue::Object(Box::new(class), state)))
}

/// Numbers of `optuna.trial.TrialState`.
fn state(state: TrialState) -> PyValue {
    let number = match state {
        TrialState::Running => 0,
        TrialState::Complete => 1,
        TrialState::Pruned => 2,
        TrialState::Failed => 3,
        TrialState::Waiting => 4,
    };
    let class = PyValue::Global("optuna.trial", "TrialState");
    PyValue::Call(Box::new(class), vec![PyValue::Int(number)])
}

fn attributes(stored: &[(String, String)]) -> Result<Vec<(PyValue, PyValue)>, BestTrialFault> {
    let pair = |(key, json): &(String, String)| match python_json::parse(json) {
        Ok(value) => Ok((PyValue::text(key), value)),
        Err(fault) => Err(BestTrialFault::BadAttribute { key: key.clone(), fault }),
    };
    stored.iter().map(pair).collect()
}

/// A `datetime`. What follows the microseconds is ignored, as SQLAlchemy does when Optuna reads.
fn time(stored: Option<&str>) -> Result<PyValue, BestTrialFault> {
    let Some(text) = stored else { return Ok(PyValue::None) };
    let fields = time_fields(text).ok_or_else(|| BestTrialFault::BadTime(text.to_owned()))?;
    let class = PyValue::Global("datetime", "datetime");
    Ok(PyValue::Call(Box::new(class), fields.map(PyValue::Int).to_vec()))
}

fn time_fields(text: &str) -> Option<[i64; 7]> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let moment: jiff::civil::DateTime = whole.get(..19)?.parse().ok()?;
    let digits: String = fraction.chars().take_while(char::is_ascii_digit).take(6).collect();
    let microseconds = if digits.is_empty() { 0 } else { format!("{digits:0<6}").parse().ok()? };
    (moment.year() > 0).then_some([
        moment.year().into(),
        moment.month().into(),
        moment.day().into(),
        moment.hour().into(),
        moment.minute().into(),
        moment.second().into(),
        microseconds,
    ])
}

fn params(
    trial: &TrialDetail,
    mut meaning: impl FnMut(&Param) -> Result<PyValue, BestTrialFault>,
) -> Result<PyValue, BestTrialFault> {
    let pair = |param: &Param| Ok((PyValue::text(&param.name), meaning(param)?));
    trial.params.iter().map(pair).collect::<Result<_, _>>().map(PyValue::Dict)
}

/// The value that the trainer saw (`to_external_repr`).
fn external(param: &Param) -> Result<PyValue, BestTrialFault> {
    // Without a fraction, a number's text is an integer's text.
    let whole = || format!("{:.0}", param.internal.trunc());
    let value = match &param.distribution {
        Distribution::Float { .. } => Some(PyValue::Float(param.internal)),
        Distribution::Int { .. } => whole().parse().ok().map(PyValue::Int),
        Distribution::Categorical { choices } => {
            whole().parse().ok().and_then(|index: usize| choices.get(index)).map(choice)
        }
    };
    value.ok_or_else(|| BestTrialFault::BadParam {
        name: param.name.clone(),
        internal: param.internal.to_string(),
    })
}

fn choice(choice: &Choice) -> PyValue {
    match choice {
        Choice::Null => PyValue::None,
        Choice::Bool(value) => PyValue::Bool(*value),
        Choice::Int(value) => PyValue::Int(*value),
        Choice::Float(value) => PyValue::Float(*value),
        Choice::Text(value) => PyValue::text(value),
    }
}

fn distribution(distribution: &Distribution) -> PyValue {
    let (name, attributes) = match distribution {
        Distribution::Float { low, high, log, step } => (
            "FloatDistribution",
            vec![
                ("step", step.map_or(PyValue::None, PyValue::Float)),
                ("low", PyValue::Float(*low)),
                ("high", PyValue::Float(*high)),
                ("log", PyValue::Bool(*log)),
            ],
        ),
        Distribution::Int { low, high, log, step } => (
            "IntDistribution",
            vec![
                ("log", PyValue::Bool(*log)),
                ("step", PyValue::Int(*step)),
                ("low", PyValue::Int(*low)),
                ("high", PyValue::Int(*high)),
            ],
        ),
        Distribution::Categorical { choices } => {
            let choices = PyValue::Tuple(choices.iter().map(choice).collect());
            ("CategoricalDistribution", vec![("choices", choices)])
        }
    };
    PyValue::Object(Box::new(PyValue::Global("optuna.distributions", name)), attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ids::{TrialId, TrialNumber};
    use crate::words::trial::Value;

    fn trial() -> TrialDetail {
        TrialDetail {
            trial_id: TrialId(2),
            number: TrialNumber(1),
            state: TrialState::Complete,
            values: vec![Value::Finite(0.5)],
            datetime_start: Some("2026-01-02 03:04:05.000006".into()),
            datetime_complete: None,
            params: vec![],
            user_attrs: vec![("name_folder".into(), "\"old\"".into())],
            system_attrs: vec![],
            intermediate_values: vec![],
        }
    }

    fn param(internal: f64, distribution: Distribution) -> Param {
        Param { name: "p".into(), internal, distribution }
    }

    #[test]
    fn the_pickle_of_a_trial_never_changes() {
        let bytes = best_trial_pickle(&trial(), &[("name_folder", "new")]).unwrap();
        let text = String::from_utf8_lossy(&bytes).replace('\0', "·");
        assert_eq!(
            text,
            "\u{fffd}\u{2}coptuna.trial\nFrozenTrial\n)\u{fffd}}(X\u{7}···_numberK\u{1}\
             X\u{5}···statecoptuna.trial\nTrialState\n(K\u{1}tRX\u{7}···_values](G?\u{fffd}······e\
             X\u{f}···_datetime_startcdatetime\ndatetime\n\
             (J\u{fffd}\u{7}··K\u{1}K\u{2}K\u{3}K\u{4}K\u{5}K\u{6}tRX\u{11}···datetime_completeN\
             X\u{7}···_params}(uX\u{b}···_user_attrs}(X\u{b}···name_folderX\u{3}···old\
             X\u{b}···name_folderX\u{3}···newuX\u{d}···_system_attrs}(u\
             X\u{13}···intermediate_values}(uX\u{e}···_distributions}(u\
             X\u{9}···_trial_idK\u{2}ub."
        );
    }

    #[test]
    fn a_categorical_parameter_is_handed_over_as_its_choice_not_its_index() {
        let choices = vec![Choice::Text("ppo".into()), Choice::Null];
        let categorical = Distribution::Categorical { choices };
        assert_eq!(external(&param(0.0, categorical.clone())), Ok(PyValue::text("ppo")));
        assert_eq!(external(&param(1.0, categorical.clone())), Ok(PyValue::None));
        for outside in [2.0, -1.0, f64::NAN] {
            assert!(external(&param(outside, categorical.clone())).is_err());
        }
        let int = Distribution::Int { low: 0, high: 9, log: false, step: 1 };
        assert_eq!(external(&param(7.0, int)), Ok(PyValue::Int(7)));
    }

    #[test]
    fn a_time_is_read_as_stored_and_refused_when_it_is_none() {
        assert_eq!(
            time_fields("2026-01-02 03:04:05.5+00:00"),
            Some([2026, 1, 2, 3, 4, 5, 500_000])
        );
        assert_eq!(time_fields("2026-01-02 03:04:05"), Some([2026, 1, 2, 3, 4, 5, 0]));
        for broken in ["", "2026-13-02 03:04:05", "yesterday at noon!!", "2026-01-02"] {
            assert!(time(Some(broken)).is_err(), "{broken}");
        }
    }
}
