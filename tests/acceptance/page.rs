//! The chat page in a real browser, in front of real workers.

use std::path::PathBuf;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use switchyard_tests::harness::browser::Browser;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;
use switchyard_tests::harness::processes::{self, eventually};
use switchyard_tests::harness::rag_worker::{
    BILINGUAL, BILINGUAL_MODEL, ENGLISH, Worker, WorkerSettings,
};

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";
const ASKED: &str = "How long is the probation period?";
/// The last answer is complete.
const ANSWERED: &str = "const all = document.querySelectorAll('.answer');
    return all.length > 0 && !all[all.length - 1].classList.contains('running');";

pub(crate) async fn served(settings: WorkerSettings<'_>) -> (Worker, Gateway) {
    let worker = Worker::start(settings.with("feedback: { file: feedback.jsonl }")).await;
    let gateway = Gateway::start(&[worker.address], &[], "").await;
    gateway.wait("blue");
    (worker, gateway)
}

pub(crate) async fn opened(gateway: &Gateway, width: u32, height: u32, more: &[&str]) -> Browser {
    let browser = Browser::start(width, height, more).await;
    browser.open(&format!("http://{}/", gateway.address)).await;
    browser
        .until("the page has begun", "return document.getElementById('release').textContent")
        .await;
    browser
}

pub(crate) async fn ask(browser: &Browser, text: &str) {
    browser.type_into("#question", &format!("{text}{ENTER}")).await;
    browser.until("the answer is complete", ANSWERED).await;
}

