//! The index as a whole: the answers of an exhaustive search, files that were cut or damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};

use super::codes::product;
use super::layout::{BLOCK, HEADER};
use super::*;

const DIMENSION: usize = 40;

fn about(metric: Metric) -> About {
    About {
        dimension: DIMENSION,
        metric,
        text: 16,
        model: "m".into(),
        model_sha256: "aa".into(),
        ..About::default()
    }
}

/// Vectors around a few centres, some of them twice.
fn vectors(count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
    let mut number = move || random.random::<f32>() * 2.0 - 1.0;
    let centres: Vec<Vec<f32>> =
        (0..5).map(|_| (0..DIMENSION).map(|_| number()).collect()).collect();
    let mut made: Vec<Vec<f32>> = Vec::new();
    for i in 0..count {
        let near = |c: &f32, n: f32| c + 0.3 * n;
        made.push(match i % 10 {
            9 => made[i - 4].clone(),
            _ => centres[i % 5].iter().map(|c| near(c, number())).collect(),
        });
    }
    made
}

fn fill(path: &Path, metric: Metric, vectors: &[Vec<f32>]) {
    let mut writer = IndexWriter::create(path, about(metric)).unwrap();
    for (i, vector) in vectors.iter().enumerate() {
        writer.push(vector, &entry(i)).unwrap();
    }
    assert_eq!(writer.len(), vectors.len());
}

fn entry(i: usize) -> NewEntry<'static> {
    let item = i.is_multiple_of(3).then_some(i as u64 / 12);
    let time = Duration::from_millis(40 * i as u64);
    NewEntry { recording: 0, seq: i as u64, time, item, text: "a text" }
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.fci");
    (folder, path)
}

/// Every stored vector scored and sorted, then thinned out: what a search must equal.
fn exhaustive(index: &Index, query: &[f32], wish: &Wish) -> Vec<(usize, f64)> {
    let query = match index.about().metric {
        Metric::Dot => query.to_vec(),
        Metric::Cosine => {
            let norm = query.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            query.iter().map(|v| (f64::from(*v) / norm) as f32).collect()
        }
    };
    let mut all: Vec<(usize, f64)> =
        (0..index.len()).map(|i| (i, product(&index.vector(i).unwrap(), &query))).collect();
    let entries: Vec<Entry> = (0..index.len()).map(|i| index.entry(i).unwrap()).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(entries[a.0].time.cmp(&entries[b.0].time)));
    let mut kept: Vec<(usize, f64)> = Vec::new();
    for (i, score) in all {
        let like = |other: &(usize, f64)| {
            let (a, b) = (&entries[other.0], &entries[i]);
            a.time.abs_diff(b.time) < wish.apart
                || (wish.one_an_item && a.item.is_some() && a.item == b.item)
        };
        if kept.len() < wish.top && !kept.iter().any(like) {
            kept.push((i, score));
        }
    }
    kept
}

#[test]
fn a_search_gives_what_an_exhaustive_one_gives() {
    for metric in [Metric::Cosine, Metric::Dot] {
        for count in [0, 1, 255, 256, 257, 3000] {
            let (_folder, path) = place();
            fill(&path, metric, &vectors(count, 1));
            let index = Index::open(&path).unwrap();
            assert_eq!(index.len(), count);
            index.verify().unwrap();
            for (seed, query) in vectors(4, 2).iter().enumerate() {
                for (top, apart) in [(1, 0), (10, 0), (10, 200), (7, 5000), (4000, 0), (0, 0)] {
                    let apart = Duration::from_millis(apart);
                    let one_an_item = seed.is_multiple_of(2);
                    let wish = Wish { top, apart, one_an_item };
                    let found = index.search(query, &wish).unwrap();
                    let found: Vec<_> = found.iter().map(|h| (h.at, h.score)).collect();
                    assert_eq!(found, exhaustive(&index, query, &wish), "{metric:?} {wish:?}");
                }
            }
        }
    }
}

#[test]
fn equal_scores_come_in_the_order_of_time() {
    let (_folder, path) = place();
    let mut writer = IndexWriter::create(&path, about(Metric::Cosine)).unwrap();
    let mut vector = vec![0.25f32; DIMENSION];
    for (i, second) in [5u64, 3, 9, 3].into_iter().enumerate() {
        let time = Duration::from_secs(second);
        writer.push(&vector, &NewEntry { seq: i as u64, time, ..NewEntry::default() }).unwrap();
    }
    vector[0] = -1.0;
    writer.push(&vector, &NewEntry::default()).unwrap();
    let index = Index::open(&path).unwrap();
    let hits = index.search(&[1.0; DIMENSION], &Wish::default()).unwrap();
    assert_eq!(hits.iter().map(|h| h.at).collect::<Vec<_>>(), [1, 3, 0, 2, 4]);
    assert!((hits[0].score - 1.0).abs() < 1e-6 && hits[0].score == hits[3].score);
}

