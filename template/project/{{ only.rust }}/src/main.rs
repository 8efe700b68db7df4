//! `service` serves; `service healthcheck` asks a running one whether it lives.

use std::env;
use std::process::ExitCode;

use service::environment::Environment;
use service::settings::Settings;
use service::{healthcheck, logs, panics, server};
use tracing::{Level, error};

fn main() -> ExitCode {
    let environment = Environment::of_process();
    if env::args().nth(1).as_deref() == Some("healthcheck") {
        return healthcheck::run(&environment);
    }

    let settings = match Settings::load(&environment) {
        Ok(settings) => settings,
        Err(error) => {
            logs::init(Level::INFO);
            error!(%error, "bad settings");
            return ExitCode::FAILURE;
        }
    };
    logs::init(settings.log_level);
    panics::log_them();

    if let Err(error) = server::run(settings) {
        error!(%error, "failed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
