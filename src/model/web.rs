//! `[web]` and `[web.auth]`: where pages and answers are, and who may see them and act.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash as Phc;
use sha2::{Digest as _, Sha256};

use super::{Name, Secret};

/// Memory that a check of a password may take, in KiB: more would let a guess hurt the machine.
const MEMORY_KIB_MAX: u32 = 256 << 10;
/// Memory below which guesses are cheap, in KiB.
const MEMORY_KIB_MIN: u32 = 8 << 10;
/// Passes over that memory.
const PASSES_MAX: u32 = 16;
/// Lanes of that memory.
const LANES_MAX: u32 = 8;

/// What a token begins with, so that programs that look for lost secrets find it.
pub const TOKEN_PREFIX: &str = "freshd_";
/// Bytes of chance in a token.
pub const TOKEN_BYTES: usize = 32;
/// Characters of base64 that they become.
pub(super) const TOKEN_CHARS: usize = (TOKEN_BYTES * 8).div_ceil(6);

/// What the hash of a token begins with.
const TOKEN_HASH_PREFIX: &str = "sha256:";

/// `[web]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Where it listens; beyond loopback only with `auth` and `public_url`.
    pub listen: SocketAddr,
    /// Where people reach it, if that is said.
    pub public_url: Option<PublicUrl>,
    /// The addresses of reverse proxies elsewhere that say for whom they ask.
    pub proxies: Vec<IpAddr>,
    /// Who may see and act; `None`: whoever reaches it sees, and nobody acts.
    pub auth: Option<Auth>,
}

/// The address by which people reach the pages: scheme, host and port, as browsers write an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Takes an origin, in the form in which browsers write it: no path, no port that goes without saying.
    pub fn new(origin: impl Into<String>) -> Self {
        Self(origin.into())
    }

    /// As browsers write it in `Origin`: `https://freshd.example`.
    pub fn origin(&self) -> &str {
        &self.0
    }

    /// What stands behind the scheme: the host, with its port where it has one.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or(&self.0, |(_, authority)| authority)
    }

    /// Whether nobody on the way can read what is sent.
    pub fn is_protected(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// `[web.auth]`: who is known. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// People, by name.
    pub users: BTreeMap<Name, User>,
    /// Programs, by name.
    pub tokens: BTreeMap<Name, Token>,
    /// A session ends when its user has opened no page for so long.
    pub idle: Duration,
    /// A session ends after so long, whatever its user does.
    pub longest: Duration,
}

/// A `[web.auth.users.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// By what the password is known.
    pub password: PasswordHash,
    /// What the user may do.
    pub scope: Scope,
}

/// A `[web.auth.tokens.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// By what the token is known.
    pub hash: TokenHash,
    /// What the program may do.
    pub scope: Scope,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// See everything.
    View,
    /// Also run, pause, resume, cancel and acknowledge.
    Operate,
}

/// The argon2id hash of a password, in the PHC string format, within bounds that a machine can bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordHash {
    text: Secret,
    cost: u64,
}

impl PasswordHash {
    /// Reads `$argon2id$v=19$m=...,t=...,p=...$SALT$HASH`.
    ///
    /// # Errors
    /// Says what is wrong with it, without repeating it.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let phc = Phc::new(text).map_err(|_| "is not a hash that `freshd password` prints")?;
        if phc.algorithm.as_str() != "argon2id" || phc.version != Some(0x13) {
            return Err("is not made by argon2id, version 19");
        }
        if phc.salt.is_none() || phc.hash.is_none() {
            return Err("lacks the salt or the hash itself");
        }
        let params = Params::try_from(&phc).map_err(|_| "has parameters that argon2id does not know")?;
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        if memory < MEMORY_KIB_MIN {
            return Err("takes so little memory that guesses are cheap");
        }
        if memory > MEMORY_KIB_MAX || passes > PASSES_MAX || lanes > LANES_MAX {
            return Err("takes so much to check that anybody could keep the machine busy");
        }
        Ok(Self {
            text: Secret::new(text),
            cost: u64::from(memory) * u64::from(passes),
        })
    }

    /// The PHC string, for the one place that checks a password by it.
    pub fn reveal(&self) -> &str {
        self.text.reveal()
    }

    /// How long a check takes, compared with others.
    pub fn cost(&self) -> u64 {
        self.cost
    }
}

/// The SHA-256 of a token. A token is drawn from 256 bits of chance, so that a slow hash would protect nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// That of a token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Reads `sha256:` and 64 hexadecimal digits.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(TOKEN_HASH_PREFIX)?;
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&digits[at..at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// Whether it is that of this token. How long that takes tells nothing of how much of it is right.
    pub fn is_of(&self, token: &str) -> bool {
        let given = Self::of(token);
        let differs = self
            .0
            .iter()
            .zip(given.0)
            .fold(0, |sum, (own, given)| sum | (own ^ given));
        differs == 0
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TOKEN_HASH_PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_argon2id_hash_that_a_machine_can_bear_is_one() {
        let of = |params: &str| {
            format!("$argon2id$v=19${params}$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        };
        assert!(PasswordHash::read(&of("m=19456,t=2,p=1")).is_ok());
        for (text, why) in [
            ("secret".to_owned(), "is not a hash"),
            (
                of("m=19456,t=2,p=1").replace("argon2id", "argon2i"),
                "is not made by argon2id",
            ),
            (of("m=19456,t=2,p=1").replace("v=19", "v=16"), "is not made by argon2id"),
            (of("m=1024,t=2,p=1"), "guesses are cheap"),
            (of("m=4194304,t=2,p=1"), "keep the machine busy"),
            (of("m=19456,t=99,p=1"), "keep the machine busy"),
            ("$argon2id$v=19$m=19456,t=2,p=1".to_owned(), "lacks the salt"),
        ] {
            let refused = PasswordHash::read(&text).map(|_| ());
            assert!(refused.is_err_and(|said| said.contains(why)), "{text}");
        }
    }

    #[test]
    fn a_token_is_known_by_its_hash_and_nothing_else_is() {
        let hash = TokenHash::of("freshd_abc");
        assert!(hash.is_of("freshd_abc") && !hash.is_of("freshd_abd") && !hash.is_of(""));
        assert_eq!(TokenHash::read(&hash.to_string()), Some(hash.clone()));
        let text = hash.to_string();
        for wrong in [&text[7..], &text[..70], "sha256:", &text.replace("sha256", "sha512")] {
            assert_eq!(TokenHash::read(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{hash:?}"), "TokenHash(hidden)");
    }
}
