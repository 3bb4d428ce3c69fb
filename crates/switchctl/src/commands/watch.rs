//! `switchctl watch`

use std::process::ExitCode;

use http_body_util::BodyExt;
use switch_api::Event;
use switch_client::Client;

use crate::render::{self, Output};
use crate::trouble::Trouble;

/// The longest line of the stream that is kept while its end has not come, in bytes.
const LONGEST_LINE: usize = 1024 * 1024;

pub(crate) async fn run(client: &Client, output: Output) -> Result<ExitCode, Trouble> {
    let mut body = client.stream("/v1/events").await?;
    let mut unread: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| client.lost(error))?;
        unread.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
        while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = unread.drain(..=end).collect();
            let data = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii);
            if let Some(event) = data.and_then(|data| serde_json::from_slice::<Event>(data).ok()) {
                render::event(output, &event);
            }
        }
        if unread.len() > LONGEST_LINE {
            return Err(client.lost("an event without an end").into());
        }
    }
    Err(client.lost("the gateway has stopped").into())
}
