//! Works through a plan: what is not measured yet is measured and kept, then all is put together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::frame::Size;
use crate::pipeline::Stop;

use super::BenchError;
use super::ffmpeg::{Ffmpeg, Mode};
use super::folder::ReportFolder;
use super::measure::{Coder, Measured, Prepared, Yardstick, measure};
use super::prediction::{GatePoint, Hold, Linear, Moving, RatePoint, Receiver, gated, reduced};
use super::report::{
    ClipCurves, ClipInfo, ClipPoints, FewerRow, LosslessTable, NONE, Outcomes, PredictorRow,
    compare_gating, curves, fewer, lossless, predictors,
};
use super::store::Store;

/// The version of what is kept: another one makes all be measured again.
const KEPT: u32 = 2;

/// A way to show frames that were not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverChoice {
    /// Its name: copy-last, linear, motion, or that of a model.
    pub name: String,
    /// What its results depend on: the name, or the hash of a model.
    pub identity: String,
}

/// Opens a predictor of this name for frames of this size.
pub type OpenReceiver<'a> = dyn FnMut(&str, Size) -> Result<Box<dyn Receiver>, BenchError> + 'a;

/// A predictor inside a codec.
pub struct Inside {
    /// The codec.
    pub codec: String,
    /// The predictor; `none` is what the others are measured against.
    pub predictor: String,
    /// The two together.
    pub coder: Box<dyn Coder>,
}

/// What is to be measured.
#[derive(Default)]
pub struct Plan {
    /// The processor: another one makes all be measured again.
    pub processor: String,
    /// The clips.
    pub clips: Vec<(Prepared, ClipInfo)>,
    /// Codecs of the lossless table.
    pub lossless: Vec<Box<dyn Coder>>,
    /// Codecs of the curves.
    pub lossy: Vec<Box<dyn Coder>>,
    /// Codec that the curves are compared with.
    pub reference: String,
    /// Codecs with each predictor.
    pub inside: Vec<Inside>,
    /// Codec that carries the frames which are sent, in the experiments of sending fewer.
    pub carrier: Option<Box<dyn Coder>>,
    /// Every how manieth frame is sent; none for no such experiment.
    pub every: Vec<usize>,
    /// Limits in dB of sending the surprising frames alone; none for no such experiment.
    pub limits: Vec<f64>,
    /// What shows the frames that are not sent.
    pub receivers: Vec<ReceiverChoice>,
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Results {
    /// The lossless table.
    pub lossless: Option<LosslessTable>,
    /// The curves of each clip.
    pub curves: Vec<ClipCurves>,
    /// Bits saved by predictors.
    pub predictors: Vec<PredictorRow>,
    /// Every n-th frame sent.
    pub frame_rate: Vec<ClipPoints<RatePoint>>,
    /// The same, against every frame sent.
    pub frame_rate_bd: Vec<FewerRow>,
    /// Surprising frames sent.
    pub gating: Vec<ClipPoints<GatePoint>>,
}

/// Where and how a plan is worked off.
pub struct Runner<'a> {
    store: Store,
    work: PathBuf,
    yardstick: Option<Yardstick>,
    stop: Stop,
    /// Told of the share that is done, and of what comes next.
    watch: &'a mut dyn FnMut(f64, &str),
    open: &'a mut OpenReceiver<'a>,
    failed: BTreeMap<String, String>,
    done: f64,
    total: f64,
}

impl<'a> Runner<'a> {
    /// Keeps what it measures in `folder`.
    ///
    /// # Errors
    /// [`BenchError::Io`] when the folder cannot be made.
    pub fn new(
        folder: &ReportFolder,
        ffmpeg: Option<&Ffmpeg>,
        stop: &Stop,
        watch: &'a mut dyn FnMut(f64, &str),
        open: &'a mut OpenReceiver<'a>,
    ) -> Result<Self, BenchError> {
        let work = ReportFolder::work(folder.path());
        Ok(Self {
            store: Store::open(&folder.cells())?,
            yardstick: ffmpeg.map(|f| Yardstick::new(f, &work)).transpose()?,
            work,
            stop: stop.clone(),
            watch,
            open,
            failed: BTreeMap::new(),
            done: 0.0,
            total: 0.0,
        })
    }

    /// Works off `plan`.
    ///
    /// # Errors
    /// [`BenchError::Stopped`], and [`BenchError::Io`]; a codec or predictor that fails is part of
    /// the results.
    pub fn run(&mut self, plan: &Plan) -> Result<Results, BenchError> {
        let tasks = tasks(plan);
        let open: Vec<_> = tasks.iter().filter(|task| !self.is_kept(task)).collect();
        self.total = open.iter().map(|task| task.cost).sum();
        for task in open {
            if self.stop.is_aborted() {
                return Err(BenchError::Stopped);
            }
            (self.watch)(self.done / self.total.max(f64::MIN_POSITIVE), &task.label);
            match self.perform(plan, task) {
                Ok(()) => {}
                Err(fatal @ (BenchError::Stopped | BenchError::Io { .. })) => return Err(fatal),
                Err(error) => {
                    tracing::warn!("{}: {error}", task.label);
                    self.failed.insert(task.key.to_string(), error.to_string());
                }
            }
            self.done += task.cost;
        }
        Ok(self.results(plan))
    }

