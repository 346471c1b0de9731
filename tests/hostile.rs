//! Broken and hostile models, each refused in its own step; nothing in them is ever run.

use cappuccino_core::model::container::Limits;
use cappuccino_core::model::verdict::{Expected, judge};
use cappuccino_core::model::weights::{Tensor, Weights};
use cappuccino_core::model::{safetensors, torch};
use cappuccino_core::words::{Digest, ExamStep, Outcome, Timestamp, Verdict};
use cappuccino_headless::act::look;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::Command;
use support::network::{self, LOOKBACK, TICKERS, WIDTH};
use support::payload;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
const NAMES: [&str; 2] = ["actor.pth", "critic.pth"];

/// A folder with a sound model.
fn model() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in network::files(7) {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn due() -> Expected {
    Expected {
        net_dimension: Ok(WIDTH),
        lookback: Ok(LOOKBACK),
        tickers: Ok(TICKERS),
        finished: Ok(Timestamp(i64::MAX)),
        live: Ok(("revision 1 (trial 3)".into(), Digest([0; 32]))),
        states: Ok(vec![vec![0.25; network::STATE]]),
    }
}

fn examine(folder: &Path, due: &Expected) -> Verdict {
    let limits = Limits::default();
    let mut files: Vec<_> = NAMES.iter().map(|name| look(folder, name, &limits)).collect();
    judge(&mut files, due, &limits)
}

/// The step that refuses first, and how.
fn refusal(verdict: &Verdict) -> (ExamStep, Outcome) {
    let outcome = verdict.outcome();
    let step = verdict.steps.iter().find(|examined| examined.outcome() == outcome);
    (step.unwrap_or_else(|| panic!("{verdict:?}")).step, outcome)
}

#[track_caller]
fn refused_in(step: ExamStep, what: &str, verdict: &Verdict) {
    assert_eq!(refusal(verdict), (step, Outcome::Refused), "{what}: {verdict:#?}");
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_sound_model_passes_with_nothing_left_unchecked() {
    let verdict = examine(model().path(), &due());
    assert_eq!((verdict.outcome(), verdict.unchecked()), (Outcome::Passed, 0), "{verdict:#?}");
}

#[test]
fn what_nobody_knows_is_not_checked_and_never_passed() {
    let verdict = examine(model().path(), &Expected::nothing("nobody said"));
    assert_eq!(verdict.outcome(), Outcome::Passed);
    assert_eq!(verdict.unchecked(), 6, "{verdict:#?}");
}

#[test]
fn a_model_that_does_not_fit_its_trial_is_refused() {
    let folder = model();
    let other = |change: fn(&mut Expected)| {
        let mut due = due();
        change(&mut due);
        examine(folder.path(), &due)
    };
    refused_in(ExamStep::Semantics, "width", &other(|due| due.net_dimension = Ok(9)));
    refused_in(ExamStep::Semantics, "lookback", &other(|due| due.lookback = Ok(2)));
    refused_in(ExamStep::Semantics, "tickers", &other(|due| due.tickers = Ok(7)));
    refused_in(ExamStep::Files, "age", &other(|due| due.finished = Ok(Timestamp(0))));
    let live = |due: &mut Expected| due.live = Ok(("r".into(), network::actor(7).digest()));
    refused_in(ExamStep::Semantics, "live", &other(live));
    let state = |due: &mut Expected| due.states = Ok(vec![vec![0.0; 3]]);
    refused_in(ExamStep::Behaviour, "state", &other(state));
}

#[test]
fn whatever_lies_in_a_file_s_place_is_refused_as_what_it_is() {
    let lies = |what: &str, put: fn(&Path)| {
        let folder = model();
        let path = folder.path().join("actor.pth");
        fs::rename(&path, folder.path().join("real.pth")).unwrap();
        put(&path);
        refused_in(ExamStep::Files, what, &examine(folder.path(), &due()));
    };
    lies("missing", |_path| {});
    lies("folder", |path| fs::create_dir(path).unwrap());
    lies("link", |path| std::os::unix::fs::symlink("real.pth", path).unwrap());
    lies("link out", |path| std::os::unix::fs::symlink("/etc/passwd", path).unwrap());
    lies("link to itself", |path| std::os::unix::fs::symlink("actor.pth", path).unwrap());
    lies("endless", |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap());
    lies("empty", |path| drop(fs::File::create(path).unwrap()));
    lies("huge", |path| fs::File::create(path).unwrap().set_len(1 << 40).unwrap());
    lies("pipe", |path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    });
}

#[test]
fn a_cut_or_flipped_model_is_refused_or_has_the_very_same_weights() {
    let folder = model();
    let path = folder.path().join("actor.pth");
    let sound = fs::read(&path).unwrap();
    for length in (0..sound.len()).step_by(61) {
        fs::write(&path, &sound[..length]).unwrap();
        assert_ne!(examine(folder.path(), &due()).outcome(), Outcome::Passed, "cut to {length}");
    }
    let mut harmless = 0;
    // Five has no divisor in common with the layout's multiples of two.
    for at in (0..sound.len()).step_by(5) {
        let mut flipped = sound.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        if examine(folder.path(), &due()).outcome() == Outcome::Passed {
            let read = torch::read(Cursor::new(&flipped), &Limits::default()).unwrap();
            assert_eq!(read.digest(), network::actor(7).digest(), "byte {at}");
            harmless += 1;
        }
    }
    // Times, versions and attributes in headers mean nothing to the weights.
    assert!(harmless * 50 < sound.len(), "{harmless} of {}", sound.len());
}

#[test]
fn weights_that_were_never_trained_or_broke_in_training_are_refused() {
    let with = |what: &str, step: ExamStep, change: &dyn Fn(&mut Weights)| {
        let folder = model();
        let mut weights = network::actor(7);
        change(&mut weights);
        let bytes = torch::write(&weights, "actor").unwrap();
        fs::write(folder.path().join("actor.pth"), bytes).unwrap();
        refused_in(step, what, &examine(folder.path(), &due()));
    };
    let set = |tensor: usize, value: f32| {
        move |weights: &mut Weights| {
            let shape = weights.tensors[tensor].1.shape().to_vec();
            let mut values = weights.tensors[tensor].1.values().to_vec();
            values[0] = value;
            weights.tensors[tensor].1 = Tensor::new(shape, values).unwrap();
        }
    };
    let all = |tensor: usize, value: f32| {
        move |weights: &mut Weights| {
            let tensor = &mut weights.tensors[tensor].1;
            let values = vec![value; tensor.values().len()];
            *tensor = Tensor::new(tensor.shape().to_vec(), values).unwrap();
        }
    };
    for tensor in 0..7 {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e9] {
            with("a number", ExamStep::Semantics, &set(tensor, value));
        }
    }
    for layer in [1, 3, 5] {
        with("zeros", ExamStep::Semantics, &all(layer, 0.0));
    }
    for spread in [-5.5, 2.5] {
        with("a_std_log", ExamStep::Semantics, &set(0, spread));
    }
    // Every hidden number below zero: all that comes out is the last bias.
    with("deaf", ExamStep::Behaviour, &all(2, -900.0));
    with("at its stops", ExamStep::Behaviour, &all(6, 900.0));
    let renamed = |weights: &mut Weights| weights.tensors[1].0 = "net.1.weight".into();
    with("renamed", ExamStep::Semantics, &renamed);
    let twice = |weights: &mut Weights| weights.tensors.push(weights.tensors[1].clone());
    with("twice", ExamStep::Pickle, &twice);
    with("no tensors", ExamStep::Semantics, &|weights| weights.tensors.clear());
    let narrow = |weights: &mut Weights| weights.tensors = network::critic(7).tensors;
    with("a critic for an actor", ExamStep::Semantics, &narrow);
}

