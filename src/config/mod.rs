//! Configuration: TOML and flags become a validated [`Config`] that knows each value's origin.
