//! From a contract's port to the arithmetic that fills its tensor.

use crate::frame::Size;
use crate::model::{ColourOrder, Layout, Port, Range, Window, WindowLayout};
use crate::vision::FloatImage;
use crate::vision::tensor::{AxisOrder, Channels, Packing};

/// How pictures lie in the tensor of `port`.
///
/// `mean` and `std` are in the order of the tensor's channels; a single value holds for all.
pub(in crate::task) fn packing(port: &Port) -> Result<Packing, String> {
    let order = match port.layout {
        Layout::Nchw => AxisOrder::Nchw,
        Layout::Nhwc => AxisOrder::Nhwc,
        Layout::Flat => return Err(format!("port {:?} is flat, not a picture", port.name)),
    };
    let channels = match port.colour {
        ColourOrder::Rgb => Channels::Rgb,
        ColourOrder::Bgr => Channels::Bgr,
        ColourOrder::Luma => Channels::Luma,
    };
    let Range { black, white, mean, std } = &port.range;
    let spread = white - black;
    if !spread.is_finite() || spread == 0.0 {
        return Err(format!(
            "the range of port {:?} is {black}..{white}; two different numbers are needed",
            port.name
        ));
    }
    let (mut scale, mut offset) = ([0.0; 3], [0.0; 3]);
    for (c, (scale, offset)) in scale.iter_mut().zip(&mut offset).enumerate() {
        let mean = per_channel(port, "mean", mean, c, channels.count(), 0.0)?;
        let std = per_channel(port, "std", std, c, channels.count(), 1.0)?;
        if !(std.is_finite() && std != 0.0 && mean.is_finite()) {
            return Err(format!(
                "port {:?} has mean {mean} and std {std}; finite numbers and a std other than 0 \
                 are needed",
                port.name
            ));
        }
        *scale = spread / 255.0 / std;
        *offset = (black - mean) / std;
    }
    Ok(Packing { order, channels, scale, offset })
}

fn per_channel(
    port: &Port,
    what: &str,
    values: &[f32],
    channel: usize,
    channels: usize,
    none: f32,
) -> Result<f32, String> {
    match values {
        [] => Ok(none),
        [one] => Ok(*one),
        many if many.len() == channels => {
            // A luma tensor has one channel, whose figures the unused ones repeat.
            Ok(many.get(channel.min(channels - 1)).copied().unwrap_or(none))
        }
        many => Err(format!(
            "port {:?} has {} values of {what} for {channels} channels; give none, one, or one a \
             channel",
            port.name,
            many.len()
        )),
    }
}

/// The shape of the tensor of `port` for pictures of `padded`.
pub(in crate::task) fn port_shape(
    port: &Port,
    window: Option<Window>,
    padded: Size,
) -> Result<Vec<usize>, String> {
    let c = if port.colour == ColourOrder::Luma { 1 } else { 3 };
    let (h, w) = (padded.h(), padded.w());
    match (port.layout, window) {
        (Layout::Nchw, None) => Ok(vec![1, c, h, w]),
        (Layout::Nhwc, None) => Ok(vec![1, h, w, c]),
        (Layout::Nchw, Some(Window { frames, layout: WindowLayout::Channels })) => {
            Ok(vec![1, c * frames, h, w])
        }
        (Layout::Nchw, Some(Window { frames, layout: WindowLayout::Time })) => {
            Ok(vec![1, frames, c, h, w])
        }
        (Layout::Nhwc, Some(Window { frames, layout: WindowLayout::Time })) => {
            Ok(vec![1, frames, h, w, c])
        }
        (Layout::Nhwc, Some(_)) => Err(format!(
            "port {:?} has the frames of its window interleaved in one NHWC channel axis; use \
             layout nchw, or window layout time",
            port.name
        )),
        (Layout::Flat, _) => Err(format!("port {:?} is flat, not a picture", port.name)),
    }
}

