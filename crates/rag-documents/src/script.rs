//! Which characters are written without spaces between them.

/// Ideographs, kana, and their punctuation: written without spaces. Korean is written with them.
pub(crate) fn is_wide(c: char) -> bool {
    matches!(c,
        '\u{2E80}'..='\u{303E}' | '\u{3041}'..='\u{312F}' | '\u{3190}'..='\u{33FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{A000}'..='\u{A4CF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE4F}' | '\u{FF00}'..='\u{FF60}'
        | '\u{FFE0}'..='\u{FFE6}' | '\u{20000}'..='\u{3FFFD}')
}

/// Punctuation that Chinese shares with other scripts.
fn is_shared(c: char) -> bool {
    matches!(c, '“' | '”' | '‘' | '’' | '…' | '—' | '·')
}

/// Whether nothing is written between what ends and what begins with these.
pub(crate) fn without_space(before: Option<char>, after: Option<char>) -> bool {
    match (before, after) {
        (Some(b), Some(a)) => {
            is_wide(b) && (is_wide(a) || is_shared(a)) || is_shared(b) && is_wide(a)
        }
        _ => false,
    }
}
