//! Reads a YAML settings file and explains what is wrong with it.
