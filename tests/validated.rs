//! The examination in the life of a real runner: what is refused never trades, what trades is what
//! we wrote, and nobody exchanges it.

use cappuccino_core::api::{CommandBody, Status};
use cappuccino_core::model::container::Limits;
use cappuccino_core::model::frozen_trial;
use cappuccino_core::model::manifest::{FileEvidence, Manifest, Origin};
use cappuccino_core::model::torch;
use cappuccino_core::words::{Digest, Moment, ProcessName, Revision, RevisionId, Standing};
use cappuccino_headless::act::Shelf;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use support::daemon::{PATIENCE, Site};
use support::wait::until;
use support::{desk, network, payload};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");

fn live(status: &Status) -> Option<RevisionId> {
    (status.deployment.phase == "live").then(|| status.deployment.live.as_ref().map(|r| r.id))?
}

/// A site on which one model is live.
fn one_model() -> (Site, RevisionId) {
    let mut site = Site::new(PROGRAM, "");
    site.finish_trial(1.0);
    site.start_and_wait();
    let first = until("a model is live", PATIENCE, || live(&site.status().unwrap()));
    (site, first)
}

fn stored(site: &Site, id: RevisionId) -> PathBuf {
    let revisions = site.status().unwrap().deployment.revisions;
    let content = revisions.iter().find(|revision| revision.id == id).unwrap().content.unwrap();
    site.workspace().models_dir().join(content.to_string())
}

fn ask(site: &Site, words: &[&str]) -> String {
    let out = Command::new(PROGRAM).arg("--workspace").arg(site.root()).args(words).output();
    String::from_utf8(out.unwrap().stdout).unwrap()
}

#[test]
fn a_model_that_would_run_code_is_refused_told_and_never_opened() {
    let (mut site, first) = one_model();
    let mark = site.root().join("was-run");
    let (_, pickle) = payload::pickles(&mark).remove(0);
    let number = site.finish_trial_with(2.0, |folder| {
        fs::write(folder.join("actor.pth"), &pickle).unwrap();
    });
    let refused = until("the model is refused", PATIENCE, || {
        let revisions = site.status().unwrap().deployment.revisions;
        revisions.into_iter().find(|one| one.standing.starts_with("rejected: validation failed"))
    });
    assert!(refused.standing.contains("posix.system"), "{}", refused.standing);
    let status = site.status().unwrap();
    assert_eq!(live(&status), Some(first), "the live model trades on");
    assert!(status.alerts.iter().any(|alert| alert.key == "deployment/hostile-model/1"));
    // What Python would open has nothing of it.
    let folder = stored(&site, refused.id);
    assert!(folder.join("offered/actor.pth").is_file() && !folder.join("actor.pth").exists());
    assert!(!folder.join("stored_agent/actor.pth").exists() && !mark.exists());
    let why = ask(&site, &["why", &number.to_string()]);
    assert!(why.contains("was examined: hostile: pickle: actor.pth"), "{why}");
    assert!(why.contains("semantics  not checked"), "{why}");
    let told = ask(&site, &["history", "--json"]);
    assert!(told.contains("ModelExamined") && told.contains("Hostile"), "{told}");
    // Another one is another alert, and who has looked into the first knows nothing of it.
    site.finish_trial_with(3.0, |folder| fs::write(folder.join("actor.pth"), &pickle).unwrap());
    let hostile = |site: &Site| {
        let alerts = site.status().unwrap().alerts.into_iter();
        alerts.map(|one| one.key).filter(|key| key.contains("hostile")).collect::<Vec<_>>()
    };
    until("both are told", PATIENCE, || (hostile(&site).len() == 2).then_some(()));
    ask(&site, &["hold", &number.to_string(), "--reason", "seen"]);
    until("the first is over", PATIENCE, || {
        (hostile(&site) == ["deployment/hostile-model/2"]).then_some(())
    });
}

