//! Calls on descriptors that can block: pipes, sockets, eventfds, terminals, epoll.
//!
//! A thread whose descriptor is not ready waits in the model. Whether it has become ready is asked of
//! the kernel when another controlled thread has done something to a descriptor, and when nobody can
//! run: so what two threads of the program say to each other repeats, and only what comes from
//! outside comes when it comes.

use core::ffi::{c_int, c_void};

use super::model::{self, Until, Wait};
use super::sys::{self, POLLIN, POLLOUT, PollFd, Timespec};
use super::{caller, cancel, time};
use crate::abi::Op;

const READV: usize = 19;
const WRITEV: usize = 20;
const SELECT: usize = 23;
const CONNECT: usize = 42;
const ACCEPT: usize = 43;
const SENDTO: usize = 44;
const RECVFROM: usize = 45;
const SENDMSG: usize = 46;
const RECVMSG: usize = 47;
const SHUTDOWN: usize = 48;
const EPOLL_WAIT: usize = 232;
const ACCEPT4: usize = 288;

const GET_FLAGS: usize = 3;
const NON_BLOCKING: isize = 0o4000;
/// recv(2), send(2): MSG_DONTWAIT.
const DONT_WAIT: usize = 0x40;

/// The object of a descriptor in schedules and reports: small numbers are no addresses.
fn object(fd: c_int) -> usize {
    fd as usize + 1
}

/// A scheduling point, then a wait until the descriptor is ready; at once for one that does not
/// block.
fn until_ready(me: u32, fd: c_int, events: i16, waits: bool, pc: usize) {
    model::point(me, Op::Io, object(fd), pc);
    cancel::point();
    if !waits {
        return;
    }
    let mut entry = PollFd { fd, events, revents: 0 };
    // SAFETY: the local is good.
    if unsafe { sys::poll(&raw mut entry, 1, 0) } != 0 {
        return;
    }
    if !blocks(fd) {
        model::with(|m| m.fruitless(me, 8));
        return;
    }
    let until = Until::Ready(&raw mut entry, 1);
    let wait = Wait { op: Op::Io, object: object(fd), pc, until, deadline: 0, bits: 0 };
    model::wait(me, wait);
    cancel::point();
}

/// Whether calls on a descriptor may wait.
fn blocks(fd: c_int) -> bool {
    // SAFETY: asks for flags.
    let flags = unsafe { sys::call(sys::FCNTL, [fd as usize, GET_FLAGS, 0, 0, 0, 0]) };
    flags >= 0 && flags & NON_BLOCKING == 0
}

/// Something was done to a descriptor: another thread's may be ready now.
fn stirred() {
    model::with(|m| {
        m.changed();
        m.poll();
    });
}

/// Calls on a descriptor: what it must be ready for, and whether the call waits for that.
macro_rules! on_descriptor {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty = $number:expr, $events:expr, $waits:expr;)*) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, $($argument: $kind),*) -> $result {
            let given: &[usize] = &[fd as usize, $($argument as usize),*];
            let mut args = [0; 6];
            args[..given.len()].copy_from_slice(given);
            let controlled = model::me();
            if let Some(me) = controlled {
                until_ready(me, fd, $events, $waits, caller!());
            }
            // SAFETY: the caller's arguments.
            let result = sys::c_result(unsafe { sys::call($number, args) });
            if controlled.is_some() {
                stirred();
            }
            result as $result
        })*
    };
}

/// Whether these flags of recv(2) and send(2) let the call wait.
fn waits(flags: c_int) -> bool {
    flags as usize & DONT_WAIT == 0
}

