//! `switchctl import-nginx`

use std::path::PathBuf;
use std::process::ExitCode;

use nginx_config::disk::read_file;
use nginx_config::import::{Level, Options, import};

use crate::render::{self, Output};
use crate::trouble::Trouble;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  switchctl import-nginx /etc/nginx/nginx.conf > gateway.yaml
  switchctl import-nginx nginx.conf --blue app_v1 --green app_v2 --write gateway.yaml
  switchctl import-nginx nginx.conf --output json | jq '.report[] | select(.level == \"not supported\")'

The settings go to standard output, the report to standard error. No gateway is asked.")]
pub(crate) struct Arguments {
    /// The main file, such as /etc/nginx/nginx.conf; what it includes is read, too.
    file: PathBuf,
    /// The upstream that becomes the blue slot.
    #[arg(long, value_name = "UPSTREAM")]
    blue: Option<String>,
    /// The upstream that becomes the green slot.
    #[arg(long, value_name = "UPSTREAM", requires = "blue")]
    green: Option<String>,
    /// Write the settings to this file, which must not be there yet.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Exit with 1 when something is not supported.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(output: Output, arguments: Arguments) -> Result<ExitCode, Trouble> {
    let Arguments { file, blue, green, write, strict } = arguments;
    let tree = read_file(&file).map_err(|error| Trouble::Failed(error.to_string(), None))?;
    let name = file.display().to_string();
    let imported = import(&tree, &name, &Options { blue, green });
    if let Some(target) = &write {
        let made = std::fs::OpenOptions::new().write(true).create_new(true).open(target);
        made.and_then(|mut made| {
            std::io::Write::write_all(&mut made, imported.settings.as_bytes())
        })
        .map_err(|error| Trouble::Failed(format!("writing {}: {error}", target.display()), None))?;
    }
    render::imported(output, &imported, write.is_none());
    let unsupported = imported.report.iter().any(|line| line.level == Level::NotSupported);
    Ok(ExitCode::from(u8::from(strict && unsupported)))
}
