//! A link to nobody.

use super::{Scene, foreseen, gone, history, is_silent, machine, picture, study, trading};
use crate::link::Link;
use crate::news::{News, Outcome, Wish};
use cappuccino_core::api::LogPage;
use cappuccino_core::words::{Span, Timestamp};

/// The scene as it is, and answers that say so.
pub struct DemoLink {
    scene: Scene,
    pending: Vec<News>,
    is_told: bool,
    now: fn() -> Timestamp,
}

impl DemoLink {
    /// Plays this scene; `now` is the app's clock.
    pub fn new(scene: Scene, now: fn() -> Timestamp) -> Self {
        Self { scene, pending: Vec::new(), is_told: false, now }
    }
}

impl Link for DemoLink {
    fn news(&mut self) -> Vec<News> {
        if !self.is_told {
            self.is_told = true;
            if !is_silent(self.scene) {
                self.pending.extend(picture(self.scene, (self.now)()));
            }
            match self.scene {
                Scene::NoRunner => self.pending.push(gone(true)),
                Scene::Lost => self.pending.push(gone(false)),
                Scene::Live
                | Scene::Connecting
                | Scene::Stale
                | Scene::ReadOnly
                | Scene::Frozen
                | Scene::Empty
                | Scene::Trouble
                | Scene::Halted
                | Scene::RollingBack
                | Scene::Waiting => {}
            }
        } else if !matches!(self.scene, Scene::Stale | Scene::Lost) && !is_silent(self.scene) {
            self.pending.extend(picture(self.scene, (self.now)()).into_iter().skip(1).take(1));
        }
        std::mem::take(&mut self.pending)
    }

    fn wish(&mut self, wish: Wish) -> bool {
        match wish {
            Wish::Ask(request) => {
                let why = "this is sample data; there is no runner to ask".to_owned();
                let refused = Outcome::Refused { why, stale: false };
                self.pending.push(News::Answered(request.id, refused));
            }
            Wish::FollowLog(Some((process, None))) => {
                let text = history::log();
                let length = u64::try_from(text.len()).unwrap_or(0);
                let page = LogPage { from: 0, to: length, length, text };
                self.pending.push(News::Log(process, page));
            }
            Wish::StartRunner => {
                let why = "this is sample data; start the app without --demo".to_owned();
                self.pending.push(News::Started(Err(why)));
            }
            Wish::FollowLanes(true) => {
                let lanes = trading::lanes((self.now)());
                self.pending.push(News::Lanes(Some(lanes)));
            }
            Wish::FollowSeries(Some(wish)) => {
                let end = wish.end.unwrap_or_else(|| (self.now)());
                let from = end.plus(Span(-wish.length.0));
                let series =
                    |name: String| Some((name.clone(), machine::series(&name, from, end)?));
                self.pending
                    .push(News::Series(wish.names.into_iter().filter_map(series).collect()));
            }
            Wish::Foresee(request) => {
                let foreseen = foreseen(self.scene, &request.command, (self.now)());
                self.pending.push(News::Foreseen(request.id, foreseen));
            }
            Wish::Params(number) => {
                self.pending.push(News::Params(number, Ok(study::params(number))));
            }
            Wish::LogBefore(process, _) => {
                let page = LogPage { from: 0, to: 0, length: 0, text: String::new() };
                self.pending.push(News::LogBefore(process, page));
            }
            // All of a log was told the first time.
            Wish::FollowLog(Some((_, Some(_))) | None)
            | Wish::FollowSeries(None)
            | Wish::FollowLanes(false)
            | Wish::Retry => {}
        }
        true
    }
}
