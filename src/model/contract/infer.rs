//! The contract of a file that carries none, inferred from its graph:
//!
//! * the data input is the one named, the only input that looks like a picture, or the first;
//! * other inputs are state when exactly one output has their type and shape;
//! * the main output is the one named, the only one, or (of a predictor) the only one that has
//!   the picture's shape;
//! * layout follows from where the 1 or 3 channels stand; bytes mean 0..255 and reals 0..1.
#![warn(clippy::indexing_slicing)]

use super::overlay::{Overlay, StateLine};
use super::{
    ColourOrder, Contract, Dim, Layout, Port, Range, Role, SizeRule, StateInit, StatePair, Task,
    WindowLayout,
};
use crate::model::{DType, Declared, ModelError, ModelFile};

type Found<T> = Result<T, (&'static str, String)>;

pub(super) fn contract(overlay: &Overlay, model: &ModelFile) -> Result<Contract, ModelError> {
    Inference { overlay, inputs: model.inputs(), outputs: model.outputs() }
        .contract(&short_name(model))
        .map_err(|(field, reason)| ModelError::Contract {
            model: model.name().to_owned(),
            field: field.to_owned(),
            reason,
        })
}

fn short_name(model: &ModelFile) -> String {
    let stem = model.path().and_then(|p| p.file_stem()).map(|s| s.to_string_lossy().into_owned());
    stem.unwrap_or_else(|| model.name().to_owned())
}

struct Inference<'a> {
    overlay: &'a Overlay,
    inputs: Vec<Declared>,
    outputs: Vec<Declared>,
}

impl Inference<'_> {
    fn contract(&self, name: &str) -> Found<Contract> {
        let mut contract = Contract::new(name, Task::Other);
        self.overlay.describe(&mut contract);
        let data = self.data_input()?;
        contract.state = self.state(data);
        for declared in &self.inputs {
            if contract.state.iter().any(|s| s.input == declared.name) {
                continue;
            }
            let role = self.overlay.roles.get(&declared.name).copied();
            let role = role.unwrap_or_else(|| self.input_role(declared, data));
            contract.inputs.push(self.port("input", declared, role)?);
        }
        let main = self.main_output(&contract, data)?;
        for declared in &self.outputs {
            if contract.state.iter().any(|s| s.output == declared.name) {
                continue;
            }
            let role = self.overlay.roles.get(&declared.name).copied().unwrap_or({
                if Some(&declared.name) == main.as_ref() {
                    main_role(contract.task, declared)
                } else {
                    Role::Other
                }
            });
            contract.outputs.push(self.port("output", declared, role)?);
        }
        if contract.size.is_none() {
            let image = contract.inputs.iter().find(|p| p.role.is_image());
            contract.size = image.and_then(fixed_size);
        }
        Ok(contract)
    }

    fn data_input(&self) -> Found<&Declared> {
        let names = || names(&self.inputs);
        if let Some(name) = &self.overlay.input {
            return self.inputs.iter().find(|d| d.name == *name).ok_or_else(|| {
                ("input", format!("the graph has no input {name:?}; it has {}", names()))
            });
        }
        let pictures: Vec<&Declared> =
            self.inputs.iter().filter(|d| self.layout(d).is_some()).collect();
        match (pictures.as_slice(), self.inputs.first()) {
            ([one], _) => Ok(one),
            ([], Some(first)) => Ok(first),
            ([], None) => Err(("input", "the graph has no input".to_owned())),
            (several, _) => Err((
                "input",
                format!(
                    "{} inputs look like pictures; write input = one of {}",
                    several.len(),
                    names()
                ),
            )),
        }
    }

    fn input_role(&self, declared: &Declared, data: &Declared) -> Role {
        if declared.name != data.name {
            Role::Other
        } else if self.overlay.window.is_some() {
            Role::Window
        } else if self.layout(declared).is_some() {
            Role::Frame
        } else {
            Role::Other
        }
    }

    fn state(&self, data: &Declared) -> Vec<StatePair> {
        if let Some(lines) = &self.overlay.state {
            return lines.iter().map(StateLine::pair).collect();
        }
        let mut pairs: Vec<StatePair> = Vec::new();
        for input in &self.inputs {
            let spoken_for = input.name == data.name
                || self.overlay.constants.contains_key(&input.name)
                || self.overlay.roles.contains_key(&input.name);
            if spoken_for || input.shape.as_ref().is_none_or(Vec::is_empty) {
                continue;
            }
            let mut like = self.outputs.iter().filter(|o| {
                o.dtype == input.dtype
                    && alike(input, o)
                    && Some(&o.name) != self.overlay.output.as_ref()
                    && !pairs.iter().any(|p| p.output == o.name)
            });
            if let (Some(output), None) = (like.next(), like.next()) {
                pairs.push(StatePair {
                    input: input.name.clone(),
                    output: output.name.clone(),
                    init: StateInit::Zeros,
                    reset: Vec::new(),
                });
            }
        }
        pairs
    }

    fn main_output(&self, contract: &Contract, data: &Declared) -> Found<Option<String>> {
        let free: Vec<&Declared> = self
            .outputs
            .iter()
            .filter(|o| !contract.state.iter().any(|s| s.output == o.name))
            .collect();
        if let Some(name) = &self.overlay.output {
            return if free.iter().any(|d| d.name == *name) {
                Ok(Some(name.clone()))
            } else {
                let all = names(&self.outputs);
                Err((
                    "output",
                    format!("the graph has no output {name:?} besides state; it has {all}"),
                ))
            };
        }
        if let [one] = free.as_slice() {
            return Ok(Some(one.name.clone()));
        }
        if contract.task == Task::Predict {
            let like: Vec<&&Declared> = free
                .iter()
                .filter(|o| {
                    self.layout(o).is_some() && (contract.window.is_some() || alike(data, o))
                })
                .collect();
            return match like.as_slice() {
                [one] => Ok(Some(one.name.clone())),
                _ => Err((
                    "output",
                    format!(
                        "{} outputs look like the prediction; write output = one of {}",
                        like.len(),
                        names(&self.outputs)
                    ),
                )),
            };
        }
        Ok(None)
    }

    /// Where the channels stand, for a tensor that can be a picture or the described window.
    fn layout(&self, declared: &Declared) -> Option<Layout> {
        let dims = declared.shape.as_ref()?;
        if !matches!(declared.dtype, Some(DType::F32 | DType::F16 | DType::U8)) {
            return None;
        }
        if let Some(layout) = self.overlay.layout
            && matches!(dims.len(), 4 | 5)
        {
            return Some(layout);
        }
        let frames = self.overlay.window.map_or(1, |w| w.frames);
        let colour = |d: Option<&Dim>| match d {
            Some(Dim::Fixed(n)) => [1, 3].contains(n) || *n == 3 * frames || *n == frames,
            _ => false,
        };
        let time = self.overlay.window.is_some_and(|w| w.layout == WindowLayout::Time);
        let first = match dims.len() {
            4 => 1,
            5 if time => 2,
            _ => return None,
        };
        if colour(dims.get(first)) {
            Some(Layout::Nchw)
        } else if colour(dims.last()) {
            Some(Layout::Nhwc)
        } else {
            None
        }
    }

    fn port(&self, side: &'static str, declared: &Declared, role: Role) -> Found<Port> {
        let Some(dtype) = declared.dtype else {
            return Err((side, format!("{:?} is no tensor of numbers", declared.name)));
        };
        let Some(dims) = &declared.shape else {
            return Err((
                side,
                format!(
                    "the graph leaves the shape of {:?} open; save the model with shapes (onnx's \
                     infer_shapes)",
                    declared.name
                ),
            ));
        };
        let mut port = Port::new(&declared.name, role, dtype, dims);
        port.constant = self.overlay.constants.get(&declared.name).copied();
        if role.is_image() {
            port.layout = self.layout(declared).unwrap_or_default();
            // One picture at a time.
            if let Some(batch @ Dim::Symbol(_)) = port.shape.first_mut() {
                *batch = Dim::Fixed(1);
            }
            let channel = if port.layout == Layout::Nhwc { dims.len() - 1 } else { dims.len() - 3 };
            let luma = matches!(dims.get(channel), Some(Dim::Fixed(1)));
            port.colour = self.overlay.colour.unwrap_or(if luma {
                ColourOrder::Luma
            } else {
                ColourOrder::Rgb
            });
            let white = if dtype == DType::U8 { 255.0 } else { 1.0 };
            port.range = self.overlay.range_over(&Range { white, ..Range::default() });
        }
        Ok(port)
    }
}

