//! What the route of a request asks for: an answer at the door, or another path and other headers on the way.

use http::header;
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;

use super::refusing::No;
use super::{Carried, FrontDoor, REQUEST_ID_HEADER};
use crate::routes::Taken;
use crate::template::{Facts, Template};

/// Finds the request's route; the route may not let its client in.
pub(super) fn route(session: &Session, carried: &mut Carried) -> Result<(), No> {
    let Some(routes) = &carried.config.routes else { return Ok(()) };
    let request = session.req_header();
    let found = routes.find(carried.client.scheme, &host(request), request.uri.path());
    carried.route = found.map_err(|problem| No::new(400, "malformed_request", problem))?;
    match carried.route() {
        Some(route) if !route.lets_in(carried.client.address) => {
            Err(No::new(403, "forbidden", "this address may not ask here"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whom the client asks for, as it wrote it.
fn named(request: &RequestHeader) -> Option<&str> {
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.or(request.uri.authority().map(http::uri::Authority::as_str))
}

/// The same in lower case and without a port.
fn host(request: &RequestHeader) -> String {
    let named = named(request).unwrap_or_default();
    let port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name =
        named.rsplit_once(':').filter(|(_, rest)| port(rest)).map_or(named, |(name, _)| name);
    name.to_ascii_lowercase()
}

/// Changes the request to the worker as its route says.
pub(super) fn pass_on(
    session: &Session,
    carried: &Carried,
    request: &mut RequestHeader,
) -> Result<()> {
    let Some(taken) = &carried.route else { return Ok(()) };
    if let Some(target) = taken.route.target(&taken.path, session.req_header().uri.query())
        && let Ok(uri) = target.parse()
    {
        request.set_uri(uri);
    }
    for (name, value) in &taken.route.request_headers {
        let value = fill(value, session, carried, taken);
        // As in nginx: nothing is sent for nothing.
        if value.is_empty() {
            request.remove_header(name);
        } else {
            request.insert_header(name.clone(), value)?;
        }
    }
    Ok(())
}

/// Adds the route's headers to an answer.
pub(super) fn stamp(
    session: &Session,
    carried: &Carried,
    response: &mut ResponseHeader,
) -> Result<()> {
    let Some(taken) = &carried.route else { return Ok(()) };
    for header in &taken.route.answer_headers {
        if header.is_for(response.status.as_u16()) {
            let value = fill(&header.value, session, carried, taken);
            if !value.is_empty() {
                response.append_header(header.name.clone(), value)?;
            }
        }
    }
    Ok(())
}

/// The text, as it may stand in a header's value: a decoded path may hold anything, and a line feed in a header would
/// begin another one.
fn fill(template: &Template, session: &Session, carried: &Carried, taken: &Taken) -> String {
    let text = fill_whole(template, session, carried, taken);
    text.chars().filter(|character| !character.is_control()).collect()
}

fn fill_whole(template: &Template, session: &Session, carried: &Carried, taken: &Taken) -> String {
    let request = session.req_header();
    let id = carried.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
    let facts = Facts {
        method: &request.method,
        headers: &request.headers,
        host: &taken.host,
        request_uri: request.uri.path_and_query().map_or("/", |target| target.as_str()),
        path: &taken.path,
        query: request.uri.query().unwrap_or_default(),
        scheme: carried.client.scheme,
        client: carried.client.address,
        request_id: id,
        maps: carried.config.routes.as_ref().map_or(&[], |routes| &routes.maps),
    };
    template.fill(&facts, &taken.captures)
}

impl FrontDoor {
    /// Gives the answer of the request's route. Always `Ok(true)`: there is nothing more to do.
    pub(super) async fn answer_at_door(
        &self,
        session: &mut Session,
        carried: &mut Carried,
    ) -> Result<bool> {
        let Some(taken) = carried.route.clone() else { return Ok(false) };
        let Some(answer) = &taken.route.answer else { return Ok(false) };
        let status = answer.status;
        let text = fill_whole(&answer.text, session, carried, &taken);
        if status == 444 {
            // nginx: the connection is closed without a word.
            session.set_keepalive(None);
            carried.refused = Some(status);
            return Ok(true);
        }
        if status >= 400 && text.is_empty() {
            let code = match status {
                401 => "unauthorized",
                403 => "forbidden",
                404 => "not_found",
                410 => "gone",
                429 => "too_many_requests",
                503 => "unavailable",
                _ => "refused_here",
            };
            let no = No::new(status, code, "the front door answers this path itself");
            return self.refuse(session, carried, &no).await;
        }
        let headers = &session.req_header().headers;
        // A body that nobody reads must not be taken for the next request.
        let has_body = headers.contains_key(header::TRANSFER_ENCODING)
            || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
        if has_body || *self.leaving.borrow() {
            session.set_keepalive(None);
        }
        let mut response = ResponseHeader::build(status, Some(6))?;
        let redirects = matches!(status, 301 | 302 | 303 | 307 | 308);
        let body = if redirects {
            let text = fill(&answer.text, session, carried, &taken);
            response.insert_header(header::LOCATION, place(&text, session, carried))?;
            String::new()
        } else {
            text
        };
        if !matches!(status, 204 | 304) {
            if !redirects {
                response.insert_header(header::CONTENT_TYPE, answer.content_type.clone())?;
            }
            response.insert_header(header::CONTENT_LENGTH, body.len().to_string())?;
        }
        if let Some(id) = &carried.request_id {
            response.insert_header(REQUEST_ID_HEADER, id.clone())?;
        }
        stamp(session, carried, &mut response)?;
        carried.refused = Some(status);
        let bodiless = session.req_header().method == http::Method::HEAD
            || body.is_empty()
            || matches!(status, 204 | 304);
        session.write_response_header(Box::new(response), bodiless).await?;
        if !bodiless {
            session.write_response_body(Some(body.into()), true).await?;
        }
        Ok(true)
    }
}

/// A redirection's place as a whole address, as nginx gives it.
fn place(text: &str, session: &Session, carried: &Carried) -> String {
    if !text.starts_with('/') {
        return text.to_owned();
    }
    let named = named(session.req_header());
    named.map_or_else(
        || text.to_owned(),
        |named| format!("{}://{named}{text}", carried.client.scheme),
    )
}
