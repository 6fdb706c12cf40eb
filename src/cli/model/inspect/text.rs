//! The report as text: aligned columns, nothing that is empty.

use framecast::model::{Contract, Declared, Dim, Port, Range, SizeRule, Window};

use super::{Report, domain};

impl Report {
    pub(super) fn text(&self) -> String {
        let model = &self.model;
        let proto = model.proto();
        let mut lines = vec![model.name().to_owned()];
        let mut line = |name: &str, text: String| {
            if !text.trim().is_empty() {
                lines.push(format!("  {name:<12}{text}"));
            }
        };
        line("bytes", grouped(model.bytes().len() as u64));
        line("sha256", model.sha256().to_owned());
        line("producer", format!("{} {}", proto.producer_name, proto.producer_version));
        line("ir", proto.ir_version.map(|v| v.to_string()).unwrap_or_default());
        let opsets: Vec<String> = proto
            .opset_import
            .iter()
            .map(|o| format!("{} {}", domain(&o.domain), o.version))
            .collect();
        line("opset", opsets.join(", "));
        line("parameters", grouped(self.analysis.parameters));
        line("macs", self.macs());
        match &self.contract {
            Ok(Some(contract)) => self.contract_lines(contract, &mut lines),
            Ok(None) => {
                lines.push(String::new());
                lines.push("contract".to_owned());
                lines.push(
                    "  none; give one with --contract FILE.toml (docs/model-contract.md)"
                        .to_owned(),
                );
                lines.push(String::new());
                lines.push("inputs".to_owned());
                table(&mut lines, self.model.inputs().iter().map(declared_row).collect());
                lines.push(String::new());
                lines.push("outputs".to_owned());
                table(&mut lines, self.model.outputs().iter().map(declared_row).collect());
            }
            Err(error) => {
                lines.push(String::new());
                lines.push("contract".to_owned());
                lines.push(format!("  not usable: {error}"));
            }
        }
        lines.push(String::new());
        lines.push(format!("operators ({} nodes)", self.analysis.nodes));
        let rows = self.analysis.operators.iter();
        table(
            &mut lines,
            rows.map(|o| vec![o.domain.clone(), o.operator.clone(), o.nodes.to_string()]).collect(),
        );
        lines.join("\n")
    }

    fn macs(&self) -> String {
        let cost = &self.analysis.cost;
        let mut text = format!("{} a run", scaled(cost.macs));
        if !self.bind.is_empty() {
            let bound: Vec<String> = self.bind.iter().map(|(n, s)| format!("{n}={s}")).collect();
            text.push_str(&format!(" at {}", bound.join(" ")));
        }
        if !cost.unknown.is_empty() {
            let named: Vec<&str> = cost.unknown.iter().take(3).map(String::as_str).collect();
            let more = if cost.unknown.len() > 3 { ", ..." } else { "" };
            let count = cost.unknown.len();
            text.push_str(&format!("; unknown for {count} nodes ({}{more})", named.join(", ")));
        }
        if cost.in_subgraphs > 0 {
            text.push_str(&format!(
                "; {} nodes in loops and branches not counted",
                cost.in_subgraphs
            ));
        }
        text
    }

