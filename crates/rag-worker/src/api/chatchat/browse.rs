//! What there is: `GET /knowledge_base/list_knowledge_bases` and `GET /knowledge_base/list_files`.

use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use rag_core::Embedder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::check_name;
use super::error::KbError;
use crate::state::Worker;

/// `GET /knowledge_base/list_knowledge_bases`.
pub(super) async fn list_knowledge_bases(
    State(worker): State<Arc<Worker>>,
) -> Result<Json<Value>, KbError> {
    let of_list = |error: ApiError| KbError::from(error).of_list();
    let answering = worker.ready_to_answer().map_err(of_list)?;
    let knowledge = &answering.knowledge;
    let entry = json!({
        "id": 1,
        "kb_name": worker.settings.chatchat.knowledge_base,
        "kb_info": format!("{}, fingerprint {}", knowledge.tag(), knowledge.fingerprint()),
        "vs_type": knowledge.manifest().index.library,
        "embed_model": answering.embedder.identity().name,
        "file_count": knowledge.documents(),
        "create_time": knowledge.built_at(),
    });
    Ok(listed(vec![entry]))
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    knowledge_base_name: String,
}

/// `GET /knowledge_base/list_files`.
pub(super) async fn list_files(
    State(worker): State<Arc<Worker>>,
    query: Result<Query<Named>, QueryRejection>,
) -> Result<Json<Value>, KbError> {
    let Query(Named { knowledge_base_name }) = query.map_err(|e| KbError::from(e).of_list())?;
    let of_list = |error: ApiError| KbError::from(error).of_list();
    check_name(&worker, &knowledge_base_name).map_err(of_list)?;
    let answering = worker.ready_to_answer().map_err(of_list)?;
    let knowledge = &answering.knowledge;
    let files = (1..).zip(&knowledge.manifest().documents).map(|(number, document)| {
        let kind = Path::new(&document.file).extension();
        let kind = kind.map_or_else(String::new, |kind| format!(".{}", kind.to_string_lossy()));
        json!({
            "No": number,
            "kb_name": knowledge_base_name,
            "file_name": document.file,
            "file_ext": kind,
            "file_version": 1,
            "file_size": document.bytes,
            "file_mtime": document.date,
            "document_loader": "rag-documents",
            "text_splitter": knowledge.manifest().splitter.strategy,
            "docs_count": document.passages,
            "custom_docs": false,
            "create_time": knowledge.built_at(),
            // The worker has what was read of it, not the file.
            "in_folder": false,
            "in_db": true,
        })
    });
    Ok(listed(files.collect()))
}

fn listed(data: Vec<Value>) -> Json<Value> {
    Json(json!({ "code": 200, "msg": "success", "data": data }))
}
