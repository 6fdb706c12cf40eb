//! Colour conversion against swscale, each sample within one level.
//!
//! swscale is asked for what we define: bilinear chroma at full resolution, accurate rounding, the
//! matrix and range given, and the chroma position given in 1/256 of a luma sample (0 for left,
//! 128 for centre; vertically 128 where lines are halved). Two of its habits are stepped around:
//! packed RGB output takes a short cut that blends chroma lines 1:1 or not at all, so planar
//! output is asked for; and an odd width or height stretches the chroma, so sizes are even here
//! (`odd_sizes_are_cut_from_even_ones` covers the others).

use std::io::Write;
use std::process::{Command, Stdio};

use framecast::frame::{
    ChromaSiting, Colour, ColourMatrix, ColourRange, Frame, FrameMeta, Layout, PixelFormat,
    PooledBuf, Size,
};
use framecast::vision::{FrameConverter, RgbImage};

use crate::data;

fn ffmpeg(args: &[String], input: &[u8]) -> Option<Vec<u8>> {
    let spawned = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-threads", "1"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        data::skip("ffmpeg is not installed");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "ffmpeg {args:?} failed");
    Some(output.stdout)
}

fn name(format: PixelFormat) -> &'static str {
    match format {
        PixelFormat::Yuyv => "yuyv422",
        PixelFormat::Uyvy => "uyvy422",
        PixelFormat::Nv12 => "nv12",
        PixelFormat::Nv21 => "nv21",
        PixelFormat::I422 => "yuv422p",
        PixelFormat::I444 => "yuv444p",
        PixelFormat::Grey => "gray",
        _ => "yuv420p",
    }
}

fn swscale(format: PixelFormat, size: Size, colour: Colour, bytes: &[u8]) -> Option<Vec<u8>> {
    let matrix = match colour.matrix {
        ColourMatrix::Bt601 => "bt601",
        ColourMatrix::Bt709 => "bt709",
        ColourMatrix::Bt2020 => "bt2020",
    };
    let range = if colour.range == ColourRange::Full { "full" } else { "limited" };
    let across = if colour.siting == ChromaSiting::Left { 0 } else { 128 };
    let positions = match format {
        PixelFormat::I444 | PixelFormat::Grey => String::new(),
        PixelFormat::I422 | PixelFormat::Yuyv | PixelFormat::Uyvy => {
            format!(":in_h_chr_pos={across}")
        }
        _ => format!(":in_h_chr_pos={across}:in_v_chr_pos=128"),
    };
    let filter = format!(
        "scale=flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp:\
         in_color_matrix={matrix}:in_range={range}:out_range=full{positions}"
    );
    let args = ["-f", "rawvideo", "-pix_fmt", name(format), "-s", &size.to_string(), "-i", "-"]
        .into_iter()
        .chain(["-vf", &filter, "-f", "rawvideo", "-pix_fmt", "gbrp", "-"])
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let planes = ffmpeg(&args, bytes)?;
    let n = size.pixels();
    assert_eq!(planes.len(), 3 * n);
    Some((0..n).flat_map(|i| [planes[2 * n + i], planes[i], planes[n + i]]).collect())
}

fn ours(format: PixelFormat, size: Size, colour: Colour, bytes: &[u8]) -> RgbImage {
    let layout = Layout::packed(format, size).unwrap();
    let meta = FrameMeta { colour, ..FrameMeta::default() };
    let frame = Frame::new(PooledBuf::unpooled(bytes.to_vec()), layout, meta).unwrap();
    let mut out = RgbImage::default();
    FrameConverter::new().to_rgb(&frame, &mut out).unwrap();
    out
}

/// Seeded noise in the legal range of limited video: far beyond it, swscale's sums overflow.
fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (16 + (state >> 16) % 220) as u8
        })
        .collect()
}

/// A slow wave along the buffer: gradients in every plane.
fn gradient(len: usize) -> Vec<u8> {
    (0..len).map(|i| (128.0 + 100.0 * (i as f64 / 37.0).sin()) as u8).collect()
}

