//! ONNX Runtime, loaded at run time, with its chain of execution providers.
//!
//! Each provider is tried with `error_on_failure`, and the profile of a trial session says where the
//! nodes really ran. A provider that runs no node counts as failed: the library itself would fall
//! back to the CPU without a word. The session that stays is opened without profiling, because one
//! opened with it takes some more memory with every run, also after its profile has ended.

mod backend;
mod candidates;
#[cfg(target_os = "linux")]
mod elf;
mod library;
mod placement;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::path::Path;

use ort::session::Session;
use ort::session::builder::SessionBuilder;
use tempfile::TempDir;

pub use candidates::Origin;
pub use library::{OLDEST_MINOR, Tried, search};

use self::backend::OrtBackend;
use super::library_call::library_call;
use super::load::{Job, finish, with_state};
use super::ports::Ports;
use super::report::{Attempt, LoadReport, Placement};
use super::{EngineError, Provider, refusal};

const ENGINE: &str = "ort";

type Outcome = Result<(Box<dyn super::Session>, LoadReport), EngineError>;

/// Loads the model on the first provider of the chain that works.
pub(super) fn load(job: &Job<'_>, attempts: &mut Vec<Attempt>) -> Outcome {
    let wanted = job.options.require_provider;
    let unavailable = |reason: String| match wanted {
        Some(provider) => EngineError::Provider { provider: provider.to_string(), reason },
        None => EngineError::Unavailable { engine: ENGINE.to_owned(), reason },
    };
    let runtime = library::runtime(job.options.library.as_deref()).map_err(unavailable)?;
    let available = available_providers();
    let chain: Vec<Provider> = match wanted {
        Some(provider) => vec![provider],
        None => job.options.providers.clone(),
    };
    let mut last = None;
    for provider in chain {
        let mut report = LoadReport {
            engine: ENGINE.to_owned(),
            version: runtime.version.clone(),
            library: Some(runtime.path.clone()),
            provider: provider.to_string(),
            threads: job.options.thread_count(),
            ..LoadReport::default()
        };
        let outcome = if available.iter().any(|a| a == provider.library_name()) {
            try_provider(job, &runtime, provider, &mut report)
        } else {
            Err(EngineError::Unavailable {
                engine: format!("{ENGINE}/{provider}"),
                reason: format!(
                    "{} was built without it (it has {})",
                    runtime.path.display(),
                    available.join(", ")
                ),
            })
        };
        match outcome {
            Ok(session) => return Ok((session, report)),
            Err(error) => {
                tracing::debug!(%provider, %error, "provider is not used");
                attempts.push(Attempt {
                    what: format!("{ENGINE}/{provider}"),
                    reason: error.to_string(),
                });
                last = Some(error);
            }
        }
    }
    Err(match (wanted, last) {
        (Some(provider), Some(error)) => {
            EngineError::Provider { provider: provider.to_string(), reason: error.to_string() }
        }
        (_, Some(error)) => error,
        (_, None) => unavailable("the list of providers is empty".to_owned()),
    })
}

fn try_provider(
    job: &Job<'_>,
    runtime: &library::Runtime,
    provider: Provider,
    report: &mut LoadReport,
) -> Result<Box<dyn super::Session>, EngineError> {
    let placement = prove_placement(job, runtime, provider)?;
    let open = |ports: &Ports| with_state(job, ports, open(job, runtime, provider, ports, None)?);
    let session = finish(job, &format!("{ENGINE}/{provider}"), &open, report)?;
    match placement {
        Ok(placement) => report.placement = placement,
        Err(reason) => report.notes.push(format!("placement is not proved: {reason}")),
    }
    if provider != Provider::Cpu && !report.placement.iter().any(|p| p.provider == provider.name())
    {
        return Err(EngineError::Provider {
            provider: provider.to_string(),
            reason: "the library accepted it but ran no node on it".to_owned(),
        });
    }
    Ok(session)
}

