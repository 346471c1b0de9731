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

    const fn key(self) -> Key {
        match self {
            Self::Overview => Key::Num1,
            Self::Trials => Key::Num2,
            Self::Deployments => Key::Num3,
            Self::Processes => Key::Num4,
            Self::System => Key::Num5,
            Self::Pnl => Key::Num6,
            Self::Alerts => Key::Num7,
            Self::Settings => Key::Num8,
        }
    }
}

/// Whether something can be pressed now; one sentence when not.
type Guard = fn(&Model, Timestamp) -> Result<(), String>;

/// One row of the list.
struct Row {
    command: Command,
    text: &'static str,
    key: KeyboardShortcut,
    guard: Guard,
}

/// The list: name, words, key, guard. Whatever is in the enum is in it, in this order.
macro_rules! commands {
    ($($name:ident $text:literal $key:expr, $guard:expr;)*) => {
        /// One thing that can be pressed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Command {
            /// Show a screen.
            Go(Screen),
            $(#[doc = $text] $name,)*
        }

        const ROWS: &[Row] = &[
            $(Row { command: Command::$name, text: $text, key: $key, guard: $guard },)*
        ];
    };
}

commands! {
    RollBack "Roll back…" ctrl(Key::B), |model, now| intent::rollback_target(model, now).map(drop);
    BackTo "Back to the chosen model…" ctrl_shift(Key::B), Model::can_ask;
    Deploy "Deploy the chosen trial…" ctrl(Key::D), Model::can_ask;
    Hold "Hold the chosen trial back, or release it" plain(Key::H), Model::can_ask;
    PauseDeployments "Pause automatic deployments" ctrl(Key::P),
        |model, now| Intent::PauseDeployments.check(model, now);
    ResumeDeployments "Resume automatic deployments" ctrl_shift(Key::P),
        |model, now| Intent::ResumeDeployments.check(model, now);
    Approve "Approve the waiting model" ctrl_shift(Key::A),
        |model, now| Intent::Approve.check(model, now);
    Reject "Decline the model in preparation…" ctrl_shift(Key::D),
        |model, now| Intent::Reject.check(model, now);
    RestartProcess "Restart the chosen process…" ctrl(Key::R), Model::can_ask;
    ResetProcess "Reset the restart counter…" ctrl_shift(Key::R), Model::can_ask;
    Acknowledge "Acknowledge the chosen alert" plain(Key::A), on_an_alert;
    Unacknowledge "Acknowledge the chosen alert no longer" shift(Key::A), on_an_alert;
    Silence "Silence the chosen alert for an hour" plain(Key::Z), on_an_alert;
    SilenceLong "Silence the chosen alert for a day" shift(Key::Z), on_an_alert;
    EndSilence "End the first silence" ctrl_shift(Key::Z), |model, now| {
        model.can_ask(now)?;
        let silences = model.status.as_ref().map_or(0, |status| status.silences.len());
        if silences == 0 { Err("nothing is silenced".to_owned()) } else { Ok(()) }
    };
    NextRow "Choose the next row" plain(Key::J), always;
    PreviousRow "Choose the previous row" plain(Key::K), always;
    Retry "Connect now" ctrl(Key::J), without_a_runner;
    StartRunner "Start the runner" ctrl_shift(Key::J), without_a_runner;
    Freeze "Freeze or unfreeze the picture" ctrl(Key::Space), always;
    LiveEdge "Back to the present" plain(Key::End), always;
    RangeShorter "Look at a shorter time" plain(Key::OpenBracket), always;
    RangeLonger "Look at a longer time" plain(Key::CloseBracket), always;
    Earlier "Look at an earlier time" plain(Key::Comma), always;
    Later "Look at a later time" plain(Key::Period), always;
    LogScale "Logarithmic or linear values" plain(Key::L), always;
    SortNext "Order the trials by the next column" plain(Key::S), always;
    SortTurn "Turn the order of the trials around" shift(Key::S), always;
    Filter "Filter" plain(Key::Slash), always;
    LogFull "Log on the whole page" plain(Key::F4), always;
    LogFollow "Follow the log" plain(Key::F5), always;
    LogWrap "Cut long lines of the log" plain(Key::F6), always;
    LogTimes "Other times in the log" plain(Key::F7), always;
    LogOlder "Older lines" plain(Key::F8), |model, _| {
        let is_live = matches!(model.connection, Connection::Live(_));
        is_live.then_some(()).ok_or_else(|| "no runner is connected".to_owned())?;
        model.log.can_page_back().map(drop)
    };
    LogLevel "Only warnings, only errors, or all lines" plain(Key::F9), always;
    Find "Find in the log" ctrl(Key::F), always;
    LogNext "Next hit" plain(Key::N), always;
    LogPrevious "Previous hit" shift(Key::N), always;
    LogMark "Mark the chosen line" plain(Key::M), always;
    LogNextMark "Next marked line" shift(Key::M), always;
    Export "Save the chart…" ctrl(Key::E), always;
    Theme "Dark or light" ctrl(Key::T), always;
    FrameTimes "Frame times" plain(Key::F12), always;
    Palette "All commands" ctrl(Key::K), always;
    Keys "All keys" plain(Key::F1), always;
    Close "Close what is open" plain(Key::Escape), always;
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

#[expect(clippy::unnecessary_wraps, reason = "a guard that never refuses")]
const fn always(_: &Model, _: Timestamp) -> Result<(), String> {
    Ok(())
}

fn without_a_runner(model: &Model, _: Timestamp) -> Result<(), String> {
    match &model.connection {
        Connection::Gone { .. } => Ok(()),
        Connection::Live(_) => Err("a runner is connected".to_owned()),
        Connection::Connecting => Err("connecting already".to_owned()),
    }
}

fn on_an_alert(model: &Model, now: Timestamp) -> Result<(), String> {
    model.can_ask(now)?;
    let open = intent::chosen_alert(model, None);
    open.map(drop).ok_or_else(|| "nothing needs attention".to_owned())
}

impl Command {
    /// All, in the order of the palette.
    pub fn all() -> Vec<Self> {
        let screens = Screen::ALL.into_iter().map(Self::Go);
        screens.chain(ROWS.iter().map(|row| row.command)).collect()
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.command == self)
    }

    /// Its words.
    pub fn text(self) -> String {
        if let Self::Go(screen) = self {
            return format!("Show {}", screen.name());
        }
        self.row().map_or_else(String::new, |row| row.text.to_owned())
    }

    /// Its key.
    pub fn shortcut(self) -> KeyboardShortcut {
        if let Self::Go(screen) = self {
            return ctrl(screen.key());
        }
        self.row().map_or_else(|| ctrl(Key::F35), |row| row.key)
    }

    /// Its key as it stands on the keyboard.
    pub fn key_text(self, ctx: &Context) -> String {
        let text = ctx.format_shortcut(&self.shortcut());
        let signs = [
            ("OpenBracket", "["),
            ("CloseBracket", "]"),
            ("Slash", "/"),
            ("Comma", ","),
            ("Period", "."),
        ];
        signs.iter().fold(text, |text, (name, sign)| text.replace(name, sign))
    }

    /// Whether its key is one that may be meant as text.
    pub fn is_typed(self) -> bool {
        let KeyboardShortcut { modifiers, logical_key: key } = self.shortcut();
        let is_apart = key == Key::Escape || (key.name().len() > 1 && key.name().starts_with('F'));
        !modifiers.command && !is_apart
    }

    /// Why it cannot be pressed now; nothing when it can.
    ///
    /// # Errors
    /// One sentence.
    pub fn check(self, model: &Model, now: Timestamp) -> Result<(), String> {
        self.row().map_or(Ok(()), |row| (row.guard)(model, now))
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
