//! An evaluation for people.

use std::fmt::Write as _;

use framecast::engine::LoadReport;
use framecast::task::evaluate::{EvalReport, Interval, LatencyMs, Means, Paired};

/// The report as text: two lines a source, model above copy-last, then all of them pooled.
pub(super) fn text(report: &EvalReport, engine: Option<&LoadReport>) -> String {
    let mut text = String::new();
    let mut line = |l: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{l}");
    };
    let engine = engine.map(|e| format!(" on {}", e.summary())).unwrap_or_default();
    line(format!("{}{engine}, protocol {}", report.predictor, report.protocol));
    let mut parts = vec![(
        None,
        report.frames,
        &report.model,
        &report.copy_last,
        report.paired,
        report.latency_ms,
        None,
    )];
    if report.sources.len() > 1 {
        let rows = report.sources.iter();
        let rows = rows.map(|r| {
            let error = r.error.as_deref();
            let name = Some(r.source.as_str());
            (name, r.frames, &r.model, &r.copy_last, r.paired, r.latency_ms, error)
        });
        parts.splice(0..0, rows);
    }
    let width = report.predictor.chars().count().clamp(9, 24);
    for (source, frames, model, copy_last, paired, latency, error) in parts {
        let single = report.sources.first().filter(|_| report.sources.len() == 1);
        let name = source.or(single.map(|r| r.source.as_str())).unwrap_or("all sources");
        line(String::new());
        line(format!("{name}: {frames} targets, {}, {}", pairs(paired), time(latency)));
        line(format!("  {:<width$}  {}", clip(&report.predictor, width), means(model)));
        line(format!("  {:<width$}  {}", "copy-last", means(copy_last)));
        let damaged = source.is_some() || single.is_some();
        let row = report.sources.iter().find(|r| damaged && r.source == name);
        if let Some(row) = row.filter(|r| !r.damage.is_none()) {
            line(format!("  damaged: {}", row.damage));
        }
        if let Some(error) = error.or(single.and_then(|r| r.error.as_deref())) {
            line(format!("  failed: {error}"));
        }
    }
    if report.lost > 0 {
        line(format!("\n{} frames or sequences were lost and are no targets", report.lost));
    }
    text
}

/// How sure the pooled differences from copy-last are.
pub(super) fn intervals(report: &EvalReport) -> String {
    let s = &report.statistics;
    let d = &s.differences;
    let interval = |name: &str, interval: &Option<Interval>, digits: usize| {
        interval.map(|interval: Interval| match interval.ends() {
            Some((low, high)) => {
                format!("{name} {:+.digits$} [{low:+.digits$}, {high:+.digits$}]", interval.value)
            }
            None => format!("{name} {:+.digits$} [-]", interval.value),
        })
    };
    let list = [
        interval("PD", &d.pd, 3),
        interval("MSE", &d.mse, 6),
        interval("PSNR", &d.psnr, 2),
        interval("PSNR of frames", &d.psnr_frames, 2),
        interval("SSIM", &d.ssim, 4),
    ];
    let list: Vec<String> = list.into_iter().flatten().collect();
    if list.is_empty() {
        return String::new();
    }
    format!(
        "\nover copy-last, 95 % of {} draws of {}\n  {}\n",
        s.resamples,
        s.unit,
        list.join("  ")
    )
}

/// Where the difference comes from.
pub(super) fn parts(report: &EvalReport) -> String {
    let mut text = String::new();
    let groups = [
        ("by the error of copy-last", &report.statistics.motion),
        ("by the four steps before (1 = repeat, oldest first)", &report.statistics.cadence),
    ];
    for (title, parts) in groups {
        text += &format!("\n{title}\n");
        for part in parts {
            text +=
                &format!("  {:<7}{:>6} targets, {}\n", part.name, part.targets, pairs(part.paired));
            text += &format!("    model      {}\n", means(&part.model));
            text += &format!("    copy-last  {}\n", means(&part.copy_last));
        }
    }
    text
}

fn clip(name: &str, width: usize) -> String {
    name.chars().take(width).collect()
}

pub(super) fn means(means: &Means) -> String {
    let number = |v: Option<f64>, width: usize, digits: usize, none: &str| match v {
        Some(v) => format!("{v:>width$.digits$}"),
        None => format!("{none:>width$}"),
    };
    // A mean error of zero is an infinite ratio; without targets there is nothing at all.
    let none = if means.mse.is_some() { "inf" } else { "-" };
    format!(
        "PD {}  MSE {}  PSNR {} dB  SSIM {}  PSNR of frames {} dB",
        number(means.pd, 7, 3, "-"),
        number(means.mse, 9, 6, "-"),
        number(means.psnr, 6, 2, none),
        number(means.ssim, 6, 4, "-"),
        number(means.psnr_frames, 6, 2, "-"),
    )
}

fn pairs(paired: Paired) -> String {
    let Paired { better, worse, equal } = paired;
    format!("PD better on {better}, worse on {worse}, equal on {equal}")
}

fn time(latency: LatencyMs) -> String {
    match (latency.p50, latency.p99) {
        (Some(p50), Some(p99)) => format!("{p50:.2} ms a frame (p99 {p99:.2})"),
        _ => "no prediction made".to_owned(),
    }
}
