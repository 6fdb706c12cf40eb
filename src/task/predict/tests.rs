//! The predictor over scripted models, with numbers worked out by hand.
//!
//! A grey error of e levels has a perceptual distance of `e sqrt(4 + 1279 / 256)`, about 3 e, and a
//! squared error of (e / 255)^2; the tests speak of levels.

use std::time::Duration;

use super::scripted::{Model, Scripted, contract, grey, meta};
use super::{
    CopyLast, Direct, Forecaster, Horizon, Linear, MAX_HORIZON, Predictor, PredictorOptions, Step,
    SurpriseEvent, SurpriseOptions,
};
use crate::frame::{FrameMeta, Rational, Size};
use crate::model::{
    Contract, Dim, Layout, ResetReason, SizeRule, StateInit, StatePair, WindowLayout,
};
use crate::task::TaskError;
use crate::vision::RgbImage;

const SIZE: Size = Size::new(4, 3);

fn direct(contract: &Contract, frame: Size, model: Model) -> Box<Direct> {
    let padded = super::Fit::new(contract, frame).unwrap().padded;
    let (session, _) = Scripted::new(contract, padded, model);
    Box::new(Direct::new(session, contract, "hash".into(), frame).unwrap())
}

/// Adds 10 levels to the frame.
fn plus_ten() -> Model {
    Box::new(|frame, _| (frame.iter().map(|v| v + 10.0 / 255.0).collect(), Vec::new()))
}

/// Predicts `frame + state`, where the state is the number of frames since the reset.
fn counting() -> Model {
    Box::new(|frame, state| {
        let n = state.first().copied().unwrap_or(0.0) + 1.0;
        (frame.iter().map(|v| v + n / 255.0).collect(), vec![n])
    })
}

fn predictor(forecaster: Box<dyn Forecaster>, options: PredictorOptions) -> Predictor {
    Predictor::new(forecaster, SIZE, options).unwrap()
}

fn horizon(horizon: Horizon) -> PredictorOptions {
    PredictorOptions { horizon, scene_cuts: false, ..Default::default() }
}

fn feed(predictor: &mut Predictor, frames: &[(u64, u8)]) -> Vec<Step> {
    let step = |&(seq, level)| predictor.step(&grey(SIZE, level), &meta(seq)).unwrap();
    frames.iter().map(step).collect()
}

/// Errors of model and copy-last in grey levels.
fn levels(step: &Step) -> Option<(f64, f64)> {
    let round = |pd: f64| (pd / (4.0f64 + 1279.0 / 256.0).sqrt() * 1000.0).round() / 1000.0;
    step.score.map(|s| (round(s.model.pd), round(s.copy_last.pd)))
}

#[test]
fn each_frame_is_compared_with_its_prediction() {
    let mut p = predictor(direct(&contract(1), SIZE, plus_ten()), PredictorOptions::default());
    let steps = feed(&mut p, &[(0, 100), (1, 104), (2, 114), (3, 120)]);
    assert_eq!(steps[0].reset, Some(ResetReason::Start));
    assert_eq!(levels(&steps[0]), None);
    assert_eq!(levels(&steps[1]), Some((4.0, 4.0)), "after one frame the prediction is copy-last");
    assert_eq!(levels(&steps[2]), Some((0.0, 10.0)));
    assert_eq!(levels(&steps[3]), Some((4.0, 6.0)));
    let totals = p.totals();
    assert_eq!((totals.scored(), totals.better_worse()), (3, (2, 0)));
    assert!((totals.model().unwrap().pd - 8.0 / 3.0 * 2.999_348).abs() < 1e-4);
    assert!((totals.copy_last().unwrap().mse - (16.0 + 100.0 + 36.0) / 3.0 / 65025.0).abs() < 1e-9);
}

