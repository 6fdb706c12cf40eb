//! The ConvLSTM cell (Shi et al., 2015, without peepholes, as in Keras): an LSTM whose products
//! are 3x3 convolutions.

use rand_pcg::Pcg64;

use crate::net::Params;
use crate::net::graph::Graph;

/// One layer: its name and sizes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// Name of its parameters.
    pub(super) name: &'static str,
    /// Channels that come in.
    pub(super) inputs: usize,
    /// Channels of its output and of its memory.
    pub(super) filters: usize,
}

impl Cell {
    /// Adds its parameters: one convolution over input and output makes all four gates. The
    /// forget gate starts open.
    pub(super) fn add(&self, params: &mut Params, random: &mut Pcg64) {
        let Self { name, inputs, filters } = *self;
        params.add_conv(name, [4 * filters, inputs + filters, 3, 3], 1.0, random);
        if let Some(bias) = params.list_mut().last_mut() {
            bias.values.iter_mut().skip(filters).take(filters).for_each(|b| *b = 1.0);
        }
    }

    /// Output and memory after `x`, given those before.
    pub(super) fn step<G: Graph>(
        &self,
        g: &mut G,
        x: &G::Value,
        [hidden, memory]: [&G::Value; 2],
    ) -> [G::Value; 2] {
        let seen = g.concat(&[x.clone(), hidden.clone()]);
        let gates = g.conv(&seen, self.name, 1);
        // The three sigmoids lie together, so that there is one operator for them.
        let parts = g.split(&gates, &[3 * self.filters, self.filters]);
        let open = g.sigmoid(&parts[0]);
        let candidate = g.tanh(&parts[1]);
        let open = g.split(&open, &[self.filters; 3]);
        let [input, forget, output] = [&open[0], &open[1], &open[2]];
        let kept = g.mul(forget, memory);
        let added = g.mul(input, &candidate);
        let memory = g.add(&kept, &added);
        let bounded = g.tanh(&memory);
        [g.mul(output, &bounded), memory]
    }
}
