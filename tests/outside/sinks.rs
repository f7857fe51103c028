//! A mail server and an HTTP receiver that write down what they are given, and misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::chance::Chance;

/// How long a sink that hangs says nothing before it closes.
const HANG: Duration = Duration::from_millis(1_500);

/// What a sink knows of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// To whom.
    pub(crate) to: String,
    /// Digests of everything that came under this id.
    pub(crate) digests: Vec<u64>,
    /// How often it was taken, and the other side told so.
    pub(crate) accepted: usize,
    /// Whether it was refused for good.
    pub(crate) is_refused: bool,
    /// The incidents that its text names as `#17 `, as a digest does.
    pub(crate) named: BTreeSet<u64>,
    /// Its place among all messages of the sink, by its first arrival.
    pub(crate) order: usize,
}

/// The numbers in a text that stand between `#` and a space; a line that the mail's encoding broke is put together first.
pub(crate) fn named(content: &str) -> BTreeSet<u64> {
    let content = content.replace("=\r\n", "");
    let after = content.split('#').skip(1);
    let numbers = after.filter_map(|text| text.split_once(' ')?.0.parse().ok());
    numbers.collect()
}

/// Messages by id.
pub(crate) type Arrivals = BTreeMap<String, Arrived>;

/// What both sinks share with whoever judges them.
#[derive(Clone)]
pub(crate) struct Sink {
    port: u16,
    arrivals: Arc<Mutex<Arrivals>>,
    misbehaves: Arc<AtomicBool>,
}

/// What goes wrong with one message, the first time it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Says nothing after it has everything, then closes.
    Hangs,
    /// Closes after it has everything.
    Closes,
    /// Refuses for now.
    Later,
    /// Refuses for now, and says when to come again.
    LaterAt,
    /// Refuses for good.
    Refuses,
}

impl Sink {
    /// A mail server on a free port.
    pub(crate) fn mail(chance: Chance) -> Self {
        Self::start(chance, serve_mail)
    }

    /// An HTTP receiver on a free port.
    pub(crate) fn hook(chance: Chance) -> Self {
        Self::start(chance, serve_hook)
    }

    fn start(chance: Chance, serve: fn(&TcpStream, &Desk) -> io::Result<()>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let sink = Self {
            port: listener.local_addr().expect("its address").port(),
            arrivals: Arc::default(),
            misbehaves: Arc::new(AtomicBool::new(true)),
        };
        let desk = Arc::new(Desk {
            sink: sink.clone(),
            chance: Mutex::new(chance),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let desk = desk.clone();
                std::thread::spawn(move || {
                    if desk.chance(25) {
                        // As good as a server that is not there.
                        return;
                    }
                    // An error is a client that was killed.
                    let _ = serve(&stream, &desk);
                });
            }
        });
        sink
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Everything that arrived so far.
    pub(crate) fn arrivals(&self) -> Arrivals {
        self.arrivals.lock().expect("arrivals").clone()
    }

    /// Whether anything goes wrong from now on.
    pub(crate) fn misbehave(&self, misbehaves: bool) {
        self.misbehaves.store(misbehaves, Ordering::Relaxed);
    }
}

/// Where a sink takes messages.
struct Desk {
    sink: Sink,
    chance: Mutex<Chance>,
}

impl Desk {
    fn chance(&self, one_in: u64) -> bool {
        self.sink.misbehaves.load(Ordering::Relaxed) && self.chance.lock().expect("chance").below(one_in) == 0
    }

