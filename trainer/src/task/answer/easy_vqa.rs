//! easy-VQA (Zhou, 2019): pictures of 64 x 64 pixels with one shape each, and questions about them
//! with 13 answers. Read from its archive, of which nothing is unpacked.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use image::{ImageFormat, ImageReader};

use super::scene::SIDE;
use crate::TrainError;

/// Bytes of a picture, packed RGB.
const PICTURE: usize = SIDE * SIDE * 3;
/// The largest file in the archive that is read.
const MAX_FILE: u64 = 64 << 20;
/// The most pictures.
const MAX_PICTURES: usize = 100_000;

/// A question about a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The sentence.
    pub text: String,
    /// The place of its answer among the answers.
    pub answer: usize,
    /// The place of its picture among the part's pictures.
    pub picture: usize,
}

/// One part of the data.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Packed RGB, 64 x 64 pixels each.
    pub pictures: Vec<Vec<u8>>,
    /// The questions, those of a picture together.
    pub questions: Vec<Question>,
}

/// The data.
#[derive(Clone, Debug, Default)]
pub struct EasyVqa {
    /// The answers.
    pub answers: Vec<String>,
    /// For learning.
    pub train: Part,
    /// For the last word.
    pub test: Part,
}

/// Files of one part as they are found.
#[derive(Default)]
struct Found {
    pictures: HashMap<usize, Vec<u8>>,
    questions: Option<Vec<(String, String, usize)>>,
}

