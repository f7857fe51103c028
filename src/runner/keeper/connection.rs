//! The keeper's side of its socket: one daemon at a time, nothing that waits for it.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::net::sockopt::socket_peercred;

use super::super::files::{KeeperFiles, naming};
use super::super::wire::{FrameReader, ToKeeper};

/// Bytes that wait for the daemon to read them; more stays behind as state and is encoded when there is room.
pub(super) const OUTGOING_BYTES_MAX: usize = 256 << 10;

/// Bytes read from the daemon before the attempts have their turn.
const INCOMING_BYTES_MAX: usize = 256 << 10;

/// Opens the socket. The path goes through the directory's descriptor, since a socket's own path may not be longer
/// than 107 bytes and a state directory's may.
pub(super) fn listen(files: &KeeperFiles) -> io::Result<UnixListener> {
    let path = files.socket();
    let _ = fs::remove_file(&path);
    let dir = File::open(&files.dir).map_err(|error| naming(&error, "open", &files.dir))?;
    let short = format!("/proc/self/fd/{}/{}.sock", dir.as_raw_fd(), files.number);
    let listener = UnixListener::bind(short).map_err(|error| naming(&error, "listen at", &path))?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A connected daemon.
pub(super) struct Connection {
    pub(super) stream: UnixStream,
    incoming: FrameReader,
    pub(super) outgoing: Vec<u8>,
    written: usize,
    /// What epoll was last asked to watch for: reading, writing.
    pub(super) watched: (bool, bool),
}

impl Connection {
    /// Takes the next daemon that knocks, if it is run by the same user (or root).
    pub(super) fn accept(listener: &UnixListener) -> io::Result<Option<Self>> {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let peer = socket_peercred(&stream)?.uid;
        if peer != rustix::process::geteuid() && !peer.is_root() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("user {} may not talk to this keeper", peer.as_raw()),
            ));
        }
        stream.set_nonblocking(true)?;
        Ok(Some(Self {
            stream,
            incoming: FrameReader::default(),
            outgoing: Vec::new(),
            written: 0,
            watched: (true, false),
        }))
    }

    /// Reads what is there and adds whole messages to `commands`. An error, or `UnexpectedEof`, ends the connection.
    pub(super) fn read(&mut self, commands: &mut Vec<ToKeeper>) -> io::Result<()> {
        let mut buffer = [0_u8; 16 << 10];
        let mut read_bytes = 0;
        while read_bytes < INCOMING_BYTES_MAX {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    read_bytes += read;
                    self.incoming.push(&buffer[..read]);
                    while let Some(command) = self.incoming.take()? {
                        commands.push(command);
                    }
                    if read < buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes as much as the daemon takes.
    pub(super) fn write(&mut self) -> io::Result<()> {
        while self.written < self.outgoing.len() {
            match self.stream.write(&self.outgoing[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.written == self.outgoing.len() {
            self.outgoing.clear();
            self.outgoing.shrink_to(OUTGOING_BYTES_MAX);
            self.written = 0;
        } else if self.written > OUTGOING_BYTES_MAX {
            self.outgoing.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    /// Bytes not yet taken by the daemon.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.outgoing.len() - self.written
    }
}
