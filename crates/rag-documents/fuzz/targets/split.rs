//! Any text in any sections, split by any settings: passages keep to the size, stand where their
//! spans say, and are never empty.
#![no_main]

use arbitrary::Arbitrary;
use rag_core::{Section, SplitSettings, Splitter, Strategy, TokenLimit};

#[derive(Arbitrary, Debug)]
struct Input {
    size: u8,
    overlap: u8,
    strategy: u8,
    parent: Option<u16>,
    headings: u8,
    tokens: Option<u8>,
    sections: Vec<(bool, Option<String>, String)>,
}

libfuzzer_sys::fuzz_target!(|input: Input| {
    let size = usize::from(input.size) * 4;
    let Ok(splitter) = Splitter::new(size, usize::from(input.overlap)) else { return };
    let strategy = match input.strategy % 3 {
        0 => Strategy::Recursive,
        1 => Strategy::Headings,
        _ => Strategy::sentence_window(),
    };
    let mut settings = SplitSettings::new(splitter)
        .with_strategy(strategy)
        .with_headings_embedded(usize::from(input.headings));
    if let Some(parent) = input.parent
        && let Ok(with) = settings.with_parents(usize::from(parent))
    {
        settings = with;
    }
    let sections: Vec<Section> = (1..)
        .zip(input.sections)
        .map(|(number, (paged, heading, text))| Section {
            page: paged.then_some(number),
            heading,
            text,
        })
        .collect();
    // A token for every two bytes: close to what tokenizers do with Chinese.
    let count = |text: &str| Ok::<usize, std::convert::Infallible>(text.len().div_ceil(2));
    let limit =
        input.tokens.map(|most| TokenLimit { max: usize::from(most).max(1), count: &count });
    let Ok(document) = settings.split_within("a.pdf", &sections, limit);
    for split in &document.passages {
        let text = split.passage.text.as_str();
        assert!(!text.trim().is_empty(), "an empty passage");
        assert!(text.chars().count() <= size, "a passage over the size");
        assert_eq!(sections[split.span.section].text.get(split.span.range.clone()), Some(text));
        if let Some(parent) = split.parent {
            assert!(parent < document.parents.len(), "a parent that is not there");
        }
    }
});
