//! What a load tells about itself: which engine and provider really run, and why not another.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// How many nodes of the graph a provider runs, as the library itself reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// Provider, for example `cuda`; `tract` for the built-in engine, `exact/avx2` for our kernels.
    pub provider: String,
    /// Nodes of the optimised graph that ran on it.
    pub nodes: usize,
}

/// Something that was tried before the engine in use, and why it is not in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Engine, with the provider if it has one: `ort/cuda`.
    pub what: String,
    /// Why it was left.
    pub reason: String,
}

/// Outcome of the golden self-test.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum SelfTest {
    /// The model carries no golden vectors.
    #[default]
    None,
    /// The caller asked to leave it out.
    Skipped,
    /// All sampled values were within tolerance.
    Passed {
        /// Chained steps.
        steps: usize,
        /// Largest |a - b| / max(1, max|b|).
        worst: f64,
    },
}

/// The result of a load beside the session.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoadReport {
    /// `tract`, `ort` or `exact`.
    pub engine: String,
    /// Version of the engine's library.
    pub version: String,
    /// The library file of ONNX Runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// The provider that was asked for and accepted; others may run single nodes.
    pub provider: String,
    /// Proof of placement.
    pub placement: Vec<Placement>,
    /// Threads of one operator.
    pub threads: usize,
    /// Time to parse, optimise and prepare the model.
    #[serde(serialize_with = "milliseconds", rename = "load_ms")]
    pub load_time: Duration,
    /// Time of the warm-up runs, which no later figure contains.
    #[serde(serialize_with = "milliseconds", rename = "warm_up_ms")]
    pub warm_up_time: Duration,
    /// Golden self-test.
    pub self_test: SelfTest,
    /// What was tried before.
    pub attempts: Vec<Attempt>,
    /// Remarks for people: shapes known only after a run, a failed trial run on zeros.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

fn milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64() * 1e3)
}

impl LoadReport {
    /// One line: engine, version, providers with their nodes, threads.
    #[must_use]
    pub fn summary(&self) -> String {
        let placed: Vec<String> =
            self.placement.iter().map(|p| format!("{} {}", p.provider, p.nodes)).collect();
        let threads = if self.threads == 1 { "thread" } else { "threads" };
        format!(
            "{} {} on {} ({}; {} {threads})",
            self.engine,
            self.version,
            self.provider,
            if placed.is_empty() {
                "placement unknown".to_owned()
            } else {
                format!("nodes: {}", placed.join(", "))
            },
            self.threads,
        )
    }
}
