//! What a reader finds, and what a target's words cannot do. The page is written as XML, too, so
//! that a strict parser sees whether anything got out of its place.

use roxmltree::{Document, Node};

use super::*;
use crate::report::fixture::hostile::{WORDS, hostile};
use crate::report::fixture::runs::{
    found, inconclusive, interrupted, late, nothing_found, searched, searched_in_vain,
};
use crate::report::page::{
    CommandFacts, ControlFacts, Extra, RateFacts, ReproducerFacts, VersionFacts,
};
use crate::stats::Rate;
use crate::store::Run;

pub(super) fn page(runs: &[Run]) -> Page {
    Page::of(runs, Extra::default())
}

/// A page on which every part stands.
pub(super) fn full() -> Page {
    let reproducer = ReproducerFacts {
        directory: "reproducer".to_owned(),
        build: "cargo build --release --locked".to_owned(),
        run: "target/release/reproducer".to_owned(),
        built: true,
        rate: Some(RateFacts::of(Rate { k: 18, n: 20 })),
        kinds: [("deadlock".to_owned(), 18)].into(),
        sentence: "A program without standstill shows it.".to_owned(),
        source: Some("fn main() {\n    let x = 1 < 2 && true;\n}\n".to_owned()),
    };
    let versions = VersionFacts {
        title: "bank, tried by transfer (package transfers, native lane)".to_owned(),
        sentences: vec!["**1.2.0** is the first version in which it was seen.".to_owned()],
        heads: ["version", "transfer, 2 threads", "transfer, 8 threads"].map(str::to_owned).into(),
        rows: [["1.1.0", "0 of 200", "0 of 200"], ["1.2.0", "3 of 200", "41 of 200"]]
            .map(|row| row.map(str::to_owned).into())
            .into(),
    };
    let extra = Extra { subject: None, reproducer: Some(reproducer), versions: vec![versions] };
    let mut page = Page::of(&[found(), searched(), inconclusive()], extra);
    page.controls = vec![ControlFacts {
        scenario: "bank/transfer".to_owned(),
        threads: 8,
        rate: RateFacts::of(Rate { k: 41, n: 200 }),
        control: "bank/transfer_with_mutex".to_owned(),
        what: "an external mutex".to_owned(),
        control_threads: 8,
        control_rate: RateFacts::of(Rate { k: 0, n: 200 }),
        p: 1e-14,
        p_text: "1.0e-14".to_owned(),
        sentence: "With an external mutex it was not seen.".to_owned(),
    }];
    page.damaged = vec!["1 line of run-1 is no record and was left out (line 7)".to_owned()];
    page.redacted = vec!["a home directory (3 times)".to_owned()];
    page.bound = Some("Nothing was found in 4 judged trials over all units.".to_owned());
    page.more_findings = Some("2 further forms of finding stand in the run.".to_owned());
    page.repeat.push(CommandFacts { what: "all of it".to_owned(), command: "ls".to_owned() });
    page
}

/// Every page there is, with its name.
pub(super) fn all() -> Vec<(&'static str, Page)> {
    vec![
        ("found", page(&[found()])),
        ("nothing-found", page(&[nothing_found()])),
        ("inconclusive", page(&[inconclusive()])),
        ("interrupted", page(&[interrupted()])),
        ("late", page(&[late()])),
        ("searched", page(&[searched()])),
        ("searched-in-vain", page(&[searched_in_vain()])),
        ("hostile", page(&[hostile()])),
        ("full", full()),
    ]
}

fn parsed(html: &str) -> Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    Document::parse_with_options(html, options).unwrap_or_else(|e| {
        let line = html.lines().nth(e.pos().row.max(1) as usize - 1).unwrap_or_default();
        panic!("{e}: {}", line.chars().take(400).collect::<String>())
    })
}

/// Tags and words in their order, without what is drawn, styled or run.
fn outline(node: Node, depth: usize, out: &mut String) {
    for child in node.children() {
        let text = child.text().unwrap_or_default().trim();
        match child.tag_name().name() {
            "" if !text.is_empty() => {
                let words: Vec<&str> = text.split_whitespace().collect();
                *out += &format!("{:1$}{2}\n", "", depth * 2, words.join(" "));
            }
            "" | "style" | "script" | "svg" | "br" | "meta" => {}
            tag => {
                let of = |name| child.attribute(name).map(|v| format!(" {name}={v}"));
                let attributes: String =
                    ["id", "class", "scope", "role", "lang"].into_iter().filter_map(of).collect();
                *out += &format!("{:1$}{tag}{attributes}\n", "", depth * 2);
                outline(child, depth + 1, out);
            }
        }
    }
}

