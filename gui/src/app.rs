//! The window: takes in the news, turns keys and presses into requests, draws the pages.

mod choose;
mod frame;
mod keys;
mod save;

use crate::chart::window::TimeWindow;
use crate::command::Screen;
use crate::intent::{self, Draft, Intent};
use crate::link::Link;
use crate::model::{Freshness, Model, Pending, Tone};
use crate::news::{News, SeriesWish, Wish};
use crate::pages::{self, Out, PageState, Sight};
use crate::theme;
use crate::view::Views;
use crate::widgets::confirm::{self, Verdict};
use crate::widgets::palette::{self, Palette};
use crate::widgets::toast;
use cappuccino_core::api::CommandRequest;
use cappuccino_core::words::{Generation, ProcessName, RequestId, Timestamp, TrialNumber};
use eframe::egui::{self, CentralPanel, Context, Frame, Margin, ScrollArea, Ui};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Begins the key of what is kept between two starts.
const STORED: &str = "cappuccino";
/// Points of a series: about one per pixel of a chart.
const BUCKETS: usize = 1_000;
/// How soon a picture is drawn again without news: what is stale must show soon after.
const REDRAW: Duration = Duration::from_secs(4);
/// The same while no runner answers, and the next try is counted down.
const REDRAW_OFFLINE: Duration = Duration::from_secs(2);

/// What is kept between two starts. Unknown or missing parts become their defaults.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// The screen that is shown.
    pub screen: Screen,
    /// What the pages remember.
    pub pages: PageState,
    /// Whether frame times are shown.
    pub frame_times: bool,
}

/// What is being foreseen: the intent, and the deployment's generation that it is asked about.
type Foreseeing = (Intent, Option<Generation>);

/// The app.
pub struct App {
    model: Model,
    views: Views,
    kept: Kept,
    link: Box<dyn Link>,
    clock: fn() -> Timestamp,
    draft: Option<Draft>,
    palette: Palette,
    keys_open: bool,
    followed: Option<ProcessName>,
    watched: Option<SeriesWish>,
    watches_lanes: bool,
    looked_up: BTreeSet<TrialNumber>,
    foreseeing: Option<Foreseeing>,
    asked: u64,
    session: Timestamp,
    actor: String,
    frame_ms: f32,
    saving: save::Saving,
}

impl App {
    /// An app for one workspace.
    pub fn new(
        ctx: &Context,
        workspace: String,
        link: Box<dyn Link>,
        clock: fn() -> Timestamp,
    ) -> Self {
        theme::install(ctx);
        let actor = std::env::var("USER").unwrap_or_else(|_| "app".to_owned());
        Self {
            model: Model::new(workspace),
            views: Views::default(),
            kept: Kept::default(),
            link,
            clock,
            draft: None,
            palette: Palette::default(),
            keys_open: false,
            followed: None,
            watched: None,
            watches_lanes: false,
            looked_up: BTreeSet::new(),
            foreseeing: None,
            asked: 0,
            session: clock(),
            actor,
            frame_ms: 0.0,
            saving: save::Saving::default(),
        }
    }

    /// Takes up what was kept the last time.
    #[must_use]
    pub fn with_kept(mut self, storage: Option<&dyn eframe::Storage>) -> Self {
        let stored = self.stored();
        if let Some(kept) = storage.and_then(|storage| eframe::get_value(storage, &stored)) {
            self.kept = kept;
        }
        self
    }

    /// Under which name everything is kept: each workspace has its own screen, window and filters.
    fn stored(&self) -> String {
        format!("{STORED} {}", self.model.workspace)
    }

    /// Asks where to before a chart is saved.
    #[must_use]
    pub const fn with_dialogs(mut self) -> Self {
        self.saving.asks = true;
        self
    }

    /// Shows this screen.
    pub const fn go(&mut self, screen: Screen) {
        self.kept.screen = screen;
    }

    /// Shows this stretch of time.
    pub const fn look_at(&mut self, window: TimeWindow) {
        self.kept.pages.window = Some(window);
    }

    /// What is known.
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// What is known, to be changed by tests and by sample data.
    pub const fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// The screen that is shown.
    pub const fn screen(&self) -> Screen {
        self.kept.screen
    }

    /// What is kept until the next start.
    pub const fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The question that is open.
    pub const fn draft(&self) -> Option<&Draft> {
        self.draft.as_ref()
    }

