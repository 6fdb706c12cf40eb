//! The graph's inputs and outputs with every size bound, sorted into what the caller gives, what
//! the session keeps as state, and what comes out.

use std::collections::BTreeMap;

use super::{EngineError, LoadOptions, TensorSpec};
use crate::model::{
    Contract, DType, Declared, Dim, ResetReason, Role, StateInit, TensorBuf, golden,
};

/// Initial value of a state tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InitialState {
    Zeros,
    /// The value of this input in the first run after a reset.
    Input(usize),
}

/// Where the tensor of a graph port comes from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// The caller's tensor of this index.
    Caller(usize),
    /// The state tensor of this index.
    State(usize),
}

/// An output of the graph; its shape is unknown when the data decide it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutputPort {
    pub(super) name: String,
    pub(super) dtype: DType,
    pub(super) shape: Option<Vec<usize>>,
    pub(super) slot: Slot,
}

/// An input of the graph with its bound shape.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InputPort {
    pub(super) spec: TensorSpec,
    pub(super) slot: Slot,
    /// The contract's value of an input that never changes, used where inputs are made up.
    pub(super) constant: Option<f64>,
}

/// A recurrent state tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StatePort {
    pub(super) spec: TensorSpec,
    pub(super) output: String,
    pub(super) initial: InitialState,
    /// When it goes back to its initial value; all reasons when empty.
    pub(super) reset: Vec<ResetReason>,
}

impl StatePort {
    /// True when `reason` puts this state back to its initial value.
    pub(super) fn is_reset_by(&self, reason: ResetReason) -> bool {
        reason.is_among(&self.reset)
    }
}

/// All ports; `inputs` and `outputs` in the order of the graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ports {
    pub(super) inputs: Vec<InputPort>,
    pub(super) outputs: Vec<OutputPort>,
    pub(super) state: Vec<StatePort>,
    /// The sizes that symbolic dimensions were bound to.
    pub(super) bind: BTreeMap<String, usize>,
}

/// A node of the graph or of one of its subgraphs, for error messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeclaredNode {
    /// Its name; its first output when it has none.
    pub(super) name: String,
    /// Operator type, with the domain unless it is ONNX's own.
    pub(super) operator: String,
}

impl Ports {
    /// Binds what the graph declares by the options, in the order and with the state pairs of the
    /// contract.
    pub(super) fn bind(
        model: &str,
        declared_inputs: &[Declared],
        declared_outputs: &[Declared],
        contract: Option<&Contract>,
        options: &LoadOptions,
    ) -> Result<Self, EngineError> {
        let states = contract.map_or(&[][..], |c| &c.state);
        let mut ports = Self { bind: options.bind.clone(), ..Self::default() };
        let mut callers_in = Order::new(contract.map(|c| &c.inputs[..]));
        let mut callers_out = Order::new(contract.map(|c| &c.outputs[..]));
        for port in declared_inputs {
            let spec = TensorSpec {
                name: port.name.clone(),
                dtype: supported(port)?,
                shape: bound_shape(model, port, contract, options)?,
            };
            let slot = match states.iter().position(|s| s.input == port.name) {
                Some(i) => Slot::State(i),
                None => Slot::Caller(callers_in.index(model, &port.name)?),
            };
            let constant = contract
                .and_then(|c| c.inputs.iter().find(|p| p.name == port.name))
                .and_then(|p| p.constant);
            ports.inputs.push(InputPort { spec, slot, constant });
        }
        for port in declared_outputs {
            let slot = match states.iter().position(|s| s.output == port.name) {
                Some(i) => Slot::State(i),
                None => Slot::Caller(callers_out.index(model, &port.name)?),
            };
            let dims = port.shape.as_deref();
            let shape = dims.and_then(|dims| dims.iter().map(|d| bound_dim(d, options)).collect());
            ports.outputs.push(OutputPort {
                name: port.name.clone(),
                dtype: supported(port)?,
                shape,
                slot,
            });
        }
        callers_in.complete(model, ports.inputs.iter().map(|p| p.slot), "input")?;
        callers_out.complete(model, ports.outputs.iter().map(|p| p.slot), "output")?;
        for (i, pair) in states.iter().enumerate() {
            let spec = ports.inputs.iter().find(|p| p.slot == Slot::State(i)).map(|p| &p.spec);
            let Some(spec) = spec.cloned() else {
                return Err(missing(model, "state input", &pair.input));
            };
            let Some(out) = ports.outputs.iter().find(|p| p.slot == Slot::State(i)) else {
                return Err(missing(model, "state output", &pair.output));
            };
            if out.dtype != spec.dtype || out.shape.as_ref().is_some_and(|s| *s != spec.shape) {
                return Err(EngineError::Model {
                    model: model.to_owned(),
                    reason: format!(
                        "state input {:?} is {} {:?} but its output {:?} is {} {:?}; a state pair \
                         has one type and shape",
                        spec.name, spec.dtype, spec.shape, out.name, out.dtype, out.shape
                    ),
                });
            }
            let initial = match pair.init {
                StateInit::Zeros => InitialState::Zeros,
                StateInit::FirstFrame => {
                    InitialState::Input(frame_input(model, contract, &ports, &spec)?)
                }
            };
            ports.state.push(StatePort {
                spec,
                output: pair.output.clone(),
                initial,
                reset: pair.reset.clone(),
            });
        }
        Ok(ports)
    }

