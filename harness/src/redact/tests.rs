//! What is marked, and what a reader needs and keeps.

use super::*;

fn redacted(text: &str) -> (String, Redacted) {
    let mut redactor = Redactor::new("/home/me", "builder7", "/home/me/work/mine");
    let text = redactor.redact(text);
    (text, redactor.redacted().clone())
}

#[test]
fn whose_machine_it_was_is_not_told() {
    let text = "/home/me/work/mine/src/a.rs, /home/me/.cargo, /home/men/x, on builder7: builder70";
    let (text, counts) = redacted(text);
    assert_eq!(
        text,
        "./src/a.rs, ~/.cargo, /home/[redacted: user name]/x, on [redacted: host name]: builder70"
    );
    let counted = "1 x home directory, 1 x host name, 1 x path of the workspace, 1 x user name";
    assert_eq!(counts.to_string(), counted);
}

#[test]
fn the_home_of_root_is_a_home_and_a_common_host_name_is_none() {
    let mut redactor = Redactor::new("/root", "localhost", "/root");
    let text = redactor.redact("/root/x /rooted http://localhost:80 /chroot/root");
    assert_eq!(text, "~/x /rooted http://localhost:80 /chroot/root");
}

#[test]
fn a_registry_is_not_named_and_its_crates_are() {
    let (text, counts) = redacted(
        "/home/me/.cargo/registry/src/crates.mine.example-1949cf8c6b5b557f/tokio-1.13.0/src/lib.rs:7",
    );
    assert_eq!(text, "~/.cargo/registry/src/index/tokio-1.13.0/src/lib.rs:7");
    assert_eq!(counts.to_string(), "1 x home directory, 1 x host of a registry");
}

#[test]
fn secrets_are_marked_where_they_stood() {
    let hex = "0123456789abcdef0123456789abcdef0123";
    for (text, expected) in [
        ("key AKIAIOSFODNN7EXAMPLE.", "key [redacted: aws key].".to_owned()),
        (&format!("ghp_{hex}!"), "[redacted: github token]!".to_owned()),
        (&format!("github_pat_{hex}"), "[redacted: github token]".to_owned()),
        ("glpat-abcdefghij0123456789", "[redacted: gitlab token]".to_owned()),
        ("xoxb-123456789012-abc", "[redacted: slack token]".to_owned()),
        (
            "Authorization: Bearer abc.def-ghi",
            "Authorization: Bearer [redacted: authorization]".to_owned(),
        ),
        ("password=hunter2", "password=[redacted: secret]".to_owned()),
        ("password: swordfish", "password: [redacted: secret]".to_owned()),
        ("DB_PASSWORD='a b'", "DB_PASSWORD='[redacted: secret]'".to_owned()),
        ("\"api_key\": \"abcd\", 1", "\"api_key\": \"[redacted: secret]\", 1".to_owned()),
        ("?token=a1b2c3d4&x=1", "?token=[redacted: secret]&x=1".to_owned()),
        (
            "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG",
            "AWS_SECRET_ACCESS_KEY=[redacted: secret]".to_owned(),
        ),
        ("git https://me:pw@host/x", "git https://[redacted: password in a url]@host/x".to_owned()),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nb",
            "a\n[redacted: private key]\nb".to_owned(),
        ),
    ] {
        let (text, counts) = redacted(text);
        assert_eq!(text, expected);
        assert_eq!(counts.0.values().sum::<u32>(), 1, "{text}: {counts}");
    }
}

#[test]
fn what_a_reader_needs_stays() {
    for text in [
        "checksum = \"9ae0c1b5a3e2f7d4c6b8a9f0e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6d5e\"",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.rs",
        "a lock 0x55d75a9d5e60 at 0x7fff5fbff8a0",
        "standstill replay k01@1f3a9c02:b9d3e01aa:l1:pct3:s1f:n120:k200000.100000:t100:controlled",
        "\"token\": \"controls/abba@749819fb:b9d3e01aa:l1:random:s1:controlled\"",
        "token: controls/abba@749819fb:b9d3e01aa:l1:random:s1:controlled",
        "let token = lexer.next_token(); fn f(token: Token, secret: &str)",
        "let token = parse2(x); let token = self.token; password: String::new()",
        "https://example.org/a@b tokens=5",
    ] {
        let (same, counts) = redacted(text);
        assert_eq!((same.as_str(), counts.is_empty()), (text, true), "{counts}");
    }
}

#[test]
fn what_was_marked_is_not_marked_again() {
    let (once, _) = redacted("password=hunter2 /home/you/x");
    let (twice, counts) = redacted(&once);
    assert_eq!((twice, counts.is_empty()), (once, true));
}

#[test]
fn a_private_key_is_marked_whatever_was_kept_of_it() {
    const BEGIN: &str = "-----BEGIN RSA PRIVATE KEY-----";
    const END: &str = "-----END RSA PRIVATE KEY-----";
    for (text, expected) in [
        (format!("a {BEGIN}\\nMIIE\\nabc\\n{END} b"), "a [redacted: private key] b"),
        (
            format!("a\n{BEGIN}\nMIIEabc\nabcd/+e=\nthread two: done"),
            "a\n[redacted: private key]\nthread two: done",
        ),
        (format!("{BEGIN}\nProc-Type: 4,ENCRYPTED\n\nMIIE\nab"), "[redacted: private key]"),
        (format!("a b.\nMIIE\nabc=\n{END}\nb"), "a b.\n[redacted: private key]\nb"),
    ] {
        assert_eq!(redacted(&text).0, expected);
    }
}

/// The texts, redacted as a series.
fn series(texts: &[&str]) -> Vec<String> {
    let mut texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let mut redactor = Redactor::new("/home/me", "builder7", "/home/me/work/mine");
    redactor.redact_series(&mut texts.iter_mut().collect::<Vec<_>>());
    texts
}

#[test]
fn what_one_text_of_a_series_begins_another_one_ends() {
    let (begin, end) = ("x -----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY----- y");
    let key = "[redacted: private key]";
    assert_eq!(
        series(&[begin, "MII E", "any thing", end, "z"])[1..],
        [key, key, &format!("{key} y"), "z"]
    );
    assert_eq!(
        series(&[begin, "MIIE", "ab=", "it is over", "MIIE"])[1..],
        [key, key, "it is over", "MIIE"]
    );
    assert_eq!(
        series(&["--password", "--verbose", "--token"]),
        ["--password", "--verbose", "--token"]
    );
    assert_eq!(series(&["-token", "a b c"])[1], "[redacted: secret]");
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    assert_eq!(series(&["AKIAIOSFODNN7EXAMPLE", secret, secret])[..2], ["[redacted: aws key]"; 2]);
    let (text, counts) = redacted(&format!("AKIAIOSFODNN7EXAMPLE, secret {secret}."));
    assert_eq!(text, "[redacted: aws key], secret [redacted: aws key].");
    assert_eq!(counts.to_string(), "2 x aws key");
}

#[test]
fn of_several_workspaces_the_outer_one_counts_and_one_of_every_machine_none() {
    let roots = ["/work/x/sub", "/work/x", "/tmp/", "/home/me", ""].map(str::to_owned);
    let mut redactor = Redactor::new("/home/me", "builder7", "/srv/y").with_roots(roots);
    let text = redactor.redact("/work/x/sub/a /work/xy /srv/y/b /tmp/c /home/me/d");
    assert_eq!(text, "./sub/a /work/xy ./b /tmp/c ~/d");
}