#[test]
fn a_killed_writer_loses_at_most_the_entry_it_was_writing() {
    let (_folder, path) = place();
    fill(&path, Metric::Cosine, &vectors(300, 3));
    let whole = fs::read(&path).unwrap();
    let block = (whole.len() - HEADER) / 2;
    // Cut in the middle of entry 299's record, vector, codes: its record is written last.
    let records = HEADER + block + 8 * BLOCK + 64 * BLOCK;
    let mut cut = whole.clone();
    cut[records + 43 * 48..records + 44 * 48].fill(0);
    fs::write(&path, &cut).unwrap();
    assert_eq!(Index::open(&path).unwrap().len(), 299);
    // A block that was begun and has no entry yet.
    cut.truncate(HEADER + block);
    cut.resize(HEADER + 2 * block, 0);
    fs::write(&path, &cut).unwrap();
    assert_eq!(Index::open(&path).unwrap().len(), 256);
    // A block whose space was never made whole.
    for len in [HEADER + 2 * block - 1, HEADER + block + 7] {
        fs::write(&path, &whole[..len]).unwrap();
        assert_eq!(Index::open(&path).unwrap().len(), 256, "{len} bytes");
    }
    let mut writer = IndexWriter::append(&path, &about(Metric::Cosine)).unwrap();
    assert_eq!(writer.len(), 256);
    for (i, vector) in vectors(300, 3).iter().enumerate().skip(256) {
        writer.push(vector, &entry(i)).unwrap();
    }
    drop(writer);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn damage_is_found_and_named() {
    let (_folder, path) = place();
    fill(&path, Metric::Cosine, &vectors(20, 3));
    let whole = fs::read(&path).unwrap();
    let vectors_at = HEADER + 8 * BLOCK + 64 * BLOCK + 48 * BLOCK;
    let mut bytes = whole.clone();
    bytes[vectors_at + 7 * 4 * DIMENSION + 2] ^= 64;
    fs::write(&path, &bytes).unwrap();
    let index = Index::open(&path).unwrap();
    assert!(index.verify().unwrap_err().to_string().contains("entry 7 of 20 is damaged"));
    let all = Wish { top: 20, ..Wish::default() };
    assert!(index.search(&[1.0; DIMENSION], &all).is_err());
    // A scale that is no number keeps its entry in the race, so that it is found.
    let mut bytes = whole;
    bytes[HEADER + 3 * 4..HEADER + 4 * 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let index = Index::open(&path).unwrap();
    let error = index.search(&vectors(20, 3)[3], &Wish { top: 1, ..Wish::default() });
    assert!(error.unwrap_err().to_string().contains("entry 3"));
    for hostile in [&b"FCINDEX\n"[..], b"", b"GIF89a", &[0; 5000]] {
        fs::write(&path, hostile).unwrap();
        assert!(matches!(Index::open(&path), Err(IndexError::Damaged { .. })));
    }
    assert!(matches!(Index::open(Path::new("nowhere.fci")), Err(IndexError::Io { .. })));
}

#[test]
fn an_index_is_for_one_model_one_writer_and_never_replaced() {
    let (_folder, path) = place();
    let writer = IndexWriter::create(&path, about(Metric::Cosine)).unwrap();
    let error = IndexWriter::append(&path, &about(Metric::Cosine)).unwrap_err().to_string();
    assert!(error.contains("another program is writing"), "{error}");
    drop(writer);
    assert!(IndexWriter::create(&path, about(Metric::Cosine)).is_err());
    let other = About { model_sha256: "bb".into(), ..about(Metric::Cosine) };
    let error = IndexWriter::append(&path, &other).unwrap_err().to_string();
    assert!(error.contains("use the same model"), "{error}");
    assert!(IndexWriter::append(&path, &about(Metric::Dot)).is_err());
    let mut writer = IndexWriter::append(&path, &about(Metric::Cosine)).unwrap();
    let long = NewEntry { text: "a text of more than 16 bytes", ..NewEntry::default() };
    assert!(writer.push(&[1.0; DIMENSION], &long).unwrap_err().to_string().contains("keeps 16"));
    assert!(writer.push(&[f32::NAN; DIMENSION], &entry(0)).is_err());
    assert!(writer.is_empty());
}

#[test]
fn a_reader_sees_what_was_there_when_it_opened() {
    let (_folder, path) = place();
    let mut writer = IndexWriter::create(&path, about(Metric::Cosine)).unwrap();
    let vectors = vectors(600, 5);
    for (i, vector) in vectors.iter().enumerate().take(300) {
        writer.push(vector, &entry(i)).unwrap();
    }
    let early = Index::open(&path).unwrap();
    for (i, vector) in vectors.iter().enumerate().skip(300) {
        writer.push(vector, &entry(i)).unwrap();
    }
    assert_eq!((early.len(), Index::open(&path).unwrap().len()), (300, 600));
    let hits = early.search(&vectors[450], &Wish { top: 300, ..Wish::default() }).unwrap();
    assert!(hits.iter().all(|h| h.at < 300));
    assert_eq!(early.entry(9).unwrap().text, "a text");
    assert!(early.entry(300).is_err());
}

#[test]
fn recordings_of_an_index_do_not_mix() {
    let (_folder, path) = place();
    let entry = |recording, second, item| NewEntry {
        recording,
        seq: 25 * second,
        time: Duration::from_secs(second),
        item,
        text: "a text",
    };
    let mut vector = vec![0.5f32; DIMENSION];
    for recording in 0..3 {
        let mut writer = match recording {
            0 => IndexWriter::create(&path, about(Metric::Cosine)).unwrap(),
            _ => IndexWriter::append(&path, &about(Metric::Cosine)).unwrap(),
        };
        assert_eq!(writer.recording(), recording);
        for second in [0, 1, 9] {
            // The later recordings fit a little less each.
            vector[0] = 0.5 - 0.1 * recording as f32 - 0.01 * second as f32;
            writer.push(&vector, &entry(recording, second, Some(second / 5))).unwrap();
        }
    }
    let index = Index::open(&path).unwrap();
    let found = |apart, one_an_item| {
        let wish = Wish { top: 9, apart: Duration::from_secs(apart), one_an_item };
        let hits = index.search(&[0.5; DIMENSION], &wish).unwrap();
        let each = hits.iter().map(|h| (h.entry.recording, h.entry.time.as_secs()));
        each.collect::<Vec<_>>()
    };
    let thinned = [(0, 0), (0, 9), (1, 0), (1, 9), (2, 0), (2, 9)];
    assert_eq!(found(2, false), thinned, "one moment of each, not of all");
    assert_eq!(found(0, true), thinned, "an item of one recording is none of another");
    assert_eq!(found(0, false).len(), 9);
    let names: Vec<_> = (0..9).map(|at| index.entry(at).unwrap().thumbnail()).collect();
    assert_eq!((names[1].as_str(), names[4].as_str()), ("00000025.png", "0001-00000025.png"));
}

#[test]
fn damage_at_the_end_is_counted_and_not_written_over_unasked() {
    let (_folder, path) = place();
    let vectors = vectors(4, 3);
    fill(&path, Metric::Cosine, &vectors);
    let whole = fs::read(&path).unwrap();
    let texts_at = HEADER + 8 * BLOCK + 64 * BLOCK + 48 * BLOCK + 4 * DIMENSION * BLOCK;
    let mut bytes = whole.clone();
    bytes[texts_at + 3 * 16] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let index = Index::open(&path).unwrap();
    assert_eq!((index.len(), index.damaged_end()), (3, 1));
    let error = index.verify().unwrap_err().to_string();
    assert!(error.contains("1 entries at its end are damaged"), "{error}");
    let error = IndexWriter::append(&path, &about(Metric::Cosine)).unwrap_err().to_string();
    assert!(error.contains("--drop-damaged"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes, "it is as it was");
    let mut writer = IndexWriter::append_after_damage(&path, &about(Metric::Cosine)).unwrap();
    assert_eq!(Index::open(&path).unwrap().damaged_end(), 0);
    writer.push(&vectors[3], &entry(3)).unwrap();
    drop(writer);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn a_writer_never_cuts_the_file_a_reader_has_mapped() {
    let (_folder, path) = place();
    fill(&path, Metric::Cosine, &vectors(300, 3));
    let size = fs::metadata(&path).unwrap().len();
    // The second block is given up whole: a block that was begun has no entry yet.
    let records = HEADER + (size as usize - HEADER) / 2 + 8 * BLOCK + 64 * BLOCK;
    let mut bytes = fs::read(&path).unwrap();
    bytes[records..records + 48 * BLOCK].fill(0);
    fs::write(&path, &bytes).unwrap();
    let reader = Index::open(&path).unwrap();
    let mut writer = IndexWriter::append(&path, &about(Metric::Cosine)).unwrap();
    assert_eq!((reader.len(), writer.len()), (256, 256));
    assert_eq!(fs::metadata(&path).unwrap().len(), size);
    writer.push(&vectors(1, 9)[0], &entry(256)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), size);
    reader.verify().unwrap();
}
