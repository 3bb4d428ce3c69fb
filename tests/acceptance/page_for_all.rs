//! The chat page for those who see little, hear it, or have no mouse: checked by axe-core, in both languages, on a desktop and on a phone.

use std::path::Path;

use serde_json::json;
use switchyard_tests::harness::browser::Browser;
use switchyard_tests::harness::node;
use switchyard_tests::harness::rag_worker::{BILINGUAL, BILINGUAL_MODEL, WorkerSettings};

use crate::page::{ask, opened, picture, served};

/// The newest when this was written.
const AXE: &str = "axe-core@4.14.1";

/// What axe-core finds that keeps somebody from using the page, each with the elements it found.
async fn obstacles(browser: &Browser, axe: &str) -> serde_json::Value {
    browser.run(axe).await;
    browser
        .run(
            "return axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
                .filter(({ impact }) => impact === 'serious' || impact === 'critical')
                .map(({ id, nodes }) => [id, nodes.map((node) => node.html.slice(0, 120))]));",
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_on_the_page_keeps_anybody_out() {
    let folder = node::environment(AXE);
    let axe = Path::new(&folder).join("node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(axe).unwrap();
    let settings = WorkerSettings { model: BILINGUAL_MODEL, ..WorkerSettings::small(BILINGUAL) };
    let (_worker, gateway) = served(settings).await;
    for (language, question) in
        [("en", "How long is the probation period?"), ("zh", "共享盘的备份保留多少天？")]
    {
        for (device, width, height, colors) in
            [("desktop", 1200, 860, "light"), ("phone", 390, 844, "dark")]
        {
            let browser = opened(&gateway, 1200, 860, &[]).await;
            let phone = device == "phone";
            let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
            browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
            let media =
                json!({ "features": [{ "name": "prefers-color-scheme", "value": colors }] });
            browser.devtools("Emulation.setEmulatedMedia", media).await;
            if language == "zh" {
                browser.click("#language").await;
            }
            let see = async |state: &str| {
                let found = obstacles(&browser, &axe).await;
                assert_eq!(found, json!([]), "{device}, {language}, {state}");
                picture(&browser, &format!("{device}-{language}-{state}")).await;
            };
            see("empty").await;
            ask(&browser, question).await;
            browser.click(".sources summary").await;
            see("answer").await;
            browser.click("#export summary").await;
            see("export").await;
            browser.click("#export summary").await;
            browser.click(".edit").await;
            see("edit").await;
            if phone {
                browser.click("#menu").await;
                see("drawer").await;
            }
        }
    }
}