fn colours() -> Vec<Colour> {
    let mut all = Vec::new();
    for matrix in [ColourMatrix::Bt601, ColourMatrix::Bt709, ColourMatrix::Bt2020] {
        for range in [ColourRange::Limited, ColourRange::Full] {
            for siting in [ChromaSiting::Left, ChromaSiting::Centre] {
                all.push(Colour { matrix, range, siting });
            }
        }
    }
    all
}

/// Fails when a sample is off by more than one level; says how many are off by one. `None`
/// without ffmpeg.
fn compare(format: PixelFormat, size: Size, colour: Colour, bytes: &[u8]) -> Option<usize> {
    let theirs = swscale(format, size, colour, bytes)?;
    let ours = ours(format, size, colour, bytes);
    assert_eq!(ours.data().len(), theirs.len());
    let mut off = 0;
    for (i, (a, b)) in ours.data().iter().zip(&theirs).enumerate() {
        let difference = a.abs_diff(*b);
        assert!(difference <= 1, "{format} {size} {colour:?}: {a} for {b} at {i}");
        off += usize::from(difference);
    }
    Some(off)
}

#[test]
fn noise_and_gradients() {
    let formats = [
        PixelFormat::I420,
        PixelFormat::Nv12,
        PixelFormat::Nv21,
        PixelFormat::I422,
        PixelFormat::Yuyv,
        PixelFormat::Uyvy,
        PixelFormat::I444,
        PixelFormat::Grey,
    ];
    let size = Size::new(128, 72);
    let (mut off, mut samples) = (0, 0);
    for format in formats {
        let len = Layout::packed(format, size).unwrap().len();
        for colour in colours() {
            let bytes = [noise(len / 2, 7), gradient(len - len / 2)].concat();
            let Some(part) = compare(format, size, colour, &bytes) else { return };
            off += part;
            samples += size.pixels() * 3;
        }
    }
    println!("{off} of {samples} samples are one level off");
}

#[test]
fn frames_of_real_clips() {
    let clips = [
        ("bridge_traffic.mp4", PixelFormat::I420, Size::new(640, 360)),
        ("aerial_suburb_flyover.mp4", PixelFormat::I420, Size::new(1600, 900)),
        ("cockatoo.mp4", PixelFormat::I444, Size::new(1280, 720)),
    ];
    for (clip, format, size) in clips {
        let Some(path) = data::file(&format!("clips/{clip}")) else { return };
        let path = path.to_string_lossy();
        let args = ["-i", &path, "-frames:v", "3", "-f", "rawvideo", "-pix_fmt", name(format), "-"];
        let Some(video) = ffmpeg(&args.map(str::to_owned), &[]) else { return };
        let len = Layout::packed(format, size).unwrap().len();
        assert_eq!(video.len(), 3 * len);
        for frame in video.chunks(len) {
            let Some(off) = compare(format, size, Colour::default(), frame) else { return };
            println!("{clip}: {off} of {} samples are one level off", size.pixels() * 3);
        }
    }
}

/// swscale stretches the chroma of odd sizes over the picture, so they are held against our own
/// even ones: an odd picture is an even one less its last column and line.
#[test]
fn odd_sizes_are_cut_from_even_ones() {
    let (even, odd) = (Size::new(38, 24), Size::new(37, 23));
    let luma = noise(even.pixels(), 3);
    let chroma = noise(2 * 19 * 12, 4);
    let cut: Vec<u8> = luma.chunks(38).take(23).flat_map(|line| &line[..37]).copied().collect();
    for colour in colours() {
        let whole = ours(PixelFormat::I420, even, colour, &[&luma[..], &chroma].concat());
        let odd = ours(PixelFormat::I420, odd, colour, &[&cut[..], &chroma].concat());
        let lines = whole.data().chunks(38 * 3).zip(odd.data().chunks(37 * 3));
        assert!(lines.into_iter().all(|(whole, odd)| whole[..37 * 3] == *odd), "{colour:?}");
    }
}
