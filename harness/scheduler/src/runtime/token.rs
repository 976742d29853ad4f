//! The token: who may run. The protocol over the kernel's futex.

mod protocol;

use core::sync::atomic::{AtomicU32, Ordering};

use super::sys::{futex_wait, futex_wake};

pub(super) use protocol::{come_back, hand_over, lock, park, unlock};
