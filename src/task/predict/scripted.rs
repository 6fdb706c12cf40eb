//! A session whose model is a closure, for the tests of the predict task.

use std::sync::{Arc, Mutex};

use crate::engine::{EngineError, ResetReason, Session, SessionSpec, TensorSpec};
use crate::frame::{FrameMeta, FrameSeq, MonoTime, Size};
use crate::model::{
    Contract, DType, Dim, Port, PredictKind, Provenance, Role, Task, TensorBuf, TensorView, Window,
    WindowLayout,
};
use crate::vision::RgbImage;

/// Window and state in; prediction and next state out.
pub(crate) type Model = Box<dyn FnMut(&[f32], &[f32]) -> (Vec<f32>, Vec<f32>) + Send>;

/// What happened to a session, shared with the test.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) runs: usize,
    pub(crate) resets: Vec<ResetReason>,
}

pub(crate) struct Scripted {
    spec: SessionSpec,
    model: Model,
    state: Vec<f32>,
    pending: Vec<f32>,
    saved: Option<Vec<f32>>,
    resets: Vec<Vec<ResetReason>>,
    log: Arc<Mutex<Log>>,
    /// Which input takes the frame; the others must hold 0.5.
    pub(crate) frame_at: usize,
}

impl Scripted {
    /// A session over `model` with the shapes of `contract` for pictures of `size`.
    pub(crate) fn new(
        contract: &Contract,
        size: Size,
        model: Model,
    ) -> (Box<Self>, Arc<Mutex<Log>>) {
        let bound = |port: &Port| TensorSpec {
            name: port.name.clone(),
            dtype: port.dtype,
            shape: port
                .shape
                .iter()
                .map(|d| match d {
                    Dim::Fixed(n) => *n,
                    Dim::Symbol(s) if s == "H" => size.h(),
                    Dim::Symbol(_) => size.w(),
                })
                .collect(),
        };
        let spec = SessionSpec {
            inputs: contract.inputs.iter().map(bound).collect(),
            outputs: contract.outputs.iter().map(bound).collect(),
            state: Vec::new(),
        };
        let log = Arc::new(Mutex::new(Log::default()));
        let session = Self {
            spec,
            model,
            state: Vec::new(),
            pending: Vec::new(),
            saved: None,
            resets: contract.state.iter().map(|pair| pair.reset.clone()).collect(),
            log: Arc::clone(&log),
            frame_at: 0,
        };
        (Box::new(session), log)
    }
}

impl Session for Scripted {
    fn spec(&self) -> &SessionSpec {
        &self.spec
    }

    fn run(
        &mut self,
        inputs: &[TensorView<'_>],
        outputs: &mut [TensorBuf],
    ) -> Result<(), EngineError> {
        for (at, (input, spec)) in inputs.iter().zip(&self.spec.inputs).enumerate() {
            assert_eq!(input.shape(), spec.shape);
            assert!(at == self.frame_at || input.as_f32().unwrap().iter().all(|v| *v == 0.5));
        }
        assert_eq!(inputs.len(), self.spec.inputs.len());
        let frame = inputs[self.frame_at].as_f32().unwrap();
        let (prediction, state) = (self.model)(frame, &self.state);
        outputs[0].as_f32_mut().unwrap().copy_from_slice(&prediction);
        self.pending = state;
        self.log.lock().unwrap().runs += 1;
        Ok(())
    }

    fn advance_state(&mut self) {
        std::mem::swap(&mut self.state, &mut self.pending);
    }

    fn reset_state(&mut self, reason: ResetReason) {
        if self.resets.is_empty() || self.resets.iter().any(|r| reason.is_among(r)) {
            self.state.clear();
        }
        self.log.lock().unwrap().resets.push(reason);
    }

    fn begin_scratch(&mut self) {
        assert!(self.saved.replace(self.state.clone()).is_none());
    }

    fn end_scratch(&mut self) {
        self.state = self.saved.take().unwrap();
    }

    fn export_state(&self) -> Result<Vec<u8>, EngineError> {
        Ok(self.state.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    fn import_state(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        self.state = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Ok(())
    }
}

/// A `direct` contract over `frames` frames (1 without a window) of symbolic size.
pub(crate) fn contract(frames: usize) -> Contract {
    let port = |name: &str, role, channels| {
        Port::new(
            name,
            role,
            DType::F32,
            &[Dim::Fixed(1), Dim::Fixed(channels), "H".into(), "W".into()],
        )
    };
    let window = (frames > 1).then_some(Window { frames, layout: WindowLayout::Channels });
    let role = if frames > 1 { Role::Window } else { Role::Frame };
    Contract {
        version: Contract::VERSION,
        name: "scripted".into(),
        description: String::new(),
        task: Task::Predict,
        kind: Some(PredictKind::Direct),
        features: None,
        inputs: vec![port("frame", role, 3 * frames)],
        outputs: vec![port("pred", Role::Prediction, 3)],
        size: None,
        window,
        state: Vec::new(),
        labels: Vec::new(),
        links: Vec::new(),
        tokenizer: None,
        answering: None,
        space: None,
        golden: None,
        provenance: Provenance::default(),
        scores: Vec::new(),
    }
}

/// A picture of one grey level.
pub(crate) fn grey(size: Size, level: u8) -> RgbImage {
    RgbImage::from_vec(size, vec![level; size.pixels() * 3]).unwrap()
}

/// The description of frame `seq` of a 25 Hz stream.
pub(crate) fn meta(seq: u64) -> FrameMeta {
    FrameMeta {
        seq: FrameSeq(seq),
        captured: MonoTime::from_nanos(1_000_000_000 + seq * 40_000_000),
        ..FrameMeta::default()
    }
}
