//! The promises of splitting, for every strategy: nothing lost, provenance true, limits held, the
//! same every time.

use std::convert::Infallible;
use std::num::NonZeroUsize;

use proptest::prelude::*;
use proptest::strategy::Strategy as _;

use super::*;
use crate::split::Strategy;

fn page(n: u32, text: &str) -> Section {
    Section { page: Some(n), heading: None, text: text.to_owned() }
}

fn under(heading: &str, text: &str) -> Section {
    Section { page: None, heading: Some(heading.to_owned()), text: text.to_owned() }
}

fn settings(size: usize, overlap: usize, strategy: Strategy) -> SplitSettings {
    SplitSettings::new(Splitter::new(size, overlap).unwrap()).with_strategy(strategy)
}

fn texts(document: &SplitDocument) -> Vec<&str> {
    document.passages.iter().map(|p| p.passage.text.as_str()).collect()
}

/// A token for each character, which is what a small vocabulary makes of Chinese.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a token counter")]
fn characters(text: &str) -> Result<usize, Infallible> {
    Ok(text.chars().count())
}

#[test]
fn tables_of_contents_are_left_out_with_their_parents_and_counted() {
    let entries = "1 Badges . . . . . . . 2\n2 Doors . . . . . . . . 3\n";
    let sections = [
        under("Contents", &entries.repeat(3)),
        under("Badges", &"Badges are worn at all times. ".repeat(8)),
        under("Doors", &"Doors are closed at night. ".repeat(8)),
    ];
    for strategy in
        [Strategy::Recursive, Strategy::SentenceWindow { sentences: NonZeroUsize::MIN, around: 1 }]
    {
        let settings = settings(100, 0, strategy).with_parents(400).unwrap();
        let document = settings.split("a", &sections);
        assert!(document.contents > 0);
        let left: Vec<_> = texts(&document).into_iter().filter(|t| t.contains(". . .")).collect();
        assert_eq!(left, [""; 0], "{strategy:?}");
        assert!(document.parents.iter().all(|parent| !parent.text.contains(". . .")));
        for passage in &document.passages {
            let parent = &document.parents[passage.parent.unwrap()];
            assert_eq!(parent.heading, passage.passage.heading);
            assert!(parent.text.contains(passage.passage.text.as_str()));
        }
    }
    // A document of nothing else is kept.
    let entries = [under("Badges > Doors", entries)];
    let only = settings(100, 0, Strategy::Recursive).split("a", &entries);
    assert_eq!((only.contents, only.passages.is_empty()), (0, false));
}