#[test]
fn what_trades_is_what_we_wrote_from_the_numbers_we_read() {
    let (site, first) = one_model();
    let folder = stored(&site, first);
    let weights = network::actor(1.0_f64.to_bits());
    let written = torch::write(&weights, "actor").unwrap();
    for name in ["actor.pth", "stored_agent/actor.pth"] {
        assert_eq!(fs::read(folder.join(name)).unwrap(), written, "{name}");
    }
    let offered = fs::File::open(folder.join("offered/actor.pth")).unwrap();
    let offered = torch::read(offered, &Limits::default()).unwrap();
    assert_eq!(offered.digest(), weights.digest());
}

/// The original traded whatever lay in `stored_agent`, and kept an old `best_trial`.
#[test]
fn t5_the_trial_s_own_weights_trade_whatever_lay_in_stored_agent() {
    let mut site = Site::new(PROGRAM, "");
    let number = site.finish_trial_with(1.0, |folder| {
        fs::create_dir(folder.join("stored_agent")).unwrap();
        for (name, bytes) in network::files(99) {
            fs::write(folder.join("stored_agent").join(name), bytes).unwrap();
        }
        fs::write(folder.join("stored_agent/act_target.pth"), "old").unwrap();
        fs::write(folder.join("best_trial"), "of another trial").unwrap();
    });
    site.start_and_wait();
    let first = until("the model is live", PATIENCE, || live(&site.status().unwrap()));
    let folder = stored(&site, first);
    let own = torch::write(&network::actor(1.0_f64.to_bits()), "actor").unwrap();
    for name in ["actor.pth", "stored_agent/actor.pth"] {
        assert_eq!(fs::read(folder.join(name)).unwrap(), own, "{name}");
    }
    assert!(!folder.join("stored_agent/act_target.pth").exists());
    let trial = fs::read(folder.join("best_trial")).unwrap();
    frozen_trial::params(&trial).unwrap();
    assert_eq!(number.0, 0);
}

/// The folder is trained in again and again: what is written after the trial has ended is not what
/// its value was measured with.
#[test]
fn t9_weights_that_were_written_after_the_trial_ended_are_refused() {
    let (mut site, first) = one_model();
    site.finish_trial_with(2.0, |folder| {
        let file = fs::File::options().write(true).open(folder.join("actor.pth")).unwrap();
        let later = SystemTime::now() + Duration::from_secs(16 * 3600);
        file.set_modified(later).unwrap();
    });
    let refused = until("the model is refused", PATIENCE, || {
        let revisions = site.status().unwrap().deployment.revisions;
        revisions.into_iter().find(|one| one.standing.starts_with("rejected"))
    });
    assert!(refused.standing.contains("files: actor.pth"), "{}", refused.standing);
    assert_eq!(live(&site.status().unwrap()), Some(first));
}

#[test]
fn the_weights_that_are_live_are_not_deployed_again_under_another_name() {
    let (mut site, first) = one_model();
    site.finish_trial_with(2.0, |folder| {
        for (name, bytes) in network::files(1.0_f64.to_bits()) {
            fs::write(folder.join(name), bytes).unwrap();
        }
    });
    let refused = until("the copy is refused", PATIENCE, || {
        let revisions = site.status().unwrap().deployment.revisions;
        revisions.into_iter().find(|one| one.standing.starts_with("rejected"))
    });
    assert!(refused.standing.contains("nothing would change"), "{}", refused.standing);
    assert_eq!(live(&site.status().unwrap()), Some(first));
}

/// Defect: a model whose trial lacked what the trader needs passed, went live, ended three times
/// with exit code 2, and everything was halted.
#[test]
fn a_model_that_the_built_in_trader_cannot_use_is_refused_before_anything_is_cut_over() {
    let mut site = Site::trading(PROGRAM, 200, 3600.0, "");
    let first = site.finish_tradable_trial(1.0);
    site.start_and_wait();
    let live_one = until("a model is live", PATIENCE, || live(&site.status().unwrap()));
    let number = site.finish_trial(2.0);
    let refused = until("the model is refused", PATIENCE, || {
        let revisions = site.status().unwrap().deployment.revisions;
        revisions.into_iter().find(|one| one.standing.starts_with("rejected"))
    });
    let said =
        "`cappuccino trade` cannot use it: best_trial: the trial has no parameter `lookback`";
    assert!(refused.standing.contains(said), "{}", refused.standing);
    assert_eq!(live(&site.status().unwrap()), Some(live_one));
    let why = ask(&site, &["why", &number.to_string()]);
    assert!(why.contains(said), "{why}");
    // Of the one that trades, the states of the kept candles were asked.
    let why = ask(&site, &["why", &first.to_string()]);
    assert!(why.contains("`cappuccino trade` can load it: lookback 1"), "{why}");
    assert!(!why.contains("recent states"), "{why}");
}