    /// Takes in what was learnt.
    fn hear(&mut self, now: Timestamp) {
        for news in self.link.news() {
            if matches!(news, News::Connected(_)) {
                // A new conversation knows nothing of the old one's log.
                self.followed = None;
                self.watched = None;
                self.watches_lanes = false;
                self.looked_up.clear();
                self.foreseeing = None;
            }
            if let News::Params(trial, _) = &news {
                self.looked_up.remove(trial);
            }
            if let (News::History(lines), None) = (&news, self.kept.pages.window) {
                let first = lines.first().map(|line| TimeWindow::covering(line.at, now));
                self.kept.pages.window = first;
            }
            self.model.fold(news, now);
        }
        self.follow_log();
        self.follow_series();
        self.views.refresh(&self.model, now);
    }

    /// The log is read only while it is looked at.
    fn follow_log(&mut self) {
        let processes = self.model.status.iter().flat_map(|status| &status.processes);
        let mut names = processes.map(|process| &process.name);
        let chosen = &mut self.kept.pages.process;
        let is_known =
            chosen.as_ref().is_some_and(|chosen| names.clone().any(|name| name == chosen));
        if !is_known && let Some(first) = names.next() {
            *chosen = Some(first.clone());
        }
        let wanted = if self.kept.screen == Screen::Processes { chosen.clone() } else { None };
        if wanted == self.followed {
            return;
        }
        let is_other = wanted.is_some() && wanted.as_ref() != self.model.log.process();
        if is_other {
            // The chosen line was in the log that was looked at before.
            self.kept.pages.log.leave();
        }
        let place = wanted.clone().map(|name| {
            let from = self.model.log.choose(&name);
            (name, from)
        });
        if self.link.wish(Wish::FollowLog(place)) {
            self.followed = wanted;
        }
    }

    /// Series are read only while they are looked at.
    fn follow_series(&mut self) {
        let machine = self.model.status.as_ref().and_then(|status| status.machine.as_ref());
        let names = match (self.kept.screen, machine) {
            (Screen::System, Some(machine)) => pages::system::series_of(machine),
            (Screen::Pnl, _) => pages::pnl::SERIES.map(str::to_owned).to_vec(),
            (_, _) => Vec::new(),
        };
        let window = self.kept.pages.window.unwrap_or_default();
        let (length, end) = (window.length, window.end);
        let wish =
            (!names.is_empty()).then_some(SeriesWish { names, length, end, buckets: BUCKETS });
        let lanes = self.kept.screen == Screen::Pnl;
        if lanes != self.watches_lanes && self.link.wish(Wish::FollowLanes(lanes)) {
            self.watches_lanes = lanes;
        }
        if wish != self.watched && self.link.wish(Wish::FollowSeries(wish.clone())) {
            self.watched = wish;
        }
    }

    /// Parameters are read once each, when they are shown; those of a running trial again as the
    /// study moves on.
    fn look_up(&mut self, trials: Vec<TrialNumber>) {
        let known = &self.model.params;
        self.looked_up.retain(|trial| trials.contains(trial));
        for trial in trials {
            let is_needed = !known.contains_key(&trial) && !self.looked_up.contains(&trial);
            if is_needed && self.link.wish(Wish::Params(trial)) {
                self.looked_up.insert(trial);
            }
        }
    }

    fn request(&mut self, intent: &Intent) -> CommandRequest {
        self.asked = self.asked.wrapping_add(1);
        CommandRequest {
            id: RequestId(format!("app-{}-{}-{}", std::process::id(), self.session.0, self.asked)),
            actor: self.actor.clone(),
            expected: intent.expected(),
            command: intent.body(),
        }
    }

    /// While a question is open, the runner says what it would lead to.
    fn foresee(&mut self) {
        let Some(intent) = self.draft.as_ref().and_then(|draft| draft.intent(&self.model)) else {
            (self.foreseeing, self.model.foreseen) = (None, None);
            return;
        };
        let generation = self.model.status.as_ref().map(|status| status.deployment.generation);
        let asks = (intent.clone().without_reason(), generation);
        if self.foreseeing.as_ref() == Some(&asks) {
            return;
        }
        let request = self.request(&intent);
        let id = request.id.clone();
        if self.link.wish(Wish::Foresee(request)) {
            (self.foreseeing, self.model.foreseen) = (Some(asks), Some((id, None)));
        }
    }

    /// Asks the runner, unless it cannot be asked now.
    fn ask(&mut self, intent: &Intent, now: Timestamp) {
        let text = intent.text();
        if let Err(why) = intent.check(&self.model, now) {
            return self.model.notices.tell(Tone::Bad, format!("{text}: {why}"), now);
        }
        let request = self.request(intent);
        let id = request.id.clone();
        if self.link.wish(Wish::Ask(request)) {
            self.model.pending.insert(id, Pending { text, since: now });
        } else {
            let told = format!("{text}: too many requests wait already; nothing was asked");
            self.model.notices.tell(Tone::Bad, told, now);
        }
    }

