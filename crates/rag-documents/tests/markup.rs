//! What is read of Markdown and HTML: headings, lists, tables, code, notes, and what is left out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use rag_documents::{Document, Format, Limits, read};

fn good(source: &str, name: &str) -> Document {
    read(source.as_bytes().to_vec(), name, &Limits::default()).unwrap()
}

/// Sections as `# heading path` and their text.
fn shown(document: &Document) -> String {
    let mut shown = String::new();
    for section in &document.sections {
        writeln!(shown, "# {}\n{}", section.heading.as_deref().unwrap_or("-"), section.text)
            .unwrap();
    }
    shown
}

fn markdown(source: &str, expected: &str) {
    let document = good(source, "a.md");
    assert_eq!(document.format, Format::Markdown);
    assert_eq!(shown(&document).trim_end(), expected.trim_end(), "{source}");
}

fn html(source: &str, expected: &str) {
    let document = good(source, "a.html");
    assert_eq!(document.format, Format::Html);
    assert_eq!(shown(&document).trim_end(), expected.trim_end(), "{source}");
}

fn error(source: &str, name: &str, limits: &Limits) -> String {
    read(source.as_bytes().to_vec(), name, limits).unwrap_err().to_string()
}

#[test]
fn markdown_gives_heading_paths_and_paragraphs() {
    markdown(
        "Before\n\n# Leave policy\n\n## Annual leave\nFifteen days\na year. *Not* `more`.\n\n### Carry over\n\n年假\n结转\n\nSick leave {#id}\n---\nCall.\n# Empty\n",
        "# -\nBefore
# Leave policy > Annual leave\nFifteen days a year. Not more.
# Leave policy > Annual leave > Carry over\n年假结转
# Leave policy > Sick leave\nCall.
# Empty\nEmpty",
    );
}

#[test]
fn markdown_lists_tables_and_code_keep_their_form() {
    markdown(
        "- one\n- two\n  with a second line\n  1. inner\n  2. [x](y) and ![picture](p.png)\n\n  more\n- [x] done\n",
        "# -\n- one\n- two with a second line\n  1. inner\n  2. x and picture\n  more\n- [x] done",
    );
    markdown(
        "| Years | Days |\n|---|---|\n| 0 to 9 | **15** |\n| 10<br>and more |\n",
        "# -\nYears | Days\n0 to 9 | 15\n10 and more",
    );
    markdown(
        "```sh\nif true; then\n    ls  -l   # *all*\n\nfi\n```\n\n    indented\n",
        "# -\nif true; then\n    ls  -l   # *all*\n\nfi\nindented",
    );
    markdown(
        "Term\n: Meaning\n\n> Quoted\n> text\n\n---\n\nEnd  \nof it",
        "# -\nTerm\nMeaning\nQuoted text\nEnd\nof it",
    );
    markdown("Euler: $e^{i\\pi}$ costs \\$5.", "# -\nEuler: $e^{i\\pi}$ costs $5.");
}

#[test]
fn footnotes_of_markdown_stand_at_the_end_of_their_section() {
    markdown(
        "# A\nBadges[^b] are worn.\n\n# B\nAgain[^b][^c].\n\n[^b]: Visitors wear\n    red ones.\n[^c]: See *A*.\n",
        "# A\nBadges[1] are worn.\n[1] Visitors wear red ones.\n# B\nAgain[1][2].\n[1] Visitors wear red ones.\n[2] See A.",
    );
}

#[test]
fn front_matter_gives_the_title_and_comments_nothing() {
    markdown(
        "---\ntitle: \"Handbook\"\ntags: [a]\n---\n\n## Badges <!-- why -->\n\nWorn <!-- here\nand --> always.\n\n<!--\nno\n-->\n",
        "# Handbook > Badges\nWorn always.",
    );
    markdown("+++\ntitle = 'Handbook'\n+++\n# Handbook\ntext", "# Handbook\ntext");
}

#[test]
fn html_inside_markdown_is_read_as_html() {
    markdown(
        "# A\n\n<table>\n<tr><td>Li</td><td>Rome</td></tr>\n</table>\n\n<details><summary>More</summary>\n\n*inner*\n\n</details>\n\nx<br>y <b>z</b>\n",
        "# A\nLi | Rome\nMore\ninner\nx\ny z",
    );
}

#[test]
fn html_gives_headings_paragraphs_and_lists() {
    html(
        "<!doctype html><title>Site - Page</title><body><p>Before<h1>Leave\n policy</h1>
         <h2>Annual <em>leave</em></h2><div>Fifteen days<div>a year</div>more</div><p>年假\n结转&nbsp;&amp; &#x4e2d;<br>line
         <ul><li>one<li>two<ol start=3><li>inner<li><p>first<p>second</ol></ul><dl><dt>Term<dd>Meaning</dl>
         <p>in<b>line</b> <img alt=Picture src=x> <q>said</q>",
        "# -\nBefore
# Leave policy > Annual leave\nFifteen days\na year\nmore\n年假结转 & 中\nline\n- one\n- two\n  3. inner\n  4. first\n    second\nTerm\nMeaning\ninline Picture “said”",
    );
    html("<title> Only\n title </title><p>text", "# Only title\ntext");
}