#[test]
fn a_gap_resets_and_the_lost_prediction_is_not_scored() {
    let mut p = predictor(direct(&contract(1), SIZE, counting()), PredictorOptions::default());
    let steps = feed(&mut p, &[(0, 100), (1, 100), (2, 100), (4, 100), (5, 100), (6, 100)]);
    let resets: Vec<_> = steps.iter().map(|s| s.reset).collect();
    let (start, gap) = (Some(ResetReason::Start), Some(ResetReason::Gap));
    assert_eq!(resets, [start, None, None, gap, None, None]);
    // Frame 2 was predicted with a state of 2; frame 6 with 2 again, because 4 began anew.
    let scores: Vec<_> = steps.iter().map(|s| levels(s).map(|p| p.0)).collect();
    assert_eq!(scores, [None, Some(0.0), Some(2.0), None, Some(0.0), Some(2.0)]);
    assert_eq!(p.totals().unscored(), 1, "frame 3 never came");
    let gaps = p.totals().resets().find(|(r, _)| *r == ResetReason::Gap);
    assert_eq!(gaps, Some((ResetReason::Gap, 1)));
}

#[test]
fn a_reset_that_the_contract_leaves_out_is_none() {
    let mut c = contract(1);
    c.state = vec![StatePair {
        input: "h".into(),
        output: "h2".into(),
        init: StateInit::Zeros,
        reset: vec![ResetReason::SceneCut],
    }];
    let mut p = predictor(direct(&c, SIZE, counting()), PredictorOptions::default());
    let steps = feed(&mut p, &[(0, 100), (1, 100), (3, 100), (4, 100), (5, 230), (6, 230)]);
    let resets: Vec<_> = steps.iter().map(|s| s.reset).collect();
    let (start, cut) = (Some(ResetReason::Start), Some(ResetReason::SceneCut));
    assert_eq!(resets, [start, None, None, None, cut, None]);
    // Others are told all the same.
    let broken: Vec<_> = steps.iter().map(|s| s.broken).collect();
    assert_eq!(broken, [start, None, Some(ResetReason::Gap), None, cut, None]);
    assert_eq!(levels(&steps[3]), Some((3.0, 0.0)), "the third frame's prediction, state kept");
    assert_eq!(levels(&steps[5]), Some((0.0, 0.0)), "copy-last after the cut");
    p.reset(ResetReason::Reconnect);
    assert_eq!(feed(&mut p, &[(9, 230)])[0].reset, None);
    p.replace(direct(&c, SIZE, counting()));
    assert_eq!(feed(&mut p, &[(10, 230)])[0].reset, Some(ResetReason::Reload));
    let counted: Vec<_> = p.totals().resets().filter(|(_, n)| *n > 0).map(|(r, _)| r).collect();
    assert_eq!(counted.len(), 3, "{counted:?}");
    assert!(!counted.contains(&ResetReason::Gap) && !counted.contains(&ResetReason::Reconnect));
}

#[test]
fn a_stride_is_no_gap() {
    let options = PredictorOptions { stride: 3, ..Default::default() };
    let mut p = predictor(Box::new(Linear::new()), options);
    let steps = feed(&mut p, &[(0, 100), (3, 110), (6, 120), (9, 133)]);
    assert_eq!(steps.iter().filter(|s| s.reset.is_some()).count(), 1);
    assert_eq!(levels(&steps[3]), Some((3.0, 13.0)));
}

#[test]
fn a_scene_cut_resets() {
    let mut p = predictor(direct(&contract(1), SIZE, counting()), PredictorOptions::default());
    let steps = feed(&mut p, &[(0, 20), (1, 20), (2, 230), (3, 230)]);
    assert_eq!(steps[2].reset, Some(ResetReason::SceneCut));
    assert_eq!(levels(&steps[2]), Some((208.0, 210.0)), "the cut itself counts in full");
    assert_eq!(levels(&steps[3]), Some((0.0, 0.0)), "then copy-last, from one frame");
}

#[test]
fn reconnect_and_reload_begin_afresh() {
    let mut p = predictor(direct(&contract(1), SIZE, counting()), PredictorOptions::default());
    feed(&mut p, &[(0, 100), (1, 100)]);
    p.reset(ResetReason::Reconnect);
    assert!(p.prediction().is_none());
    let steps = feed(&mut p, &[(7, 100), (8, 100)]);
    assert_eq!((steps[0].reset, levels(&steps[0])), (Some(ResetReason::Reconnect), None));
    let old = p.replace(Box::new(CopyLast));
    assert_eq!(old.name(), "scripted");
    let steps = feed(&mut p, &[(9, 100), (10, 120)]);
    assert_eq!(
        (steps[0].reset, levels(&steps[1])),
        (Some(ResetReason::Reload), Some((20.0, 20.0)))
    );
}

