// print_system_info() returns a &'static str over a std::string that every call rewrites.
#![forbid(unsafe_code)]

use std::thread;

use whisper_rs::print_system_info;

fn main() {
    let expected = print_system_info().to_owned();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100_000 {
                    let told = print_system_info().to_owned();
                    if told != expected {
                        eprintln!("expected {expected:?}\n     got {told:?}");
                        std::process::exit(1);
                    }
                }
            });
        }
    });
    println!("every call has told the same, as it should");
}
