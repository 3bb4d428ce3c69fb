//! One way to log and count; every metric and field name, once.