#[test]
fn the_horizon_feeds_back_and_compares_with_the_right_frame() {
    // Rises by 10 a frame as the model says, so each prediction is exact at any horizon.
    let mut p = predictor(direct(&contract(1), SIZE, plus_ten()), horizon(Horizon::Frames(3)));
    let frames: Vec<(u64, u8)> = (0..8u8).map(|i| (u64::from(i), 100 + 10 * i)).collect();
    let steps = feed(&mut p, &frames);
    let scores: Vec<_> = steps.iter().map(levels).collect();
    assert_eq!(scores[..3], [None; 3]);
    assert_eq!(scores[3], Some((30.0, 30.0)), "made from frame 0, which is copy-last");
    assert_eq!(scores[4..], [Some((0.0, 30.0)); 4]);
    assert_eq!(steps[7].horizon, 3);
    let newest = p.prediction().unwrap().data[0];
    assert!((newest - 200.0).abs() < 1e-3, "frame 10: {newest}");
}

#[test]
fn looking_ahead_leaves_the_state_alone() {
    let still: Vec<(u64, u8)> = (0..6).map(|i| (i, 100)).collect();
    let mut near = predictor(direct(&contract(1), SIZE, counting()), horizon(Horizon::Frames(1)));
    let mut far = predictor(direct(&contract(1), SIZE, counting()), horizon(Horizon::Frames(3)));
    feed(&mut near, &still);
    feed(&mut far, &still);
    // Six frames in: one ahead adds 6; three ahead add 6 + 7 + 8.
    assert!((near.prediction().unwrap().data[0] - 106.0).abs() < 1e-3);
    assert!((far.prediction().unwrap().data[0] - 121.0).abs() < 1e-3);
}

#[test]
fn a_time_horizon_follows_the_measured_interval() {
    let mut options = horizon(Horizon::Time(Duration::from_millis(120)));
    options.rate = Some(Rational::whole(50));
    let mut p = predictor(Box::new(CopyLast), options);
    let steps = feed(&mut p, &[(0, 9), (1, 9), (2, 9)]);
    assert_eq!(steps[0].horizon, 6, "the nominal 20 ms until intervals are known");
    assert_eq!(steps[2].horizon, 3, "frames come every 40 ms");
}

#[test]
fn auto_reaches_to_the_moment_of_display() {
    let mut p = predictor(Box::new(CopyLast), horizon(Horizon::Auto));
    feed(&mut p, &[(0, 9), (1, 9)]);
    p.note_display_age(Duration::from_millis(150));
    assert_eq!(feed(&mut p, &[(2, 9)])[0].horizon, 4, "150 ms at 40 ms a frame, half up");
    for _ in 0..3 {
        p.note_display_age(Duration::from_millis(45));
    }
    assert_eq!(feed(&mut p, &[(3, 9)])[0].horizon, 1);
}

#[test]
fn a_window_is_filled_with_the_oldest_frame() {
    for layout in [WindowLayout::Channels, WindowLayout::Time] {
        let mut c = contract(2);
        c.window.as_mut().unwrap().layout = layout;
        if layout == WindowLayout::Time {
            c.inputs[0].shape[1] = Dim::Fixed(2);
            c.inputs[0].shape.insert(2, Dim::Fixed(3));
        }
        let extrapolate: Model = Box::new(|window, _| {
            let (old, new) = window.split_at(window.len() / 2);
            (new.iter().zip(old).map(|(n, o)| 2.0 * n - o).collect(), Vec::new())
        });
        let mut p = predictor(direct(&c, SIZE, extrapolate), horizon(Horizon::Frames(2)));
        feed(&mut p, &[(0, 100)]);
        assert!((p.prediction().unwrap().data[0] - 100.0).abs() < 1e-3);
        let steps = feed(&mut p, &[(1, 110), (2, 120), (3, 130), (4, 140)]);
        assert_eq!(levels(&steps[2]), Some((0.0, 20.0)), "{layout:?}");
    }
}

