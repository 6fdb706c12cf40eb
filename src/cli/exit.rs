//! Exit codes, and how an error becomes one.

use std::fmt;
use std::process::ExitCode;

use framecast::config::ConfigError;
use framecast::engine::EngineError;
use framecast::model::ModelError;
use framecast::pipeline::PipelineError;
use framecast::source::SourceError;
use framecast::task::TaskError;
use framecast::task::search::IndexError;

/// Done.
pub(crate) const OK: u8 = 0;
/// Anything not named below.
pub(crate) const FAILURE: u8 = 1;
/// The command line cannot be used.
pub(crate) const USAGE: u8 = 2;
/// Configuration or model contract.
pub(crate) const CONFIG: u8 = 3;
/// Device or source.
pub(crate) const SOURCE: u8 = 4;
/// A required execution provider is missing.
pub(crate) const PROVIDER: u8 = 5;
/// Interrupted by a signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// An error with the exit code it stands for.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    /// Nothing to say for an interrupted run, whose summary says it all.
    error: Option<anyhow::Error>,
}

impl Failure {
    /// `error` ends the program with `code`.
    pub(crate) fn new(code: u8, error: impl Into<anyhow::Error>) -> Self {
        Self { code, error: Some(error.into()) }
    }

    /// The exit code it stands for.
    pub(crate) const fn code(&self) -> u8 {
        self.code
    }

    /// A signal ended the command, which has reported by itself.
    pub(crate) const fn interrupted() -> Self {
        Self { code: INTERRUPTED, error: None }
    }

    /// Prints the error and its causes to stderr; a closed pipe is no error.
    pub(crate) fn report(&self) -> ExitCode {
        let Some(error) = &self.error else { return ExitCode::from(self.code) };
        let broken_pipe = error.chain().any(|cause| {
            cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
        });
        if broken_pipe {
            return ExitCode::from(OK);
        }
        eprintln!("framecast: {self}");
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    /// The error with its causes; one already contained in its parent's message is not repeated.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(error) = &self.error else { return f.write_str("interrupted") };
        let mut message = error.to_string();
        for cause in error.chain().skip(1) {
            let cause = cause.to_string();
            if !message.contains(&cause) {
                message.push_str(": ");
                message.push_str(&cause);
            }
        }
        f.write_str(&message)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(FAILURE, error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(FAILURE, error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let code = if error.is_usage() { USAGE } else { CONFIG };
        Self::new(code, error)
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Source(error) => error.into(),
            PipelineError::Task(error) => error.into(),
            other => Self::new(FAILURE, other),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let code = if matches!(error, SourceError::Uri { .. }) { USAGE } else { SOURCE };
        Self::new(code, error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let code = match error {
            EngineError::Provider { .. } => PROVIDER,
            EngineError::Model { .. }
            | EngineError::Library { .. }
            | EngineError::Refused { .. }
            | EngineError::Tensor { .. } => CONFIG,
            _ => FAILURE,
        };
        Self::new(code, error)
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::new(CONFIG, error)
    }
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        let code = match error {
            IndexError::Damaged { .. } => SOURCE,
            IndexError::Mismatch { .. } | IndexError::Vector(_) => CONFIG,
            IndexError::Setting { .. } => USAGE,
            _ => FAILURE,
        };
        Self::new(code, error)
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Engine(error) => error.into(),
            TaskError::Source(error) => error.into(),
            TaskError::Model(error) => error.into(),
            TaskError::Index(error) => error.into(),
            TaskError::Contract { .. } | TaskError::State { .. } => Self::new(CONFIG, error),
            TaskError::Horizon { .. } | TaskError::Option { .. } | TaskError::Question(_) => {
                Self::new(USAGE, error)
            }
            TaskError::Data { .. }
            | TaskError::NothingSeen
            | TaskError::FrameSize { .. }
            | TaskError::FrameTooLarge { .. } => Self::new(SOURCE, error),
            _ => Self::new(FAILURE, error),
        }
    }
}