#[test]
fn html_tables_give_rows_with_cells_where_they_are_shown() {
    html(
        "<table><caption>Prices</caption><thead><tr><th rowspan=2>City<th colspan=2>Room</tr><tr><th>low<th>high</thead>
         <tr><td>Rome<td>90<td><p>110<p>a night</table>",
        "# -\nPrices\nCity | Room\nCity | low | high\nRome | 90 | 110 a night",
    );
    html(
        "<table><tr><td>a<td><table><tr><td>in1<td>in2</table>after</table>",
        "# -\na | in1 | in2 after",
    );
    // A table that only lays the page out keeps its headings.
    html(
        "<table><tr><td><h1>Top</h1><p>left<td><h2>Right</h2><p>text</table>",
        "# Top\nleft\n# Top > Right\ntext",
    );
}

#[test]
fn program_text_of_html_is_kept_as_it_is() {
    html(
        "<p>See<pre>\nfor  x:\n    <b>go</b>(x)\n\n    end\n</pre>then",
        "# -\nSee\nfor  x:\n    go(x)\n\n    end\nthen",
    );
}

#[test]
fn what_nobody_sees_of_a_page_is_left_out() {
    html(
        "<style>p{}</style><script>var x = '<p>no'</script><nav>Home</nav><template><p>no</template>
         <noscript>no</noscript><div hidden>no</div><p style='color:red; DISPLAY : none'>no</p>
         <span aria-hidden=true>no</span><!-- no --><select><option>no</select><svg><text>no</text></svg>
         <div role=navigation>no</div><p style='display:block'>yes",
        "# -\nyes",
    );
}

#[test]
fn where_a_page_says_which_part_is_its_own_the_rest_is_left_out() {
    html(
        "<title>Leave - Intranet</title><header>Menu</header><main><p>Fifteen <button>Copy</button>days</main><footer>2026</footer>",
        "# Leave - Intranet\nFifteen days",
    );
    html("<main><p>one</main><main><p>two</main><footer>end</footer>", "# -\none\ntwo\nend");
    html("<main id=app><script>x</script></main><p>yes", "# -\nyes");
    html("<div hidden><main>no</main></div><p>yes", "# -\nyes");
}

#[test]
fn pages_say_their_encoding() {
    let page = |charset: &str, encoding: &'static encoding_rs::Encoding| {
        let source = format!("<meta charset={charset}><p>员工手册</p>");
        let bytes = encoding.encode(&source).0.into_owned();
        read(bytes, "a.htm", &Limits::default()).unwrap()
    };
    for (charset, encoding) in [
        ("gb2312", encoding_rs::GB18030),
        ("utf-8", encoding_rs::UTF_8),
        // Said wrongly, as by servers that were moved.
        ("gbk", encoding_rs::UTF_8),
    ] {
        let document = page(charset, encoding);
        assert_eq!(document.sections[0].text, "员工手册", "{charset}");
        assert_eq!(document.warnings, [""; 0], "{charset}");
    }
    let document = page("utf-8", encoding_rs::GB18030);
    assert_eq!(document.sections[0].text, "员工手册");
    assert!(document.warnings[0].contains("gb18030"), "{:?}", document.warnings);
}

#[test]
fn nesting_and_size_of_pages_are_limited() {
    let limits = Limits::default();
    for tag in ["<div>", "<b>", "<ul><li>", "<table><tr><td>", "<svg><g>"] {
        let found = error(&tag.repeat(200_000), "a.html", &limits);
        assert_eq!(found, "it is too large: HTML nested more than 512 deep", "{tag}");
    }
    // Each paragraph is given all fonts that were never closed.
    let fonts: String = (0..2_000).map(|size| format!("<p><font size={size}>x")).collect();
    let found = error(&fonts, "a.html", &limits);
    assert_eq!(found, "it is too large: HTML nested more than 512 deep");
    let limits = Limits { html_nodes: 1_000, ..Limits::default() };
    let found = error(&"<p>x".repeat(10_000), "a.html", &limits);
    assert_eq!(found, "it is too large: it has more than 1000 elements and texts");
    let found = error(&"<!---->".repeat(10_000), "a.html", &limits);
    assert_eq!(found, "it is too large: it has more than 1000 elements and texts");
    let limits = Limits { text: 1_000, ..Limits::default() };
    for name in ["a.html", "a.md", "a.txt", "a.csv"] {
        let found = error(&"word ".repeat(1_000), name, &limits);
        assert_eq!(found, "it is too large: it has more than 1000 bytes of text", "{name}");
    }
}

#[test]
fn little_markup_gives_no_endless_text() {
    // A long note or cell that is said again and again.
    let note = format!("[^n]: {}\n\n{}", "word ".repeat(20_000), "# h\nx[^n]\n\n".repeat(5_000));
    let limits = Limits { text: 4 << 20, ..Limits::default() };
    let found = error(&note, "a.md", &limits);
    assert_eq!(found, "it is too large: it has more than 4 MiB of text");
    let cells =
        format!("<table><tr><td rowspan=0>{}{}", "long ".repeat(1_000), "<tr><td>x".repeat(10_000));
    let document = good(&cells, "a.html");
    assert!(document.sections[0].text.len() < 10 * cells.len());
    let wide =
        "<table><tr><td colspan=65000 rowspan=65000>x<td>y".to_owned() + &"<tr><td>z".repeat(5_000);
    assert!(good(&wide, "a.html").sections[0].text.len() < 5_000 * 400);
}

#[test]
fn markdown_nested_without_end_is_read() {
    for source in [
        "> ".repeat(20_000),
        "- ".repeat(20_000),
        "*".repeat(100_000),
        "[".repeat(100_000),
        "`".repeat(100_000),
        "<div>\n".repeat(400),
        "|a".repeat(50_000) + "\n" + &"|-".repeat(50_000),
    ] {
        let _ = read(source.into_bytes(), "a.md", &Limits::default());
    }
}
