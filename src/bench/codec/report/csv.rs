//! The tables as comma-separated values (RFC 4180), one file a table, for other programs.

use super::{ClipPoints, RatePoint, Report, Speeds};
use crate::bench::codec::quality::BdRate;

/// Every file there can be.
pub const CSV_FILES: [&str; 7] = [
    "lossless.csv",
    "curves.csv",
    "bd_rate.csv",
    "predictors.csv",
    "frame_rate.csv",
    "frame_rate_bd_rate.csv",
    "gating.csv",
];

/// Columns of [`Lines::bd`], after their measure of quality.
const BD: [&str; 2] = ["", "_overlap"];

/// Names and contents of the files of `report`.
#[must_use]
pub fn csv(report: &Report) -> Vec<(&'static str, String)> {
    let files = [lossless, curves, bd_rate, predictors, frame_rate, frame_rate_bd_rate, gating];
    let made = CSV_FILES.into_iter().zip(files);
    made.filter_map(|(name, file)| Some((name, file(report)?.0))).collect()
}

fn lossless(report: &Report) -> Option<Lines> {
    let table = report.lossless.as_ref()?;
    let mut out = Lines::new(
        "codec,clip,bytes,header_bytes,bpp,vs_ffv1,vs_best,encode_cpu_s,decode_cpu_s,\
         encode_fps,decode_fps,encode_speed,decode_speed,rounds,exact,error",
    );
    for (row, e) in table.rows.iter().flat_map(|row| row.clips.iter().map(move |e| (row, e))) {
        out.text(&row.codec).text(&e.clip);
        out.whole(e.bytes).whole(e.header_bytes);
        for value in [e.bpp, e.vs_ffv1, e.vs_best, e.encode_cpu_s, e.decode_cpu_s] {
            out.number(value);
        }
        out.speeds(&e.speeds).whole(e.rounds.map(u64::from)).truth(e.exact);
        out.text(e.error.as_deref().unwrap_or_default()).end();
    }
    Some(out)
}

fn curves(report: &Report) -> Option<Lines> {
    let mut out = Lines::new(
        "clip,codec,mode,bytes,bpp,psnr_yuv,psnr_y,ssim,ms_ssim,pd,max_error,encode_fps,\
         decode_fps,error",
    );
    for (clip, curve) in report.curves.iter().flat_map(|c| c.curves.iter().map(move |v| (c, v))) {
        for p in &curve.points {
            let q = p.quality.unwrap_or_default();
            out.text(&clip.clip).text(&curve.codec).text(&p.mode).whole(p.bytes);
            for value in [p.bpp, q.psnr_yuv, q.psnr_y, q.ssim, q.ms_ssim, q.pd] {
                out.number(value);
            }
            out.whole(p.quality.map(|q| u64::from(q.max_error)));
            out.number(p.encode_fps).number(p.decode_fps);
            out.text(p.error.as_deref().unwrap_or_default()).end();
        }
    }
    (!report.curves.is_empty()).then_some(out)
}

fn bd_rate(report: &Report) -> Option<Lines> {
    let of = ["bd_psnr_yuv", "bd_psnr_yuv_cubic", "bd_ssim", "bd_ms_ssim", "bd_pd"];
    let mut out = Lines::new(&format!("clip,codec,reference,{}", doubled(&of)));
    for (clip, curve) in report.curves.iter().flat_map(|c| c.curves.iter().map(move |v| (c, v))) {
        out.text(&clip.clip).text(&curve.codec).text(&clip.reference);
        let bd = &curve.bd_rate;
        for value in [bd.psnr_yuv, bd.psnr_yuv_cubic, bd.ssim, bd.ms_ssim, bd.pd] {
            out.bd(value);
        }
        out.end();
    }
    (!report.curves.is_empty()).then_some(out)
}

fn predictors(report: &Report) -> Option<Lines> {
    let mut out = Lines::new(
        "codec,predictor,clip,bytes,bpp,saved_percent,saved_percent_vs_copy_last,\
         saved_percent_vs_motion,encode_fps,decode_fps,encode_speed,decode_speed,exact,error",
    );
    for (row, e) in report.predictors.iter().flat_map(|r| r.clips.iter().map(move |e| (r, e))) {
        let s = &e.saved;
        out.text(&row.codec).text(&row.predictor).text(&e.clip).whole(e.bytes).number(e.bpp);
        out.number(s.saved_percent).number(s.saved_percent_vs_copy_last);
        out.number(s.saved_percent_vs_motion).speeds(&e.speeds).truth(e.exact);
        out.text(e.error.as_deref().unwrap_or_default()).end();
    }
    (!report.predictors.is_empty()).then_some(out)
}

