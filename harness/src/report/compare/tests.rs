//! Comparisons of small runs, whole; and the words that must not stand in them.

use super::*;
use crate::compare::compare;
use crate::report::fixture::{clean, failing, header, run, unit};
use crate::store::Run;
use crate::verdict::Kind;

/// The run as if it were kept there.
fn at(dir: &str, mut run: Run) -> Run {
    run.dir = dir.into();
    run
}

/// A run of transfers with two and eight threads, a hundred trials each.
fn transfers(dir: &str, two: &[(Kind, u64)], eight: &[(Kind, u64)]) -> Run {
    let header = header(vec![unit("transfer", 2, 100), unit("transfer", 8, 100)]);
    let trials = [failing(&header, 0, 100, two), failing(&header, 1, 100, eight)].concat();
    at(dir, run(&header, trials))
}

/// Before and after a mending: other versions, other cores, one scenario more.
fn mended() -> Comparison {
    let a = transfers("runs/before", &[(Kind::Deadlock, 12)], &[(Kind::Deadlock, 30)]);
    let mut header =
        header(vec![unit("transfer", 2, 500), unit("transfer", 8, 100), unit("audit", 2, 100)]);
    header.environment.cores = 4;
    let book = header.books.get_mut("bank").unwrap();
    (book.sha256, book.crates[1].version) = ("77".to_owned(), "1.3.0".to_owned());
    let mut trials = failing(&header, 0, 500, &[]);
    trials.extend(failing(&header, 1, 100, &[(Kind::Crash, 28)]));
    trials.push(clean(&header, 2, 0).inconclusive("it was killed"));
    let b = at("runs/after", run(&header, trials));
    compare(&a, &b, &[])
}

/// Fewer failures, and some of a kind that was not there before.
fn turned() -> Comparison {
    let a = transfers("runs/a", &[(Kind::Deadlock, 90)], &[]);
    let b = transfers("runs/b", &[(Kind::Crash, 10), (Kind::Deadlock, 2)], &[]);
    compare(&a, &b, &[])
}

/// Little was run, and nothing differs as far as it shows.
fn little() -> Comparison {
    let a = transfers("runs/a", &[(Kind::Deadlock, 3)], &[]);
    let header = header(vec![unit("transfer", 2, 100), unit("transfer", 8, 4)]);
    let mut trials = failing(&header, 0, 100, &[(Kind::Crash, 3)]);
    trials.extend((0..3).map(|i| clean(&header, 1, i).inconclusive("it was killed")));
    let b = at("runs/b", run(&header, trials));
    compare(&a, &b, &[])
}

#[test]
fn a_mending_is_told_with_what_remains_open() {
    insta::assert_snapshot!("mended", text(&mended()));
}

#[test]
fn where_nothing_was_shown_it_is_told_what_remains_possible() {
    insta::assert_snapshot!("little", text(&little()));
}

#[test]
fn a_kind_that_is_new_is_not_hidden_by_a_rate_that_fell() {
    let told = text(&turned()).split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "B fails less often (p < 1e-15 after Holm over 2 pairs), and yet more often in one kind",
        "crash 0 -> 10 (p = 0.0015, shown to be more)",
        "B was shown to fail more often in one kind: more often in one kind alone in 1,",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(markdown(&turned()).contains("| less often, and yet more of one kind |"));
}

#[test]
fn a_table_can_be_pasted_into_an_issue() {
    insta::assert_snapshot!("markdown", markdown(&mended()));
}

#[test]
fn an_object_holds_all_numbers() {
    let json = json(&mended());
    assert_eq!((&json["event"], &json["schema"]), (&"comparison".into(), &1.into()));
    assert_eq!(json["verdict"], "worse");
    let pair = &json["pairs"][0];
    assert_eq!((&pair["a"]["rate"]["k"], &pair["b"]["rate"]["n"]), (&12.into(), &500.into()));
    assert_eq!((&pair["verdict"], &pair["a"]["kinds"]["deadlock"]), (&"better".into(), &12.into()));
    assert!(pair["rates"]["p_adjusted"].as_f64().unwrap() < 1e-8, "{pair}");
    assert!(pair["time"]["high"].as_f64().unwrap() > 0.0, "{pair}");
    assert!(json["pairs"][0]["sentence"].as_str().unwrap().contains("less often"));
    assert_eq!(
        (&json["alone"][0]["only_in"], &json["unlike"][0]["what"]),
        (&"B".into(), &"cores".into())
    );
}

#[test]
fn no_line_is_too_wide_for_a_terminal() {
    for told in [text(&mended()), text(&little())] {
        let wide = told.lines().find(|line| line.chars().count() > WIDTH);
        assert_eq!(wide, None, "{told}");
    }
}

#[test]
fn nothing_shown_never_becomes_a_promise() {
    for told in [text(&little()), markdown(&little())] {
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        for promise in [
            "no difference between",
            "equal",
            "the same rate",
            "fixed",
            "proven",
            "safe",
            "regress",
        ] {
            assert!(!told.contains(promise), "{promise}: {told}");
        }
        assert!(told.contains("remains possible") && told.contains("the kinds are not the same"));
    }
}

#[test]
fn equal_runs_are_told_in_equal_words() {
    assert_eq!(text(&mended()), text(&mended()));
}

#[test]
fn without_a_common_pair_that_is_all_there_is_to_say() {
    let a = transfers("runs/a", &[], &[]);
    let header = header(vec![unit("audit", 1, 1)]);
    let b = at("runs/b", run(&header, vec![clean(&header, 0, 0)]));
    let found = compare(&a, &b, &[]);
    let told = text(&found);
    assert!(told.contains("no scenario and thread count in common"), "{told}");
    for name in ["only in A: bank/transfer with 8 threads (100 trials)", "only in B: bank/audit"] {
        assert!(told.contains(name), "{told}");
    }
    assert!(!markdown(&found).contains("|---"));
}

#[test]
fn no_form_tells_a_secret_or_where_its_user_lives() {
    let mut a = transfers("runs/a", &[(Kind::Deadlock, 3)], &[]);
    a.header.command =
        "standstill stress bank --run-dir /home/me/x --set k=v --api-key k998".to_owned();
    let mut b = transfers("runs/b", &[], &[]);
    b.header.plan.settings.insert("password".to_owned(), "Tr0ub4dor&3".to_owned());
    let mut found = compare(&a, &b, &[]);
    found.redact(&mut crate::redact::Redactor::new("/home/me", "", ""));
    for told in [text(&found), markdown(&found), json(&found).to_string()] {
        for secret in ["k998", "/home/me", "Tr0ub4dor", "&3"] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("password=[redacted: secret]"), "{told}");
    }
}
