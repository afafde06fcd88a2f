//! Signatures by the organisation's own keys, over mail and receipts, and the check of one.
//!
//! It knows keys and bytes, not what is signed.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

/// A private key.
pub(crate) enum SigningKey {
    /// RFC 8032.
    Ed25519(Ed25519KeyPair),
    /// RFC 8017, 2048 bits or more.
    Rsa(RsaKeyPair),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ed25519(_) => "Ed25519",
            Self::Rsa(_) => "Rsa",
        })
    }
}

impl SigningKey {
    /// Reads a key in PEM: PKCS #8 (RFC 5958), or PKCS #1 for RSA (RFC 8017, appendix A.1.2).
    ///
    /// # Errors
    /// Says what is wrong, and nothing of the key.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let read = match PrivateKeyDer::from_pem_slice(pem) {
            // What openssl writes has no public key in it, which the strict reading wants.
            Ok(PrivateKeyDer::Pkcs8(der)) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der())
                .map(Self::Ed25519)
                .or_else(|_| RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map(Self::Rsa)),
            Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map(Self::Rsa),
            _ => return Err("it is no private key in PEM (`-----BEGIN PRIVATE KEY-----`)".to_owned()),
        };
        read.map_err(|_| "it is neither an Ed25519 key nor an RSA key of 2048 bits or more".to_owned())
    }

    /// Signs; with RSA over SHA-256 by PKCS #1 version 1.5. The same bytes have the same signature.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(bytes).as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature)
                    .expect("invariant: the signature has the length of the key");
                signature
            }
        }
    }

    /// The public key of an Ed25519 key: 32 bytes.
    pub(crate) fn ed25519_public(&self) -> Option<&[u8]> {
        match self {
            Self::Ed25519(key) => Some(key.public_key().as_ref()),
            Self::Rsa(_) => None,
        }
    }
}

/// Whether the owner of an Ed25519 public key signed the bytes.
pub(crate) fn is_signed(public: &[u8], bytes: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(bytes, signature).is_ok()
}
