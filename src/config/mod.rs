//! Configuration: TOML and flags become a validated [`Config`] that knows each value's origin.
//!
//! It flows one way: shipped defaults, then a file, then flags, into a [`RawConfig`]; from there
//! into plain structs with every range checked. Nothing here reads the environment.

mod error;
mod keys;
mod options;
mod origin;
mod raw;
mod read;
mod record;
mod settings;
mod side;

pub use error::ConfigError;
pub use origin::Origin;
pub use raw::{DEFAULTS, Entry, RawConfig};
pub use read::duration;
pub use record::RecordSettings;
pub use settings::{
    Config, EngineSettings, ModelSettings, Pace, PredictSettings, RingSettings, SinkSettings,
    SourceSettings,
};
pub use side::{SideModel, SideSettings, TagSettings, WatchSettings};
