//! Sentences about outputs.

use super::*;
use crate::explore::ended::How;
use crate::observation::Output;

fn between(native: &[u8], controlled: &[u8]) -> Option<Difference> {
    Difference::between(&Printed::of(native), &Printed::of(controlled))
}

fn native(text: &str) -> Native {
    Native {
        how: How::Exited(0),
        stdout: Output::default(),
        stderr: Output::default(),
        printed: Some(Printed::of(text.as_bytes())),
        failed: false,
    }
}

#[test]
fn the_first_line_that_is_not_the_same_is_quoted() {
    assert_eq!(between(b"a\nb\n", b"a\nb\n"), None);
    let found = between(b"a\nbc\n", b"a\nb\t\xff\n").unwrap();
    assert_eq!(found.line, Some(2));
    assert_eq!(found.native.as_deref(), Some(r#""bc\n""#));
    assert_eq!(found.controlled.as_deref(), Some(r#""b\t\xff\n""#));
    assert_eq!(found.bytes, (5, 6));
}

#[test]
fn an_output_that_ends_early_differs_where_it_ends() {
    let found = between(b"a\nb\n", b"a\n").unwrap();
    assert_eq!((found.line, found.controlled), (Some(2), None));
    // Only the end of the line is missing.
    let found = between(b"a\n", b"a").unwrap();
    assert_eq!(found.line, Some(1));
    assert_eq!(found.native.as_deref(), Some(r#""a\n""#));
    assert_eq!(found.controlled.as_deref(), Some(r#""a""#));
    assert_eq!(between(b"", b"x").unwrap().native, None);
}

#[test]
fn a_long_line_is_cut_around_its_difference() {
    let line = |c: char| format!("{}{c}{}\n", "é".repeat(500), "z".repeat(500));
    let found = between(line('x').as_bytes(), line('y').as_bytes()).unwrap();
    let quoted = found.native.unwrap();
    assert!(quoted.starts_with("...\"éé") && quoted.ends_with("zz\"..."), "{quoted}");
    assert!(quoted.contains("éxz") && found.controlled.unwrap().contains("éyz"), "{quoted}");
}

#[test]
fn what_lies_behind_the_kept_beginning_is_told_by_length_and_hash() {
    let long = |hash| Printed { bytes: 9, hash, head: b"same".to_vec() };
    assert_eq!(Difference::between(&long(1), &long(1)), None);
    let found = Difference::between(&long(1), &long(2)).unwrap();
    assert_eq!((found.line, found.bytes), (None, (9, 9)));
    assert!(found.evidence()[0].contains("too far back"));
    // The other ended where the kept beginning does.
    let found = Difference::between(&long(1), &Printed::of(b"same")).unwrap();
    assert_eq!(found.line, None);
}

#[test]
fn runs_that_differ_without_control_are_no_reference() {
    let first = native("a\n");
    let with =
        |second: Option<Native>| reference(Some(&first), &mut std::iter::once(Ok(second))).unwrap();
    assert_eq!(with(Some(native("a\n"))), Ok(()));
    assert!(with(Some(native("b\n"))).unwrap_err().contains(r#"line 1 was "a\n", then "b\n""#));
    assert!(with(Some(Native { how: How::Exited(1), ..native("a\n") })).is_err());
    assert!(with(None).unwrap_err().contains("--budget"));
    assert!(reference(None, &mut std::iter::empty()).unwrap().is_err());
}