#[test]
fn an_actor_and_a_critic_of_different_trials_are_refused() {
    let folder = model();
    let mut critic = network::critic(7);
    critic.tensors[0].1 = Tensor::matrix(WIDTH, vec![0.1; WIDTH * 31]);
    fs::write(folder.path().join("critic.pth"), torch::write(&critic, "c").unwrap()).unwrap();
    refused_in(ExamStep::Semantics, "critic", &examine(folder.path(), &due()));
}

#[test]
fn a_pickle_that_asks_for_code_is_hostile_and_nothing_of_it_runs() {
    let folder = model();
    let mark = folder.path().join("was-run");
    for (way, pickle) in payload::pickles(&mark) {
        let path = folder.path().join("actor.pth");
        let in_archive = archive(&[("m/data.pkl", &pickle), ("m/version", b"3\n")]);
        for bytes in [&in_archive, &pickle] {
            fs::write(&path, bytes).unwrap();
            let verdict = examine(folder.path(), &due());
            let due = (ExamStep::Pickle, Outcome::Hostile);
            assert_eq!(refusal(&verdict), due, "{way}: {verdict:#?}");
        }
    }
    let out = Command::new(PROGRAM).arg("validate").arg(folder.path()).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(!mark.exists(), "a payload was run");
    // The payloads do work: in Python one of them leaves its mark.
    let (_, pickle) = payload::pickles(&mark).remove(0);
    fs::write(folder.path().join("p"), pickle).unwrap();
    let load = "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))";
    match Command::new("python3").args(["-c", load]).arg(folder.path().join("p")).status() {
        Ok(status) => assert!(status.success() && mark.exists(), "the payload is harmless"),
        Err(error) => eprintln!("skipped: whether the payload works ({error})"),
    }
}

