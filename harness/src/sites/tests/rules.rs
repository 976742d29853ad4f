//! One rule a test.

use standstill_scheduler::abi::*;

use super::elf::{DATA, TEXT, program};
use crate::sites::{Error, Found, LeftOut, Want, find, place};

const ALL: Want = Want { rmw: true, pauses: true, memory: true };

/// A program of one function, which is the first `length` bytes of the code.
fn one(code: &[u8], length: usize) -> Vec<u8> {
    program(code, std::slice::from_ref(&(0..length as u64)))
}

/// What is found in a program of one function.
fn found(code: &[u8]) -> Found {
    find(&one(code, code.len()), ALL).unwrap()
}

/// The only site of a function of one instruction and `ret`.
#[track_caller]
fn site(instruction: &[u8]) -> Site {
    let found = found(&[instruction, &[0xc3]].concat());
    assert_eq!(found.left_out, LeftOut::default());
    let [site] = found.sites[..] else { panic!("not one: {:?}", found.sites) };
    assert_eq!(site.address, TEXT);
    assert_eq!(&site.bytes[..site.length.into()], instruction);
    site
}

/// That an instruction is none, and not one that was left out.
#[track_caller]
fn none(instruction: &[u8]) {
    let found = found(&[instruction, &[0xc3]].concat());
    assert_eq!((found.sites.len(), found.left_out), (0, LeftOut::default()), "{instruction:x?}");
}

/// That a program is left out for one reason.
#[track_caller]
fn left_out(code: &[u8], expected: LeftOut) {
    let found = found(code);
    assert_eq!((found.sites.len(), found.left_out), (0, expected));
    assert_eq!(found.functions, 1);
}

#[test]
fn an_atomic_is_told_with_its_operand() {
    // lock cmpxchg [r13+r9*4-8], ecx
    let site = site(&[0xf0, 0x43, 0x0f, 0xb1, 0x4c, 0x8d, 0xf8]);
    assert_eq!((site.kind, site.flags), (SITE_RMW, SITE_IS_CMPXCHG | SITE_IS_LONG));
    assert_eq!((site.base, site.index, site.scale, site.displacement), (13, 9, 4, -8));
    assert_eq!((site.size, site.segment, site.target, site.relative_at), (4, 0, 0, 0));
}

#[test]
fn sizes_are_those_of_the_access() {
    // lock inc byte [rdi]; lock xadd [rdi], ax; lock cmpxchg8b [rdi]; lock cmpxchg16b [rdi]
    assert_eq!(site(&[0xf0, 0xfe, 0x07]).size, 1);
    assert_eq!(site(&[0x66, 0xf0, 0x0f, 0xc1, 0x07]).size, 2);
    for (code, size) in
        [(&[0xf0, 0x0f, 0xc7, 0x0f][..], 8), (&[0xf0, 0x48, 0x0f, 0xc7, 0x0f][..], 16)]
    {
        let site = site(code);
        assert_eq!((site.kind, site.size, site.flags & SITE_IS_CMPXCHG), (SITE_RMW, size, 1));
    }
}

#[test]
fn xchg_locks_by_itself_and_only_with_memory() {
    let exchange = site(&[0x48, 0x87, 0x07]);
    assert_eq!((exchange.kind, exchange.size, exchange.flags), (SITE_RMW, 8, 0));
    none(&[0x48, 0x87, 0xc1]);
    none(&[0x0f, 0xae, 0xf0]);
}

#[test]
fn pause_has_no_operand() {
    let site = site(&[0xf3, 0x90]);
    assert_eq!((site.kind, site.length, site.base, site.index), (SITE_PAUSE, 2, 255, 255));
    none(&[0x90]);
}

#[test]
fn a_relative_operand_counts_from_the_end_of_the_instruction() {
    // lock add dword [rip+d], 0x12345678: the immediate lies behind the displacement.
    let displacement = (DATA - (TEXT + 12)) as u32;
    let mut code = vec![0xf0, 0x81, 0x05];
    code.extend(displacement.to_le_bytes());
    code.extend(0x1234_5678_u32.to_le_bytes());
    code.insert(1, 0x40);
    let site = site(&code);
    assert_eq!((site.target, site.relative_at, site.base), (DATA, 4, 255));
    let found = Found { sites: vec![site], ..Found::default() };
    let placed = place(&found, 0x1000)[0];
    assert_eq!((placed.address, placed.target), (TEXT + 0x1000, DATA + 0x1000));
}

#[test]
fn an_absolute_operand_does_not_move_with_the_file() {
    // lock inc dword [0x402000]
    let site = site(&[0xf0, 0xff, 0x04, 0x25, 0x00, 0x20, 0x40, 0x00]);
    assert_eq!((site.target, site.relative_at), (DATA, 0));
    let found = Found { sites: vec![site], ..Found::default() };
    assert_eq!(place(&found, 0x1000)[0].target, DATA);
}

