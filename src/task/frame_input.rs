//! A frame as the one picture input of a model of any task: scaled, padded, packed, cast.

use std::collections::BTreeMap;

use crate::engine::SessionSpec;
use crate::frame::Size;
use crate::model::{Contract, DType, Port, Role, TensorBuf, TensorView};
use crate::task::TaskError;
use crate::vision::RgbImage;
use crate::vision::resize::Resizer;
use crate::vision::tensor::{self, Packing};

use super::predict::fit::{Fit, fixed_size, port_binding};
use super::predict::packing::{packing, port_shape};
use super::predict::sample::from_f32;

/// Fills a model's input of role `frame`. Allocates nothing per frame once warmed up.
#[derive(Debug)]
pub struct FrameInput {
    at: usize,
    packing: Packing,
    /// What the model's size makes of the frames that come; of the frame itself for models of any
    /// size, whose frames must keep the size they were loaded for.
    content: Size,
    padded: Size,
    fixed: bool,
    values: TensorBuf,
    cast: Option<TensorBuf>,
    resizer: Resizer,
    scaled: RgbImage,
}

impl FrameInput {
    /// The only input of role `frame`.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when there is none or more than one.
    pub fn port(contract: &Contract) -> Result<&Port, TaskError> {
        let bad = |reason: &str| TaskError::Contract {
            model: contract.name.clone(),
            reason: reason.to_owned(),
        };
        let mut ports = contract.inputs.iter().filter(|p| p.role == Role::Frame);
        match (ports.next(), ports.next()) {
            (Some(port), None) => Ok(port),
            (None, _) => Err(bad("its contract names no input of role frame")),
            (Some(_), Some(_)) => Err(bad("its contract names two inputs of role frame")),
        }
    }

    /// The values of the model's symbolic sizes for frames of `frame`, to be bound at load.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when the contract has no single frame input, or an impossible size.
    pub fn binding(contract: &Contract, frame: Size) -> Result<BTreeMap<String, usize>, TaskError> {
        port_binding(contract, Self::port(contract)?, frame)
    }

    /// Prepares for frames of `frame`, and of any other size when the model's own is fixed.
    ///
    /// # Errors
    /// [`TaskError::Contract`] when the contract has no single frame input, or `spec` another shape
    /// than frames of this size need.
    pub fn new(contract: &Contract, spec: &SessionSpec, frame: Size) -> Result<Self, TaskError> {
        let bad = |reason: String| TaskError::Contract { model: contract.name.clone(), reason };
        let port = Self::port(contract)?;
        let fit = Fit::of_port(contract, port, frame)?;
        let fixed = fixed_size(contract, port)?.is_some();
        let at = spec.inputs.iter().position(|i| i.name == port.name);
        let Some((at, given)) = at.and_then(|at| Some((at, spec.inputs.get(at)?))) else {
            return Err(bad(format!("the graph lacks its input {:?}", port.name)));
        };
        let needed = port_shape(port, None, fit.padded).map_err(bad)?;
        if given.shape != needed {
            return Err(bad(format!(
                "input {:?} was loaded as {:?} but frames of {frame} need {needed:?}",
                given.name, given.shape
            )));
        }
        Ok(Self {
            at,
            packing: packing(port).map_err(bad)?,
            content: fit.content,
            padded: fit.padded,
            fixed,
            values: TensorBuf::zeros(DType::F32, &needed),
            cast: (given.dtype != DType::F32).then(|| TensorBuf::zeros(given.dtype, &needed)),
            resizer: Resizer::new(),
            scaled: RgbImage::default(),
        })
    }

    /// Place of the input among those of the session.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Takes `frame` in; [`FrameInput::tensor`] has it then.
    ///
    /// # Errors
    /// [`TaskError::FrameSize`] for a frame of another size than a model of any size was loaded for.
    pub fn fill(&mut self, frame: &RgbImage) -> Result<(), TaskError> {
        let size = frame.size();
        let picture = if size == self.content {
            frame
        } else if self.fixed {
            self.scaled.reshape(self.content);
            // Area averages what is shrunk; what is enlarged in one direction only is so as well.
            if self.content.pixels() < size.pixels() {
                self.resizer.area(frame, &mut self.scaled)?;
            } else {
                self.resizer.bilinear(frame, &mut self.scaled)?;
            }
            &self.scaled
        } else {
            return Err(TaskError::FrameSize { expected: self.content, got: size });
        };
        if let Some(values) = self.values.as_f32_mut() {
            tensor::from_rgb(picture, &self.packing, self.padded, values)?;
        }
        if let Some(cast) = &mut self.cast {
            from_f32(self.values.as_f32().unwrap_or_default(), cast.data_mut());
        }
        Ok(())
    }

    /// The newest frame in the model's element type.
    #[must_use]
    pub fn tensor(&self) -> TensorView<'_> {
        self.cast.as_ref().unwrap_or(&self.values).view()
    }
}
