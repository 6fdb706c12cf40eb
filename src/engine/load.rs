//! Loading a model: pick the engine, bind the sizes, prove the placement, test, warm up.
//!
//! Slow by nature (tens of milliseconds to minutes); never called on a thread that frames wait for.

use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

use super::ports::{DeclaredNode, Ports};
use super::report::{Attempt, LoadReport, Placement, SelfTest};
use super::state_session::StateSession;
use super::{
    EngineChoice, EngineError, LoadOptions, Session, SessionSpec, backend, exact, self_test,
};
use crate::model::onnx::GraphProto;
use crate::model::{Contract, ModelFile};

/// A session that is ready for its first frame.
pub struct Loaded {
    /// The session, with reset state.
    pub session: Box<dyn Session>,
    /// What was loaded, where it runs and why.
    pub report: LoadReport,
    /// The contract in force.
    pub contract: Option<Contract>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("report", &self.report).finish_non_exhaustive()
    }
}

/// What every engine needs to know about the model.
pub(super) struct Job<'a> {
    pub(super) name: &'a str,
    pub(super) file: &'a ModelFile,
    pub(super) contract: Option<&'a Contract>,
    pub(super) nodes: &'a [DeclaredNode],
    pub(super) options: &'a LoadOptions,
}

impl Job<'_> {
    /// The ports with the sizes of `options`, or with those of the golden self-test.
    pub(super) fn ports(&self, options: &LoadOptions) -> Result<Ports, EngineError> {
        let (inputs, outputs) = (self.file.inputs(), self.file.outputs());
        Ports::bind(self.name, &inputs, &outputs, self.contract, options)
    }
}

/// The model's SHA-256, which its saved state carries.
pub(super) fn state_hash(model: &ModelFile) -> [u8; 32] {
    let mut hash = [0; 32];
    let digits = model.sha256();
    for (i, byte) in hash.iter_mut().enumerate() {
        let pair = digits.get(2 * i..2 * i + 2).unwrap_or("0");
        *byte = u8::from_str_radix(pair, 16).unwrap_or(0);
    }
    hash
}

/// A session that still has to be warmed up.
pub(super) trait Prepared: Session {
    /// Runs on made-up inputs; afterwards the spec has the shapes of all outputs.
    fn warm_up(&mut self, ports: &Ports, runs: usize) -> Result<(), EngineError>;

    /// Where the nodes ran in the warm-up.
    fn placement(&mut self) -> Result<Vec<Placement>, String>;
}

/// Wraps a backend into a session with state.
pub(super) fn with_state<B: backend::Backend + 'static>(
    job: &Job<'_>,
    ports: &Ports,
    backend: B,
) -> Result<Box<dyn Prepared>, EngineError> {
    let outputs = ports.caller_outputs().into_iter().map(|port| super::TensorSpec {
        name: port.name.clone(),
        dtype: port.dtype,
        shape: port.shape.clone().unwrap_or_default(),
    });
    let spec = SessionSpec {
        inputs: ports.caller_inputs().into_iter().map(|p| p.spec.clone()).collect(),
        outputs: outputs.collect(),
        state: ports.state.iter().map(|s| (s.spec.clone(), s.output.clone())).collect(),
    };
    Ok(Box::new(StateSession::new(backend, ports, spec, state_hash(job.file))?))
}

/// Opens the model for one set of sizes.
pub(super) type Open<'a> = dyn Fn(&Ports) -> Result<Box<dyn Prepared>, EngineError> + 'a;

/// Opens, warms up and tests the model on one engine; fills the report's measured part.
pub(super) fn finish(
    job: &Job<'_>,
    engine: &str,
    open: &Open<'_>,
    report: &mut LoadReport,
) -> Result<Box<dyn Session>, EngineError> {
    let ports = job.ports(job.options)?;
    let start = Instant::now();
    let mut session = open(&ports)?;
    report.load_time = start.elapsed();
    let start = Instant::now();
    if let Err(error) = session.warm_up(&ports, job.options.warm_up.max(1)) {
        // Without a contract the inputs mean anything, indices and shapes included, and made-up
        // numbers can be illegal.
        if job.contract.is_some() {
            return Err(error);
        }
        report.notes.push(format!("the trial run failed, output shapes are as declared: {error}"));
    }
    match session.placement() {
        Ok(placement) => report.placement = placement,
        Err(error) => report.notes.push(format!("placement is not proved: {error}")),
    }
    report.warm_up_time = start.elapsed();
    report.self_test = test(job, engine, open, &ports, session.as_mut())?;
    Ok(session)
}

