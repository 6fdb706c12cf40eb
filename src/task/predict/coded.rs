//! An integer `blend` model in the codec's predictor slot.
//!
//! The network runs on the `exact` engine with features of the reconstructed luma (or green), and
//! its weights mix the candidates of `blend/1` on each coded plane at its own size. All of it is
//! integer arithmetic, so a stream predicted so decodes bit by bit on every machine.

use std::path::Path;

use crate::codec::{
    Exactness, Memory, Picture, PlaneBuf, Predictor, PredictorFailure, PredictorId, PredictorKind,
    SampleLayout, chroma_field,
};
use crate::engine::{self, EngineChoice, LoadOptions, ResetReason, Session};
use crate::frame::Size;
use crate::model::{DType, ModelFile, Role, TensorBuf};
use crate::task::TaskError;
use crate::vision::blend::{BLOCK, CANDIDATES, Observer, Weights, mean7};
use crate::vision::motion::{Compensator, MotionField, Scale};

use super::blend::blend_binding;
use super::sample::{from_f32, to_f32};

/// A `blend` model that predicts coded planes.
pub struct CodedBlend {
    id: PredictorId,
    session: Box<dyn Session>,
    observer: Observer,
    input: TensorBuf,
    scaled: Vec<f32>,
    outputs: Vec<TensorBuf>,
    logits: usize,
    numbers: Vec<f32>,
    scratch: Vec<i32>,
    weights: Weights,
    previous: Option<Picture>,
    memory: Memory,
    chroma: MotionField,
    compensator: Compensator,
    candidates: [Vec<u8>; CANDIDATES],
    line: Vec<u16>,
    across: [Vec<u16>; CANDIDATES],
}

impl CodedBlend {
    /// Loads the model of `path` for pictures of `size`.
    ///
    /// # Errors
    /// [`TaskError::Model`], [`TaskError::Engine`] when the `exact` engine does not take it, and
    /// [`TaskError::Contract`] when it is no `blend` predictor or has a residual.
    pub fn open(path: &Path, size: Size) -> Result<Self, TaskError> {
        let file = ModelFile::open(path)?;
        let bad = |reason: &str| TaskError::Contract {
            model: path.display().to_string(),
            reason: reason.to_owned(),
        };
        let contract = file.contract()?.ok_or_else(|| bad("it carries no contract"))?;
        let bind = blend_binding(&contract, size).map_err(|error| {
            bad(&format!("only integer models of kind blend predict coded frames: {error}"))
        })?;
        if contract.outputs.iter().any(|p| p.role == Role::Residual) {
            return Err(bad("it adds a residual in RGB, which coded planes have not"));
        }
        let options = LoadOptions { engine: EngineChoice::Exact, bind, ..LoadOptions::default() };
        let session = engine::load(&file, &options)?.session;
        let spec = session.spec();
        let (Some(input), 1) = (spec.inputs.first(), spec.inputs.len()) else {
            return Err(bad("it was loaded with other inputs than its features"));
        };
        if input.dtype != DType::U8 {
            return Err(bad("its features are not u8"));
        }
        let port = contract.outputs.iter().find(|p| p.role == Role::Logits);
        let logits = port.and_then(|port| spec.outputs.iter().position(|o| o.name == port.name));
        let logits = logits.ok_or_else(|| bad("it has no output of role logits"))?;
        let sha256 = PredictorId::sha256_from_text(file.sha256())
            .ok_or_else(|| bad("its hash cannot be read"))?;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
        Ok(Self {
            id: PredictorId {
                kind: PredictorKind::Model,
                name: name.unwrap_or_default(),
                sha256,
                exactness: Exactness::Exact,
            },
            observer: Observer::new(),
            input: TensorBuf::zeros(input.dtype, &input.shape),
            scaled: Vec::new(),
            outputs: spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect(),
            logits,
            numbers: Vec::new(),
            scratch: Vec::new(),
            weights: Weights::default(),
            previous: None,
            memory: Memory::new(),
            chroma: MotionField::default(),
            compensator: Compensator::default(),
            candidates: Default::default(),
            line: Vec::new(),
            across: Default::default(),
            session,
        })
    }

