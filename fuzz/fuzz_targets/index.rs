//! Arbitrary bytes as an index file: refused, or searched, read and added to.
#![no_main]

use std::fs;

use framecast::task::search::{About, Index, IndexWriter, NewEntry, Wish};

/// Bytes of the header, whose last four are a checksum.
const HEADER: usize = 4096;
/// Entries of a block.
const BLOCK: usize = 256;
/// Bytes of a record.
const RECORD: usize = 48;

/// Makes the checksum of entry `at` right, so that changed entries are read past it.
fn mend(bytes: &mut [u8], about: &About, at: usize) {
    let codes = about.dimension.next_multiple_of(64);
    let mut offset = HEADER;
    let mut piece = |each: usize| {
        let start = offset + at * each;
        offset += BLOCK * each;
        start..start + each
    };
    let [scale, norm, codes, record] = [4, 4, codes, RECORD].map(&mut piece);
    let [vector, text] = [4 * about.dimension, about.text].map(&mut piece);
    if bytes.len() < offset {
        return;
    }
    let mut crc = flate2::Crc::new();
    for part in [record.start + 8..record.end, scale, norm, codes, vector, text] {
        crc.update(&bytes[part]);
    }
    bytes[record.start..record.start + 4].copy_from_slice(b"ENTR");
    bytes[record.start + 4..record.start + 8].copy_from_slice(&crc.sum().to_le_bytes());
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    if let Some((header, _)) = bytes.split_at_mut_checked(HEADER) {
        let (said, sum) = header.split_at_mut(HEADER - 4);
        let mut crc = flate2::Crc::new();
        crc.update(said);
        sum.copy_from_slice(&crc.sum().to_le_bytes());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("i");
    fs::write(&path, &bytes).expect("a file");
    let Ok(index) = Index::open(&path) else { return };
    let about = index.about().clone();
    drop(index);
    // How many are mended is said by a byte that the format leaves unused.
    for at in 0..usize::from(bytes[20] % 8) {
        mend(&mut bytes, &about, at);
    }
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[..HEADER - 4]);
    assert_eq!(crc.sum().to_le_bytes(), bytes[HEADER - 4..HEADER]);
    fs::write(&path, &bytes).expect("a file");
    let index = Index::open(&path).expect("an index that could be opened before");
    let before = index.len();
    let sound = index.verify().is_ok();
    let vector: Vec<f32> = (0..about.dimension).map(|at| 1.0 - at as f32 / 7.0).collect();
    for hit in index.search(&vector, &Wish::default()).unwrap_or_default() {
        assert!(hit.at < before && hit.entry.text.len() <= 3 * about.text, "{hit:?}");
    }
    for at in 0..before.min(8) + 1 {
        let (entry, numbers) = (index.entry(at), index.vector(at));
        assert!(at < before || (entry.is_err() && numbers.is_err()));
        assert!(!sound || at >= before || (entry.is_ok() && numbers.is_ok()));
    }
    drop(index);
    let Ok(mut writer) = IndexWriter::append(&path, &about) else { return };
    if writer.push(&vector, &NewEntry { seq: 7, ..NewEntry::default() }).is_ok() {
        drop(writer);
        let index = Index::open(&path).expect("an index that was written to");
        assert_eq!(index.len(), before + 1);
        assert_eq!(index.entry(before).expect("the entry").seq, 7);
    }
});
