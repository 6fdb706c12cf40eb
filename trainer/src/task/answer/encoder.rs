//! The image encoder: one for questions about pictures and about clips.
//!
//! A small convolutional tower makes 8 x 8 cells of a 64 x 64 picture, and from them a map for each
//! kind of shape, in which a shape's centre is the mean of the cells that light up. Questions about
//! pictures read cells and maps; a clip is remembered by what the maps say of each frame.

use rand_pcg::Pcg64;

use super::scene::{CELLS, KINDS};
use crate::net::{Layers, Params};

/// Numbers a frame becomes for the memory of a clip: presence, column and line of each kind.
pub(super) const SEEN: usize = 3 * KINDS;

/// Light of a cell that counts as none.
const DARK: f32 = 0.02;
/// Light of a whole map that is hardly one shape's.
const LEAST: f32 = 0.05;

/// The encoder with its widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoder {
    /// Channels of the four layers.
    pub(super) widths: [usize; 4],
}

impl Encoder {
    /// Name of the parameters.
    const NAME: &'static str = "encoder";

    /// Whether `name` is one of its parameters.
    pub(super) fn owns(name: &str) -> bool {
        name.starts_with(Self::NAME)
    }

    /// Adds what is trained.
    pub(super) fn add(&self, params: &mut Params, by: &mut Pcg64) {
        let mut inputs = 3;
        for (at, &outputs) in self.widths.iter().enumerate() {
            params.add_conv(&format!("encoder.{at}"), [outputs, inputs, 3, 3], 2.0, by);
            inputs = outputs;
        }
        params.add_conv("encoder.map", [KINDS, inputs, 1, 1], 1.0, by);
        if let Some(bias) = params.list_mut().last_mut() {
            // Nearly every cell of every map is dark.
            bias.values.fill(-4.0);
        }
    }

    /// Adds the kernels that read presence and centre off a map; they are never trained.
    pub(super) fn add_readers(params: &mut Params) {
        let centre = |i: usize| (i as f32 + 0.5) * 2.0 / CELLS as f32 - 1.0;
        let readers: [(&str, &dyn Fn(usize) -> f32); 3] = [
            ("presence", &|_| 1.0),
            ("column", &|cell| centre(cell % CELLS)),
            ("line", &|cell| centre(cell / CELLS)),
        ];
        for (name, weight) in readers {
            let kernel: Vec<f32> = (0..CELLS * CELLS).map(weight).collect();
            let name = format!("encoder.{name}");
            let shape = [KINDS, 1, CELLS, CELLS];
            params.add_values(&format!("{name}.weight"), &shape, kernel.repeat(KINDS));
            params.add_values(&format!("{name}.bias"), &[KINDS], vec![0.0; KINDS]);
        }
    }

    /// The cells and the maps (before the sigmoid) of a picture.
    pub(super) fn forward<G: Layers>(&self, g: &mut G, picture: &G::Value) -> (G::Value, G::Value) {
        let mut x = picture.clone();
        for at in 0..self.widths.len() {
            let stride = if at < 3 { 2 } else { 1 };
            x = g.convolve(&x, &format!("encoder.{at}"), stride, [1, 1]);
            x = g.relu(&x);
        }
        let maps = g.linear(&x, "encoder.map");
        (x, maps)
    }

    /// What a frame is for the memory of a clip: how much there is of each kind, and column and line
    /// of its centre from -1 to 1 (0 of what is not there).
    pub(super) fn see<G: Layers>(&self, g: &mut G, picture: &G::Value) -> G::Value {
        let (_, maps) = self.forward(g, picture);
        let maps = g.sigmoid(&maps);
        // The faint light of all other cells would pull a centre to the middle.
        let maps = g.affine(&maps, 1.0, -DARK);
        let maps = g.relu(&maps);
        let [presence, column, line] = ["presence", "column", "line"]
            .map(|name| g.depthwise(&maps, &format!("encoder.{name}"), 1, [0, 0]));
        // A centre, whatever the encoder makes of the kind: half a circle is as far left as a whole.
        let mass = g.affine(&presence, 1.0, LEAST);
        let (column, line) = (g.div(&column, &mass), g.div(&line, &mass));
        g.concat(&[presence, column, line])
    }
}