    /// Mixes the candidates of one plane, whose blocks are halved `shift` times.
    fn plane(&mut self, newest: &PlaneBuf, before: &PlaneBuf, luma: bool, shift: (u32, u32)) {
        let size = Size::new(newest.width as u32, newest.height as u32);
        let field = if luma { self.observer.field() } else { &self.chroma };
        let [last, moved, half, previous, mean] = &mut self.candidates;
        for (to, from) in [(last, newest), (previous, before)] {
            to.clear();
            to.extend_from_slice(&from.data);
        }
        let scales = [(Scale::ONE, moved), (Scale::HALF, half)];
        for (scale, to) in scales {
            self.compensator.warp::<1>(&newest.data, size, field, scale, to);
        }
        mean7::<1>(&newest.data, size, &mut self.line, mean);
        self.mix(newest.width, shift);
    }

    /// The mixture, into candidate 0. Weights are interpolated between the centres of blocks in
    /// sixteenths, down and across; candidate 0 takes what the others leave of 256.
    fn mix(&mut self, width: usize, shift: (u32, u32)) {
        let (columns, rows) = (self.weights.columns, self.weights.rows);
        let [last, others @ ..] = &mut self.candidates;
        if width == 0 || columns == 0 {
            return;
        }
        for (y, target) in last.chunks_exact_mut(width).enumerate() {
            let (row, other, lean) = around(y, rows, shift.1);
            for (plane, out) in self.weights.planes.iter().zip(&mut self.across).skip(1) {
                let line = |r: usize| plane.get(r * columns..(r + 1) * columns).unwrap_or_default();
                let down = |c: usize| {
                    let at = |r| line(r).get(c).copied().map_or(0, u32::from);
                    (16 - lean) * at(row) + lean * at(other)
                };
                out.clear();
                out.extend((0..width).map(|x| {
                    let (column, side, lean) = around(x, columns, shift.0);
                    (((16 - lean) * down(column) + lean * down(side)) >> 8) as u16
                }));
            }
            let lines = others
                .each_ref()
                .map(|plane| plane.get(y * width..(y + 1) * width).unwrap_or_default());
            for (x, value) in target.iter_mut().enumerate() {
                let own = i32::from(*value);
                let sum: i32 = lines
                    .iter()
                    .zip(self.across.iter().skip(1))
                    .map(|(line, weights)| {
                        let weight = weights.get(x).copied().map_or(0, i32::from);
                        weight * (line.get(x).copied().map_or(own, i32::from) - own)
                    })
                    .sum();
                *value = ((own * 256 + sum + 128) >> 8) as u8;
            }
        }
    }
}

/// The block of a sample of a plane halved `shift` times, the neighbour it leans to, and how much
/// in sixteenths.
const fn around(at: usize, blocks: usize, shift: u32) -> (usize, usize, u32) {
    let side = BLOCK >> shift;
    let (block, inside) = (at / side, at % side);
    let last = blocks.saturating_sub(1);
    let block = if block > last { last } else { block };
    // Twice the distance from the centre in samples, in sixteenths of a block.
    let away = (2 * inside as i32 + 1 - side as i32) << shift;
    let other = if away < 0 { block.saturating_sub(1) } else { block + 1 };
    (block, if other > last { last } else { other }, away.unsigned_abs())
}

impl Predictor for CodedBlend {
    fn id(&self) -> &PredictorId {
        &self.id
    }

    fn reset(&mut self) {
        self.session.reset_state(ResetReason::Start);
        self.observer = Observer::new();
        self.previous = None;
        self.memory.reset();
    }

    fn predict(&mut self, newest: &Picture, next: &mut Picture) -> Result<bool, PredictorFailure> {
        let Some(luma) = newest.planes().first() else { return Ok(false) };
        self.observer.observe(&luma.data, newest.size());
        let features = self.observer.features();
        let (columns, rows) = (features.columns(), features.rows());
        self.scaled.clear();
        self.scaled.extend(features.data().iter().map(|&v| f32::from(v)));
        from_f32(&self.scaled, self.input.data_mut());
        self.session.run(&[self.input.view()], &mut self.outputs)?;
        self.session.advance_state();
        let Some(logits) = self.outputs.get(self.logits) else { return Ok(false) };
        self.numbers.resize(logits.data().len(), 0.0);
        to_f32(logits.data(), &mut self.numbers);
        self.weights.from_floats(&self.numbers, columns, rows, &mut self.scratch);
        let repeats = self.observer.distance() > 1;
        self.memory.follow(newest, self.observer.matched(), repeats);
        self.memory.draw(self.observer.field());
        let layout = newest.layout();
        if layout != SampleLayout::Grey {
            chroma_field(self.observer.field(), layout, newest.size(), &mut self.chroma);
        }
        let previous = self.previous.take().unwrap_or_else(|| newest.clone());
        for index in 0..layout.planes() {
            let (Some(now), Some(before), Some(to)) = (
                newest.planes().get(index),
                previous.planes().get(index),
                next.planes_mut().get_mut(index),
            ) else {
                continue;
            };
            self.plane(now, before, index == 0, layout.shift(index));
            std::mem::swap(&mut to.data, &mut self.candidates[0]);
        }
        let mut previous = previous;
        for (to, from) in previous.planes_mut().iter_mut().zip(newest.planes()) {
            to.data.copy_from_slice(&from.data);
        }
        self.previous = Some(previous);
        Ok(true)
    }

