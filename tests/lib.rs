//! The harness that starts the real binaries.