#[test]
fn a_file_added_beside_the_weights_keeps_them_from_trading() {
    let (mut site, first) = one_model();
    site.finish_trial(2.0);
    let second = until("the second model is live", PATIENCE, || {
        live(&site.status().unwrap()).filter(|revision| *revision != first)
    });
    // The original trader would open this one, too.
    fs::write(stored(&site, first).join("stored_agent/act_optim.pth"), "evil").unwrap();
    let reason = "test".to_owned();
    site.ask("rollback", CommandBody::Rollback { to: None, hold: true, reason }).unwrap();
    let damaged = until("the damage is seen", PATIENCE, || {
        let revisions = site.status().unwrap().deployment.revisions;
        revisions.into_iter().find(|one| one.id == first && one.standing.contains("damaged"))
    });
    assert!(damaged.standing.contains("act_optim.pth was added"), "{}", damaged.standing);
    assert_eq!(live(&site.status().unwrap()), Some(second));
}

#[test]
fn a_model_that_was_changed_while_it_traded_is_not_started_again() {
    let (mut site, first) = one_model();
    site.finish_trial(2.0);
    let second = until("the second model is live", PATIENCE, || {
        live(&site.status().unwrap()).filter(|revision| *revision != first)
    });
    fs::write(stored(&site, second).join("stored_agent/more.pth"), "evil").unwrap();
    site.ask("restart", CommandBody::Restart { process: ProcessName::new("trader").unwrap() })
        .unwrap();
    until("the model before is back", PATIENCE, || {
        (live(&site.status().unwrap()) == Some(first)).then_some(())
    });
    let history = ask(&site, &["history", "--limit", "200"]);
    assert!(history.contains("more.pth was added"), "{history}");
}

/// As the layout was before the trader got files of our own: the trial's files, and links to them.
fn stored_before(root: &Path, revision: &Revision) -> Digest {
    let files = network::files(7).map(|(name, bytes)| {
        let digest = Digest(Sha256::digest(&bytes).into());
        (FileEvidence { name: name.into(), size_bytes: bytes.len() as u64, digest }, bytes)
    });
    let evidence: Vec<FileEvidence> = files.iter().map(|(file, _)| file.clone()).collect();
    let manifest = Manifest::new(evidence).unwrap();
    let address = manifest.address(Origin::from(&revision.candidate));
    let folder = root.join(address.to_string());
    fs::create_dir_all(folder.join("stored_agent")).unwrap();
    for (file, bytes) in files {
        fs::write(folder.join(&file.name), bytes).unwrap();
        fs::hard_link(folder.join(&file.name), folder.join("stored_agent").join(&file.name))
            .unwrap();
    }
    fs::write(folder.join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    address
}

#[test]
fn a_model_stored_by_an_earlier_version_is_still_one_to_go_back_to() {
    let root = tempfile::tempdir().unwrap();
    let revision = Revision {
        id: RevisionId(1),
        candidate: desk::trial(12, 0.5),
        created: Moment::default(),
        content: None,
        standing: Standing::Good,
    };
    let address = stored_before(root.path(), &revision);
    let shelf = Shelf::new(root.path().to_owned());
    shelf.verify(address, &revision).unwrap();
    assert_eq!(shelf.offered(address), shelf.folder(address));
    fs::write(shelf.folder(address).join("more.pth"), "evil").unwrap();
    assert!(shelf.verify(address, &revision).is_err());
}
