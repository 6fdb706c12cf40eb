//! What the caller asks of an engine: which one, on which provider, with how many threads.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Which engine runs a model.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// Our own kernels for integer models; ONNX Runtime when a library is found and takes the
    /// model, tract otherwise.
    #[default]
    Auto,
    /// The built-in engine.
    Tract,
    /// ONNX Runtime, or an error.
    Ort,
    /// Our own integer kernels.
    Exact,
}

/// An execution provider of ONNX Runtime.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// NVIDIA TensorRT.
    TensorRt,
    /// NVIDIA CUDA.
    Cuda,
    /// The CPU kernels of ONNX Runtime.
    Cpu,
}

impl Provider {
    /// The name used in configuration and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TensorRt => "tensorrt",
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        }
    }

    /// The name ONNX Runtime uses.
    #[must_use]
    pub const fn library_name(self) -> &'static str {
        match self {
            Self::TensorRt => "TensorrtExecutionProvider",
            Self::Cuda => "CUDAExecutionProvider",
            Self::Cpu => "CPUExecutionProvider",
        }
    }
}

impl EngineChoice {
    /// The name used in configuration and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Tract => "tract",
            Self::Ort => "ort",
            Self::Exact => "exact",
        }
    }
}

/// A name that stands for no engine or provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not one of {allowed}")]
pub struct UnknownName {
    given: String,
    allowed: &'static str,
}

impl FromStr for EngineChoice {
    type Err = UnknownName;

    fn from_str(s: &str) -> Result<Self, UnknownName> {
        match s {
            "auto" => Ok(Self::Auto),
            "tract" => Ok(Self::Tract),
            "ort" => Ok(Self::Ort),
            "exact" => Ok(Self::Exact),
            _ => Err(UnknownName { given: s.to_owned(), allowed: "auto, tract, ort, exact" }),
        }
    }
}

impl FromStr for Provider {
    type Err = UnknownName;

    fn from_str(s: &str) -> Result<Self, UnknownName> {
        match s {
            "tensorrt" => Ok(Self::TensorRt),
            "cuda" => Ok(Self::Cuda),
            "cpu" => Ok(Self::Cpu),
            _ => Err(UnknownName { given: s.to_owned(), allowed: "tensorrt, cuda, cpu" }),
        }
    }
}

impl fmt::Display for EngineChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a model is loaded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Which engine.
    pub engine: EngineChoice,
    /// Threads of one operator; 0 for as many as the process may use.
    pub threads: usize,
    /// Idle threads of ONNX Runtime spin instead of sleeping: lower latency by some microseconds
    /// for a whole core each.
    pub spinning: bool,
    /// Providers of ONNX Runtime in the order they are tried.
    pub providers: Vec<Provider>,
    /// The load fails unless this provider runs at least one node.
    pub require_provider: Option<Provider>,
    /// The ONNX Runtime library; searched for when absent.
    pub library: Option<PathBuf>,
    /// Sizes of symbolic dimensions. `input:axis` names an axis that has no symbol.
    pub bind: BTreeMap<String, usize>,
    /// Whole shapes of inputs, by name; they win over `bind`.
    pub input_shapes: BTreeMap<String, Vec<usize>>,
    /// Run the golden self-test of the contract, and fail when it fails.
    pub self_test: bool,
    /// Runs before the load counts as done, so that the first frame is no slower than the rest.
    pub warm_up: usize,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            engine: EngineChoice::Auto,
            threads: 0,
            spinning: false,
            providers: vec![Provider::TensorRt, Provider::Cuda, Provider::Cpu],
            require_provider: None,
            library: None,
            bind: BTreeMap::new(),
            input_shapes: BTreeMap::new(),
            self_test: true,
            warm_up: 2,
        }
    }
}

impl LoadOptions {
    /// The number of threads, with 0 resolved.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            n => n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for engine in
            [EngineChoice::Auto, EngineChoice::Tract, EngineChoice::Ort, EngineChoice::Exact]
        {
            assert_eq!(engine.name().parse(), Ok(engine));
        }
        for provider in [Provider::TensorRt, Provider::Cuda, Provider::Cpu] {
            assert_eq!(provider.name().parse(), Ok(provider));
        }
        let error = "onnx".parse::<EngineChoice>().unwrap_err().to_string();
        assert!(error.contains("onnx") && error.contains("tract"), "{error}");
    }
}
