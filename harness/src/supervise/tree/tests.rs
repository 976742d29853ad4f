use std::process::{Child, Command, Stdio};

use super::*;
use crate::observation::Wait;

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn shell(script: &str) -> Killed {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null());
    Killed(command.spawn().unwrap())
}

fn until<T>(mut done: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(done) = done() {
            return done;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_grandchild_belongs_to_the_tree_and_the_deadline_finds_both() {
    let main = shell("sleep 100; :");
    let main_pid = main.0.id() as i32;
    let mut tree = Tree::new(main_pid, Some(Duration::from_millis(20)), BTreeSet::new());
    let waits_in = |tree: &mut Tree, pid, nr| {
        let collect = tree.members.get_mut(&pid).and_then(|member| member.monitor.collect(false));
        collect.is_some_and(|c| c.threads.iter().all(|t| t.wait == Wait::Syscall { nr }))
    };
    let sleep = until(|| {
        assert_ne!(tree.tick(Duration::ZERO), Some(Sighting::Deadline));
        let sleep = children(main_pid).into_iter().next()?;
        let both_wait = waits_in(&mut tree, main_pid, libc::SYS_wait4)
            && waits_in(&mut tree, sleep, libc::SYS_clock_nanosleep);
        both_wait.then_some(sleep)
    });
    let begun = Instant::now();
    until(|| (tree.tick(begun.elapsed()) == Some(Sighting::Deadline)).then_some(()));
    let found = tree.at_deadline(begun.elapsed());
    assert_eq!(found[0].0, main_pid);
    let window = |pid| {
        let (_, standstill) = found.iter().find(|(found, _)| *found == pid).unwrap();
        let Standstill::Deadline { window, .. } = standstill else { panic!("{standstill:?}") };
        window
    };
    assert_eq!(window(main_pid).threads[0].wait, Wait::Syscall { nr: libc::SYS_wait4 });
    assert_eq!(window(sleep).threads[0].wait, Wait::Syscall { nr: libc::SYS_clock_nanosleep });
    assert_ne!(tree.tick(begun.elapsed()), Some(Sighting::Deadline), "there is but one");
    // The orphan is this test's to end, since this process is no subreaper.
    crate::os::signals::send(sleep, libc::SIGKILL);
}
