//! The last quarter before a deadline: who got anywhere in it, and who so much as ran.

use super::*;

#[test]
fn a_window_holds_what_each_actor_did_in_it() {
    let before = [
        actor(1, Running, 5),
        actor(2, Running, 5),
        actor(3, Running, 0),
        actor(4, Running, 0),
        actor(5, AtGate, 0),
        actor(6, Finished, 9),
        actor(0, Unborn, 0),
    ];
    let mut trial = Watched::marked_at(765, &before, &[asleep(1), asleep(2)]);
    trial.actors = vec![
        actor(1, Running, 8),
        actor(2, Running, 5),
        actor(3, Finished, 0),
        actor(4, Panicked, 0),
        actor(5, Running, 0),
        actor(6, Finished, 9),
        actor(0, Unborn, 0),
    ];
    trial.cpu_ms += 99;
    let ran = ThreadSeen { schedstat: [6000, 70, 4], ..asleep(1) };
    let window = trial.window_at(1020, &[ran, asleep(2), asleep(5)]);
    let progressed: Vec<bool> = window.actors.iter().map(ActorWindow::progressed).collect();
    assert_eq!(progressed, [true, false, true, true, true, false, false]);
    let ended: Vec<bool> = window.actors.iter().map(|a| a.ended).collect();
    assert_eq!(ended, [false, false, true, true, false, false, false]);
    let ran: Vec<Option<bool>> = window.actors.iter().map(|a| a.ran).collect();
    assert_eq!(ran, [Some(true), Some(false), None, None, None, None, None]);
    assert_eq!((window.actors[0].steps_before, window.actors[0].steps_after), (5, 8));
    let cpu: Vec<Option<u64>> = window.actors.iter().map(|a| a.cpu_us).collect();
    assert_eq!(cpu, [Some(1), Some(0), None, None, None, None, None]);
    assert_eq!((window.ms, window.cpu_ms), (255, 100));
}

/// Whatever is burnt after the last step, be it most of the time, does not count for its price.
#[test]
fn a_step_has_cost_what_was_used_until_the_last_one() {
    let mut trial = Watched::marked_at(765, &[actor(1, Running, 4)], &[asleep(1)]);
    let price = |trial: &mut Watched, ms| trial.window_at(ms, &[asleep(1)]).step_us;
    trial.cpu_ms += 5000;
    // One tick had passed since the actors began, in which 1 ms was used.
    assert_eq!(price(&mut trial, 1020), Some(250));
}

#[test]
fn without_a_step_there_is_no_price() {
    let mut trial = Watched::marked_at(765, &[actor(1, Running, 0)], &[asleep(1)]);
    assert_eq!(trial.window_at(1020, &[asleep(1)]).step_us, None);
}

#[test]
fn waiting_longer_for_a_cpu_is_not_running() {
    let actors = [actor(1, Running, 0)];
    let mut trial = Watched::marked_at(765, &actors, &[asleep(1)]);
    let waited = ThreadSeen { schedstat: [5000, 9000, 3], ..asleep(1) };
    assert_eq!(trial.window_at(1020, &[waited]).actors[0].ran, Some(false));
}

#[test]
fn an_unreadable_thread_is_not_said_to_have_run() {
    let actors = [actor(1, Running, 0)];
    let mut trial = Watched::marked_at(765, &actors, &[asleep(1)]);
    let hidden = ThreadSeen { tid: 1, wait: Wait::Unreadable, schedstat: [0; 3] };
    assert_eq!(trial.window_at(1020, &[hidden]).actors[0].ran, None);
}
