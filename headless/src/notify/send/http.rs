//! Messages over HTTP: ntfy, Slack, Discord, Telegram, any webhook; and the heartbeat's ping.
//!
//! The bodies follow the services' own descriptions: docs.ntfy.sh/publish, Slack's incoming
//! webhooks, Discord's "Execute Webhook", Telegram's `sendMessage`.

use super::Sender;
use super::authority::authorities;
use crate::config::{Address, ChannelKind};
use crate::notify::lane::Trouble;
use crate::notify::message::Message;
use crate::notify::secret::Secret;
use crate::notify::worth::Severity;
use cappuccino_core::words::Span;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Response};
use ureq::tls::{RootCerts, TlsConfig};

/// Longest exchange, from looking the name up to the last byte.
const EXCHANGE_MAX: Duration = Duration::from_secs(10);
/// Most of an answer that is read, in bytes: only a refusal's is looked at.
const ANSWER_MAX: u64 = 64 * 1024;

/// A channel that speaks HTTP.
pub(super) struct Http(ChannelKind);

/// What is sent where.
struct Outgoing {
    url: String,
    ca_file: Option<PathBuf>,
    token: Option<String>,
    body: Option<Value>,
}

impl Http {
    /// A channel of this kind; kinds that do not speak HTTP send nothing.
    pub(super) fn new(kind: ChannelKind) -> Self {
        Self(kind)
    }
}

impl Outgoing {
    fn exchange(&self) -> Result<(), Trouble> {
        // Messages are rare: a connection that is kept would be dead by the next one.
        let agent = agent(self.ca_file.as_deref()).map_err(Trouble::failed)?;
        let answer = match &self.body {
            None => agent.get(&self.url).call(),
            Some(body) => {
                let mut request = agent.post(&self.url).header("content-type", "application/json");
                if let Some(token) = &self.token {
                    request = request.header("authorization", format!("Bearer {token}"));
                }
                request.send(body.to_string())
            }
        };
        match answer {
            Ok(answer) => judged(answer),
            Err(error) => Err(Trouble::failed(format!(
                "no answer ({}); check the address and the network",
                self.redacted(&error.to_string())
            ))),
        }
    }

    /// The text without the address and the token: both may be secrets.
    fn redacted(&self, text: &str) -> String {
        let text = text.replace(&self.url, "its address");
        match &self.token {
            Some(token) => text.replace(token.as_str(), "its token"),
            None => text,
        }
    }
}

fn agent(ca_file: Option<&Path>) -> Result<Agent, String> {
    let mut tls = TlsConfig::builder();
    if let Some(file) = ca_file {
        tls = tls.root_certs(RootCerts::from(authorities(file)?));
    }
    let config = Agent::config_builder()
        .timeout_global(Some(EXCHANGE_MAX))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("cappuccino/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build());
    Ok(config.build().into())
}

impl Sender for Http {
    fn send(&mut self, message: &Message) -> Result<(), Trouble> {
        outgoing(&self.0, message).map_err(Trouble::failed)?.exchange()
    }
}

fn outgoing(kind: &ChannelKind, message: &Message) -> Result<Outgoing, String> {
    let Message { title, body, .. } = message;
    let token = |token: &Option<Secret>| token.as_ref().map(Secret::read).transpose();
    let to = |address: &Address, token, body| {
        let ca_file = address.ca_file.clone();
        Ok(Outgoing { url: address.url.read()?, ca_file, token, body })
    };
    let post = |address: &Address, token, body| to(address, token, Some(body));
    match kind {
        ChannelKind::Ntfy { url, topic, token: secret } => {
            post(url, token(secret)?, ntfy(topic, message))
        }
        ChannelKind::Slack { url } => {
            let (title, body) = (slack_text(title), slack_text(body));
            post(url, None, json!({ "text": format!("*{title}*\n{body}") }))
        }
        ChannelKind::Discord { url } => {
            let content = format!("**{title}**\n{body}");
            post(url, None, json!({ "content": content, "allowed_mentions": { "parse": [] } }))
        }
        ChannelKind::Webhook { url, token: secret } => post(url, token(secret)?, json!(message)),
        ChannelKind::Telegram { url, token, chat_id } => {
            let body = json!({
                "chat_id": chat_id,
                "text": format!("{title}\n{body}"),
                "link_preview_options": { "is_disabled": true },
            });
            let outgoing: Outgoing = post(url, None, body)?;
            let (server, token) = (outgoing.url.trim_end_matches('/'), token.read()?);
            Ok(Outgoing { url: format!("{server}/bot{token}/sendMessage"), ..outgoing })
        }
        ChannelKind::Heartbeat { url, .. } => to(url, None, None),
        ChannelKind::Desktop | ChannelKind::Email(_) | ChannelKind::Command { .. } => {
            Err("this kind of channel does not speak HTTP; please report this".to_owned())
        }
    }
}

fn ntfy(topic: &str, message: &Message) -> Value {
    let (priority, tag) = match message.severity {
        _ if message.over => (3, "white_check_mark"),
        Severity::Info => (3, "coffee"),
        Severity::Warning => (4, "warning"),
        Severity::Critical => (5, "rotating_light"),
    };
    json!({
        "topic": topic,
        "title": message.title,
        "message": message.body,
        "priority": priority,
        "tags": [tag],
    })
}

/// Slack gives these three characters a meaning.
fn slack_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn judged(mut answer: Response<ureq::Body>) -> Result<(), Trouble> {
    let code = answer.status();
    if code.is_success() {
        return Ok(());
    }
    let retry_after = retry_after(answer.headers());
    let body = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string();
    let in_body = body.ok().and_then(|body| retry_after_in(&body));
    let remedy = match code.as_u16() {
        301..=399 => "give the address that it leads to",
        401 | 403 => "check the token",
        404 | 410 => "check the address",
        429 => "it wants fewer messages; they are sent later",
        400..=499 => "check the keys of this channel",
        _ => "it is tried again",
    };
    Err(Trouble::Failed {
        why: format!("the server answers {code}; {remedy}"),
        // Stamps lose their fraction of a millisecond: one more, and nobody comes too soon.
        retry_after: retry_after
            .or(in_body)
            .filter(|asked| asked.0 > 0)
            .map(|asked| asked.plus(Span(1))),
    })
}

/// `Retry-After` in seconds, or as a date (RFC 9110 §10.2.3) by the clock of the server.
fn retry_after(headers: &HeaderMap) -> Option<Span> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Span::seconds(i64::from(seconds)));
    }
    let there = date(headers.get("date")?.to_str().ok()?)?;
    Some(Span(date(text)?.saturating_sub(there)))
}

/// Milliseconds since 1970 of an HTTP date.
fn date(text: &str) -> Option<i64> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(text.trim()).ok().map(jiff::Timestamp::as_millisecond)
}

/// Seconds to wait, as Telegram and Discord say it in the body.
fn retry_after_in(body: &str) -> Option<Span> {
    let body: Value = serde_json::from_str(body).ok()?;
    let asked = body.pointer("/parameters/retry_after").or_else(|| body.get("retry_after"))?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates; the lane bounds it")]
    asked.as_f64().map(|seconds| Span((seconds * 1000.0).ceil() as i64))
}
