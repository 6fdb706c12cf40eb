//! `framecast source probe`: opens a source, reads frames, reports.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use framecast::frame::{Colour, DropReason, FramePool, MonoTime, PixelFormat, Rational, Size};
use framecast::source::{self, Damage, Read, Source, SourceInfo, SourceOptions};
use serde_json::json;

use super::super::Outcome;
use super::super::exit::{self, Failure};

/// Arguments of `framecast source probe`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The source: v4l2:/dev/video0, demo:, a file, a folder, rtsp://...
    uri: String,

    /// Frames to read
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    frames: u64,

    /// Size to ask for, for example 640x480
    #[arg(long)]
    size: Option<Size>,

    /// Pixel format to ask for, for example YUYV
    #[arg(long)]
    format: Option<PixelFormat>,

    /// Frames a second to ask for, for example 30 or 30000/1001
    #[arg(long)]
    fps: Option<Rational>,

    /// What YUV samples mean, for example bt709-limited
    #[arg(long)]
    colour: Option<Colour>,

    /// Camera control to set first; repeat for more (switches and menus are set before values)
    #[arg(long, value_name = "NAME=VALUE", value_parser = control)]
    control: Vec<(String, i64)>,

    /// Seconds without a frame after which to give up
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn control(text: &str) -> Result<(String, i64), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, for example gain=32")?;
    let value = value.trim().parse().map_err(|_| format!("{value:?} is not a whole number"))?;
    Ok((name.trim().to_owned(), value))
}

#[derive(Default)]
struct Seen {
    frames: u64,
    bytes: u64,
    lost: [u64; DropReason::ALL.len()],
    first: Option<(Instant, MonoTime)>,
    last: Option<(Instant, MonoTime)>,
    colour: Option<Colour>,
    // The oldest a frame was when it was read, for sources that date their frames.
    oldest: Duration,
}

impl Seen {
    /// Frames a second between the first and the last frame, by capture time when it moves.
    fn rate(&self) -> Option<f64> {
        let ((at, captured), (end, end_captured)) = (self.first?, self.last?);
        let span = end_captured.since(captured).max(Duration::ZERO);
        let span = if span.is_zero() { end.duration_since(at) } else { span };
        (self.frames > 1 && !span.is_zero()).then(|| (self.frames - 1) as f64 / span.as_secs_f64())
    }
}

/// Runs `framecast source probe`.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut options = SourceOptions::default();
    options.size = args.size;
    options.format = args.format;
    options.rate = args.fps;
    options.colour = args.colour;
    options.controls.clone_from(&args.control);
    let pool = FramePool::new(4);
    let opening = Instant::now();
    let mut source = source::open(&args.uri, &options, &pool)?;
    let opened = opening.elapsed();
    let mut seen = Seen::default();
    let ended = read(source.as_mut(), args, &mut seen)?;
    let (info, damage) = (source.info(), source.damage());
    if args.json {
        let text = as_json(info, &seen, &damage, opened, ended);
        writeln!(std::io::stdout(), "{text:#}")?;
    } else {
        as_lines(info, &seen, &damage, opened, ended)?;
    }
    Ok(())
}

/// Reads the frames; true when the source ended before there were enough.
fn read(source: &mut dyn Source, args: &Args, seen: &mut Seen) -> Result<bool, Failure> {
    let patience = Duration::from_secs(args.timeout);
    let mut heard = Instant::now();
    while seen.frames < args.frames {
        let deadline = MonoTime::now().after(Duration::from_millis(200));
        match source.read(deadline)? {
            Read::Frame(frame) => {
                let now = (Instant::now(), frame.captured());
                seen.first.get_or_insert(now);
                seen.last = Some(now);
                seen.frames += 1;
                seen.bytes += frame.bytes().len() as u64;
                seen.colour = Some(frame.meta().colour);
                seen.oldest = seen.oldest.max(MonoTime::now().since(frame.captured()));
                heard = Instant::now();
            }
            Read::Lost { frames, reason } => {
                if let Some(count) = seen.lost.get_mut(reason.index()) {
                    *count += frames;
                }
            }
            Read::End => return Ok(true),
            _ => {}
        }
        if heard.elapsed() > patience {
            return Err(Failure::new(
                exit::SOURCE,
                anyhow!(
                    "{} is open but delivered {} of {} frames, then nothing for {} s; another \
                     format (--format), a lower rate (--fps) or another USB port may help, and \
                     --timeout waits longer",
                    source.info().uri,
                    seen.frames,
                    args.frames,
                    args.timeout
                ),
            ));
        }
    }
    Ok(false)
}

fn as_json(
    info: &SourceInfo,
    seen: &Seen,
    damage: &Damage,
    opened: Duration,
    ended: bool,
) -> serde_json::Value {
    let dropped: serde_json::Map<_, _> = DropReason::ALL
        .iter()
        .zip(seen.lost)
        .map(|(reason, count)| (reason.name().to_owned(), count.into()))
        .collect();
    json!({
        "schema_version": 1,
        "uri": info.uri,
        "description": info.description,
        "format": info.format.name(),
        "width": info.size.width,
        "height": info.size.height,
        "rate": info.rate.map(|r| json!({ "num": r.num(), "den": r.den() })),
        "colour": seen.colour.map(|c| c.to_string()),
        "live": info.live,
        "length": info.frames,
        "open_ms": opened.as_secs_f64() * 1e3,
        "ended": ended,
        "frames": {
            "captured": seen.frames + seen.lost.iter().sum::<u64>(),
            "read": seen.frames,
            "dropped": dropped,
        },
        "measured_rate": seen.rate(),
        "bytes": seen.bytes,
        "damage": damage,
        "oldest_ms": info.live.then_some(seen.oldest.as_secs_f64() * 1e3),
    })
}

fn as_lines(
    info: &SourceInfo,
    seen: &Seen,
    damage: &Damage,
    opened: Duration,
    ended: bool,
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let rate = info.rate.map_or("unknown".to_owned(), |r| format!("{r} fps"));
    writeln!(out, "source    {}", info.uri)?;
    writeln!(out, "is        {}", info.description)?;
    writeln!(out, "opened    in {:.0} ms", opened.as_secs_f64() * 1e3)?;
    let colour = seen.colour.map_or_else(String::new, |c| format!(", {c}"));
    writeln!(out, "delivers  {} {} at {rate}{colour}", info.format, info.size)?;
    let measured = seen.rate().map_or_else(String::new, |r| format!(", {r:.2} fps measured"));
    let end = if ended { ", then it ended" } else { "" };
    writeln!(out, "read      {} frames{measured}{end}", seen.frames)?;
    let lost: Vec<String> = DropReason::ALL
        .iter()
        .zip(seen.lost)
        .filter(|(_, n)| *n > 0)
        .map(|(reason, n)| format!("{n} {reason}"))
        .collect();
    let lost = if lost.is_empty() { "nothing".to_owned() } else { lost.join(", ") };
    writeln!(out, "lost      {lost}")?;
    if !damage.is_none() {
        writeln!(out, "damage    {damage}")?;
    }
    if info.live {
        writeln!(out, "oldest    {:.1} ms when read", seen.oldest.as_secs_f64() * 1e3)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_name_and_number() {
        assert_eq!(control("gain = 32"), Ok(("gain".to_owned(), 32)));
        assert_eq!(control("pan_absolute=-3600"), Ok(("pan_absolute".to_owned(), -3600)));
        assert!(control("gain").unwrap_err().contains("NAME=VALUE"));
        assert!(control("gain=high").unwrap_err().contains("high"));
    }
}
