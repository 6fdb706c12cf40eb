//! Times of the pixel kernels on one core: `cargo bench --bench vision [FILTER]`.
//!
//! Prints a table of medians. Compare two builds on the same idle machine; the kernels of one run
//! are comparable with each other.

use std::hint::black_box;
use std::time::{Duration, Instant};

use framecast::frame::{Colour, Frame, FrameMeta, Layout, PixelFormat, PooledBuf, Size};
use framecast::vision::metrics::{self, Metrics};
use framecast::vision::resize::Resizer;
use framecast::vision::scene::SceneChange;
use framecast::vision::tensor::{self, AxisOrder, Packing};
use framecast::vision::{FloatImage, FrameConverter, RgbImage, rgb_to_i420};

const SIZE: Size = Size::new(640, 360);

/// Prints the median of many runs of `work`, which takes `pixels` each time.
fn time(name: &str, pixels: usize, mut work: impl FnMut()) {
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    if filter.is_some_and(|f| !name.contains(&f)) {
        return;
    }
    for _ in 0..3 {
        work();
    }
    let begin = Instant::now();
    let mut runs = Vec::new();
    while runs.len() < 15 || (begin.elapsed() < Duration::from_millis(400) && runs.len() < 2000) {
        let start = Instant::now();
        work();
        runs.push(start.elapsed());
    }
    runs.sort_unstable();
    let median = runs[runs.len() / 2].as_secs_f64();
    let best = runs[0].as_secs_f64();
    let rate = pixels as f64 / median / 1e6;
    println!("| {name:<38} | {:>9.3} | {:>9.3} | {rate:>9.0} |", median * 1e3, best * 1e3);
}

/// Slow waves with some noise: what a camera sees, about.
fn picture(size: Size) -> RgbImage {
    let mut state = 5u32;
    let mut data = Vec::with_capacity(size.pixels() * 3);
    for y in 0..size.height {
        for x in 0..size.width {
            for c in 0..3 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let wave = (f64::from(x + 40 * c) / 31.0).sin() + (f64::from(y) / 17.0).cos();
                data.push((128.0 + 55.0 * wave + f64::from(state >> 29)) as u8);
            }
        }
    }
    RgbImage::from_vec(size, data).unwrap_or_default()
}

fn frame(format: PixelFormat, size: Size, bytes: Option<Vec<u8>>) -> Option<Frame> {
    let layout = Layout::packed(format, size).ok()?;
    let bytes = bytes.unwrap_or_else(|| (0..layout.len()).map(|i| (i * 31 / 7) as u8).collect());
    Frame::new(PooledBuf::unpooled(bytes), layout, FrameMeta::default()).ok()
}

fn conversions(rgb: &RgbImage) {
    let mut converter = FrameConverter::new();
    let mut out = RgbImage::default();
    for format in PixelFormat::ALL.into_iter().filter(|f| !f.is_compressed()) {
        let Some(frame) = frame(format, SIZE, None) else { continue };
        time(&format!("to_rgb {format} {SIZE}"), SIZE.pixels(), || {
            let _ = converter.to_rgb(black_box(&frame), &mut out);
        });
    }
    let mut i420 = vec![0; SIZE.pixels() * 3 / 2];
    time(&format!("rgb_to_i420 {SIZE}"), SIZE.pixels(), || {
        let _ = rgb_to_i420(black_box(rgb), Colour::default(), &mut i420);
    });
    for size in [SIZE, Size::new(1280, 720)] {
        for sampling in [jpeg_encoder::SamplingFactor::F_2_1, jpeg_encoder::SamplingFactor::F_2_2] {
            let mut jpeg = Vec::new();
            let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, 85);
            encoder.set_sampling_factor(sampling);
            let (w, h) = (size.width as u16, size.height as u16);
            let picture = picture(size);
            if encoder.encode(picture.data(), w, h, jpeg_encoder::ColorType::Rgb).is_err() {
                continue;
            }
            let name = format!("to_rgb MJPEG {sampling:?} {size} {} kB", jpeg.len() / 1000);
            let Some(frame) = frame(PixelFormat::Mjpeg, size, Some(jpeg)) else { continue };
            time(&name, size.pixels(), || {
                let _ = converter.to_rgb(black_box(&frame), &mut out);
            });
        }
    }
}