#[test]
fn plain_accesses_are_told_apart() {
    let cases: [(&[u8], u8, u16); 18] = [
        (&[0x8b, 0x07], SITE_LOAD, 4),                    // mov eax, [rdi]
        (&[0x48, 0x89, 0x07], SITE_STORE, 8),             // mov [rdi], rax
        (&[0xc6, 0x07, 0x01], SITE_STORE, 1),             // mov byte [rdi], 1
        (&[0x0f, 0xb6, 0x07], SITE_LOAD, 1),              // movzx eax, byte [rdi]
        (&[0x48, 0x0f, 0xbf, 0x07], SITE_LOAD, 2),        // movsx rax, word [rdi]
        (&[0x48, 0x63, 0x07], SITE_LOAD, 4),              // movsxd rax, [rdi]
        (&[0x39, 0x07], SITE_LOAD, 4),                    // cmp [rdi], eax
        (&[0x3b, 0x07], SITE_LOAD, 4),                    // cmp eax, [rdi]
        (&[0xf6, 0x07, 0x01], SITE_LOAD, 1),              // test byte [rdi], 1
        (&[0x03, 0x07], SITE_LOAD, 4),                    // add eax, [rdi]
        (&[0x01, 0x07], SITE_PLAIN_RMW, 4),               // add [rdi], eax
        (&[0xff, 0x0f], SITE_PLAIN_RMW, 4),               // dec dword [rdi]
        (&[0xf7, 0x1f], SITE_PLAIN_RMW, 4),               // neg dword [rdi]
        (&[0x0f, 0x10, 0x07], SITE_LOAD, 16),             // movups xmm0, [rdi]
        (&[0xf3, 0x0f, 0x7f, 0x07], SITE_STORE, 16),      // movdqu [rdi], xmm0
        (&[0x66, 0x0f, 0xd6, 0x07], SITE_STORE, 8),       // movq [rdi], xmm0
        (&[0xf2, 0x0f, 0x10, 0x07], SITE_LOAD, 8),        // movsd xmm0, [rdi]
        (&[0xf3, 0x41, 0x0f, 0x11, 0x07], SITE_STORE, 4), // movss [r15], xmm0
    ];
    for (code, kind, size) in cases {
        let site = site(code);
        assert_eq!((site.kind, site.size), (kind, size), "{code:x?}");
    }
}

#[test]
fn what_cannot_be_shared_is_no_site() {
    none(&[0x8b, 0x04, 0x24]); // mov eax, [rsp]
    none(&[0x89, 0x45, 0xfc]); // mov [rbp-4], eax
    none(&[0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0]); // mov rax, fs:[0]
    none(&[0x64, 0x8b, 0x07]); // mov eax, fs:[rdi]
    none(&[0xff, 0x37]); // push qword [rdi]
    none(&[0xff, 0x17]); // call [rdi]
    none(&[0xff, 0x27]); // jmp [rdi]
    none(&[0xf3, 0xa5]); // rep movsd
    none(&[0x48, 0x8d, 0x07]); // lea rax, [rdi]
    none(&[0x0f, 0x18, 0x0f]); // prefetcht0 [rdi]
    none(&[0xc5, 0xf8, 0x10, 0x07]); // vmovups xmm0, [rdi]
    none(&[0x8c, 0x1f]); // mov [rdi], ds
}

#[test]
fn an_atomic_on_the_stack_is_a_site_all_the_same() {
    // lock or dword [rsp], 0: a fence
    let fence = site(&[0xf0, 0x83, 0x0c, 0x24, 0x00]);
    assert_eq!((fence.kind, fence.base, fence.index), (SITE_RMW, 4, 255));
    // lock inc dword fs:[rdi]
    assert_eq!(site(&[0xf0, 0x64, 0xff, 0x07]).segment, 1);
}

#[test]
fn memory_that_cannot_change_is_no_site() {
    let relative = |target: u64| {
        let displacement = (target as i64 - (TEXT as i64 + 6)) as i32;
        [&[0x8b, 0x05][..], &displacement.to_le_bytes()].concat()
    };
    let load = site(&relative(DATA + 8));
    assert_eq!((load.kind, load.target, load.relative_at), (SITE_LOAD, DATA + 8, 2));
    none(&relative(DATA + 0x1000));
}

#[test]
fn operands_that_a_site_cannot_tell_are_counted() {
    let unfit = |code: &[u8]| {
        let found = found(&[code, &[0xc3]].concat());
        assert_eq!((found.sites.len(), found.left_out.instructions), (0, 1), "{code:x?}");
        assert_eq!(found.left_out.functions(), 0);
    };
    unfit(&[0x67, 0xf0, 0xff, 0x07]); // lock inc dword [edi]
    unfit(&[0x48, 0x87, 0x27]); // xchg [rdi], rsp
    unfit(&[0x48, 0x8b, 0x27]); // mov rsp, [rdi]
}

