//! The keys a configuration may have.

/// Tables whose keys are the user's own.
const OPEN_TABLES: &[&str] = &["source.controls", "model.bind", "model.contract"];

/// Keys without a default. The others are those of the shipped file.
const OPTIONAL: &[&str] = &[
    "source.size",
    "source.format",
    "source.rate",
    "source.colour",
    "ring.max_age",
    "engine.require_provider",
    "engine.library",
    "predict.motion_prior",
    "predict.state_file",
    "side.ask_socket",
    "tag.model",
    "tag.contract",
    "tag.backbone",
    "tag.backbone_contract",
    "watch.image",
    "watch.text",
    "answer.model",
    "sink.jsonl.path",
    "sink.record.path",
];

/// Keys without a default value.
#[must_use]
pub(super) fn optional() -> &'static [&'static str] {
    OPTIONAL
}

/// True when `key` lies in a table whose keys are the user's own.
#[must_use]
pub(super) fn in_open_table(key: &str) -> bool {
    OPEN_TABLES.iter().any(|table| {
        key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1)
    })
}

/// What to tell someone who wrote `key`, given the known ones.
#[must_use]
pub(super) fn suggestion<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> String {
    let last = |k: &str| k.rsplit('.').next().unwrap_or_default().to_owned();
    let written = last(key);
    let nearest = known
        .map(|k| {
            // The right word in the wrong table is as close as a mistyped one.
            let whole = strsim::damerau_levenshtein(key, k);
            let word = strsim::damerau_levenshtein(&written, &last(k)) + 1;
            (whole.min(word), k)
        })
        .min();
    match nearest {
        Some((distance, k)) if distance <= 1 + written.len() / 3 => format!("did you mean {k:?}?"),
        _ => "`framecast config show` lists every key".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_recognised() {
        let known = ["ring.capacity", "ring.policy", "engine.threads"];
        let hint = |key| suggestion(key, known.into_iter());
        assert!(hint("ring.capcity").contains("ring.capacity"));
        assert!(hint("source.capacity").contains("ring.capacity"));
        assert!(hint("engine.treads").contains("engine.threads"));
        assert!(hint("weather").contains("config show"));
    }

    #[test]
    fn open_tables() {
        assert!(in_open_table("model.bind.N") && in_open_table("model.contract.state.0"));
        assert!(!in_open_table("model.bind") && !in_open_table("model.binding.N"));
    }
}