impl EasyVqa {
    /// Reads the archive `path` (`.tar.gz` with `answers.txt` and for `train` and `test`
    /// `questions.json` and `images/N.png`).
    ///
    /// # Errors
    /// [`TrainError::Data`] naming the file in the archive and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let bad = |reason: String| TrainError::Data { uri: path.display().to_string(), reason };
        let file = File::open(path)
            .map_err(|e| bad(format!("{e}; set FRAMECAST_DATA to the folder of test data")))?;
        Self::from_archive(BufReader::new(file)).map_err(bad)
    }

    fn from_archive(input: impl Read) -> Result<Self, String> {
        let mut archive = tar::Archive::new(GzDecoder::new(input));
        let (mut answers, mut train, mut test) = (None, Found::default(), Found::default());
        for entry in archive.entries().map_err(|e| e.to_string())? {
            let mut entry = entry.map_err(|e| format!("the archive is damaged: {e}"))?;
            let name = entry.path().map_err(|e| e.to_string())?.display().to_string();
            let parts: Vec<&str> = name.trim_start_matches("./").split('/').skip(1).collect();
            let wrong = |reason: String| format!("{name}: {reason}");
            let mut bytes = || -> Result<Vec<u8>, String> {
                if entry.size() > MAX_FILE {
                    return Err(format!("{} bytes are above {MAX_FILE}", entry.size()));
                }
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
                Ok(bytes)
            };
            match parts.as_slice() {
                ["answers.txt"] => {
                    let text = String::from_utf8(bytes().map_err(wrong)?)
                        .map_err(|e| wrong(e.to_string()))?;
                    let list: Vec<String> = text
                        .lines()
                        .map(str::trim)
                        .filter(|l| !l.is_empty())
                        .map(Into::into)
                        .collect();
                    answers = Some(list);
                }
                [part @ ("train" | "test"), rest @ ..] => {
                    let found = if *part == "train" { &mut train } else { &mut test };
                    match rest {
                        ["questions.json"] => {
                            let list = serde_json::from_slice(&bytes().map_err(wrong)?);
                            found.questions = Some(list.map_err(|e| wrong(e.to_string()))?);
                        }
                        ["images", image] if image.ends_with(".png") => {
                            let number: usize = image
                                .trim_end_matches(".png")
                                .parse()
                                .map_err(|_| wrong("its name is no number".into()))?;
                            if found.pictures.len() >= MAX_PICTURES {
                                return Err(wrong(format!("more than {MAX_PICTURES} pictures")));
                            }
                            let picture = bytes().and_then(|b| decode(&b)).map_err(wrong)?;
                            found.pictures.insert(number, picture);
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        let answers =
            answers.filter(|a| a.len() > 1).ok_or("it has no answers.txt with answers")?;
        let train = train.part("train", &answers)?;
        let test = test.part("test", &answers)?;
        Ok(Self { answers, train, test })
    }
}

impl Found {
    fn part(self, name: &str, answers: &[String]) -> Result<Part, String> {
        let list = self.questions.ok_or_else(|| format!("it has no {name}/questions.json"))?;
        let mut numbers: Vec<usize> = self.pictures.keys().copied().collect();
        numbers.sort_unstable();
        let places: HashMap<usize, usize> = numbers.iter().copied().zip(0..).collect();
        let mut pictures = self.pictures;
        let mut part = Part {
            pictures: numbers.iter().filter_map(|n| pictures.remove(n)).collect(),
            questions: Vec::with_capacity(list.len()),
        };
        for (at, (text, answer, number)) in list.into_iter().enumerate() {
            let wrong = |reason: String| format!("{name}/questions.json: question {at}: {reason}");
            let answer = answers
                .iter()
                .position(|a| *a == answer)
                .ok_or_else(|| wrong(format!("{answer:?} is not in answers.txt")))?;
            let picture = *places
                .get(&number)
                .ok_or_else(|| wrong(format!("there is no images/{number}.png")))?;
            part.questions.push(Question { text, answer, picture });
        }
        if part.questions.is_empty() {
            return Err(format!("{name}/questions.json: there is no question"));
        }
        part.questions.sort_by_key(|q| q.picture);
        Ok(part)
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
    let (width, height) = reader.into_dimensions().map_err(|e| e.to_string())?;
    if [width as usize, height as usize] != [SIDE; 2] {
        return Err(format!("it is {width}x{height}; pictures are {SIDE}x{SIDE}"));
    }
    let reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
    let picture = reader.decode().map_err(|e| e.to_string())?.into_rgb8().into_raw();
    if picture.len() == PICTURE { Ok(picture) } else { Err("its size is not that it says".into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    fn png(side: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = image::RgbImage::from_pixel(side, side, image::Rgb([1, 2, 3]));
        picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
        bytes
    }

    fn files(questions: &str, side: u32) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("easy-vqa/answers.txt", b"yes\nred\n".to_vec()),
            ("easy-vqa/train/images/7.png", png(side)),
            ("easy-vqa/train/questions.json", questions.into()),
            ("easy-vqa/test/images/3.png", png(64)),
            ("easy-vqa/test/questions.json", br#"[["is it red?", "yes", 3]]"#.to_vec()),
        ]
    }

    #[test]
    fn archives_are_read_and_damage_is_named() {
        let good = r#"[["what color?", "red", 7], ["is it?", "yes", 7]]"#;
        let read = |bytes: &[u8]| EasyVqa::from_archive(bytes);
        let data = read(&archive(&files(good, 64))).unwrap();
        assert_eq!(data.answers, ["yes", "red"]);
        assert_eq!((data.train.pictures.len(), data.train.questions.len()), (1, 2));
        assert_eq!(data.train.questions[0].answer, 1);
        assert_eq!(data.train.pictures[0][..3], [1, 2, 3]);
        for (questions, side, expected) in [
            (r#"[["what?", "red", 8]]"#, 64, "no images/8.png"),
            (r#"[["what?", "pink", 7]]"#, 64, "\"pink\" is not in answers.txt"),
            (r#"[["what?", 7]]"#, 64, "train/questions.json"),
            ("[]", 64, "there is no question"),
            (good, 32, "it is 32x32"),
        ] {
            let error = read(&archive(&files(questions, side))).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let whole = archive(&files(good, 64));
        assert!(read(&whole[..whole.len() / 2]).is_err());
        assert!(read(b"no archive").is_err());
        assert!(read(&archive(&files(good, 64)[1..])).unwrap_err().contains("answers.txt"));
        let mut junk = Vec::new();
        junk.write_all(&archive(&[("a/train/images/x.png", vec![0])])).unwrap();
        assert!(read(&junk).unwrap_err().contains("its name is no number"));
    }
}
