//! Remembers the switch's decisions across restarts.
