//! A `blend` model: features in, weights of candidates out; the runtime mixes.

use std::collections::BTreeMap;
use std::fmt;

use crate::engine::Session;
use crate::frame::Size;
use crate::model::{Contract, DType, Dim, Port, PredictKind, ResetReason, Role, Task, TensorBuf};
use crate::task::TaskError;
use crate::vision::blend::{BLOCK, CANDIDATES, Candidates, FEATURES, Mixer, Observer, Weights};
use crate::vision::motion::{Homography, luma};
use crate::vision::{FloatImage, RgbImage};

use super::Forecaster;
use super::sample::{from_f32, to_f32};

/// The feature set this version makes.
pub const FEATURE_SET: &str = "blend/1";

/// Channels of a residual: three colours of an 8x8 block.
const RESIDUAL: usize = 3 * BLOCK * BLOCK;

/// Rows and columns of blocks of frames of `size`.
fn blocks(size: Size) -> (usize, usize) {
    (size.h().div_ceil(BLOCK), size.w().div_ceil(BLOCK))
}

/// The values of the model's symbolic sizes for frames of `frame`, to be bound at load.
///
/// # Errors
/// [`TaskError::Contract`] when the contract is not that of a `blend` predictor.
pub fn blend_binding(
    contract: &Contract,
    frame: Size,
) -> Result<BTreeMap<String, usize>, TaskError> {
    let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
    let port = features_port(contract)?;
    let (rows, columns) = blocks(frame);
    let wanted = [1, FEATURES, rows, columns];
    let [batch, planes, h, w] = port.shape.as_slice() else {
        return Err(bad(format!(
            "input {:?} has {} axes; 1 x {FEATURES} x h x w is expected",
            port.name,
            port.shape.len()
        )));
    };
    let mut bind = BTreeMap::new();
    for (dim, value) in [batch, planes, h, w].into_iter().zip(wanted) {
        match dim {
            Dim::Fixed(size) if *size == value => {}
            Dim::Fixed(size) => {
                return Err(bad(format!(
                    "input {:?} has an axis of {size} where frames of {frame} need {value}",
                    port.name
                )));
            }
            Dim::Symbol(name) => {
                if bind.insert(name.clone(), value).is_some_and(|other| other != value) {
                    return Err(bad(format!(
                        "the symbol {name:?} stands for two sizes with frames of {frame}"
                    )));
                }
            }
        }
    }
    Ok(bind)
}

fn features_port(contract: &Contract) -> Result<&Port, TaskError> {
    let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
    if contract.task != Task::Predict || contract.kind != Some(PredictKind::Blend) {
        return Err(bad("its contract is not that of a predictor of kind blend".into()));
    }
    if contract.features.as_deref() != Some(FEATURE_SET) {
        return Err(bad(format!(
            "it needs the features {:?}; this version makes {FEATURE_SET:?}",
            contract.features.as_deref().unwrap_or("none")
        )));
    }
    match contract.inputs.as_slice() {
        [port] if port.role == Role::Features && matches!(port.dtype, DType::F32 | DType::U8) => {
            Ok(port)
        }
        [port] if port.role == Role::Features => Err(bad(format!(
            "input {:?} is of type {:?}; features are u8, or f32 in 0..=1",
            port.name, port.dtype
        ))),
        inputs => Err(bad(format!(
            "it has {} inputs beside its state; one of role features is expected",
            inputs.len()
        ))),
    }
}

/// Runs a `blend` model.
///
/// A saved state is that of the network alone: motion and past errors are known again after a few
/// frames.
pub struct Blend {
    session: Box<dyn Session>,
    name: String,
    identity: String,
    size: Size,
    luma: Vec<u8>,
    observer: Observer,
    hint: Option<Homography>,
    candidates: Candidates,
    input: TensorBuf,
    /// Features as `f32`, for models that take them so.
    scaled: Vec<f32>,
    outputs: Vec<TensorBuf>,
    logits: usize,
    residual: Option<usize>,
    numbers: Vec<f32>,
    scratch: Vec<i32>,
    weights: Weights,
    mixer: Mixer,
    mixed: RgbImage,
    horizon: u32,
}

