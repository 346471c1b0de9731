//! Keys and commands.

use super::App;
use crate::command::{Command, Screen};
use crate::intent::{self, Draft, Intent};
use crate::model::Tone;
use crate::news::Wish;
use crate::pages;
use cappuccino_core::words::Timestamp;
use eframe::egui::{Context, Theme};

impl App {
    /// Turns the keys of this frame into commands.
    pub(super) fn keys(&mut self, ctx: &Context, now: Timestamp) {
        let is_typing = ctx.egui_wants_keyboard_input();
        let is_asked = self.draft.is_some() || self.palette.open || self.keys_open;
        let mut all = Command::all();
        // A key with Shift first, or the one without would take it.
        all.sort_by_key(|command| !command.shortcut().modifiers.shift);
        let pressed: Vec<Command> = all
            .into_iter()
            .filter(|command| !(is_typing && command.is_typed()))
            .filter(|command| !is_asked || *command == Command::Palette && self.draft.is_none())
            .filter(|command| ctx.input_mut(|input| input.consume_shortcut(&command.shortcut())))
            .collect();
        for command in pressed {
            self.press(command, ctx, now);
        }
    }

    /// Does what a command says, or tells why not.
    pub(super) fn press(&mut self, command: Command, ctx: &Context, now: Timestamp) {
        if let Err(why) = command.check(&self.model, now) {
            let told = format!("{}: {why}", command.text());
            return self.model.notices.tell(Tone::Bad, told, now);
        }
        match command {
            Command::Go(screen) => self.kept.screen = screen,
            Command::Palette => self.palette.toggle(),
            Command::Keys => self.keys_open = !self.keys_open,
            Command::Freeze => self.model.toggle_frozen(now),
            Command::RollBack => self.draft = Draft::rollback(&self.model, now).ok(),
            Command::RestartProcess => self.on_process(Intent::Restart, now),
            Command::ResetProcess => self.on_process(Intent::Reset, now),
            Command::PauseDeployments => self.want(Intent::PauseDeployments, now),
            Command::ResumeDeployments => self.want(Intent::ResumeDeployments, now),
            Command::Approve => self.want(Intent::Approve, now),
            Command::Reject => self.want(Intent::Reject, now),
            Command::BackTo => self.back_to(now),
            Command::Deploy => self.on_trial(Intent::Deploy, now),
            Command::Hold => self.hold(now),
            Command::Acknowledge => self.on_alert(Intent::Acknowledge, now),
            Command::Silence => self.on_alert(|key| Intent::Silence(key, intent::HOUR), now),
            Command::Unacknowledge => self.on_alert(Intent::Unacknowledge, now),
            Command::SilenceLong => self.on_alert(|key| Intent::Silence(key, intent::DAY), now),
            Command::EndSilence => self.end_silence(now),
            Command::NextRow => self.step_row(true, now),
            Command::PreviousRow => self.step_row(false, now),
            Command::Retry => self.wish(Wish::Retry, now),
            Command::StartRunner => self.wish(Wish::StartRunner, now),
            Command::RangeShorter => self.kept.pages.window().shorter(),
            Command::RangeLonger => self.kept.pages.window().longer(),
            Command::LiveEdge => self.kept.pages.window().end = None,
            Command::Earlier => self.kept.pages.window().step(false, now),
            Command::Later => self.kept.pages.window().step(true, now),
            Command::LogLevel => self.kept.pages.log.next_level(),
            Command::LogScale => {
                self.kept.pages.trials.logarithmic = !self.kept.pages.trials.logarithmic;
            }
            Command::Filter => self.filter(),
            Command::LogFull => {
                self.kept.screen = Screen::Processes;
                self.kept.pages.log.full = !self.kept.pages.log.full;
            }
            Command::Find => {
                self.kept.screen = Screen::Processes;
                self.kept.pages.log.focus_find = true;
            }
            Command::LogPrevious => self.kept.pages.log.step(false),
            Command::LogNext => self.kept.pages.log.step(true),
            Command::LogNextMark => self.kept.pages.log.step_mark(&self.model.log),
            Command::LogMark => self.mark(now),
            Command::LogTimes => {
                let log = &mut self.kept.pages.log;
                log.times = log.times.next();
            }
            Command::LogOlder => self.page_back(now),
            Command::SortTurn => self.kept.pages.trials.sort.turn(),
            Command::SortNext => self.kept.pages.trials.sort.next(pages::trials::COLUMNS.len()),
            Command::LogFollow => self.kept.pages.log.follow = !self.kept.pages.log.follow,
            Command::LogWrap => self.kept.pages.log.wrap = !self.kept.pages.log.wrap,
            Command::Export => self.export(ctx, now),
            Command::Theme => {
                let is_dark = ctx.theme() == Theme::Dark;
                ctx.set_theme(if is_dark { Theme::Light } else { Theme::Dark });
            }
            Command::FrameTimes => self.kept.frame_times = !self.kept.frame_times,
            Command::Close => self.kept.pages.log.full = false,
        }
    }

    fn wish(&mut self, wish: Wish, now: Timestamp) {
        self.is_taken(wish, now);
    }

    /// Wishes for something; whether the link took it.
    fn is_taken(&mut self, wish: Wish, now: Timestamp) -> bool {
        let is_taken = self.link.wish(wish);
        if !is_taken {
            let told = "the app is busy with earlier requests; press again".to_owned();
            self.model.notices.tell(Tone::Bad, told, now);
        }
        is_taken
    }

    fn mark(&mut self, now: Timestamp) {
        if let Some(line) = self.kept.pages.log.line {
            return self.model.log.mark(line);
        }
        let told = "choose a line first: press it, or find something".to_owned();
        self.model.notices.tell(Tone::Bad, told, now);
    }

    /// Asks for what precedes the log's first line.
    fn page_back(&mut self, now: Timestamp) {
        let (Ok(from), Some(process)) =
            (self.model.log.can_page_back(), self.model.log.process().cloned())
        else {
            return;
        };
        if self.is_taken(Wish::LogBefore(process, from), now) {
            self.model.log.asked_back();
        }
    }

    const fn filter(&mut self) {
        match self.kept.screen {
            Screen::Trials => self.kept.pages.trials.focus_filter = true,
            Screen::Processes => self.kept.pages.log.focus_filter = true,
            Screen::Overview
            | Screen::Deployments
            | Screen::System
            | Screen::Pnl
            | Screen::Alerts
            | Screen::Settings => {}
        }
    }
}
