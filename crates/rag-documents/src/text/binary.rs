//! Telling text from bytes that only happened to be decoded.

/// Characters that are looked at.
const SAMPLE: usize = 64 * 1024;

/// Whether decoded bytes are no text at all: full of control characters that text never has.
pub(super) fn is_binary(text: &str) -> bool {
    let (mut all, mut odd, mut zeros) = (0_usize, 0_usize, 0_usize);
    for c in text.chars().take(SAMPLE) {
        all += 1;
        zeros += usize::from(c == '\0');
        odd += usize::from(is_odd(c));
    }
    // A stray zero or escape is damage; one in twenty is another kind of file.
    odd + zeros > all / 20 || zeros > 8
}

/// Control characters that neither part lines and pages nor color a log, and what cannot be decoded.
fn is_odd(c: char) -> bool {
    matches!(c,
        '\u{1}'..='\u{8}' | '\u{E}'..='\u{1A}' | '\u{1C}'..='\u{1F}' | '\u{7F}'..='\u{84}'
        | '\u{86}'..='\u{9F}' | char::REPLACEMENT_CHARACTER | '\u{FFFE}' | '\u{FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_a_few_odd_characters_is_text_still() {
        assert!(!is_binary("plain\ttext\r\nwith\u{C}pages and \u{1B}[31mcolors\u{1B}[0m"));
        assert!(!is_binary(&format!("damaged \u{FFFD}\0 {}", "text ".repeat(20))));
        assert!(is_binary("\u{1}\u{2}\u{3}abc"));
        assert!(is_binary(&format!("{}{}", "text ".repeat(1000), "\0".repeat(9))));
        assert!(!is_binary(""));
    }
}
