//! Recognized lines into paragraphs.

use crate::pdf::{hyphens, join};
use crate::script::is_wide;

/// Lines without an empty one between them are one paragraph. The spaces that recognition puts between
/// ideographs are taken out, and words that are broken at the end of a line are put together.
pub(super) fn paragraphs(text: &str) -> String {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut begun = false;
    // Pages end with a form feed.
    for line in text.replace('\u{C}', "\n").lines().map(str::trim) {
        match paragraphs.last_mut() {
            _ if line.is_empty() => begun = false,
            Some(paragraph) if begun => join(paragraph, &closed(line)),
            _ => {
                paragraphs.push(closed(line));
                begun = true;
            }
        }
    }
    let mut text = paragraphs.join("\n");
    hyphens::settle(&mut [&mut text], hyphens::Hyphenation::Usual);
    text
}

/// A line without the spaces between two ideographs.
fn closed(line: &str) -> String {
    let mut closed = String::with_capacity(line.len());
    let mut rest = line.chars().filter(|c| *c != hyphens::AT_LINE_END).peekable();
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
    fn words_broken_at_the_end_of_a_line_are_put_together() {
        assert_eq!(
            paragraphs("The gate is read-\nonly in an emer-\ngency, or read-only\nfor good."),
            "The gate is read-only in an emergency, or read-only for good."
        );
    }

    #[test]
    fn lines_are_joined_and_ideographs_stand_together() {
        let found = paragraphs(
            "Badges are worn\nat all times.\n\n门 禁 卡 遗失 后\n应 当 报告 。 见 Annex A\n\n\u{C}",
        );
        assert_eq!(found, "Badges are worn at all times.\n门禁卡遗失后应当报告。见 Annex A");
    }
}
