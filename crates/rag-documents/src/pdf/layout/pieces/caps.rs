//! Drop caps: the first letter of a text, as high as several of its lines, belongs to the first one.

use super::Piece;

/// A drop cap is larger than its text by this much, or more.
pub(super) const LARGER: f32 = 1.6;
/// The height of a capital, as a share of the font size.
const CAPITAL: f32 = 0.7;
/// Words of one letter, which a wider gap tells from the first letter of a word.
const WORDS: [&str; 6] = ["A", "I", "O", "À", "È", "Y"];
/// Large letters of one page that are looked at.
const MOST: usize = 32;

/// Puts drop caps before the first of the lines that stand beside them.
pub(super) fn put_first(pieces: &mut Vec<Piece>) {
    let size = super::super::usual_size(pieces.iter().map(|piece| (piece.size, piece.letters)));
    let is_cap = |piece: &Piece| {
        let letter = piece.text.trim_matches(|c: char| !c.is_alphabetic());
        let is_sum = letter.starts_with(['Σ', 'Π']);
        piece.size >= LARGER * size && letter.chars().count() == 1 && piece.letters <= 2 && !is_sum
    };
    let caps: Vec<usize> =
        (0..pieces.len()).filter(|at| pieces.get(*at).is_some_and(is_cap)).take(MOST).collect();
    for at in caps.into_iter().rev() {
        let first = pieces.get(at).and_then(|cap| first_line(cap, pieces));
        if let Some(first) = first {
            let cap = pieces.remove(at);
            if let Some(line) = pieces.get_mut(if first > at { first - 1 } else { first }) {
                line.begin_with(&cap);
            }
        }
    }
}

/// The highest of the lines that stand beside a drop cap; `None` where there are not two of them, as high as it is together.
fn first_line(cap: &Piece, pieces: &[Piece]) -> Option<usize> {
    let beside = |piece: &Piece| {
        let gap = (piece.left - cap.right) / piece.size;
        cap.size >= LARGER * piece.size
            && (-0.6..1.2).contains(&gap)
            && (cap.base - cap.size..cap.base + 0.3 * piece.size).contains(&piece.base)
    };
    let lines = || pieces.iter().enumerate().filter(|(_, piece)| beside(piece));
    let (at, first) = lines().min_by(|a, b| a.1.base.total_cmp(&b.1.base))?;
    let (_, last) = lines().max_by(|a, b| a.1.base.total_cmp(&b.1.base))?;
    let higher = (cap.base - CAPITAL * cap.size) - (first.base - CAPITAL * first.size);
    let fits = higher.abs() < 0.6 * first.size && (cap.base - last.base).abs() < 0.3 * last.size;
    (fits && last.base - first.base > 0.8 * first.size).then_some(at)
}

impl Piece {
    /// Puts a drop cap before a line, which stays where it is.
    fn begin_with(&mut self, cap: &Self) {
        let apart = self.left - cap.right > 0.25 * self.size && WORDS.contains(&cap.text.as_str());
        let between = if apart { " " } else { "" };
        self.text = format!("{}{between}{}", cap.text, self.text);
        self.letters += cap.letters;
        self.order = self.order.min(cap.order);
    }
}
