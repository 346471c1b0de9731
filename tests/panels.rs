//! The app without a window: every page in every state, the rollback from the first key to the
//! last answer, and nothing that draws for nothing.

use cappuccino_core::api::{Accepted, CommandBody, CommandRequest, Foresight, Hello, LogPage};
use cappuccino_core::words::{Generation, RequestId, RevisionId, Span, Timestamp};
use cappuccino_gui::app::App;
use cappuccino_gui::command::{Command, Screen};
use cappuccino_gui::demo::{self, DemoLink, NOON, Scene};
use cappuccino_gui::news::{Foreseen, News, Outcome, Wish};
use clap::ValueEnum;
use eframe::egui::{Key, Modifiers, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use std::cell::Cell;
use std::time::Duration;
use support::hand::{Hand, live, noon, press, window};

fn text_of(window: &Harness<'static, App>) -> String {
    let told = window.state().model().notices.all();
    told.map(|notice| notice.text.clone()).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_page_in_every_state_is_drawn_named_and_then_rests() {
    for scene in Scene::value_variants() {
        for screen in Screen::ALL {
            for size in [[1440.0, 900.0], [960.0, 600.0]] {
                let link = DemoLink::new(*scene, noon);
                let mut window = window(Box::new(link), size);
                window.state_mut().go(screen);
                // Fails when an input has no name, a sign has no glyph, or drawing never ends.
                window.run();
                let rests = window.output().viewport_output.values();
                let rests = rests.map(|viewport| viewport.repaint_delay).min().unwrap();
                assert!(
                    rests >= Duration::from_millis(900),
                    "{scene:?} {screen:?} draws again after {rests:?}"
                );
            }
        }
    }
}

#[test]
fn each_state_says_how_far_it_can_be_trusted() {
    let says = |scene: Scene, words: &str| {
        let mut window = window(Box::new(DemoLink::new(scene, noon)), [1440.0, 900.0]);
        window.run();
        assert!(
            window.query_all_by_label_contains(words).next().is_some(),
            "{scene:?} does not say {words:?}"
        );
    };
    says(Scene::NoRunner, "The runner is not running");
    says(Scene::Connecting, "Looking for the runner");
    says(Scene::Live, "the trader runs trial 431");
    says(Scene::Lost, "Runner lost");
    says(Scene::ReadOnly, "Read only");
    says(Scene::Empty, "No process is configured");
    says(Scene::Trouble, "cannot be read");
    says(Scene::Halted, "Nothing trades until you decide");
}

#[test]
fn a_rollback_by_keys_alone_asks_once_and_tells_the_answer() {
    let (hand, mut window) = live();
    press(&mut window, Modifiers::COMMAND, Key::B);
    assert!(window.query_by_label("Roll back to trial 412?").is_some());
    let keep = window.get_by_label("Keep trial 431");
    assert!(keep.is_focused(), "the safe button has the focus");
    press(&mut window, Modifiers::COMMAND, Key::Enter);
    assert!(window.state().draft().is_none());
    let asked = hand.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].expected, Some(Generation(61)));
    let CommandBody::Rollback { to, hold, .. } = &asked[0].command else { panic!("{asked:?}") };
    assert_eq!((*to, *hold), (Some(RevisionId(3)), true), "held back by default");
    // The same again while it is on its way.
    press(&mut window, Modifiers::COMMAND, Key::B);
    press(&mut window, Modifiers::COMMAND, Key::Enter);
    assert_eq!(hand.asked().len(), 1, "asked once only");
    let text = "revision 3 is checked".to_owned();
    let accepted = Outcome::Accepted(Accepted { text, generation: Generation(62) });
    hand.tell(News::Answered(asked[0].id.clone(), accepted));
    window.run();
    assert!(text_of(&window).contains("Roll back to trial 412: revision 3 is checked"));
}

#[test]
fn a_plain_enter_and_escape_never_roll_back() {
    for (modifiers, key) in [(Modifiers::NONE, Key::Enter), (Modifiers::NONE, Key::Escape)] {
        let (hand, mut window) = live();
        press(&mut window, Modifiers::COMMAND, Key::B);
        press(&mut window, modifiers, key);
        window.run();
        assert!(window.state().draft().is_none(), "{key:?} closes the question");
        assert!(hand.asked().is_empty(), "{key:?} asked for something");
    }
}

