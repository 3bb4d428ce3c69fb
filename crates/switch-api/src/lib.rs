//! The words switchctl and the gateway say to each other.