fn names(declared: &[Declared]) -> String {
    declared.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Same rank, no contradicting size.
fn alike(a: &Declared, b: &Declared) -> bool {
    let (Some(a), Some(b)) = (&a.shape, &b.shape) else { return false };
    let differ = |(a, b): (&Dim, &Dim)| matches!((a, b), (Dim::Fixed(a), Dim::Fixed(b)) if a != b);
    a.len() == b.len() && !a.iter().zip(b).any(differ)
}

fn main_role(task: Task, declared: &Declared) -> Role {
    match task {
        Task::Predict if matches!(declared.shape.as_ref().map(Vec::len), Some(4)) => {
            Role::Prediction
        }
        Task::Tag | Task::Answer => Role::Scores,
        Task::Embed => Role::Embedding,
        _ => Role::Other,
    }
}

fn fixed_size(port: &Port) -> Option<SizeRule> {
    let last = port.shape.len().checked_sub(1)?;
    let (height, width) = match port.layout {
        Layout::Nhwc => (last.checked_sub(2)?, last.checked_sub(1)?),
        _ => (last.checked_sub(1)?, last),
    };
    match (port.shape.get(height), port.shape.get(width)) {
        (Some(Dim::Fixed(h)), Some(Dim::Fixed(w))) => Some(SizeRule::Fixed {
            width: u32::try_from(*w).ok()?,
            height: u32::try_from(*h).ok()?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::GraphBuilder;

    type Value<'a> = (&'a str, &'a [Dim]);

    fn model(inputs: &[Value<'_>], outputs: &[Value<'_>]) -> ModelFile {
        let mut g = GraphBuilder::new("g");
        for (name, shape) in inputs {
            g.input(name, DType::F32, shape);
        }
        for (name, shape) in outputs {
            g.output_as(inputs[0].0, name, DType::F32, shape);
        }
        ModelFile::from_proto("g", &g.finish().unwrap()).unwrap()
    }

    fn apply(text: &str, model: &ModelFile) -> Result<Contract, String> {
        Overlay::from_toml("t", text).and_then(|o| o.apply(model)).map_err(|e| e.to_string())
    }

    fn dims(sizes: &[usize]) -> Vec<Dim> {
        sizes.iter().map(|&n| n.into()).collect()
    }

    #[test]
    fn a_recurrent_predictor_needs_one_line() {
        let picture: [Dim; 4] = ["N".into(), 3.into(), "H".into(), "W".into()];
        let state = dims(&[1, 16, 8, 8]);
        let model = model(&[("x", &picture), ("h", &state)], &[("y", &picture), ("h2", &state)]);
        let contract = apply("task = 'predict'", &model).unwrap();
        assert_eq!(contract.input(Role::Frame).unwrap().name, "x");
        assert_eq!(contract.input(Role::Frame).unwrap().shape[0], Dim::Fixed(1));
        assert_eq!(contract.output(Role::Prediction).unwrap().name, "y");
        assert_eq!((&*contract.state[0].input, &*contract.state[0].output), ("h", "h2"));
        assert_eq!(contract.bindings(&model).get("N"), Some(&1));
        let text = "[model.contract]\ntask = 'predict'\nrange = [-1, 1]\ncolour = 'bgr'\n\
                    state = [{input = 'h', output = 'h2', init = 'first-frame'}]\n\
                    size = {multiple-of = 8}";
        let contract = apply(text, &model).unwrap();
        let frame = contract.input(Role::Frame).unwrap();
        assert_eq!((frame.range.black, frame.colour), (-1.0, ColourOrder::Bgr));
        assert_eq!(contract.state[0].init, StateInit::FirstFrame);
        assert_eq!(contract.size, Some(SizeRule::MultipleOf(8)));
    }

    #[test]
    fn windows_and_last_channels_are_understood() {
        let channels = model(&[("x", &dims(&[1, 15, 64, 64]))], &[("y", &dims(&[1, 3, 64, 64]))]);
        let text = "task = 'predict'\nwindow = {frames = 5, layout = 'channels'}";
        let contract = apply(text, &channels).unwrap();
        assert_eq!(contract.input(Role::Window).unwrap().layout, Layout::Nchw);
        assert_eq!(contract.size, Some(SizeRule::Fixed { width: 64, height: 64 }));
        let wrong =
            apply("task = 'predict'\nwindow = {frames = 4, layout = 'channels'}", &channels);
        assert!(wrong.unwrap_err().contains("15"));
        let last = model(&[("x", &dims(&[1, 48, 64, 3]))], &[("y", &dims(&[1, 48, 64, 3]))]);
        let contract = apply("task = 'predict'", &last).unwrap();
        assert_eq!(contract.input(Role::Frame).unwrap().layout, Layout::Nhwc);
        assert_eq!(contract.size, Some(SizeRule::Fixed { width: 64, height: 48 }));
    }

    #[test]
    fn what_cannot_be_inferred_is_asked_for() {
        let picture = dims(&[1, 3, 8, 8]);
        let two = model(&[("a", &picture), ("b", &picture)], &[("y", &picture)]);
        let error = apply("task = 'predict'", &two).unwrap_err();
        assert!(error.contains("input = one of a, b"), "{error}");
        let error = apply("task = 'predict'\ninput = 'c'", &two).unwrap_err();
        assert!(error.contains("no input \"c\""), "{error}");
        let error = apply("tsak = 'predict'", &two).unwrap_err();
        assert!(error.contains("tsak") && error.contains("task"), "{error}");
        let error = apply("task = 'predct'", &two).unwrap_err();
        assert!(error.contains("predct") && error.contains("line 1"), "{error}");
    }

    #[test]
    fn lines_over_a_contract_replace_only_what_they_say() {
        let picture = dims(&[1, 3, 8, 8]);
        let mut model = model(&[("x", &picture)], &[("y", &picture)]);
        model.set_contract(apply("task = 'predict'\nname = 'mine'", &model).unwrap()).unwrap();
        let contract = apply("range = [0, 255]", &model).unwrap();
        assert_eq!((&*contract.name, contract.task), ("mine", Task::Predict));
        assert!(contract.inputs.iter().chain(&contract.outputs).all(|p| p.range.white == 255.0));
    }

    #[test]
    fn constants_take_inputs_out_of_the_way() {
        let model = model(
            &[("x", &dims(&[1, 257])), ("h", &dims(&[2, 8])), ("sr", &[])],
            &[("y", &dims(&[1, 257])), ("h2", &dims(&[2, 8]))],
        );
        let contract = apply("constants = {sr = 16000}", &model).unwrap();
        assert_eq!(contract.inputs[1].constant, Some(16000.0));
        assert_eq!(contract.state.len(), 1);
    }
}
