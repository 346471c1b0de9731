//! What each screen says in each state of the runner and of the app: nothing is shown as if it were
//! present when it is not, and what cannot be asked is off.

use cappuccino_core::api::{Hello, PnlView, Status};
use cappuccino_core::words::Span;
use cappuccino_gui::app::App;
use cappuccino_gui::command::{Command, Screen};
use cappuccino_gui::demo::{self, NOON, Scene};
use cappuccino_gui::news::{News, Outcome, Wish};
use eframe::egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use support::hand::{Hand, live, pass, press, window};

type Window = Harness<'static, App>;

fn on(screen: Screen, news: impl IntoIterator<Item = News>) -> (Hand, Window) {
    let hand = Hand::default();
    news.into_iter().for_each(|news| hand.tell(news));
    let mut window = window(Box::new(hand.clone()), [1440.0, 900.0]);
    window.state_mut().go(screen);
    window.run();
    (hand, window)
}

fn says(window: &Window, words: &str) -> bool {
    window.query_all_by_label_contains(words).next().is_some()
}

#[track_caller]
fn must_say(window: &Window, screen: Screen, words: &str) {
    assert!(says(window, words), "{} does not say {words:?}", screen.name());
}

fn met(status: Status) -> [News; 2] {
    [News::Connected(demo::hello()), News::Status(Box::new(status))]
}

fn gone(why: &str, absent: bool) -> News {
    News::Disconnected { why: why.to_owned(), absent, retry_in: Span::seconds(4) }
}

/// No button of the page that asks the runner for something can be pressed; how many there are.
fn asks_nothing(window: &Window, screen: Screen) -> usize {
    let mut count = 0;
    let all = ["Roll back…", "Deploy…", "Hold back", "Restart trader…", "Acknowledge"];
    for name in all.into_iter().chain(["Pause automatic deployments", "Back to 412…"]) {
        for button in window.query_all_by_label(name) {
            let is_off = button.accesskit_node().is_disabled();
            assert!(is_off, "{}: {name} can be pressed", screen.name());
            count += 1;
        }
    }
    count
}

#[test]
fn without_a_runner_every_screen_says_so_and_shows_no_numbers() {
    for screen in Screen::ALL {
        let (_, window) = on(screen, []);
        if screen == Screen::Settings {
            must_say(&window, screen, "connecting");
        } else {
            must_say(&window, screen, "Looking for the runner");
        }
        let (_, window) = on(screen, [gone("no runner is up", true)]);
        must_say(&window, screen, "No runner");
        assert!(!says(&window, "0/h"), "no zeros that are not true");
        if screen != Screen::Settings {
            must_say(&window, screen, "The runner is not running");
            must_say(&window, screen, "cappuccino start");
        }
        for why in ["the answer to /v1/hello is not understood", "did not answer within 5 s"] {
            let (_, window) = on(screen, [gone(why, false)]);
            must_say(&window, screen, why);
            if screen != Screen::Settings {
                must_say(&window, screen, "The runner cannot be reached");
            }
        }
    }
}

#[test]
fn a_live_picture_goes_stale_is_lost_and_comes_back_on_every_screen() {
    let mut buttons = 0;
    for screen in Screen::ALL {
        pass(Span(0));
        let (hand, mut window) = on(screen, met(demo::status(NOON)));
        must_say(&window, screen, "Live");
        pass(Span::seconds(12));
        window.run();
        must_say(&window, screen, "Stale, 12 s old");
        must_say(&window, screen, "The runner has said nothing for 12 s");
        buttons += asks_nothing(&window, screen);
        hand.tell(gone("the answer to /v1/status is not understood", false));
        window.run();
        must_say(&window, screen, "Runner lost");
        must_say(&window, screen, "is not understood");
        buttons += asks_nothing(&window, screen);
        met(demo::status(NOON)).into_iter().for_each(|news| hand.tell(news));
        window.run();
        must_say(&window, screen, "Live");
        assert!(!says(&window, "Runner lost"), "{}", screen.name());
        pass(Span(0));
    }
    assert!(buttons > 0, "no button was found, so nothing was proved");
}

#[test]
fn a_runner_of_another_version_is_read_and_not_asked_on_every_screen() {
    let mut buttons = 0;
    for screen in Screen::ALL {
        let newer = News::Connected(Hello { api: 99, ..demo::hello() });
        let (_, window) = on(screen, [newer, News::Status(Box::new(demo::status(NOON)))]);
        must_say(&window, screen, "Read only");
        buttons += asks_nothing(&window, screen);
    }
    assert!(buttons > 0, "no button was found, so nothing was proved");
}

