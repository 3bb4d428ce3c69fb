//! A knowledge base as a versioned artifact: build, fingerprint, open.
