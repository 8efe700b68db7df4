use std::io::{Read, Write};
use std::net::TcpListener;

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", std::env::var("PORT").unwrap().parse().unwrap()))?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        let _ = stream.read(&mut [0; 4096])?;
        let body = std::fs::read_to_string("configuration/greeting.txt")?;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}{body}", body.len(), greetings::nothing())?;
    }
    Ok(())
}
