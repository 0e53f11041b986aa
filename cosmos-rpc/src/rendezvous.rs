//! Where the daemons are found.