impl Blend {
    /// Runs `session`, which was loaded with the sizes of [`blend_binding`], over frames of
    /// `frame`. `identity` is the model's SHA-256.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when the contract is not that of a `blend` predictor, or the loaded
    /// shapes are not those it needs for this frame size.
    pub fn new(
        session: Box<dyn Session>,
        contract: &Contract,
        identity: String,
        frame: Size,
    ) -> Result<Self, TaskError> {
        let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
        let port = features_port(contract)?;
        let (rows, columns) = blocks(frame);
        let spec = session.spec();
        let wanted = [1, FEATURES, rows, columns];
        let [given] = spec.inputs.as_slice() else {
            return Err(bad(format!("it was loaded with {} inputs", spec.inputs.len())));
        };
        if given.shape != wanted {
            return Err(bad(format!(
                "input {:?} was loaded as {:?} but frames of {frame} need {wanted:?}",
                port.name, given.shape
            )));
        }
        let find = |role: Role, channels: usize| -> Result<Option<usize>, TaskError> {
            let Some(port) = contract.outputs.iter().find(|p| p.role == role) else {
                return Ok(None);
            };
            let at = spec.outputs.iter().position(|o| o.name == port.name);
            let Some((at, made)) = at.and_then(|at| Some((at, spec.outputs.get(at)?))) else {
                return Err(bad(format!("the graph lacks its output {:?}", port.name)));
            };
            let wanted = [1, channels, rows, columns];
            if made.shape != wanted {
                return Err(bad(format!(
                    "output {:?} has shape {:?}; {wanted:?} is needed",
                    made.name, made.shape
                )));
            }
            Ok(Some(at))
        };
        let logits = find(Role::Logits, CANDIDATES)?
            .ok_or_else(|| bad("its contract names no output of role logits".into()))?;
        let residual = find(Role::Residual, RESIDUAL)?;
        Ok(Self {
            name: contract.name.clone(),
            identity,
            size: frame,
            luma: Vec::new(),
            observer: Observer::new(),
            hint: None,
            candidates: Candidates::default(),
            input: TensorBuf::zeros(given.dtype, &given.shape),
            scaled: Vec::new(),
            outputs: spec.outputs.iter().map(|o| TensorBuf::zeros(o.dtype, &o.shape)).collect(),
            logits,
            residual,
            numbers: Vec::new(),
            scratch: Vec::new(),
            weights: Weights::default(),
            mixer: Mixer::default(),
            mixed: RgbImage::default(),
            horizon: 1,
            session,
        })
    }

    /// Reads an output into `self.numbers`; false when one of them is not finite.
    fn read(&mut self, at: usize) -> bool {
        let Some(made) = self.outputs.get(at) else { return false };
        self.numbers.resize(made.data().len(), 0.0);
        to_f32(made.data(), &mut self.numbers);
        self.numbers.iter().fold(true, |finite, v| finite & v.is_finite())
    }

    /// Mixes the candidates as they are, and adds the residual.
    fn mix(&mut self, next: &mut FloatImage) -> bool {
        self.mixer.mix(&self.candidates, &self.weights, &mut self.mixed);
        next.copy_from_rgb(&self.mixed);
        let Some(at) = self.residual else { return true };
        if !self.read(at) {
            return false;
        }
        let (rows, columns) = blocks(self.size);
        let width = self.size.w();
        for (colour, plane) in next.planes_mut().into_iter().enumerate() {
            for (y, line) in plane.chunks_exact_mut(width).enumerate() {
                let (row, i) = (y / BLOCK, y % BLOCK);
                for (x, value) in line.iter_mut().enumerate() {
                    let (column, j) = (x / BLOCK, x % BLOCK);
                    let channel = (colour * BLOCK + i) * BLOCK + j;
                    let at = (channel * rows + row) * columns + column;
                    let residual = self.numbers.get(at).copied().unwrap_or(0.0);
                    *value = (*value + 255.0 * residual).clamp(0.0, 255.0);
                }
            }
        }
        true
    }
}

