//! The functions behind the interposed ones.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::sys;

/// A function found with `dlsym(RTLD_NEXT)` when it is first needed (dlsym(3)).
pub(super) struct Real<F> {
    at: AtomicUsize,
    name: &'static CStr,
    /// Old and new versions live side by side (`pthread_cond_*`): which one.
    version: Option<&'static CStr>,
    shape: PhantomData<fn() -> F>,
}

impl<F: Copy> Real<F> {
    const fn new(name: &'static CStr) -> Real<F> {
        Real { at: AtomicUsize::new(0), name, version: None, shape: PhantomData }
    }

    const fn versioned(name: &'static CStr, version: &'static CStr) -> Real<F> {
        Real { at: AtomicUsize::new(0), name, version: Some(version), shape: PhantomData }
    }

    /// The function. Without it the program could not have been linked; a libc that lacks it after
    /// all ends the process.
    pub(super) fn get(&self) -> F {
        const NEXT: *mut c_void = usize::MAX as *mut c_void;
        const { assert!(size_of::<F>() == size_of::<usize>()) };
        let mut at = self.at.load(Relaxed);
        if at == 0 {
            // SAFETY: the names are C strings; RTLD_NEXT is -1 (dlfcn.h).
            at = unsafe {
                let versioned = self.version.map_or(core::ptr::null_mut(), |version| {
                    sys::dlvsym(NEXT, self.name.as_ptr(), version.as_ptr())
                });
                if versioned.is_null() { sys::dlsym(NEXT, self.name.as_ptr()) } else { versioned }
            } as usize;
            if at == 0 {
                sys::exit_group(125);
            }
            self.at.store(at, Relaxed);
        }
        // SAFETY: `F` is a function pointer (checked to have its size) of the type that the manual
        // page of that name gives; the address is that function's.
        unsafe { core::mem::transmute_copy(&at) }
    }
}

type Object = unsafe extern "C" fn(*mut c_void) -> c_int;
type Timed = unsafe extern "C" fn(*mut c_void, *const sys::Timespec) -> c_int;
type Clocked = unsafe extern "C" fn(*mut c_void, c_int, *const sys::Timespec) -> c_int;
type Spawn = unsafe extern "C" fn(
    *mut c_int,
    *const c_char,
    *const c_void,
    *const c_void,
    *const *mut c_char,
    *const *mut c_char,
) -> c_int;
type Two = unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int;
pub(super) type Body = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

macro_rules! real {
    ($($constant:ident $name:literal: $shape:ty;)*) => {
        $(pub(super) static $constant: Real<$shape> = Real::new($name);)*
    };
}

