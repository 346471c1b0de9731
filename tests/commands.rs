//! Everything that can be pressed, one after the other: by its key and by its words, with the same
//! effect; and nothing that can be asked of the runner is missing.

use cappuccino_core::api::{LogPage, Status};
use cappuccino_core::words::{ProcessName, Span};
use cappuccino_gui::app::App;
use cappuccino_gui::chart::export::ENDINGS;
use cappuccino_gui::command::{Command, Screen};
use cappuccino_gui::demo::{self, NOON, Scene};
use cappuccino_gui::model::Tone;
use cappuccino_gui::news::News;
use eframe::egui::{Id, Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use std::collections::BTreeSet;
use std::time::Duration;
use support::hand::{Hand, press, window};
use support::wait::until;

type Window = Harness<'static, App>;

/// Where a command has something to do: the picture, the screen, and the keys before its own.
fn place(command: Command) -> (Scene, Screen, &'static [(Modifiers, Key)]) {
    const NONE: Modifiers = Modifiers::NONE;
    match command {
        Command::Go(Screen::Overview) => (Scene::Live, Screen::Trials, &[]),
        Command::BackTo => (Scene::Live, Screen::Deployments, &[(NONE, Key::J)]),
        Command::Approve | Command::Reject => (Scene::Waiting, Screen::Alerts, &[]),
        Command::Acknowledge
        | Command::Unacknowledge
        | Command::Silence
        | Command::SilenceLong
        | Command::EndSilence => (Scene::Trouble, Screen::Alerts, &[]),
        // The best trial is live already.
        Command::Deploy => (Scene::Live, Screen::Trials, &[(NONE, Key::J)]),
        Command::Hold
        | Command::NextRow
        | Command::PreviousRow
        | Command::LogScale
        | Command::SortNext
        | Command::SortTurn
        | Command::Filter => (Scene::Live, Screen::Trials, &[]),
        Command::LiveEdge | Command::Later => (Scene::Live, Screen::System, &[(NONE, Key::Comma)]),
        Command::LogMark => (Scene::Live, Screen::Processes, &FOUND),
        Command::LogNext | Command::LogPrevious => (Scene::Live, Screen::Processes, &FOUND),
        Command::LogNextMark => (Scene::Live, Screen::Processes, &MARKED),
        Command::LogOlder => (Scene::Live, Screen::Processes, &[]),
        Command::Close => (Scene::Live, Screen::Processes, &[(NONE, Key::F4)]),
        _ => (Scene::Live, Screen::Overview, &[]),
    }
}

/// Looks for `nan`: see [`ready`].
const FOUND: [(Modifiers, Key); 1] = [(Modifiers::COMMAND, Key::F)];
const MARKED: [(Modifiers, Key); 3] =
    [(Modifiers::COMMAND, Key::F), (Modifiers::NONE, Key::M), (Modifiers::NONE, Key::N)];

/// The picture as a command needs it.
fn picture(command: Command, scene: Scene) -> Status {
    let mut status = demo::model(scene, NOON).status.unwrap();
    if command == Command::ResumeDeployments {
        "paused: to be tested".clone_into(&mut status.deployment.mode);
    }
    status
}

fn ready(command: Command) -> (Hand, Window) {
    let (scene, screen, keys) = place(command);
    let hand = Hand::default();
    hand.tell(News::Connected(demo::hello()));
    hand.tell(News::Status(Box::new(picture(command, scene))));
    hand.tell(News::Trials(demo::model(scene, NOON).trials));
    if matches!(command, Command::Retry | Command::StartRunner) {
        let (why, retry_in) = ("it went".to_owned(), Span::seconds(9));
        hand.tell(News::Disconnected { why, absent: true, retry_in });
    }
    let mut window = window(Box::new(hand.clone()), [1440.0, 900.0]);
    window.state_mut().go(screen);
    window.run();
    let trader = ProcessName::new("trader").unwrap();
    let text = "one\nnan here\ntwo\nnan again\n".to_owned();
    hand.tell(News::Log(trader, LogPage { from: 100, to: 127, length: 127, text }));
    window.run();
    for (modifiers, key) in keys {
        press(&mut window, *modifiers, *key);
        if *key == Key::F {
            window.run();
            window.get_by_label("Find").type_text("nan");
            window.run();
            press(&mut window, Modifiers::NONE, Key::Enter);
        }
    }
    (hand, window)
}

/// Everything that a press can change; where the next letter goes is apart.
fn look(hand: &Hand, window: &Window) -> (String, Option<Id>) {
    let (app, model) = (window.state(), window.state().model());
    let told: Vec<_> = model.notices.all().map(|notice| &notice.text).collect();
    let is_open = |label: &str| window.query_all_by_label(label).next().is_some();
    let sheets = (is_open("Command"), is_open("Close keys"));
    let is_dark = window.ctx.theme() == Theme::Dark;
    let all = format!(
        "{:?} {:?} {:?} {told:?} {sheets:?} {is_dark} {} {:?}",
        app.kept(),
        app.draft(),
        hand.wishes.borrow(),
        model.is_frozen(),
        model.log.marks
    );
    (all, window.ctx.memory(|memory| memory.focused()))
}

/// Saving tells of itself when it is done.
fn settle(command: Command, window: &mut Window) {
    window.run();
    if command == Command::Export {
        until("the chart is saved", Duration::from_secs(60), || {
            window.step();
            window.state().model().notices.all().next().map(drop)
        });
        // There is no workspace of that name, so it went beside.
        for ending in ENDINGS {
            let file = format!("overview-{}.{ending}", NOON.0);
            std::fs::remove_file(std::env::temp_dir().join(file)).ok();
        }
    }
}

fn by_key(command: Command, window: &mut Window) {
    let shortcut = command.shortcut();
    press(window, shortcut.modifiers, shortcut.logical_key);
    settle(command, window);
}

fn by_words(command: Command, window: &mut Window) {
    press(window, Modifiers::COMMAND, Key::K);
    window.get_by_label("Command").type_text(&command.text());
    window.run();
    press(window, Modifiers::NONE, Key::Enter);
    settle(command, window);
}

#[test]
fn every_command_does_the_same_by_its_key_and_by_its_words_and_does_something() {
    for command in Command::all() {
        let name = command.text();
        let (hand, mut window) = ready(command);
        let before = look(&hand, &window);
        by_key(command, &mut window);
        let after = look(&hand, &window);
        assert!(before != after, "{name} does nothing by its key");
        let refused = window.state().model().notices.all().find(|told| told.tone == Tone::Bad);
        assert_eq!(refused, None, "{name} had everything it needs");
        // The list cannot be opened from the list.
        if command != Command::Palette {
            let (hand, mut window) = ready(command);
            by_words(command, &mut window);
            let (by_words, _) = look(&hand, &window);
            assert_eq!(by_words, after.0, "{name} does something else by its words");
        }
    }
}

#[test]
fn older_lines_are_said_to_be_on_their_way_only_when_somebody_was_asked_for_them() {
    let is_asked = |window: &Window| window.state().model().log.can_page_back().is_err();
    let (hand, mut window) = ready(Command::LogOlder);
    hand.is_busy.set(true);
    by_key(Command::LogOlder, &mut window);
    assert!(!is_asked(&window), "the link was too busy to take it");
    hand.is_busy.set(false);
    by_key(Command::LogOlder, &mut window);
    assert!(is_asked(&window));
    let (hand, mut window) = ready(Command::LogOlder);
    let (why, retry_in) = ("it went".to_owned(), Span::seconds(9));
    hand.tell(News::Disconnected { why, absent: true, retry_in });
    window.run();
    by_key(Command::LogOlder, &mut window);
    assert!(!is_asked(&window), "there is nobody to be asked");
}

#[test]
fn all_that_the_runner_can_be_asked_by_a_person_is_asked_by_a_command() {
    let mut asked = BTreeSet::new();
    for command in Command::all() {
        let (hand, mut window) = ready(command);
        by_key(command, &mut window);
        if window.state().draft().is_some() {
            press(&mut window, Modifiers::COMMAND, Key::Enter);
        }
        let words = hand.asked().into_iter().map(|request| format!("{:?}", request.command));
        asked.extend(words.map(|words| words.split([' ', '{']).next().unwrap().to_owned()));
    }
    // What is held is released by the same key.
    let (hand, mut window) = ready(Command::BackTo);
    press(&mut window, Modifiers::NONE, Key::J);
    press(&mut window, Modifiers::NONE, Key::H);
    let released = format!("{:?}", hand.asked()[0].command);
    assert!(released.starts_with("Unhold"), "{released}");
    // Where no trial is seen, none is held.
    let (hand, mut window) = ready(Command::Theme);
    press(&mut window, Modifiers::NONE, Key::H);
    assert!(hand.asked().is_empty(), "{:?}", hand.asked());
    let told: Vec<_> = window.state().model().notices.all().map(|told| &told.text).collect();
    assert_eq!(told, ["choose a trial first, on the page Trials"]);
    let wanted = [
        "Acknowledge",
        "Approve",
        "Deploy",
        "Hold",
        "Pause",
        "Reject",
        "Reset",
        "Restart",
        "Resume",
        "Rollback",
        "Silence",
        "Unacknowledge",
        "Unsilence",
    ];
    assert_eq!(asked.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}