const POINT: &str = "clip,carrier,mode,predictor,every,bytes,bpp,psnr_rgb,ssim,ms_ssim,pd";

fn frame_rate(report: &Report) -> Option<Lines> {
    let mut out = Lines::new(&format!("{POINT},error"));
    for clip in &report.frame_rate {
        for p in &clip.points {
            out.rate_point(clip, p).text("").end();
        }
        out.errors(clip, 9);
    }
    (!report.frame_rate.is_empty()).then_some(out)
}

fn frame_rate_bd_rate(report: &Report) -> Option<Lines> {
    let of = ["bd_psnr_rgb", "bd_ssim", "bd_ms_ssim", "bd_pd"];
    let mut out = Lines::new(&format!("clip,carrier,predictor,every,{}", doubled(&of)));
    for row in &report.frame_rate_bd {
        out.text(&row.clip).text(&row.carrier).text(&row.predictor).whole(Some(row.every as u64));
        for value in [row.psnr_rgb, row.ssim, row.ms_ssim, row.pd] {
            out.bd(value);
        }
        out.end();
    }
    (!report.frame_rate_bd.is_empty()).then_some(out)
}

fn gating(report: &Report) -> Option<Lines> {
    let more = "limit_db,sent,frames,vs_every_frame_percent,error";
    let mut out = Lines::new(&format!("{POINT},{more}"));
    for clip in &report.gating {
        for p in &clip.points {
            out.rate_point(clip, &p.point).number(Some(p.limit_db)).whole(Some(p.sent as u64));
            out.whole(Some(p.frames as u64)).number(p.vs_every_frame_percent).text("").end();
        }
        out.errors(clip, 13);
    }
    (!report.gating.is_empty()).then_some(out)
}

/// The head of a column and of the one that [`Lines::bd`] adds, for each of `names`.
fn doubled(names: &[&str]) -> String {
    let both = names.iter().flat_map(|name| BD.map(|end| format!("{name}{end}")));
    both.collect::<Vec<_>>().join(",")
}

/// Lines of values; an absent one is empty.
struct Lines(String);

impl Lines {
    fn new(head: &str) -> Self {
        Self(format!("{head}\r\n"))
    }

    fn text(&mut self, text: &str) -> &mut Self {
        if text.contains(['"', ',', '\r', '\n']) {
            self.0 += &format!("\"{}\"", text.replace('"', "\"\""));
        } else {
            self.0 += text;
        }
        self.0.push(',');
        self
    }

    fn number(&mut self, value: Option<f64>) -> &mut Self {
        let text = value.filter(|v| v.is_finite()).map_or(String::new(), |v| format!("{v:.6}"));
        self.text(&text)
    }

    fn whole(&mut self, value: Option<u64>) -> &mut Self {
        self.text(&value.map_or(String::new(), |v| v.to_string()))
    }

    fn truth(&mut self, value: Option<bool>) -> &mut Self {
        self.text(value.map_or("", |value| if value { "true" } else { "false" }))
    }

    fn speeds(&mut self, speeds: &Speeds) -> &mut Self {
        self.number(speeds.encode_fps).number(speeds.decode_fps);
        self.number(speeds.encode_speed).number(speeds.decode_speed)
    }

    fn bd(&mut self, value: Option<BdRate>) -> &mut Self {
        self.number(value.map(|v| v.percent)).number(value.map(|v| v.overlap))
    }

    fn rate_point<T>(&mut self, clip: &ClipPoints<T>, p: &RatePoint) -> &mut Self {
        self.text(&clip.clip).text(&clip.carrier).text(&p.mode).text(&p.predictor);
        self.whole(Some(p.every as u64)).whole(Some(p.bytes)).number(Some(p.bpp));
        self.number(p.psnr_rgb).number(p.ssim).number(p.ms_ssim).number(p.pd)
    }

    /// A line for each failure, of which `columns` between carrier and error are empty.
    fn errors<T>(&mut self, clip: &ClipPoints<T>, columns: usize) {
        for error in &clip.errors {
            self.text(&clip.clip).text(&clip.carrier);
            (0..columns).for_each(|_| {
                self.text("");
            });
            self.text(error).end();
        }
    }

    fn end(&mut self) {
        self.0.pop();
        self.0 += "\r\n";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let mut lines = Lines::new("a,b,c,d");
        lines.text("x,\"y\"").number(Some(0.5)).number(None).whole(Some(7)).end();
        assert_eq!(lines.0, "a,b,c,d\r\n\"x,\"\"y\"\"\",0.500000,,7\r\n");
    }
}
