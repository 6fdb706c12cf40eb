//! The frame ring between capture and inference, its policies and the in-flight limiter.
