//! The app without a window and without a runner: a test tells it news and sees what it asks for.

use cappuccino_core::api::CommandRequest;
use cappuccino_core::words::{Span, Timestamp};
use cappuccino_gui::app::App;
use cappuccino_gui::demo::{self, NOON};
use cappuccino_gui::link::Link;
use cappuccino_gui::news::{News, Wish};
use eframe::egui::{Key, Modifiers};
use egui_kittest::Harness;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The two ends of a link that the test holds in its hand.
#[derive(Clone, Default)]
pub struct Hand {
    news: Rc<RefCell<Vec<News>>>,
    pub wishes: Rc<RefCell<Vec<Wish>>>,
    /// Takes no wish while it is.
    pub is_busy: Rc<Cell<bool>>,
}

impl Link for Hand {
    fn news(&mut self) -> Vec<News> {
        self.news.borrow_mut().drain(..).collect()
    }

    fn wish(&mut self, wish: Wish) -> bool {
        if !self.is_busy.get() {
            self.wishes.borrow_mut().push(wish);
        }
        !self.is_busy.get()
    }
}

impl Hand {
    pub fn tell(&self, news: News) {
        self.news.borrow_mut().push(news);
    }

    pub fn asked(&self) -> Vec<CommandRequest> {
        let asked = |wish: &Wish| match wish {
            Wish::Ask(request) => Some(request.clone()),
            Wish::Retry
            | Wish::StartRunner
            | Wish::Foresee(_)
            | Wish::Params(_)
            | Wish::Examination(_)
            | Wish::LogBefore(..)
            | Wish::FollowLog(_)
            | Wish::FollowLanes(_)
            | Wish::FollowSeries(_) => None,
        };
        self.wishes.borrow().iter().filter_map(asked).collect()
    }
}

thread_local! {
    static PASSED: Cell<Span> = const { Cell::new(Span(0)) };
}

/// The clock of the windows of this thread.
pub fn noon() -> Timestamp {
    NOON.plus(PASSED.get())
}

/// So long after noon it is from now on.
pub fn pass(time: Span) {
    PASSED.set(time);
}

pub fn window(link: Box<dyn Link>, size: [f32; 2]) -> Harness<'static, App> {
    Harness::builder()
        .with_size(size)
        .build_eframe(move |context| App::new(&context.egui_ctx, "/w".into(), link, noon))
}

/// A window on a runner that is well.
pub fn live() -> (Hand, Harness<'static, App>) {
    let hand = Hand::default();
    hand.tell(News::Connected(demo::hello()));
    hand.tell(News::Status(Box::new(demo::status(NOON))));
    let mut window = window(Box::new(hand.clone()), [1440.0, 900.0]);
    window.run();
    (hand, window)
}

pub fn press(window: &mut Harness<'static, App>, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run();
}
