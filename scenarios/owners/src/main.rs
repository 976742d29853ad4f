//! `owners [--hangs N] [--seed S] [--kind KIND]... [--bin NAME=PATH]...`: makes hangs of which it is
//! known who has what, and counts what standstill says of them. Exit code 1 if anything is called
//! proven that is wrong, or a look-alike is given a cycle.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command-line program")]

use std::path::PathBuf;
use std::process::ExitCode;

use standstill_owners::run::{Orders, run};
use standstill_owners::tally;

fn main() -> ExitCode {
    let orders = match orders(std::env::args().skip(1)) {
        Ok(orders) => orders,
        Err(error) => {
            eprintln!("owners: {error}");
            return ExitCode::from(2);
        }
    };
    let results = run(&orders, |done| {
        if done % 100 == 0 {
            eprintln!("{done} of {}", orders.hangs);
        }
    });
    for incident in &results.incidents {
        println!("{}{}", if incident.grave { "GRAVE " } else { "" }, incident.text);
    }
    let kinds = results.by(|(_, kind)| kind.clone());
    println!("{}", tally::table("kind", &kinds));
    println!("{}", tally::table("build", &results.by(|(build, _)| build.clone())));
    println!("{}", tally::findings(&kinds));
    if results.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn orders(mut args: impl Iterator<Item = String>) -> Result<Orders, String> {
    let mut orders = Orders { hangs: 2000, seed: 1, bins: vec![], kinds: vec![] };
    while let Some(flag) = args.next() {
        let value = args.next().ok_or_else(|| format!("{flag} wants a value"))?;
        let number = || value.parse().map_err(|_| format!("{value} is no number"));
        match flag.as_str() {
            "--hangs" => orders.hangs = number()?,
            "--seed" => orders.seed = number()?,
            "--kind" => orders.kinds.push(value),
            "--bin" => {
                let (name, path) = value.split_once('=').unwrap_or((&value, &value));
                orders.bins.push((name.to_owned(), PathBuf::from(path)));
            }
            _ => return Err(format!("{flag} is no flag of mine")),
        }
    }
    if orders.bins.is_empty() {
        // The one that was built beside this program.
        let own = std::env::current_exe().map_err(|e| e.to_string())?;
        orders.bins.push(("own".to_owned(), own.with_file_name("hang")));
    }
    Ok(orders)
}
