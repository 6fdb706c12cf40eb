//! The protocol on tiny clips and sequences, with numbers worked out by hand.

use std::io::Cursor;
use std::path::Path;

use super::{EvalOptions, EvalReport, Evaluator, Layout, Paired, Row};
use crate::frame::{
    DropReason, Frame, FrameMeta, FrameSeq, Layout as PixelLayout, MonoTime, PixelFormat,
    PooledBuf, Size,
};
use crate::source::{Limits, Read, Source, SourceError, SourceInfo};
use crate::task::TaskError;
use crate::task::predict::{CopyLast, Forecaster, Horizon, Linear};

/// PD of a grey error of one level.
fn level() -> f64 {
    (4.0f64 + 1279.0 / 256.0).sqrt()
}

/// Grey frames by level; `None` is a lost frame.
struct Scripted {
    info: SourceInfo,
    levels: Vec<Option<u8>>,
    next: usize,
}

fn source(size: Size, levels: &[Option<u8>]) -> Scripted {
    let info = SourceInfo {
        uri: "scripted".into(),
        description: "a test".into(),
        format: PixelFormat::Rgb24,
        size,
        rate: None,
        live: false,
        frames: Some(levels.len() as u64),
    };
    Scripted { info, levels: levels.to_vec(), next: 0 }
}

impl Source for Scripted {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn read(&mut self, _: MonoTime) -> Result<Read, SourceError> {
        let seq = self.next;
        self.next += 1;
        Ok(match self.levels.get(seq) {
            None => Read::End,
            Some(None) => Read::Lost { frames: 1, reason: DropReason::Corrupt },
            Some(Some(level)) => {
                let layout = PixelLayout::packed(PixelFormat::Rgb24, self.info.size).unwrap();
                let buf = PooledBuf::unpooled(vec![*level; layout.len()]);
                let meta = FrameMeta { seq: FrameSeq(seq as u64), ..FrameMeta::default() };
                Read::Frame(Frame::new(buf, layout, meta).unwrap())
            }
        })
    }
}

const SIZE: Size = Size::new(12, 12);

fn linear(_: Size) -> Result<Box<dyn Forecaster>, TaskError> {
    Ok(Box::new(Linear::new()))
}

fn clip(options: EvalOptions, levels: &[Option<u8>]) -> Row {
    let mut make = linear;
    let mut evaluator = Evaluator::new(options, &mut make);
    evaluator.clip("clip", &mut source(SIZE, levels), &mut |_, _| true).unwrap()
}

fn near(value: Option<f64>, wanted: f64) -> bool {
    value.is_some_and(|v| (v - wanted).abs() < 1e-4)
}

#[test]
fn every_frame_but_the_first_is_a_target() {
    let row = clip(EvalOptions::default(), &[Some(100), Some(110), Some(120), Some(120)]);
    assert_eq!((row.frames, row.repeats, row.lost), (3, 1, 0));
    // Linear: 10 (copy-last after one frame), 0, 10. Copy-last: 10, 10, 0.
    assert!(near(row.model.pd, 20.0 / 3.0 * level()), "{row:?}");
    assert!(near(row.copy_last.pd, 20.0 / 3.0 * level()));
    assert_eq!(row.paired, Paired { better: 1, worse: 1, equal: 1 });
    let mse = 200.0 / 3.0 / 65025.0;
    assert!(near(row.model.mse, mse) && near(row.model.psnr, -10.0 * mse.log10()));
    // 10 levels are 28.13 dB; exact is capped at 60; the repeat is left out.
    let ten = -10.0 * (100.0f64 / 65025.0).log10();
    assert!(near(row.model.psnr_frames, (ten + 60.0) / 2.0), "{row:?}");
    assert!(near(row.copy_last.psnr_frames, ten));
    assert!(row.model.ssim.is_some());
    assert_eq!(row.latency_ms.frames, 4);
}

#[test]
fn a_horizon_is_scored_that_far_ahead() {
    let levels = [Some(100), Some(110), Some(120), Some(130)];
    let row = clip(EvalOptions { horizon: Horizon::Frames(2), ..Default::default() }, &levels);
    // Frames 2 and 3 are targets. Linear: 20 (copy-last after one frame), 0. Copy-last: 20, 20.
    assert_eq!(row.frames, 2);
    assert!(
        near(row.model.pd, 10.0 * level()) && near(row.copy_last.pd, 20.0 * level()),
        "{row:?}"
    );
    let report = EvalReport::new("linear", &EvalOptions::default(), vec![row]);
    assert_eq!(report.horizon, "1");
}

#[test]
fn skip_and_frames() {
    let levels: Vec<_> = (0..10u8).map(|i| Some(100 + i * i)).collect();
    let row = clip(EvalOptions { frames: Some(5), skip: 2, ..Default::default() }, &levels);
    // Frames 0..5 are read; targets 3 and 4 remain: 9 after 1, 4 and 16 after 4, 9.
    assert_eq!(row.frames, 2);
    assert!(near(row.model.pd, 2.0 * level()), "{row:?}");
    assert!(near(row.copy_last.pd, 6.0 * level()));
}

