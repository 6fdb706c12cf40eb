//! Every format of the driver: 300 frames each, colours checked numerically.

use std::time::Duration;

use framecast::frame::{Colour, FramePool, Rational, Size};
use framecast::source::v4l2::{Camera, CaptureOptions, Controls};
use framecast::source::{Source as _, v4l2};

use crate::bars::Bars;
use crate::report::Report;
use crate::tally::Tally;

const FRAMES: u64 = 300;

/// The value of a menu entry whose text begins with `text`.
pub(crate) fn menu(controls: &Controls, name: &str, text: &str) -> Result<i64, String> {
    let all = controls.list();
    let control = all.iter().find(|c| c.name == name).ok_or(format!("no control {name}"))?;
    let v4l2::ControlKind::Menu(entries) = &control.kind else {
        return Err(format!("{name} is no menu"));
    };
    entries
        .iter()
        .find(|(_, entry)| entry.starts_with(text))
        .map(|(value, _)| *value)
        .ok_or(format!("{name} has no entry {text}: {entries:?}"))
}

/// Full colour bars without text over them.
pub(crate) fn prepare(path: &str) -> Result<(), String> {
    let controls = Controls::open(path).map_err(|e| e.to_string())?;
    for (name, entry) in [("test_pattern", "100% Colorbar"), ("osd_text_mode", "None")] {
        let value = menu(&controls, name, entry)?;
        controls.set(name, value).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn stream(options: &CaptureOptions, code: &str, frames: u64) -> Result<String, String> {
    let pool = FramePool::new(4);
    let mut camera = Camera::open(options, &pool).map_err(|e| e.to_string())?;
    if camera.code() != code {
        return Err(format!("asked for {code}, the driver delivers {}", camera.code()));
    }
    let mut bars: Option<Bars> = None;
    let mut tally = Tally::default();
    tally.read(&mut camera, frames, Duration::from_secs(60), |frame| {
        let first = bars.is_none();
        // The first frame in every pixel, the others on every eighth line.
        bars.get_or_insert_with(|| Bars::new(frame)).compare(frame, if first { 1 } else { 8 })
    })?;
    tally.balanced()?;
    let worst = bars.map_or(0, |b| b.worst);
    let info = camera.info();
    let rate = info.rate.map_or("?".to_owned(), |r| r.to_string());
    Ok(format!(
        "{} {} {} at {rate}: {}, colours within {worst}",
        info.format,
        info.size,
        camera.colour(),
        tally.describe()
    ))
}

/// Streams every format of `path` that we read.
pub(crate) fn all(report: &mut Report, path: &str, split_only: bool) -> u32 {
    let device = match v4l2::DeviceInfo::of(path.as_ref()) {
        Ok(device) => device,
        Err(error) => {
            report.check("formats", false, error);
            return 0;
        }
    };
    println!(
        "{path} is {} ({}), {} formats: {}",
        device.card,
        device.driver,
        device.modes.len(),
        device.modes.iter().map(|m| m.code.as_str()).collect::<Vec<_>>().join(" ")
    );
    let mut streamed = 0;
    for mode in device.modes {
        let split = mode.code.starts_with("NM") || mode.code.starts_with("YM");
        // Through the multi-planar API, one plain format stands for all plain ones.
        let Some(format) = mode.format.filter(|_| split || !split_only || mode.code == "NV12")
        else {
            continue;
        };
        let mut options = CaptureOptions::new(path);
        options.format = Some(format);
        options.size = Some(Size::new(320, 180));
        options.rate = Some(Rational::whole(60));
        // The plain code comes first when both are offered, so the split one is asked for by code.
        options.code = Some(mode.code.clone());
        report.outcome(&format!("format {}", mode.code), stream(&options, &mode.code, FRAMES));
        streamed += 1;
    }
    streamed
}

/// The driver says which colours it films, and we believe it.
pub(crate) fn colours(report: &mut Report, path: &str) {
    for (space, range, expected) in [
        ("Rec. 709", "Full Range", "bt709-full"),
        ("Rec. 709", "Limited Range", "bt709-limited"),
        ("BT.2020", "Default", "bt2020-limited"),
        ("sRGB", "Full Range", "bt601-full"),
        ("sRGB", "Default", "bt601-limited"),
    ] {
        let outcome = (|| {
            let controls = Controls::open(path).map_err(|e| e.to_string())?;
            let value = menu(&controls, "colorspace", space)?;
            controls.set("colorspace", value).map_err(|e| e.to_string())?;
            let value = menu(&controls, "quantization", range)?;
            controls.set("quantization", value).map_err(|e| e.to_string())?;
            let mut options = CaptureOptions::new(path);
            options.code = Some("YUYV".to_owned());
            options.size = Some(Size::new(320, 180));
            let camera = Camera::open(&options, &FramePool::new(1)).map_err(|e| e.to_string())?;
            if camera.colour() != expected.parse::<Colour>().map_err(|e| e.to_string())? {
                return Err(format!("taken as {}", camera.colour()));
            }
            drop(camera);
            // The driver converts BT.2020 primaries, so its bars are others there.
            if space == "BT.2020" {
                return Ok(expected.to_owned());
            }
            stream(&options, "YUYV", 20)
        })();
        report.outcome(&format!("colour {expected} from the driver"), outcome);
    }
}
