//! Asks the service whether it lives: exit code 0 or 1. The image's HEALTHCHECK runs it.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::environment::Environment;
use crate::settings;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
const GOOD: &[u8] = b"HTTP/1.1 200 ";

pub fn run(environment: &Environment) -> ExitCode {
    match lives(environment) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// One request by hand: a client library would be most of the binary.
fn lives(environment: &Environment) -> Result<bool, Box<dyn Error>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, settings::port(environment)?));
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(REQUEST)?;
    let mut answer = [0; GOOD.len()];
    stream.read_exact(&mut answer)?;
    Ok(answer == GOOD)
}
