//! Every byte as libjpeg-turbo decodes it.
//!
//! The digests are SHA-256 over the RGB bytes of all JPEG files of an archive in its order, as
//! Pillow 12 with libjpeg-turbo 3 gives them (`Image.open(f).convert("RGB").tobytes()`).

use std::fs::File;
use std::io::Read;

use flate2::read::GzDecoder;
use framecast::vision::RgbImage;
use framecast::vision::jpeg::JpegDecoder;
use sha2::{Digest, Sha256};

use crate::data;

fn digest(archive: &str) -> Option<(usize, String)> {
    let file = File::open(data::file(archive)?).unwrap();
    let reader: Box<dyn Read> =
        if archive.ends_with(".gz") { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let (mut decoder, mut out) = (JpegDecoder::new(), RgbImage::default());
    let (mut hash, mut count) = (Sha256::new(), 0);
    for entry in tar::Archive::new(reader).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().extension().is_none_or(|e| e != "jpg") {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        decoder.decode(&bytes, None, &mut out).unwrap();
        hash.update(out.data());
        count += 1;
    }
    let hex = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Some((count, hex))
}

#[test]
fn small_pictures_with_halved_chroma() {
    let Some((count, hex)) = digest("catz/catz-test.tar.gz") else { return };
    assert_eq!(
        (count, hex.as_str()),
        (8052, "2f151468181b700e2e734e9a27256e657f61728fba1789036e62724ceaeb25d3")
    );
}

#[test]
fn photographs() {
    let Some((count, hex)) = digest("retrieval/flickr8k_400_images.tar") else { return };
    assert_eq!(
        (count, hex.as_str()),
        (400, "3d06876ab984dabea2a977cd1e71069889b7785768b9496eab60f6622f4aedd1")
    );
}

#[test]
fn drone_frames() {
    let Some((count, hex)) = digest("clips/uav123_wakeboard7.tar") else { return };
    assert_eq!(
        (count, hex.as_str()),
        (67, "979e9ef1f4298f3c337d003e81ec3c40d1545ef013f8c5c0969a40293aeb36ba")
    );
}