#[test]
fn what_the_default_gives_has_never_changed() {
    // FNV-1a (64 bits) over the passages, a zero byte behind each, of the splitter that built the
    // first knowledge bases: their fingerprints depend on it.
    let sources = [
        include_str!("../../../../docs/sample/sources/employee-handbook.md"),
        include_str!("../../../../docs/sample/sources/it-and-safety-guide.md"),
        include_str!("../../../../docs/sample/sources/信息安全与设备指南.md"),
        include_str!("../../../../docs/sample/sources/员工手册.md"),
    ];
    let expected = [
        ((600, 80), 30, 0xddd1_f09e_a061_50bd_u64),
        ((200, 50), 102, 0x53d6_1bf3_799d_1026),
        ((37, 11), 534, 0xfe98_d765_b85d_606d),
    ];
    for ((size, overlap), passages, hash) in expected {
        let mut found = (0, 0xcbf2_9ce4_8422_2325_u64);
        for source in sources {
            let document =
                settings(size, overlap, Strategy::Recursive).split("a", &[page(1, source)]);
            found.0 += document.passages.len();
            for byte in texts(&document).iter().flat_map(|text| text.bytes().chain([0])) {
                found.1 = (found.1 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        assert_eq!(found, (passages, hash), "{size} characters, overlap {overlap}");
    }
}

#[test]
fn headings_part_passages_and_are_embedded_with_them() {
    let sections =
        [page(1, "第一章 休假\n年假十五天。\n第二章 差旅\n乘坐高铁。"), page(2, "不坐飞机。")];
    let document = settings(600, 80, Strategy::Headings).split("手册.pdf", &sections);
    assert_eq!(
        texts(&document),
        ["第一章 休假\n年假十五天。", "第二章 差旅\n乘坐高铁。", "不坐飞机。"]
    );
    let last = &document.passages[2];
    assert_eq!(
        (last.passage.page, last.passage.heading.as_deref()),
        (Some(2), Some("第二章 差旅"))
    );
    assert_eq!(last.embedded_text(), "第二章 差旅\n不坐飞机。");
    assert_eq!(last.passage.text, "不坐飞机。", "the context is not shown");
}

#[test]
fn of_the_heading_path_the_innermost_levels_may_be_embedded() {
    for (levels, expected) in [
        (0, "Ten days."),
        (1, "Annual\nTen days."),
        (2, "Leave > Annual\nTen days."),
        (9, "Handbook > Leave > Annual\nTen days."),
    ] {
        let document = SplitSettings::default()
            .with_headings_embedded(levels)
            .split("a.docx", &[under("Handbook > Leave > Annual", "Ten days.")]);
        let passage = &document.passages[0];
        assert_eq!(passage.embedded_text(), expected);
        assert_eq!(passage.passage.heading.as_deref(), Some("Handbook > Leave > Annual"));
    }
}

#[test]
fn a_parent_reaches_over_a_page_end_but_not_over_a_heading() {
    let sections = [
        page(1, "第一章 休假\n年假有十五天。病假有十天。"),
        page(2, "事假有五天。\n第二章 差旅\n乘坐高铁。"),
    ];
    let document =
        settings(10, 0, Strategy::Headings).with_parents(100).unwrap().split("手册.pdf", &sections);
    let parents: Vec<_> =
        document.parents.iter().map(|p| (p.pages, p.heading.as_deref(), p.text.as_str())).collect();
    assert_eq!(
        parents,
        [
            (
                Some((1, 2)),
                Some("第一章 休假"),
                "第一章 休假\n年假有十五天。病假有十天。\n事假有五天。"
            ),
            (Some((2, 2)), Some("第二章 差旅"), "第二章 差旅\n乘坐高铁。"),
        ]
    );
    let found: Vec<_> =
        document.passages.iter().map(|p| (p.passage.text.as_str(), p.parent)).collect();
    assert_eq!(
        found,
        [
            ("第一章 休假", Some(0)),
            ("年假有十五天。", Some(0)),
            ("病假有十天。", Some(0)),
            ("事假有五天。", Some(0)),
            ("第二章 差旅", Some(1)),
            ("乘坐高铁。", Some(1)),
        ]
    );
    let passage = document.parents[0].to_passage();
    assert_eq!((passage.file.as_str(), passage.page), ("手册.pdf", Some(1)));
}

#[test]
fn a_sentence_has_the_sentences_around_it_as_its_parent() {
    let strategy = Strategy::SentenceWindow { sentences: NonZeroUsize::MIN, around: 1 };
    let text =
        "The first sentence is here. The second sentence is here. Yes. The third sentence is here.";
    let document = settings(100, 0, strategy).split("a.pdf", &[page(1, text)]);
    assert_eq!(
        texts(&document),
        [
            "The first sentence is here.",
            "The second sentence is here.",
            "Yes. The third sentence is here."
        ],
        "a short sentence joins its neighbor"
    );
    let parent = |i: usize| document.parents[document.passages[i].parent.unwrap()].text.as_str();
    assert_eq!(parent(0), "The first sentence is here. The second sentence is here.");
    assert_eq!(parent(1), "The first sentence is here. The second sentence is here. Yes.");
    assert_eq!(parent(2), "The second sentence is here. Yes. The third sentence is here.");
}

#[test]
fn a_passage_with_too_many_tokens_is_cut_further_and_said_so() {
    let sections = [under("A > B > C", "one two three four five six seven eight")];
    let limit = TokenLimit { max: 20, count: &characters };
    let document = SplitSettings::default().split_within("a.docx", &sections, Some(limit)).unwrap();
    assert_eq!(texts(&document), ["one two", "three four", "five six", "seven", "eight"]);
    assert!(document.passages.iter().all(|p| p.embedded_text().chars().count() <= 20));
    assert_eq!(document.passages[0].embedded_text(), "A > B > C\none two");
    assert_eq!(document.limits, LimitReport { cut: 1, contexts_shortened: 0, too_long: 0 });
}

#[test]
fn a_context_too_long_for_the_limit_loses_its_outer_headings_and_says_so() {
    let sections = [under("Employee handbook > Leave", "Ten days a year.")];
    let limit = TokenLimit { max: 24, count: &characters };
    let document = SplitSettings::default().split_within("a.docx", &sections, Some(limit)).unwrap();
    assert_eq!(document.passages[0].embedded_text(), "Leave\nTen days a year.");
    assert_eq!(document.limits, LimitReport { cut: 0, contexts_shortened: 1, too_long: 0 });
    assert_eq!(
        document.passages[0].passage.heading.as_deref(),
        Some("Employee handbook > Leave"),
        "the citation keeps the whole path"
    );
}

#[test]
fn what_cannot_be_cut_is_counted() {
    let heavy = |text: &str| Ok::<_, Infallible>(text.chars().count() * 5);
    let limit = TokenLimit { max: 4, count: &heavy };
    let document =
        SplitSettings::default().split_within("a", &[page(1, "甲乙")], Some(limit)).unwrap();
    assert_eq!(texts(&document), ["甲", "乙"]);
    assert_eq!(document.limits, LimitReport { cut: 1, contexts_shortened: 0, too_long: 2 });
}

#[test]
fn a_failing_counter_fails_the_split() {
    let limit = TokenLimit { max: 4, count: &|_| Err("no tokenizer") };
    let result = SplitSettings::default().split_within("a", &[page(1, "text")], Some(limit));
    assert_eq!(result, Err("no tokenizer"));
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_numbers() {
    let error = SplitSettings::default().with_parents(599).unwrap_err();
    assert_eq!(error.to_string(), "the parent size (599) must be at least the passage size (600)");
    assert_eq!(
        "window".parse::<Strategy>().unwrap_err().to_string(),
        "`window` is no splitting strategy: recursive, headings and sentence-window are"
    );
    for word in ["recursive", "headings", "sentence-window"] {
        assert_eq!(word.parse::<Strategy>().unwrap().as_str(), word);
    }
}

fn any_text() -> impl prop::strategy::Strategy<Value = String> {
    "([a-cA-C]{1,9}|[甲乙丙]{1,9}|[0-9]|[。，.,;!?… \n”」e\u{301}\u{200D}]|\n第二章 甲\n|\n## B\n|\n1.2 C\n){0,40}"
}

fn any_sections() -> impl prop::strategy::Strategy<Value = Vec<Section>> {
    let heading =
        prop_oneof![Just(None), Just(Some("A".to_owned())), Just(Some("A > 乙".to_owned()))];
    let with_headings = prop::collection::vec((heading, any_text()), 0..4).prop_map(|parts| {
        parts.into_iter().map(|(heading, text)| Section { page: None, heading, text }).collect()
    });
    let pages = prop::collection::vec(any_text(), 0..4).prop_map(|texts| {
        texts.iter().enumerate().map(|(i, text)| page(i as u32 + 1, text)).collect()
    });
    prop_oneof![with_headings, pages]
}

fn any_settings() -> impl prop::strategy::Strategy<Value = SplitSettings> {
    let strategy = prop_oneof![
        Just(Strategy::Recursive),
        Just(Strategy::Headings),
        (1_usize..4, 0_usize..4).prop_map(|(sentences, around)| Strategy::SentenceWindow {
            sentences: NonZeroUsize::new(sentences).unwrap(),
            around,
        }),
    ];
    (
        1_usize..40,
        0_usize..40,
        strategy,
        prop::option::of(0_usize..80),
        prop_oneof![Just(0), Just(1), Just(ALL_HEADINGS)],
    )
        .prop_map(|(size, overlap, strategy, parent, embedded)| {
            let settings = settings(size, overlap.min(size - 1), strategy);
            let settings = match parent {
                Some(more) => settings.with_parents(size + more).unwrap(),
                None => settings,
            };
            settings.with_headings_embedded(embedded)
        })
}

proptest! {
    #[test]
    fn the_default_is_what_the_splitter_alone_does(
        sections in any_sections(), size in 1_usize..40, overlap in 0_usize..40,
    ) {
        let splitter = Splitter::new(size, overlap.min(size - 1)).unwrap();
        let document = SplitSettings::new(splitter).split("f", &sections);
        for passage in &document.passages {
            prop_assert_eq!(passage.embedded_text(), passage.passage.embedded_text());
        }
        let passages: Vec<Passage> = document.passages.into_iter().map(|p| p.passage).collect();
        prop_assert_eq!(passages, splitter.split("f", &sections));
    }

    #[test]
    fn every_strategy_keeps_its_promises(
        sections in any_sections(), settings in any_settings(), max in prop::option::of(0_usize..60),
    ) {
        let split = || {
            let limit = max.map(|max| TokenLimit { max, count: &characters as &dyn Fn(&str) -> _ });
            settings.split_within("f", &sections, limit).unwrap()
        };
        let document = split();
        prop_assert_eq!(&document, &split(), "the same every time");
        let mut too_long = 0;
        let mut last = (0, 0);
        for SplitPassage { passage, context, parent, span } in &document.passages {
            let section = &sections[span.section];
            prop_assert_eq!(&passage.text, &section.text[span.range.clone()]);
            prop_assert!(!passage.text.trim().is_empty());
            prop_assert_eq!(passage.text.trim(), &passage.text);
            prop_assert!(passage.text.chars().count() <= settings.passage().size());
            prop_assert!((span.section, span.range.end) > last, "a passage brings something new");
            last = (span.section, span.range.end);
            prop_assert_eq!(&passage.file, "f");
            prop_assert_eq!(passage.page, section.page);
            if settings.strategy() != Strategy::Headings || section.heading.is_some() {
                prop_assert_eq!(&passage.heading, &section.heading);
            }
            if let Some(context) = context {
                prop_assert!(settings.headings_embedded() > 0);
                prop_assert!(passage.heading.as_ref().unwrap().ends_with(context));
            }
            let tokens = with_context(context.as_deref(), &passage.text).chars().count();
            if max.is_some_and(|max| tokens > max) {
                prop_assert_eq!(passage.text.chars().count(), 1, "only one character is too long");
                too_long += 1;
            }
            if let Some(parent) = parent {
                let parent = &document.parents[*parent];
                prop_assert_eq!(&parent.file, &passage.file);
                prop_assert_eq!(&parent.heading, &passage.heading);
                prop_assert!(parent.text.contains(&passage.text));
                prop_assert!(parent.spans.iter().any(|s| s.section == span.section
                    && s.range.start <= span.range.start && span.range.end <= s.range.end));
                if let (Some((first, end)), Some(page)) = (parent.pages, passage.page) {
                    prop_assert!((first..=end).contains(&page));
                }
            }
        }
        prop_assert_eq!(document.limits.too_long, too_long);
        for parent in &document.parents {
            if let Some(size) = settings.parent() {
                prop_assert!(parent.text.chars().count() <= size);
            }
        }
        let windowed = matches!(settings.strategy(), Strategy::SentenceWindow { .. });
        let parented = windowed || settings.parent().is_some();
        prop_assert!(document.passages.iter().all(|p| p.parent.is_some() == parented));
        for (i, section) in sections.iter().enumerate() {
            let mut covered = vec![false; section.text.len()];
            for passage in document.passages.iter().filter(|p| p.span.section == i) {
                covered[passage.span.range.clone()].fill(true);
            }
            for (position, c) in section.text.char_indices() {
                prop_assert!(c.is_whitespace() || covered[position], "{c:?} at {position} is lost");
            }
        }
    }
}