    fn memory(&self) -> Option<&Picture> {
        self.memory.picture()
    }
}

impl std::fmt::Debug for CodedBlend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodedBlend").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::predict::{Blend, Forecaster};
    use crate::vision::{FloatImage, RgbImage};

    const SIZE: Size = Size::new(52, 38);

    fn shipped() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("models/predict-nano-int.onnx")
    }

    fn level(x: usize, y: usize, t: usize) -> u8 {
        let (x, y) = (x + 2 * t, y + t);
        ((x * x / 9 + 5 * y + x * y / 11) % 220) as u8
    }

    #[test]
    fn on_three_equal_planes_it_draws_what_the_model_draws_on_grey() {
        let mut coded = CodedBlend::open(&shipped(), SIZE).unwrap();
        let file = ModelFile::open(shipped()).unwrap();
        let contract = file.contract().unwrap().unwrap();
        let bind = blend_binding(&contract, SIZE).unwrap();
        let options = LoadOptions { engine: EngineChoice::Exact, bind, ..LoadOptions::default() };
        let session = engine::load(&file, &options).unwrap().session;
        let mut blend = Blend::new(session, &contract, String::new(), SIZE).unwrap();
        let mut next = Picture::new(SampleLayout::Gbr, SIZE.w(), SIZE.h());
        let mut drawn = FloatImage::default();
        for t in 0..6 {
            let mut picture = next.clone();
            for plane in picture.planes_mut() {
                for (at, v) in plane.data.iter_mut().enumerate() {
                    *v = level(at % SIZE.w(), at / SIZE.w(), t);
                }
            }
            let grey = picture.planes()[0].data.iter().flat_map(|&v| [v; 3]).collect();
            let frame = RgbImage::from_vec(SIZE, grey).unwrap();
            assert!(coded.predict(&picture, &mut next).unwrap());
            assert!(blend.observe(&frame, &mut drawn).unwrap());
            for plane in next.planes() {
                let same = plane.data.iter().zip(&drawn.data).all(|(&a, &b)| f32::from(a) == b);
                assert!(same, "frame {t}");
            }
        }
    }

    #[test]
    fn a_reset_forgets_everything_and_chroma_has_its_own_size() {
        let open = || CodedBlend::open(&shipped(), SIZE).unwrap();
        for layout in [SampleLayout::Yuv420, SampleLayout::Yuv422, SampleLayout::Grey] {
            let (mut old, mut new) = (open(), open());
            let picture = |t: usize| {
                let mut picture = Picture::new(layout, SIZE.w(), SIZE.h());
                for plane in picture.planes_mut() {
                    let width = plane.width;
                    for (at, v) in plane.data.iter_mut().enumerate() {
                        *v = level(at % width, at / width, t);
                    }
                }
                picture
            };
            let (mut a, mut b) = (picture(0), picture(0));
            for t in 20..24 {
                old.predict(&picture(t), &mut a).unwrap();
            }
            old.reset();
            for t in 0..4 {
                old.predict(&picture(t), &mut a).unwrap();
                new.predict(&picture(t), &mut b).unwrap();
                assert!(a == b, "{layout:?}, frame {t}");
                assert!(old.memory().is_some() && old.memory() == new.memory(), "{layout:?}, {t}");
            }
        }
    }

    #[test]
    fn blocks_of_halved_planes_lean_as_whole_ones_do() {
        assert_eq!(around(0, 3, 0), (0, 0, 7));
        assert_eq!(around(11, 3, 0), (1, 0, 1));
        assert_eq!(around(12, 3, 0), (1, 2, 1));
        assert_eq!(
            [4, 5, 6, 7].map(|x| around(x, 3, 1)),
            [(1, 0, 6), (1, 0, 2), (1, 2, 2), (1, 2, 6)]
        );
        assert_eq!(around(23, 3, 0), (2, 2, 7));
    }
}
