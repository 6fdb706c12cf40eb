//! A Y4M clip that is being written. Its size is known with its first frame.

use std::fs;
use std::io::Error;
use std::path::{Path, PathBuf};

use framecast::frame::{Rational, Size};
use framecast::sink::{Chroma, Y4mWriter};
use framecast::vision::RgbImage;

use crate::TrainError;

/// The clip; dropped before [`Clip::finish`] it leaves nothing.
pub(super) struct Clip {
    out: PathBuf,
    rate: Rational,
    file: Option<(Size, Y4mWriter)>,
}

impl Clip {
    pub(super) const fn new(out: PathBuf, rate: Rational) -> Self {
        Self { out, rate, file: None }
    }

    pub(super) fn push(&mut self, picture: &RgbImage) -> Result<(), TrainError> {
        let size = picture.size();
        let out = self.out.as_path();
        let (first, writer) = match &mut self.file {
            Some(file) => file,
            None => {
                // Full chroma, so that small coloured things survive.
                let writer = Y4mWriter::create(out, size, self.rate, Chroma::C444);
                self.file.insert((size, writer.map_err(failed(out))?))
            }
        };
        if *first != size {
            return Err(TrainError::Data {
                uri: out.display().to_string(),
                reason: format!("a frame is {size} where the clip is {first}"),
            });
        }
        writer.write(picture).map_err(failed(out))
    }

    /// True before the first frame.
    pub(super) const fn is_empty(&self) -> bool {
        self.file.is_none()
    }

    /// Gives the file its name.
    pub(super) fn finish(mut self) -> Result<(), TrainError> {
        let Some((_, writer)) = self.file.take() else { return Ok(()) };
        writer.finish().map(drop).map_err(failed(&self.out))
    }
}

impl Drop for Clip {
    fn drop(&mut self) {
        if let Some(partial) = self.file.as_ref().and_then(|(_, writer)| writer.partial()) {
            // Nothing better can be done where it cannot be removed.
            drop(fs::remove_file(partial));
        }
    }
}

fn failed<E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
) -> impl FnOnce(E) -> TrainError {
    let path = path.to_owned();
    move |cause| TrainError::io("write", path)(Error::other(cause))
}
