//! Messages as mail, handed to the user's mail server (SMTP, RFC 5321): one connection each.

use super::Sender;
use super::authority::authorities;
use crate::config::{EmailConfig, Tls};
use crate::notify::lane::Trouble;
use crate::notify::message::{Kind, Message};
use cappuccino_core::words::Digest;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// How long the server may take for each answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long it may look a mail over: whoever hangs up sooner is confirmed nothing and sends twice.
const VERDICT_MAX: Duration = Duration::from_mins(1);
/// How long it may take to say good-bye; the mail is confirmed by then.
const FAREWELL_MAX: Duration = Duration::from_millis(500);

/// A channel by mail.
pub(super) struct Email(EmailConfig);

impl Sender for Email {
    fn send(&mut self, message: &Message) -> Result<(), Trouble> {
        let mail = self.mail(message).map_err(Trouble::failed)?;
        let mut server = self.connect().map_err(Trouble::failed)?;
        let outcome = self.hand_over(&mut server, &mail);
        say_good_bye(&mut server);
        outcome
    }
}

impl Email {
    pub(super) const fn new(config: EmailConfig) -> Self {
        Self(config)
    }

    fn mail(&self, message: &Message) -> Result<Vec<u8>, String> {
        let broken = |error: lettre::error::Error| {
            format!("the mail cannot be written ({error}); check `from` and `to`")
        };
        let mut mail = lettre::Message::builder()
            .from(self.0.from.clone())
            .message_id(self.number(message))
            .subject(message.title.replace(['\r', '\n'], " "))
            // RFC 3834: nobody's holiday notice answers it.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN);
        for reader in &self.0.to {
            mail = mail.to(reader.clone());
        }
        mail.body(message.body.clone()).map(|mail| mail.formatted()).map_err(broken)
    }

    /// The same for each try of a message, so that a repeat can be known by it; each test is new.
    fn number(&self, message: &Message) -> Option<String> {
        let bytes = serde_json::to_vec(message).ok().filter(|_| message.kind != Kind::Test)?;
        let digest = Digest(Sha256::digest(bytes).into());
        Some(format!("<{digest}@{}>", self.0.from.email.domain()))
    }

    /// A server that knows us. What it refuses so far concerns no mail: it may be set right.
    fn connect(&self) -> Result<SmtpConnection, String> {
        let (host, me) = (self.0.host.as_str(), ClientId::default());
        let no_answer = |error: Error| {
            format!("{host} does not take mail ({error}); check `host`, `port` and `tls`")
        };
        let tls = (self.0.tls != Tls::None).then(|| self.tls()).transpose()?;
        let at_once = tls.as_ref().filter(|_| self.0.tls == Tls::Tls);
        let place = (host, self.0.port);
        let mut server = SmtpConnection::connect(place, Some(ANSWER_MAX), &me, at_once, None)
            .map_err(no_answer)?;
        if let (Some(tls), Tls::Starttls) = (&tls, self.0.tls) {
            server.starttls(tls, &me).map_err(no_answer)?;
        }
        if let Some((user, password)) = &self.0.login {
            let credentials = Credentials::new(user.clone(), password.read()?);
            server.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).map_err(|error| {
                format!("{host} does not let us in ({error}); check `user` and the password")
            })?;
        }
        Ok(server)
    }

    fn tls(&self) -> Result<TlsParameters, String> {
        let unusable = |error: Error| format!("TLS cannot be used ({error}); check `ca_file`");
        let mut tls = TlsParameters::builder(self.0.host.clone());
        if let Some(file) = &self.0.ca_file {
            tls = tls.certificate_store(CertificateStore::None);
            for authority in authorities(file)? {
                let certificate = Certificate::from_der(authority.der().to_vec());
                tls = tls.add_root_certificate(certificate.map_err(unusable)?);
            }
        }
        tls.build().map_err(unusable)
    }

    /// One reader who is refused for good keeps nothing from the others; one who is refused for
    /// now keeps it from all, because those who have it would get it again.
    fn hand_over(&self, server: &mut SmtpConnection, mail: &[u8]) -> Result<(), Trouble> {
        server
            .command(Mail::new(Some(self.0.from.email.clone()), vec![]))
            .map_err(|error| judged(&error))?;
        let mut refused = Vec::new();
        for reader in &self.0.to {
            match server
                .command(Rcpt::new(reader.email.clone(), vec![]))
                .map_err(|error| judged(&error))
            {
                Ok(_) => {}
                Err(Trouble::Refused(why)) => refused.push(format!("{}: {why}", reader.email)),
                Err(trouble) => return Err(trouble),
            }
        }
        if refused.len() == self.0.to.len() {
            return Err(Trouble::Refused(refused.join("; ")));
        }
        server.command(Data).map_err(|error| judged(&error))?;
        set_patience(server, VERDICT_MAX);
        server.message(mail).map_err(|error| judged(&error))?;
        for why in refused {
            tracing::warn!("mail goes to the other readers only; {why}");
        }
        Ok(())
    }
}

fn judged(error: &Error) -> Trouble {
    if error.is_permanent() {
        return Trouble::Refused(format!("the server refuses it ({error}); check `from` and `to`"));
    }
    Trouble::failed(format!("the server does not take it now ({error}); it is tried again"))
}

fn say_good_bye(server: &mut SmtpConnection) {
    set_patience(server, FAREWELL_MAX);
    server.abort();
}

fn set_patience(server: &mut SmtpConnection, limit: Duration) {
    if let Err(error) = server.set_timeout(Some(limit)) {
        tracing::debug!("a mail server's time could not be limited: {error}");
    }
}
