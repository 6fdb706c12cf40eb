//! Inspections of small pictures made here.

use std::fs;
use std::path::{Path, PathBuf};

use framecast::frame::Size;

use super::*;

/// A folder that is removed with its value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("framecast-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn uri(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A soft texture, moved `shift` pixels to the right.
fn texture(shift: f64) -> RgbImage {
    let size = Size::new(64, 48);
    let mut picture = RgbImage::new(size);
    for (i, pixel) in picture.data_mut().as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = ((i % 64) as f64 - shift, (i / 64) as f64);
        let level = 128.0 + 50.0 * (x * 0.31).sin() + 50.0 * (y * 0.27 + x * 0.05).cos();
        *pixel = [level as u8; 3];
    }
    picture
}

fn save(folder: &Path, shifts: &[f64]) {
    fs::create_dir_all(folder).unwrap();
    for (t, &shift) in shifts.iter().enumerate() {
        let (picture, path) = (texture(shift), folder.join(format!("{t:03}.png")));
        let (w, h) = (picture.size().width, picture.size().height);
        image::save_buffer(path, picture.data(), w, h, image::ExtendedColorType::Rgb8).unwrap();
    }
}

#[test]
fn a_folder_of_pictures_is_a_clip_with_motion_and_repeats() {
    let folder = Folder::new("inspect-clip");
    // Each picture twice, three pixels apart.
    save(&folder.0, &[0.0, 0.0, 3.0, 3.0, 6.0, 6.0, 9.0, 9.0]);
    let read = Inspection::read(folder.uri(), 300).unwrap();
    let f = &read.findings;
    assert_eq!((read.kind, read.complete, f.sequences, f.frames), (Kind::Clip, true, 1, 8));
    assert_eq!(f.sizes.get("64x48"), Some(&8));
    assert_eq!((f.copy_last.frames, f.repeats), (7, 4));
    assert_eq!(f.shown.count, [0, 4, 0, 0, 0]);
    // Four pairs stand still and three move by between two and four pixels.
    assert_eq!(f.motion.count, [4, 0, 0, 0, 3, 0, 0, 0]);
    assert!(f.copy_last.pd.unwrap() > 1.0 && f.copy_last.psnr.unwrap() < 40.0);
    assert!(read.text().contains("8 in 1 sequences"), "{}", read.text());
    let short = Inspection::read(folder.uri(), 3).unwrap();
    assert_eq!((short.complete, short.findings.frames), (false, 3));
    assert_ne!(short.findings.sha256, f.sha256);
    assert_eq!(Inspection::read(folder.uri(), 8).unwrap().findings, *f, "the same again");
}

#[test]
fn a_folder_of_folders_is_a_set_scored_on_its_last_frames() {
    let folder = Folder::new("inspect-set");
    for name in ["cat_1", "cat_2"] {
        save(&folder.0.join(name), &[0.0, 2.0, 2.0]);
    }
    let read = Inspection::read(folder.uri(), 300).unwrap();
    let f = &read.findings;
    assert_eq!((read.kind, f.sequences, f.frames), (Kind::Sequences, 2, 6));
    // The last frames repeat the ones before: exact, so that there is no PSNR.
    assert_eq!((f.copy_last.frames, f.copy_last.pd, f.copy_last.psnr), (2, Some(0.0), None));
    assert_eq!((f.repeats, f.shown.count[0], f.shown.count[1]), (2, 2, 2));
    let json = serde_json::json!([&read]);
    assert_eq!(json[0]["kind"], "sequences");
    assert_eq!(json[0]["copy_last"]["psnr"], serde_json::Value::Null);
    assert_eq!(sheet(&[read.clone(), read]).unwrap().size(), Size::new(800, 2 * 76));
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = Folder::new("inspect-empty");
    for uri in [folder.uri().to_owned(), format!("{}/absent.y4m", folder.uri())] {
        let error = Inspection::read(&uri, 300).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().contains(&uri), "{error}");
    }
}
