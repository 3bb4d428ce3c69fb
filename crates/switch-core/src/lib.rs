//! Which slot is live, and what may happen next.
