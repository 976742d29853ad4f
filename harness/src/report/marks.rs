//! The few marks of Markdown that a page's sentences use: `**bold**`, `*slanted*`, `` `code` ``, and
//! a backslash before a character that is no mark. Everything else is text.

/// The sentence as HTML in which nothing is a tag but what this function writes.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    spans(text, true, &mut out);
    out
}

/// The sentence for formats without marks.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    spans(text, false, &mut out);
    out
}

fn spans(text: &str, html: bool, out: &mut String) {
    let escape = |c, out: &mut String| if html { escape(c, out) } else { out.push(c) };
    let mut rest = text;
    let mut before = None;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if c == '\\'
            && let Some(literal) = after.chars().next().filter(char::is_ascii_punctuation)
        {
            escape(literal, out);
            rest = &after[1..];
            before = Some(literal);
            continue;
        }
        if let Some((tag, inner, behind)) = span(rest, before) {
            if html {
                out.push_str(&format!("<{tag}>"));
            }
            match tag {
                // Within code, nothing is a mark.
                "code" => inner.chars().for_each(|c| escape(c, out)),
                _ => spans(inner, html, out),
            }
            if html {
                out.push_str(&format!("</{tag}>"));
            }
            before = rest[..rest.len() - behind.len()].chars().next_back();
            rest = behind;
            continue;
        }
        // A number and its sign stay on one line.
        let is_joined = html && c == ' ' && after.starts_with('%');
        match is_joined && before.is_some_and(|c| c.is_ascii_digit()) {
            true => out.push('\u{a0}'),
            false => escape(c, out),
        }
        before = Some(c);
        rest = after;
    }
}

/// The span that begins here: its tag, what it marks, and what follows it.
fn span(text: &str, before: Option<char>) -> Option<(&'static str, &str, &str)> {
    let (tag, mark) = match text {
        _ if text.starts_with('`') => ("code", "`"),
        _ if text.starts_with("**") => ("strong", "**"),
        _ if text.starts_with('*') => ("em", "*"),
        _ => return None,
    };
    // `2*3*4` is a product.
    if tag == "em" && before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let inside = &text[mark.len()..];
    let end = end(inside, mark)?;
    let inner = &inside[..end];
    let is_tight = !inner.starts_with(char::is_whitespace) && !inner.ends_with(char::is_whitespace);
    (!inner.is_empty() && is_tight).then(|| (tag, inner, &inside[end + mark.len()..]))
}

/// Where the mark that closes a span stands; one behind a backslash closes none.
fn end(text: &str, mark: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = !escaped && text[at..].starts_with(mark);
        escaped = c == '\\' && !escaped && mark != "`";
        closes.then_some(at)
    })
}

fn escape(c: char, out: &mut String) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_become_tags_and_everything_else_is_text() {
        for (text, expected) in [
            ("**bank/transfer**: ends", "<strong>bank/transfer</strong>: ends"),
            ("a *suspected* finding", "a <em>suspected</em> finding"),
            ("ends by `_exit`: a_b_c", "ends by <code>_exit</code>: a_b_c"),
            ("thread '\\<unnamed>'", "thread &#39;&lt;unnamed&gt;&#39;"),
            ("\\*\\*no\\*\\* \\`mark\\`", "**no** `mark`"),
            ("`a **b** c`", "<code>a **b** c</code>"),
            ("**`x`**", "<strong><code>x</code></strong>"),
            ("1.00 % and 5 %", "1.00\u{a0}% and 5\u{a0}%"),
            ("2*3*4, ** and `", "2*3*4, ** and `"),
            ("`C:\\dir\\`", "<code>C:\\dir\\</code>"),
            ("C:\\dir, \\", "C:\\dir, \\"),
            ("**<script>**", "<strong>&lt;script&gt;</strong>"),
        ] {
            assert_eq!(html(text), expected, "{text}");
        }
    }

    #[test]
    fn words_that_were_made_literal_read_as_they_were_said() {
        let said = "<b>**x**</b> `y` \\z";
        let literal = crate::report::page::words::literal(said);
        let text = html(&literal).replace("&lt;", "<").replace("&gt;", ">");
        assert_eq!(text, said);
        assert_eq!(plain(&literal), said);
        assert_eq!(plain("**a** `b` *c*"), "a b c");
    }

    proptest! {
        #[test]
        fn nothing_is_a_tag_but_ours(text in "[<>&*`\\\\ \"'a-c/]{0,40}") {
            let mut bare = html(&text);
            for tag in ["strong", "em", "code"] {
                bare = bare.replace(&format!("<{tag}>"), "").replace(&format!("</{tag}>"), "");
            }
            prop_assert!(!bare.contains(['<', '>', '"', '\'']), "{}", bare);
            let document = format!("<p>{}</p>", html(&text));
            prop_assert!(roxmltree::Document::parse(&document).is_ok(), "{}", document);
        }
    }
}
