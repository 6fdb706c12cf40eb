//! The tables as comma-separated values (RFC 4180), one file a table, for other programs.

use super::Report;

/// Names and contents of the files of `report`.
#[must_use]
pub fn csv(report: &Report) -> Vec<(&'static str, String)> {
    let mut files = Vec::new();
    if let Some(table) = &report.lossless {
        let mut out = Lines::new(
            "codec,clip,bytes,header_bytes,bpp,vs_ffv1,vs_best,encode_cpu_s,decode_cpu_s,\
             encode_fps,decode_fps,encode_speed,decode_speed,exact,error",
        );
        for (row, e) in table.rows.iter().flat_map(|row| row.clips.iter().map(move |e| (row, e))) {
            out.text(&row.codec).text(&e.clip);
            out.whole(e.bytes).whole(e.header_bytes);
            for value in [
                e.bpp,
                e.vs_ffv1,
                e.vs_best,
                e.encode_cpu_s,
                e.decode_cpu_s,
                e.encode_fps,
                e.decode_fps,
                e.encode_speed,
                e.decode_speed,
            ] {
                out.number(value);
            }
            out.text(e.exact.map_or("", |exact| if exact { "true" } else { "false" }));
            out.text(e.error.as_deref().unwrap_or_default()).end();
        }
        files.push(("lossless.csv", out.0));
    }
    if !report.curves.is_empty() {
        let mut out = Lines::new(
            "clip,codec,mode,bytes,bpp,psnr_yuv,psnr_y,ssim,ms_ssim,pd,max_error,encode_fps,\
             decode_fps,error",
        );
        for (clip, curve) in report.curves.iter().flat_map(|c| c.curves.iter().map(move |v| (c, v)))
        {
            for p in &curve.points {
                let q = &p.quality;
                out.text(&clip.clip).text(&curve.codec).text(&p.mode).whole(Some(p.bytes));
                for value in [Some(p.bpp), q.psnr_yuv, q.psnr_y, q.ssim, q.ms_ssim, q.pd] {
                    out.number(value);
                }
                out.whole(Some(u64::from(q.max_error)));
                out.number(p.encode_fps).number(p.decode_fps);
                out.text(p.error.as_deref().unwrap_or_default()).end();
            }
        }
        files.push(("curves.csv", out.0));
        let mut out = Lines::new(
            "clip,codec,reference,bd_psnr_yuv,bd_psnr_yuv_cubic,bd_ssim,bd_ms_ssim,bd_pd",
        );
        for (clip, curve) in report.curves.iter().flat_map(|c| c.curves.iter().map(move |v| (c, v)))
        {
            out.text(&clip.clip).text(&curve.codec).text(&clip.reference);
            let bd = &curve.bd_rate;
            for value in [bd.psnr_yuv, bd.psnr_yuv_cubic, bd.ssim, bd.ms_ssim, bd.pd] {
                out.number(value.map(|v| v.percent));
            }
            out.end();
        }
        files.push(("bd_rate.csv", out.0));
    }
    if !report.predictors.is_empty() {
        let mut out = Lines::new(
            "codec,predictor,clip,bytes,bpp,saved_percent,encode_fps,decode_fps,exact,error",
        );
        for (row, e) in
            report.predictors.iter().flat_map(|row| row.clips.iter().map(move |e| (row, e)))
        {
            out.text(&row.codec).text(&row.predictor).text(&e.clip).whole(e.bytes);
            out.number(e.bpp).number(e.saved_percent);
            out.number(e.encode_fps).number(e.decode_fps);
            out.text(e.exact.map_or("", |exact| if exact { "true" } else { "false" }));
            out.text(e.error.as_deref().unwrap_or_default()).end();
        }
        files.push(("predictors.csv", out.0));
    }
    let points = "clip,carrier,mode,predictor,every,bytes,bpp,psnr_rgb,ssim,ms_ssim,pd";
    if !report.frame_rate.is_empty() {
        let mut out = Lines::new(points);
        for (clip, p) in report.frame_rate.iter().flat_map(|c| c.points.iter().map(move |p| (c, p)))
        {
            out.rate_point(&clip.clip, &clip.carrier, p);
            out.end();
        }
        files.push(("frame_rate.csv", out.0));
    }
    if !report.gating.is_empty() {
        let mut out = Lines::new(&format!("{points},limit_db,sent,frames"));
        for (clip, p) in report.gating.iter().flat_map(|c| c.points.iter().map(move |p| (c, p))) {
            out.rate_point(&clip.clip, &clip.carrier, &p.point);
            out.number(Some(p.limit_db)).whole(Some(p.sent as u64)).whole(Some(p.frames as u64));
            out.end();
        }
        files.push(("gating.csv", out.0));
    }
    files
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

    fn rate_point(&mut self, clip: &str, carrier: &str, p: &super::RatePoint) {
        self.text(clip).text(carrier).text(&p.mode).text(&p.predictor);
        self.whole(Some(p.every as u64)).whole(Some(p.bytes)).number(Some(p.bpp));
        self.number(p.psnr_rgb).number(p.ssim).number(p.ms_ssim).number(p.pd);
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
