//! Frames of every format with arbitrary sizes, strides, colours and samples, to RGB.
#![no_main]

use framecast::frame::{
    ChromaSiting, Colour, ColourMatrix, ColourRange, Frame, FrameMeta, Layout, PixelFormat,
    PooledBuf, Size,
};
use framecast::vision::{FrameConverter, RgbImage};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&[kind, w, h, a, b, c, colour], samples)) = bytes.split_first_chunk::<7>() else {
        return;
    };
    let format = PixelFormat::ALL[usize::from(kind) % PixelFormat::ALL.len()];
    let size = Size::new(w.into(), h.into());
    let strides = [a, b, c].map(|s| usize::from(s) * 3);
    let Ok(layout) = Layout::with_strides(format, size, strides) else { return };
    let mut data = samples.to_vec();
    // Sometimes too short, sometimes without padding behind the last line.
    data.resize(data.len().max(layout.min_len().saturating_sub(usize::from(colour > 250))), colour);
    let matrix = [ColourMatrix::Bt601, ColourMatrix::Bt709, ColourMatrix::Bt2020];
    let colour = Colour {
        matrix: matrix[usize::from(colour) % 3],
        range: if colour & 4 == 0 { ColourRange::Limited } else { ColourRange::Full },
        siting: if colour & 8 == 0 { ChromaSiting::Left } else { ChromaSiting::Centre },
    };
    let meta = FrameMeta { colour, ..FrameMeta::default() };
    let Ok(frame) = Frame::new(PooledBuf::unpooled(data), layout, meta) else { return };
    let mut out = RgbImage::default();
    if FrameConverter::new().to_rgb(&frame, &mut out).is_ok() {
        assert_eq!(out.data().len(), size.pixels() * 3);
    }
});
