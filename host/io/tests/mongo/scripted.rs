//! Servers whose every answer a test decides.

use bson::{Document, doc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A command as it arrived.
pub(crate) struct Asked {
    pub(crate) id: i32,
    pub(crate) command: Document,
}

/// A server that answers each command with the bytes that `answer` makes of it, to one client, and closes the connection
/// when there are none; its host and port.
pub(crate) async fn server(mut answer: impl FnMut(Asked) -> Option<Vec<u8>> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while let Some(asked) = asked(&mut stream).await {
            let Some(bytes) = answer(asked) else { break };
            if stream.write_all(&bytes).await.is_err() {
                break;
            }
        }
    });
    place
}

async fn asked(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = [0; 16];
    stream.read_exact(&mut head).await.ok()?;
    let field = |at: usize| i32::from_le_bytes(head[at..at + 4].try_into().unwrap());
    let mut rest = vec![0; usize::try_from(field(0)).unwrap() - 16];
    stream.read_exact(&mut rest).await.ok()?;
    Some(Asked { id: field(4), command: Document::from_reader(&rest[5..]).unwrap() })
}

/// The message that answers command `id` with a document.
pub(crate) fn reply(id: i32, document: &Document) -> Vec<u8> {
    let body = document.to_vec().unwrap();
    let length = i32::try_from(body.len() + 21).unwrap();
    let mut out = Vec::new();
    for field in [length, 1_000, id, 2013, 0] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.push(0);
    out.extend_from_slice(&body);
    out
}

/// The answer to what a client says first; none to other commands.
pub(crate) fn greeted(asked: &Asked) -> Option<Vec<u8>> {
    match asked.command.keys().next().map(String::as_str) {
        Some("hello") => {
            Some(reply(asked.id, &doc! {"isWritablePrimary": true, "setName": "rs0", "ok": 1.0}))
        }
        Some("buildInfo") => Some(reply(asked.id, &doc! {"version": "8.0.1", "ok": 1.0})),
        _ => None,
    }
}
