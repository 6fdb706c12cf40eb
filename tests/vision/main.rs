//! Pixels against other programs and real data: swscale, and the catz sequences.

mod catz;
mod data;
mod libjpeg;