real! {
    CREATE c"pthread_create": unsafe extern "C" fn(*mut usize, *const c_void, Body, *mut c_void) -> c_int;
    CANCEL c"pthread_cancel": unsafe extern "C" fn(usize) -> c_int;
    JOIN c"pthread_join": unsafe extern "C" fn(usize, *mut *mut c_void) -> c_int;
    TIMED_JOIN c"pthread_timedjoin_np": unsafe extern "C" fn(usize, *mut *mut c_void, *const sys::Timespec) -> c_int;
    CLOCKED_JOIN c"pthread_clockjoin_np": unsafe extern "C" fn(usize, *mut *mut c_void, c_int, *const sys::Timespec) -> c_int;
    TRY_JOIN c"pthread_tryjoin_np": unsafe extern "C" fn(usize, *mut *mut c_void) -> c_int;
    MUTEX_LOCK c"pthread_mutex_lock": Object;
    MUTEX_TRY c"pthread_mutex_trylock": Object;
    MUTEX_TIMED c"pthread_mutex_timedlock": Timed;
    MUTEX_CLOCKED c"pthread_mutex_clocklock": Clocked;
    MUTEX_UNLOCK c"pthread_mutex_unlock": Object;
    READ_LOCK c"pthread_rwlock_rdlock": Object;
    READ_TRY c"pthread_rwlock_tryrdlock": Object;
    READ_TIMED c"pthread_rwlock_timedrdlock": Timed;
    READ_CLOCKED c"pthread_rwlock_clockrdlock": Clocked;
    WRITE_LOCK c"pthread_rwlock_wrlock": Object;
    WRITE_TRY c"pthread_rwlock_trywrlock": Object;
    WRITE_TIMED c"pthread_rwlock_timedwrlock": Timed;
    WRITE_CLOCKED c"pthread_rwlock_clockwrlock": Clocked;
    RW_UNLOCK c"pthread_rwlock_unlock": Object;
    COND_CLOCKED c"pthread_cond_clockwait": unsafe extern "C" fn(*mut c_void, *mut c_void, c_int, *const sys::Timespec) -> c_int;
    BARRIER c"pthread_barrier_wait": Object;
    ONCE c"pthread_once": unsafe extern "C-unwind" fn(*mut c_void, unsafe extern "C-unwind" fn()) -> c_int;
    SPIN_LOCK c"pthread_spin_lock": Object;
    SPIN_TRY c"pthread_spin_trylock": Object;
    SPIN_UNLOCK c"pthread_spin_unlock": Object;
    SEM_WAIT c"sem_wait": Object;
    SEM_TRY c"sem_trywait": Object;
    SEM_TIMED c"sem_timedwait": Timed;
    SEM_CLOCKED c"sem_clockwait": Clocked;
    SEM_POST c"sem_post": Object;
    FORK c"fork": unsafe extern "C" fn() -> c_int;
    FREE c"free": unsafe extern "C" fn(*mut c_void);
    USABLE c"malloc_usable_size": unsafe extern "C" fn(*mut c_void) -> usize;
    SYSCONF c"sysconf": unsafe extern "C" fn(c_int) -> core::ffi::c_long;
    STRLEN c"strlen": unsafe extern "C" fn(*const c_char) -> usize;
    STRNLEN c"strnlen": unsafe extern "C" fn(*const c_char, usize) -> usize;
    STRDUP c"strdup": unsafe extern "C" fn(*const c_char) -> *mut c_char;
    STRCMP c"strcmp": unsafe extern "C" fn(*const c_char, *const c_char) -> c_int;
    STRNCMP c"strncmp": unsafe extern "C" fn(*const c_char, *const c_char, usize) -> c_int;
    STRCHR c"strchr": unsafe extern "C" fn(*const c_char, c_int) -> *mut c_char;
    STRCPY c"strcpy": unsafe extern "C" fn(*mut c_char, *const c_char) -> *mut c_char;
    STRNCPY c"strncpy": unsafe extern "C" fn(*mut c_char, *const c_char, usize) -> *mut c_char;
    STRCAT c"strcat": unsafe extern "C" fn(*mut c_char, *const c_char) -> *mut c_char;
    SPAWN c"posix_spawn": Spawn;
    SPAWNP c"posix_spawnp": Spawn;
    START c"__libc_start_main": unsafe extern "C" fn(Main, c_int, *mut *mut c_char, *const c_void, *const c_void, *const c_void, *mut c_void) -> c_int;
    SIGACTION c"sigaction": unsafe extern "C" fn(c_int, *const c_void, *mut c_void) -> c_int;
    SIGNAL c"signal": unsafe extern "C" fn(c_int, usize) -> usize;
    SIGMASK c"pthread_sigmask": unsafe extern "C" fn(c_int, *const u64, *mut c_void) -> c_int;
    SIGPROCMASK c"sigprocmask": unsafe extern "C" fn(c_int, *const u64, *mut c_void) -> c_int;
}

pub(super) type Main = unsafe extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char) -> c_int;

pub(super) static COND_WAIT: Real<Two> = Real::versioned(c"pthread_cond_wait", c"GLIBC_2.3.2");
pub(super) static COND_TIMED: Real<
    unsafe extern "C" fn(*mut c_void, *mut c_void, *const sys::Timespec) -> c_int,
> = Real::versioned(c"pthread_cond_timedwait", c"GLIBC_2.3.2");
pub(super) static COND_SIGNAL: Real<Object> =
    Real::versioned(c"pthread_cond_signal", c"GLIBC_2.3.2");
pub(super) static COND_BROADCAST: Real<Object> =
    Real::versioned(c"pthread_cond_broadcast", c"GLIBC_2.3.2");
