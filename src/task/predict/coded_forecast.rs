//! Any forecaster in the codec's predictor slot, on the same build only.
//!
//! Reconstructed planes become RGB and the prediction becomes planes again by the integer matrices
//! and filters of `vision`; between them the forecaster computes in floating point, whose last bits
//! differ between engines, processors and numbers of threads. So its stream names all of them, and
//! a decoder where one differs refuses.

use crate::codec::{
    Exactness, Picture, Predictor, PredictorFailure, PredictorId, PredictorKind, SampleLayout,
    picture_to_bytes,
};
use crate::engine::LoadReport;
use crate::frame::{Colour, Frame, FrameMeta, Layout, PixelFormat, PooledBuf};
use crate::model::ResetReason;
use crate::task::TaskError;
use crate::vision::{
    FloatImage, FrameConverter, RgbImage, VisionError, rgb_to_i420, rgb_to_i444, simd,
};

use super::Forecaster;

/// A forecaster that predicts coded planes.
pub struct CodedForecast {
    id: PredictorId,
    forecaster: Box<dyn Forecaster>,
    /// The state before the first frame.
    initial: Vec<u8>,
    colour: Colour,
    converter: FrameConverter,
    bytes: Vec<u8>,
    rgb: RgbImage,
    next: FloatImage,
}

impl CodedForecast {
    /// Predicts frames whose YUV samples mean `colour`. `name` is what a decoder finds the model by,
    /// `sha256` its hash, `report` what its load said.
    ///
    /// # Errors
    /// [`TaskError`] when the forecaster does not give out its state.
    pub fn new(
        forecaster: Box<dyn Forecaster>,
        name: &str,
        sha256: [u8; 32],
        report: &LoadReport,
        colour: Colour,
    ) -> Result<Self, TaskError> {
        let pins = format!(
            "framecast {}, {} {}, {}, f32, {} threads, {} {}, {} build",
            env!("CARGO_PKG_VERSION"),
            report.engine,
            report.version,
            report.provider,
            report.threads,
            std::env::consts::ARCH,
            simd::processor(),
            if cfg!(debug_assertions) { "debug" } else { "optimised" },
        );
        let initial = forecaster.export_state()?;
        Ok(Self {
            id: PredictorId {
                kind: PredictorKind::Model,
                name: name.to_owned(),
                sha256,
                exactness: Exactness::SameBuild { pins },
            },
            forecaster,
            initial,
            colour,
            converter: FrameConverter::new(),
            bytes: Vec::new(),
            rgb: RgbImage::default(),
            next: FloatImage::default(),
        })
    }

    fn make_rgb(&mut self, picture: &Picture) -> Result<(), PredictorFailure> {
        let format = match picture.layout() {
            SampleLayout::Grey => PixelFormat::Grey,
            SampleLayout::Yuv420 => PixelFormat::I420,
            SampleLayout::Yuv422 => PixelFormat::I422,
            SampleLayout::Yuv444 => PixelFormat::I444,
            SampleLayout::Gbr => PixelFormat::Rgb24,
        };
        let mut bytes = std::mem::take(&mut self.bytes);
        picture_to_bytes(picture, format, &mut bytes)?;
        let meta = FrameMeta { colour: self.colour, ..FrameMeta::default() };
        let layout = Layout::packed(format, picture.size())?;
        let frame = Frame::new(PooledBuf::unpooled(bytes), layout, meta)?;
        Ok(self.converter.to_rgb(&frame, &mut self.rgb)?)
    }