    fn contract_lines(&self, contract: &Contract, lines: &mut Vec<String>) {
        lines.push(String::new());
        lines.push(format!("contract (version {})", contract.version));
        let mut line = |name: &str, text: String| {
            if !text.is_empty() {
                lines.push(format!("  {name:<12}{text}"));
            }
        };
        line("name", contract.name.clone());
        line("about", contract.description.clone());
        let kind = contract.kind.map(|k| format!(", {}", word(&k))).unwrap_or_default();
        let features = contract.features.as_ref().map(|f| format!(", {f}")).unwrap_or_default();
        line("task", format!("{}{kind}{features}", word(&contract.task)));
        line("size", contract.size.map(size_text).unwrap_or_default());
        line("window", contract.window.map(window_text).unwrap_or_default());
        if !contract.labels.is_empty() {
            line("labels", contract.labels.len().to_string());
        }
        if let Some(tokenizer) = &contract.tokenizer {
            line(
                "tokenizer",
                format!("{}, {} entries", tokenizer.kind.name(), tokenizer.vocabulary.len()),
            );
        }
        if let Some(golden) = &contract.golden {
            let samples: usize = golden.outputs.iter().map(|o| o.indices.len()).sum();
            line(
                "self-test",
                format!(
                    "{} steps, {samples} samples each, tolerance {}",
                    golden.steps, golden.tolerance
                ),
            );
        }
        let from = &contract.provenance;
        line("made by", from.producer.clone());
        line("licence", from.licence.clone());
        line("data", from.data.join("; "));
        for (title, ports) in [("inputs", &contract.inputs), ("outputs", &contract.outputs)] {
            lines.push(String::new());
            lines.push(title.to_owned());
            table(lines, ports.iter().map(port_row).collect());
        }
        if !contract.state.is_empty() {
            lines.push(String::new());
            lines.push("state".to_owned());
            let shape = |name: &str| {
                let inputs = self.model.inputs();
                inputs.iter().find(|d| d.name == name).map(declared_row).unwrap_or_default()
            };
            let row = |s: &framecast::model::StatePair| {
                let mut row = shape(&s.input);
                row.push(format!("-> {}", s.output));
                row.push(format!("starts as {}", word(&s.init)));
                row
            };
            table(lines, contract.state.iter().map(row).collect());
        }
        if !contract.scores.is_empty() {
            lines.push(String::new());
            lines.push("scores".to_owned());
            let mut rows = vec![
                ["data", "metric", "model", "baselines", "samples"].map(String::from).to_vec(),
            ];
            rows.extend(contract.scores.iter().map(|s| {
                let copy = s.copy_last.iter().map(|c| format!("copy-last {c:.4}"));
                let others = s.baselines.iter().map(|(name, value)| format!("{name} {value:.4}"));
                let copy = copy.chain(others).collect::<Vec<_>>().join(", ");
                let model = format!("{:.4}", s.model);
                vec![s.data.clone(), s.metric.clone(), model, copy, s.frames.to_string()]
            }));
            table(lines, rows);
        }
    }
}

/// The name of an enumeration's value in the document.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn size_text(size: SizeRule) -> String {
    match size {
        SizeRule::Fixed { width, height } => format!("{width}x{height}"),
        SizeRule::MultipleOf(1) => "any".to_owned(),
        SizeRule::MultipleOf(n) => format!("any, padded to a multiple of {n}"),
    }
}

fn window_text(window: Window) -> String {
    format!("{} frames, in {}", window.frames, word(&window.layout))
}

fn range_text(range: &Range) -> String {
    let mut text = format!("{}..{}", range.black, range.white);
    if !range.mean.is_empty() {
        text.push_str(&format!(" mean {:?}", range.mean));
    }
    if !range.std.is_empty() {
        text.push_str(&format!(" std {:?}", range.std));
    }
    text
}

fn dims(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("[{}]", dims.join(", "))
}

fn declared_row(declared: &Declared) -> Vec<String> {
    vec![
        declared.name.clone(),
        declared.dtype.map_or_else(|| "?".to_owned(), |d| d.to_string()),
        declared.shape.as_deref().map_or_else(|| "any shape".to_owned(), dims),
    ]
}

fn port_row(port: &Port) -> Vec<String> {
    let mut row = vec![port.name.clone(), port.dtype.to_string(), dims(&port.shape)];
    row.push(word(&port.role));
    if port.role.is_image() {
        let how =
            format!("{} {} {}", word(&port.layout), word(&port.colour), range_text(&port.range));
        row.push(how);
    } else if let Some(constant) = port.constant {
        row.push(format!("always {constant}"));
    }
    row
}

/// Appends rows with their columns aligned.
fn table(lines: &mut Vec<String>, rows: Vec<Vec<String>>) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|c| rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0))
        .collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        let line = format!("  {}", cells.collect::<Vec<_>>().join("  "));
        lines.push(line.trim_end().to_owned());
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with a decimal prefix.
fn scaled(number: u64) -> String {
    match number {
        0..1_000_000 => grouped(number),
        1_000_000..1_000_000_000 => format!("{:.1} M", number as f64 / 1e6),
        _ => format!("{:.2} G", number as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!((scaled(999_999), scaled(2_500_000)), ("999,999".into(), "2.5 M".into()));
    }
}
