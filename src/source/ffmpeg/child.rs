//! The ffmpeg process: how it is started, and that it never outlives its source.

use std::ffi::OsString;
use std::io;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::log::Log;
use crate::source::{SourceError, SourceOptions, uri};

/// The pixel formats we take as they are; from any other ffmpeg converts to the nearest of them.
const PIXEL_FORMATS: &str = "format=pix_fmts=yuv420p|yuvj420p|yuv422p|yuvj422p|yuv444p|yuvj444p|gray|nv12|nv21|yuyv422|uyvy422|rgb24|bgr24";

/// What ffmpeg is to read.
#[derive(Clone, Debug)]
pub(super) enum Input {
    File(std::path::PathBuf),
    /// The address with its credentials, and as it may be printed.
    Network {
        address: String,
        shown: String,
    },
}

impl Input {
    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Network { shown, .. } => shown.clone(),
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        matches!(self, Self::Network { .. })
    }

    /// What ffmpeg may say but nobody shall read, and what to write for it. It changes addresses
    /// (a port is added, a proxy named), so the user and password are looked for by themselves.
    fn secrets(&self) -> Vec<(String, String)> {
        let Self::Network { address, shown } = self else { return Vec::new() };
        let mut secrets = vec![(address.clone(), shown.clone())];
        let userinfo = uri::userinfo(address);
        if !userinfo.is_empty() {
            secrets.push((userinfo.to_owned(), String::new()));
        }
        secrets
    }

    fn arguments(&self) -> Vec<OsString> {
        let words = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        match self {
            Self::File(path) => {
                // A file may be a playlist: it shall reach no network and no other protocol.
                let mut args = words(&["-protocol_whitelist", "file", "-i"]);
                let mut url = OsString::from("file:");
                url.push(path);
                args.push(url);
                args
            }
            Self::Network { address, .. } => {
                let mut args = words(&["-rtsp_transport", "tcp", "-timeout", "5000000"]);
                args.extend(words(&["-fflags", "nobuffer", "-flags", "low_delay", "-i"]));
                args.push(address.into());
                args
            }
        }
    }
}

/// A running ffmpeg. Dropping the last handle kills and reaps it.
#[derive(Clone, Debug)]
pub(super) struct Process {
    child: Arc<Reaped>,
    pub(super) log: Log,
}

#[derive(Debug)]
struct Reaped(Mutex<Child>);

impl Drop for Reaped {
    fn drop(&mut self) {
        end(self.0.get_mut().unwrap_or_else(PoisonError::into_inner));
    }
}

fn end(child: &mut Child) {
    // Both fail only when the child is gone and reaped already.
    let _ = child.kill();
    let _ = child.wait();
}

impl Process {
    /// Starts ffmpeg; its pictures come from the pipe as NUT.
    pub(super) fn start(
        input: &Input,
        options: &SourceOptions,
    ) -> Result<(Self, ChildStdout), SourceError> {
        let mut command = Command::new(&options.ffmpeg);
        command.args(["-hide_banner", "-nostdin", "-nostats", "-loglevel"]);
        // Each line with its level, and none folded into "repeated 3 times".
        command.arg("repeat+level+info");
        command.arg("-noautorotate").args(input.arguments());
        // `V` leaves out cover pictures. Passthrough keeps each frame once, at its own time.
        command.args(["-map", "0:V:0", "-fps_mode", "passthrough", "-vf", PIXEL_FORMATS]);
        command.args(["-sws_flags", "accurate_rnd+full_chroma_int", "-c:v", "rawvideo"]);
        command.args(["-f", "nut", "-flush_packets", "1", "pipe:1"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        {
            // In a group of its own, so that a Ctrl-C meant for us does not cut its last frame.
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let program = options.ffmpeg.display().to_string();
        let failed = |reason: String| SourceError::Program { program: program.clone(), reason };
        let mut child = command.spawn().map_err(|cause| {
            failed(match cause.kind() {
                io::ErrorKind::NotFound => {
                    "the program was not found; install ffmpeg (Debian: apt-get install ffmpeg) or name it in the configuration as source.ffmpeg. Without it, demo:, Y4M, GIF, raw video, and folders or tars of PNG and JPEG can be read".to_owned()
                }
                _ => format!("it cannot be started: {cause}"),
            })
        })?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            end(&mut child);
            return Err(failed("it has no pipes".into()));
        };
        widen(&stdout);
        let log = Log::default();
        let follower = log.clone();
        let secrets = input.secrets();
        let thread = std::thread::Builder::new()
            .name("ffmpeg-log".into())
            .spawn(move || follower.follow(stderr, &secrets));
        if let Err(cause) = thread {
            end(&mut child);
            return Err(failed(format!("its log cannot be followed: {cause}")));
        }
        Ok((Self { child: Arc::new(Reaped(Mutex::new(child))), log }, stdout))
    }

    /// Kills and reaps the process; its pipe then ends.
    pub(super) fn kill(&self) {
        end(&mut self.child.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// How the process ended, once its pipe has; `None` when it has not ended in a second.
    pub(super) fn status(&self) -> Option<ExitStatus> {
        let until = Instant::now() + Duration::from_secs(1);
        loop {
            let ended = self.child.0.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
            match ended {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                _ => return None,
            }
        }
    }
}

/// Asks for a larger pipe, so that a frame takes fewer turns between the processes.
fn widen(stdout: &ChildStdout) {
    #[cfg(target_os = "linux")]
    {
        // Best effort: the system may limit it.
        let _ = rustix::pipe::fcntl_setpipe_size(stdout, 1 << 20);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stdout;
}