#[test]
fn safetensors_are_examined_alike() {
    let folder = tempfile::tempdir().unwrap();
    for (name, weights) in [("actor", network::actor(7)), ("critic", network::critic(7))] {
        let bytes = network::safetensors(&weights);
        assert_eq!(
            safetensors::read(Cursor::new(&bytes), &Limits::default()).unwrap().digest(),
            weights.digest()
        );
        fs::write(folder.path().join(format!("{name}.safetensors")), bytes).unwrap();
    }
    let run = || Command::new(PROGRAM).arg("validate").arg(folder.path()).output().unwrap();
    assert_eq!(run().status.code(), Some(0));
    let path = folder.path().join("actor.safetensors");
    let sound = fs::read(&path).unwrap();
    for (from, to) in [("F32", "F16"), ("F32", "Q32"), ("[2,8]", "[2,9]"), ("net.4", "net.5")] {
        let text = String::from_utf8_lossy(&sound[..800]).replacen(from, to, 1).into_bytes();
        fs::write(&path, [&text[..], &sound[800..]].concat()).unwrap();
        assert_eq!(run().status.code(), Some(1), "{from} to {to}");
    }
    fs::write(&path, [&u64::MAX.to_le_bytes()[..], &[b'['; 5000]].concat()).unwrap();
    assert_eq!(run().status.code(), Some(1));
    let deep = [&5000_u64.to_le_bytes()[..], &[b'{'; 1], &[b'['; 4999]].concat();
    fs::write(&path, deep).unwrap();
    assert_eq!(run().status.code(), Some(1));
}

#[test]
fn hostile_sizes_are_refused_within_little_memory() {
    let folder = model();
    let path = folder.path().join("actor.pth");
    let bomb = {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file("m/data.pkl", options).unwrap();
        writer.write_all(b"\x80\x02}.").unwrap();
        for key in 0..2 {
            writer.start_file(format!("m/data/{key}"), options).unwrap();
            writer.write_all(&vec![0; 200 << 20]).unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    let nested =
        archive(&[("m/data.pkl", &[b"\x80\x02".as_slice(), &[b'('; 200_000], b"."].concat())]);
    let lists =
        archive(&[("m/data.pkl", &[b"\x80\x02)".as_slice(), &[0x85; 200_000], b"."].concat())]);
    for (what, bytes) in [("bomb", bomb), ("marks", nested), ("tuples", lists)] {
        fs::write(&path, bytes).unwrap();
        // 128 MiB of address space for everything, program and libraries included.
        let line =
            format!("ulimit -v 131072; exec '{PROGRAM}' validate '{}'", folder.path().display());
        let out = Command::new("sh").args(["-c", &line]).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        assert_eq!(out.status.code(), Some(1), "{what}: {said} {out:?}");
    }
}

#[test]
fn the_command_line_tells_step_by_step_and_by_exit_code() {
    let folder = model();
    let run = |arguments: &[&str]| {
        Command::new(PROGRAM).arg("validate").arg(folder.path()).args(arguments).output().unwrap()
    };
    let out = run(&["--tickers", "BTC/USD,ETH/USD"]);
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success() && said.ends_with("\npassed\n"), "{said}");
    assert!(said.contains("not checked  lookback: --trial names none"), "{said}");
    let out = run(&["--tickers", "BTC/USD", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((out.status.code(), answer["outcome"].as_str()), (Some(1), Some("refused")));
    assert_eq!(answer["steps"].as_array().map(Vec::len), Some(5));
    let nowhere = Command::new(PROGRAM).args(["validate", "/nowhere"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(2));
}
