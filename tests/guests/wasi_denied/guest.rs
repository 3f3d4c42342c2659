//! Tries what WASI offers others: files, sockets, names, environment, arguments.

use std::io::Read;
use std::net::ToSocketAddrs;

use stresshost_sdk::checks::Check;

stresshost_guests::iterates!("wasi_denied", || {
    let denied = [
        ("read a file", std::fs::read("/etc/hostname").is_err()),
        ("write a file", std::fs::write("escaped.txt", "x").is_err()),
        ("list a directory", std::fs::read_dir("/").is_err()),
        ("connect", std::net::TcpStream::connect("127.0.0.1:22").is_err()),
        ("listen", std::net::TcpListener::bind("127.0.0.1:0").is_err()),
        ("send a datagram", std::net::UdpSocket::bind("127.0.0.1:0").is_err()),
        ("look up a name", ("localhost", 80).to_socket_addrs().is_err()),
        ("see the environment", std::env::vars_os().next().is_none()),
        ("see arguments", std::env::args_os().len() == 0),
        ("read standard input", std::io::stdin().read(&mut [0]).is_ok_and(|bytes| bytes == 0)),
    ];
    for (what, is_denied) in denied {
        Check::register(&format!("cannot {what}"))?.mark(is_denied);
    }
    stresshost_sdk::pacing::sleep(std::time::Duration::from_millis(20));
    Ok(())
});
