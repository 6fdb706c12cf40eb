//! How a frame of some size meets a model's input.

use std::collections::BTreeMap;

use crate::frame::Size;
use crate::model::{Contract, Dim, Layout, Port, PredictKind, Role, SizeRule, Task, WindowLayout};
use crate::task::TaskError;

/// The sizes between a frame and the tensor made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Size of the stream's frames.
    pub frame: Size,
    /// Size the frame is scaled to; that of the frame unless the model's size is fixed.
    pub content: Size,
    /// Size of the tensor: the content with edge replication at right and bottom.
    pub padded: Size,
}

impl Fit {
    /// How frames of `frame` meet the model of `contract`.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when the contract has no frame input or an impossible size.
    pub fn new(contract: &Contract, frame: Size) -> Result<Self, TaskError> {
        Self::of_port(contract, frame_port(contract)?, frame)
    }

    /// How frames of `frame` meet the input `port`, whatever the task.
    pub(in crate::task) fn of_port(
        contract: &Contract,
        port: &Port,
        frame: Size,
    ) -> Result<Self, TaskError> {
        let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
        if let Some(size) = fixed_size(contract, port)? {
            return Ok(Self { frame, content: size, padded: size });
        }
        let multiple = match contract.size {
            Some(SizeRule::MultipleOf(m)) if m > 0 => m,
            Some(SizeRule::MultipleOf(m)) => {
                return Err(bad(format!("sizes cannot be multiples of {m}; at least 1 is needed")));
            }
            _ => 1,
        };
        let up = |n: u32| n.checked_next_multiple_of(multiple).unwrap_or(u32::MAX);
        let padded = Size::new(up(frame.width), up(frame.height));
        let padded = padded.checked().map_err(|e| {
            bad(format!("frames of {frame} padded to multiples of {multiple} are too large: {e}"))
        })?;
        Ok(Self { frame, content: frame, padded })
    }
}

/// The values of the model's symbolic sizes for frames of `frame`, to be bound at load.
///
/// # Errors
/// [`TaskError::Contract`] when the contract is not that of a `direct` predictor.
pub fn binding(contract: &Contract, frame: Size) -> Result<BTreeMap<String, usize>, TaskError> {
    port_binding(contract, frame_port(contract)?, frame)
}

/// The values of the symbolic sizes of `port`, whatever the task.
pub(in crate::task) fn port_binding(
    contract: &Contract,
    port: &Port,
    frame: Size,
) -> Result<BTreeMap<String, usize>, TaskError> {
    let fit = Fit::of_port(contract, port, frame)?;
    let mut bind = BTreeMap::new();
    if let Some((h, w)) = image_dims(contract, port) {
        for (dim, value) in [(h, fit.padded.h()), (w, fit.padded.w())] {
            if let Dim::Symbol(name) = dim
                && let Some(other) = bind.insert(name.clone(), value)
                && other != value
            {
                return Err(TaskError::Contract {
                    model: contract.name.clone(),
                    reason: format!(
                        "height and width share the symbol {name:?} but are {other} and {value} \
                         for frames of {frame}; use square frames or a model with two symbols"
                    ),
                });
            }
        }
    }
    Ok(bind)
}

/// The input that takes frames.
pub(super) fn frame_port(contract: &Contract) -> Result<&Port, TaskError> {
    let bad = |reason: String| Err(TaskError::Contract { model: contract.name.clone(), reason });
    if contract.task != Task::Predict {
        return bad(format!(
            "its contract is for the task {:?}, not for predicting frames",
            contract.task
        ));
    }
    if contract.kind == Some(PredictKind::Blend) {
        return bad("predictors of kind blend are not run by this version; use a direct one".into());
    }
    let mut ports = contract.inputs.iter().filter(|p| matches!(p.role, Role::Frame | Role::Window));
    match (ports.next(), ports.next()) {
        (Some(port), None) => Ok(port),
        (None, _) => bad("its contract names no input of role frame or window".into()),
        (Some(a), Some(b)) => bad(format!(
            "its contract names two frame inputs, {:?} and {:?}; one is expected",
            a.name, b.name
        )),
    }
}