    /// The caller's inputs, in the caller's order.
    pub(super) fn caller_inputs(&self) -> Vec<&InputPort> {
        let mut inputs: Vec<(usize, &InputPort)> = self
            .inputs
            .iter()
            .filter_map(|p| match p.slot {
                Slot::Caller(i) => Some((i, p)),
                Slot::State(_) => None,
            })
            .collect();
        inputs.sort_by_key(|(i, _)| *i);
        inputs.into_iter().map(|(_, port)| port).collect()
    }

    /// Inputs without a camera: constants from the contract, everything else from `make`.
    pub(super) fn made_up(&self, make: impl Fn(&TensorSpec) -> TensorBuf) -> Vec<TensorBuf> {
        let inputs = self.caller_inputs().into_iter().map(|port| match port.constant {
            Some(value) => golden::constant(port.spec.dtype, &port.spec.shape, value),
            None => make(&port.spec),
        });
        inputs.collect()
    }

    /// The caller's outputs, in the caller's order.
    pub(super) fn caller_outputs(&self) -> Vec<&OutputPort> {
        let mut outputs: Vec<(usize, &OutputPort)> = self
            .outputs
            .iter()
            .filter_map(|p| match p.slot {
                Slot::Caller(i) => Some((i, p)),
                Slot::State(_) => None,
            })
            .collect();
        outputs.sort_by_key(|(i, _)| *i);
        outputs.into_iter().map(|(_, port)| port).collect()
    }
}

/// The caller's order: that of the contract, or that of the graph without one.
struct Order<'a> {
    names: Option<Vec<&'a str>>,
    next: usize,
}

impl<'a> Order<'a> {
    fn new(ports: Option<&'a [crate::model::Port]>) -> Self {
        Self { names: ports.map(|p| p.iter().map(|p| p.name.as_str()).collect()), next: 0 }
    }

    fn index(&mut self, model: &str, name: &str) -> Result<usize, EngineError> {
        self.next += 1;
        let Some(names) = &self.names else { return Ok(self.next - 1) };
        names.iter().position(|n| *n == name).ok_or_else(|| EngineError::Model {
            model: model.to_owned(),
            reason: format!(
                "the graph has {name:?}, which its contract lists neither as input or output nor \
                 as state; add it to the contract"
            ),
        })
    }

    fn complete(
        &self,
        model: &str,
        slots: impl Iterator<Item = Slot>,
        what: &str,
    ) -> Result<(), EngineError> {
        let Some(names) = &self.names else { return Ok(()) };
        let found: Vec<Slot> = slots.collect();
        match (0..names.len()).find(|i| !found.contains(&Slot::Caller(*i))) {
            Some(i) => Err(missing(model, what, names.get(i).copied().unwrap_or_default())),
            None => Ok(()),
        }
    }
}

fn missing(model: &str, what: &str, name: &str) -> EngineError {
    EngineError::Model {
        model: model.to_owned(),
        reason: format!("the contract names {what} {name:?}, which the graph does not have"),
    }
}

fn supported(port: &Declared) -> Result<DType, EngineError> {
    port.dtype.ok_or_else(|| EngineError::Refused {
        engine: "framecast".to_owned(),
        node: port.name.clone(),
        operator: "graph input or output".to_owned(),
        reason: "it is no tensor of f32, f64, f16, u8-u64, i8-i64 or bool".to_owned(),
    })
}

fn bound_dim(dim: &Dim, options: &LoadOptions) -> Option<usize> {
    match dim {
        Dim::Fixed(n) => Some(*n),
        Dim::Symbol(symbol) => options.bind.get(symbol).copied(),
    }
}

/// Axes without a name of their own are called `?0`, `?1`, ... by the reader.
fn nameless(dim: &Dim) -> bool {
    matches!(dim, Dim::Symbol(symbol) if symbol.starts_with('?'))
}

