//! The other end of the socket: a question from another program.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use serde_json::{Value, json};

use super::patient::Patient;
use super::socket::{ANSWER_WITHIN, LONGEST, PATIENCE};

/// How long a question takes at most: the wait behind another client, and the answer.
const ALL_WITHIN: Duration = Duration::from_secs(ANSWER_WITHIN.as_secs() + 2 * PATIENCE.as_secs());

/// Longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 16 << 20;

/// Connects to the socket at `path`, for as long as `patience`.
///
/// # Errors
/// [`ErrorKind::TimedOut`] when somebody listens there and takes nobody, else the system's answer.
pub(super) fn connect(path: &Path, patience: Duration) -> io::Result<UnixStream> {
    let (say, said) = bounded(1);
    let path = path.to_owned();
    // The system has no limit for this: it waits while the listener's queue is full. A thread that
    // waits too long is left behind and ends with the listener.
    std::thread::Builder::new().name("framecast-connect".to_owned()).spawn(move || {
        // Whoever wanted it may have gone.
        let _ = say.try_send(UnixStream::connect(path));
    })?;
    said.recv_timeout(patience).unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

/// Asks the run that listens at `path`, which takes a quarter of a minute at most.
///
/// # Errors
/// The system's answer, with the path; [`ErrorKind::InvalidInput`] for a question that is too long,
/// [`ErrorKind::TimedOut`] when no answer comes, [`ErrorKind::InvalidData`] for one that cannot be
/// read.
pub fn ask_at(path: &Path, text: &str) -> io::Result<Value> {
    ask_within(path, text, ALL_WITHIN)
}

fn ask_within(path: &Path, text: &str, patience: Duration) -> io::Result<Value> {
    let named = |error: io::Error| {
        let (kind, reason) = match error.kind() {
            ErrorKind::TimedOut => (
                ErrorKind::TimedOut,
                format!(
                    "no answer within {patience:?}; another client is served, or the run is too \
                     slow: ask again"
                ),
            ),
            // Not what it means elsewhere: that nobody reads our own output.
            ErrorKind::BrokenPipe => (ErrorKind::ConnectionReset, error.to_string()),
            kind => (kind, error.to_string()),
        };
        io::Error::new(kind, format!("cannot ask at {}: {reason}", path.display()))
    };
    let question = format!("{}\n", json!({ "question": text }));
    if question.len() as u64 >= LONGEST {
        let reason = format!("the question has {} bytes; {LONGEST} is the limit", question.len());
        return Err(named(io::Error::new(ErrorKind::InvalidInput, reason)));
    }
    let began = Instant::now();
    let client = connect(path, patience).map_err(named)?;
    let left = patience.saturating_sub(began.elapsed());
    let mut patient = Patient::new(&client, left, &|| false);
    patient.write_all(question.as_bytes()).map_err(named)?;
    let mut line = Vec::new();
    BufReader::new(patient.take(LONGEST_ANSWER)).read_until(b'\n', &mut line).map_err(named)?;
    serde_json::from_slice(&line)
        .map_err(|e| named(io::Error::new(ErrorKind::InvalidData, e.to_string())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    const SHORT: Duration = Duration::from_millis(300);

    #[test]
    fn a_listener_that_takes_nobody_is_not_waited_for_without_end() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ask");
        let _listener = UnixListener::bind(&path).unwrap();
        // Until its queue is full.
        let mut waiting = Vec::new();
        let full = loop {
            match connect(&path, SHORT) {
                Ok(client) => waiting.push(client),
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), ErrorKind::TimedOut);
        let error = ask_within(&path, "what?", SHORT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains("no answer within 300ms; another client"), "{error}");
    }

    #[test]
    fn an_answer_that_trickles_has_an_end() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ask");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            // Two hundred bytes in ten seconds, had somebody the patience.
            let sent = (0..200).take_while(|_| {
                std::thread::sleep(Duration::from_millis(50));
                client.write_all(b" ").is_ok()
            });
            sent.count()
        });
        let error = ask_within(&path, "what?", SHORT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(server.join().unwrap() < 200);
        let long = ask_within(&path, &"word ".repeat(20_000), SHORT).unwrap_err();
        assert_eq!(long.kind(), ErrorKind::InvalidInput, "{long}");
    }
}
