//! The nearest passages to a vector.