#[test]
fn only_what_is_wanted_is_found() {
    let code = [0xf0, 0xff, 0x07, 0xf3, 0x90, 0x8b, 0x07, 0xc3];
    let file = one(&code, 8);
    let kinds =
        |want| find(&file, want).unwrap().sites.iter().map(|site| site.kind).collect::<Vec<_>>();
    assert_eq!(kinds(ALL), [SITE_RMW, SITE_PAUSE, SITE_LOAD]);
    assert_eq!(kinds(Want { rmw: true, ..Want::default() }), [SITE_RMW]);
    assert_eq!(kinds(Want { pauses: true, ..Want::default() }), [SITE_PAUSE]);
    assert_eq!(kinds(Want { memory: true, ..Want::default() }), [SITE_LOAD]);
}

#[test]
fn code_outside_functions_is_not_looked_at() {
    let found = find(&one(&[0xf3, 0x90, 0xc3, 0xf3, 0x90], 3), ALL).unwrap();
    assert_eq!((found.sites.len(), found.functions), (1, 1));
}

#[test]
fn bytes_that_are_no_instruction_condemn_a_function() {
    left_out(&[0xf3, 0x90, 0x06, 0xc3], LeftOut { invalid: 1, ..LeftOut::default() });
    left_out(&[0xf3, 0x90, 0xe8, 0x00], LeftOut { ragged: 1, ..LeftOut::default() });
}

#[test]
fn a_branch_into_an_instruction_condemns_a_function() {
    // je over the lock prefix of `lock inc dword [rdi]`
    let skips_lock = [0x74, 0x01, 0xf0, 0xff, 0x07, 0xc3];
    left_out(&skips_lock, LeftOut { misaligned: 1, ..LeftOut::default() });
    // The same from another function, which is good itself.
    let code = [0xf0, 0xff, 0x07, 0xc3, 0xf3, 0x90, 0xeb, 0xf9];
    let found = find(&program(&code, &[0..4, 4..8]), ALL).unwrap();
    assert_eq!(found.left_out, LeftOut { misaligned: 1, ..LeftOut::default() });
    assert_eq!(found.sites.len(), 1);
    assert_eq!(found.sites[0].kind, SITE_PAUSE);
}

#[test]
fn ranges_must_agree() {
    let code = [0xf3, 0x90, 0xf3, 0x90, 0xf3, 0x90, 0xc3];
    let with = |functions: &[_]| find(&program(&code, functions), ALL).unwrap();
    let nested = with(&[0..7, 2..7, 2..4, 0..7]);
    assert_eq!((nested.functions, nested.sites.len()), (1, 3));
    let partial = with(&[0..4, 2..7]);
    assert_eq!(partial.left_out, LeftOut { overlapping: 1, ..LeftOut::default() });
    let begins_inside = with(&[0..7, 3..7]);
    assert_eq!(begins_inside.left_out, LeftOut { misaligned: 1, ..LeftOut::default() });
    let ends_inside = with(&[0..7, 0..3]);
    assert_eq!(ends_inside.left_out, LeftOut { misaligned: 1, ..LeftOut::default() });
    let outside = with(&[0..7, 7..9]);
    assert_eq!(outside.left_out, LeftOut { outside: 1, ..LeftOut::default() });
    assert_eq!((outside.functions, outside.sites.len()), (2, 3));
}

#[test]
fn data_in_code_condemns_a_function() {
    let data = LeftOut { data: 1, ..LeftOut::default() };
    left_out(&[0xf3, 0x90, 0xc3, 0, 0, 0, 0], data);
    // lea rax, [rip+3] to behind `jmp rax`: the bytes there are `pause`, or a table.
    left_out(&[0x48, 0x8d, 0x05, 2, 0, 0, 0, 0xff, 0xe0, 0xf3, 0x90, 0xc3], data);
    // call over two bytes, to learn where they are: pause; pop rax; ret
    left_out(&[0xe8, 2, 0, 0, 0, 0xf3, 0x90, 0x58, 0xc3], data);
}

#[test]
fn a_place_that_nothing_leads_to_condemns_a_function() {
    left_out(&[0xc3, 0xf3, 0x90, 0xc3], LeftOut { unreached: 1, ..LeftOut::default() });
    // Behind an indirect jump it may be the case of a switch.
    assert_eq!(found(&[0xff, 0xe0, 0xf3, 0x90, 0xc3]).sites.len(), 1);
    // je .+1; ret; nop; pause; ret
    assert_eq!(found(&[0x74, 0x01, 0xc3, 0x90, 0xf3, 0x90, 0xc3]).sites.len(), 1);
    // Padding at the end is reached by nothing and does no harm.
    assert_eq!(found(&[0xf3, 0x90, 0xc3, 0x90, 0xcc, 0x0f, 0x0b]).sites.len(), 1);
}

#[test]
fn other_files_are_refused() {
    assert!(matches!(find(b"#!/bin/sh\n", ALL), Err(Error::Elf(_))));
    let mut other = one(&[0xc3], 1);
    other[18] = 183;
    assert!(matches!(find(&other, ALL), Err(Error::Foreign)));
}
