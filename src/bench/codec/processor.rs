//! What the processor calls itself: times say nothing without it.

/// The model, where the system tells it; otherwise the architecture.
#[must_use]
pub fn processor() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    model(&told).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The model in what Linux tells; x86 has a name for each core, most ARM boards one at the end.
fn model(told: &str) -> Option<String> {
    let named = |key: &str| {
        let mut fields = told.lines().filter_map(|line| line.split_once(':'));
        let value = fields.find(|(name, _)| name.trim() == key)?.1.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    ["model name", "Model", "Hardware"].into_iter().find_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_on_both_kinds() {
        let pc = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu\n";
        assert_eq!(model(pc).as_deref(), Some("Some CPU @ 2 GHz"));
        let board = "processor\t: 0\nCPU part\t: 0xd08\n\nModel\t\t: Some Board Rev 1\n";
        assert_eq!(model(board).as_deref(), Some("Some Board Rev 1"));
        assert_eq!(model("model name\t:\n"), None);
        assert!(!processor().is_empty());
    }
}
