//! What is due again and again: each duty counts for itself, so that none puts another off.

use cappuccino_core::words::{Moment, Span};

/// One duty: since when it waits, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Duty {
    from: Moment,
    wait: Span,
}

impl Duty {
    /// Due once `wait` has passed since `from`.
    pub const fn after(from: Moment, wait: Span) -> Self {
        Self { from, wait }
    }

    /// Time until it is due.
    pub fn due_in(&self, now: Moment) -> Span {
        self.wait.minus(now.since(self.from)).max(Span::ZERO)
    }

    /// Whether it is due; if so, it is again once `every` has passed from now.
    pub fn take(&mut self, now: Moment, every: Span) -> bool {
        let is_due = self.due_in(now) == Span::ZERO;
        if is_due {
            *self = Self::after(now, every);
        }
        is_due
    }
}
