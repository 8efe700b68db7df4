//! Asks the service whether it is alive. The image's HEALTHCHECK runs it.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::Environment;

const ANSWER_WITHIN: Duration = Duration::from_secs(9);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const GOOD: &[u8] = b"HTTP/1.1 200 ";

/// One request by hand: a client library would be most of the binary.
pub fn lives(environment: &Environment) -> Result<bool, Box<dyn Error>> {
    let mut stream = connect(environment.port()?)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(REQUEST)?;
    let mut answer = [0; GOOD.len()];
    stream.read_exact(&mut answer)?;
    Ok(answer == GOOD)
}

/// By IPv6 where the machine has it: a service that can't be reached so is not well.
fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    match TcpStream::connect_timeout(&address, ANSWER_WITHIN) {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::ConnectionRefused | ErrorKind::TimedOut
            ) =>
        {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            TcpStream::connect_timeout(&address, ANSWER_WITHIN)
        }
        result => result,
    }
}
