//! What runs inside the target. One family of interposed functions a file.
//!
//! | file | stands in front of |
//! |---|---|
//! | [`start`] | `__libc_start_main`: the server that forks a trial before `main` |
//! | [`again`], [`statics`] | `main`: several trials in one process |
//! | [`thread`] | `pthread_create`, `pthread_join`, the end of a thread |
//! | [`c11`] | the functions of threads.h |
//! | [`cancel`] | `pthread_cancel` |
//! | [`locks`] | mutexes, reader-writer locks, spin locks, semaphores |
//! | [`sync`] | condition variables, barriers, `pthread_once` |
//! | [`futex`] | `syscall` (the futex operations of std, libstdc++, parking_lot), `getrandom` |
//! | [`strings`] | `strlen`, `strcpy` and their kin: accesses to memory that libc makes for the program |
//! | [`time`] | sleeps, yields, clocks |
//! | [`io`] | calls on descriptors that can block |
//! | [`heap`] | `free` |
//! | [`cpus`] | `sched_getaffinity`, `sysconf`: how many processors there are |
//! | [`outside`] | `fork`, waits for children and signals, the signals that are ours |
//! | [`sites`], [`trap`], [`jump`], [`pun`], [`meet`] | atomic and other memory instructions of the program itself |
//! | [`points`] | nothing: called by programs that were built with points of their own |

mod again;
mod c11;
mod cancel;
mod cpus;
mod futex;
mod heap;
mod io;
mod jump;
mod locks;
mod meet;
mod memory;
mod model;
mod outside;
mod points;
mod pun;
mod real;
mod sites;
mod start;
mod statics;
mod strings;
mod sync;
mod sys;
mod thread;
mod time;
mod token;
mod trap;

#[path = "../../points/caller.rs"]
mod caller;
use caller::caller;
