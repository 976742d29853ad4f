use std::process::{Child, Command, Stdio};

use super::*;

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
fn a_grandchild_belongs_to_the_tree_and_a_shell_that_waits_is_told_from_it() {
    let main = shell("sleep 100; :");
    let main_pid = main.0.id() as i32;
    let mut tree = Tree::new(main_pid, Some(Duration::from_millis(20)), BTreeSet::new());
    let sleep = until(|| {
        assert_ne!(tree.tick(Duration::ZERO), Some(Sighting::Deadline));
        children(main_pid).into_iter().next().filter(|pid| tree.members.contains_key(pid))
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
    assert!(waits_for_a_child(&window(main_pid).threads));
    assert!(!waits_for_a_child(&window(sleep).threads));
    assert_eq!(tree.tick(begun.elapsed()), None, "there is one deadline");
    // The orphan is this test's to end, since this process is no subreaper.
    crate::os::signals::send(sleep, libc::SIGKILL);
}
