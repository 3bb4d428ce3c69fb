//! The endpoints of Langchain-Chatchat (0.3), so that what was written for it can ask here without a change.
//!
//! What is answered has its shapes, with what they lack beside: one id in all events, `finish_reason`, pages, and an HTTP status that is not 200 when
//! something failed. What belongs to building knowledge bases is not covered: a finished one is never changed.

mod browse;
mod chat;
mod error;
mod search;
mod shape;

use axum::routing::any;

use super::error::ApiError;
use super::routes::Routes;
use crate::state::Worker;
use error::KbError;

const BUILDING: &str = "knowledge bases are built beside the worker: kbctl build, then promote the slot that serves it";
const NO_FILES: &str = "a worker has the passages of documents, not the documents: keep them where kbctl build reads them";

/// Paths of Langchain-Chatchat that are not covered, and what does their job here.
const NOT_COVERED: [(&str, &str); 16] = [
    ("/chat/chat/completions", "agents and bare models are not served: ask /v1/chat/completions"),
    ("/chat/feedback", "ratings are taken by POST /v1/feedback"),
    ("/chat/file_chat", NO_FILES),
    ("/knowledge_base/create_knowledge_base", BUILDING),
    ("/knowledge_base/delete_docs", BUILDING),
    ("/knowledge_base/delete_knowledge_base", BUILDING),
    ("/knowledge_base/download_doc", NO_FILES),
    ("/knowledge_base/kb_summary_api/recreate_summary_vector_store", BUILDING),
    ("/knowledge_base/kb_summary_api/summary_doc_ids_to_vector_store", BUILDING),
    ("/knowledge_base/kb_summary_api/summary_file_to_vector_store", BUILDING),
    ("/knowledge_base/recreate_vector_store", BUILDING),
    ("/knowledge_base/search_temp_docs", NO_FILES),
    ("/knowledge_base/update_docs", BUILDING),
    ("/knowledge_base/update_info", BUILDING),
    ("/knowledge_base/upload_docs", BUILDING),
    ("/knowledge_base/upload_temp_docs", NO_FILES),
];

/// Adds them.
pub(super) fn routes(routes: Routes) -> Routes {
    let covered = routes
        .post("/chat/kb_chat", chat::kb_chat)
        .post("/knowledge_base/{mode}/{param}/chat/completions", chat::completions)
        .get("/knowledge_base/list_files", browse::list_files)
        .get("/knowledge_base/list_knowledge_bases", browse::list_knowledge_bases)
        .post("/knowledge_base/search_docs", search::search_docs);
    NOT_COVERED.iter().fold(covered, |routes, (path, instead)| {
        let refuse = move || async move { KbError::from(ApiError::not_covered(*instead)) };
        routes.undescribed(path, any(refuse))
    })
}

/// The one knowledge base goes by the name that clients know, whatever its tag.
fn check_name(worker: &Worker, asked: &str) -> Result<(), ApiError> {
    let ours = &worker.settings.chatchat.knowledge_base;
    if asked == ours {
        return Ok(());
    }
    Err(ApiError::not_found(format!(
        "there is no knowledge base {asked:?}: this worker has {ours:?}, as chatchat.knowledge_base in worker.yaml names it"
    )))
}
