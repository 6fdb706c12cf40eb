//! Proof of placement: which provider ran which node, read from the library's own profile of the
//! warm-up runs.
//!
//! The call that lists placement directly came with version 1.24; the profile is there in every
//! version and says what ran, not what was planned.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use crate::engine::{Placement, Provider};

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    cat: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    args: Args,
}

#[derive(Default, Deserialize)]
struct Args {
    #[serde(default)]
    provider: String,
    #[serde(default)]
    node_index: String,
}

/// Counts the distinct nodes of each provider, the busiest first.
pub(super) fn from_profile(json: &str) -> Result<Vec<Placement>, String> {
    let events: Vec<Event> =
        serde_json::from_str(json).map_err(|e| format!("the profile cannot be read: {e}"))?;
    let mut nodes: BTreeMap<&str, HashSet<(&str, &str)>> = BTreeMap::new();
    for event in events.iter().filter(|e| e.cat == "Node" && e.name.ends_with("_kernel_time")) {
        let node = (event.name.as_str(), event.args.node_index.as_str());
        nodes.entry(event.args.provider.as_str()).or_default().insert(node);
    }
    let mut placement: Vec<Placement> = nodes
        .into_iter()
        .map(|(provider, nodes)| Placement { provider: short(provider), nodes: nodes.len() })
        .collect();
    placement.sort_by_key(|p| std::cmp::Reverse(p.nodes));
    Ok(placement)
}

fn short(provider: &str) -> String {
    [Provider::TensorRt, Provider::Cuda, Provider::Cpu]
        .into_iter()
        .find(|p| p.library_name() == provider)
        .map_or_else(|| provider.to_owned(), |p| p.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_nodes_are_counted_by_provider() {
        let json = r#"[
            {"cat":"Session","name":"model_run","ts":1,"dur":2,"args":{}},
            {"cat":"Node","name":"a_kernel_time","args":{"provider":"CUDAExecutionProvider","node_index":"1"}},
            {"cat":"Node","name":"a_kernel_time","args":{"provider":"CUDAExecutionProvider","node_index":"1"}},
            {"cat":"Node","name":"b_kernel_time","args":{"provider":"CUDAExecutionProvider","node_index":"2"}},
            {"cat":"Node","name":"b_fence_before","args":{"provider":"CUDAExecutionProvider"}},
            {"cat":"Node","name":"c_kernel_time","args":{"provider":"CPUExecutionProvider","node_index":"3"}}
        ]"#;
        let placement = from_profile(json).unwrap();
        let counts: Vec<_> = placement.iter().map(|p| (p.provider.as_str(), p.nodes)).collect();
        assert_eq!(counts, [("cuda", 2), ("cpu", 1)]);
        assert!(from_profile("[{").is_err());
    }
}