fn test(
    job: &Job<'_>,
    engine: &str,
    open: &Open<'_>,
    ports: &Ports,
    session: &mut dyn Prepared,
) -> Result<SelfTest, EngineError> {
    let Some(golden) = job.contract.and_then(|c| c.golden.as_ref()) else {
        return Ok(SelfTest::None);
    };
    if !job.options.self_test {
        return Ok(SelfTest::Skipped);
    }
    let options = LoadOptions {
        bind: golden.bind.clone(),
        input_shapes: Default::default(),
        ..job.options.clone()
    };
    let golden_ports = job.ports(&options)?;
    let worst = if golden_ports == *ports {
        self_test::run(engine, job.file, session, golden, &golden_ports)?
    } else {
        let mut small = open(&golden_ports)?;
        small.warm_up(&golden_ports, 1)?;
        self_test::run(engine, job.file, small.as_mut(), golden, &golden_ports)?
    };
    Ok(SelfTest::Passed { steps: golden.steps, worst })
}

/// Loads `model`: engine and provider by `options`, state reset, outputs tested and warm.
///
/// # Errors
/// [`EngineError`] when the wanted engine is not there, refuses the model, or fails its self-test.
pub fn load(model: &ModelFile, options: &LoadOptions) -> Result<Loaded, EngineError> {
    let contract = model.contract().map_err(|e| EngineError::Model {
        model: model.name().to_owned(),
        reason: e.to_string(),
    })?;
    let mut nodes = Vec::new();
    declared_nodes(model.graph(), &mut nodes);
    let job = Job {
        name: model.name(),
        file: model,
        contract: contract.as_ref(),
        nodes: &nodes,
        options,
    };
    let mut attempts = Vec::new();
    let outcome = match options.engine {
        EngineChoice::Tract => load_tract(&job),
        EngineChoice::Ort => load_ort(&job, &mut attempts),
        EngineChoice::Exact => load_exact(&job),
        EngineChoice::Auto => load_auto(&job, &mut attempts),
    };
    let (session, mut report) = outcome.map_err(|error| named_library(error, options))?;
    report.attempts = attempts;
    tracing::info!("{}: {}", model.name(), report.summary());
    Ok(Loaded { session, report, contract })
}

type Outcome = Result<(Box<dyn Session>, LoadReport), EngineError>;

fn load_auto(job: &Job<'_>, attempts: &mut Vec<Attempt>) -> Outcome {
    if job.options.require_provider.is_none() && job.contract.is_some_and(exact::wants_exact) {
        if let Some(library) = &job.options.library {
            named_library_opens(library)?;
        }
        match load_exact(job) {
            Ok(loaded) => return Ok(loaded),
            Err(error) => {
                attempts.push(Attempt { what: "exact".to_owned(), reason: error.to_string() });
            }
        }
    }
    let error = match load_ort(job, attempts) {
        Ok(loaded) => return Ok(loaded),
        // A provider that was asked for by name is not replaced by another engine.
        Err(error @ EngineError::Provider { .. }) => return Err(error),
        Err(error) => error,
    };
    let mut note = None;
    // Providers that are missing are `ort/cuda` and the like: the library itself was there.
    if let EngineError::Unavailable { engine, reason } = &error
        && engine == "ort"
    {
        if job.options.library.is_some() {
            return Err(error);
        }
        note = environment_library().map(|library| {
            format!("ORT_DYLIB_PATH names {library:?}, which is not used; tract runs: {reason}")
        });
    }
    match &note {
        Some(note) => tracing::warn!("{note}"),
        None => tracing::debug!(%error, "ort is not used"),
    }
    attempts.push(Attempt { what: "ort".to_owned(), reason: error.to_string() });
    let (session, mut report) = load_tract(job).map_err(|tract| match error {
        // The more telling of the two: tract's refusal says nothing when ort knew the reason.
        EngineError::Unavailable { .. } => tract,
        other => other,
    })?;
    report.notes.extend(note);
    Ok((session, report))
}

