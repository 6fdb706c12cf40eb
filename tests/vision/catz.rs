//! The zero of the scale: copy-last over all catz test sequences.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use flate2::read::GzDecoder;
use framecast::frame::Size;
use framecast::vision::jpeg::JpegDecoder;
use framecast::vision::{FloatImage, RgbImage, metrics};

use crate::data;

#[test]
fn copy_last_has_its_known_distance() {
    let Some(path) = data::file("catz/catz-test.tar.gz") else { return };
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).unwrap()));
    let mut decoder = JpegDecoder::new();
    let mut sequences: BTreeMap<String, [Option<RgbImage>; 2]> = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let slot = match name.rsplit('/').next() {
            Some("cat_4.jpg") => 0,
            Some("cat_result.jpg") => 1,
            _ => continue,
        };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let mut image = RgbImage::default();
        decoder.decode(&bytes, Some(Size::new(96, 96)), &mut image).unwrap();
        let folder = name.rsplit_once('/').unwrap().0.to_owned();
        sequences.entry(folder).or_default()[slot] = Some(image);
    }
    assert_eq!(sequences.len(), 1342);
    let (mut pd, mut mse) = (0.0, 0.0);
    for (name, pair) in &sequences {
        let [Some(last), Some(target)] = pair else { panic!("{name} lacks a picture") };
        let prediction = FloatImage::from(last);
        pd += metrics::pd(target, &prediction).unwrap() / 1342.0;
        mse += metrics::mse(target, &prediction).unwrap() / 1342.0;
    }
    println!("copy-last over 1342 sequences: PD {pd:.4}, MSE {mse:.7}");
    assert!((pd - 19.09).abs() <= 0.01, "PD {pd}");
    assert!((mse - 0.00511).abs() <= 0.00002, "MSE {mse}");
}
