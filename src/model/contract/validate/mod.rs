//! Whether a contract is sound and fits its graph. Everything a task relies on is checked here,
//! once, so that no task needs to.

use std::collections::{HashMap, HashSet};

use super::{Contract, Dim, PredictKind, Role, StatePair, Task};
use crate::model::{Declared, ModelError, ModelFile};

mod ports;

type Check = Result<(), (String, String)>;

/// An error about `field`.
fn wrong<T>(field: impl Into<String>, reason: impl Into<String>) -> Result<T, (String, String)> {
    Err((field.into(), reason.into()))
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl Contract {
    /// Checks the document in itself and against the graph of `model`.
    ///
    /// # Errors
    /// [`ModelError::Contract`] with the field, what is wrong and what was expected.
    pub fn validate(&self, model: &ModelFile) -> Result<(), ModelError> {
        self.check(&model.inputs(), &model.outputs()).map_err(|(field, reason)| {
            ModelError::Contract { model: model.name().to_owned(), field, reason }
        })
    }

    fn check(&self, inputs: &[Declared], outputs: &[Declared]) -> Check {
        let mut taken = HashSet::new();
        for (i, port) in self.inputs.iter().enumerate() {
            let field = format!("inputs[{i}]");
            ports::check(&field, port, inputs, "input", self)?;
            unique(&field, &mut taken, &port.name)?;
        }
        for (i, pair) in self.state.iter().enumerate() {
            let field = format!("state[{i}]");
            check_state(&field, pair, inputs, outputs)?;
            unique(&field, &mut taken, &pair.input)?;
        }
        if let Some(open) = inputs.iter().find(|d| !taken.contains(d.name.as_str())) {
            return wrong(
                "inputs",
                format!("the graph's input {:?} is in neither inputs nor state", open.name),
            );
        }
        let mut taken = HashSet::new();
        for (i, port) in self.outputs.iter().enumerate() {
            let field = format!("outputs[{i}]");
            ports::check(&field, port, outputs, "output", self)?;
            unique(&field, &mut taken, &port.name)?;
        }
        for (i, pair) in self.state.iter().enumerate() {
            unique(&format!("state[{i}]"), &mut taken, &pair.output)?;
        }
        if let Some(open) = outputs.iter().find(|d| !taken.contains(d.name.as_str())) {
            return wrong(
                "outputs",
                format!("the graph's output {:?} is in neither outputs nor state", open.name),
            );
        }
        self.check_task()?;
        self.check_window()?;
        self.check_labels()?;
        if let Some(space) = &self.space
            && !(1..=200).contains(&space.len())
        {
            return wrong("space", format!("it has {} bytes; 1 to 200 are allowed", space.len()));
        }
        self.check_golden(outputs)?;
        for (i, score) in self.scores.iter().enumerate() {
            if !score.model.is_finite() || score.copy_last.is_some_and(|c| !c.is_finite()) {
                return wrong(format!("scores[{i}]"), "a score must be a finite number");
            }
        }
        Ok(())
    }

    fn check_task(&self) -> Check {
        let needs = |what: &str| wrong("task", format!("a predictor {what}"));
        match (self.task, self.kind) {
            (Task::Predict, None) => wrong("kind", "a predictor is `direct` or `blend`"),
            (Task::Predict, Some(PredictKind::Direct)) => {
                if self.input(Role::Frame).is_none() && self.input(Role::Window).is_none() {
                    return needs("of kind `direct` needs an input of role `frame` or `window`");
                }
                if self.output(Role::Prediction).is_none() {
                    return needs("of kind `direct` needs an output of role `prediction`");
                }
                Ok(())
            }
            (Task::Predict, Some(PredictKind::Blend)) => {
                if self.input(Role::Features).is_none() || self.output(Role::Logits).is_none() {
                    return needs(
                        "of kind `blend` needs an input of role `features` and an output of role \
                         `logits`",
                    );
                }
                if self.features.as_deref() == Some("blend/1") {
                    Ok(())
                } else {
                    wrong("features", "a predictor of kind `blend` needs `blend/1` here")
                }
            }
            (Task::Answer, None) => self.check_answer(),
            (_, Some(_)) => wrong("kind", "only the task `predict` has kinds"),
            (_, None) => Ok(()),
        }
    }

    fn check_answer(&self) -> Check {
        let needs = |what: &str| wrong("task", format!("a model that answers needs {what}"));
        if self.input(Role::Frame).is_none() || self.input(Role::Tokens).is_none() {
            return needs("an input of role `frame` and one of role `tokens`");
        }
        if self.output(Role::Scores).is_none() {
            return needs("an output of role `scores`");
        }
        if self.tokenizer.is_none() || self.labels.is_empty() {
            return needs("a `tokenizer`, and the answers as `labels`");
        }
        Ok(())
    }

    fn check_window(&self) -> Check {
        match (self.window, self.input(Role::Window)) {
            (None, Some(port)) => wrong(
                "window",
                format!("input {:?} has role `window`, so frames and layout are needed", port.name),
            ),
            (Some(_), None) => wrong("window", "no input has role `window`"),
            (Some(window), Some(_)) if window.frames == 0 || window.frames > 64 => {
                wrong("window.frames", format!("{} is outside 1..=64", window.frames))
            }
            _ => Ok(()),
        }
    }

    fn check_labels(&self) -> Check {
        if let (false, Some(port)) = (self.labels.is_empty(), self.output(Role::Scores))
            && let Some(Dim::Fixed(count)) = port.shape.last()
            && *count != self.labels.len()
        {
            return wrong(
                "labels",
                format!(
                    "{} labels for output {:?} with {count} scores",
                    self.labels.len(),
                    port.name
                ),
            );
        }
        if !self.links.is_empty() && self.links.len() != self.labels.len() {
            return wrong(
                "links",
                format!(
                    "{} links for {} labels; give one a label, empty where there is none",
                    self.links.len(),
                    self.labels.len()
                ),
            );
        }
        if let Some(answering) = &self.answering {
            if self.task != Task::Answer {
                return wrong("answering", "only the task `answer` has it");
            }
            if let Some((field, reason)) = answering.fault() {
                return wrong(format!("answering.{field}"), reason);
            }
        }
        let Some(tokenizer) = &self.tokenizer else { return Ok(()) };
        if let Some((field, reason)) = tokenizer.fault() {
            return wrong(format!("tokenizer.{field}"), reason);
        }
        Ok(())
    }

    fn check_golden(&self, outputs: &[Declared]) -> Check {
        let Some(golden) = &self.golden else { return Ok(()) };
        if golden.steps == 0 || golden.steps > 1000 {
            return wrong("golden.steps", format!("{} is outside 1..=1000", golden.steps));
        }
        // Integer models allow none.
        if !(0.0..1.0).contains(&golden.tolerance) {
            return wrong("golden.tolerance", format!("{} is outside 0..1", golden.tolerance));
        }
        if golden.outputs.is_empty() {
            return wrong("golden.outputs", "no output is tested");
        }
        for (i, output) in golden.outputs.iter().enumerate() {
            let field = format!("golden.outputs[{i}]");
            if !outputs.iter().any(|d| d.name == output.name) {
                return wrong(
                    field,
                    format!(
                        "the graph has no output {:?}; it has {}",
                        output.name,
                        listed(outputs.iter().map(|d| d.name.as_str()))
                    ),
                );
            }
            let count = output.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
            let Some(count) = count else {
                return wrong(field, format!("shape {:?} is too large", output.shape));
            };
            if output.indices.is_empty() {
                return wrong(field, "no element is tested; name at least one in `indices`");
            }
            if let Some(index) = output.indices.iter().find(|&&i| i >= count) {
                return wrong(field, format!("index {index} is outside shape {:?}", output.shape));
            }
            if output.values.len() != golden.steps
                || output.values.iter().any(|v| v.len() != output.indices.len())
            {
                return wrong(
                    field,
                    format!(
                        "values must hold {} steps of {} numbers",
                        golden.steps,
                        output.indices.len()
                    ),
                );
            }
            if output.values.iter().flatten().any(|v| !v.is_finite()) {
                return wrong(field, "values must be finite");
            }
        }
        Ok(())
    }
}

fn unique<'a>(field: &str, taken: &mut HashSet<&'a str>, name: &'a str) -> Check {
    if taken.insert(name) { Ok(()) } else { wrong(field, format!("{name:?} is named twice")) }
}

