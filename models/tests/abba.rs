//! Proof that the alarm rings: two locks in opposite orders are found, in one order they are not.

// Std's, as dropping loom's is a step of the model, which a thread that unwinds must not take.
use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;
use standstill_models::Model;

const ABBA: Model = Model::complete("two locks");

fn two_threads_take(orders: [[usize; 2]; 2]) -> impl Fn() + Sync + Send + 'static {
    move || {
        let locks = Arc::new([Mutex::new(0), Mutex::new(0)]);
        let threads = orders.map(|[first, second]| {
            let locks = Arc::clone(&locks);
            thread::spawn(move || {
                let mut first = locks[first].lock().unwrap();
                let mut second = locks[second].lock().unwrap();
                *first += 1;
                *second += 1;
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((*locks[0].lock().unwrap(), *locks[1].lock().unwrap()), (2, 2));
    }
}

#[test]
fn opposite_orders_are_found_to_deadlock() {
    ABBA.rejects("opposite orders", "deadlock", two_threads_take([[0, 1], [1, 0]]));
}

#[test]
fn one_order_is_found_to_be_sound() {
    ABBA.holds("in one order both threads end", two_threads_take([[0, 1], [0, 1]]));
}
