//! Proof of work, by ALTCHA's protocol version 2 (altcha.org, “Proof-of-Work”): a browser computes for a second what a
//! program that sends a thousand forms computes for a thousand. And the time between asking and sending, which only a
//! script can prove.
//!
//! It knows challenges and solutions, not what becomes of who has none. The protocol's own library reads the clock by
//! itself and brings hashes of its own; it checks ours in the tests.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use ring::pbkdf2;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use statement::digest::{canonical_json, hex, sha256_hex};

use crate::private::Private;

/// How often the hash is applied for one try, and how a try that counts begins: 256 tries on average, about a second on a
/// telephone, 2 ms here.
const COST: NonZeroU32 = NonZeroU32::new(5000).expect("invariant: it is not 0");
const KEY_PREFIX: &str = "00";
const KEY_BYTES: usize = 32;
/// Whoever takes longer to fill in a form is held, and not refused.
const VALID_MILLISECONDS: i64 = 2 * 60 * 60 * 1000;
/// Between the first touch of a form and sending it, a person needs longer, also who mends one letter of it.
const FILL_MILLISECONDS_MIN: i64 = 1000;

/// What challenges are signed with: every instance of the function has the same.
#[derive(Debug, Clone)]
pub(crate) struct ProofKey(Private<Vec<u8>>);

/// A solution that has been checked; it counts once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Solved {
    /// What it is claimed by.
    pub(crate) key: String,
    /// When its challenge ends.
    pub(crate) until: Timestamp,
}

/// Why there is no proof, in the word that says why a registration is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// There is none: a browser without script, or a program.
    Missing,
    /// It is not one of ours, or wrong.
    Wrong,
    /// Its challenge was made too long ago.
    Expired,
    /// It was sent sooner than a person can.
    TooFast,
    /// It has been used.
    Used,
}

impl Unproven {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Missing => "no_proof",
            Self::Wrong => "wrong_proof",
            Self::Expired => "expired_proof",
            Self::TooFast => "too_fast",
            Self::Used => "used_proof",
        }
    }
}

/// What a browser sends, in base64.
#[derive(Deserialize)]
struct Payload {
    challenge: Challenge,
    solution: Solution,
}

#[derive(Deserialize)]
struct Challenge {
    parameters: Value,
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Solution {
    counter: u32,
    derived_key: String,
}

impl ProofKey {
    pub(crate) fn new(secret: Vec<u8>) -> Self {
        Self(Private::new(secret))
    }

    /// A key of this process only, for a machine of one's own.
    pub(crate) fn random() -> Self {
        Self::new(random::<32>().to_vec())
    }

    /// A challenge for a form, as the browser gets it.
    pub(crate) fn challenge(&self, form: &str, now: Timestamp) -> Value {
        let issued = now.as_millisecond();
        let parameters = json!({
            "algorithm": "PBKDF2/SHA-256",
            "cost": COST,
            "data": {"form": form, "issued": issued},
            "expiresAt": (issued + VALID_MILLISECONDS) / 1000,
            "keyLength": KEY_BYTES,
            "keyPrefix": KEY_PREFIX,
            "nonce": hex(&random::<16>()),
            "salt": hex(&random::<16>()),
        });
        let signature = hex(&self.mac(&parameters).finalize().into_bytes());
        json!({"parameters": parameters, "signature": signature})
    }

    /// Checks what a browser sends with a form.
    pub(crate) fn check(&self, payload: &str, form: &str, now: Timestamp) -> Result<Solved, Unproven> {
        if payload.is_empty() {
            return Err(Unproven::Missing);
        }
        let json = BASE64_STANDARD.decode(payload).map_err(|_| Unproven::Wrong)?;
        let Payload { challenge, solution } = serde_json::from_slice(&json).map_err(|_| Unproven::Wrong)?;
        let Challenge { parameters, signature } = challenge;
        let signed = unhex(&signature).ok_or(Unproven::Wrong)?;
        self.mac(&parameters).verify_slice(&signed).map_err(|_| Unproven::Wrong)?;
        // From here on the parameters are ours.
        let issued = parameters["data"]["issued"].as_i64().unwrap_or(0);
        let passed = now.as_millisecond() - issued;
        if parameters["data"]["form"] != form {
            return Err(Unproven::Wrong);
        }
        if passed > VALID_MILLISECONDS {
            return Err(Unproven::Expired);
        }
        if !is_solved(&parameters, &solution) {
            return Err(Unproven::Wrong);
        }
        if passed < FILL_MILLISECONDS_MIN {
            return Err(Unproven::TooFast);
        }
        let until = Timestamp::from_millisecond(issued + VALID_MILLISECONDS).map_err(|_| Unproven::Wrong)?;
        Ok(Solved { key: sha256_hex(signature.as_bytes()), until })
    }

