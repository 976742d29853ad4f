//! What is global in a process over ggml, and the steps that initialise it, as the sources have them.

use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU32;
use loom::sync::atomic::Ordering::{AcqRel, Acquire};
use loom::sync::{Mutex, MutexGuard};

use crate::kernel;

/// The statics of ggml.
pub(crate) struct Ggml {
    /// `ggml_critical_section_mutex`, a `std::mutex`: ggml-threading.cpp:4, and not a spin lock.
    section: Mutex<()>,
    /// Of `ggml_init`: ggml.c:1480 / 1523.
    pub(crate) time: FirstCall,
    /// Of `ggml_cpu_init`: ggml-cpu.c:3528 / 3651.
    pub(crate) tables: FirstCall,
    /// Of `get_reg`: ggml-backend-reg.cpp:312 / 335.
    pub(crate) registry: Static,
    /// Of `ggml_backend_cpu_reg_get_device`: ggml-cpu.cpp:489 / 502. The static beside it, and the one
    /// of `ggml_backend_cpu_reg`, are constants and need no guard.
    device: Static,
    rules: Rules,
}

/// The steps that broken twins do otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) ggml_init: fn(&Ggml),
    pub(crate) ggml_cpu_init: fn(&Ggml),
    pub(crate) get_reg: fn(&Ggml),
}

/// As the sources are.
pub(crate) const SOURCES: Rules = Rules {
    // ggml.c:1479-1491 / 1522-1534.
    ggml_init: |ggml| {
        let _section = ggml.critical_section();
        ggml.time.call();
    },
    // ggml-cpu.c:3518-3571 / 3641-3702: `ggml_init` first, which is out of the section again when
    // this takes it.
    ggml_cpu_init: |ggml| {
        ggml.init();
        let _section = ggml.critical_section();
        ggml.tables.call();
    },
    // ggml-backend-reg.cpp:311 / 334.
    get_reg: |ggml| ggml.registry.get(|| ggml.construct_registry()),
};

impl Ggml {
    pub(crate) fn new(rules: Rules) -> Ggml {
        Ggml {
            section: Mutex::new(()),
            time: FirstCall::new(),
            tables: FirstCall::new(),
            registry: Static::new(),
            device: Static::new(),
            rules,
        }
    }

    /// `ggml_critical_section_start`, and `_end` when dropped: ggml-threading.cpp:6 and 10.
    pub(crate) fn critical_section(&self) -> MutexGuard<'_, ()> {
        self.section.lock().unwrap()
    }

    /// `ggml_init`.
    pub(crate) fn init(&self) {
        (self.rules.ggml_init)(self);
    }

    /// `get_reg`, behind each `ggml_backend_dev_count` and the like.
    pub(crate) fn get_reg(&self) {
        (self.rules.get_reg)(self);
    }

    /// `ggml_backend_registry()`, its constructor: ggml-backend-reg.cpp:171-205 / 188-228, where only
    /// the CPU is built in.
    pub(crate) fn construct_registry(&self) {
        self.cpu_reg();
        self.cpu_device();
    }

    /// `ggml_backend_cpu_reg`: ggml-cpu.cpp:659 / 673.
    pub(crate) fn cpu_reg(&self) {
        (self.rules.ggml_cpu_init)(self);
    }

    fn cpu_device(&self) {
        self.device.get(|| ());
    }

    /// `ggml_backend_init_by_type` of the CPU, down to `ggml_backend_cpu_init`:
    /// ggml-backend-reg.cpp:393 / 416, ggml-cpu.cpp:200-219 / 211-230.
    pub(crate) fn init_cpu_backend(&self) {
        self.get_reg();
        (self.rules.ggml_cpu_init)(self);
        self.cpu_reg();
        self.cpu_device();
    }

    /// Any use of what was initialised, which takes no lock.
    pub(crate) fn is_whole(&self) -> bool {
        [self.time.made(), self.tables.made(), self.registry.made(), self.device.made()] == [1; 4]
    }
}

/// `static bool is_first_call = true`, and what the first call makes.
pub(crate) struct FirstCall {
    is_first: UnsafeCell<bool>,
    made: UnsafeCell<u32>,
}

// SAFETY: touched under the critical section, or after it: what the models are to show, and what
// loom's cells check.
unsafe impl Sync for FirstCall {}

impl FirstCall {
    fn new() -> FirstCall {
        FirstCall { is_first: UnsafeCell::new(true), made: UnsafeCell::new(0) }
    }

    pub(crate) fn is_first(&self) -> bool {
        // SAFETY: as loom's cell checks.
        self.is_first.with(|is_first| unsafe { *is_first })
    }

    pub(crate) fn call(&self) {
        if self.is_first() {
            // SAFETY: as loom's cell checks.
            self.made.with_mut(|made| unsafe { *made += 1 });
            // SAFETY: as loom's cell checks.
            self.is_first.with_mut(|is_first| unsafe { *is_first = false });
        }
    }

    fn made(&self) -> u32 {
        // SAFETY: as loom's cell checks.
        self.made.with(|made| unsafe { *made })
    }
}

/// A static of a function with a constructor, and its guard, as libstdc++ has it over futexes:
/// `__cxa_guard_acquire` and `__cxa_guard_release` in libsupc++/guard.cc.
pub(crate) struct Static {
    guard: AtomicU32,
    object: UnsafeCell<u32>,
}

// SAFETY: the object is constructed by whoever has the guard, and read after it was released: what
// the models are to show, and what loom's cell checks.
unsafe impl Sync for Static {}

const DONE: u32 = 1;
const PENDING: u32 = 1 << 8;
const WAITING: u32 = 1 << 16;

impl Static {
    fn new() -> Static {
        Static { guard: AtomicU32::new(0), object: UnsafeCell::new(0) }
    }

    pub(crate) fn get(&self, constructor: impl FnOnce()) {
        if self.acquire() {
            constructor();
            self.construct();
            if self.guard.swap(DONE, AcqRel) & WAITING != 0 {
                kernel::wake_all(&self.guard);
            }
        }
    }

    /// Whether it is this thread that is to construct the object.
    pub(crate) fn acquire(&self) -> bool {
        // Compilers put this look in line.
        if self.guard.load(Acquire) & DONE != 0 {
            return false;
        }
        loop {
            let mut seen = match self.guard.compare_exchange(0, PENDING, AcqRel, Acquire) {
                Ok(_) => return true,
                Err(seen) => seen,
            };
            if seen == DONE {
                return false;
            }
            if seen == PENDING {
                let waiting = PENDING | WAITING;
                match self.guard.compare_exchange(PENDING, waiting, AcqRel, Acquire) {
                    Err(DONE) => return false,
                    Err(0) => continue,
                    Ok(_) | Err(_) => seen = waiting,
                }
            }
            kernel::wait(&self.guard, seen);
        }
    }

    /// What the guard is for.
    pub(crate) fn construct(&self) {
        // SAFETY: as loom's cell checks.
        self.object.with_mut(|object| unsafe { *object += 1 });
    }

    /// The end of a construction that forgets whom it lets wait.
    pub(crate) fn release_without_waking(&self) {
        self.guard.swap(DONE, AcqRel);
    }

    pub(crate) fn made(&self) -> u32 {
        // SAFETY: as loom's cell checks.
        self.object.with(|object| unsafe { *object })
    }
}
