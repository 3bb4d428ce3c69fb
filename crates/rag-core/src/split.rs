//! Recursive splitting by the separators of Chinese and English.
