//! From any source to folders of sequences or a clip: `framecast-train data convert`.
//!
//! One frame after the other: memory does not grow with the source.

use std::path::Path;
use std::time::Duration;

use framecast::frame::{Clock as _, FramePool, Size, SystemClock};
use framecast::source::{self, Limits, Read, SourceOptions};
use framecast::task::evaluate::SequenceSet;
use framecast::vision::{FrameConverter, RgbImage, resize};

use super::inspect::{Kind, kind_of};
use super::place;
use super::store::{Store, Stored};
use crate::TrainError;

/// What is taken of a source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection {
    /// Pixels a line and lines after scaling down by area; one of them alone keeps the proportion.
    pub width: Option<u32>,
    /// See `width`.
    pub height: Option<u32>,
    /// Every n-th frame is taken, from 1 on.
    pub stride: u64,
    /// The most frames of a clip, or sequences of a set, that are taken.
    pub limit: Option<u64>,
}

impl Selection {
    /// The size of the stored pictures.
    fn size(&self, native: Size) -> Result<Size, String> {
        let part = |side: u32, of: u32, other: u32| {
            let scaled = (u64::from(other) * u64::from(side) + u64::from(of) / 2) / u64::from(of);
            u32::try_from(scaled.max(1)).unwrap_or(u32::MAX)
        };
        let size = match (self.width, self.height) {
            (None, None) => native,
            (Some(width), None) => Size::new(width, part(width, native.width, native.height)),
            (None, Some(height)) => Size::new(part(height, native.height, native.width), height),
            (Some(width), Some(height)) => Size::new(width, height),
        };
        if size.width == 0 || size.height == 0 {
            return Err(format!("{size} has no pixels; sides of 1 and more are allowed"));
        }
        if size.width > native.width || size.height > native.height {
            return Err(format!(
                "its frames are {native}; they are scaled down only, and {size} is larger"
            ));
        }
        Ok(size)
    }
}

/// Stores what `selection` takes of the source or set `uri`; `progress` is told the number of
/// frames so far.
///
/// # Errors
/// [`TrainError::Data`] when it cannot be read or is smaller than asked for, and the errors of
/// [`Store`]. Nothing is left of what was stored.
pub fn convert(
    uri: &str,
    selection: &Selection,
    mut store: Store,
    progress: &mut dyn FnMut(u64),
) -> Result<Stored, TrainError> {
    let place = place(uri);
    match kind_of(Path::new(&place)) {
        Kind::Clip => clip(uri, &place, selection, &mut store, progress)?,
        Kind::Sequences => sequences(uri, &place, selection, &mut store, progress)?,
    }
    store.finish()
}

fn clip(
    uri: &str,
    place: &str,
    selection: &Selection,
    store: &mut Store,
    progress: &mut dyn FnMut(u64),
) -> Result<(), TrainError> {
    let fail = |reason: String| TrainError::Data { uri: uri.to_owned(), reason };
    let clock = SystemClock;
    let pool = FramePool::new(4);
    let mut source =
        source::open(place, &SourceOptions::default(), &pool).map_err(|e| fail(e.to_string()))?;
    // Nothing is kept of what does not come to its end, and this would not.
    let demo = place.starts_with("demo:") && source.info().frames.is_none();
    if selection.limit.is_none() && (source.info().live || demo) {
        return Err(fail("it has no end; say with --limit how many frames to take".to_owned()));
    }
    let mut converter = FrameConverter::new();
    let (mut full, mut small) = (RgbImage::default(), RgbImage::default());
    let (mut seen, mut taken) = (0, 0);
    while selection.limit.is_none_or(|limit| taken < limit) {
        let deadline = clock.now().after(Duration::from_secs(10));
        match source.read(deadline).map_err(|e| fail(e.to_string()))? {
            Read::Frame(frame) => {
                seen += 1;
                if (seen - 1) % selection.stride.max(1) != 0 {
                    continue;
                }
                converter.to_rgb(&frame, &mut full).map_err(|e| fail(e.to_string()))?;
                store.push(scaled(&full, selection, &mut small).map_err(fail)?)?;
                taken += 1;
                progress(taken);
            }
            Read::End => break,
            Read::Timeout => return Err(fail("no frame came within 10 s".to_owned())),
            // A sequence does not go on over what was lost.
            Read::Lost { .. } => store.begin(),
            _ => {}
        }
    }
    Ok(())
}

