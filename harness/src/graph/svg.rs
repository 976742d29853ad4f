//! The graph as a picture that needs nothing but itself: no script, no font, no other file.

mod forest;
mod layout;
mod path;
mod text;

use std::fmt::Write;

use super::WaitGraph;
use super::words::{View, cut};
use layout::{Arrow, Layout, Placed, Rect, Shape};

/// Colours on light and on dark paper. Written out twice: not every viewer knows variables.
const STYLE: &str = "\
text{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#1f2328}\
.head{font-size:13px;font-weight:bold}.name{font-weight:bold}.note{fill:#59636e}\
.paper{fill:#fff}.thread{fill:#f3f5f8;stroke:#6b7684}.thing{fill:#fdf6e3;stroke:#a8873a}\
.elsewhere{fill:none;stroke:#8b949e;stroke-dasharray:3 3}.alarm{stroke:#c0392b;stroke-width:2}\
.line{fill:none;stroke:#6b7684;stroke-width:1.5}.line.alarm{stroke:#c0392b;stroke-width:2}\
.unsure{stroke-dasharray:6 4}.tip{fill:#6b7684}.tip-alarm{fill:#c0392b}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9da7b1}.paper{fill:#0d1117}\
.thread{fill:#1c232c;stroke:#8b949e}.thing{fill:#2b2515;stroke:#c9a94f}\
.elsewhere{fill:none;stroke:#6e7681}.alarm{stroke:#ff7b72}\
.line{stroke:#8b949e}.line.alarm{stroke:#ff7b72}.tip{fill:#8b949e}.tip-alarm{fill:#ff7b72}}";

/// What the lines mean.
const LEGEND: &str = "thread → what it waits for → who has it · broken line: not proven";

/// The graph as an SVG document: cycles as rings, below them who waits for whom, then the other
/// threads. It follows the reader's choice of light or dark.
pub fn svg(graph: &WaitGraph) -> String {
    let view = View::new(graph);
    let layout = Layout::of(&view);
    let (width, height) = (layout.width, layout.height + 24);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">"
    );
    let _ = writeln!(out, "<title>Which thread waits for what, and who has it</title>");
    let _ = writeln!(out, "<style>{STYLE}</style>");
    let _ = writeln!(out, "<defs>{}{}</defs>", marker("tip"), marker("tip-alarm"));
    let _ = writeln!(out, "<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>");
    // A column of text of this size is 7.3 pixels wide, of a heading 8.
    let room = usize::try_from(width.saturating_sub(48) / 8).unwrap_or(0);
    for heading in &layout.headings {
        let text = escaped(&cut(&heading.text, room));
        let _ = writeln!(
            out,
            "<text class=\"head\" x=\"{}\" y=\"{}\">{text}</text>",
            heading.x, heading.y
        );
    }
    for arrow in &layout.arrows {
        line(&mut out, arrow);
    }
    for placed in &layout.boxes {
        boxed(&mut out, placed);
    }
    if !layout.arrows.is_empty() {
        let y = height - 16;
        let _ =
            writeln!(out, "<text class=\"note\" x=\"24\" y=\"{y}\">{}</text>", cut(LEGEND, room));
    }
    out.push_str("</svg>\n");
    out
}

/// The head of an arrow.
fn marker(class: &str) -> String {
    format!(
        "<marker id=\"{class}\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
         <path class=\"{class}\" d=\"M0 0L8 4L0 8z\"/></marker>"
    )
}

fn line(out: &mut String, arrow: &Arrow) {
    let mut path = String::new();
    for (nth, (x, y)) in arrow.points.iter().enumerate() {
        let _ = write!(path, "{}{x} {y}", if nth == 0 { 'M' } else { 'L' });
    }
    let (alarm, tip) = if arrow.alarm { (" alarm", "tip-alarm") } else { ("", "tip") };
    let unsure = if arrow.sure { "" } else { " unsure" };
    let title = escaped(&arrow.title);
    let _ = writeln!(
        out,
        "<path class=\"line{alarm}{unsure}\" d=\"{path}\" marker-end=\"url(#{tip})\">\
         <title>{title}</title></path>"
    );
}

fn boxed(out: &mut String, placed: &Placed) {
    let Rect { x, y, w, h } = placed.rect;
    let (class, round) = match placed.shape {
        Shape::Thread => ("thread", 4),
        Shape::Thing => ("thing", h / 3),
        Shape::Elsewhere => ("elsewhere", 4),
    };
    let alarm = if placed.alarm { " alarm" } else { "" };
    let _ = writeln!(
        out,
        "<g><title>{}</title>\n<rect class=\"{class}{alarm}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" \
         height=\"{h}\" rx=\"{round}\"/>",
        escaped(&placed.title)
    );
    // The lines stand in the middle of the box, whose ends may be round.
    let lines = u32::try_from(placed.lines.len()).unwrap_or(0).min(4);
    let (middle, first) = (x + w / 2, y + h / 2 + 12 - 8 * lines);
    for (text, nth) in placed.lines.iter().zip(0..lines) {
        let class = if nth == 0 { "name" } else { "note" };
        let (y, text) = (first + 16 * nth, escaped(text));
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>"
        );
    }
    out.push_str("</g>\n");
}

/// Text as XML. Characters that XML does not know are gone already: every text went through
/// [`cut`].
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    /// Checks that tags are closed in their order, that attributes are quoted, that entities are
    /// known and that no character is one that XML forbids. Gives the names of the tags.
    fn tags(xml: &str) -> Vec<&str> {
        let forbidden =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
        assert!(!xml.contains(forbidden));
        for piece in xml.split('&').skip(1) {
            let (entity, _) = piece.split_once(';').expect("an entity ends");
            assert!(matches!(entity, "amp" | "lt" | "gt" | "quot" | "#39"), "{entity}");
        }
        let (mut open, mut all) = (Vec::new(), Vec::new());
        for piece in xml.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').expect("a tag ends");
            assert!(!text.contains('>'), "{text}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
                continue;
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            let name = tag.trim_end_matches('/').split(' ').next().unwrap_or_default();
            all.push(name);
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
        all
    }

    #[test]
    fn every_picture_is_well_formed() {
        for (name, graph) in fixture::all() {
            let picture = svg(&graph);
            let allowed = ["svg", "title", "style", "defs", "marker", "path", "rect", "text", "g"];
            assert!(tags(&picture).iter().all(|tag| allowed.contains(tag)), "{name}");
        }
    }

    #[test]
    fn a_picture_refers_to_nothing_outside() {
        for (_, graph) in fixture::all() {
            let picture = svg(&graph).replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
            assert!(!picture.contains("http") && !picture.contains("href"));
        }
    }

    #[test]
    fn the_text_behind_a_box_says_all() {
        let picture = svg(&fixture::abba());
        for part in
            ["worker-1 (4711)", "taken in or below bank::audit at src/bank.rs:40", "deadlock"]
        {
            assert!(picture.contains(part), "{part}");
        }
    }
}