fn find<'a>(
    field: &str,
    name: &str,
    declared: &'a [Declared],
    side: &str,
) -> Result<&'a Declared, (String, String)> {
    match declared.iter().find(|d| d.name == name) {
        Some(found) => Ok(found),
        None => wrong(
            field,
            format!(
                "the graph has no {side} {name:?}; it has {}",
                listed(declared.iter().map(|d| d.name.as_str()))
            ),
        ),
    }
}

fn check_state(field: &str, pair: &StatePair, inputs: &[Declared], outputs: &[Declared]) -> Check {
    let input = find(&format!("{field}.input"), &pair.input, inputs, "input")?;
    let output = find(&format!("{field}.output"), &pair.output, outputs, "output")?;
    if input.dtype != output.dtype {
        return wrong(
            field,
            format!("{:?} and {:?} have different element types", pair.input, pair.output),
        );
    }
    if let (Some(a), Some(b)) = (&input.shape, &output.shape) {
        // Exporters often leave sizes of an output open; only contradictions count.
        let differ =
            |(a, b): (&Dim, &Dim)| matches!((a, b), (Dim::Fixed(a), Dim::Fixed(b)) if a != b);
        if a.len() != b.len() || a.iter().zip(b).any(differ) {
            return wrong(
                field,
                format!(
                    "{:?} is [{}] but {:?} is [{}]",
                    pair.input,
                    shape(a),
                    pair.output,
                    shape(b)
                ),
            );
        }
    }
    Ok(())
}

fn shape(dims: &[Dim]) -> String {
    dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Contract {
    /// The sizes that fixed dimensions of ports give to symbols of the graph, for example a height
    /// that the graph leaves open and the contract fixes.
    #[must_use]
    pub fn bindings(&self, model: &ModelFile) -> HashMap<String, usize> {
        let declared = model.inputs();
        let mut bound = HashMap::new();
        for port in &self.inputs {
            let Some(dims) =
                declared.iter().find(|d| d.name == port.name).and_then(|d| d.shape.as_ref())
            else {
                continue;
            };
            for (graph, own) in dims.iter().zip(&port.shape) {
                if let (Dim::Symbol(symbol), Dim::Fixed(size)) = (graph, own) {
                    bound.insert(symbol.clone(), *size);
                }
            }
        }
        bound
    }
}