fn sequences(
    uri: &str,
    place: &str,
    selection: &Selection,
    store: &mut Store,
    progress: &mut dyn FnMut(u64),
) -> Result<(), TrainError> {
    let fail = |reason: String| TrainError::Data { uri: uri.to_owned(), reason };
    let mut set =
        SequenceSet::open(Path::new(place), &Limits::default()).map_err(|e| fail(e.to_string()))?;
    let end = selection.limit.map_or(set.len(), |n| set.len().min(n as usize));
    let mut small = RgbImage::default();
    let mut taken = 0;
    for at in 0..end {
        store.begin();
        let pictures = set.read(at).map_err(|e| fail(e.to_string()))?;
        // The target is the last: counted from there, it is always taken.
        let skipped = (pictures.len().max(1) - 1) % selection.stride.max(1) as usize;
        let chosen = pictures.iter().skip(skipped).step_by(selection.stride.max(1) as usize);
        for picture in chosen {
            store.push(scaled(picture, selection, &mut small).map_err(fail)?)?;
            taken += 1;
            progress(taken);
        }
    }
    Ok(())
}

fn scaled<'a>(
    full: &'a RgbImage,
    selection: &Selection,
    small: &'a mut RgbImage,
) -> Result<&'a RgbImage, String> {
    let size = selection.size(full.size())?;
    if size == full.size() {
        return Ok(full);
    }
    small.reshape(size);
    resize::area(full, small).map_err(|e| e.to_string())?;
    Ok(small)
}

#[cfg(test)]
mod tests {
    use framecast::frame::Rational;

    use super::super::store::StoreOptions;
    use super::*;

    fn run(
        uri: &str,
        selection: &Selection,
        out: &Path,
        inputs: usize,
    ) -> Result<Stored, TrainError> {
        let rate = Rational::whole(30);
        let options =
            StoreOptions { out: out.to_owned(), inputs, step: inputs + 1, rate, force: false };
        convert(uri, selection, Store::create(options)?, &mut |_| {})
    }

    #[test]
    fn a_clip_becomes_folders_and_these_become_smaller_folders() {
        let place = tempfile::tempdir().unwrap();
        let (first, second) = (place.path().join("first"), place.path().join("second"));
        let selection = Selection { stride: 2, limit: Some(7), ..Selection::default() };
        let stored = run("demo:?size=32x16&frames=30", &selection, &first, 2).unwrap();
        assert_eq!(stored, Stored { frames: 7, sequences: 2 });
        let selection = Selection { width: Some(16), stride: 1, ..Selection::default() };
        let stored = run(first.to_str().unwrap(), &selection, &second, 2).unwrap();
        assert_eq!(stored, Stored { frames: 6, sequences: 2 });
        let mut set = SequenceSet::open(&second, &Limits::default()).unwrap();
        assert_eq!(set.read(1).unwrap()[2].size(), Size::new(16, 8));
    }

    #[test]
    fn what_is_taken_is_every_nth_frame() {
        let place = tempfile::tempdir().unwrap();
        let (all, third) = (place.path().join("all"), place.path().join("third"));
        let selection = Selection { stride: 1, limit: Some(8), ..Selection::default() };
        run("demo:?size=16x16&noise=0", &selection, &all, 7).unwrap();
        run(
            "demo:?size=16x16&noise=0",
            &Selection { stride: 3, limit: Some(3), ..selection },
            &third,
            2,
        )
        .unwrap();
        let read =
            |path: &Path| SequenceSet::open(path, &Limits::default()).unwrap().read(0).unwrap();
        let (all, third) = (read(&all), read(&third));
        assert_eq!([&third[0], &third[1], &third[2]], [&all[0], &all[3], &all[6]]);
    }

    #[test]
    fn mistakes_leave_nothing() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out");
        let refused = |uri: &str, width| {
            let selection = Selection { width, stride: 1, limit: Some(3), ..Selection::default() };
            run(uri, &selection, &out, 2).unwrap_err().to_string()
        };
        assert!(refused("demo:?size=16x16", Some(32)).contains("32x32 is larger"));
        assert!(refused("demo:?size=16x16", Some(0)).contains("no pixels"));
        assert!(refused("demo:?size=16x16&frames=2", None).contains("2 frames make no sequence"));
        assert!(refused("/no/such/clip.mp4", None).contains("/no/such/clip.mp4"));
        let all = Selection { stride: 1, ..Selection::default() };
        let endless = run("demo:?size=16x16", &all, &out, 2).unwrap_err().to_string();
        assert!(endless.contains("no end") && endless.contains("--limit"), "{endless}");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
