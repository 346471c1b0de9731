//! A mail server that misbehaves as told: plain, with STARTTLS, or with TLS from the first byte.

use crate::tls::{self, Line};
use rustls::ServerConfig;
use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A step of the talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Greeting,
    SignIn,
    Sender,
    Reader,
    /// Before the mail's text.
    Text,
    /// After the mail's last line: it has arrived, whatever is answered.
    End,
}

/// What the server does at a step instead of going on.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Say(&'static str),
    /// Nothing, until the other side gives up.
    Silence,
    HangUp,
}

/// A mail as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Letter {
    pub from: String,
    pub to: Vec<String>,
    pub text: String,
    /// Name and password, when the other side signed in.
    pub login: Option<String>,
    pub encrypted: bool,
    pub confirmed: bool,
}

impl Letter {
    /// The value of a header that stands on one line.
    pub fn header(&self, name: &str) -> String {
        let line = self.text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.text)).to_owned()
    }
}

/// How a server keeps its talk secret.
#[derive(Clone, Default)]
pub enum Secrecy {
    #[default]
    None,
    Starttls(Arc<ServerConfig>),
    Tls(Arc<ServerConfig>),
}

#[derive(Default)]
struct State {
    script: VecDeque<Option<(Step, Deed)>>,
    refused: BTreeMap<String, &'static str>,
    talks: usize,
    said: Vec<String>,
    letters: Vec<Letter>,
}

/// A server on a port of its own.
#[derive(Clone)]
pub struct Server {
    port: u16,
    secrecy: Secrecy,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// A server whose talks go as `script` says, and then well.
    pub fn new(secrecy: Secrecy, script: impl IntoIterator<Item = Option<(Step, Deed)>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { script: script.into_iter().collect(), ..State::default() };
        let server = Self { port, secrecy, state: Arc::new(Mutex::new(state)) };
        let inside = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inside = inside.clone();
                std::thread::spawn(move || inside.serve(stream));
            }
        });
        server
    }

    /// From here on `reader` is answered with this; `None` ends that.
    pub fn refuse(&self, reader: &str, answer: Option<&'static str>) {
        let refused = &mut self.state.lock().unwrap().refused;
        match answer {
            Some(answer) => refused.insert(reader.to_owned(), answer),
            None => refused.remove(reader),
        };
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How many talks there were.
    pub fn talks(&self) -> usize {
        self.state.lock().unwrap().talks
    }

    /// Every line of the other side, outside of the mails.
    pub fn said(&self) -> Vec<String> {
        self.state.lock().unwrap().said.clone()
    }

    pub fn letters(&self) -> Vec<Letter> {
        self.state.lock().unwrap().letters.clone()
    }

    pub fn confirmed(&self) -> Vec<Letter> {
        self.letters().into_iter().filter(|letter| letter.confirmed).collect()
    }

    fn serve(&self, stream: TcpStream) {
        let mishap = {
            let mut state = self.state.lock().unwrap();
            state.talks += 1;
            state.script.pop_front().flatten()
        };
        let tls = match &self.secrecy {
            Secrecy::Tls(config) => Some(config),
            Secrecy::None | Secrecy::Starttls(_) => None,
        };
        let line = tls::line(&stream, tls);
        let letter = Letter { encrypted: tls.is_some(), ..Letter::default() };
        let mut talk = Talk { server: self, stream, line, mishap, letter };
        // The other side may hang up whenever it likes.
        drop(talk.go());
    }
}

/// One connection.
struct Talk<'a> {
    server: &'a Server,
    stream: TcpStream,
    line: Line,
    mishap: Option<(Step, Deed)>,
    letter: Letter,
}

/// The talk is over.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl Talk<'_> {
    fn go(&mut self) -> Result<(), Over> {
        self.answer(Step::Greeting, "220 test ESMTP")?;
        loop {
            let said = self.read_line()?;
            self.server.state.lock().unwrap().said.push(said.clone());
            let word = said.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            match word.as_str() {
                "EHLO" => self.offer()?,
                "STARTTLS" => self.encrypt()?,
                "AUTH" => {
                    self.letter.login = said.split(' ').nth(2).map(str::to_owned);
                    self.answer(Step::SignIn, "235 welcome")?;
                }
                "MAIL" => {
                    self.letter.from = address(&said);
                    self.answer(Step::Sender, "250 ok")?;
                }
                "RCPT" => self.reader(&address(&said))?,
                "DATA" => self.mail()?,
                "QUIT" => return self.say("221 bye"),
                _ => self.say("502 what?")?,
            }
        }
    }

    fn offer(&mut self) -> Result<(), Over> {
        let can_encrypt =
            matches!(self.server.secrecy, Secrecy::Starttls(_)) && !self.letter.encrypted;
        self.say("250-test")?;
        if can_encrypt {
            self.say("250-STARTTLS")?;
        }
        self.say("250 AUTH PLAIN LOGIN")
    }

    fn encrypt(&mut self) -> Result<(), Over> {
        let Secrecy::Starttls(config) = &self.server.secrecy else {
            return self.say("502 what?");
        };
        self.say("220 go ahead")?;
        self.line = tls::line(&self.stream, Some(config));
        self.letter.encrypted = true;
        Ok(())
    }

    fn reader(&mut self, reader: &str) -> Result<(), Over> {
        let refusal = self.server.state.lock().unwrap().refused.get(reader).copied();
        if let Some(refusal) = refusal {
            return self.say(refusal);
        }
        self.letter.to.push(reader.to_owned());
        self.answer(Step::Reader, "250 ok")
    }

    fn mail(&mut self) -> Result<(), Over> {
        if self.letter.to.is_empty() {
            return self.say("503 nobody to read it");
        }
        self.answer(Step::Text, "354 go ahead")?;
        let mut text = String::new();
        loop {
            match self.read_line()?.as_str() {
                "." => break,
                line => text += &format!("{}\n", line.strip_prefix('.').unwrap_or(line)),
            }
        }
        self.letter.text = text;
        let number = {
            let letters = &mut self.server.state.lock().unwrap().letters;
            letters.push(self.letter.clone());
            letters.len() - 1
        };
        self.answer(Step::End, "250 queued")?;
        self.server.state.lock().unwrap().letters[number].confirmed = true;
        Ok(())
    }

    /// Says this, unless something else is planned for this step: then the talk is over, or the
    /// other side is told no.
    fn answer(&mut self, step: Step, text: &str) -> Result<(), Over> {
        match self.mishap.filter(|(at, _)| *at == step) {
            None => self.say(text),
            Some((_, Deed::HangUp)) => {
                self.stream.shutdown(std::net::Shutdown::Both)?;
                Err(Over)
            }
            Some((_, Deed::Silence)) => {
                self.read_line()?;
                Err(Over)
            }
            Some((_, Deed::Say(text))) => {
                self.say(text)?;
                self.read_line()?;
                Err(Over)
            }
        }
    }

    fn say(&mut self, text: &str) -> Result<(), Over> {
        self.line.write_all(format!("{text}\r\n").as_bytes())?;
        Ok(self.line.flush()?)
    }

    fn read_line(&mut self) -> Result<String, Over> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n") {
            let mut one = [0];
            if self.line.read(&mut one)? == 0 {
                return Err(Over);
            }
            bytes.push(one[0]);
        }
        bytes.truncate(bytes.len() - 2);
        String::from_utf8(bytes).map_err(|_| Over)
    }
}

/// What stands between the angle brackets.
fn address(said: &str) -> String {
    let inside = said.split('<').nth(1).and_then(|rest| rest.split('>').next());
    inside.unwrap_or_default().to_owned()
}
