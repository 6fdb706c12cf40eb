//! Where results go: JSON lines and Y4M.
