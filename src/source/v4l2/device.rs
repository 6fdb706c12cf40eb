//! An open V4L2 device node and what it is.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{abi, errors, ioctl};
use crate::source::SourceError;

/// An open device node. Closing is dropping.
#[derive(Debug)]
pub(super) struct Device {
    fd: OwnedFd,
    path: PathBuf,
    /// Name of the driver.
    pub driver: String,
    /// Name of the camera.
    pub card: String,
    /// Where it is attached.
    pub bus: String,
    caps: u32,
}

impl Device {
    /// Opens `path` without blocking and asks what it is.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        // Checked before opening: opening other special files may have effects of its own.
        let stat = rustix::fs::stat(path).map_err(|e| errors::open(path, e))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice {
            return Err(errors::unsupported(
                path,
                "is not a device node; a recording is given by its plain path, without v4l2:",
            ));
        }
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| errors::open(path, e))?;
        let cap = ioctl::query_cap(fd.as_fd()).map_err(|e| match e {
            Errno::NOTTY | Errno::INVAL => errors::unsupported(
                path,
                "is not a V4L2 device; `framecast source list` shows the cameras",
            ),
            e => errors::call(path, "asking for its capabilities", e),
        })?;
        // `capabilities` speaks for the whole hardware, `device_caps` for this node: a webcam has
        // a second node for metadata only.
        let caps = if cap.capabilities & abi::CAP_DEVICE_CAPS != 0 {
            cap.device_caps
        } else {
            cap.capabilities
        };
        Ok(Self {
            fd,
            path: path.to_owned(),
            driver: abi::text(&cap.driver),
            card: abi::text(&cap.card),
            bus: abi::text(&cap.bus_info),
            caps,
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The buffer type to capture with.
    pub(super) fn capture_type(&self) -> Result<u32, SourceError> {
        if self.caps & (abi::CAP_CAPTURE | abi::CAP_CAPTURE_MPLANE) == 0 {
            return Err(errors::unsupported(
                &self.path,
                format!(
                    "{} ({}) does not capture video on this node (capabilities {:#010x}); a camera \
                     often has several nodes, `framecast source list` shows the right one",
                    self.card, self.driver, self.caps
                ),
            ));
        }
        if self.caps & abi::CAP_STREAMING == 0 {
            return Err(errors::unsupported(
                &self.path,
                "offers no streaming buffers (V4L2_CAP_STREAMING), only read(), which is not supported",
            ));
        }
        Ok(if self.caps & abi::CAP_CAPTURE != 0 {
            abi::BUF_CAPTURE
        } else {
            abi::BUF_CAPTURE_MPLANE
        })
    }

    /// The device in words.
    pub(super) fn describe(&self) -> String {
        format!("v4l2 {} ({}, {})", self.card, self.driver, self.bus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_camera_is_refused_with_a_reason() {
        let missing = Device::open(Path::new("/dev/video-not-there")).unwrap_err();
        assert!(matches!(missing, SourceError::Open { .. }), "{missing}");
        let null = Device::open(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(null.contains("not a V4L2 device"), "{null}");
        let file = tempfile::NamedTempFile::new().unwrap();
        let file = Device::open(file.path()).unwrap_err().to_string();
        assert!(file.contains("not a device node"), "{file}");
    }
}
