//! Questions from other programs: a Unix socket that takes one JSON line and answers with one.
//!
//! A client sends `{"question": "..."}` and gets `{"task": ..., "answer": ...}` or
//! `{"error": "...", "kind": "..."}`. The socket's file belongs to whoever runs the program and
//! nobody else may use it (mode 600). Clients are served one after the other; each has two seconds
//! to send its line, at most 64 KiB, and as long to take its answer.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use serde_json::{Value, json};

use super::client::connect;
use super::patient::{POLL, Patient};
use super::{Answered, Asker, Refusal};

/// Longest line of a client, in bytes.
pub(super) const LONGEST: u64 = 64 << 10;

/// How long a client may take to send its line, and to take its answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long an answer may take.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long the end waits for a client that is being answered.
const LEAVE: Duration = Duration::from_secs(3);

/// A socket that nobody serves yet. Its file is removed when it is dropped.
#[derive(Debug)]
pub struct QuestionSocket {
    path: PathBuf,
    listener: Option<UnixListener>,
    patience: Duration,
}

impl QuestionSocket {
    /// Listens at `path`. What a program that was killed has left there is replaced; a file that is
    /// no socket, and a socket that somebody answers on, are not.
    ///
    /// # Errors
    /// The system's answer, with the path and the next step.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let named = |error: io::Error| {
            let text = format!("cannot listen on {}: {error}", path.display());
            io::Error::new(error.kind(), text)
        };
        if let Ok(about) = std::fs::symlink_metadata(path) {
            let taken = |what: &str| {
                let text = format!("{what}; choose another path");
                named(io::Error::new(ErrorKind::AddrInUse, text))
            };
            if !about.file_type().is_socket() {
                return Err(taken("a file that is no socket is there"));
            }
            match connect(path, PATIENCE) {
                // Nobody is behind it any more.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path).map_err(named)?;
                }
                // One that takes nobody is there all the same.
                Ok(_) => return Err(taken("another program listens there")),
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return Err(taken("another program listens there"));
                }
                Err(error) => return Err(taken(&format!("a socket is there: {error}"))),
            }
        }
        let listener = Some(UnixListener::bind(path).map_err(named)?);
        let socket = Self { path: path.to_owned(), listener, patience: PATIENCE };
        let owner_only = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, owner_only).map_err(named)?;
        if let Some(listener) = &socket.listener {
            listener.set_nonblocking(true).map_err(named)?;
        }
        Ok(socket)
    }

    /// Answers with what `asker` says, until the result is dropped.
    ///
    /// # Errors
    /// The system's answer when there is no thread for it.
    pub fn serve(mut self, asker: Asker) -> io::Result<Serving> {
        let stop = Arc::new(AtomicBool::new(false));
        let listener = self.listener.take();
        let (end, ended) = bounded::<()>(1);
        let thread = std::thread::Builder::new().name("framecast-ask".to_owned()).spawn({
            let (stop, patience) = (Arc::clone(&stop), self.patience);
            move || {
                // Dropped however the thread ends.
                let _end = end;
                if let Some(listener) = listener {
                    serve(&listener, &asker, &stop, patience);
                }
            }
        })?;
        Ok(Serving { socket: self, stop, ended, thread: Some(thread) })
    }
}

impl Drop for QuestionSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A socket on which questions are answered.
#[derive(Debug)]
pub struct Serving {
    /// Its file goes after the thread.
    socket: QuestionSocket,
    stop: Arc<AtomicBool>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.socket.path
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if self.ended.recv_timeout(LEAVE) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("a question is still being answered and is left behind");
        } else if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &UnixListener, asker: &Asker, stop: &AtomicBool, patience: Duration) {
    while !stop.load(Ordering::Acquire) {
        match listener.accept() {
            // A client that goes away is none of our business.
            Ok((client, _)) => drop(answer(&client, asker, stop, patience)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(POLL),
            Err(error) => {
                tracing::warn!("questions: {error}");
                std::thread::sleep(POLL);
            }
        }
    }
}

fn answer(
    client: &UnixStream,
    asker: &Asker,
    stop: &AtomicBool,
    patience: Duration,
) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let stopped = || stop.load(Ordering::Acquire);
    let sending = Patient::new(client, patience, &stopped);
    let mut line = Vec::new();
    BufReader::new(sending.take(LONGEST)).read_until(b'\n', &mut line)?;
    let refused = |kind: Refusal, reason: String| json!({ "error": reason, "kind": kind });
    let mut reply = match question(&line) {
        Ok(question) => match asker.ask(&question, ANSWER_WITHIN) {
            Answered::Answer(task, answer) => json!({ "task": task, "answer": answer }),
            Answered::Refused(kind, reason) => refused(kind, reason),
        },
        Err(reason) => refused(Refusal::Question, reason),
    }
    .to_string();
    reply.push('\n');
    Patient::new(client, patience, &|| false).write_all(reply.as_bytes())
}