    /// Asks at once or opens the question.
    fn want(&mut self, intent: Intent, now: Timestamp) {
        if !intent::needs_confirming(&intent) {
            self.ask(&intent, now);
        } else if let Err(why) = intent.check(&self.model, now) {
            self.model.notices.tell(Tone::Bad, format!("{}: {why}", intent.text()), now);
        } else {
            self.draft = Some(Draft::Plain(intent));
        }
    }

    fn page(&mut self, ui: &mut Ui, now: Timestamp) -> Out {
        let mut out = Out::default();
        let tokens = theme::of(ui.ctx());
        let sight = Sight { model: &self.model, views: &self.views, now, tokens: &tokens };
        let state = &mut self.kept.pages;
        if self.model.status.is_none() {
            if self.kept.screen == Screen::Settings {
                pages::settings::show(ui, &sight, &mut out);
            } else {
                pages::offline::show(ui, &sight, &mut out);
            }
            return out;
        }
        match self.kept.screen {
            Screen::Overview => pages::overview::show(ui, &sight, state, &mut out),
            Screen::Trials => pages::trials::show(ui, &sight, state, &mut out),
            Screen::Deployments => pages::deployments::show(ui, &sight, state, &mut out),
            Screen::Processes => pages::processes::show(ui, &sight, state, &mut out),
            Screen::System => pages::system::show(ui, &sight, state, &mut out),
            Screen::Pnl => pages::pnl::show(ui, &sight, state),
            Screen::Alerts => pages::alerts::show(ui, &sight, state, &mut out),
            Screen::Settings => pages::settings::show(ui, &sight, &mut out),
        }
        out
    }

    fn carry_out(&mut self, out: Out, ctx: &Context, now: Timestamp) {
        if out.draft.is_some() {
            self.draft = out.draft;
        }
        if let Some(process) = out.choose {
            self.kept.pages.process = Some(process);
        }
        self.look_up(out.params);
        for intent in out.intents {
            self.want(intent, now);
        }
        for command in out.commands {
            self.press(command, ctx, now);
        }
    }

    fn overlays(&mut self, ui: &Ui, now: Timestamp) {
        let tokens = theme::of(ui.ctx());
        if let Some(place) = toast::toasts(ui, &self.model, now, &tokens) {
            self.model.notices.dismiss(place);
        }
        if self.palette.open
            && let Some(command) = self.palette.show(ui, &self.model, now)
        {
            self.press(command, ui.ctx(), now);
        }
        if self.keys_open {
            self.keys_open = palette::keys(ui);
        }
        if let Some(draft) = &mut self.draft {
            match confirm::confirm(ui, draft, &self.model, now) {
                Verdict::Open => {}
                Verdict::Keep => self.draft = None,
                Verdict::Go(intent) => {
                    self.draft = None;
                    self.ask(&intent, now);
                }
            }
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, _ctx: &Context, frame: &mut eframe::Frame) {
        let now = (self.clock)();
        self.hear(now);
        self.hear_saved(now);
        self.frame_ms = frame.info().cpu_usage.map_or(0.0, |seconds| seconds * 1000.0);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let now = (self.clock)();
        self.keys(ui.ctx(), now);
        let mut out = self.top(ui, now);
        self.status_line(ui, now);
        self.rail(ui, &mut out);
        let tokens = theme::of(ui.ctx());
        let page = Frame::new().fill(tokens.bg).inner_margin(Margin::same(theme::PAGE));
        CentralPanel::no_frame().frame(page).show(ui, |ui| {
            self.banner(ui, now);
            let faded =
                matches!(self.model.freshness(now), Freshness::Stale(_) | Freshness::Lost(_));
            if faded {
                ui.set_opacity(0.6);
            }
            ScrollArea::vertical().id_salt(self.kept.screen.name()).show(ui, |ui| {
                let page = self.page(ui, now);
                out.commands.extend(page.commands);
                out.intents.extend(page.intents);
                out.draft = page.draft.or(out.draft.take());
                out.choose = page.choose;
                out.params = page.params;
            });
        });
        self.carry_out(out, ui.ctx(), now);
        self.foresee();
        self.overlays(ui, now);
        let is_live =
            matches!(self.model.freshness(now), Freshness::Live(_) | Freshness::Frozen(_));
        ui.ctx().request_repaint_after(if is_live { REDRAW } else { REDRAW_OFFLINE });
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, &self.stored(), &self.kept);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
