//! Arbitrary bytes as a state file, with a checksum that fits: refused, or a predictor goes on.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use framecast::frame::{FrameMeta, Size};
use framecast::task::predict::{Linear, Predictor, PredictorOptions};
use framecast::vision::RgbImage;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const SIZE: Size = Size::new(4, 2);

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let new = || Predictor::new(Box::new(Linear::new()), SIZE, PredictorOptions::default());
    let path = FOLDER.path().join("state");
    // Without the checksum all inputs would end there.
    let file = [bytes, Sha256::digest(bytes).as_slice()].concat();
    fs::write(&path, file).expect("room");
    let mut predictor = new().expect("a predictor");
    if predictor.load_state(&path).is_ok() {
        predictor.save_state(&path).expect("a state that was read is written");
        new().expect("a predictor").load_state(&path).expect("and read again");
    }
    let mut picture = RgbImage::default();
    picture.reshape(SIZE);
    predictor.step(&picture, &FrameMeta::default()).expect("a step");
});
