//! Endpoints as they are added, so that it is known which there are: the OpenAPI document must describe each.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};

use crate::state::Worker;

/// A router, and what it answers.
#[derive(Default)]
pub(super) struct Routes {
    router: Router<Arc<Worker>>,
    described: Vec<(&'static str, &'static str)>,
}

impl Routes {
    /// An endpoint that is read.
    pub(super) fn get<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Worker>>,
        T: 'static,
    {
        self.add("get", path, routing::get(handler))
    }

    /// An endpoint that is asked.
    pub(super) fn post<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Worker>>,
        T: 'static,
    {
        self.add("post", path, routing::post(handler))
    }

    /// An endpoint that is nobody's to rely on.
    pub(super) fn undescribed(
        mut self,
        path: &'static str,
        methods: MethodRouter<Arc<Worker>>,
    ) -> Self {
        self.router = self.router.route(path, methods);
        self
    }

    fn add(
        mut self,
        method: &'static str,
        path: &'static str,
        methods: MethodRouter<Arc<Worker>>,
    ) -> Self {
        self.described.push((method, path));
        self.undescribed(path, methods)
    }

    /// Method and path of every endpoint that is described, in the order they were added.
    #[cfg(test)]
    pub(super) fn described(&self) -> &[(&'static str, &'static str)] {
        &self.described
    }

    /// The router.
    pub(super) fn into_router(self) -> Router<Arc<Worker>> {
        self.router
    }
}
