//! Step 4: are these the weights of a network that fits its trial and its trader?

use super::{Expected, Known, Readable};
use crate::model::network::PolicyNetwork;
use crate::model::weights::Weights;
use crate::words::Finding;

/// Largest magnitude of a sane weight: trained networks stay below 10.
const WEIGHT_MAX: f32 = 1000.0;
/// Where PPO keeps the logarithm of its spread.
const STD_LOG: std::ops::RangeInclusive<f32> = -5.0..=2.0;

/// The findings, and the actor's network when there is one that can be asked.
pub(super) fn examine(
    files: &[Readable],
    is_whole: bool,
    expected: &Expected,
) -> (Vec<Finding>, Option<PolicyNetwork>) {
    if !is_whole {
        let why = Finding::not_checked("not every file could be read as weights");
        return (vec![why], None);
    }
    let mut findings: Vec<Finding> = files.iter().map(numbers).collect();
    let broken = findings.iter().any(|finding| matches!(finding, Finding::Refused(_)));
    let of = |stem: &str| files.iter().find(|file| stem_of(&file.name) == stem);
    let Some(actor) = of("actor").filter(|_| !broken) else {
        if !broken {
            findings.push(Finding::not_checked("no file is called actor: the network is unknown"));
        }
        return (findings, None);
    };
    let network = match PolicyNetwork::from_actor(&actor.weights) {
        Ok(network) => network,
        Err(fault) => {
            findings.push(Finding::refused(format_args!("{}: {fault}", actor.name)));
            return (findings, None);
        }
    };
    findings.push(described(actor, &network));
    findings.push(match of("critic") {
        Some(critic) => critic_fits(critic, &network),
        None => Finding::not_checked("no file is called critic: there is nothing to compare with"),
    });
    findings.push(trained(actor, &network));
    findings.extend(spread(actor));
    findings.push(agrees(
        "width",
        network.net_dimension(),
        &expected.net_dimension,
        "the trial's net_dimension",
    ));
    findings.push(lookback(&network, &expected.lookback));
    findings.push(agrees("wishes", network.actions(), &expected.tickers, "the trader's tickers"));
    findings.push(is_new(actor, expected));
    (findings, Some(network))
}

fn stem_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Every number of every file: finite, and no larger than training makes them.
fn numbers(file: &Readable) -> Finding {
    let name = &file.name;
    let mut largest = 0.0_f32;
    for (tensor_name, tensor) in &file.weights.tensors {
        let odd = tensor.values().iter().filter(|value| !value.is_finite()).count();
        if odd > 0 {
            let count = tensor.values().len();
            return Finding::refused(format_args!(
                "{name}: {odd} of the {count} numbers of `{tensor_name}` are not finite"
            ));
        }
        largest = tensor.values().iter().fold(largest, |most, value| most.max(value.abs()));
    }
    if largest > WEIGHT_MAX {
        Finding::refused(format_args!(
            "{name}: its largest number has the magnitude {largest}, beyond {WEIGHT_MAX}: training \
             diverged"
        ))
    } else {
        Finding::holds(format_args!("{name}: all numbers finite, the largest {largest}"))
    }
}

fn described(actor: &Readable, network: &PolicyNetwork) -> Finding {
    let (state, width, actions) = (network.state_len(), network.net_dimension(), network.actions());
    let agent = network.architecture().name();
    Finding::holds(format_args!(
        "{}: an actor of {agent}, {state} numbers in, {width} wide, {actions} wishes out",
        actor.name
    ))
}

/// A critic reads the state, or state and wishes, and is as wide as the actor.
fn critic_fits(critic: &Readable, network: &PolicyNetwork) -> Finding {
    let name = &critic.name;
    let (state, width) = (network.state_len(), network.net_dimension());
    let both = state.saturating_add(network.actions());
    let first = ["net.0.weight", "net_sa.0.weight"]
        .into_iter()
        .find_map(|name| critic.weights.get(name).ok())
        .map(|tensor| tensor.shape().to_vec());
    match first.as_deref() {
        Some(&[rows, columns]) if rows == width && (columns == state || columns == both) => {
            Finding::holds(format_args!(
                "{name}: reads {columns} numbers, {rows} wide, as its actor"
            ))
        }
        Some(found) => Finding::refused(format_args!(
            "{name}: its first layer is {found:?} where its actor asks for [{width}, {state}] or \
             [{width}, {both}]: actor and critic come from different trials"
        )),
        None => Finding::refused(format_args!("{name}: its tensors are those of no known critic")),
    }
}

/// A layer of nothing but zeros was never trained, or was wiped.
fn trained(actor: &Readable, network: &PolicyNetwork) -> Finding {
    let is_blank = |weights: &Weights, name: &str| {
        weights.get(name).is_ok_and(|tensor| tensor.values().iter().all(|value| *value == 0.0))
    };
    let mut layers = network.architecture().layer_names().iter();
    let blank = layers.find(|layer| is_blank(&actor.weights, &format!("{layer}.weight")));
    match blank {
        Some(layer) => Finding::refused(format_args!(
            "{}: the layer `{layer}` holds nothing but zeros: it was never trained",
            actor.name
        )),
        None => Finding::holds(format_args!("{}: no layer is all zeros", actor.name)),
    }
}

fn spread(actor: &Readable) -> Option<Finding> {
    let values = actor.weights.get("a_std_log").ok()?.values();
    let (least, most) = (STD_LOG.start(), STD_LOG.end());
    let odd = values.iter().find(|value| !STD_LOG.contains(value));
    Some(match odd {
        Some(value) => Finding::refused(format_args!(
            "{}: a_std_log holds {value}, outside {least} to {most}",
            actor.name
        )),
        None => Finding::holds(format_args!("{}: a_std_log within {least} to {most}", actor.name)),
    })
}

fn agrees(what: &str, found: usize, due: &Known<usize>, whose: &str) -> Finding {
    match due {
        Err(why) => Finding::not_checked(format_args!("{what} against {whose}: {why}")),
        Ok(due) if *due == found => Finding::holds(format_args!("{what}: {found}, {whose}")),
        Ok(due) => Finding::refused(format_args!(
            "{what}: {found} where {whose} would be {due}: it is another trial's model"
        )),
    }
}

/// The state's length gives the lookback; without a trial to ask, any length will do.
fn lookback(network: &PolicyNetwork, due: &Known<usize>) -> Finding {
    let (state, actions) = (network.state_len(), network.actions());
    match (network.lookback(), due) {
        (_, Err(why)) => Finding::not_checked(format_args!("lookback: {why}")),
        (Some(found), Ok(_)) => agrees("lookback", found, due, "the trial's lookback"),
        (None, Ok(due)) => Finding::refused(format_args!(
            "no whole number of bars gives a state of {state} numbers for {actions} tickers; the \
             trial's lookback is {due}"
        )),
    }
}

fn is_new(actor: &Readable, expected: &Expected) -> Finding {
    match &expected.live {
        Err(why) => Finding::not_checked(format_args!("against the live model: {why}")),
        Ok((whose, digest)) if *digest == actor.weights.digest() => Finding::refused(format_args!(
            "{}: these are the weights of {whose}, which is live: nothing would change",
            actor.name
        )),
        Ok((whose, _)) => {
            Finding::holds(format_args!("{}: differs from the live weights, {whose}", actor.name))
        }
    }
}