/// Keeps a picture, to be looked at.
pub(crate) async fn picture(browser: &Browser, name: &str) {
    let folder: PathBuf = processes::kept().join("pictures");
    std::fs::create_dir_all(&folder).unwrap();
    let png = BASE64_STANDARD.decode(browser.screenshot().await).unwrap();
    std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_held_kept_and_rated() {
    let (worker, gateway) = served(WorkerSettings::small(ENGLISH)).await;
    let browser = opened(&gateway, 1200, 860, &[]).await;
    ask(&browser, ASKED).await;
    let said = browser.text(".answer .text").await;
    assert!(said.contains("four months"), "{said}");
    let from = browser.text(".answer .from").await;
    assert!(from.starts_with("blue · SmolLM2-135M"), "{from}");

    // A citation opens to the passage, with file and page.
    let source = browser.text(".sources summary").await;
    assert!(source.contains("employee-handbook.pdf · page"), "{source}");
    browser.click(".sources summary").await;
    let passage = browser.text(".sources blockquote").await;
    assert!(passage.contains("four months"), "{passage}");
    picture(&browser, "answer").await;

    // What is copied has the sources with it.
    browser.run("window.copied = []; navigator.clipboard.writeText = async (text) => copied.push(text);").await;
    browser.click(".copy").await;
    let copied = browser.until("it is copied", "return copied[0]").await;
    assert!(copied.as_str().unwrap().contains("[1] employee-handbook.pdf"), "{copied}");

    // A rating is on disk with the question, the slot and the release.
    browser.click(".down").await;
    let pressed = "return document.querySelector('.down')?.getAttribute('aria-pressed') === 'true'";
    browser.until("it is rated", pressed).await;
    let kept = std::fs::read_to_string(worker.directory.path().join("feedback.jsonl")).unwrap();
    let kept: Value = serde_json::from_str(kept.trim()).unwrap();
    let feedback = &kept["feedback"];
    assert_eq!((&feedback["rating"], &feedback["question"]), (&json!("down"), &json!(ASKED)));
    assert_eq!((&feedback["slot"], &kept["kept_by"]["slot"]), (&json!("blue"), &json!("blue")));
    assert!(feedback["release"].as_str().unwrap().starts_with("SmolLM2-135M"), "{kept}");
    assert!(feedback["id"].as_str().unwrap().starts_with("chatcmpl-"), "{kept}");

    // Again, then another conversation; both are there after a reload.
    browser.click(".retry").await;
    browser.until("the second answer is complete", ANSWERED).await;
    assert_eq!(browser.run("return document.querySelectorAll('.answer').length").await, 1);
    browser.click("#new").await;
    ask(&browser, "Who is the ombudsperson?").await;
    browser.reload().await;
    let titles =
        "return [...document.querySelectorAll('#conversations .open')].map((it) => it.textContent)";
    let listed =
        browser.until("the list is there", &format!("{titles}.length && {}", &titles[7..])).await;
    assert_eq!(listed, json!(["Who is the ombudsperson?", ASKED]));
    browser.click("#conversations li:nth-child(2) .open").await;
    assert!(browser.text(".answer .text").await.contains("months"));
    browser.click("#conversations li:nth-child(1) .remove").await;
    assert_eq!(browser.run(titles).await, json!([ASKED]));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_changed_and_asked_again_and_the_conversation_saved() {
    let (_worker, gateway) = served(WorkerSettings::small(ENGLISH)).await;
    let browser = opened(&gateway, 1200, 860, &[]).await;
    assert_eq!(browser.run("return document.getElementById('export').hidden").await, true);
    ask(&browser, "How long is the probation perod?").await;
    ask(&browser, "Who is the ombudsperson?").await;

    // What is left without sending stays as it was.
    browser.click(".edit").await;
    browser.press(ESCAPE).await;
    assert_eq!(browser.run("return document.activeElement.className").await, "edit");
    browser.click(".edit").await;
    picture(&browser, "edit").await;
    browser.run("document.querySelector('.editing textarea').value = ''").await;
    browser.type_into(".editing textarea", &format!("{ASKED}{ENTER}")).await;
    browser.until("the changed question is answered", ANSWERED).await;
    let asked = "return [...document.querySelectorAll('.asked, #conversations .open')].map((it) => it.textContent)";
    // It is the last question now, and gives the conversation its title.
    assert_eq!(browser.run(asked).await, json!([ASKED, ASKED]));

    let saved = async |button: &str, name: &str| {
        browser.click("#export summary").await;
        browser.click(button).await;
        let file = browser.downloads().join(name);
        eventually("the conversation is saved", Duration::from_secs(30), async || {
            std::fs::read_to_string(&file).ok().filter(|text| !text.is_empty())
        })
        .await
    };
    let text = saved("#export-markdown", "How-long-is-the-probation-period.md").await;
    assert!(text.starts_with(&format!("# {ASKED}\n\nExported 20")), "{text}");
    for part in [
        "\n## Question\n\n> How long",
        "\n## Answer (blue · SmolLM2",
        "\n### Sources\n\n[1] employee-handbook.pdf · page ",
        "four months",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let text = saved("#export-json", "How-long-is-the-probation-period.json").await;
    let saved: Value = serde_json::from_str(&text).unwrap();
    let messages = saved["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &messages[0]["content"]), (2, &json!(ASKED)));
    assert_eq!(messages[1]["citations"][0]["file"], "employee-handbook.pdf");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_speaks_chinese_and_fits_a_phone() {
    let settings = WorkerSettings { model: BILINGUAL_MODEL, ..WorkerSettings::small(BILINGUAL) };
    let (_worker, gateway) = served(settings).await;
    let browser = opened(&gateway, 500, 800, &["--force-dark-mode"]).await;
    browser.click("#language").await;
    assert_eq!(browser.text("#send").await, "提问");
    assert_eq!(browser.run("return document.documentElement.lang").await, "zh-CN");
    ask(&browser, "共享盘的备份保留多少天？").await;
    assert!(browser.text(".answer .text").await.contains("90"));
    assert!(browser.text(".sources summary").await.contains("信息安全与设备指南.docx"));
    // As narrow as a small phone.
    browser.run("document.documentElement.style.width = document.body.style.width = '360px'").await;
    let over = "return [...document.querySelectorAll('#stage, #stage *')]
        .filter((it) => it.getBoundingClientRect().right > 361 && !it.closest('#news, pre, table'))
        .map((it) => it.outerHTML.slice(0, 80))";
    assert_eq!(browser.run(over).await, json!([]));
    picture(&browser, "phone-zh").await;
    // The list of conversations is a drawer.
    browser.click("#menu").await;
    assert_eq!(browser.text("#new").await, "新对话");
    assert_eq!(browser.run("return document.activeElement.id").await, "new");
    picture(&browser, "drawer-zh").await;
    browser.press(ESCAPE).await;
    assert_eq!(browser.run("return document.activeElement.id").await, "menu");
    browser.reload().await;
    browser
        .until(
            "the language is kept",
            "return document.getElementById('send').textContent === '提问'",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_used_by_keyboard_and_stopped() {
    let (_worker, gateway) = served(WorkerSettings::small(ENGLISH)).await;
    let browser = opened(&gateway, 1200, 860, &[]).await;
    // First comes what skips the list; the question has the focus, and behind it comes what sends it.
    let first = "return document.querySelector('a[href], button, textarea').id";
    assert_eq!(browser.run(first).await, "skip");
    assert_eq!(browser.run("return document.activeElement.id").await, "question");
    browser.press(TAB).await;
    assert_eq!(browser.run("return document.activeElement.id").await, "send");
    // Nothing that can be pressed is without a name.
    let nameless = "return [...document.querySelectorAll('button, a, textarea')]
        .filter((it) => !(it.textContent.trim() || it.getAttribute('aria-label'))).length";
    assert_eq!(browser.run(nameless).await, 0);

    // A return within a composition of an input method is no question.
    browser.run("const event = new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true });
        const box = document.getElementById('question'); box.value = 'ni'; box.dispatchEvent(event);").await;
    assert_eq!(browser.run("return document.querySelectorAll('.asked').length").await, 0);
    browser.run("document.getElementById('question').value = ''").await;

    // Escape stops an answer; what was said stays.
    browser
        .type_into(
            "#question",
            &format!("Tell me everything about the probation period and salaries.{ENTER}"),
        )
        .await;
    browser
        .until(
            "it is being answered",
            "return document.querySelector('.answer.running .text')?.textContent.trim().length > 5",
        )
        .await;
    browser.press(ESCAPE).await;
    browser
        .until(
            "it is stopped",
            "return document.querySelector('.note:not([hidden])')?.textContent === 'Stopped.'",
        )
        .await;
    assert!(!browser.text(".answer .text").await.is_empty());
    assert_eq!(browser.run("return document.activeElement.id").await, "question");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_answers_and_passages_do_no_harm() {
    let (_worker, gateway) = served(WorkerSettings::small(ENGLISH)).await;
    let browser = opened(&gateway, 1200, 860, &[]).await;
    let said = "**bold** [1] <img src=x onerror=\"window.harmed=1\"> <script>window.harmed=1</script>\n\n\
        [bad](javascript:window.harmed=1) [good](https://example.org) ![spy](https://example.org/x.png)\n\n\
        <iframe src=\"https://example.org\"></iframe><p onclick=\"window.harmed=1\" style=\"position:fixed\">x</p>\n\n\
        | a | b |\n|---|---|\n| 1 | 2 |\n";
    let passage = "<img src=x onerror=\"window.harmed=1\">";
    let citation = json!({ "n": 1, "file": passage, "page": 3, "heading": null, "score": 0.5, "text": passage });
    let chunk = json!({ "id": "x", "citations": [citation], "choices": [{ "index": 0, "delta": { "content": said } }] });
    let stream = format!("data: {chunk}\n\ndata: [DONE]\n\n");
    browser
        .run(&format!(
            "window.fetch = async () => new Response({}, {{ headers: {{ 'x-switchyard-slot': '<b>blue</b>' }} }});",
            json!(stream)
        ))
        .await;
    ask(&browser, "<img src=x onerror=window.harmed=1>").await;
    let shown = browser.run("return document.querySelector('.answer .text').innerHTML").await;
    let shown = shown.as_str().unwrap();
    for never in ["<img", "<script", "<iframe", "onclick", "javascript:", "style="] {
        assert!(!shown.contains(never), "{never} in {shown}");
    }
    for wanted in [
        "<strong>bold</strong>",
        "<table tabindex=\"0\">",
        "rel=\"noopener noreferrer nofollow\"",
        "class=\"cite\"",
    ] {
        assert!(shown.contains(wanted), "no {wanted} in {shown}");
    }
    browser.click(".cite").await;
    assert_eq!(browser.text(".sources blockquote").await, passage);
    assert_eq!(browser.run("return window.harmed ?? null").await, Value::Null);

    // Nothing else may run or be asked, whatever were to slip through.
    let page = http::get(gateway.address, "/").await.unwrap();
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let mut again = http::request("GET", "/page/page.js", "");
    let script = http::get(gateway.address, "/page/page.js").await.unwrap();
    again.headers_mut().insert("if-none-match", script.headers["etag"].clone());
    let mut connection = http::Connection::open(gateway.address).await.unwrap();
    assert_eq!(connection.send(again).await.unwrap().status, 304);
    assert_eq!(http::get(gateway.address, "/page/../secret").await.unwrap().status, 404);
}
