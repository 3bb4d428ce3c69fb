//! Passages and a conversation into the prompt.
