//! Which clips are asked for.

use framecast::bench::codec::{ClipRequest, HONEST, Loaded, Noise, study_clips};
use framecast::frame::PixelFormat;
use framecast::source::uri::redact;

use super::super::exit::{self, Failure};
use super::Args;

/// The clips of the command line, each with a name of its own.
pub(super) fn requests(args: &Args) -> Result<Vec<ClipRequest>, Failure> {
    let planar = [PixelFormat::I420, PixelFormat::I422, PixelFormat::I444, PixelFormat::Grey];
    if let Some(format) = args.format.filter(|f| !planar.contains(f)) {
        return Err(usage(format!("--format {format} is none of I420, I422, I444 and GREY")));
    }
    if !args.start.is_finite() || args.start < 0.0 {
        return Err(usage(format!("--start {} is not a number of seconds from 0 on", args.start)));
    }
    if let Some(sigma) = args.noise.filter(|s| !(0.0..=64.0).contains(s)) {
        return Err(usage(format!("--noise {sigma} is not a number from 0 to 64")));
    }
    let mut requests = Vec::new();
    if let Some(folder) = &args.study {
        requests = study_clips(folder);
        if let Some(name) = args.only.iter().find(|n| !requests.iter().any(|r| r.name == **n)) {
            let names: Vec<&str> = requests.iter().map(|r| r.name.as_str()).collect();
            return Err(usage(format!("--only {name} is none of {}", names.join(", "))));
        }
        requests.retain(|r| args.only.is_empty() || args.only.contains(&r.name));
    }
    for uri in &args.clips {
        let name = name_of(uri);
        let taken = |name: &str| requests.iter().any(|r: &ClipRequest| r.name == name);
        let mut own = name.clone();
        let mut number = 2;
        while taken(&own) {
            own = format!("{name}-{number}");
            number += 1;
        }
        requests.push(ClipRequest {
            start: args.start,
            frames: usize::try_from(args.frames).unwrap_or(usize::MAX),
            scale: args.scale,
            format: args.format,
            noise: args.noise.map(|sigma| Noise { sigma, seed: args.seed }),
            ..ClipRequest::new(&own, uri)
        });
    }
    Ok(requests)
}

/// A name for tables and files: that of the file, of plain letters.
fn name_of(uri: &str) -> String {
    let shown = redact(uri);
    let last = shown.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let stem = if last.starts_with("demo:") { "demo" } else { stem };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = stem.chars().map(plain).take(40).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "clip".to_owned() } else { name.to_owned() }
}

/// How a clip was made, in words.
pub(super) fn made_from(request: &ClipRequest, loaded: &Loaded) -> String {
    let uri = redact(&request.uri);
    // A folder of this machine tells others nothing.
    let file = std::path::Path::new(&uri).file_name();
    let mut text = file.map_or(uri.clone(), |name| name.to_string_lossy().into_owned());
    if request.start > 0.0 {
        text += &format!(", from {} s", request.start);
    }
    let format = loaded.clip.layout.format();
    if loaded.from != format {
        text += &format!(", {} made {format}", loaded.from);
    }
    if let Some(size) = request.scale {
        text += &format!(", scaled by area to {size}");
    }
    if let Some(Noise { sigma, seed }) = request.noise {
        text += &format!(", luma noise of sigma {sigma}, seed {seed}");
    }
    text
}

/// True for a clip with the noise of a sensor.
pub(super) fn is_noisy(request: &ClipRequest) -> bool {
    request.noise.is_some_and(|n| n.sigma > 0.0) || HONEST.contains(&request.name.as_str())
}

pub(super) fn usage(reason: String) -> Failure {
    Failure::new(exit::USAGE, anyhow::anyhow!(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use framecast::bench::codec::load;
    use framecast::pipeline::Stop;
    use framecast::source::SourceOptions;

    #[test]
    fn names_are_those_of_the_files() {
        for (uri, name) in [
            ("clips/a b.y4m", "a-b"),
            ("demo:?size=8x8", "demo"),
            ("folder/", "folder"),
            ("rtsp://u:p@host/live", "live"),
            ("../..", "clip"),
            ("v4l2:/dev/video0", "video0"),
        ] {
            assert_eq!(name_of(uri), name, "{uri}");
        }
    }

    #[test]
    fn what_was_done_to_a_clip_is_said() {
        let request = ClipRequest {
            start: 0.2,
            frames: 1,
            format: Some(PixelFormat::Grey),
            noise: Some(Noise { sigma: 2.0, seed: 1 }),
            ..ClipRequest::new("x", "demo:?size=8x8&format=I420")
        };
        let loaded = load(&request, &SourceOptions::default(), None, &Stop::new()).unwrap();
        assert_eq!(
            made_from(&request, &loaded),
            "demo:?size=8x8&format=I420, from 0.2 s, I420 made GREY, luma noise of sigma 2, seed 1"
        );
        assert!(is_noisy(&request));
        assert!(!is_noisy(&ClipRequest::new("x", "x.mp4")));
    }
}
