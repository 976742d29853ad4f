//! What an operation is called.

use standstill_scheduler::abi::{Event, Op};

/// Whether it is about threads rather than about an object.
pub(super) fn is_life(op: Op) -> bool {
    matches!(op, Op::Start | Op::Create | Op::Join | Op::Exit | Op::Fork)
}

/// Whether it is one access to memory.
pub(super) fn is_access(op: Op) -> bool {
    matches!(op, Op::Rmw | Op::Load | Op::Store)
}

/// Whether whoever has done it has a lock. `api` is the library's function around it.
pub(super) fn is_acquiring(op: Op, api: Option<&str>) -> bool {
    let locks =
        [Op::MutexLock, Op::ReadLock, Op::WriteLock, Op::SpinLock, Op::SemWait, Op::CondRelock];
    let is_lock = |api: &str| {
        let name = api.rsplit("::").next().unwrap_or(api);
        ["lock", "read lock", "write lock"].contains(&name) || name.starts_with("lock_")
    };
    locks.contains(&op) || op != Op::FutexWake && api.is_some_and(is_lock)
}

/// In a word or two.
pub(super) fn text(event: &Event, api: Option<&str>) -> String {
    let thread = |number: u64| if number == 0 { "main".to_owned() } else { number.to_string() };
    let fixed = match Op::of(event.op) {
        Op::Create => return format!("creates {}", thread(event.object)),
        Op::Join => return format!("joins {}", thread(event.object)),
        Op::Rmw | Op::Load | Op::Store | Op::FutexWait | Op::FutexWake if api.is_some() => {
            return api.unwrap_or_default().to_owned();
        }
        Op::Start => "starts",
        Op::Exit => "ends",
        Op::MutexLock => "lock",
        Op::MutexTry | Op::RwTry | Op::SpinTry => "try lock",
        Op::MutexUnlock | Op::RwUnlock | Op::SpinUnlock => "unlock",
        Op::ReadLock => "read lock",
        Op::WriteLock => "write lock",
        Op::CondWait => "wait",
        Op::CondSignal => "signal",
        Op::CondBroadcast => "broadcast",
        Op::CondRelock => "lock again",
        Op::BarrierWait => "wait at barrier",
        Op::Once => "once",
        Op::SemWait => "take",
        Op::SemTry => "try to take",
        Op::SemPost => "post",
        Op::FutexWait => "futex wait",
        Op::FutexWake => "futex wake",
        Op::SpinLock => "spin lock",
        Op::Sleep => "sleep",
        Op::Yield => "yield",
        Op::Io | Op::Outside => "I/O",
        Op::Rmw => "update",
        Op::Load => "load",
        Op::Store => "store",
        Op::Pause => "pause",
        Op::Fork => "fork",
        Op::Cancel => "cancel",
        Op::Clock => "clock",
        Op::None => "",
    };
    fixed.to_owned()
}