    /// Writes down that a message is here, whole; says what goes wrong with it. Nothing does the second time.
    fn take(&self, id: &str, to: &str, content: &[u8]) -> Fault {
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let mut arrivals = self.sink.arrivals.lock().expect("arrivals");
        let order = arrivals.len();
        let arrived = arrivals.entry(id.to_owned()).or_insert_with(|| Arrived {
            to: to.to_owned(),
            named: named(&String::from_utf8_lossy(content)),
            order,
            ..Arrived::default()
        });
        arrived.digests.push(hasher.finish());
        let is_first = arrived.digests.len() == 1;
        let fault = match self.chance.lock().expect("chance").below(20) {
            _ if !is_first || !self.sink.misbehaves.load(Ordering::Relaxed) => Fault::None,
            0 => Fault::Hangs,
            1 => Fault::Closes,
            2 => Fault::Later,
            3 => Fault::LaterAt,
            4 => Fault::Refuses,
            _ => Fault::None,
        };
        arrived.is_refused |= fault == Fault::Refuses;
        fault
    }

    /// Writes down that the other side is about to be told so.
    fn accept(&self, id: &str) {
        let mut arrivals = self.sink.arrivals.lock().expect("arrivals");
        arrivals.get_mut(id).expect("it arrived").accepted += 1;
    }
}

/// Waits for the client to go, and goes.
fn hang(stream: &mut impl Read, socket: &TcpStream) {
    let _ = socket.set_read_timeout(Some(HANG));
    let _ = stream.read(&mut [0]);
}

fn serve_mail(stream: &TcpStream, desk: &Desk) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream.try_clone()?;
    let mut say = |words: &str| writer.write_all(format!("{words}\r\n").as_bytes());
    say("220 mail.test ESMTP")?;
    let mut to = String::new();
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let verb = line.split([' ', '\r']).next().unwrap_or_default().to_uppercase();
        match verb.as_str() {
            "EHLO" | "HELO" => say("250 mail.test")?,
            "MAIL" | "RSET" | "NOOP" => say("250 ok")?,
            "RCPT" => {
                let address = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
                address.map_or("", |(address, _)| address).clone_into(&mut to);
                say("250 ok")?;
            }
            "DATA" => {
                say("354 go on")?;
                let data = read_data(&mut reader)?;
                let id = message_id(&data);
                match desk.take(&id, &to, data.as_bytes()) {
                    Fault::Hangs => {
                        hang(&mut reader, stream);
                        return Ok(());
                    }
                    Fault::Closes => return Ok(()),
                    Fault::Later | Fault::LaterAt => say("451 4.3.2 come again")?,
                    Fault::Refuses => say("554 5.7.1 not here")?,
                    Fault::None => {
                        desk.accept(&id);
                        say("250 queued")?;
                    }
                }
            }
            "QUIT" => return say("221 bye"),
            _ => say("502 not known here")?,
        }
    }
}

/// A mail up to its final dot; an error when the client goes before.
fn read_data(reader: &mut impl BufRead) -> io::Result<String> {
    let mut data = String::new();
    loop {
        let start = data.len();
        if reader.read_line(&mut data)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if &data[start..] == ".\r\n" {
            data.truncate(start);
            return Ok(data);
        }
    }
}

/// The part of Message-ID before the `@`.
fn message_id(data: &str) -> String {
    let header = data.lines().find_map(|line| line.strip_prefix("Message-ID: <"));
    header.and_then(|id| id.split_once('@')).expect("an id").0.to_owned()
}

fn serve_hook(stream: &TcpStream, desk: &Desk) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut id, mut length) = (String::new(), 0);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line == "\r\n" {
                break;
            }
            continue;
        };
        match name.to_lowercase().as_str() {
            "webhook-id" => value.clone_into(&mut id),
            "content-length" => length = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let answer = match desk.take(&id, "hook", &body) {
        Fault::Hangs => {
            hang(&mut reader, stream);
            return Ok(());
        }
        Fault::Closes => return Ok(()),
        Fault::Later => "500 Oops",
        Fault::LaterAt => "429 Slowly\r\nretry-after: 2",
        Fault::Refuses => "403 Never",
        Fault::None => {
            desk.accept(&id);
            "200 OK"
        }
    };
    let head = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    (&mut &*stream).write_all(head.as_bytes())
}
