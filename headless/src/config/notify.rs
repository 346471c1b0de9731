//! The section `[notify]`: quiet hours and the channels, as written and as checked.

mod email;

pub use email::{EmailConfig, Tls};

use super::check::{Mistake, at_least_one, mistake, span};
use crate::notify::quiet::QuietHours;
use crate::notify::secret::Secret;
use crate::notify::worth::Severity;
use cappuccino_core::words::{Pattern, Span};
use serde::Deserialize;
use serde_spanned::Spanned;
use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Telegram's own address.
const TELEGRAM: &str = "https://api.telegram.org";
/// Longest name of a channel, in bytes.
const NAME_MAX: usize = 64;

/// Whom to tell, and when not to.
#[derive(Clone, Debug, Default)]
pub struct NotifyConfig {
    /// When only what is critical is told.
    pub quiet_hours: Option<QuietHours>,
    /// The ways to the user.
    pub channels: Vec<ChannelConfig>,
}

/// One way to the user.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// Its name; no other channel has it.
    pub name: String,
    /// Least severity that it tells.
    pub min_severity: Severity,
    /// What it tells of, such as keys of alerts; everything when none is named.
    pub about: Vec<Pattern>,
    /// Pause after the first failed try; it doubles.
    pub retry_delay: Span,
    /// Longest such pause.
    pub retry_delay_max: Span,
    /// Failed tries after which a line is given up.
    pub max_tries: u32,
    /// Time after the first failed try at which a line is given up.
    pub give_up_after: Span,
    /// Where it leads.
    pub kind: ChannelKind,
}

impl ChannelConfig {
    /// Whether it tells of `subject`.
    pub fn concerns(&self, subject: &str) -> bool {
        self.about.is_empty() || self.about.iter().any(|pattern| pattern.matches(subject))
    }
}

/// The address of a server.
#[derive(Clone, Debug)]
pub struct Address {
    /// The address itself.
    pub url: Secret,
    /// Authorities that vouch for the server, as PEM; Mozilla's list when none is named.
    pub ca_file: Option<PathBuf>,
}

/// Where a channel leads.
#[derive(Clone, Debug)]
pub enum ChannelKind {
    /// The notification daemon of the desktop session.
    Desktop,
    /// A topic of an ntfy server.
    Ntfy {
        /// The server's address.
        url: Address,
        /// The topic.
        topic: String,
        /// An access token.
        token: Option<Secret>,
    },
    /// An incoming webhook of Slack.
    Slack {
        /// Its address.
        url: Address,
    },
    /// A webhook of Discord.
    Discord {
        /// Its address.
        url: Address,
    },
    /// Anything that takes the message as JSON.
    Webhook {
        /// Its address.
        url: Address,
        /// A bearer token.
        token: Option<Secret>,
    },
    /// A bot of Telegram.
    Telegram {
        /// Address of the bot interface.
        url: Address,
        /// The bot's token.
        token: Secret,
        /// The chat it writes to.
        chat_id: String,
    },
    /// A mail server.
    Email(Box<EmailConfig>),
    /// A program that takes the message on its standard input.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// Its working folder.
        directory: PathBuf,
    },
    /// An address that is asked for now and then: its owner raises the alarm when that stops.
    Heartbeat {
        /// The address.
        url: Address,
        /// How often.
        every: Span,
    },
}

impl ChannelKind {
    /// Whether it tells the history; a heartbeat does not.
    pub const fn tells(&self) -> bool {
        !matches!(self, Self::Heartbeat { .. })
    }

    /// Its name in the configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Ntfy { .. } => "ntfy",
            Self::Slack { .. } => "slack",
            Self::Discord { .. } => "discord",
            Self::Webhook { .. } => "webhook",
            Self::Telegram { .. } => "telegram",
            Self::Email(_) => "email",
            Self::Command { .. } => "command",
            Self::Heartbeat { .. } => "heartbeat",
        }
    }
}

