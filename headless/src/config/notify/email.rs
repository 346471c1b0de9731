//! The keys of a channel of kind `email`, as checked.

use super::{Channel, file, mistake, one_of, variable};
use crate::config::check::Mistake;
use crate::notify::secret::Secret;
use lettre::message::Mailbox;
use serde::Deserialize;
use serde_spanned::Spanned;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A mail server, and who writes to whom.
#[derive(Clone, Debug)]
pub struct EmailConfig {
    /// The server's name; its certificate must bear it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is kept secret.
    pub tls: Tls,
    /// Authorities that vouch for the server, as PEM; Mozilla's list when none is named.
    pub ca_file: Option<PathBuf>,
    /// The name and the password that it knows us by.
    pub login: Option<(String, Secret)>,
    /// Who writes.
    pub from: Mailbox,
    /// Who reads; at least one.
    pub to: Vec<Mailbox>,
}

/// How the way to a mail server is kept secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Agreed on at the beginning of the talk; without it nothing is said.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all: only to this machine itself.
    None,
}

impl Tls {
    /// Where servers listen for it (RFC 6409, RFC 8314, RFC 5321).
    const fn usual_port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

pub(super) const KEYS: [&str; 9] =
    ["host", "port", "tls", "user", "password_env", "password_file", "from", "to", "ca_file"];

/// Checks the keys; paths in them are relative to `root`.
pub(super) fn email(channel: &Channel, root: &Path) -> Result<EmailConfig, Mistake> {
    let tls = channel.tls.as_ref().map_or(Tls::default(), |tls| *tls.get_ref());
    let port = channel.port.as_ref().map(|port| port.get_ref().get());
    let from = channel.from.as_ref().ok_or_else(|| channel.lacks("from"))?;
    Ok(EmailConfig {
        host: host(channel, tls)?,
        port: port.unwrap_or(tls.usual_port()),
        tls,
        ca_file: channel.ca_file.as_ref().map(|file| root.join(file.get_ref())),
        login: login(channel, root)?,
        from: mailbox(from)?,
        to: readers(channel)?,
    })
}

fn host(channel: &Channel, tls: Tls) -> Result<String, Mistake> {
    let host = channel.host.as_ref().ok_or_else(|| channel.lacks("host"))?;
    let name = host.get_ref().trim();
    if name.is_empty() {
        return Err(channel.lacks("host"));
    }
    let is_here = name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if tls == Tls::None && !is_here {
        let place = channel.tls.as_ref().map_or_else(|| host.span(), Spanned::span);
        let what = format!("everybody on the way to {name} could read the mail and the password");
        return Err(mistake(place, what, "use \"starttls\" or \"tls\"; \"none\" is for localhost"));
    }
    Ok(name.to_owned())
}

fn login(channel: &Channel, root: &Path) -> Result<Option<(String, Secret)>, Mistake> {
    let password = one_of([
        variable(channel.password_env.as_ref()),
        file(channel.password_file.as_ref(), root),
    ])?;
    match (&channel.user, password) {
        (None, None) => Ok(None),
        (Some(user), Some(password)) => Ok(Some((user.get_ref().clone(), password))),
        (Some(_), None) => Err(channel.lacks("password_env` or `password_file")),
        (None, Some(_)) => Err(channel.lacks("user")),
    }
}

fn readers(channel: &Channel) -> Result<Vec<Mailbox>, Mistake> {
    let to = channel.to.as_ref().filter(|to| !to.get_ref().is_empty());
    let to = to.ok_or_else(|| channel.lacks("to"))?;
    to.get_ref().iter().map(mailbox).collect()
}

fn mailbox(text: &Spanned<String>) -> Result<Mailbox, Mistake> {
    let parsed: Option<Mailbox> = text.get_ref().parse().ok();
    // Few servers take addresses in other letters; names may have them.
    let usable = parsed.filter(|mailbox| AsRef::<str>::as_ref(&mailbox.email).is_ascii());
    usable.ok_or_else(|| {
        let what = format!("`{}` is no mail address", text.get_ref().escape_default());
        let remedy = "write it as \"me@example.org\" or \"Ada <me@example.org>\", in ASCII";
        mistake(text.span(), what, remedy)
    })
}
