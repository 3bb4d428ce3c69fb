//! The real binaries, the real models.
