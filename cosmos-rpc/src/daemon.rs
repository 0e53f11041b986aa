//! Becoming a daemon.
