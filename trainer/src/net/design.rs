//! What surrounds a network that is written over [`Graph`](super::Graph): its input and what it
//! carries from frame to frame.

use framecast::model::{StateInit, WindowLayout};

/// Input and state of a network.
#[derive(Clone, Debug)]
pub struct Design {
    /// Frames of its window and their layout; it sees one frame a step without.
    pub window: Option<(usize, WindowLayout)>,
    /// State, in the order the network takes and gives it.
    pub state: Vec<Carried>,
    /// Frame sides must be multiples of this.
    pub multiple_of: usize,
    /// True when it is copy-last before training.
    pub copies_last: bool,
}

/// A state tensor of the frame's size.
#[derive(Clone, Debug)]
pub struct Carried {
    /// Its name as a graph input.
    pub name: String,
    /// Its channels.
    pub channels: usize,
    /// Its value at the start.
    pub init: StateInit,
}

impl Design {
    /// Channels of the input: three a frame.
    #[must_use]
    pub fn channels(&self) -> usize {
        3 * self.window.map_or(1, |(frames, _)| frames)
    }
}