    /// Takes the planes of `self.rgb` into `picture`.
    fn make_planes(&mut self, picture: &mut Picture) -> Result<(), VisionError> {
        let pixels = self.rgb.size().pixels();
        let layout = picture.layout();
        if layout == SampleLayout::Gbr {
            for (plane, at) in picture.planes_mut().iter_mut().zip([1, 2, 0]) {
                let samples = self.rgb.data().iter().skip(at).step_by(3);
                plane.data.iter_mut().zip(samples).for_each(|(to, from)| *to = *from);
            }
            return Ok(());
        }
        self.bytes.clear();
        if layout == SampleLayout::Yuv420 {
            let chroma = layout.plane_size(1, picture.width(), picture.height());
            self.bytes.resize(pixels + 2 * chroma.0 * chroma.1, 0);
            rgb_to_i420(&self.rgb, self.colour, &mut self.bytes)?;
        } else {
            self.bytes.resize(3 * pixels, 0);
            rgb_to_i444(&self.rgb, self.colour, &mut self.bytes)?;
        }
        let mut rest = self.bytes.as_slice();
        let width = picture.width().max(1);
        for plane in picture.planes_mut() {
            if plane.width == width || layout == SampleLayout::Yuv420 {
                let (own, after) = rest.split_at(plane.data.len().min(rest.len()));
                plane.data.copy_from_slice(own);
                rest = after;
                continue;
            }
            // Halved across: the mean of two neighbours, rounded up; the last may be alone.
            let (own, after) = rest.split_at(pixels.min(rest.len()));
            rest = after;
            let lines = own.chunks_exact(width).zip(plane.data.chunks_exact_mut(plane.width));
            for (from, to) in lines {
                for (to, pair) in to.iter_mut().zip(from.chunks(2)) {
                    let sum: u16 = pair.iter().map(|&v| u16::from(v)).sum();
                    *to = if pair.len() == 2 { sum.div_ceil(2) } else { sum } as u8;
                }
            }
        }
        Ok(())
    }
}

impl Predictor for CodedForecast {
    fn id(&self) -> &PredictorId {
        &self.id
    }

    fn reset(&mut self) {
        self.forecaster.reset(ResetReason::Gap);
        // A state that was exported is taken again.
        if let Err(error) = self.forecaster.import_state(&self.initial) {
            tracing::warn!("the predictor keeps its state at a key frame: {error}");
        }
    }

    fn predict(&mut self, newest: &Picture, next: &mut Picture) -> Result<bool, PredictorFailure> {
        self.make_rgb(newest)?;
        if !self.forecaster.observe(&self.rgb, &mut self.next)? {
            return Ok(false);
        }
        self.next.round_to_rgb(&mut self.rgb);
        self.make_planes(next)?;
        Ok(true)
    }
}

impl std::fmt::Debug for CodedForecast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodedForecast").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::predict::CopyLast;

    fn forecast(engine: &str) -> CodedForecast {
        let report = LoadReport { engine: engine.to_owned(), ..LoadReport::default() };
        CodedForecast::new(Box::new(CopyLast), "x", [1; 32], &report, Colour::default()).unwrap()
    }

    #[test]
    fn planes_go_through_rgb_and_back() {
        for layout in [
            SampleLayout::Grey,
            SampleLayout::Yuv420,
            SampleLayout::Yuv422,
            SampleLayout::Yuv444,
            SampleLayout::Gbr,
        ] {
            let mut picture = Picture::new(layout, 9, 7);
            for (index, plane) in picture.planes_mut().iter_mut().enumerate() {
                plane.data.fill(110 + 9 * index as u8);
            }
            let mut next = Picture::new(layout, 9, 7);
            assert!(forecast("tract").predict(&picture, &mut next).unwrap());
            for (a, b) in picture.planes().iter().zip(next.planes()) {
                assert!(a.data.iter().zip(&b.data).all(|(a, b)| a.abs_diff(*b) <= 2), "{layout:?}");
            }
        }
    }

    #[test]
    fn it_is_known_by_its_build() {
        let (a, b) = (forecast("tract"), forecast("ort"));
        let Exactness::SameBuild { pins } = &a.id().exactness else { panic!("it is no exact one") };
        assert!(pins.contains("tract") && pins.contains(std::env::consts::ARCH), "{pins}");
        assert_ne!(a.id(), b.id());
    }
}