/// A library that the caller names and that is not there is a mistake in what he named.
fn named_library(error: EngineError, options: &LoadOptions) -> EngineError {
    match (error, &options.library) {
        // Providers that are missing are `ort/cuda` and the like: the library itself was there.
        (EngineError::Unavailable { engine, reason }, Some(library)) if engine == "ort" => {
            EngineError::Library { library: library.clone(), reason }
        }
        (error, _) => error,
    }
}

/// Whether a library that the caller names can be used, where no load would find out.
#[cfg(feature = "ort")]
fn named_library_opens(library: &Path) -> Result<(), EngineError> {
    match super::ort::search(Some(library)).pop().map(|tried| tried.outcome) {
        Some(Err(reason)) => Err(EngineError::Unavailable { engine: "ort".to_owned(), reason }),
        _ => Ok(()),
    }
}

#[cfg(not(feature = "ort"))]
fn named_library_opens(_: &Path) -> Result<(), EngineError> {
    Err(not_built("ort"))
}

/// What `ORT_DYLIB_PATH` names, in a program that would use it.
fn environment_library() -> Option<OsString> {
    let named = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty());
    named.filter(|_| cfg!(feature = "ort"))
}

fn load_exact(job: &Job<'_>) -> Outcome {
    if let Some(provider) = job.options.require_provider {
        return Err(EngineError::Provider {
            provider: provider.to_string(),
            reason: "the exact engine has no providers; use --engine ort".to_owned(),
        });
    }
    let open = |ports: &Ports| with_state(job, ports, exact::ExactBackend::load(job, ports)?);
    let mut report = LoadReport {
        engine: "exact".to_owned(),
        version: exact::VERSION.to_owned(),
        provider: "cpu".to_owned(),
        threads: 1,
        ..LoadReport::default()
    };
    let session = finish(job, "exact", &open, &mut report)?;
    Ok((session, report))
}

#[cfg(feature = "tract")]
fn load_tract(job: &Job<'_>) -> Outcome {
    use super::tract;
    if let Some(provider) = job.options.require_provider {
        return Err(EngineError::Provider {
            provider: provider.to_string(),
            reason: "tract has no providers; use --engine ort".to_owned(),
        });
    }
    tract::rules(job)?;
    let threads = job.options.thread_count();
    let open =
        |ports: &Ports| with_state(job, ports, tract::TractBackend::load(job, ports, threads)?);
    let mut report = LoadReport {
        engine: "tract".to_owned(),
        version: tract::VERSION.to_owned(),
        provider: "cpu".to_owned(),
        threads,
        ..LoadReport::default()
    };
    let session = finish(job, "tract", &open, &mut report)?;
    Ok((session, report))
}

#[cfg(not(feature = "tract"))]
fn load_tract(_: &Job<'_>) -> Outcome {
    Err(not_built("tract"))
}

#[cfg(feature = "ort")]
fn load_ort(job: &Job<'_>, attempts: &mut Vec<Attempt>) -> Outcome {
    super::ort::load(job, attempts)
}

#[cfg(not(feature = "ort"))]
fn load_ort(_: &Job<'_>, _: &mut Vec<Attempt>) -> Outcome {
    Err(not_built("ort"))
}

#[cfg(not(all(feature = "tract", feature = "ort")))]
fn not_built(engine: &str) -> EngineError {
    EngineError::Unavailable {
        engine: engine.to_owned(),
        reason: format!("this program was built without the feature `{engine}`"),
    }
}

/// All nodes, those of subgraphs included.
fn declared_nodes(graph: &GraphProto, nodes: &mut Vec<DeclaredNode>) {
    for node in &graph.node {
        // A node without a name goes by its first output that has one.
        let output = node.output.iter().find(|o| !o.is_empty());
        let name = match node.label() {
            "" => output.cloned().unwrap_or_default(),
            label => label.to_owned(),
        };
        nodes.push(DeclaredNode { name, operator: node.operator() });
        for (_, subgraph) in node.subgraphs() {
            declared_nodes(subgraph, nodes);
        }
    }
}