#[test]
fn a_rollback_by_mouse_goes_where_the_chosen_row_points() {
    let (hand, mut window) = live();
    press(&mut window, Modifiers::COMMAND, Key::Num3);
    assert_eq!(window.state().screen(), Screen::Deployments);
    window.get_by_label("Back to 298…").click();
    window.run();
    window.get_by_label("Do not deploy trial 431 again").click();
    window.run();
    window.get_by_label("Roll back to trial 298").click();
    window.run();
    let asked = hand.asked();
    let CommandBody::Rollback { to, hold, .. } = &asked[0].command else { panic!("{asked:?}") };
    assert_eq!((*to, *hold), (Some(RevisionId(1)), false));
}

#[test]
fn a_refused_rollback_says_why_and_one_decided_on_an_old_picture_is_not_even_asked() {
    let (hand, mut window) = live();
    press(&mut window, Modifiers::COMMAND, Key::B);
    let mut moved_on = demo::status(NOON);
    moved_on.deployment.generation = Generation(62);
    hand.tell(News::Status(Box::new(moved_on)));
    window.run();
    assert!(window.query_by_label_contains("moved on since this was opened").is_some());
    press(&mut window, Modifiers::COMMAND, Key::Enter);
    assert!(hand.asked().is_empty());
    press(&mut window, Modifiers::NONE, Key::Escape);
    press(&mut window, Modifiers::COMMAND, Key::B);
    press(&mut window, Modifiers::COMMAND, Key::Enter);
    let id = hand.asked()[0].id.clone();
    let why = "the deployment moved on; look and ask again".to_owned();
    hand.tell(News::Answered(id, Outcome::Refused { why, stale: true }));
    window.run();
    assert!(text_of(&window).contains("was refused: the deployment moved on"));
}

#[test]
fn a_runner_that_dies_under_the_question_takes_the_button_with_it() {
    let (hand, mut window) = live();
    press(&mut window, Modifiers::COMMAND, Key::B);
    let retry_in = Span::seconds(1);
    hand.tell(News::Disconnected { why: "it broke".into(), absent: false, retry_in });
    window.run();
    press(&mut window, Modifiers::COMMAND, Key::Enter);
    assert!(hand.asked().is_empty());
    assert!(window.query_by_label_contains("no runner is connected").is_some());
    // It comes back: the same question can be answered.
    hand.tell(News::Connected(demo::hello()));
    hand.tell(News::Status(Box::new(demo::status(NOON))));
    window.run();
    press(&mut window, Modifiers::COMMAND, Key::Enter);
    assert_eq!(hand.asked().len(), 1);
}

#[test]
fn a_newer_runner_is_shown_but_not_asked() {
    let (hand, mut window) = live();
    hand.tell(News::Connected(Hello { api: 99, ..demo::hello() }));
    window.run();
    press(&mut window, Modifiers::COMMAND, Key::B);
    assert!(window.state().draft().is_none());
    assert!(text_of(&window).contains("read only"));
}

#[test]
fn every_command_is_found_by_its_words() {
    for command in Command::all() {
        if command == Command::Palette {
            continue;
        }
        let (_, mut window) = live();
        press(&mut window, Modifiers::COMMAND, Key::K);
        window.get_by_label("Command").type_text(&command.text().replace('…', ""));
        window.run();
        assert!(
            window.query_all_by_label_contains(&command.text()).next().is_some(),
            "{} is not in the palette",
            command.text()
        );
    }
}

#[test]
fn letters_typed_into_a_filter_are_text_and_not_commands() {
    let (_, mut window) = live();
    press(&mut window, Modifiers::COMMAND, Key::Num2);
    press(&mut window, Modifiers::NONE, Key::Slash);
    window.run();
    let before = window.state().model().revision;
    window.get_by_label("Filter").type_text("l[");
    press(&mut window, Modifiers::NONE, Key::L);
    assert_eq!(window.get_by_label("Filter").value().as_deref(), Some("l["));
    assert_eq!(window.state().model().revision, before);
}

#[test]
fn a_process_is_restarted_after_a_question_that_says_what_is_lost() {
    let (hand, mut window) = live();
    press(&mut window, Modifiers::COMMAND, Key::Num4);
    let follows = hand.wishes.borrow().iter().any(|wish| matches!(wish, Wish::FollowLog(Some(_))));
    assert!(follows, "the log is read while it is looked at");
    press(&mut window, Modifiers::COMMAND, Key::R);
    assert!(window.query_by_label_contains("there are no orders").is_some());
    press(&mut window, Modifiers::COMMAND, Key::Enter);
    assert!(matches!(hand.asked()[0].command, CommandBody::Restart { .. }));
}

/// The rollback that was foreseen last.
fn foreseeing(hand: &Hand) -> Vec<CommandRequest> {
    let asked = |wish: &Wish| match wish {
        Wish::Foresee(request) => Some(request.clone()),
        _ => None,
    };
    hand.wishes.borrow().iter().filter_map(asked).collect()
}

