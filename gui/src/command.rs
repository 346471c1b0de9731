//! Everything that can be pressed: its words, its key, and whether it can be pressed now. The
//! palette, the sheet of keys, the buttons and the tests read this one list.

use crate::intent::{self, Intent};
use crate::model::{Connection, Model};
use cappuccino_core::words::Timestamp;
use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers};
use serde::{Deserialize, Serialize};

/// One screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Screen {
    /// Is all well?
    #[default]
    Overview,
    /// The study.
    Trials,
    /// Which model is live, and which were.
    Deployments,
    /// What runs, and what it prints.
    Processes,
    /// GPU and machine.
    System,
    /// Money.
    Pnl,
    /// What needs attention.
    Alerts,
    /// The app's own choices.
    Settings,
}

impl Screen {
    /// All, in the order of the rail.
    pub const ALL: [Self; 8] = [
        Self::Overview,
        Self::Trials,
        Self::Deployments,
        Self::Processes,
        Self::System,
        Self::Pnl,
        Self::Alerts,
        Self::Settings,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Trials => "Trials",
            Self::Deployments => "Deployments",
            Self::Processes => "Processes",
            Self::System => "GPU and system",
            Self::Pnl => "P&L and trades",
            Self::Alerts => "Alerts",
            Self::Settings => "Settings",
        }
    }
}

/// One thing that can be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Show a screen.
    Go(Screen),
    /// Open or close the list of commands.
    Palette,
    /// Open or close the list of keys.
    Keys,
    /// Freeze the picture, or go on.
    Freeze,
    /// Roll back to the previous good model, after a question.
    RollBack,
    /// Restart the chosen process, after a question.
    RestartProcess,
    /// Forget the chosen process's failures, after a question.
    ResetProcess,
    /// No automatic deployments.
    PauseDeployments,
    /// Automatic deployments again.
    ResumeDeployments,
    /// Approve what waits.
    Approve,
    /// Decline what is being prepared, after a question.
    Reject,
    /// Look after the chosen alert.
    Acknowledge,
    /// Do not tell the chosen alert for an hour.
    Silence,
    /// Choose the next alert.
    NextAlert,
    /// Try to connect now.
    Retry,
    /// Start a runner.
    StartRunner,
    /// Look at a shorter time.
    RangeShorter,
    /// Look at a longer time.
    RangeLonger,
    /// Back to the present.
    LiveEdge,
    /// Values on a logarithmic scale.
    LogScale,
    /// Type into the page's filter.
    Filter,
    /// The log alone.
    LogFull,
    /// Type what is looked for in the log.
    Find,
    /// The hit before.
    LogPrevious,
    /// The next hit.
    LogNext,
    /// The next marked line.
    LogNextMark,
    /// Mark the chosen line, or unmark it.
    LogMark,
    /// Times as printed, as ages, or none.
    LogTimes,
    /// Read what precedes the first line.
    LogOlder,
    /// Turn the order of the trials around.
    SortTurn,
    /// Order the trials by the next column.
    SortNext,
    /// Follow the log's end.
    LogFollow,
    /// Cut long lines of the log.
    LogWrap,
    /// Save the page's chart as pictures and numbers.
    Export,
    /// Dark or light.
    Theme,
    /// How long frames take.
    FrameTimes,
    /// Close what is open.
    Close,
}

