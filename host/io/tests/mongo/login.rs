//! SCRAM-SHA-256 against the server's side of it (RFC 5802, section 3).

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bson::spec::BinarySubtype;
use bson::{Binary, Document, doc};
use ring::{digest, hmac, pbkdf2};
use stresshost_metrics::ErrorKind;

use crate::scripted::{Asked, greeted, reply, server};
use crate::{User, core, failure};

const ITERATIONS: u32 = 4_096;
const SALT: &[u8] = b"some salt";

/// A server that knows one password.
#[derive(Clone, Default)]
struct Knower {
    password: &'static str,
    /// Whether it claims to know it and does not.
    is_impostor: bool,
    /// Whether it wants an empty message at the end, as older servers do.
    is_old: bool,
    first: String,
    server_first: String,
    is_over: bool,
}

fn keyed(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn payload(text: &str) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: text.as_bytes().to_vec() }
}

impl Knower {
    fn answer(&mut self, asked: &Asked) -> Option<Vec<u8>> {
        let command = &asked.command;
        let said =
            command.get_binary_generic("payload").ok().map(|bytes| String::from_utf8(bytes.clone()).unwrap());
        let document = match (command.keys().next()?.as_str(), said?) {
            ("saslStart", said) => {
                assert_eq!(command.get_str("$db").unwrap(), "users");
                self.first = said.strip_prefix("n,,").unwrap().to_owned();
                let nonce = self.first.split_once("r=").unwrap().1;
                self.server_first = format!("r={nonce}more,s={},i={ITERATIONS}", STANDARD.encode(SALT));
                doc! {"conversationId": 7, "done": false, "payload": payload(&self.server_first), "ok": 1.0}
            }
            ("saslContinue", said) if said.is_empty() && self.is_over => {
                doc! {"conversationId": 7, "done": true, "payload": payload(""), "ok": 1.0}
            }
            ("saslContinue", said) => self.proved(&said),
            _ => return None,
        };
        Some(reply(asked.id, &document))
    }

    /// Checks the client's proof as a server does: the key that it gives away must hash to the one that is stored.
    fn proved(&mut self, said: &str) -> Document {
        let (unproven, proof) = said.rsplit_once(",p=").unwrap();
        let agreed = format!("{},{},{unproven}", self.first, self.server_first);
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let rounds = NonZeroU32::new(ITERATIONS).unwrap();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, SALT, self.password.as_bytes(), &mut salted);
        let client_key = keyed(&salted, b"Client Key");
        let stored = digest::digest(&digest::SHA256, &client_key);
        let signature = keyed(stored.as_ref(), agreed.as_bytes());
        let proof = STANDARD.decode(proof).unwrap();
        let given: Vec<u8> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        if given != client_key && !self.is_impostor {
            return doc! {"ok": 0.0, "errmsg": "Authentication failed.", "code": 18};
        }
        self.is_over = true;
        let server_key = if self.is_impostor { vec![0; 32] } else { keyed(&salted, b"Server Key") };
        let last = format!("v={}", STANDARD.encode(keyed(&server_key, agreed.as_bytes())));
        doc! {"conversationId": 7, "done": !self.is_old, "payload": payload(&last), "ok": 1.0}
    }
}

async fn log_in(credentials: &str, mut knower: Knower) -> stresshost_io::mongo::Outcome {
    let place = server(move |asked| {
        let is_in = knower.is_over;
        match asked.command.keys().next().map(String::as_str) {
            Some("buildInfo") if !is_in => None,
            _ => greeted(&asked).or_else(|| knower.answer(&asked)),
        }
    })
    .await;
    let mut user = User::at(&core(), &format!("mongodb://{credentials}@{place}/shop?authSource=users"), &[]);
    user.connect().await
}

#[tokio::test]
async fn the_password_lets_in() {
    let knower = Knower { password: "wörd:1", ..Knower::default() };
    for is_old in [false, true] {
        let outcome = log_in("ann:w%C3%B6rd%3A1", Knower { is_old, ..knower.clone() }).await;
        assert_eq!(outcome.error, None, "{outcome:?}");
        assert!(outcome.phases.wait_ns > 0 && outcome.bytes_sent > 300, "{outcome:?}");
    }
    let outcome = log_in("ann:other", knower).await;
    assert_eq!(failure(&outcome), (ErrorKind::Permission, Some(18)));
    assert!(!outcome.error_text.unwrap().contains("other"));
}

#[tokio::test]
async fn a_server_that_does_not_know_the_password_is_refused() {
    let outcome = log_in("ann:word", Knower { password: "?", is_impostor: true, ..Knower::default() }).await;
    assert_eq!(failure(&outcome), (ErrorKind::Permission, None));
    assert!(outcome.error_text.unwrap().contains("does not show that it knows the password"));
}