/// The size of frames that `port` takes, where it is fixed.
pub(in crate::task) fn fixed_size(
    contract: &Contract,
    port: &Port,
) -> Result<Option<Size>, TaskError> {
    let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
    let side =
        |n: usize| u32::try_from(n).map_err(|_| bad(format!("input {} is {n} wide", port.name)));
    let size = match (contract.size, image_dims(contract, port)) {
        (Some(SizeRule::Fixed { width, height }), _) => Size::new(width, height),
        (_, Some((Dim::Fixed(h), Dim::Fixed(w)))) => Size::new(side(*w)?, side(*h)?),
        _ => return Ok(None),
    };
    size.checked().map(Some).map_err(|e| bad(e.to_string()))
}

/// Height and width in the shape of an image port, or `None` when the rank does not fit.
fn image_dims<'a>(contract: &Contract, port: &'a Port) -> Option<(&'a Dim, &'a Dim)> {
    let time = port.role == Role::Window
        && contract.window.is_some_and(|w| w.layout == WindowLayout::Time);
    let rank = if time { 5 } else { 4 };
    if port.shape.len() != rank {
        return None;
    }
    let (h, w) = match port.layout {
        Layout::Nchw => (rank - 2, rank - 1),
        Layout::Nhwc => (rank - 3, rank - 2),
        Layout::Flat => return None,
    };
    Some((port.shape.get(h)?, port.shape.get(w)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::predict::scripted::contract;

    #[test]
    fn frames_are_padded_to_the_multiple() {
        let mut c = contract(1);
        c.size = Some(SizeRule::MultipleOf(8));
        let fit = Fit::new(&c, Size::new(5, 17)).unwrap();
        assert_eq!((fit.content, fit.padded), (Size::new(5, 17), Size::new(8, 24)));
        let bind = binding(&c, Size::new(5, 17)).unwrap();
        assert_eq!(bind, [("H".to_owned(), 24), ("W".to_owned(), 8)].into());
    }

    #[test]
    fn fixed_models_are_fed_their_size() {
        let mut c = contract(1);
        c.inputs[0].shape = vec![Dim::Fixed(1), Dim::Fixed(3), Dim::Fixed(4), Dim::Fixed(6)];
        let fit = Fit::new(&c, Size::new(640, 360)).unwrap();
        assert_eq!((fit.content, fit.padded), (Size::new(6, 4), Size::new(6, 4)));
        assert!(binding(&c, Size::new(640, 360)).unwrap().is_empty());
    }

    #[test]
    fn what_is_not_a_direct_predictor_is_refused() {
        let refused = |change: fn(&mut Contract)| {
            let mut c = contract(1);
            change(&mut c);
            Fit::new(&c, Size::new(4, 4)).unwrap_err().to_string()
        };
        assert!(refused(|c| c.task = Task::Tag).contains("Tag"));
        assert!(refused(|c| c.kind = Some(PredictKind::Blend)).contains("blend"));
        assert!(refused(|c| c.inputs.clear()).contains("no input"));
        assert!(refused(|c| c.size = Some(SizeRule::MultipleOf(0))).contains("at least 1"));
        assert!(refused(|c| c.size = Some(SizeRule::MultipleOf(20_000))).contains("too large"));
    }

    #[test]
    fn one_symbol_for_both_sides_needs_square_frames() {
        let mut c = contract(1);
        for dim in &mut c.inputs[0].shape[2..] {
            *dim = Dim::Symbol("S".into());
        }
        assert!(binding(&c, Size::new(8, 8)).is_ok());
        assert!(binding(&c, Size::new(8, 4)).unwrap_err().to_string().contains("square"));
    }
}