/// The section as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Notify {
    quiet_hours: Option<Spanned<String>>,
    channel: Vec<Channel>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Channel {
    kind: Spanned<Kind>,
    name: Option<Spanned<String>>,
    min_severity: Option<Spanned<Severity>>,
    about: Option<Spanned<Vec<String>>>,
    retry_delay: Option<Spanned<String>>,
    retry_delay_max: Option<Spanned<String>>,
    max_tries: Option<Spanned<u32>>,
    give_up_after: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
    url_env: Option<Spanned<String>>,
    url_file: Option<Spanned<PathBuf>>,
    ca_file: Option<Spanned<PathBuf>>,
    topic: Option<Spanned<String>>,
    token_env: Option<Spanned<String>>,
    token_file: Option<Spanned<PathBuf>>,
    chat_id: Option<Spanned<String>>,
    host: Option<Spanned<String>>,
    port: Option<Spanned<NonZeroU16>>,
    tls: Option<Spanned<Tls>>,
    user: Option<Spanned<String>>,
    password_env: Option<Spanned<String>>,
    password_file: Option<Spanned<PathBuf>>,
    from: Option<Spanned<String>>,
    to: Option<Spanned<Vec<Spanned<String>>>>,
    command: Option<Spanned<Vec<String>>>,
    every: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Desktop,
    Ntfy,
    Slack,
    Discord,
    Webhook,
    Telegram,
    Email,
    Command,
    Heartbeat,
}

/// Keys of every channel that tells messages.
const TELLING: [&str; 6] =
    ["min_severity", "about", "retry_delay", "retry_delay_max", "max_tries", "give_up_after"];
const ADDRESS: [&str; 4] = ["url", "url_env", "url_file", "ca_file"];
const TOKEN: [&str; 2] = ["token_env", "token_file"];

impl Kind {
    /// Groups of keys that a channel of this kind has.
    const fn keys(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Desktop => &[&TELLING],
            Self::Ntfy => &[&TELLING, &ADDRESS, &TOKEN, &["topic"]],
            Self::Slack | Self::Discord => &[&TELLING, &ADDRESS],
            Self::Webhook => &[&TELLING, &ADDRESS, &TOKEN],
            Self::Telegram => &[&TELLING, &ADDRESS, &TOKEN, &["chat_id"]],
            Self::Email => &[&TELLING, &email::KEYS],
            Self::Command => &[&TELLING, &["command"]],
            Self::Heartbeat => &[&ADDRESS, &["every"]],
        }
    }
}

/// Checks the section; paths in it are relative to `root`.
pub(super) fn notify(file: &Notify, root: &Path) -> Result<NotifyConfig, Mistake> {
    let quiet_hours = file.quiet_hours.as_ref().map(quiet_hours).transpose()?;
    let mut names = BTreeSet::new();
    let mut channels = Vec::new();
    for channel in &file.channel {
        let checked = channel.check(root)?;
        if !names.insert(checked.name.clone()) {
            let place = channel.name.as_ref().map_or_else(|| channel.kind.span(), Spanned::span);
            let what = format!("there are two channels named `{}`", checked.name);
            return Err(mistake(place, what, "give each channel its own `name`"));
        }
        channels.push(checked);
    }
    Ok(NotifyConfig { quiet_hours, channels })
}

fn quiet_hours(text: &Spanned<String>) -> Result<QuietHours, Mistake> {
    QuietHours::parse(text.get_ref()).ok_or_else(|| {
        let what = format!("`{}` is no stretch of the day", text.get_ref());
        mistake(text.span(), what, "write it as \"22:00-07:00\", in the machine's time zone")
    })
}

impl Channel {
    fn check(&self, root: &Path) -> Result<ChannelConfig, Mistake> {
        self.has_no_foreign_key()?;
        Ok(ChannelConfig {
            name: self.name()?,
            min_severity: self.min_severity.as_ref().map_or(Severity::Info, |s| *s.get_ref()),
            about: self.about(),
            retry_delay: span(self.retry_delay.as_ref(), Span::seconds(5))?,
            retry_delay_max: span(self.retry_delay_max.as_ref(), Span::minutes(15))?,
            max_tries: at_least_one(self.max_tries.as_ref(), 100)?,
            give_up_after: span(self.give_up_after.as_ref(), Span::hours(24))?,
            kind: self.kind(root)?,
        })
    }

