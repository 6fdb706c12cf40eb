//! Reads and writes of a socket that end at one moment, however little comes at a time.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How often a wait looks whether it is to end.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// A stream all of whose reads and writes together last until a moment and no longer: a limit for
/// each by itself is none for somebody who sends a byte at a time.
pub(super) struct Patient<'a> {
    stream: &'a UnixStream,
    until: Instant,
    /// Ends a read early.
    stopped: &'a dyn Fn() -> bool,
}

impl<'a> Patient<'a> {
    pub(super) fn new(
        stream: &'a UnixStream,
        patience: Duration,
        stopped: &'a dyn Fn() -> bool,
    ) -> Self {
        Self { stream, until: Instant::now() + patience, stopped }
    }

    /// How long the next part may take.
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// True of an error that says no more than that nothing happened yet.
fn nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl Read for Patient<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.left()?;
            if (self.stopped)() {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            self.stream.set_read_timeout(Some(left.min(POLL)))?;
            match self.stream.read(buf) {
                Err(error) if nothing_yet(&error) => {}
                other => return other,
            }
        }
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            self.stream.set_write_timeout(Some(self.left()?))?;
            match self.stream.write(buf) {
                Err(error) if nothing_yet(&error) => {}
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
