//! SCRAM-SHA-256, the client's side (RFC 5802, RFC 7677).

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

use super::limits::{MAX_ITERATIONS, MIN_ITERATIONS};

/// Bytes of a nonce, before they are written as text.
const NONCE_BYTES: usize = 24;

/// No channel binding, and no other user than the one that logs in.
const HEADER: &str = "n,,";

/// A log-in that has begun.
pub(super) struct Scram {
    password: String,
    nonce: String,
    first: String,
}

/// A log-in whose proof was sent.
pub(super) struct Proven {
    pub(super) message: String,
    signature: Vec<u8>,
}

impl Scram {
    /// Begins. Err: the password cannot be one, or there is no randomness.
    pub(super) fn begin(user: &str, password: &str) -> Result<Self, String> {
        let mut nonce = [0; NONCE_BYTES];
        SystemRandom::new().fill(&mut nonce).map_err(|_| "the system has no random numbers".to_owned())?;
        Self::with_nonce(user, password, STANDARD.encode(nonce))
    }

    fn with_nonce(user: &str, password: &str, nonce: String) -> Result<Self, String> {
        let password = stringprep::saslprep(password);
        let password = password.map_err(|_| "the password has characters that none may have".to_owned())?;
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first = format!("n={user},r={nonce}");
        Ok(Self { password: password.into_owned(), nonce, first })
    }

    /// The first message.
    pub(super) fn message(&self) -> String {
        format!("{HEADER}{}", self.first)
    }

    /// Answers the server's first message. Err: what is wrong with it.
    pub(super) fn prove(self, server_first: &[u8]) -> Result<Proven, String> {
        let wrong = || "the server's part of the log-in cannot be read".to_owned();
        let server_first = std::str::from_utf8(server_first).map_err(|_| wrong())?;
        let field = |name: &str| server_first.split(',').find_map(|field| field.strip_prefix(name));
        let (nonce, salt, iterations) = (field("r="), field("s="), field("i="));
        let nonce = nonce.filter(|nonce| nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce));
        let nonce = nonce.ok_or("the server answers another log-in")?;
        let salt = salt.and_then(|salt| STANDARD.decode(salt).ok()).ok_or_else(wrong)?;
        let iterations: u32 = iterations.and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
        let allowed = (MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations);
        let rounds = NonZeroU32::new(iterations).filter(|_| allowed).ok_or_else(|| {
            format!(
                "the server asks for {iterations} rounds; {MIN_ITERATIONS} to {MAX_ITERATIONS} are allowed"
            )
        })?;
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, self.password.as_bytes(), &mut salted);
        let keyed = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
        let client_key = keyed(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let binding = STANDARD.encode(HEADER);
        let unproven = format!("c={binding},r={nonce}");
        let agreed = format!("{},{server_first},{unproven}", self.first);
        let client_signature = keyed(stored_key.as_ref(), agreed.as_bytes());
        let proof: Vec<u8> =
            client_key.as_ref().iter().zip(client_signature.as_ref()).map(|(key, sign)| key ^ sign).collect();
        let server_key = keyed(&salted, b"Server Key");
        let signature = keyed(server_key.as_ref(), agreed.as_bytes()).as_ref().to_vec();
        Ok(Proven { message: format!("{unproven},p={}", STANDARD.encode(proof)), signature })
    }
}

impl Proven {
    /// Whether the server's last message shows that it knows the password, too.
    pub(super) fn is_mutual(&self, server_last: &[u8]) -> bool {
        let shown = server_last.strip_prefix(b"v=").and_then(|text| STANDARD.decode(text).ok());
        shown.is_some_and(|shown| shown == self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_FIRST: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn begun() -> Scram {
        Scram::with_nonce("user", "pencil", "rOprNGfwEbeRWgbNEkqO".to_owned()).unwrap()
    }

    /// The example of RFC 7677, section 3.
    #[test]
    fn the_examples_messages_are_made() {
        let scram = begun();
        assert_eq!(scram.message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let proven = scram.prove(SERVER_FIRST).unwrap();
        assert_eq!(
            proven.message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(proven.is_mutual(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!proven.is_mutual(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="));
        assert!(!proven.is_mutual(b"e=other-error"));
    }

    #[test]
    fn names_are_escaped_and_nonces_differ() {
        let scram = Scram::with_nonce("a=b,c", "x", "n".to_owned()).unwrap();
        assert_eq!(scram.message(), "n,,n=a=3Db=2Cc,r=n");
        assert_ne!(Scram::begin("u", "p").unwrap().nonce, Scram::begin("u", "p").unwrap().nonce);
    }

    #[test]
    fn servers_that_cheat_are_refused() {
        for (first, told) in [
            (&b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"[..], "another log-in"),
            (b"r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096", "another log-in"),
            (b"r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096", "cannot be read"),
            (b"r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=many", "cannot be read"),
            (b"r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1", "asks for 1 rounds"),
            (b"r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4000000000", "asks for 4000000000 rounds"),
            (b"\xff", "cannot be read"),
        ] {
            let error = begun().prove(first).err().unwrap();
            assert!(error.contains(told), "{error}");
        }
    }
}