on_descriptor! {
    read(buffer: *mut c_void, count: usize) -> isize = sys::READ, POLLIN, true;
    write(buffer: *const c_void, count: usize) -> isize = sys::WRITE, POLLOUT, true;
    readv(vector: *const c_void, count: c_int) -> isize = READV, POLLIN, true;
    writev(vector: *const c_void, count: c_int) -> isize = WRITEV, POLLOUT, true;
    recvfrom(buffer: *mut c_void, count: usize, flags: c_int, from: *mut c_void, size: *mut u32) -> isize = RECVFROM, POLLIN, waits(flags);
    recvmsg(message: *mut c_void, flags: c_int) -> isize = RECVMSG, POLLIN, waits(flags);
    sendto(buffer: *const c_void, count: usize, flags: c_int, to: *const c_void, size: u32) -> isize = SENDTO, POLLOUT, waits(flags);
    sendmsg(message: *const c_void, flags: c_int) -> isize = SENDMSG, POLLOUT, waits(flags);
    accept(address: *mut c_void, size: *mut u32) -> c_int = ACCEPT, POLLIN, true;
    accept4(address: *mut c_void, size: *mut u32, flags: c_int) -> c_int = ACCEPT4, POLLIN, true;
    close() -> c_int = sys::CLOSE, 0, false;
    shutdown(how: c_int) -> c_int = SHUTDOWN, 0, false;
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recv(fd: c_int, buffer: *mut c_void, count: usize, flags: c_int) -> isize {
    // SAFETY: the caller's arguments.
    unsafe { recvfrom(fd, buffer, count, flags, core::ptr::null_mut(), core::ptr::null_mut()) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn send(fd: c_int, buffer: *const c_void, count: usize, flags: c_int) -> isize {
    // SAFETY: the caller's arguments.
    unsafe { sendto(fd, buffer, count, flags, core::ptr::null(), 0) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn connect(fd: c_int, address: *const c_void, size: u32) -> c_int {
    let args = [fd as usize, address as usize, size as usize, 0, 0, 0];
    let Some(me) = model::me() else {
        // SAFETY: the caller's arguments.
        return sys::c_result(unsafe { sys::call(CONNECT, args) }) as c_int;
    };
    // What answers at once needs no leave, in which the others' timeouts could pass.
    let result = if blocks(fd) {
        model::leave(me, Op::Io, caller!());
        // SAFETY: the caller's arguments.
        let result = cancel::outside(|| unsafe { sys::call(CONNECT, args) });
        model::back(me);
        result
    } else {
        until_ready(me, fd, 0, false, caller!());
        // SAFETY: the caller's arguments.
        unsafe { sys::call(CONNECT, args) }
    };
    stirred();
    sys::c_result(result) as c_int
}

/// Polls under control. `nanos` `None` waits for ever.
///
/// # Safety
/// `fds` must point at `count` entries.
unsafe fn poll_until(
    me: u32,
    fds: *mut PollFd,
    count: usize,
    nanos: Option<u64>,
    pc: usize,
) -> isize {
    model::point(me, Op::Io, 0, pc);
    // SAFETY: the caller's entries.
    let ready = unsafe { sys::poll(fds, count, 0) };
    if ready != 0 || nanos == Some(0) {
        if ready == 0 {
            model::with(|m| m.fruitless(me, 8));
        }
        return ready;
    }
    let deadline = nanos.map_or(0, time::deadline_in);
    let until = if count == 0 { Until::Time } else { Until::Ready(fds, count) };
    model::wait(me, Wait { op: Op::Io, object: 0, pc, until, deadline, bits: 0 });
    cancel::point();
    // SAFETY: the caller's entries.
    unsafe { sys::poll(fds, count, 0) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn poll(fds: *mut PollFd, count: usize, millis: c_int) -> c_int {
    let Some(me) = model::me() else {
        // SAFETY: the caller's arguments.
        return sys::c_result(unsafe { sys::poll(fds, count, millis) }) as c_int;
    };
    let nanos = u64::try_from(millis).ok().map(|m| m * 1_000_000);
    // SAFETY: the caller's arguments.
    sys::c_result(unsafe { poll_until(me, fds, count, nanos, caller!()) }) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ppoll(
    fds: *mut PollFd,
    count: usize,
    time: *const Timespec,
    mask: *const c_void,
) -> c_int {
    const PPOLL: usize = 271;
    let controlled = model::me().filter(|_| mask.is_null());
    let Some(me) = controlled else {
        let args = [fds as usize, count, time as usize, mask as usize, 8, 0];
        // SAFETY: the caller's arguments.
        return sys::c_result(unsafe { sys::call(PPOLL, args) }) as c_int;
    };
    // SAFETY: the caller's argument, if any.
    let nanos = (!time.is_null()).then(|| unsafe { *time }.nanos());
    // SAFETY: the caller's arguments.
    sys::c_result(unsafe { poll_until(me, fds, count, nanos, caller!()) }) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_wait(
    epoll: c_int,
    events: *mut c_void,
    most: c_int,
    millis: c_int,
) -> c_int {
    let ask = |millis: c_int| {
        let args = [epoll as usize, events as usize, most as usize, millis as isize as usize, 0, 0];
        // SAFETY: the caller's arguments.
        unsafe { sys::call(EPOLL_WAIT, args) }
    };
    let Some(me) = model::me() else {
        return sys::c_result(ask(millis)) as c_int;
    };
    let pc = caller!();
    model::point(me, Op::Io, object(epoll), pc);
    let deadline = u64::try_from(millis).map_or(0, |m| time::deadline_in(m * 1_000_000));
    loop {
        cancel::point();
        let ready = ask(0);
        if ready != 0 || millis == 0 {
            if ready == 0 {
                model::with(|m| m.fruitless(me, 8));
            }
            return sys::c_result(ready) as c_int;
        }
        let mut entry = PollFd { fd: epoll, events: POLLIN, revents: 0 };
        let until = Until::Ready(&raw mut entry, 1);
        if model::wait(me, Wait { op: Op::Io, object: object(epoll), pc, until, deadline, bits: 0 })
        {
            return sys::c_result(ask(0)) as c_int;
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_pwait(
    epoll: c_int,
    events: *mut c_void,
    most: c_int,
    millis: c_int,
    mask: *const c_void,
) -> c_int {
    const EPOLL_PWAIT: usize = 281;
    if mask.is_null() {
        // SAFETY: the caller's arguments.
        return unsafe { epoll_wait(epoll, events, most, millis) };
    }
    let args = [
        epoll as usize,
        events as usize,
        most as usize,
        millis as isize as usize,
        mask as usize,
        8,
    ];
    // SAFETY: the caller's arguments.
    sys::c_result(unsafe { sys::call(EPOLL_PWAIT, args) }) as c_int
}

/// select(2) is not modelled: the thread waits outside.
#[unsafe(no_mangle)]
unsafe extern "C" fn select(
    count: c_int,
    reads: *mut c_void,
    writes: *mut c_void,
    others: *mut c_void,
    time: *mut c_void,
) -> c_int {
    let args = [count as usize, reads as usize, writes as usize, others as usize, time as usize, 0];
    let Some(me) = model::me() else {
        // SAFETY: the caller's arguments.
        return sys::c_result(unsafe { sys::call(SELECT, args) }) as c_int;
    };
    model::leave(me, Op::Io, caller!());
    // SAFETY: the caller's arguments.
    let result = cancel::outside(|| unsafe { sys::call(SELECT, args) });
    model::back(me);
    sys::c_result(result) as c_int
}