/// The question of a client's line.
fn question(line: &[u8]) -> Result<String, String> {
    if line.len() as u64 >= LONGEST {
        return Err(format!("the line is longer than {LONGEST} bytes"));
    }
    let value: Value = serde_json::from_slice(line)
        .map_err(|e| format!("send one line such as {{\"question\": \"what moves?\"}}: {e}"))?;
    match value.get("question").and_then(Value::as_str) {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        Some(_) => Err("the question is empty".to_owned()),
        None => Err("there is no \"question\" in the line, or it is no text".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::super::tests::line;
    use super::super::{Seen, SideEvent, SideFeed, SideLine, SideOptions, SideTask, ask_at};
    use super::*;
    use crate::model::ResetReason;
    use crate::pipeline::Stop;
    use crate::task::TaskError;

    struct Parrot;

    impl SideTask for Parrot {
        fn name(&self) -> &'static str {
            "parrot"
        }

        fn see(&mut self, _: &Seen<'_>, _: &mut Vec<SideEvent>) -> Result<(), TaskError> {
            Ok(())
        }

        fn answers(&self) -> bool {
            true
        }

        fn reset(&mut self, _: ResetReason, _: &Seen<'_>, _: &mut Vec<SideEvent>) {}

        fn ask(&mut self, question: &str) -> Option<Result<Value, TaskError>> {
            Some(Ok(json!({ "said": question })))
        }
    }

    fn parrot() -> (SideLine, SideFeed, Asker) {
        let tell = Box::new(|_: &SideEvent| {});
        let options = SideOptions::default();
        SideLine::start(vec![Box::new(Parrot)], options, line(true), &Stop::new(), tell).unwrap()
    }

    #[test]
    fn questions_are_answered_and_nonsense_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ask");
        let (line, feed, asker) = parrot();
        let socket = QuestionSocket::bind(&path).unwrap().serve(asker.clone()).unwrap();
        assert_eq!(socket.path(), path);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let answer = ask_at(&path, "who?").unwrap();
        assert_eq!(answer, json!({ "task": "parrot", "answer": { "said": "who?" } }));
        let taken = QuestionSocket::bind(&path).unwrap_err().to_string();
        assert!(taken.contains("another program listens"), "{taken}");

        let long = format!("{{\"question\": \"{}\"}}\n", "a".repeat(70_000));
        for (line, reason) in [
            ("{\"question\": \"\"}\n", "empty"),
            ("{\"question\": \" \"}\n", "\"kind\":\"question\""),
            ("{\"question\": 3}\n", "no text"),
            ("\u{0}\n", "one line such as"),
            (long.as_str(), "longer than"),
        ] {
            let mut client = UnixStream::connect(&path).unwrap();
            // A line that is too long is not read to its end.
            let _ = client.write_all(line.as_bytes());
            let mut reply = String::new();
            let _ = client.read_to_string(&mut reply);
            assert!(reply.contains(reason), "{reply}");
        }
        drop(socket);
        assert!(!path.exists());
        assert!(ask_at(&path, "?").unwrap_err().to_string().contains("cannot ask at"));

        // What a killed program leaves is replaced, a file is not.
        drop(UnixListener::bind(&path).unwrap());
        drop(QuestionSocket::bind(&path).unwrap());
        drop(asker);
        std::fs::write(&path, "mine").unwrap();
        let kept = QuestionSocket::bind(&path).unwrap_err().to_string();
        assert!(kept.contains("no socket") && std::fs::read(&path).unwrap() == b"mine", "{kept}");
        drop(feed);
        assert_eq!(line.finish(&Stop::new()).tasks["parrot"].asked, 1);
    }

    #[test]
    fn a_client_that_trickles_holds_up_neither_the_next_one_nor_the_end() {
        /// Sends a byte every 50 ms, up to `count`, and counts those that somebody still wanted.
        fn trickle(path: &Path, count: usize, sent: &Arc<AtomicUsize>) -> JoinHandle<()> {
            let (mut client, sent) = (UnixStream::connect(path).unwrap(), Arc::clone(sent));
            std::thread::spawn(move || {
                for _ in 0..count {
                    std::thread::sleep(Duration::from_millis(50));
                    if client.write_all(b" ").is_err() {
                        return;
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            })
        }
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ask");
        let (line, feed, asker) = parrot();
        let mut socket = QuestionSocket::bind(&path).unwrap();
        socket.patience = Duration::from_millis(300);
        let serving = socket.serve(asker.clone()).unwrap();
        let first = Arc::new(AtomicUsize::new(0));
        let slow = trickle(&path, 200, &first);
        let answer = ask_at(&path, "who?").unwrap();
        assert_eq!(answer["answer"]["said"], "who?");
        slow.join().unwrap();
        assert!(first.load(Ordering::Relaxed) < 200, "it was let send as long as it liked");
        drop(serving);

        // With all the patience in the world the end still comes first.
        let mut socket = QuestionSocket::bind(&path).unwrap();
        socket.patience = Duration::from_secs(3_600);
        let serving = socket.serve(asker).unwrap();
        let second = Arc::new(AtomicUsize::new(0));
        let slow = trickle(&path, 200, &second);
        while second.load(Ordering::Relaxed) < 2 {
            std::thread::sleep(POLL);
        }
        drop(serving);
        slow.join().unwrap();
        assert!(second.load(Ordering::Relaxed) < 200, "the end waited for it");
        drop(feed);
        assert_eq!(line.finish(&Stop::new()).tasks["parrot"].asked, 1);
    }
}
