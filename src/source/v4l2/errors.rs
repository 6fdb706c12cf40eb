//! From a driver's errno to an error that says what to do next.

use std::path::Path;

use rustix::io::Errno;

use crate::source::SourceError;

/// A device node that cannot be opened.
pub(super) fn open(path: &Path, errno: Errno) -> SourceError {
    let hint = match errno {
        Errno::NOENT | Errno::NOTDIR => {
            "is the camera plugged in? `framecast source list` shows what is there; names under \
             /dev/v4l/by-id stay the same when numbers change"
        }
        Errno::ACCESS | Errno::PERM => {
            "add the user to the group that owns it (`sudo usermod -aG video $USER`) and log in \
             again; in a container pass the device with `--device`"
        }
        Errno::BUSY => "another program holds it; `fuser -v` on the path names the program",
        Errno::NODEV | Errno::NXIO => {
            "the driver has no such device at the moment; plug it in again"
        }
        _ => "`framecast source list` shows the cameras that can be opened",
    };
    SourceError::Open { path: path.to_owned(), cause: errno.into(), hint: hint.to_owned() }
}

/// A call to an open device that failed while doing `what`.
pub(super) fn call(path: &Path, what: &str, errno: Errno) -> SourceError {
    let name = path.display().to_string();
    match errno {
        Errno::NODEV | Errno::NXIO => {
            SourceError::Gone { name, reason: format!("the driver removed it while {what}") }
        }
        Errno::BUSY => SourceError::Open {
            path: path.to_owned(),
            cause: errno.into(),
            hint: format!(
                "{what} is refused because another program streams from it; `fuser -v {name}` \
                 names the program"
            ),
        },
        _ => SourceError::Io { name: format!("{name} ({what})"), cause: errno.into() },
    }
}

/// The device cannot do it, and trying again will not help.
pub(super) fn unsupported(path: &Path, reason: impl Into<String>) -> SourceError {
    SourceError::Unsupported { name: path.display().to_string(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_names_the_next_step() {
        let path = Path::new("/dev/video9");
        assert!(open(path, Errno::NOENT).to_string().contains("source list"));
        assert!(open(path, Errno::ACCESS).to_string().contains("usermod -aG video"));
        assert!(call(path, "starting", Errno::BUSY).to_string().contains("fuser -v /dev/video9"));
        assert!(matches!(call(path, "reading", Errno::NODEV), SourceError::Gone { .. }));
        assert!(call(path, "queueing", Errno::INVAL).is_transient());
        assert!(!unsupported(path, "no").is_transient());
    }
}
