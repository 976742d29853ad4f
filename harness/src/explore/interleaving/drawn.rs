//! The rows of the table, as they come.

use std::collections::BTreeMap;

use standstill_scheduler::abi::{EVENT_RESUMED, Event, Op};

use super::names::{self, Named};
use super::what::{self, is_life};
use super::{End, Mark, Object, Row, Table};
use crate::explore::ended::Ended;
use crate::explore::judge::standstill::what as waited_for;

/// The table as far as it is drawn.
#[derive(Default)]
pub(super) struct Drawn {
    objects: Vec<u64>,
    pub(super) last_place: BTreeMap<u32, String>,
    last_op: BTreeMap<u32, String>,
    pub(super) rows: Vec<Row>,
}

impl Drawn {
    /// An event as a row.
    pub(super) fn did(&mut self, event: &Event, name: &Named, mark: Mark) {
        let op = Op::of(event.op);
        let object = match is_life(op) || event.object == 0 {
            true => None,
            false => Some(self.letter(event.object)),
        };
        // A wait inside of a library: the program was last seen here.
        let last = || self.last_place.get(&event.thread).cloned();
        let place = match op {
            // To wait for a thread is no part of what was done before.
            Op::Join => name.place.clone().unwrap_or_default(),
            _ if is_life(op) && op != Op::Create => String::new(),
            _ => name.place.clone().or_else(last).unwrap_or_default(),
        };
        let mut op = what::text(event, name.api.as_deref());
        // What a thread comes out of is what it went into.
        if event.flags & EVENT_RESUMED != 0
            && let Some(begun) = self.last_op.get(&event.thread)
        {
            op = begun.clone();
        }
        self.last_op.insert(event.thread, op.clone());
        self.rows.push(Row::Did {
            step: event.step,
            thread: event.thread,
            op,
            object,
            mark,
            place,
        });
    }

    /// A step that is not shown.
    pub(super) fn fold(&mut self, thread: u32) {
        match self.rows.last_mut() {
            Some(Row::Folded { threads, steps }) => {
                *steps += 1;
                if !threads.contains(&thread) {
                    threads.push(thread);
                }
            }
            _ => self.rows.push(Row::Folded { threads: vec![thread], steps: 1 }),
        }
    }

    /// A, B, ... Z, AA, AB, ...
    fn letter(&mut self, object: u64) -> String {
        let nth = self.objects.iter().position(|known| *known == object).unwrap_or_else(|| {
            self.objects.push(object);
            self.objects.len() - 1
        });
        let letter = |nth: usize| char::from(b'A' + (nth % 26) as u8);
        match nth / 26 {
            0 => letter(nth).to_string(),
            more => [letter(more - 1), letter(nth)].iter().collect(),
        }
    }

    /// What is known at the end is added.
    pub(super) fn finish(mut self, ended: &Ended, verdict: Option<&str>) -> Table {
        let name = |thread: u32| if thread == 0 { "main".to_owned() } else { thread.to_string() };
        let ends = ended.blocked.iter().map(|thread| {
            let op = Op::of(thread.op);
            let text = match (op, thread.object) {
                (Op::None, _) => "could run".to_owned(),
                (Op::Join, joined) => format!("waits for {}", name(joined as u32)),
                (_, 0) => format!("waits for {}", waited_for(ended, thread)),
                (_, object) => {
                    let letter = self.letter(object);
                    let owner = thread.owner.checked_sub(1).map(name);
                    let owner = owner.map_or(String::new(), |owner| format!(": {owner} has it"));
                    format!("waits for {letter}{owner}")
                }
            };
            End { thread: thread.thread, text, place: names::end(ended, thread) }
        });
        let ends: Vec<End> = ends.collect();
        let mut threads: Vec<u32> = self.rows.iter().flat_map(Row::threads).collect();
        threads.extend(ends.iter().map(|end| end.thread));
        threads.sort_unstable();
        threads.dedup();
        let Drawn { objects, rows, .. } = &mut self;
        let (objects, rows) = (std::mem::take(objects), std::mem::take(rows));
        let objects = objects
            .into_iter()
            .map(|address| Object { name: self.letter(address), address })
            .collect::<Vec<_>>();
        let verdict = verdict.map_or_else(|| format!("it {}", ended.how), str::to_owned);
        Table { threads, rows, objects, ends, verdict }
    }
}
