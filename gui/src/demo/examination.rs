//! Sample examinations: one that everything passed, one that a hostile file did not.

use cappuccino_core::words::{ExamStep, Examined, Finding, Verdict};

fn step(step: ExamStep, findings: &[Finding]) -> Examined {
    Examined { step, findings: findings.to_vec() }
}

/// Of a model that went live.
pub(super) fn passed() -> Verdict {
    let holds = |text: &str| Finding::holds(text);
    Verdict {
        steps: vec![
            step(
                ExamStep::Files,
                &[
                    holds("actor.pth: 182 KiB, written 6 m after its trial began"),
                    holds("best_trial: 4 KiB"),
                ],
            ),
            step(
                ExamStep::Container,
                &[holds("actor.pth: a zip of 9 members, all checksums hold")],
            ),
            step(ExamStep::Pickle, &[holds("actor.pth asks for nothing but weights")]),
            step(
                ExamStep::Semantics,
                &[
                    holds("a network of 4 layers: 61 inputs, 256, 256, 3 outputs"),
                    holds("its width agrees with `net_dimension` 256 of the trial"),
                ],
            ),
            step(
                ExamStep::Behaviour,
                &[holds("256 states were answered by values from -0.93 to 0.97, no two alike")],
            ),
            step(
                ExamStep::Backtest,
                &[holds("2 976 bars to 11:45: growth +4.1 %, drawdown 2.2 % of at most 15 %")],
            ),
        ],
    }
}

/// Of a model whose file would run a program.
pub(super) fn hostile() -> Verdict {
    let unseen = || [Finding::not_checked("the step before found something")];
    Verdict {
        steps: vec![
            step(ExamStep::Files, &[Finding::holds("actor.pth: 181 KiB")]),
            step(ExamStep::Container, &[Finding::holds("actor.pth: a zip of 9 members")]),
            step(
                ExamStep::Pickle,
                &[Finding::hostile("actor.pth would call posix.system(\"curl …\")")],
            ),
            step(ExamStep::Semantics, &unseen()),
            step(ExamStep::Behaviour, &unseen()),
        ],
    }
}
