//! The original visual question answering networks of the Keras guide, as presets: a VGG-like tower
//! and a recurrent question encoder, and for clips the same tower frame by frame into a recurrent
//! layer, all with any sizes.
//!
//! The original flattens the tower's 25 x 25 x 256 cells, so that the layer behind it has 160
//! million weights; `pooled` takes the means of the channels instead. The clip's recurrent layer
//! keeps its state between calls: a frame costs the same however long the clip is.

use framecast::model::Role;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use crate::net::{Cell, Form, Layers, Params, Slot, TaskNet, add_table};

/// Sizes of both networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original {
    /// Lines and columns of a picture.
    pub side: usize,
    /// Channels of the three stages of the tower.
    pub widths: [usize; 3],
    /// Means of the channels instead of all cells.
    pub pooled: bool,
    /// Rows of the table of words.
    pub words: usize,
    /// Token ids of a question.
    pub length: usize,
    /// Numbers of a word's vector, of the question's and of the clip's.
    pub size: usize,
    /// Number of answers.
    pub answers: usize,
}

impl Original {
    /// The sizes of the original, pooled.
    pub const PRESET: Self = Self {
        side: 224,
        widths: [64, 128, 256],
        pooled: true,
        words: 10_000,
        length: 100,
        size: 256,
        answers: 1000,
    };

    /// Lines and columns of the tower's cells.
    #[must_use]
    pub const fn cells(&self) -> usize {
        // Each stage loses two pixels a convolution without padding, then half of them.
        let after_two = ((self.side - 2) / 2 - 2) / 2;
        (after_two - 4) / 2
    }

    /// Numbers that stand for a picture.
    #[must_use]
    pub const fn features(&self) -> usize {
        if self.pooled { self.widths[2] } else { self.widths[2] * self.cells() * self.cells() }
    }

    /// The tower's layers: name, channels in and out, whether it pads, whether a pooling follows.
    fn layers(&self) -> [(&'static str, usize, usize, bool, bool); 7] {
        let [a, b, c] = self.widths;
        [
            ("tower.0", 3, a, true, false),
            ("tower.1", a, a, false, true),
            ("tower.2", a, b, true, false),
            ("tower.3", b, b, false, true),
            ("tower.4", b, c, true, false),
            ("tower.5", c, c, false, false),
            ("tower.6", c, c, false, true),
        ]
    }

    fn init(&self, seed: u64) -> (Params, Pcg64) {
        let mut by = Pcg64::seed_from_u64(seed);
        let mut params = Params::default();
        for (name, inputs, outputs, ..) in self.layers() {
            params.add_conv(name, [outputs, inputs, 3, 3], 2.0, &mut by);
        }
        add_table(&mut params, "question.words", self.words, self.size, &mut by);
        Cell::Lstm.add(&mut params, "question.lstm", self.size, self.size, &mut by);
        (params, by)
    }

    fn look<G: Layers>(&self, g: &mut G, picture: &G::Value) -> G::Value {
        let mut x = picture.clone();
        for (name, _, _, pads, pools) in self.layers() {
            x = g.convolve(&x, name, 1, [usize::from(pads); 2]);
            x = g.relu(&x);
            if pools {
                x = g.max_pool_by(&x, 2, 2);
            }
        }
        if self.pooled { g.mean(&x) } else { g.flatten(&x) }
    }

    fn read<G: Layers>(&self, g: &mut G, tokens: &G::Value) -> G::Value {
        let words = g.embed(tokens, "question.words");
        let states = g.recurrent(&words, "question.lstm", Cell::Lstm);
        g.last(&states)
    }

    fn inputs(&self) -> Vec<Slot> {
        let picture = Form::Picture([3, self.side, self.side]);
        vec![
            Slot::new("frame", Role::Frame, picture),
            Slot::new("question", Role::Tokens, Form::Tokens(self.length)),
        ]
    }

    fn outputs(&self) -> Vec<Slot> {
        vec![Slot::new("scores", Role::Scores, Form::Vector(self.answers))]
    }
}

/// Questions about a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginalPicture(pub Original);

impl OriginalPicture {
    /// The untrained parameters.
    #[must_use]
    pub fn init(&self, seed: u64) -> Params {
        let (mut params, mut by) = self.0.init(seed);
        let inputs = self.0.features() + self.0.size;
        params.add_conv("answers", [self.0.answers, inputs, 1, 1], 1.0, &mut by);
        params
    }
}

impl TaskNet for OriginalPicture {
    fn inputs(&self) -> Vec<Slot> {
        self.0.inputs()
    }