    /// Over the parameters as canonical JSON, as the protocol says.
    fn mac(&self, parameters: &Value) -> Hmac<Sha256> {
        let mac =
            Hmac::<Sha256>::new_from_slice(self.0.expose()).expect("invariant: a key of HMAC may have any length");
        mac.chain_update(canonical_json(parameters))
    }
}

fn is_solved(parameters: &Value, solution: &Solution) -> bool {
    let bytes = |key: &str| parameters[key].as_str().and_then(unhex);
    let (Some(mut password), Some(salt)) = (bytes("nonce"), bytes("salt")) else { return false };
    password.extend_from_slice(&solution.counter.to_be_bytes());
    let mut derived = [0; KEY_BYTES];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, COST, &salt, &password, &mut derived);
    let derived = hex(&derived);
    derived == solution.derived_key && derived.starts_with(KEY_PREFIX)
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("invariant: the system has random bytes");
    bytes
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() % 2 == 1 {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_714_564_800_000 + milliseconds).unwrap()
    }

    fn payload(challenge: &Value, solution: &Value) -> String {
        BASE64_STANDARD.encode(json!({"challenge": challenge, "solution": solution}).to_string())
    }

    /// The protocol's own library solves what we ask, and finds that it is ours.
    fn solve(challenge: &Value, secret: &str) -> Value {
        let theirs: altcha::Challenge = serde_json::from_value(challenge.clone()).unwrap();
        let solution = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&theirs)).unwrap().unwrap();
        // It reads the clock, so it is asked about a challenge that does not end.
        let mut parameters = theirs.parameters.clone();
        parameters.expires_at = None;
        let lasting =
            altcha::sign_challenge(&altcha::HmacAlgorithm::Sha256, &mut parameters, None, secret, None).unwrap();
        let options = altcha::VerifySolutionOptions::new(&lasting, &solution, secret);
        assert!(altcha::verify_solution(options).unwrap().verified);
        let signed =
            altcha::sign_challenge(&altcha::HmacAlgorithm::Sha256, &mut theirs.parameters.clone(), None, secret, None);
        assert_eq!(signed.unwrap().signature, theirs.signature, "they sign as we do");
        json!({"counter": solution.counter, "derivedKey": solution.derived_key})
    }

    #[test]
    fn a_solution_of_another_program_is_taken_and_nothing_else() {
        let key = ProofKey::new(b"a secret of at least some length".to_vec());
        let challenge = key.challenge("register", at(0));
        let solution = solve(&challenge, "a secret of at least some length");
        let solved = payload(&challenge, &solution);
        let passed = key.check(&solved, "register", at(2000)).unwrap();
        assert_eq!(passed, key.check(&solved, "register", at(9000)).unwrap());
        assert_eq!(passed.until, at(VALID_MILLISECONDS));
        assert_eq!(key.check(&solved, "register", at(999)), Err(Unproven::TooFast));
        assert_eq!(key.check(&solved, "register", at(VALID_MILLISECONDS + 1)), Err(Unproven::Expired));
        assert_eq!(key.check(&solved, "other", at(2000)), Err(Unproven::Wrong));
        assert_eq!(key.check("", "register", at(2000)), Err(Unproven::Missing));
        for wrong in ["x", "e30=", &payload(&challenge, &json!({"counter": 0, "derivedKey": "00"}))] {
            assert_eq!(key.check(wrong, "register", at(2000)), Err(Unproven::Wrong), "{wrong}");
        }
        // Whoever makes it easier, or puts another form or time in, has no signature for it.
        for (pointer, value) in [
            ("/parameters/cost", json!(1)),
            ("/parameters/keyPrefix", json!("")),
            ("/parameters/data/issued", json!(0)),
            ("/signature", json!("é")),
        ] {
            let mut altered = challenge.clone();
            *altered.pointer_mut(pointer).unwrap() = value;
            assert_eq!(key.check(&payload(&altered, &solution), "register", at(2000)), Err(Unproven::Wrong));
        }
        let other = ProofKey::random();
        assert_eq!(other.check(&solved, "register", at(2000)), Err(Unproven::Wrong));
    }
}
