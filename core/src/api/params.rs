//! The hyperparameters of one trial: answer to `GET /v1/trials/NUMBER/params`.

use crate::words::trial::{Choice, Distribution, Param};
use serde::{Deserialize, Serialize};

/// One hyperparameter, as it was drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParamView {
    /// Its name.
    pub name: String,
    /// Its value: a number, a choice's text, `true`, `null`.
    pub value: String,
    /// The value as a number; nothing for a choice that is none.
    pub number: Option<f64>,
    /// `float`, `int` or `choice`.
    pub kind: String,
    /// Whether it was drawn on a logarithmic scale.
    pub log: bool,
    /// What it was drawn from: `0.0001 to 0.1`, `16 to 256 in steps of 16`, `adam, sgd`.
    pub range: String,
}

impl From<&Param> for ParamView {
    fn from(param: &Param) -> Self {
        let finite = Some(param.internal).filter(|number| number.is_finite());
        let whole = || format!("{:.0}", param.internal.trunc());
        let (value, number, kind, log, range) = match &param.distribution {
            Distribution::Float { low, high, log, step } => {
                let step = step.map(|step| step.to_string());
                (param.internal.to_string(), finite, "float", *log, span(low, high, step))
            }
            Distribution::Int { low, high, log, step } => {
                let step = (*step != 1).then(|| step.to_string());
                (whole(), finite, "int", *log, span(low, high, step))
            }
            Distribution::Categorical { choices } => {
                let chosen = whole().parse().ok().and_then(|place: usize| choices.get(place));
                let value = chosen.map_or_else(|| format!("choice {}", whole()), text);
                let all: Vec<String> = choices.iter().map(text).collect();
                (value, chosen.and_then(number_of), "choice", false, all.join(", "))
            }
        };
        Self { name: param.name.clone(), value, number, kind: kind.to_owned(), log, range }
    }
}

fn span<T: std::fmt::Display>(low: &T, high: &T, step: Option<String>) -> String {
    let step = step.map(|step| format!(" in steps of {step}")).unwrap_or_default();
    format!("{low} to {high}{step}")
}

fn text(choice: &Choice) -> String {
    match choice {
        Choice::Null => "null".to_owned(),
        Choice::Bool(is) => is.to_string(),
        Choice::Int(number) => number.to_string(),
        Choice::Float(number) => number.to_string(),
        Choice::Text(text) => text.clone(),
    }
}

fn number_of(choice: &Choice) -> Option<f64> {
    match choice {
        Choice::Float(number) => Some(*number).filter(|number| number.is_finite()),
        Choice::Int(number) => number.to_string().parse().ok(),
        Choice::Null | Choice::Bool(_) | Choice::Text(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_says_its_value_and_what_it_was_drawn_from() {
        let view = |internal: f64, distribution: Distribution| {
            ParamView::from(&Param { name: "x".into(), internal, distribution })
        };
        let rate = view(3e-4, Distribution::Float { low: 1e-5, high: 0.1, log: true, step: None });
        assert_eq!((rate.value.as_str(), rate.kind.as_str(), rate.log), ("0.0003", "float", true));
        assert_eq!(rate.range, "0.00001 to 0.1");
        let batch = view(64.0, Distribution::Int { low: 16, high: 256, log: false, step: 16 });
        assert_eq!(
            (batch.value.as_str(), batch.range.as_str()),
            ("64", "16 to 256 in steps of 16")
        );
        let choices = vec![Choice::Text("adam".into()), Choice::Int(3), Choice::Null];
        let chosen = |place| view(place, Distribution::Categorical { choices: choices.clone() });
        assert_eq!((chosen(0.0).value.as_str(), chosen(0.0).number), ("adam", None));
        assert_eq!((chosen(1.0).number, chosen(1.0).range.as_str()), (Some(3.0), "adam, 3, null"));
        assert_eq!(chosen(7.0).value, "choice 7", "a place that the choices do not have");
    }
}
