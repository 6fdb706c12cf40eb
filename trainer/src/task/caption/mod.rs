//! Sentences about pictures: a recurrent network that is told a picture's embedding and the words
//! so far.
//!
//! Captioned pictures are few, sentences are many. Pictures and sentences have one space (task
//! `embed`), so the network learns from sentences alone: it is given a sentence's own embedding with
//! noise and has to say the sentence (Nukrai et al., 2022), beside the pictures there are.

mod lesson;
mod net;

pub use lesson::{CaptionLesson, CaptionSettings};