#[test]
fn a_lost_frame_is_no_target_and_resets() {
    let row = clip(EvalOptions::default(), &[Some(9), Some(9), None, Some(20), Some(23)]);
    assert_eq!((row.frames, row.lost), (2, 1));
    assert!(near(row.model.pd, 1.5 * level()), "{row:?}");
    assert_eq!(row.state_resets, [("gap", 1), ("start", 1)].into());
}

#[test]
fn width_scales_first() {
    let row = clip(EvalOptions { width: Some(6), ..Default::default() }, &[Some(1), Some(2)]);
    assert_eq!((row.size.as_str(), row.frames, row.model.ssim), ("6x6", 1, None));
}

#[test]
fn pooled_over_sources_of_different_sizes() {
    let mut sizes = Vec::new();
    let mut make = |size| {
        sizes.push(size);
        linear(size)
    };
    let options = EvalOptions::default();
    let mut evaluator = Evaluator::new(options, &mut make);
    let small = Size::new(8, 4);
    let mut row = |size, levels: &[Option<u8>]| {
        evaluator.clip("c", &mut source(size, levels), &mut |_, _| true).unwrap()
    };
    let rows = vec![
        row(SIZE, &[Some(0), Some(10)]),
        row(SIZE, &[Some(0), Some(10), Some(20)]),
        row(small, &[Some(0), Some(40)]),
    ];
    assert_eq!(sizes, [SIZE, small], "a predictor serves all sources of its size");
    let report = EvalReport::new("linear", &options, rows);
    assert_eq!(report.frames, 4);
    assert!(near(report.model.pd, (10.0 + 10.0 + 0.0 + 40.0) / 4.0 * level()));
    assert!(near(report.copy_last.pd, (10.0 + 10.0 + 10.0 + 40.0) / 4.0 * level()));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["layout"], "clip");
    for who in ["model", "copy_last"] {
        for metric in ["pd", "mse", "psnr"] {
            assert!(json[who][metric].is_number(), "{who}.{metric}");
        }
        assert!(json[who]["ssim"].is_null(), "one source is too small for it");
    }
    assert_eq!(json["sources"][2]["size"], "8x4");
}

#[test]
fn infinite_is_null() {
    let mut make = |_| -> Result<Box<dyn Forecaster>, TaskError> { Ok(Box::new(CopyLast)) };
    let mut evaluator = Evaluator::new(EvalOptions::default(), &mut make);
    let mut still = source(SIZE, &[Some(7), Some(7)]);
    let row = evaluator.clip("c", &mut still, &mut |_, _| true).unwrap();
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!((&json["model"]["pd"], &json["model"]["mse"]), (&0.0.into(), &0.0.into()));
    assert!(json["model"]["psnr"].is_null() && json["model"]["psnr_frames"].is_null());
}

fn write_grey(path: &Path, size: Size, level: u8) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let data = vec![level; size.pixels() * 3];
    let picture = image::RgbImage::from_raw(size.width, size.height, data).unwrap();
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    std::fs::write(path, bytes.into_inner()).unwrap();
}

#[test]
fn only_the_last_frame_of_a_sequence_is_a_target() {
    let place = tempfile::tempdir().unwrap();
    let put = |name: &str, level| write_grey(&place.path().join(name), SIZE, level);
    for (i, level) in [100, 110, 120, 150].into_iter().enumerate() {
        // Natural order: f9, f10, f11, f12.
        put(&format!("a/f{}.png", i + 9), level);
    }
    put("b/0.png", 50);
    put("b/1.png", 54);
    put("c/only.png", 1);
    put("d/0.png", 1);
    write_grey(&place.path().join("d/1.png"), Size::new(3, 3), 1);
    std::fs::create_dir(place.path().join("e")).unwrap();
    std::fs::write(place.path().join("e/0.jpg"), b"no picture").unwrap();
    put("e/1.png", 9);

    let options = EvalOptions { layout: Layout::Sequences, ..Default::default() };
    let mut make = linear;
    let mut evaluator = Evaluator::new(options, &mut make);
    let limits = Limits::default();
    let mut done = 0;
    let mut progress = |_, total| {
        assert_eq!(total, Some(5));
        done += 1;
        true
    };
    let row = evaluator.sequences("s", place.path(), &limits, &mut progress).unwrap();
    assert_eq!((done, row.frames, row.lost), (5, 2, 3));
    // a: 2 * 120 - 110 = 130 against 150; copy-last 120. b: one input, so copy-last.
    assert!(near(row.model.pd, 12.0 * level()), "{row:?}");
    assert!(near(row.copy_last.pd, 17.0 * level()));
    assert_eq!(row.latency_ms.frames, 4);

    let options = EvalOptions { frames: Some(1), width: Some(11), ..options };
    let mut evaluator = Evaluator::new(options, &mut make);
    let row = evaluator.sequences("s", place.path(), &limits, &mut |_, _| true).unwrap();
    assert_eq!((row.frames, row.size.as_str()), (1, "11x11"));
    assert!(near(row.model.pd, 20.0 * level()) && near(row.copy_last.pd, 30.0 * level()));
}