/// The `yuv` crate on the same data; it repeats chroma samples and so does less.
fn other_crates(rgb: &RgbImage) {
    let bytes = vec![90u8; SIZE.pixels() * 3 / 2];
    let (luma, chroma) = bytes.split_at(SIZE.pixels());
    let (u, v) = chroma.split_at(chroma.len() / 2);
    let image = yuv::YuvPlanarImage {
        y_plane: luma,
        y_stride: SIZE.width,
        u_plane: u,
        u_stride: SIZE.width / 2,
        v_plane: v,
        v_stride: SIZE.width / 2,
        width: SIZE.width,
        height: SIZE.height,
    };
    let mut out = vec![0; SIZE.pixels() * 3];
    time(&format!("(yuv crate) I420 {SIZE}, repeated"), SIZE.pixels(), || {
        let _ = yuv::yuv420_to_rgb(
            black_box(&image),
            &mut out,
            SIZE.width * 3,
            yuv::YuvRange::Limited,
            yuv::YuvStandardMatrix::Bt601,
        );
    });
    let mut naive = vec![0f32; SIZE.pixels() * 3];
    time("(naive) rgb to NCHW", SIZE.pixels(), || {
        for (i, pixel) in black_box(rgb).data().chunks(3).enumerate() {
            for (c, &value) in pixel.iter().enumerate() {
                naive[c * SIZE.pixels() + i] = f32::from(value) / 255.0;
            }
        }
        black_box(&mut naive);
    });
}

fn scaling(large: &RgbImage) {
    let mut resizer = Resizer::new();
    for size in [SIZE, Size::new(320, 180), Size::new(500, 281)] {
        let mut out = RgbImage::new(size);
        time(&format!("area {} to {size}", large.size()), large.size().pixels(), || {
            let _ = resizer.area(black_box(large), &mut out);
        });
        time(&format!("bilinear {} to {size}", large.size()), size.pixels(), || {
            let _ = resizer.bilinear(black_box(large), &mut out);
        });
    }
}

fn tensors(rgb: &RgbImage) {
    let padded = tensor::padded_size(SIZE, 16);
    let mut back = FloatImage::default();
    for order in [AxisOrder::Nchw, AxisOrder::Nhwc] {
        let packing = Packing { order, ..Packing::default() };
        let mut out = vec![0.0; packing.len(padded)];
        time(&format!("from_rgb {order:?} {SIZE}"), SIZE.pixels(), || {
            let _ = tensor::from_rgb(black_box(rgb), &packing, padded, &mut out);
        });
        time(&format!("to_float_image {order:?} {SIZE}"), SIZE.pixels(), || {
            let _ = tensor::to_float_image(black_box(&out), &packing, padded, SIZE, &mut back);
        });
    }
    let mut rounded = RgbImage::default();
    time(&format!("round_to_rgb {SIZE}"), SIZE.pixels(), || {
        black_box(&back).round_to_rgb(&mut rounded);
    });
}

fn scores(rgb: &RgbImage) {
    let mut other = rgb.clone();
    other.data_mut().iter_mut().step_by(3).for_each(|v| *v ^= 5);
    let prediction = FloatImage::from(&other);
    let mut scores = Metrics::new();
    let mut scene = SceneChange::new();
    let n = SIZE.pixels();
    time("pd", n, || drop(black_box(metrics::pd(rgb, black_box(&prediction)))));
    time("pd_rgb", n, || drop(black_box(metrics::pd_rgb(rgb, black_box(&other)))));
    time("mse", n, || drop(black_box(metrics::mse(rgb, black_box(&prediction)))));
    time("mse_rgb", n, || drop(black_box(metrics::mse_rgb(rgb, black_box(&other)))));
    time("ssim", n, || drop(black_box(scores.ssim(rgb, black_box(&prediction)))));
    time("ms_ssim", n, || drop(black_box(scores.ms_ssim(rgb, black_box(&prediction)))));
    time("scene change", n, || {
        black_box(scene.step(black_box(rgb)));
    });
}

fn main() {
    println!("| kernel                                 | median ms |   best ms |    Mpx/s |");
    println!("|----------------------------------------|-----------|-----------|----------|");
    let rgb = picture(SIZE);
    conversions(&rgb);
    other_crates(&rgb);
    scaling(&picture(Size::new(1280, 720)));
    tensors(&rgb);
    scores(&rgb);
}
