//! Questions by kind: the tables of TGIF-QA (Jang et al., 2017).

use std::collections::BTreeMap;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::TrainError;
use crate::data::{limited, place};

/// The most bytes of a table, unpacked.
const LARGEST: u64 = 256 << 20;

/// A question and the number of its kind.
pub(super) type Question = (String, usize);

/// Questions of three parts, no sentence in two of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Questions {
    pub(super) fit: Vec<Question>,
    pub(super) hold_out: Vec<Question>,
    pub(super) test: Vec<Question>,
}

impl Questions {
    /// The distinct questions of each of `tables`; a tenth is held out, a fifth tested.
    pub(super) fn read(tables: &[String]) -> Result<Self, TrainError> {
        let mut all = BTreeMap::new();
        for (kind, uri) in tables.iter().enumerate() {
            let fail = |reason: String| TrainError::Data { uri: uri.clone(), reason };
            let file =
                std::fs::File::open(Path::new(&place(uri))).map_err(|e| fail(e.to_string()))?;
            let bytes = match uri.ends_with(".gz") {
                true => limited::bytes(MultiGzDecoder::new(file), LARGEST),
                false => limited::bytes(file, LARGEST),
            };
            let bytes = bytes.map_err(fail)?;
            // A few descriptions are not UTF-8; questions are all that is taken.
            let text = String::from_utf8_lossy(&bytes);
            let mut lines = text.lines();
            let head = lines.next().unwrap_or_default();
            let column = head.split('\t').position(|c| c == "question");
            let column = column.ok_or_else(|| fail("it has no column \"question\"".to_owned()))?;
            for line in lines {
                if let Some(question) = line.split('\t').nth(column) {
                    all.entry(question.trim().to_lowercase()).or_insert(kind);
                }
            }
        }
        let mut found = Self::default();
        for (question, kind) in all {
            let part = match sum(&question) % 10 {
                0 | 1 => &mut found.test,
                2 => &mut found.hold_out,
                _ => &mut found.fit,
            };
            part.push((question, kind));
        }
        Ok(found)
    }
}

/// FNV-1a: which part a question is in depends on it alone.
fn sum(text: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    text.bytes().fold(start, |sum, b| (sum ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)) >> 17
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_questions_are_in_one_part() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("t.tsv");
        let lines: String = (0..600).map(|i| format!("g\tIs it {} ?\t{i}\n", i % 300)).collect();
        std::fs::write(&file, format!("gif\tquestion\tanswer\n{lines}")).unwrap();
        let uri = file.display().to_string();
        let found = Questions::read(std::slice::from_ref(&uri)).unwrap();
        let sizes = [found.fit.len(), found.hold_out.len(), found.test.len()];
        assert_eq!(sizes.iter().sum::<usize>(), 300, "{sizes:?}");
        assert!(sizes[0] > 170 && sizes[1] > 10 && sizes[2] > 35, "{sizes:?}");
        std::fs::write(&file, "gif\tanswer\n").unwrap();
        assert!(Questions::read(&[uri]).unwrap_err().to_string().contains("no column"));
    }

    #[test]
    fn a_table_above_the_limit_is_refused_not_cut() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("t.tsv.gz");
        let packed = |text: &[u8]| {
            let mut pack = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut pack, text).unwrap();
            pack.finish().unwrap()
        };
        // One answer without end, of many members.
        let (head, spaces) = (packed(b"gif\tquestion\tanswer\ng\tIs it ?\t"), vec![b' '; 16 << 20]);
        let whole = [head, packed(&spaces).repeat(16)].concat();
        std::fs::write(&file, whole).unwrap();
        let error = Questions::read(&[file.display().to_string()]).unwrap_err().to_string();
        assert!(error.contains("268435456"), "{error}");
    }
}
