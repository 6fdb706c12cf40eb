//! Sentences about a picture, word by word, by a small recurrent network.
//!
//! The network takes the picture's embedding, a word and its state, and gives scores of the next
//! word and the next state. A [`Decoder`] asks it one word at a time: always the likeliest one, or
//! the likeliest of several sentences side by side (beam search).

mod beam;
mod decoder;
#[cfg(test)]
#[cfg(feature = "tract")]
mod tests;

pub use beam::Beams;
pub use decoder::{Decoder, Sentence};