#[test]
fn a_question_tells_what_the_runner_foresees_and_a_refusal_turns_the_button_off() {
    let (hand, mut window) = live();
    press(&mut window, Modifiers::COMMAND, Key::B);
    assert!(window.query_by_label_contains("Asking the runner").is_some());
    let id = foreseeing(&hand)[0].id.clone();
    // An answer to another question is nobody's.
    let stray = RequestId("stray".into());
    hand.tell(News::Foreseen(stray, Foreseen::Refused("stray".into())));
    let lines = vec!["deployment 6 of revision 3: rolling back".to_owned()];
    let foresight = Foresight { lines, ..Foresight::default() };
    hand.tell(News::Foreseen(id, Foreseen::Leads(Box::new(foresight))));
    window.run();
    assert!(window.query_by_label("deployment 6 of revision 3: rolling back").is_some());
    // Typing a reason changes nothing about it; another target does.
    window.get_by_label("Reason").type_text("bad");
    window.run();
    assert_eq!(foreseeing(&hand).len(), 1);
    let mut moved_on = demo::status(NOON);
    moved_on.deployment.generation = Generation(62);
    hand.tell(News::Status(Box::new(moved_on)));
    window.run();
    assert_eq!(foreseeing(&hand).len(), 2, "the picture moved on: asked again");
    press(&mut window, Modifiers::NONE, Key::Escape);
    press(&mut window, Modifiers::COMMAND, Key::B);
    let id = foreseeing(&hand)[2].id.clone();
    hand.tell(News::Foreseen(id, Foreseen::Refused("revision 3 is being rejected".into())));
    window.run();
    assert!(window.query_by_label_contains("the runner would refuse: revision 3").is_some());
    press(&mut window, Modifiers::COMMAND, Key::Enter);
    assert!(hand.asked().is_empty(), "what is refused is not asked");
}

#[test]
fn a_runner_that_cannot_foresee_is_told_and_can_still_be_asked() {
    let (hand, mut window) = live();
    press(&mut window, Modifiers::COMMAND, Key::B);
    let id = foreseeing(&hand)[0].id.clone();
    hand.tell(News::Foreseen(id, Foreseen::Unknown("there is no /v1/foresee here".into())));
    window.run();
    assert!(window.query_by_label_contains("does not say what this would do").is_some());
    press(&mut window, Modifiers::COMMAND, Key::Enter);
    assert_eq!(hand.asked().len(), 1);
}

#[test]
fn alerts_are_chosen_acknowledged_and_silenced_by_keys_and_a_waiting_model_is_approved() {
    let hand = Hand::default();
    hand.tell(News::Connected(demo::hello()));
    let scene = demo::model(Scene::Trouble, NOON).status.unwrap();
    hand.tell(News::Status(Box::new(scene.clone())));
    let mut window = window(Box::new(hand.clone()), [960.0, 600.0]);
    window.run();
    press(&mut window, Modifiers::COMMAND, Key::Num7);
    press(&mut window, Modifiers::NONE, Key::A);
    press(&mut window, Modifiers::NONE, Key::J);
    press(&mut window, Modifiers::NONE, Key::Z);
    window.get_by_label_contains("Acknowledge no longer: process/worker-3").click();
    window.run();
    window.get_by_label_contains("End silence 2").click();
    window.run();
    let asked: Vec<CommandBody> = hand.asked().into_iter().map(|asked| asked.command).collect();
    let [first, second] = [&scene.alerts[0].key, &scene.alerts[1].key];
    assert!(matches!(&asked[0], CommandBody::Acknowledge { alert, .. } if alert == first));
    let CommandBody::Silence { pattern, seconds, .. } = &asked[1] else { panic!("{asked:?}") };
    assert_eq!((pattern, *seconds), (second, 3600));
    assert!(matches!(&asked[2], CommandBody::Unacknowledge { alert } if alert == second));
    assert!(matches!(&asked[3], CommandBody::Unsilence { .. }));
    let waiting = demo::model(Scene::Waiting, NOON).status.unwrap();
    hand.tell(News::Status(Box::new(waiting)));
    window.run();
    assert!(window.query_all_by_label_contains("waits for your approval").next().is_some());
    press(&mut window, Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::A);
    assert_eq!(hand.asked().last().unwrap().command, CommandBody::Approve);
}

