//! Loom models of the locking protocols under test and of our own lock-free code.
