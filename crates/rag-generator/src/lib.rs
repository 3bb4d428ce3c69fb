//! A prompt into words, many prompts at once.