#[test]
fn the_log_is_searched_marked_and_paged_back_by_keys() {
    let (hand, mut window) = live();
    press(&mut window, Modifiers::COMMAND, Key::Num4);
    let process = window.state().model().log.process().cloned().unwrap();
    let page = |from: u64, text: &str| {
        let to = from + u64::try_from(text.len()).unwrap();
        LogPage { from, to, length: 900, text: text.into() }
    };
    hand.tell(News::Log(process.clone(), page(100, "one\nNaN here\ntwo\nnan again\n")));
    window.run();
    press(&mut window, Modifiers::COMMAND, Key::F);
    window.run();
    window.get_by_label("Find").type_text("nan");
    window.run();
    assert!(window.query_by_label("2 hits").is_some());
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(window.query_by_label("1 of 2").is_some());
    press(&mut window, Modifiers::NONE, Key::N);
    assert!(window.query_by_label("2 of 2").is_some());
    press(&mut window, Modifiers::SHIFT, Key::N);
    assert!(window.query_by_label("1 of 2").is_some());
    press(&mut window, Modifiers::NONE, Key::M);
    assert_eq!(window.state().model().log.marks.len(), 1);
    press(&mut window, Modifiers::NONE, Key::F8);
    press(&mut window, Modifiers::NONE, Key::F8);
    let asked = |wish: &Wish| matches!(wish, Wish::LogBefore(_, 100));
    assert_eq!(hand.wishes.borrow().iter().filter(|wish| asked(wish)).count(), 1, "asked once");
    hand.tell(News::LogBefore(process, page(0, "nan first\n")));
    window.run();
    assert!(window.query_by_label("2 of 3").is_some(), "the chosen hit is still the chosen one");
    assert_eq!(window.state().model().log.marks.len(), 1);
}

#[test]
fn trials_are_ordered_by_their_titles_and_their_parameters_are_read_once() {
    let mut window = window(Box::new(DemoLink::new(Scene::Live, noon)), [1440.0, 900.0]);
    window.run();
    press(&mut window, Modifiers::COMMAND, Key::Num2);
    assert!(window.query_by_label("learning_rate").is_some());
    window.get_by_label_contains("Value, press to order").click();
    window.run();
    let greatest = window.get_by_label_contains("Value, greatest first");
    let below = greatest.rect().bottom();
    let best = window.query_all_by_label("0.8312").map(|cell| cell.rect().top() - below);
    assert!(best.into_iter().any(|gap| gap < 30.0), "the best is in the first row");
    press(&mut window, Modifiers::SHIFT, Key::S);
    assert!(window.query_by_label_contains("Value, least first").is_some());
    press(&mut window, Modifiers::NONE, Key::S);
    assert!(window.query_by_label_contains("To the live one, least first").is_some());
}

#[test]
fn parameters_are_asked_for_again_when_they_could_not_be_read_and_the_study_moved_on() {
    let (hand, mut window) = live();
    let trials = || News::Trials(demo::model(Scene::Live, NOON).trials);
    hand.tell(trials());
    window.run();
    press(&mut window, Modifiers::COMMAND, Key::Num2);
    let asked = |hand: &Hand| {
        let wishes = hand.wishes.borrow();
        wishes.iter().filter(|wish| matches!(wish, Wish::Params(_))).count()
    };
    let number = demo::status(NOON).study.best.unwrap().number;
    assert_eq!(asked(&hand), 1);
    hand.tell(News::Params(number, Err("the database is locked".to_owned())));
    window.run();
    assert!(window.query_by_label_contains("is locked").is_some());
    assert_eq!(asked(&hand), 1, "not again and again");
    hand.tell(trials());
    window.run();
    assert_eq!(asked(&hand), 2);
}

thread_local! {
    /// A clock that is never asked twice for the same moment.
    static RUNNING: Cell<i64> = const { Cell::new(NOON.0) };
}

fn running() -> Timestamp {
    RUNNING.set(RUNNING.get() + 7);
    Timestamp(RUNNING.get())
}

#[test]
fn a_pointer_that_rests_on_a_chart_does_not_keep_the_app_drawing() {
    for screen in [Screen::System, Screen::Pnl, Screen::Overview, Screen::Trials] {
        let link = DemoLink::new(Scene::Live, running);
        let mut window = Harness::builder().with_size([1440.0, 900.0]).build_eframe(|context| {
            App::new(&context.egui_ctx, "/w".into(), Box::new(link), running)
        });
        window.state_mut().go(screen);
        window.run();
        window.hover_at(pos2(700.0, 360.0));
        // Fails when drawing never ends.
        window.run();
        let rests = window.output().viewport_output.values();
        let rests = rests.map(|viewport| viewport.repaint_delay).min().unwrap();
        assert!(rests >= Duration::from_millis(900), "{screen:?} draws again after {rests:?}");
    }
}