fn bound_shape(
    model: &str,
    port: &Declared,
    contract: Option<&Contract>,
    options: &LoadOptions,
) -> Result<Vec<usize>, EngineError> {
    if let Some(shape) = options.input_shapes.get(&port.name) {
        let fits = port.shape.as_ref().is_none_or(|dims| {
            dims.len() == shape.len()
                && dims.iter().zip(shape).all(|(d, n)| !matches!(d, Dim::Fixed(f) if f != n))
        });
        if fits {
            return Ok(shape.clone());
        }
        return Err(EngineError::Tensor {
            name: port.name.clone(),
            reason: format!("shape {shape:?} was given but the graph takes {}", show(port)),
        });
    }
    // A file without a declared rank or size can still have it in the contract.
    let named = contract
        .and_then(|c| c.inputs.iter().find(|p| p.name == port.name))
        .map(|p| p.shape.as_slice());
    let dims: Vec<Dim> = match (port.shape.as_deref(), named) {
        (Some(declared), Some(named)) if declared.len() == named.len() => {
            let pick = |(d, n): (&Dim, &Dim)| if nameless(d) { n.clone() } else { d.clone() };
            declared.iter().zip(named).map(pick).collect()
        }
        (Some(dims), _) | (None, Some(dims)) => dims.to_vec(),
        (None, None) => {
            return Err(EngineError::Tensor {
                name: port.name.clone(),
                reason: "the graph does not declare its shape; give one".to_owned(),
            });
        }
    };
    let bound = |(axis, dim): (usize, &Dim)| {
        let position = format!("{}:{axis}", port.name);
        let by_position = options.bind.get(&position).copied();
        bound_dim(dim, options).or(by_position).ok_or_else(|| {
            let key = match dim {
                Dim::Symbol(symbol) if !nameless(dim) => symbol.clone(),
                _ => position,
            };
            EngineError::Model {
                model: model.to_owned(),
                reason: format!(
                    "input {:?} has shape {} and size {key:?} is not bound; bind it, for example \
                     {key}=1",
                    port.name,
                    show(port)
                ),
            }
        })
    };
    dims.iter().enumerate().map(bound).collect()
}

fn show(port: &Declared) -> String {
    let Some(dims) = &port.shape else { return "of any rank".to_owned() };
    let dims: Vec<String> = dims
        .iter()
        .map(|d| match d {
            Dim::Fixed(n) => n.to_string(),
            Dim::Symbol(_) if nameless(d) => "?".to_owned(),
            Dim::Symbol(s) => s.clone(),
        })
        .collect();
    format!("[{}]", dims.join(", "))
}

fn frame_input(
    model: &str,
    contract: Option<&Contract>,
    ports: &Ports,
    state: &TensorSpec,
) -> Result<usize, EngineError> {
    let frame = contract.and_then(|c| c.inputs.iter().position(|p| p.role == Role::Frame));
    let spec = frame.and_then(|i| {
        ports.inputs.iter().find(|p| p.slot == Slot::Caller(i)).map(|p| (i, &p.spec))
    });
    match spec {
        Some((i, frame)) if frame.dtype == state.dtype && frame.shape == state.shape => Ok(i),
        Some((_, frame)) => Err(EngineError::Model {
            model: model.to_owned(),
            reason: format!(
                "state {:?} is {} {:?} and starts as the first frame, which is {} {:?}; they must \
                 be alike",
                state.name, state.dtype, state.shape, frame.dtype, frame.shape
            ),
        }),
        None => Err(EngineError::Model {
            model: model.to_owned(),
            reason: format!(
                "state {:?} starts as the first frame but no input has the role `frame`",
                state.name
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, shape: &[Dim]) -> Declared {
        let shape = Some(shape.to_vec());
        Declared { name: name.to_owned(), dtype: Some(DType::F32), shape }
    }

    fn symbol(name: &str) -> Dim {
        Dim::Symbol(name.to_owned())
    }

    fn options(pairs: &[(&str, usize)]) -> LoadOptions {
        let mut options = LoadOptions::default();
        options.bind.extend(pairs.iter().map(|(k, v)| ((*k).to_owned(), *v)));
        options
    }

    #[test]
    fn symbols_and_nameless_axes_are_bound_or_asked_for() {
        let inputs = [port("x", &[symbol("N"), symbol("?1"), Dim::Fixed(3)])];
        let outputs = [port("y", &[symbol("N")])];
        let bind = |options: &LoadOptions| Ports::bind("m", &inputs, &outputs, None, options);
        let ports = bind(&options(&[("N", 2), ("x:1", 5)])).unwrap();
        assert_eq!(ports.inputs[0].spec.shape, [2, 5, 3]);
        assert_eq!(ports.outputs[0].shape, Some(vec![2]));

        let error = bind(&options(&[("N", 2)])).unwrap_err();
        assert!(error.to_string().contains("x:1=1"), "{error}");

        let mut given = LoadOptions::default();
        given.input_shapes.insert("x".into(), vec![1, 2, 4]);
        let error = bind(&given).unwrap_err().to_string();
        assert!(error.contains("[1, 2, 4]") && error.contains("[N, ?, 3]"), "{error}");
    }

    #[test]
    fn a_type_without_tensor_is_refused() {
        let text = Declared { dtype: None, ..port("s", &[]) };
        let error = Ports::bind("m", &[text], &[], None, &options(&[])).unwrap_err();
        assert!(matches!(error, EngineError::Refused { .. }), "{error}");
    }
}