    fn outputs(&self) -> Vec<Slot> {
        self.0.outputs()
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let picture = self.0.look(g, &inputs[0]);
        let question = self.0.read(g, &inputs[1]);
        let all = g.concat(&[picture, question]);
        let logits = g.linear(&all, "answers");
        vec![g.softmax(&logits)]
    }
}

/// Questions about a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginalClip(pub Original);

impl OriginalClip {
    /// The untrained parameters.
    #[must_use]
    pub fn init(&self, seed: u64) -> Params {
        let (mut params, mut by) = self.0.init(seed);
        let size = self.0.size;
        Cell::Lstm.add(&mut params, "clip", self.0.features(), size, &mut by);
        params.add_conv("answers", [self.0.answers, 2 * size, 1, 1], 1.0, &mut by);
        params
    }
}

impl TaskNet for OriginalClip {
    fn inputs(&self) -> Vec<Slot> {
        self.0.inputs()
    }

    fn outputs(&self) -> Vec<Slot> {
        self.0.outputs()
    }

    fn state(&self) -> Vec<(String, Form)> {
        let form = Form::Vector(self.0.size);
        vec![("clip_state".to_owned(), form), ("clip_memory".to_owned(), form)]
    }

    fn forward<G: Layers>(&self, g: &mut G, inputs: &[G::Value]) -> Vec<G::Value> {
        let picture = self.0.look(g, &inputs[0]);
        let question = self.0.read(g, &inputs[1]);
        let (state, memory) = (&inputs[2], &inputs[3]);
        let seen = g.linear(&picture, "clip.input");
        let own = g.linear(state, "clip.state");
        let gates = g.add(&seen, &own);
        // In the order of ONNX: input, output, forget, cell.
        let gates = g.split(&gates, &[self.0.size; 4]);
        let [input, output, forget] = [0, 1, 2].map(|at: usize| g.sigmoid(&gates[at]));
        let new = g.tanh(&gates[3]);
        let new = g.mul(&input, &new);
        let kept = g.mul(&forget, memory);
        let memory = g.add(&new, &kept);
        let shown = g.tanh(&memory);
        let state = g.mul(&output, &shown);
        let all = g.concat(&[state.clone(), question]);
        let logits = g.linear(&all, "answers");
        vec![g.softmax(&logits), state, memory]
    }
}

#[cfg(test)]
mod tests {
    use framecast::model::{Contract, Task};

    use super::*;
    use crate::export::{engines, task_conformance, task_model};

    const TINY: Original = Original {
        side: 36,
        widths: [4, 6, 8],
        pooled: true,
        words: 30,
        length: 7,
        size: 5,
        answers: 9,
    };

    /// The numbers that follow from the original's description.
    #[test]
    fn the_presets_have_the_sizes_of_the_originals() {
        let flat = Original { pooled: false, ..Original::PRESET };
        assert_eq!((flat.cells(), flat.features()), (25, 160_000));
        let params = OriginalPicture(Original::PRESET).init(1);
        let of = |part: &str| -> usize {
            let own = params.list().iter().filter(|p| p.name.starts_with(part));
            own.map(|p| p.values.len()).sum()
        };
        assert_eq!(of("tower"), 1_735_488);
        assert_eq!(of("question.words"), 2_560_000);
        // Pooled, the answers have 313 times fewer weights than the 160 million of the flat form.
        assert_eq!(of("answers"), (256 + 256) * 1000 + 1000);
        assert_eq!((flat.features() + flat.size) * flat.answers, 160_256_000);
    }

    #[test]
    fn both_networks_are_the_same_on_every_engine() {
        for pooled in [true, false] {
            let sizes = Original { pooled, ..TINY };
            let (picture, clip) = (OriginalPicture(sizes), OriginalClip(sizes));
            let (of_picture, of_clip) = (picture.init(3), clip.init(4));
            let contract = || Contract::new("original", Task::Other);
            let still = task_model(&picture, &of_picture, contract()).unwrap();
            let moving = task_model(&clip, &of_clip, contract()).unwrap();
            for engine in engines(None).0 {
                let report = task_conformance(&picture, &of_picture, &still, engine, 8).unwrap();
                assert!(report.worst < 1e-5, "{}: {}", report.engine, report.worst);
                let report = task_conformance(&clip, &of_clip, &moving, engine, 210).unwrap();
                assert!(report.worst < 1e-5, "{}: {}", report.engine, report.worst);
            }
        }
    }
}
