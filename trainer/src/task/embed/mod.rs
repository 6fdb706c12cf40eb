//! Pictures and sentences in one space: two towers that are trained together and exported apart.
//!
//! The picture tower begins with features that nothing is learned for (soft colour words and the
//! strength of edges, [`features`]), the text tower with word vectors made by counting
//! (`words`) or read from a GloVe file; both are frozen, since the captioned pictures are few.
//! What is trained is one layer on the pictures' side and a recurrent one on the sentences'.

pub mod crossval;
mod data;
pub mod features;
mod glove;
pub mod keras;
mod lesson;
mod loss;
mod matrices;
pub mod recall;
mod settings;
mod split;
mod towers;
mod words;

pub(crate) use data::{Captioned, captioned, sentences};
pub use lesson::EmbedLesson;
pub use matrices::{recall as recall_of_files, represent};
pub use settings::{EmbedSettings, Loss, Reduction, TextKind};
pub(crate) use split::Split;
