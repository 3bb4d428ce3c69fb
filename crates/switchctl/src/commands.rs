//! One file for each command.

pub(crate) mod canary;
pub(crate) mod drain;
pub(crate) mod history;
pub(crate) mod import_nginx;
pub(crate) mod login;
pub(crate) mod promote;
pub(crate) mod reload;
pub(crate) mod request;
pub(crate) mod rollback;
pub(crate) mod secrets;
pub(crate) mod shadow;
pub(crate) mod sleep;
pub(crate) mod status;
pub(crate) mod wait;
pub(crate) mod wake;
pub(crate) mod warm;
pub(crate) mod watch;
