//! Recognized lines into paragraphs.

use crate::html::Inline;
use crate::script::is_wide;

/// Lines without an empty one between them are one paragraph. The spaces that recognition puts between
/// ideographs are taken out.
pub(super) fn paragraphs(text: &str) -> String {
    let mut paragraphs = Vec::new();
    let mut inline = Inline::default();
    // Pages end with a form feed.
    for line in text.replace('\u{C}', "\n").lines().map(str::trim).chain([""]) {
        if line.is_empty() {
            let paragraph = inline.take();
            if !paragraph.trim().is_empty() {
                paragraphs.push(paragraph.trim().to_owned());
            }
        } else {
            inline.soft_break();
            inline.push(&closed(line));
        }
    }
    paragraphs.join("\n")
}

/// A line without the spaces between two ideographs.
fn closed(line: &str) -> String {
    let mut closed = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let between = c == ' '
            && closed.chars().next_back().is_some_and(is_wide)
            && rest.peek().copied().is_some_and(is_wide);
        if !between {
            closed.push(c);
        }
    }
    closed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_ideographs_stand_together() {
        let found = paragraphs(
            "Badges are worn\nat all times.\n\n门 禁 卡 遗失 后\n应 当 报告 。 见 Annex A\n\n\u{C}",
        );
        assert_eq!(found, "Badges are worn at all times.\n门禁卡遗失后应当报告。见 Annex A");
    }
}