#[test]
fn a_frozen_picture_counts_what_waits_and_moves_on_when_it_is_let_go() {
    let mut buttons = 0;
    for screen in Screen::ALL {
        let (hand, mut window) = on(screen, met(demo::status(NOON)));
        press(&mut window, Modifiers::COMMAND, Key::Space);
        let mut newer = demo::status(NOON);
        newer.study.name = Some("another study".to_owned());
        hand.tell(News::Status(Box::new(newer)));
        window.run();
        must_say(&window, screen, "Frozen, 1 updates wait");
        must_say(&window, screen, "The picture is frozen");
        buttons += asks_nothing(&window, screen);
        assert!(!says(&window, "another study"));
        press(&mut window, Modifiers::COMMAND, Key::Space);
        must_say(&window, screen, "another study");
    }
    assert!(buttons > 0, "no button was found, so nothing was proved");
}

#[test]
fn a_workspace_in_which_nothing_happened_says_what_will_appear_on_every_screen() {
    let mut status = demo::model(Scene::Empty, NOON).status.unwrap();
    status.machine = None;
    for (screen, words) in [
        (Screen::Overview, "Nothing has run yet"),
        (Screen::Trials, "no trials yet"),
        (Screen::Deployments, "the first finished trial with files is considered"),
        (Screen::Processes, "Add a [[process]] to cappuccino.toml"),
        (Screen::System, "The machine was not looked at yet"),
        (Screen::Pnl, "No trader is configured"),
        (Screen::Alerts, "Nothing new needs attention"),
        (Screen::Settings, "Nothing yet"),
    ] {
        let (_, window) = on(screen, met(status.clone()));
        must_say(&window, screen, words);
    }
}

#[test]
fn what_trades_beside_the_live_model_is_asked_for_where_it_is_shown_and_says_what_follows() {
    let (hand, mut window) = on(Screen::Overview, met(demo::status(NOON)));
    let asked = |hand: &Hand| hand.wishes.borrow().contains(&Wish::FollowLanes(true));
    assert!(!asked(&hand));
    press(&mut window, Modifiers::COMMAND, Key::Num6);
    assert!(asked(&hand));
    hand.tell(News::Lanes(Some(demo::lanes(NOON))));
    window.run();
    must_say(&window, Screen::Pnl, "better: promote it");
    must_say(&window, Screen::Pnl, "worse than the live model");
    hand.tell(News::Lanes(None));
    window.run();
    assert!(!says(&window, "On the same bars"), "a runner of before knows no lanes");
}

#[test]
fn a_source_that_fails_says_why_in_its_own_place_and_the_rest_works() {
    let mut status = demo::model(Scene::Trouble, NOON).status.unwrap();
    if let Some(machine) = &mut status.machine {
        machine.gpus.clear();
        machine.gpu_absent = Some("the driver answers with another version".to_owned());
    }
    let state = "unreadable: row 7 has no price".to_owned();
    status.pnl = status.pnl.map(|pnl| PnlView { state, ..pnl });
    for (screen, words) in [
        (Screen::Overview, "cannot be read"),
        (Screen::Trials, "(lost)"),
        (Screen::Deployments, "call posix.system"),
        (Screen::Processes, "1 in trouble"),
        (Screen::System, "the driver answers with another version"),
        (Screen::Pnl, "row 7 has no price"),
        (Screen::Alerts, "What helps"),
        (Screen::Settings, "The runner"),
    ] {
        let (_, window) = on(screen, met(status.clone()));
        must_say(&window, screen, words);
        assert!(Command::RollBack.check(window.state().model(), NOON).is_ok());
    }
    let (hand, mut window) = on(Screen::Processes, met(status));
    let name = window.state().model().log.process().cloned().unwrap();
    hand.tell(News::LogFailed(name, "the log cannot be read: check its rights".to_owned()));
    window.run();
    must_say(&window, Screen::Processes, "check its rights");
}

#[test]
fn a_double_click_on_the_answer_asks_once_and_a_runner_that_dies_then_leaves_no_lie() {
    let (hand, mut window) = live();
    press(&mut window, Modifiers::COMMAND, Key::B);
    let button = window.get_by_label("Roll back to trial 412");
    button.click();
    button.click();
    window.run();
    assert_eq!(hand.asked().len(), 1);
    must_say(&window, Screen::Overview, "Roll back to trial 412…");
    hand.tell(gone("the runner went down", false));
    let why = "the connection broke".to_owned();
    hand.tell(News::Answered(hand.asked()[0].id.clone(), Outcome::Unknown(why)));
    window.run();
    must_say(&window, Screen::Overview, "nobody knows whether it was done");
    assert!(!says(&window, "Roll back to trial 412…"), "nothing is on its way any more");
}