    fn about(&self) -> Vec<Pattern> {
        let written = self.about.as_ref().map(|about| about.get_ref().iter());
        written.into_iter().flatten().cloned().map(Pattern).collect()
    }

    fn name(&self) -> Result<String, Mistake> {
        let Some(name) = &self.name else {
            return Ok(format!("{:?}", self.kind.get_ref()).to_lowercase());
        };
        let text = name.get_ref();
        let is_usable = (1..=NAME_MAX).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if is_usable {
            return Ok(text.clone());
        }
        let what = format!("`{}` cannot name a channel", text.escape_default());
        Err(mistake(name.span(), what, "use 1 to 64 letters, digits, `-`, `_` or `.`"))
    }

    fn kind(&self, root: &Path) -> Result<ChannelKind, Mistake> {
        Ok(match self.kind.get_ref() {
            Kind::Desktop => ChannelKind::Desktop,
            Kind::Ntfy => ChannelKind::Ntfy {
                url: self.url(root)?,
                topic: self.needed(self.topic.as_ref(), "topic")?,
                token: self.token(root)?,
            },
            Kind::Slack => ChannelKind::Slack { url: self.url(root)? },
            Kind::Discord => ChannelKind::Discord { url: self.url(root)? },
            Kind::Webhook => {
                ChannelKind::Webhook { url: self.url(root)?, token: self.token(root)? }
            }
            Kind::Telegram => ChannelKind::Telegram {
                url: self.address(
                    self.some_url(root)?.unwrap_or_else(|| Secret::Given(TELEGRAM.to_owned())),
                    root,
                ),
                token: self.token(root)?.ok_or_else(|| self.lacks("token_env` or `token_file"))?,
                chat_id: self.needed(self.chat_id.as_ref(), "chat_id")?,
            },
            Kind::Email => ChannelKind::Email(Box::new(email::email(self, root)?)),
            Kind::Command => {
                ChannelKind::Command { command: self.command()?, directory: root.to_owned() }
            }
            Kind::Heartbeat => {
                ChannelKind::Heartbeat { url: self.url(root)?, every: self.every()? }
            }
        })
    }

    fn command(&self) -> Result<Vec<String>, Mistake> {
        let command = self.needed(self.command.as_ref(), "command")?;
        if command.first().is_none_or(String::is_empty) {
            return Err(self.lacks("command"));
        }
        Ok(command)
    }

    fn every(&self) -> Result<Span, Mistake> {
        let every = span(self.every.as_ref(), Span::minutes(5))?;
        if every >= Span::seconds(1) {
            return Ok(every);
        }
        let place = self.every.as_ref().map_or_else(|| self.kind.span(), Spanned::span);
        Err(mistake(place, format!("{every} is too often"), "use 1s or more"))
    }

    fn url(&self, root: &Path) -> Result<Address, Mistake> {
        let url = self.some_url(root)?.ok_or_else(|| self.lacks("url`, `url_env` or `url_file"))?;
        Ok(self.address(url, root))
    }

    fn address(&self, url: Secret, root: &Path) -> Address {
        Address { url, ca_file: self.ca_file.as_ref().map(|file| root.join(file.get_ref())) }
    }

    fn some_url(&self, root: &Path) -> Result<Option<Secret>, Mistake> {
        if let Some(url) = &self.url {
            let text = url.get_ref();
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            if host.is_none_or(str::is_empty) {
                let what = "this is no address".to_owned();
                return Err(mistake(url.span(), what, "begin it with https:// or http://"));
            }
        }
        let given = self.url.as_ref().map(|url| (Secret::Given(url.get_ref().clone()), url.span()));
        one_of([given, variable(self.url_env.as_ref()), file(self.url_file.as_ref(), root)])
    }