impl Forecaster for Blend {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn hint(&mut self, prior: Option<Homography>) {
        self.hint = prior;
    }

    fn observe(&mut self, frame: &RgbImage, next: &mut FloatImage) -> Result<bool, TaskError> {
        if frame.size() != self.size {
            return Err(TaskError::FrameSize { expected: self.size, got: frame.size() });
        }
        luma(frame, &mut self.luma);
        self.observer.observe_with(&self.luma, self.size, self.hint.take().as_ref());
        self.horizon = 1;
        self.candidates.push(frame, &self.observer);
        let features = self.observer.features();
        self.scaled.clear();
        let unit = if self.input.dtype() == DType::U8 { 1.0 } else { 255.0 };
        self.scaled.extend(features.data().iter().map(|&v| f32::from(v) / unit));
        from_f32(&self.scaled, self.input.data_mut());
        let (columns, rows) = (features.columns(), features.rows());
        self.session.run(&[self.input.view()], &mut self.outputs)?;
        self.session.advance_state();
        if !self.read(self.logits) {
            return Ok(false);
        }
        self.weights.from_floats(&self.numbers, columns, rows, &mut self.scratch);
        self.candidates.make_where(&self.observer, 1, &self.weights);
        Ok(self.mix(next))
    }

    fn extend(&mut self, ahead: &mut FloatImage) -> Result<bool, TaskError> {
        self.horizon += 1;
        self.candidates.extend_where(&self.observer, self.horizon, &self.weights);
        Ok(self.mix(ahead))
    }

    fn settle(&mut self) {
        self.horizon = 1;
    }

    fn reset(&mut self, reason: ResetReason) -> bool {
        // Motion and past errors across a gap say nothing, whatever the network keeps.
        self.observer.reset();
        self.session.reset_state(reason);
        true
    }

    fn export_state(&self) -> Result<Vec<u8>, TaskError> {
        Ok(self.session.export_state()?)
    }

    fn import_state(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        self.observer.reset();
        self.session.import_state(bytes)?;
        Ok(())
    }
}

