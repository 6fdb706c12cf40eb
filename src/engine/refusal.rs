//! Finds the node a library's error message is about, so that a refusal names node and operator.

use super::EngineError;
use super::ports::DeclaredNode;

/// Longest reason kept; tract's causes contain dumps of whole tensors.
const LIMIT: usize = 300;

/// The message as a refusal of the node it names, or as an error of the model if it names none.
pub(super) fn from_message(
    engine: &str,
    model: &str,
    message: &str,
    nodes: &[DeclaredNode],
) -> EngineError {
    let reason = shorten(message);
    match named_node(message, nodes) {
        Some(node) => EngineError::Refused {
            engine: engine.to_owned(),
            node: node.name.clone(),
            operator: node.operator.clone(),
            reason,
        },
        None => {
            EngineError::Model { model: model.to_owned(), reason: format!("{engine}: {reason}") }
        }
    }
}

fn named_node<'a>(message: &str, nodes: &'a [DeclaredNode]) -> Option<&'a DeclaredNode> {
    let quoted = |node: &&DeclaredNode| {
        !node.name.is_empty()
            && [('"', '"'), ('\'', '\''), ('(', ')')]
                .iter()
                .any(|(open, close)| message.contains(&format!("{open}{}{close}", node.name)))
    };
    // The longest name wins: `conv1` is also part of `conv10`.
    nodes.iter().filter(quoted).max_by_key(|n| n.name.len()).or_else(|| {
        let short = |n: &&DeclaredNode| {
            let kind = n.operator.rsplit('.').next().unwrap_or(&n.operator);
            message.contains(&format!("({kind})"))
                || message.contains(&format!("{kind}("))
                || message.contains(&format!("-{kind}\""))
                || message.contains(&format!("({})", n.operator))
        };
        let only = if let [node] = nodes { Some(node) } else { None };
        nodes.iter().filter(short).max_by_key(|n| n.operator.len()).or(only)
    })
}

/// One line; the first and last links of a long chain of causes say what matters.
pub(super) fn shorten(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = line.chars().count();
    if count <= LIMIT {
        return line;
    }
    let head: String = line.chars().take(LIMIT / 2).collect();
    let tail: String = line.chars().skip(count - LIMIT / 2).collect();
    format!("{head} ... {tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, operator: &str) -> DeclaredNode {
        DeclaredNode { name: name.into(), operator: operator.into() }
    }

    #[test]
    fn the_node_is_found_by_name_then_by_operator() {
        let nodes = [node("conv1", "Conv"), node("conv10", "Conv"), node("x", "my.ops.Decode")];
        let named = |m| named_node(m, &nodes).map(|n| n.name.as_str());
        assert_eq!(named("Failed analyse for node #5 \"conv10\" ConvHir"), Some("conv10"));
        assert_eq!(named("my.ops:Decode(-1) is not a registered function/op"), Some("x"));
        assert_eq!(named("out of memory"), None);
    }

    #[test]
    fn long_messages_keep_both_ends() {
        let long = format!("start {} end", "x ".repeat(1000));
        let short = shorten(&long);
        assert!(short.starts_with("start") && short.ends_with("end") && short.len() < 320);
    }
}