    fn token(&self, root: &Path) -> Result<Option<Secret>, Mistake> {
        one_of([variable(self.token_env.as_ref()), file(self.token_file.as_ref(), root)])
    }

    fn needed<T: Clone>(&self, key: Option<&Spanned<T>>, name: &str) -> Result<T, Mistake> {
        key.map(|key| key.get_ref().clone()).ok_or_else(|| self.lacks(name))
    }

    fn lacks(&self, keys: &str) -> Mistake {
        let kind = format!("{:?}", self.kind.get_ref()).to_lowercase();
        let what = format!("a channel of kind `{kind}` needs `{keys}`");
        mistake(self.kind.span(), what, "add it; docs/OPERATIONS.md shows each kind")
    }

    /// A key of another kind is a mistake, never ignored.
    fn has_no_foreign_key(&self) -> Result<(), Mistake> {
        let kind = *self.kind.get_ref();
        let allowed = kind.keys();
        for (name, place) in self.written() {
            if let Some(place) = place
                && !allowed.iter().any(|group| group.contains(&name))
            {
                let all: Vec<&str> =
                    allowed.iter().flat_map(|group| group.iter().copied()).collect();
                let kind = format!("{kind:?}").to_lowercase();
                let what = format!("`{name}` is no key of a channel of kind `{kind}`");
                let remedy = format!("remove it; such a channel has: name, {}", all.join(", "));
                return Err(mistake(place, what, &remedy));
            }
        }
        Ok(())
    }

    /// Every key that depends on the kind, and where it is written.
    fn written(&self) -> [(&'static str, Option<Range<usize>>); 24] {
        fn at<T>(key: Option<&Spanned<T>>) -> Option<Range<usize>> {
            key.map(Spanned::span)
        }
        [
            ("min_severity", at(self.min_severity.as_ref())),
            ("about", at(self.about.as_ref())),
            ("retry_delay", at(self.retry_delay.as_ref())),
            ("retry_delay_max", at(self.retry_delay_max.as_ref())),
            ("max_tries", at(self.max_tries.as_ref())),
            ("give_up_after", at(self.give_up_after.as_ref())),
            ("url", at(self.url.as_ref())),
            ("url_env", at(self.url_env.as_ref())),
            ("url_file", at(self.url_file.as_ref())),
            ("ca_file", at(self.ca_file.as_ref())),
            ("topic", at(self.topic.as_ref())),
            ("token_env", at(self.token_env.as_ref())),
            ("token_file", at(self.token_file.as_ref())),
            ("chat_id", at(self.chat_id.as_ref())),
            ("host", at(self.host.as_ref())),
            ("port", at(self.port.as_ref())),
            ("tls", at(self.tls.as_ref())),
            ("user", at(self.user.as_ref())),
            ("password_env", at(self.password_env.as_ref())),
            ("password_file", at(self.password_file.as_ref())),
            ("from", at(self.from.as_ref())),
            ("to", at(self.to.as_ref())),
            ("command", at(self.command.as_ref())),
            ("every", at(self.every.as_ref())),
        ]
    }
}

type Placed = Option<(Secret, Range<usize>)>;

fn variable(name: Option<&Spanned<String>>) -> Placed {
    name.map(|name| (Secret::Variable(name.get_ref().clone()), name.span()))
}

fn file(path: Option<&Spanned<PathBuf>>, root: &Path) -> Placed {
    path.map(|path| (Secret::File(root.join(path.get_ref())), path.span()))
}

/// The one place that is named, if any.
fn one_of<const N: usize>(places: [Placed; N]) -> Result<Option<Secret>, Mistake> {
    let mut named = places.into_iter().flatten();
    let first = named.next();
    match named.next() {
        Some((_, place)) => {
            Err(mistake(place, "it is said in two places".to_owned(), "keep one of them"))
        }
        None => Ok(first.map(|(secret, _)| secret)),
    }
}
