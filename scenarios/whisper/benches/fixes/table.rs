//! The numbers, for people and for programs.

use serde_json::{Value, json};
use standstill_whisper::bridge::WHISPER_RS;

use crate::measure::Measured;
use crate::median::Median;

/// Each way against the first one of its group, which is plain.
pub(crate) fn print(all: &[Measured], group: usize, rounds: usize, n_threads: u16) {
    println!(
        "whisper-rs {WHISPER_RS}, {} cores, {rounds} rounds, {n_threads} of ggml's threads in each full\n",
        cores()
    );
    println!("medians over the rounds [95 % interval]; changes are against plain, within rounds");
    if all.first().is_some_and(|first| Median::of(&first.latency).interval.is_none()) {
        println!("(no intervals: they take 6 rounds or more)");
    }
    for ways in all.chunks(group) {
        let Some(plain) = ways.first() else { continue };
        println!("\n{}, {} callers", plain.act.name(), plain.callers);
        println!("  {:<16} {:>30} {:>24} {:>22}", "", "latency, us", "change", "a second");
        for way in ways {
            let latency = shown(Median::of(&way.latency), 1);
            let throughput = shown(Median::of(&way.throughput), 1);
            let change = match std::ptr::eq(way, plain) {
                true => String::new(),
                false => percent(ratio(&way.latency, &plain.latency)),
            };
            println!("  {:<16} {latency:>30} {change:>24} {throughput:>22}", way.way);
        }
    }
}

/// All that was measured, with every round.
pub(crate) fn json(all: &[Measured], group: usize, n_threads: u16) -> String {
    let cells = all.chunks(group).flat_map(|ways| {
        ways.iter().map(|way| {
            json!({
                "act": way.act.name(),
                "callers": way.callers,
                "way": way.way,
                "latency_us": numbers(Median::of(&way.latency)),
                "latency_to_plain": numbers(ratio(&way.latency, &ways[0].latency)),
                "per_second": numbers(Median::of(&way.throughput)),
                "per_second_to_plain": numbers(ratio(&way.throughput, &ways[0].throughput)),
                "rounds": { "latency_us": way.latency, "per_second": way.throughput },
            })
        })
    });
    let cells: Vec<Value> = cells.collect();
    let all = json!({
        "whisper_rs": WHISPER_RS,
        "cores": cores(),
        "n_threads": n_threads,
        "cells": cells,
    });
    format!("{all:#}\n")
}

fn numbers(median: Median) -> Value {
    json!({
        "median": median.middle,
        "low": median.interval.map(|(low, _)| low),
        "high": median.interval.map(|(_, high)| high),
    })
}

/// Round by round.
fn ratio(way: &[f64], plain: &[f64]) -> Median {
    let ratios: Vec<f64> = way.iter().zip(plain).map(|(way, plain)| way / plain).collect();
    Median::of(&ratios)
}

fn shown(median: Median, digits: usize) -> String {
    let middle = median.middle;
    match median.interval {
        None => format!("{middle:.digits$}"),
        Some((low, high)) => format!("{middle:.digits$} [{low:.digits$}, {high:.digits$}]"),
    }
}

fn percent(ratio: Median) -> String {
    let of = |ratio: f64| (ratio - 1.0) * 100.0;
    let middle = of(ratio.middle);
    match ratio.interval {
        None => format!("{middle:+.1} %"),
        Some((low, high)) => format!("{middle:+.1} % [{:+.1}, {:+.1}]", of(low), of(high)),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}
