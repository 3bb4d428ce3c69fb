//! From question to passages to prompt to cited answer.
