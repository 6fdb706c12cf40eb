//! The cameras of this machine.

use std::path::{Path, PathBuf};

use crate::source::SourceError;

use super::controls::{self, ControlInfo};
use super::device::Device;
use super::modes::{self, Mode};

/// More nodes than any machine has.
const MAX_NODES: usize = 256;

/// A camera and what it offers.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceInfo {
    /// Its node, for example `/dev/video0`. The number may change.
    pub path: PathBuf,
    /// Its names under `/dev/v4l/by-id` and `by-path`, which do not change.
    pub stable: Vec<PathBuf>,
    /// Name of the camera.
    pub card: String,
    /// Name of the driver.
    pub driver: String,
    /// Where it is attached.
    pub bus: String,
    /// Its formats, sizes and rates.
    pub modes: Vec<Mode>,
    /// Its controls with their ranges and values.
    pub controls: Vec<ControlInfo>,
}

impl DeviceInfo {
    /// Looks at the device at `path`.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be opened or does not capture video.
    pub fn of(path: &Path) -> Result<Self, SourceError> {
        let device = Device::open(path)?;
        let kind = device.capture_type()?;
        Ok(Self {
            path: path.to_owned(),
            stable: stable_names(path),
            modes: modes::modes(&device, kind),
            controls: controls::list(&device),
            card: device.card,
            driver: device.driver,
            bus: device.bus,
        })
    }
}

/// Every `/dev/video*` node in numeric order, with what it is or why it cannot be used.
#[must_use]
pub fn list() -> Vec<(PathBuf, Result<DeviceInfo, SourceError>)> {
    nodes(Path::new("/dev"))
        .into_iter()
        .map(|path| {
            let info = DeviceInfo::of(&path);
            (path, info)
        })
        .collect()
}

fn nodes(dev: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dev) else { return Vec::new() };
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix("video")?.parse().ok()?;
            Some((number, entry.path()))
        })
        .take(MAX_NODES)
        .collect();
    numbered.sort();
    numbered.into_iter().map(|(_, path)| path).collect()
}

fn stable_names(path: &Path) -> Vec<PathBuf> {
    let Ok(node) = path.canonicalize() else { return Vec::new() };
    let mut names: Vec<PathBuf> = ["/dev/v4l/by-id", "/dev/v4l/by-path"]
        .iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flat_map(|entries| entries.flatten().take(MAX_NODES))
        .map(|entry| entry.path())
        .filter(|link| link.canonicalize().is_ok_and(|target| target == node))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_in_numeric_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["video10", "video2", "video", "videoX", "vbi0", "video0"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let names: Vec<_> = nodes(dir.path())
            .iter()
            .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["video0", "video2", "video10"]);
    }
}
