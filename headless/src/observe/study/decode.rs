//! Optuna's encodings: states, values, constraints, distributions.
//!
//! Attributes are the output of Python's `json.dumps`, which writes `NaN`, `Infinity` and lone
//! surrogates that JSON does not know. What cannot be read is told as absent, never guessed.

use cappuccino_core::words::trial::{Choice, Distribution};
use cappuccino_core::words::{Direction, TrialState, Value};
use serde_json::Value as Json;

/// Largest attribute that is looked into; larger ones are data, not settings.
pub const ATTRIBUTE_MAX_BYTES: usize = 1 << 20;

/// A trial's state by its name in the database.
pub fn state(name: &str) -> Option<TrialState> {
    match name {
        "RUNNING" => Some(TrialState::Running),
        "COMPLETE" => Some(TrialState::Complete),
        "PRUNED" => Some(TrialState::Pruned),
        "FAIL" => Some(TrialState::Failed),
        "WAITING" => Some(TrialState::Waiting),
        _ => None,
    }
}

/// A direction by its name in the database; nothing for `NOT_SET`.
pub fn direction(name: &str) -> Option<Direction> {
    match name {
        "MINIMIZE" => Some(Direction::Minimize),
        "MAXIMIZE" => Some(Direction::Maximize),
        _ => None,
    }
}

/// A value with its type; a schema before 3.0 has no types and stores infinities as such. Nothing
/// for a row that contradicts itself.
pub fn value(number: Option<f64>, kind: Option<&str>) -> Option<Value> {
    match (kind, number) {
        (Some("INF_POS"), _) => Some(Value::PositiveInfinity),
        (Some("INF_NEG"), _) => Some(Value::NegativeInfinity),
        (Some("FINITE") | None, Some(number)) => of_number(number),
        (Some(_) | None, _) => None,
    }
}

fn of_number(number: f64) -> Option<Value> {
    if number.is_nan() {
        None
    } else if number.is_infinite() {
        Some(if number > 0.0 { Value::PositiveInfinity } else { Value::NegativeInfinity })
    } else {
        Some(Value::Finite(number))
    }
}

/// Whether a constraint attribute is satisfied: every number at most 0. Up to 4.x one attribute
/// `constraints` holds the list, from 5.0 on each `constraints:<name>` holds one number.
pub fn satisfied(key: &str, json: &str) -> bool {
    let at_most_zero = |number: &Json| number.as_f64().is_some_and(|number| number <= 0.0);
    match (key, tolerant(json)) {
        ("constraints", Some(Json::Array(numbers))) => numbers.iter().all(at_most_zero),
        // Optuna stores null when the constraints could not be computed, and lets that pass.
        ("constraints", Some(Json::Null)) => true,
        (_, Some(number)) => at_most_zero(&number),
        (_, None) => false,
    }
}

/// A distribution from its JSON, the old names included.
pub fn distribution(json: &str) -> Option<Distribution> {
    let json = tolerant(json)?;
    let name = json.get("name")?.as_str()?;
    let attributes = json.get("attributes")?;
    let float = |key: &str| attributes.get(key).and_then(Json::as_f64);
    let int = |key: &str| attributes.get(key).and_then(Json::as_i64);
    let log = attributes.get("log").and_then(Json::as_bool).unwrap_or(false);
    let (low, high) = (float("low"), float("high"));
    match name {
        "FloatDistribution" => {
            Some(Distribution::Float { low: low?, high: high?, log, step: float("step") })
        }
        "UniformDistribution" => {
            Some(Distribution::Float { low: low?, high: high?, log: false, step: None })
        }
        "LogUniformDistribution" => {
            Some(Distribution::Float { low: low?, high: high?, log: true, step: None })
        }
        "DiscreteUniformDistribution" => {
            Some(Distribution::Float { low: low?, high: high?, log: false, step: float("q") })
        }
        "IntDistribution" | "IntUniformDistribution" => Some(Distribution::Int {
            low: int("low")?,
            high: int("high")?,
            log,
            step: int("step").unwrap_or(1),
        }),
        "IntLogUniformDistribution" => {
            Some(Distribution::Int { low: int("low")?, high: int("high")?, log: true, step: 1 })
        }
        "CategoricalDistribution" => {
            let choices = attributes.get("choices")?.as_array()?;
            Some(Distribution::Categorical { choices: choices.iter().map(choice).collect() })
        }
        _ => None,
    }
}

fn choice(json: &Json) -> Choice {
    match json {
        Json::Null => Choice::Null,
        Json::Bool(value) => Choice::Bool(*value),
        Json::Number(number) => number
            .as_i64()
            .map(Choice::Int)
            .or_else(|| number.as_f64().map(Choice::Float))
            .unwrap_or(Choice::Null),
        Json::String(text) => Choice::Text(text.clone()),
        // Optuna warns about such choices and stores their JSON; so do we.
        Json::Array(_) | Json::Object(_) => Choice::Text(json.to_string()),
    }
}

/// Reads what `json.dumps` writes. `NaN` and the infinities have no place in JSON; they stand for
/// numbers too large or undefined, and become a number no constraint accepts.
fn tolerant(text: &str) -> Option<Json> {
    if text.len() > ATTRIBUTE_MAX_BYTES {
        return None;
    }
    serde_json::from_str(text).ok().or_else(|| {
        let replaced = text
            .replace("-Infinity", "-1.7976931348623157e308")
            .replace("Infinity", "1.7976931348623157e308")
            .replace("NaN", "1.7976931348623157e308");
        serde_json::from_str(&replaced).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_are_told_by_their_type_and_contradictions_are_not_values() {
        assert_eq!(value(None, Some("INF_POS")), Some(Value::PositiveInfinity));
        assert_eq!(value(Some(1.5), Some("FINITE")), Some(Value::Finite(1.5)));
        assert_eq!(value(None, Some("FINITE")), None, "a damaged row");
        assert_eq!(value(Some(f64::NEG_INFINITY), None), Some(Value::NegativeInfinity));
        assert_eq!(value(None, Some("NAN")), None);
    }

    #[test]
    fn constraints_of_both_ages_decide_feasibility() {
        assert!(satisfied("constraints", "[-1.0, 0.0]"));
        assert!(!satisfied("constraints", "[-1.0, 0.1]"));
        assert!(!satisfied("constraints", "[NaN]"));
        assert!(satisfied("constraints", "[-Infinity]"));
        assert!(satisfied("constraints:c0", "0.0"));
        assert!(!satisfied("constraints:c0", "Infinity"));
    }

    #[test]
    fn distributions_of_every_age_are_read() {
        let read = |name: &str, attributes: &str| {
            distribution(&format!(r#"{{"name":"{name}","attributes":{attributes}}}"#))
        };
        let float = Distribution::Float { low: 0.0, high: 1.0, log: false, step: Some(0.5) };
        let steps = r#"{"low":0.0,"high":1.0,"step":0.5,"log":false}"#;
        assert_eq!(read("FloatDistribution", steps), Some(float.clone()));
        let quantised = r#"{"low":0.0,"high":1.0,"q":0.5}"#;
        assert_eq!(read("DiscreteUniformDistribution", quantised), Some(float));
        let choices = r#"{"choices":[null,true,3,0.5,"a"]}"#;
        let Some(Distribution::Categorical { choices }) = read("CategoricalDistribution", choices)
        else {
            panic!("categorical")
        };
        assert_eq!(choices.len(), 5);
        assert_eq!(distribution("{}"), None);
    }
}