fn outlined(page: &Page) -> String {
    let html = render(page);
    let mut out = String::new();
    outline(parsed(&html).root(), 0, &mut out);
    out
}

#[test]
fn a_search_is_told_with_its_table_and_graph() {
    insta::assert_snapshot!("searched", outlined(&page(&[searched()])));
}

#[test]
fn nothing_found_is_told_as_a_bound() {
    insta::assert_snapshot!("nothing_found", outlined(&page(&[nothing_found()])));
}

#[test]
fn nothing_found_never_becomes_a_promise() {
    for run in [nothing_found(), inconclusive(), interrupted(), searched_in_vain()] {
        let said = outlined(&page(&[run])).to_lowercase();
        for promise in ["deadlock", "no bug", "safe", "correct", "proven", "guarantee"] {
            assert!(!said.contains(promise), "{promise}: {said}");
        }
    }
}

#[test]
fn every_page_is_well_formed_with_names_that_are_used_once() {
    for (name, page) in all() {
        let html = render(&page);
        let document = parsed(&html);
        let mut ids: Vec<&str> = document.descendants().filter_map(|n| n.attribute("id")).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}");
        // Whatever is referred to is there.
        for node in document.descendants() {
            let refers = ["aria-labelledby", "for"].into_iter().filter_map(|a| node.attribute(a));
            let links = node.attribute("href").and_then(|href| href.strip_prefix('#'));
            for id in refers.chain(links) {
                assert!(ids.binary_search(&id).is_ok(), "{name}: {id}");
            }
        }
    }
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    for (name, page) in all() {
        let html = render(&page);
        for node in parsed(&html).descendants() {
            for attribute in node.attributes() {
                let value = attribute.value();
                match attribute.name() {
                    "href" => assert!(value.starts_with('#'), "{name}: {value}"),
                    "src" => assert!(value.starts_with("data:image/svg+xml;base64,"), "{name}"),
                    "style" | "srcset" | "action" | "ping" | "background" => panic!("{name}"),
                    handler => assert!(!handler.starts_with("on"), "{name}: {handler}"),
                }
            }
        }
    }
    for part in [STYLE, SCRIPT] {
        for outside in ["http:", "https:", "url(", "@import", "fetch(", "XMLHttp", "WebSocket"] {
            assert!(!part.contains(outside), "{outside}");
        }
    }
}

#[test]
fn no_script_runs_but_the_one_that_the_policy_names() {
    for (name, page) in all() {
        let html = render(&page);
        let document = parsed(&html);
        let scripts: Vec<Node> =
            document.descendants().filter(|n| n.has_tag_name("script")).collect();
        assert_eq!(scripts.len(), 1, "{name}");
        let hash = BASE64.encode(&Sha256::digest(scripts[0].text().unwrap_or_default()));
        let policy = document
            .descendants()
            .find(|n| n.attribute("http-equiv") == Some("Content-Security-Policy"))
            .and_then(|n| n.attribute("content"));
        let policy = policy.expect("no policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(policy.contains(&format!("script-src 'sha256-{hash}'")), "{policy}");
    }
}

#[test]
fn hostile_words_stay_words() {
    let html = render(&page(&[hostile()]));
    let document = parsed(&html);
    for node in document.descendants().filter(Node::is_element) {
        let (tag, parent) = (node.tag_name().name(), node.parent_element());
        let within = parent.map(|p| p.tag_name().name().to_owned()).unwrap_or_default();
        match tag {
            "img" => assert!(within == "div", "{within}"),
            "style" => assert!(within == "head", "{within}"),
            "script" => assert!(within == "body", "{within}"),
            _ => {}
        }
    }
    // They are there, to be read: as often as a page without hostility says its own.
    let words: String = document.descendants().filter_map(|n| n.text()).collect();
    assert!(words.contains("<script>document.title='owned'</script>"), "{words}");
    assert!(words.contains("{{ 7*7 }}"));
    let steers = |c: char| legible(WORDS).chars().all(|kept| kept != c) && WORDS.contains(c);
    assert!(!html.contains(steers));
}

#[test]
fn tables_have_heads_and_pictures_have_words() {
    for (name, page) in all() {
        let html = render(&page);
        for node in parsed(&html).descendants() {
            match node.tag_name().name() {
                "th" => assert!(node.attribute("scope").is_some(), "{name}"),
                "img" => assert!(node.attribute("alt").is_some_and(|alt| !alt.is_empty())),
                "svg" => assert!(
                    node.attribute("aria-hidden").is_some()
                        || node.children().any(|n| n.tag_name().name() == "title"),
                    "{name}"
                ),
                _ => {}
            }
        }
    }
}
