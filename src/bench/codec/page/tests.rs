use super::*;
use crate::bench::codec::prediction::{GatePoint, RatePoint};
use crate::bench::codec::quality::Quality;
use crate::bench::codec::report::tests::{clip, coded};
use crate::bench::codec::report::{
    CSV_FILES, ClipPoints, Outcomes, SCHEMA_VERSION, compare_gating, csv, curves, fewer, lossless,
    predictors,
};

/// A small report with something in every part.
fn report() -> Report {
    let clips = vec![clip("a<b", false), clip("noisy", true)];
    let row = |name: &str, bytes: u64| Outcomes {
        name: name.to_owned(),
        clips: vec![Ok(coded(bytes, 2.0)), Ok(coded(2 * bytes, 1.0))],
    };
    let mut broken = row("vp9", 1000);
    broken.clips[1] = Err("Unknown encoder <x>".to_owned());
    let rows =
        [row("framecast:fast", 800), row("ffv1", 1000), row("x264", 900), row("x265", 950), broken];
    let mode = |at: u64| {
        let mut measured = coded(1000 * at, 1.0);
        measured.quality = Quality {
            psnr_yuv: Some(30.0 + at as f64),
            ms_ssim: Some(1.0 - 0.1 / at as f64),
            ..Quality::default()
        };
        (format!("crf {at}"), Ok(measured))
    };
    let modes = |name: &str| (name.to_owned(), (1..5).map(mode).collect());
    let point = |predictor: &str, every, rate: u32| RatePoint {
        predictor: predictor.to_owned(),
        every,
        mode: "crf 26".to_owned(),
        bytes: 100,
        bpp: 0.1 * f64::from(rate) / every as f64,
        psnr_rgb: Some(30.0 + f64::from(rate)),
        ssim: Some(0.9),
        ms_ssim: Some(0.95),
        pd: Some(12.0),
    };
    let of_clip = |points| ClipPoints {
        clip: "noisy".to_owned(),
        carrier: "x264".to_owned(),
        points,
        errors: Vec::new(),
    };
    let rates = [("none", 1), ("copy-last", 2), ("motion", 2)];
    let rates =
        rates.iter().flat_map(|(name, every)| [1, 2, 4].map(|rate| point(name, *every, rate)));
    let frame_rate = of_clip(rates.collect());
    let mut gates = vec![GatePoint {
        limit_db: 30.0,
        sent: 3,
        frames: 10,
        vs_every_frame_percent: None,
        point: point("motion", 1, 2),
    }];
    compare_gating(&mut gates, Some(&frame_rate));
    let mut table = lossless(&clips, &rows);
    table.missing.push("b has no best anchor".to_owned());
    Report {
        schema_version: SCHEMA_VERSION,
        framecast: "0.1.0".to_owned(),
        ffmpeg: Some("5.1".to_owned()),
        command: "framecast codec-report 'a<b.y4m' --out x".to_owned(),
        architecture: "x86_64".to_owned(),
        processor: "a <fast> one".to_owned(),
        notes: vec!["a note & more".to_owned()],
        lossless: Some(table),
        curves: vec![curves(&clips[0], "x264", &[modes("x264"), modes("x265")])],
        predictors: predictors(&clips, "fast", &[row("none", 1000), row("motion", 990)]),
        frame_rate_bd: fewer(&frame_rate),
        frame_rate: vec![frame_rate],
        gating: vec![ClipPoints {
            clip: "noisy".to_owned(),
            carrier: "x264".to_owned(),
            points: gates,
            errors: vec!["a model <failed>".to_owned()],
        }],
        clips,
    }
}

#[test]
fn the_page_holds_every_part_and_nothing_from_elsewhere() {
    let html = page(&report());
    for part in [
        "Lossless",
        "Rate and quality",
        "Bits saved by predictors",
        "Every n-th frame sent",
        "Surprising frames sent",
        "a&lt;b",
        "a note &amp; more",
        "Unknown encoder &lt;x&gt;",
        "a model &lt;failed&gt;",
        "3 of 10",
        "codec-report 'a&lt;b.y4m'",
        "BD-rate against x264",
        "BD-rate against every frame sent",
        "<td class=\"w\">motion</td><td class=\"w\">every 2.</td>",
        "a &lt;fast&gt; one",
        "b has no best anchor",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    assert!(!html.contains("<script") && !html.contains("http") && !html.contains("NaN"));
    // Two curves, two of frame rate (one twice), size and speed, gating.
    assert!(html.matches("<figure>").count() >= 4);
    let open = html.matches("<table>").count();
    assert_eq!((open, html.matches("</table>").count()), (open, open));
}

#[test]
fn the_smallest_is_marked_and_a_failure_takes_the_whole_row() {
    let html = page(&report());
    assert!(
        html.contains("<tr class=\"ours\"><td class=\"w\">framecast:fast</td><td class=\"best\">")
    );
    assert!(html.contains("<td class=\"bad\" colspan=\"7\">vp9 on noisy: Unknown encoder"));
}

#[test]
fn every_table_has_its_file_and_every_line_its_columns() {
    let files = csv(&report());
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, CSV_FILES);
    for (name, text) in files {
        let columns: Vec<usize> = text.lines().map(|line| line.split(',').count()).collect();
        assert!(columns.iter().all(|n| *n == columns[0]), "{name}: {columns:?}");
        assert!(columns.len() > 1, "{name}");
    }
}
