//! From tensors to meaning: prediction first.
