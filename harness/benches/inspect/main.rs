//! How long it takes to look at a big process, and how long that one stands still for it: `standstill
//! inspect` beside gdb and eu-stack, in turn, on one process with many threads and a big binary.
//!
//! `cargo bench -p standstill --bench inspect [-- --threads 256 --rounds 5]`. The first run compiles
//! the target, which takes a minute or two.

#![allow(clippy::print_stdout, reason = "the numbers are what a bench is for")]

mod target;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    // `cargo test --all-targets` and the like run benches, too, but without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let number = |flag: &str, otherwise: usize| {
        let mut arguments = std::env::args().skip_while(|argument| argument != flag).skip(1);
        arguments.next().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
    };
    let (threads, rounds) = (number("--threads", 256), number("--rounds", 5).max(1));
    match run(threads, rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("failed to {why}");
            ExitCode::FAILURE
        }
    }
}

/// One tool, and how its command line is made.
struct Tool {
    name: &'static str,
    command: fn(i32) -> Command,
    seconds: Vec<f64>,
    said: usize,
}

fn run(threads: usize, rounds: usize) -> Result<(), String> {
    let binary = target::build()?;
    let megabytes = std::fs::metadata(&binary).map_or(0, |m| m.len()) / 1_000_000;
    let running = target::start(&binary, threads)?;
    println!("{threads} threads, a binary of {megabytes} MB, {rounds} rounds, in turn");
    let tool = |name, command| Tool { name, command, seconds: vec![], said: 0 };
    let mut tools = [
        tool("standstill inspect", standstill as fn(i32) -> Command),
        tool("standstill inspect, one look", one_look),
        tool("eu-stack -p", eu_stack),
        tool("gdb thread apply all bt", gdb),
    ];
    let mut stopped: Vec<u64> = vec![];
    for _ in 0..rounds {
        for tool in &mut tools {
            let begun = Instant::now();
            let output = (tool.command)(running.pid()).stderr(Stdio::null()).output();
            let Ok(output) = output else { continue };
            tool.seconds.push(begun.elapsed().as_secs_f64());
            tool.said = output.stdout.len();
            if tool.name.starts_with("standstill") {
                stopped.extend(stops(&output.stdout));
            }
        }
    }
    let ours = median(&tools[0].seconds).ok_or("run standstill itself")?;
    for tool in &tools {
        match median(&tool.seconds) {
            Some(seconds) => println!(
                "{:30} {:8.1} ms (median), {:6.2} x standstill inspect, {} KB told",
                tool.name,
                seconds * 1000.0,
                seconds / ours,
                tool.said / 1000
            ),
            None => println!("{:30} is not installed", tool.name),
        }
    }
    stopped.sort_unstable();
    if let (Some(median), Some(most)) = (stopped.get(stopped.len() / 2), stopped.last()) {
        println!(
            "the target was stopped for {:.1} ms a look (median), {:.1} ms at most, in {} looks",
            *median as f64 / 1000.0,
            *most as f64 / 1000.0,
            stopped.len()
        );
    }
    Ok(())
}

fn standstill(pid: i32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_standstill"));
    command.args(["inspect", &pid.to_string(), "--message-format", "json"]);
    command
}

fn one_look(pid: i32) -> Command {
    let mut command = standstill(pid);
    command.args(["--samples", "1"]);
    command
}

fn eu_stack(pid: i32) -> Command {
    let mut command = Command::new("eu-stack");
    command.args(["-p", &pid.to_string()]);
    command
}

fn gdb(pid: i32) -> Command {
    let mut command = Command::new("gdb");
    command.args(["-nx", "-batch", "-ex", "thread apply all bt", "-p", &pid.to_string()]);
    command
}

/// How long the target was stopped in each look, in microseconds, as the last line says it.
fn stops(stdout: &[u8]) -> Vec<u64> {
    let line = stdout.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    let value: serde_json::Value =
        line.and_then(|line| serde_json::from_slice(line).ok()).unwrap_or_default();
    let stops = value["stopped_us"].as_array().cloned().unwrap_or_default();
    stops.iter().filter_map(serde_json::Value::as_u64).collect()
}

fn median(seconds: &[f64]) -> Option<f64> {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// How long the target gets to come to rest.
const PATIENCE: Duration = Duration::from_secs(30);