#[test]
fn odd_sizes_are_padded_and_cropped() {
    let mut c = contract(1);
    c.size = Some(SizeRule::MultipleOf(8));
    // Gives each pixel the value of its right-hand neighbour, so that the edge comes from padding.
    let shift: Model = Box::new(|frame, _| {
        let mut out = frame.to_vec();
        out.rotate_left(1);
        (out, Vec::new())
    });
    let size = Size::new(5, 3);
    let data: Vec<u8> = (0..45).map(|v| v * 5).collect();
    let image = RgbImage::from_vec(size, data).unwrap();
    let mut p = Predictor::new(direct(&c, size, shift), size, horizon(Horizon::default())).unwrap();
    p.step(&image, &meta(0)).unwrap();
    p.step(&image, &meta(1)).unwrap();
    let red: Vec<u32> =
        p.prediction().unwrap().planes()[0][..5].iter().map(|v| v.round() as u32).collect();
    assert_eq!(red, [15, 30, 45, 60, 60], "the last pixel is the replicated edge");
}

#[test]
fn fixed_models_are_scaled_to_and_back() {
    let mut c = contract(1);
    c.size = Some(SizeRule::Fixed { width: 2, height: 2 });
    c.inputs[0].shape[2] = Dim::Fixed(2);
    c.inputs[0].shape[3] = Dim::Fixed(2);
    let mut p = predictor(direct(&c, SIZE, plus_ten()), horizon(Horizon::Frames(2)));
    let steps = feed(&mut p, &[(0, 100), (1, 100), (2, 110), (3, 120)]);
    assert_eq!(levels(&steps[3]), Some((0.0, 20.0)));
    assert_eq!(p.prediction().unwrap().size, SIZE);
}

#[test]
fn nonsense_from_the_model_is_replaced_and_counted() {
    let poisoned: Model = Box::new(|frame, state| {
        let n = state.first().copied().unwrap_or(0.0) + 1.0;
        let value = if n == 3.0 { f32::NAN } else { n / 255.0 };
        (frame.iter().map(|v| v + value).collect(), vec![n])
    });
    let mut p = predictor(direct(&contract(1), SIZE, poisoned), PredictorOptions::default());
    let steps = feed(&mut p, &[(0, 50), (1, 50), (2, 50), (3, 50), (4, 50), (5, 50)]);
    let scores: Vec<_> = steps.iter().map(|s| levels(s).map(|p| p.0)).collect();
    assert_eq!(scores, [None, Some(0.0), Some(2.0), Some(0.0), Some(0.0), Some(2.0)]);
    assert!(p.totals().resets().any(|r| r == (ResetReason::NonFinite, 2)), "frames 2 and 5");
}

#[test]
fn the_unexpected_starts_an_event() {
    let options = PredictorOptions {
        scene_cuts: false,
        surprise: SurpriseOptions { warm_up: 5, cooldown: 0, ..Default::default() },
        ..Default::default()
    };
    let mut p = predictor(Box::new(CopyLast), options);
    let calm: Vec<(u64, u8)> = (0..20).map(|i| (i, 100 + (i % 2) as u8)).collect();
    assert!(feed(&mut p, &calm).iter().all(|s| s.event.is_none()));
    let steps = feed(&mut p, &[(20, 180), (21, 180)]);
    assert!(matches!(steps[0].event, Some(SurpriseEvent::Started { score }) if score > 50.0));
    assert!(matches!(steps[1].event, Some(SurpriseEvent::Ended { frames: 2, .. })));
    assert_eq!(p.events(), 1);
}

