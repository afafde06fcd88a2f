//! Sealing in a program that was built without the feature `seal`: there are no keys, so nothing is sealed and nothing can be
//! opened. That a setting asks for it is said where settings are read.

use super::{DataKey, SealError};

/// What is said where somebody asks for it.
const LACKING: &str = "this program was built without the feature `seal`";

/// Public keys; there are none.
#[derive(Debug, Clone)]
pub enum PublicKeys {}

/// Identities; there are none.
#[derive(Debug)]
pub enum Identities {}

/// The key of the outbox; there is none.
#[derive(Debug, Clone)]
pub(crate) enum OutboxKey {}

impl PublicKeys {
    pub(crate) fn parse(_: &str) -> Result<Self, String> {
        Err(LACKING.to_owned())
    }

    pub(super) fn count(&self) -> usize {
        match *self {}
    }

    pub(super) fn seal(&self, _: &[u8]) -> (Vec<u8>, DataKey) {
        match *self {}
    }
}

impl Identities {
    pub(super) fn open(&self, _: &[u8], _: &DataKey) -> Result<Vec<u8>, SealError> {
        match *self {}
    }
}

impl OutboxKey {
    pub(crate) fn parse(_: &str) -> Result<Self, String> {
        Err(LACKING.to_owned())
    }

    pub(super) fn seal(&self, _: &[u8]) -> Vec<u8> {
        match *self {}
    }

    pub(super) fn open(&self, _: &[u8]) -> Result<Vec<u8>, SealError> {
        match *self {}
    }
}