    fn is_kept(&self, task: &Task) -> bool {
        match task.job {
            Job::Lossless { .. } | Job::Lossy { .. } | Job::Inside { .. } => {
                self.store.get::<Measured>(&task.key).is_some()
            }
            Job::Rate { .. } => self.store.get::<Vec<RatePoint>>(&task.key).is_some(),
            Job::Gate { .. } => self.store.get::<GatePoint>(&task.key).is_some(),
        }
    }

    fn perform(&mut self, plan: &Plan, task: &Task) -> Result<(), BenchError> {
        let Some((clip, _)) = plan.clips.get(task.clip) else { return Ok(()) };
        let carrier = || {
            let missing = || BenchError::Request("there is no codec to carry the frames".into());
            plan.carrier.as_deref().ok_or_else(missing)
        };
        match task.job {
            Job::Lossless { coder } => {
                self.code(clip, &*plan.lossless[coder], Mode::Lossless, task)
            }
            Job::Inside { coder } => {
                self.code(clip, &*plan.inside[coder].coder, Mode::Lossless, task)
            }
            Job::Lossy { coder, mode } => self.code(clip, &*plan.lossy[coder], mode, task),
            Job::Rate { mode, every } => {
                let size = clip.clip.size();
                let names: Vec<&str> = match every {
                    // Nothing is predicted.
                    1 => vec![NONE],
                    _ => plan.receivers.iter().map(|r| r.name.as_str()).collect(),
                };
                let receivers = names.iter().map(|name| Ok((*name, self.receiver(name, size)?)));
                let mut receivers = receivers.collect::<Result<Vec<_>, BenchError>>()?;
                let points = reduced(clip, carrier()?, mode, every, &mut receivers, &self.work)?;
                self.store.put(&task.key, &points)
            }
            Job::Gate { receiver, limit, mode } => {
                let (name, size) = (&plan.receivers[receiver].name, clip.clip.size());
                let work = self.work.clone();
                let mut make = || self.receiver(name, size);
                let point = gated(clip, carrier()?, mode, limit, &mut make, &work)?;
                self.store.put(&task.key, &point)
            }
        }
    }

    fn code(
        &self,
        clip: &Prepared,
        coder: &dyn Coder,
        mode: Mode,
        task: &Task,
    ) -> Result<(), BenchError> {
        let measured = measure(coder, clip, mode, self.yardstick.as_ref())?;
        self.store.put(&task.key, &measured)
    }

    fn receiver(&mut self, name: &str, size: Size) -> Result<Box<dyn Receiver>, BenchError> {
        Ok(match name {
            NONE | "copy-last" => Box::new(Hold::default()),
            "linear" => Box::new(Linear::default()),
            "motion" => Box::new(Moving::default()),
            other => (self.open)(other, size)?,
        })
    }

    fn get<T: DeserializeOwned>(&self, key: &Value) -> Result<T, String> {
        self.store.get(key).ok_or_else(|| {
            let why = self.failed.get(&key.to_string()).cloned();
            why.unwrap_or_else(|| "it was not measured".to_owned())
        })
    }

    fn results(&self, plan: &Plan) -> Results {
        let infos: Vec<ClipInfo> = plan.clips.iter().map(|(_, info)| info.clone()).collect();
        let outcomes = |coder: &dyn Coder, name: &str| Outcomes {
            name: name.to_owned(),
            clips: plan
                .clips
                .iter()
                .map(|(clip, _)| self.get(&code_key(plan, clip, coder, Mode::Lossless)))
                .collect(),
        };
        let rows: Vec<_> = plan.lossless.iter().map(|c| outcomes(&**c, c.name())).collect();
        let mut results = Results {
            lossless: (!rows.is_empty()).then(|| lossless(&infos, &rows)),
            ..Results::default()
        };
        for (clip, info) in plan.clips.iter().filter(|_| !plan.lossy.is_empty()) {
            let modes = |c: &dyn Coder| {
                let mode = |m: Mode| (c.mode_name(m), self.get(&code_key(plan, clip, c, m)));
                (c.name().to_owned(), c.curve().into_iter().map(mode).collect())
            };
            let codecs: Vec<_> = plan.lossy.iter().map(|c| modes(&**c)).collect();
            results.curves.push(curves(info, &plan.reference, &codecs));
        }
        let mut codecs: Vec<&str> = plan.inside.iter().map(|i| i.codec.as_str()).collect();
        codecs.dedup();
        for codec in codecs {
            let of = plan.inside.iter().filter(|i| i.codec == codec);
            let rows: Vec<_> = of.map(|i| outcomes(&*i.coder, &i.predictor)).collect();
            results.predictors.extend(predictors(&infos, codec, &rows));
        }
        if let Some(carrier) = plan.carrier.as_deref() {
            for (at, (_, info)) in plan.clips.iter().enumerate() {
                let of_clip = |kind: fn(&Job) -> bool| {
                    tasks(plan).into_iter().filter(move |t| t.clip == at && kind(&t.job))
                };
                let rate = of_clip(|job| matches!(job, Job::Rate { .. }));
                let gate = of_clip(|job| matches!(job, Job::Gate { .. }));
                let rates = rate.map(|t| self.get::<Vec<RatePoint>>(&t.key));
                let gates = gate.map(|t| self.get::<GatePoint>(&t.key).map(|p| vec![p]));
                let (name, carrier) = (&info.name, carrier.name());
                let rates = gathered(name, carrier, rates);
                let mut gates = gathered(name, carrier, gates);
                if let Some(gates) = &mut gates {
                    compare_gating(&mut gates.points, rates.as_ref());
                }
                results.frame_rate_bd.extend(rates.iter().flat_map(fewer));
                results.frame_rate.extend(rates);
                results.gating.extend(gates);
            }
        }
        results
    }
}

