//! Citations, and what is answered when the documents do not say.