#[test]
fn constant_inputs_are_filled() {
    let mut c = contract(1);
    let mut gain = crate::model::Port::new(
        "gain",
        crate::model::Role::Other,
        crate::model::DType::F32,
        &[Dim::Fixed(2)],
    );
    gain.constant = Some(0.5);
    c.inputs.insert(0, gain);
    let halve: Model = Box::new(|frame, _| (frame.iter().map(|v| v * 0.5).collect(), Vec::new()));
    let (mut session, _) = Scripted::new(&c, SIZE, halve);
    session.frame_at = 1;
    let direct = Direct::new(session, &c, "hash".into(), SIZE).unwrap();
    let mut p = predictor(Box::new(direct), PredictorOptions::default());
    feed(&mut p, &[(0, 100), (1, 100)]);
    assert!((p.prediction().unwrap().data[0] - 50.0).abs() < 1e-3);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut p = predictor(Box::new(CopyLast), PredictorOptions::default());
    let error = p.step(&grey(Size::new(8, 8), 0), &FrameMeta::default()).unwrap_err();
    assert!(matches!(error, TaskError::FrameSize { .. }), "{error}");

    let refused = |c: &Contract, loaded: Size| {
        let (session, _) = Scripted::new(c, loaded, plus_ten());
        Direct::new(session, c, String::new(), SIZE).unwrap_err().to_string()
    };
    let error = refused(&contract(1), Size::new(8, 8));
    assert!(error.contains("[1, 3, 8, 8]") && error.contains("[1, 3, 3, 4]"), "{error}");
    let mut c = contract(1);
    c.outputs.clear();
    assert!(refused(&c, SIZE).contains("role prediction"));
    let mut c = contract(2);
    c.inputs[0].layout = Layout::Nhwc;
    assert!(refused(&c, SIZE).contains("interleaved"));
    let mut c = contract(1);
    c.outputs[0].shape[1] = Dim::Fixed(5);
    assert!(refused(&c, SIZE).contains("[1, 5, 3, 4]"));
    let mut c = contract(1);
    c.inputs.push(c.outputs[0].clone());
    assert!(refused(&c, SIZE).contains("constant"));

    let far = PredictorOptions { horizon: Horizon::Frames(MAX_HORIZON), ..Default::default() };
    let huge = Predictor::new(Box::new(CopyLast), Size::new(7680, 4320), far);
    let error = huge.unwrap_err().to_string();
    assert!(error.contains("1024 MiB") && error.contains("at most 2 frames"), "{error}");
    for horizon in [Horizon::default(), Horizon::Auto] {
        let options = PredictorOptions { horizon, ..Default::default() };
        let size = Size::new(16384, 12288);
        let error = Predictor::new(Box::new(CopyLast), size, options).unwrap_err().to_string();
        assert!(error.contains("16384x12288 are too large"), "{error}");
        assert!(error.contains("2880 MiB") && error.contains("71582788 pixels"), "{error}");
    }
}

#[test]
fn a_saved_state_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let make = |c: &Contract| predictor(direct(c, SIZE, counting()), PredictorOptions::default());
    let mut p = make(&contract(1));
    feed(&mut p, &[(0, 100), (1, 100), (2, 100)]);
    p.save_state(&path).unwrap();

    let mut restored = make(&contract(1));
    restored.load_state(&path).unwrap();
    let steps = feed(&mut restored, &[(40, 100)]);
    assert_eq!(steps[0].reset, None);
    assert!((restored.prediction().unwrap().data[0] - 104.0).abs() < 1e-3);

    // Another model, another size, a damaged file, and no file.
    let refused = |p: &mut Predictor, path: &std::path::Path| {
        let error = p.load_state(path).unwrap_err();
        assert!(matches!(error, TaskError::State { .. }));
        error.to_string()
    };
    let mut other = predictor(Box::new(CopyLast), PredictorOptions::default());
    let error = refused(&mut other, &path);
    assert!(error.contains("hash") && error.contains("copy-last"), "{error}");
    let size = Size::new(3, 4);
    let mut turned =
        Predictor::new(direct(&contract(1), size, counting()), size, Default::default()).unwrap();
    assert!(refused(&mut turned, &path).contains("4x3"));
    let mut bytes = std::fs::read(&path).unwrap();
    for at in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(refused(&mut make(&contract(1)), &path).contains("damaged"));
        bytes[at] ^= 1;
    }
    std::fs::write(&path, &bytes[..20]).unwrap();
    assert!(refused(&mut make(&contract(1)), &path).contains("damaged"));
    assert!(
        refused(&mut make(&contract(1)), &folder.path().join("none")).contains("cannot be read")
    );
    assert!(p.save_state(&folder.path().join("missing/state")).is_err());
}

#[test]
fn a_saved_window_goes_on_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let model = || -> Model {
        Box::new(|window, _| {
            let (old, new) = window.split_at(window.len() / 2);
            (new.iter().zip(old).map(|(n, o)| 2.0 * n - o).collect(), Vec::new())
        })
    };
    let make = || predictor(direct(&contract(2), SIZE, model()), PredictorOptions::default());
    let mut p = make();
    feed(&mut p, &[(0, 100), (1, 110)]);
    p.save_state(&path).unwrap();
    let mut restored = make();
    restored.load_state(&path).unwrap();
    feed(&mut restored, &[(0, 125)]);
    assert!((restored.prediction().unwrap().data[0] - 140.0).abs() < 1e-3);
}