impl fmt::Debug for Blend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blend").field("name", &self.name).field("size", &self.size).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::predict::scripted::{Scripted, contract as direct, grey};

    const SIZE: Size = Size::new(20, 12);

    fn contract(residual: bool) -> Contract {
        let port = |name: &str, role, channels| {
            let shape = [Dim::Fixed(1), Dim::Fixed(channels), "H".into(), "W".into()];
            Port::new(name, role, DType::F32, &shape)
        };
        let mut c = direct(1);
        c.kind = Some(PredictKind::Blend);
        c.features = Some(FEATURE_SET.into());
        c.inputs = vec![port("features", Role::Features, FEATURES)];
        c.outputs = if residual {
            vec![port("residual", Role::Residual, RESIDUAL), port("logits", Role::Logits, 5)]
        } else {
            vec![port("logits", Role::Logits, CANDIDATES)]
        };
        c
    }

    /// A model of frames of 20x12, so of 3x2 blocks, that always answers `answer`.
    fn blend(
        answer: Vec<f32>,
    ) -> (Blend, std::sync::Arc<std::sync::Mutex<super::super::scripted::Log>>) {
        let c = contract(false);
        let model = Box::new(move |features: &[f32], _: &[f32]| {
            assert!(features.iter().all(|v| (0.0..=1.0).contains(v)));
            (answer.clone(), Vec::new())
        });
        let (session, log) = Scripted::new(&c, Size::new(3, 2), model);
        (Blend::new(session, &c, "hash".into(), SIZE).unwrap(), log)
    }

    /// Logits that choose candidate `k` everywhere.
    fn choose(k: usize) -> Vec<f32> {
        (0..CANDIDATES * 6).map(|i| if i / 6 == k { 50.0 } else { 0.0 }).collect()
    }

    #[test]
    fn the_model_chooses_the_candidate() {
        let mut next = FloatImage::default();
        for (k, level) in [(0, 90.0), (3, 40.0)] {
            let (mut blend, _) = blend(choose(k));
            blend.observe(&grey(SIZE, 40), &mut next).unwrap();
            assert!(blend.observe(&grey(SIZE, 90), &mut next).unwrap());
            assert!(next.data.iter().all(|v| *v == level), "candidate {k}");
        }
    }

    #[test]
    fn a_horizon_asks_the_model_once() {
        let (mut blend, log) = blend(choose(1));
        let mut next = FloatImage::default();
        blend.observe(&grey(SIZE, 40), &mut next).unwrap();
        blend.extend(&mut next).unwrap();
        blend.extend(&mut next).unwrap();
        blend.settle();
        blend.observe(&grey(SIZE, 41), &mut next).unwrap();
        assert_eq!(log.lock().unwrap().runs, 2);
        assert!(blend.reset(ResetReason::Gap));
        assert_eq!(log.lock().unwrap().resets, [ResetReason::Gap]);
    }

    #[test]
    fn numbers_that_are_not_finite_are_told() {
        let (mut blend, _) = blend(vec![f32::NAN; CANDIDATES * 6]);
        assert!(!blend.observe(&grey(SIZE, 40), &mut FloatImage::default()).unwrap());
    }

    #[test]
    fn a_residual_is_added_in_units_of_255_levels() {
        let c = contract(true);
        // The scripted session answers its first output; the logits stay zero: an equal mixture.
        let mut residual = vec![0.0; RESIDUAL * 6];
        // Green of the second line's third pixel of block (0, 1), and far too much red beside it.
        residual[((8 + 1) * 8 + 2) * 6 + 1] = 0.1;
        residual[(8 + 2) * 6 + 1] = 9.0;
        let model = Box::new(move |_: &[f32], _: &[f32]| (residual.clone(), Vec::new()));
        let (session, _) = Scripted::new(&c, Size::new(3, 2), model);
        let mut blend = Blend::new(session, &c, "hash".into(), SIZE).unwrap();
        let mut next = FloatImage::default();
        blend.observe(&grey(SIZE, 100), &mut next).unwrap();
        let [red, green, blue] = next.planes();
        let at = 20 + 8 + 2;
        assert!((green[at] - 125.5).abs() < 1e-4 && red[at] == 255.0 && blue[at] == 100.0);
        assert_eq!(green.iter().filter(|v| **v != 100.0).count(), 1);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        let refused = |change: fn(&mut Contract)| {
            let mut c = contract(false);
            change(&mut c);
            blend_binding(&c, SIZE).unwrap_err().to_string()
        };
        assert!(refused(|c| c.kind = Some(PredictKind::Direct)).contains("kind blend"));
        assert!(refused(|c| c.features = Some("blend/9".into())).contains("blend/9"));
        assert!(refused(|c| c.inputs.clear()).contains("0 inputs"));
        assert!(refused(|c| c.inputs[0].dtype = DType::I64).contains("I64"));
        assert!(refused(|c| c.inputs[0].shape[1] = Dim::Fixed(9)).contains("need 40"));
        assert!(refused(|c| c.inputs[0].shape[3] = "H".into()).contains("two sizes"));
        assert!(refused(|c| c.inputs[0].shape.truncate(3)).contains("3 axes"));
        let bind = blend_binding(&contract(false), SIZE).unwrap();
        assert_eq!(bind, [("H".to_owned(), 2), ("W".to_owned(), 3)].into());
        // Loaded for frames of another size.
        let c = contract(false);
        let model = Box::new(|_: &[f32], _: &[f32]| (Vec::new(), Vec::new()));
        let (session, _) = Scripted::new(&c, Size::new(4, 2), model);
        let error = Blend::new(session, &c, "hash".into(), SIZE).unwrap_err().to_string();
        assert!(error.contains("20x12"), "{error}");
    }
}