impl Command {
    /// All, in the order of the palette.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Screen::ALL.into_iter().map(Self::Go).collect();
        all.extend([
            Self::RollBack,
            Self::RestartProcess,
            Self::ResetProcess,
            Self::PauseDeployments,
            Self::ResumeDeployments,
            Self::Approve,
            Self::Reject,
            Self::Acknowledge,
            Self::Silence,
            Self::NextAlert,
            Self::Retry,
            Self::StartRunner,
            Self::Freeze,
            Self::LiveEdge,
            Self::RangeShorter,
            Self::RangeLonger,
            Self::LogScale,
            Self::Filter,
            Self::LogFull,
            Self::LogFollow,
            Self::LogWrap,
            Self::Find,
            Self::LogPrevious,
            Self::LogNext,
            Self::LogNextMark,
            Self::LogMark,
            Self::LogTimes,
            Self::LogOlder,
            Self::SortTurn,
            Self::SortNext,
            Self::Export,
            Self::Theme,
            Self::FrameTimes,
            Self::Palette,
            Self::Keys,
            Self::Close,
        ]);
        all
    }

    /// Its words.
    pub fn text(self) -> String {
        match self {
            Self::Go(screen) => format!("Show {}", screen.name()),
            Self::Palette => "All commands".to_owned(),
            Self::Keys => "All keys".to_owned(),
            Self::Freeze => "Freeze or unfreeze the picture".to_owned(),
            Self::RollBack => "Roll back…".to_owned(),
            Self::RestartProcess => "Restart the chosen process…".to_owned(),
            Self::ResetProcess => "Reset the restart counter…".to_owned(),
            Self::PauseDeployments => "Pause automatic deployments".to_owned(),
            Self::ResumeDeployments => "Resume automatic deployments".to_owned(),
            Self::Approve => "Approve the waiting model".to_owned(),
            Self::Reject => "Decline the model in preparation…".to_owned(),
            Self::Acknowledge => "Acknowledge the chosen alert".to_owned(),
            Self::Silence => "Silence the chosen alert for an hour".to_owned(),
            Self::NextAlert => "Choose the next alert".to_owned(),
            Self::Retry => "Connect now".to_owned(),
            Self::StartRunner => "Start the runner".to_owned(),
            Self::RangeShorter => "Look at a shorter time".to_owned(),
            Self::RangeLonger => "Look at a longer time".to_owned(),
            Self::LiveEdge => "Back to the present".to_owned(),
            Self::LogScale => "Logarithmic or linear values".to_owned(),
            Self::Filter => "Filter".to_owned(),
            Self::LogFull => "Log on the whole page".to_owned(),
            Self::Find => "Find in the log".to_owned(),
            Self::LogPrevious => "Previous hit".to_owned(),
            Self::LogNext => "Next hit".to_owned(),
            Self::LogNextMark => "Next marked line".to_owned(),
            Self::LogMark => "Mark the chosen line".to_owned(),
            Self::LogTimes => "Other times in the log".to_owned(),
            Self::LogOlder => "Older lines".to_owned(),
            Self::SortTurn => "Turn the order of the trials around".to_owned(),
            Self::SortNext => "Order the trials by the next column".to_owned(),
            Self::LogFollow => "Follow the log".to_owned(),
            Self::LogWrap => "Cut long lines of the log".to_owned(),
            Self::Export => "Save the chart…".to_owned(),
            Self::Theme => "Dark or light".to_owned(),
            Self::FrameTimes => "Frame times".to_owned(),
            Self::Close => "Close what is open".to_owned(),
        }
    }

    /// Its key.
    pub const fn shortcut(self) -> KeyboardShortcut {
        const fn ctrl(key: Key) -> KeyboardShortcut {
            KeyboardShortcut::new(Modifiers::COMMAND, key)
        }
        const fn plain(key: Key) -> KeyboardShortcut {
            KeyboardShortcut::new(Modifiers::NONE, key)
        }
        const fn ctrl_shift(key: Key) -> KeyboardShortcut {
            KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
        }
        const fn shift(key: Key) -> KeyboardShortcut {
            KeyboardShortcut::new(Modifiers::SHIFT, key)
        }
        match self {
            Self::Go(Screen::Overview) => ctrl(Key::Num1),
            Self::Go(Screen::Trials) => ctrl(Key::Num2),
            Self::Go(Screen::Deployments) => ctrl(Key::Num3),
            Self::Go(Screen::Processes) => ctrl(Key::Num4),
            Self::Go(Screen::System) => ctrl(Key::Num5),
            Self::Go(Screen::Pnl) => ctrl(Key::Num6),
            Self::Go(Screen::Alerts) => ctrl(Key::Num7),
            Self::Go(Screen::Settings) => ctrl(Key::Num8),
            Self::Palette => ctrl(Key::K),
            Self::Keys => plain(Key::F1),
            Self::Freeze => ctrl(Key::Space),
            Self::RollBack => ctrl(Key::B),
            Self::RestartProcess => ctrl(Key::R),
            Self::Retry => ctrl(Key::J),
            Self::RangeShorter => plain(Key::OpenBracket),
            Self::RangeLonger => plain(Key::CloseBracket),
            Self::LiveEdge => plain(Key::End),
            Self::LogScale => plain(Key::L),
            Self::Filter => plain(Key::Slash),
            Self::LogFull => plain(Key::F4),
            Self::Find => ctrl(Key::F),
            Self::LogPrevious => shift(Key::N),
            Self::LogNext => plain(Key::N),
            Self::LogNextMark => shift(Key::M),
            Self::LogMark => plain(Key::M),
            Self::LogTimes => plain(Key::F7),
            Self::LogOlder => plain(Key::F8),
            Self::SortTurn => shift(Key::S),
            Self::SortNext => plain(Key::S),
            Self::LogFollow => plain(Key::F5),
            Self::LogWrap => plain(Key::F6),
            Self::Export => ctrl(Key::E),
            Self::Theme => ctrl(Key::T),
            Self::FrameTimes => plain(Key::F12),
            Self::Close => plain(Key::Escape),
            Self::Acknowledge => plain(Key::A),
            Self::Silence => plain(Key::Z),
            Self::NextAlert => plain(Key::J),
            Self::ResetProcess => ctrl_shift(Key::R),
            Self::PauseDeployments => ctrl(Key::P),
            Self::ResumeDeployments => ctrl_shift(Key::P),
            Self::Approve => ctrl_shift(Key::A),
            Self::Reject => ctrl_shift(Key::D),
            Self::StartRunner => ctrl_shift(Key::J),
        }
    }

    /// Its key as it stands on the keyboard.
    pub fn key_text(self, ctx: &Context) -> String {
        let text = ctx.format_shortcut(&self.shortcut());
        text.replace("OpenBracket", "[").replace("CloseBracket", "]").replace("Slash", "/")
    }

    /// Whether its key is a letter or sign that may be meant as text.
    pub const fn is_typed(self) -> bool {
        let shortcut = self.shortcut();
        !shortcut.modifiers.command
            && matches!(
                shortcut.logical_key,
                Key::A
                    | Key::J
                    | Key::Z
                    | Key::OpenBracket
                    | Key::CloseBracket
                    | Key::L
                    | Key::M
                    | Key::N
                    | Key::S
                    | Key::Slash
                    | Key::End
            )
    }

    /// Why it cannot be pressed now; nothing when it can.
    ///
    /// # Errors
    /// One sentence.
    pub fn check(self, model: &Model, now: Timestamp) -> Result<(), String> {
        match self {
            Self::RollBack => intent::rollback_target(model, now).map(drop),
            Self::RestartProcess | Self::ResetProcess => model.can_ask(now),
            Self::PauseDeployments => Intent::PauseDeployments.check(model, now),
            Self::ResumeDeployments => Intent::ResumeDeployments.check(model, now),
            Self::Approve => Intent::Approve.check(model, now),
            Self::Reject => Intent::Reject.check(model, now),
            Self::Retry | Self::StartRunner => match &model.connection {
                Connection::Gone { .. } => Ok(()),
                Connection::Live(_) => Err("a runner is connected".to_owned()),
                Connection::Connecting => Err("connecting already".to_owned()),
            },
            Self::Acknowledge | Self::Silence | Self::NextAlert => {
                model.can_ask(now)?;
                let open = intent::chosen_alert(model, None);
                open.map(drop).ok_or_else(|| "nothing needs attention".to_owned())
            }
            Self::LogOlder => model.log.can_page_back().map(drop),
            Self::Go(_)
            | Self::Find
            | Self::LogPrevious
            | Self::LogNext
            | Self::LogNextMark
            | Self::LogMark
            | Self::LogTimes
            | Self::SortTurn
            | Self::SortNext
            | Self::Palette
            | Self::Keys
            | Self::Freeze
            | Self::RangeShorter
            | Self::RangeLonger
            | Self::LiveEdge
            | Self::LogScale
            | Self::Filter
            | Self::LogFull
            | Self::LogFollow
            | Self::LogWrap
            | Self::Export
            | Self::Theme
            | Self::FrameTimes
            | Self::Close => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things() {
        let all = Command::all();
        for (place, one) in all.iter().enumerate() {
            for other in &all[place + 1..] {
                assert!(
                    one.shortcut() != other.shortcut(),
                    "{} and {} share a key",
                    one.text(),
                    other.text()
                );
            }
        }
    }
}
