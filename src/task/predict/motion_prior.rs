//! A camera's own motion, frame by frame, from a file beside the recording.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

use crate::task::TaskError;
use crate::vision::motion::Homography;

/// The most frames of a file: a day at 60 frames a second.
const MOST: usize = 60 * 60 * 60 * 24;

/// The most bytes of a line.
const LINE: u64 = 4096;

/// One line of a file of JSON lines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    frame: u64,
    homography: [f64; 9],
}

/// Homographies by the number of the frame whose pixels they map to the frame before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MotionPriors {
    frames: BTreeMap<u64, Homography>,
}

impl MotionPriors {
    /// Reads a file with one line a frame: `frame,h11,h12,...,h33`, or JSON lines
    /// `{"frame":1,"homography":[h11,...,h33]}`. Lines that are empty or begin with `#`, and a head
    /// line that begins with `frame`, are skipped. A frame that is not there has no prior.
    ///
    /// # Errors
    /// [`TaskError::Data`] naming the line and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, TaskError> {
        let place = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::parse(&place, BufReader::new(file)),
            Err(e) => {
                let reason = format!("cannot be opened as a motion prior: {e}");
                Err(TaskError::Data { place, reason })
            }
        }
    }

    /// As [`MotionPriors::read`], of lines that errors call `name`.
    ///
    /// # Errors
    /// [`TaskError::Data`] naming the line and what is wrong with it.
    pub fn parse(name: &str, mut reader: impl BufRead) -> Result<Self, TaskError> {
        let fail = |place: String, reason: String| TaskError::Data { place, reason };
        let mut frames = BTreeMap::new();
        let mut line = String::new();
        for number in 1_u64.. {
            let place = || format!("{name} line {number}");
            line.clear();
            let mut part = std::io::Read::take(&mut reader, LINE);
            let read = part.read_line(&mut line).map_err(|e| fail(place(), e.to_string()))?;
            if read == 0 {
                break;
            }
            if read as u64 == LINE && !line.ends_with('\n') {
                return Err(fail(place(), format!("it is longer than {LINE} bytes")));
            }
            let text = line.trim();
            if text.is_empty() || text.starts_with('#') || text.starts_with("frame") {
                continue;
            }
            let (frame, map) = entry(text).map_err(|reason| fail(place(), reason))?;
            if frames.insert(frame, map).is_some() {
                return Err(fail(place(), format!("frame {frame} is there twice")));
            }
            if frames.len() > MOST {
                return Err(fail(place(), format!("there are more than {MOST} frames")));
            }
        }
        Ok(Self { frames })
    }

    /// That of frame `seq`.
    #[must_use]
    pub fn of(&self, seq: u64) -> Option<Homography> {
        self.frames.get(&seq).copied()
    }

    /// Where the pixels of frame `seq` were `stride` frames before; none unless all of them are
    /// known.
    #[must_use]
    pub fn over(&self, seq: u64, stride: u64) -> Option<Homography> {
        let mut whole = self.of(seq)?;
        for back in 1..stride {
            whole = self.of(seq.checked_sub(back)?)?.after(&whole);
        }
        Some(whole)
    }

    /// Frames that have one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// True when no frame has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

fn entry(text: &str) -> Result<(u64, Homography), String> {
    let (frame, elements) = if text.starts_with('{') {
        let entry: Entry = serde_json::from_str(text).map_err(|e| e.to_string())?;
        (entry.frame, entry.homography)
    } else {
        let cells: Vec<&str> = text.split(',').map(str::trim).collect();
        let [frame, elements @ ..] = cells.as_slice() else {
            return Err("it is empty".to_owned());
        };
        let frame = frame.parse().map_err(|_| format!("{frame:?} is no frame number"))?;
        let numbers: Result<Vec<f64>, String> =
            elements.iter().map(|e| e.parse().map_err(|_| format!("{e:?} is no number"))).collect();
        let numbers = numbers?;
        let elements = numbers.as_slice().try_into().map_err(|_| {
            format!("a frame number and 9 elements are expected, not {}", numbers.len())
        })?;
        (frame, elements)
    };
    let map = Homography::new(elements).ok_or_else(|| {
        "its elements must be finite, the last one not 0, and all below 65536 once the last is 1"
            .to_owned()
    })?;
    Ok((frame, map))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<MotionPriors, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        MotionPriors::read(file.path()).map_err(|e| e.to_string())
    }

    #[test]
    fn both_forms_say_the_same() {
        let csv = "frame,h11,h12,h13,h21,h22,h23,h31,h32,h33\n# pan\n3, 1,0,-8, 0,1,2.5, 0,0,1\n\n";
        let json = "{\"frame\":3,\"homography\":[2,0,-16,0,2,5,0,0,2]}\n";
        let priors = read(csv).unwrap();
        assert_eq!(priors, read(json).unwrap());
        assert_eq!(priors.len(), 1);
        assert_eq!(priors.of(3).unwrap().displacement(9, 9, 0, 9999), (-512, 160));
        assert_eq!(priors.of(2), None);
        let two = read("3,1,0,-8,0,1,0,0,0,1\n4,1,0,-2,0,1,1,0,0,1\n").unwrap();
        assert_eq!(two.over(4, 2).unwrap().displacement(5, 5, 0, 9999), (-640, 64));
        assert_eq!((two.over(4, 1), two.over(4, 3), two.over(0, 2)), (two.of(4), None, None));
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let one = "1,1,0,0,0,1,0,0,0,1\n";
        for (text, words) in [
            (format!("{one}{one}"), ["line 2", "frame 1 is there twice"]),
            (format!("{one}2,1,0\n"), ["line 2", "9 elements"]),
            (format!("{one}2,1,0,x,0,1,0,0,0,1"), ["line 2", "\"x\" is no number"]),
            ("-1,1,0,0,0,1,0,0,0,1".to_owned(), ["line 1", "no frame number"]),
            ("1,1,0,0,0,1,0,0,0,0".to_owned(), ["line 1", "not 0"]),
            ("{\"frame\":1}".to_owned(), ["line 1", "homography"]),
            ("9".repeat(5000), ["line 1", "4096"]),
        ] {
            let error = read(&text).unwrap_err();
            assert!(words.iter().all(|w| error.contains(w)), "{error}");
        }
        let gone = MotionPriors::read(Path::new("/no/such.csv")).unwrap_err().to_string();
        assert!(gone.contains("/no/such.csv"), "{gone}");
    }
}