/// Runs the model once in a session of its own and reads from its profile where the nodes ran.
fn prove_placement(
    job: &Job<'_>,
    runtime: &library::Runtime,
    provider: Provider,
) -> Result<Result<Vec<Placement>, String>, EngineError> {
    let ports = job.ports(job.options)?;
    let folder = match tempfile::Builder::new().prefix("framecast-profile").tempdir() {
        Ok(folder) => folder,
        Err(error) => return Ok(Err(format!("no profile can be written: {error}"))),
    };
    let backend = open(job, runtime, provider, &ports, Some(folder))?;
    let mut trial = with_state(job, &ports, backend)?;
    // Made-up inputs can be illegal for a model without a contract; what ran before counts.
    let failed = trial.warm_up(&ports, 1).err();
    let proof = trial.placement();
    Ok(match (proof, failed) {
        (Ok(placement), Some(error)) if placement.is_empty() => Err(error.to_string()),
        (proof, _) => proof,
    })
}

fn open(
    job: &Job<'_>,
    runtime: &library::Runtime,
    provider: Provider,
    ports: &Ports,
    profile: Option<TempDir>,
) -> Result<OrtBackend, EngineError> {
    let file = profile.as_ref().map(|folder| folder.path().join("run"));
    let session = library_call(|| {
        build(job, runtime, provider, &ports.bind, file.as_deref())?
            .commit_from_memory(job.file.bytes())
    })
    .map_err(|e| refusal::from_message(ENGINE, job.name, &e.to_string(), job.nodes))?;
    check_ports(job, &session, ports)?;
    OrtBackend::new(session, ports, profile)
}

fn build(
    job: &Job<'_>,
    runtime: &library::Runtime,
    provider: Provider,
    bind: &BTreeMap<String, usize>,
    profile: Option<&Path>,
) -> ort::Result<SessionBuilder> {
    use ort::ep;
    let options = job.options;
    let mut builder = Session::builder(&runtime.environment)?
        .with_intra_threads(options.thread_count())?
        .with_inter_threads(1)?
        .with_intra_op_spinning(options.spinning)?
        .with_inter_op_spinning(options.spinning)?;
    for (symbol, size) in bind {
        // Names of axes without a symbol are ours, not the library's.
        if !symbol.contains(':') {
            builder = builder.with_dimension_override(symbol, *size as i64)?;
        }
    }
    if let Some(profile) = profile {
        builder = builder.with_profiling(profile)?;
    }
    let cuda = || ep::CUDA::default().build().error_on_failure();
    match provider {
        Provider::Cpu => Ok(builder),
        Provider::Cuda => Ok(builder.with_execution_providers([cuda()])?),
        // TensorRT leaves operators out; CUDA takes those rather than the CPU.
        Provider::TensorRt => Ok(builder.with_execution_providers([
            ep::TensorRT::default().build().error_on_failure(),
            cuda(),
        ])?),
    }
}

/// The library's inputs and outputs must be those of the file's own graph.
fn check_ports(job: &Job<'_>, session: &Session, ports: &Ports) -> Result<(), EngineError> {
    let theirs = session.inputs().iter().map(ort::value::Outlet::name);
    let ours = ports.inputs.iter().map(|p| p.spec.name.as_str());
    if theirs.eq(ours) {
        return Ok(());
    }
    Err(EngineError::Model {
        model: job.name.to_owned(),
        reason: "ONNX Runtime and the file disagree about its inputs".to_owned(),
    })
}

/// The providers the library was built with.
fn available_providers() -> Vec<String> {
    use ort::ep::{self, ExecutionProvider as _};
    let found = [
        (Provider::TensorRt, ep::TensorRT::is_available()),
        (Provider::Cuda, ep::CUDA::is_available()),
        (Provider::Cpu, ep::CPU::is_available()),
    ];
    found
        .into_iter()
        .filter(|(_, there)| matches!(there, Ok(true)))
        .map(|(provider, _)| provider.library_name().to_owned())
        .collect()
}
