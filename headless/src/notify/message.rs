//! From waiting lines to one message: a line by itself, or a digest of many.

use super::hand::Button;
use super::worth::{News, Severity};
use cappuccino_core::words::{Sequence, Timestamp};
use serde::Serialize;

/// Lines that are told one by one; more of them waiting are one digest.
pub const SINGLES_MAX: usize = 5;
/// Newest subjects that a digest spells out.
const SPELT_OUT: usize = 8;
/// Longest body, in bytes: the strictest service (Discord) takes 2000 characters.
const BODY_MAX: usize = 1900;

/// What a channel sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// What kind of message it is.
    pub kind: Kind,
    /// The most urgent of its lines.
    pub severity: Severity,
    /// A few words.
    pub title: String,
    /// What happened.
    pub body: String,
    /// What it is about; none for a digest of several subjects.
    pub subject: Option<String>,
    /// Whether its subject needs no attention any more.
    pub over: bool,
    /// How many lines it stands for.
    pub count: usize,
    /// When the newest of them happened.
    pub at: Option<Timestamp>,
    /// What can be answered to it at once.
    #[serde(skip)]
    pub button: Option<Button>,
    /// Numbers of these lines, ascending: a receiver that sees one twice knows a repeat.
    pub lines: Vec<Sequence>,
}

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One subject.
    Event,
    /// Many lines.
    Digest,
    /// `cappuccino notify-test`.
    Test,
}

/// Everything waiting about one subject, oldest first.
type Group<'a> = Vec<&'a News>;

impl Message {
    /// The message of `cappuccino notify-test`.
    pub fn test(channel: &str) -> Self {
        Self {
            kind: Kind::Test,
            severity: Severity::Info,
            title: "Cappuccino: a test".to_owned(),
            body: format!("the channel `{channel}` works"),
            subject: None,
            over: false,
            count: 0,
            at: None,
            button: None,
            lines: Vec::new(),
        }
    }

    /// Whether it tells this line.
    pub fn stands_for(&self, line: Sequence) -> bool {
        self.lines.binary_search(&line).is_ok()
    }

    /// The first message to tell of `waiting`, oldest first: all of it as a digest when that is
    /// wanted or it is much, else what there is about the subject of the oldest line.
    pub fn first_of(waiting: &[&News], digest_wanted: bool) -> Option<Self> {
        let groups = groups(waiting);
        if groups.len() > 1 && (digest_wanted || waiting.len() > SINGLES_MAX) {
            return Some(digest(&groups, waiting));
        }
        groups.first().and_then(|group| event(group))
    }
}

fn groups<'a>(waiting: &[&'a News]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for news in waiting {
        let known = groups
            .iter_mut()
            .find(|group| group.first().is_some_and(|first| first.subject == news.subject));
        match known {
            Some(group) => group.push(news),
            None => groups.push(vec![news]),
        }
    }
    groups
}

/// The line that says most: the end, else the newest of the most urgent.
fn spokesman<'a>(group: &[&'a News]) -> Option<&'a News> {
    let newest = group.last()?;
    if newest.is_over {
        return Some(newest);
    }
    group.iter().max_by_key(|news| news.severity).copied()
}

fn severity(waiting: &[&News]) -> Severity {
    waiting.iter().map(|news| news.severity).max().unwrap_or(Severity::Info)
}

fn event(group: &[&News]) -> Option<Message> {
    let news = spokesman(group)?;
    let mut body = news.text.clone();
    let told_before = group.iter().rev().find(|other| !other.is_over);
    if news.is_over
        && let Some(before) = told_before
    {
        body = format!("{body}; it was: {}", before.text);
    }
    let turns = turns(group);
    if turns > 1
        && let Some(first) = group.first()
    {
        body = format!("{body} ({turns} times since {})", clock(first.at));
    }
    Some(Message {
        kind: Kind::Event,
        severity: if news.is_over { news.severity } else { severity(group) },
        title: format!("Cappuccino: {}", news.title),
        body: cut(body),
        subject: Some(news.subject.clone()),
        over: news.is_over,
        count: group.len(),
        at: group.last().map(|news| news.at),
        button: news.button.clone(),
        lines: group.iter().map(|news| news.sequence).collect(),
    })
}

/// How often the group tells the same: once for a single line, and for its end.
fn turns(group: &[&News]) -> usize {
    let newest = group.iter().rev().find(|news| !news.is_over);
    newest.map_or(1, |newest| group.iter().filter(|news| news.title == newest.title).count())
}

fn digest(groups: &[Group<'_>], waiting: &[&News]) -> Message {
    let count = |severity| waiting.iter().filter(|news| news.severity == severity).count();
    let counts: Vec<String> = [Severity::Critical, Severity::Warning, Severity::Info]
        .into_iter()
        .map(|severity| (count(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| format!("{count} {}", severity.name()))
        .collect();
    let since = waiting.first().map_or_else(String::new, |news| clock(news.at));
    let mut newest_first: Vec<&Group<'_>> = groups.iter().collect();
    newest_first.sort_by_key(|group| std::cmp::Reverse(group.last().map(|news| news.sequence)));
    let mut lines: Vec<String> =
        newest_first.iter().take(SPELT_OUT).filter_map(|group| digest_line(group)).collect();
    if let Some(rest) = groups.len().checked_sub(SPELT_OUT).filter(|rest| *rest > 0) {
        lines.push(format!("and {rest} more; `cappuccino history` has them all"));
    }
    Message {
        kind: Kind::Digest,
        severity: severity(waiting),
        title: format!("Cappuccino: {} since {since}", counts.join(", ")),
        body: cut(lines.join("\n")),
        subject: None,
        over: false,
        count: waiting.len(),
        at: waiting.last().map(|news| news.at),
        button: None,
        lines: waiting.iter().map(|news| news.sequence).collect(),
    }
}

fn digest_line(group: &[&News]) -> Option<String> {
    let (news, newest) = (spokesman(group)?, group.last()?);
    let often = match turns(group) {
        0 | 1 => String::new(),
        turns => format!(" ({turns} times)"),
    };
    Some(format!("{} {}{often}", clock(newest.at), news.text))
}

/// Day and minute in the time zone of the machine.
fn clock(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_out_of_range| at.to_string(),
        |instant| {
            instant
                .to_zoned_datetime(jiff::tz::TimeZone::system())
                .strftime("%d %b %H:%M")
                .to_string()
        },
    )
}

fn cut(mut body: String) -> String {
    if body.len() > BODY_MAX {
        let end = (0..=BODY_MAX).rev().find(|end| body.is_char_boundary(*end)).unwrap_or(0);
        body.truncate(end);
        body.push('…');
    }
    body
}