/// Writes a prediction to `out`, a tensor of `padded` pixels, as `tensor::from_rgb` writes a
/// frame: for feeding it back.
pub(super) fn from_float(image: &FloatImage, packing: &Packing, padded: Size, out: &mut [f32]) {
    let (w, h) = (image.size.w(), image.size.h());
    let [r, g, b] = image.planes();
    let count = packing.channels.count();
    for (channel, (&scale, &offset)) in
        packing.scale.iter().zip(&packing.offset).take(count).enumerate()
    {
        let plane = match (packing.channels, channel) {
            (Channels::Rgb, 0) | (Channels::Bgr, 2) => r,
            (Channels::Rgb, 2) | (Channels::Bgr, 0) => b,
            _ => g,
        };
        for y in 0..padded.h() {
            let from = y.min(h.saturating_sub(1)) * w;
            let line = |plane: &[f32], x: usize| {
                plane.get(from + x.min(w.saturating_sub(1))).copied().unwrap_or_default()
            };
            let value = |x: usize| match packing.channels {
                // The working luma without its rounding.
                Channels::Luma => {
                    (77.0 * line(r, x) + 150.0 * line(g, x) + 29.0 * line(b, x)) / 256.0
                }
                _ => line(plane, x),
            };
            let (start, step) = match packing.order {
                AxisOrder::Nchw => (channel * padded.pixels() + y * padded.w(), 1),
                AxisOrder::Nhwc => (y * padded.w() * count + channel, count),
            };
            let row = out.get_mut(start..).unwrap_or_default().iter_mut().step_by(step);
            for (x, out) in row.take(padded.w()).enumerate() {
                *out = value(x) * scale + offset;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::predict::scripted::contract;
    use crate::vision::{RgbImage, tensor};

    #[test]
    fn ranges_become_scale_and_offset() {
        let mut port = contract(1).inputs.remove(0);
        port.range = Range { black: -1.0, white: 1.0, mean: vec![0.5], std: vec![0.25, 0.5, 1.0] };
        let p = packing(&port).unwrap();
        let value = |v: f32, c: usize| v * p.scale[c] + p.offset[c];
        assert!((value(0.0, 0) - -6.0).abs() < 1e-6);
        assert!((value(255.0, 1) - 1.0).abs() < 1e-6);
        assert!((value(255.0, 2) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn impossible_ranges_are_refused() {
        let refused = |range: Range| {
            let mut port = contract(1).inputs.remove(0);
            port.range = range;
            packing(&port).unwrap_err()
        };
        let range = Range::default;
        assert!(refused(Range { white: 0.0, ..range() }).contains("0..0"));
        assert!(refused(Range { std: vec![0.0], ..range() }).contains("std 0"));
        assert!(refused(Range { mean: vec![0.1, 0.2], ..range() }).contains("2 values"));
    }

    #[test]
    fn feeding_back_equals_feeding_a_frame() {
        let data = (0..5 * 3 * 3).map(|v| (v * 37 % 256) as u8).collect();
        let image = RgbImage::from_vec(Size::new(5, 3), data).unwrap();
        let float = FloatImage::from(&image);
        let padded = Size::new(8, 4);
        for order in [AxisOrder::Nchw, AxisOrder::Nhwc] {
            for channels in [Channels::Rgb, Channels::Bgr, Channels::Luma] {
                let p =
                    Packing { order, channels, scale: [0.5, 0.25, 2.0], offset: [1.0, 2.0, 3.0] };
                let mut a = vec![0.0; p.len(padded)];
                let mut b = a.clone();
                tensor::from_rgb(&image, &p, padded, &mut a).unwrap();
                from_float(&float, &p, padded, &mut b);
                // The luma of a frame is rounded to a whole level, here by at most a half.
                let most = if channels == Channels::Luma { 0.5 * p.scale[0] } else { 0.0 };
                assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= most), "{p:?}");
            }
        }
    }
}