/// The points of a clip; `None` when none were asked for.
fn gathered<T: Serialize>(
    clip: &str,
    carrier: &str,
    outcomes: impl Iterator<Item = Result<Vec<T>, String>>,
) -> Option<ClipPoints<T>> {
    let (mut points, mut errors) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(more) => points.extend(more),
            Err(why) if !errors.contains(&why) => errors.push(why),
            Err(_) => {}
        }
    }
    let asked = !points.is_empty() || !errors.is_empty();
    asked.then(|| ClipPoints { clip: clip.to_owned(), carrier: carrier.to_owned(), points, errors })
}

#[derive(Clone, Copy, Debug)]
enum Job {
    Lossless { coder: usize },
    Lossy { coder: usize, mode: Mode },
    Inside { coder: usize },
    Rate { mode: Mode, every: usize },
    Gate { receiver: usize, limit: f64, mode: Mode },
}

#[derive(Debug)]
struct Task {
    label: String,
    clip: usize,
    key: Value,
    cost: f64,
    job: Job,
}

fn code_key(plan: &Plan, clip: &Prepared, coder: &dyn Coder, mode: Mode) -> Value {
    json!({
        "kept": KEPT,
        "processor": plan.processor,
        "clip": clip.sha256,
        "codec": coder.name(),
        "by": coder.identity(mode),
    })
}

/// Everything a plan asks for, clip by clip.
fn tasks(plan: &Plan) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (at, (clip, info)) in plan.clips.iter().enumerate() {
        let mut add = |label: String, key: Value, effort: f64, job: Job| {
            let label = format!("{}: {label}", info.name);
            tasks.push(Task { label, clip: at, key, cost: effort * info.pixels(), job });
        };
        for (coder, codec) in plan.lossless.iter().enumerate() {
            let mode = Mode::Lossless;
            let (key, effort) = (code_key(plan, clip, &**codec, mode), codec.effort(mode));
            add(codec.name().to_owned(), key, effort, Job::Lossless { coder });
        }
        for (coder, Inside { predictor, coder: codec, .. }) in plan.inside.iter().enumerate() {
            let mode = Mode::Lossless;
            let (key, effort) = (code_key(plan, clip, &**codec, mode), codec.effort(mode));
            add(format!("{} with {predictor}", codec.name()), key, effort, Job::Inside { coder });
        }
        for (coder, codec) in plan.lossy.iter().enumerate() {
            for mode in codec.curve() {
                let label = format!("{} {}", codec.name(), codec.mode_name(mode));
                let key = code_key(plan, clip, &**codec, mode);
                add(label, key, codec.effort(mode), Job::Lossy { coder, mode });
            }
        }
        let Some(carrier) = plan.carrier.as_deref() else { continue };
        let modes = carrier.curve();
        let identities: Vec<&str> = plan.receivers.iter().map(|r| r.identity.as_str()).collect();
        for (every, mode) in plan.every.iter().flat_map(|n| modes.iter().map(move |m| (*n, *m))) {
            let label = format!("every {every}. frame, {}", carrier.mode_name(mode));
            let mut key = code_key(plan, clip, carrier, mode);
            let shown: &[&str] = if every == 1 { &[NONE] } else { &identities };
            key["every"] = json!([every, shown]);
            add(label, key, 4.0 + 6.0 * shown.len() as f64, Job::Rate { mode, every });
        }
        // One quality is enough to see what the limit does: the best, so that the limit decides.
        let Some(mode) = modes.first().copied() else { continue };
        for (receiver, choice) in plan.receivers.iter().enumerate() {
            for limit in &plan.limits {
                let label = format!("surprising to {}, {limit} dB", choice.name);
                let mut key = code_key(plan, clip, carrier, mode);
                key["limit"] = json!([limit, choice.identity]);
                add(label, key, 12.0, Job::Gate { receiver, limit: *limit, mode });
            }
        }
    }
    tasks
}
