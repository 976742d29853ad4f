//! Pages in a real browser: no error, no request, no page wider than its screen.
//!
//! Runs where a Chromium is found, and says so where none is; `ci/browser` insists on one and keeps
//! the pictures.

mod cdp;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{render, tests};
use cdp::Browser;

/// Screens on which every page is looked at.
const SCREENS: [(&str, u32, u32); 2] = [("phone", 360, 800), ("desk", 1280, 900)];

/// Names under which Chromium is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The browser that `CHROMIUM` names, or the first on the path.
fn installed() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "CHROMIUM names no file: {}", path.display());
        return Some(path);
    }
    let path = std::env::var_os("PATH")?;
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let all = NAMES.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    all.into_iter().find(|path| path.is_file())
}

/// Runs the test with a browser, or says that it did not.
#[allow(clippy::print_stderr, reason = "a test that does nothing must say so")]
fn with_browser(test: impl FnOnce(&mut Browser, &Path)) {
    let Some(chromium) = installed() else {
        assert!(std::env::var_os("NEED_BROWSER").is_none(), "no Chromium on the path");
        eprintln!("skipped: no Chromium on the path, and CHROMIUM names none");
        return;
    };
    let dir = tempfile::tempdir().expect("no temporary directory");
    let mut browser = Browser::start(&chromium, &dir.path().join("profile"));
    test(&mut browser, dir.path());
}

/// Writes a page and opens it. What it asks for and says is checked after each step.
fn open(browser: &mut Browser, dir: &Path, name: &str, html: &str) -> String {
    let file = dir.join(format!("{name}.html"));
    std::fs::write(&file, html).expect("not written");
    let url = format!("file://{}", file.display());
    browser.open(&url);
    url
}

/// Keeps a picture where `SHOTS` says, for people.
fn keep(name: &str, bytes: impl FnOnce() -> Vec<u8>) {
    if let Some(dir) = std::env::var_os("SHOTS") {
        let path = Path::new(&dir).join(name);
        std::fs::write(&path, bytes()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

#[test]
fn every_page_opens_without_errors_and_fits_its_screen() {
    with_browser(|browser, dir| {
        for (name, page) in tests::all() {
            let html = render(&page);
            for (screen, width, height) in SCREENS {
                for scheme in ["light", "dark"] {
                    browser.screen(width, height, scheme);
                    let url = open(browser, dir, name, &html);
                    let asked: Vec<&String> = browser
                        .requests
                        .iter()
                        .filter(|asked| **asked != url && !asked.starts_with("data:"))
                        .collect();
                    assert!(asked.is_empty(), "{name} asks for {asked:?}");
                    assert!(browser.errors.is_empty(), "{name}: {:?}", browser.errors);
                    let wide = browser.eval("document.scrollingElement.scrollWidth");
                    let fits = wide.as_u64().is_some_and(|wide| wide <= width.into());
                    assert!(fits, "{name}, {screen}: {wide} wide");
                    assert_eq!(browser.eval("document.scripts.length"), json!(1), "{name}");
                    assert_eq!(browser.eval("document.title"), json!(page_title(&html)), "{name}");
                    keep(&format!("{name}-{screen}-{scheme}.png"), || browser.shot());
                }
            }
        }
    });
}

/// What the title of a page is to be, whatever tried to change it.
fn page_title(html: &str) -> String {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(html, options).expect("no XML");
    let title = document.descendants().find(|n| n.has_tag_name("title"));
    let title = title.and_then(|n| n.text()).unwrap_or_default().to_owned();
    // As a browser tells it.
    title.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_word_is_found_in_what_is_folded() {
    with_browser(|browser, dir| {
        let page = tests::all().into_iter().find(|(name, _)| *name == "full").expect("no page").1;
        browser.screen(1280, 900, "light");
        open(browser, dir, "full", &render(&page));
        let text = browser.eval("document.querySelector('#findings').textContent");
        let open = "document.querySelectorAll('#findings details[open]').length";
        assert_eq!(browser.eval(open), json!(0));
        browser.type_into("#search", "AUDIT");
        let marks = browser.eval(
            "Array.from(document.querySelectorAll('mark')).map((m) => m.textContent.toLowerCase())",
        );
        let marks = marks.as_array().cloned().unwrap_or_default();
        assert!(!marks.is_empty() && marks.iter().all(|mark| mark == "audit"), "{marks:?}");
        assert!(browser.eval(open).as_u64() > Some(0));
        let hits = browser.eval("document.querySelector('#search-hits').textContent");
        assert_eq!(hits, json!(format!("{} found", marks.len())));
        keep("full-desk-search.png", || browser.shot());
        // With nothing to look for, all is as it was.
        browser.type_into("#search", "");
        assert_eq!(browser.eval("document.querySelectorAll('mark').length"), json!(0));
        assert_eq!(browser.eval(open), json!(0));
        let again = browser.eval("document.querySelector('#findings').textContent");
        assert_eq!(again.as_str().map(without_hits), text.as_str().map(without_hits));
        assert!(browser.errors.is_empty(), "{:?}", browser.errors);
    });
}

fn without_hits(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn paper_shows_what_was_folded() {
    with_browser(|browser, dir| {
        let page = tests::all().into_iter().find(|(name, _)| *name == "full").expect("no page").1;
        browser.screen(1280, 900, "dark");
        open(browser, dir, "full", &render(&page));
        let folded = "document.querySelectorAll('details:not([open])').length";
        assert!(browser.eval(folded).as_u64() > Some(0));
        // What the page sees when it is printed, and after.
        browser.eval("dispatchEvent(new Event('beforeprint'))");
        assert_eq!(browser.eval(folded), json!(0));
        browser.eval("dispatchEvent(new Event('afterprint'))");
        assert!(browser.eval(folded).as_u64() > Some(0));
        let pdf = browser.pdf();
        assert!(pdf.starts_with(b"%PDF"));
        keep("full.pdf", || pdf);
    });
}

#[test]
fn a_line_is_copied_whole() {
    with_browser(|browser, dir| {
        let page = tests::all().into_iter().find(|(name, _)| *name == "full").expect("no page").1;
        browser.screen(1280, 900, "light");
        open(browser, dir, "full", &render(&page));
        // The clipboard of a machine without a screen is not to be relied on: what is put there is.
        let copied = browser.eval(
            "(async () => { let put = null; \
             Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (t) => { put = t; } } }); \
             document.querySelector('#repeat .command button').click(); \
             await new Promise((done) => setTimeout(done, 50)); return put; })()",
        );
        let lines = "cd reproducer\ncargo build --release --locked\ntarget/release/reproducer";
        assert_eq!(copied, json!(lines));
    });
}
