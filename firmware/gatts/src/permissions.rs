//! What a client may do with an attribute, and how secure its link must be for that.

use crate::error::AttError;

bitflags::bitflags! {
    /// Characteristic properties (Core Vol 3 Part G 3.3.1.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct Properties: u8 {
        /// The value may be broadcast.
        const BROADCAST = 0x01;
        /// The value may be read.
        const READ = 0x02;
        /// The value may be written by command.
        const WRITE_WITHOUT_RESPONSE = 0x04;
        /// The value may be written by request.
        const WRITE = 0x08;
        /// The value may be notified.
        const NOTIFY = 0x10;
        /// The value may be indicated.
        const INDICATE = 0x20;
        /// The value may be written by a signed command.
        const AUTHENTICATED_SIGNED_WRITES = 0x40;
        /// There is a Characteristic Extended Properties descriptor.
        const EXTENDED_PROPERTIES = 0x80;
    }
}

/// How secure a link is. The default is a plain link to a client that has never paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Security {
    /// A long or short term key for this client is at hand.
    pub bonded: bool,
    /// The link is encrypted.
    pub encrypted: bool,
    /// The key came from pairing with protection against a man in the middle.
    pub authenticated: bool,
    /// The user has authorised this client.
    pub authorised: bool,
    /// Size of the key that encrypts the link, in bytes; 0 on a plain link.
    pub key_size: u8,
}

/// What one kind of access, reading or writing, demands of the client's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    permitted: bool,
    encryption: bool,
    authentication: bool,
    authorisation: bool,
    signature: bool,
    key_size: u8,
}

impl Access {
    /// Nobody has this access.
    pub const NONE: Self = Self {
        permitted: false,
        encryption: false,
        authentication: false,
        authorisation: false,
        signature: false,
        key_size: 0,
    };
    /// Everybody has this access.
    pub const OPEN: Self = Self { permitted: true, ..Self::NONE };

    /// The link must be encrypted.
    #[must_use]
    pub const fn encrypted(self) -> Self {
        Self { encryption: true, ..self }
    }

    /// The link must be encrypted with an authenticated key.
    #[must_use]
    pub const fn authenticated(self) -> Self {
        Self { encryption: true, authentication: true, ..self }
    }

    /// The client must be authorised.
    #[must_use]
    pub const fn authorised(self) -> Self {
        Self { authorisation: true, ..self }
    }

    /// The link must be encrypted with a key of at least this many bytes (7 to 16).
    #[must_use]
    pub const fn key_size(self, bytes: u8) -> Self {
        Self { encryption: true, key_size: bytes, ..self }
    }

    /// Nobody has it. What it demands stays: values that cannot be read may still be pushed.
    const fn forbidden(self) -> Self {
        Self { permitted: false, ..self }
    }

    /// The client must sign, or the link be encrypted, which counts as much (Core Vol 3 Part C 10.4.2).
    const fn signed(self) -> Self {
        Self { signature: true, ..self }
    }

    /// Whether the access exists at all, for a link that is secure enough.
    pub(crate) fn is_permitted(self) -> bool {
        self.permitted
    }

    /// Whether the link is secure enough, else the error code (Core Vol 3 Part C 10.3.1). Where more than
    /// one code applies the choice is ours (Core Vol 3 Part F 3.4.1.1): first what pairing would mend, the
    /// user's authorisation last.
    pub(crate) fn check_security(self, link: Security) -> Result<(), AttError> {
        // Where only a signature is lacking, a bond makes no difference (Core Vol 3 Part C 10.4.2).
        if self.signature && !link.encrypted {
            return Err(AttError::INSUFFICIENT_AUTHENTICATION);
        }
        if self.encryption && !link.encrypted {
            return Err(match link.bonded {
                false => AttError::INSUFFICIENT_AUTHENTICATION,
                true => AttError::INSUFFICIENT_ENCRYPTION,
            });
        }
        if self.authentication && !link.authenticated {
            return Err(AttError::INSUFFICIENT_AUTHENTICATION);
        }
        if link.key_size < self.key_size {
            return Err(AttError::ENCRYPTION_KEY_SIZE_TOO_SHORT);
        }
        if self.authorisation && !link.authorised {
            return Err(AttError::INSUFFICIENT_AUTHORISATION);
        }
        Ok(())
    }
}

/// Read and write permissions of an attribute (Core Vol 3 Part F 3.2.5). The default leaves both open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    /// What reading demands; its security also holds for notifications and indications.
    pub read: Access,
    /// What writing demands.
    pub write: Access,
}

impl Permissions {
    /// Readable by everybody, writable by nobody.
    pub const READ_ONLY: Self = Self { read: Access::OPEN, write: Access::NONE };

    pub(crate) fn check_read(self, link: Security) -> Result<(), AttError> {
        if !self.read.is_permitted() {
            return Err(AttError::READ_NOT_PERMITTED);
        }
        self.read.check_security(link)
    }

    pub(crate) fn check_write(self, link: Security) -> Result<(), AttError> {
        if !self.write.is_permitted() {
            return Err(AttError::WRITE_NOT_PERMITTED);
        }
        self.write.check_security(link)
    }

    /// A property that is not set is an access that is not permitted (Core Vol 3 Part G 3.3.1.1). ATT
    /// permissions do not tell a write request from a write command, so either property permits both. What
    /// may be written by signed commands alone is written without a signature over an encrypted link (Core
    /// Vol 3 Part G 4.9.2).
    pub(crate) fn within(self, properties: Properties) -> Self {
        let writes = Properties::WRITE | Properties::WRITE_WITHOUT_RESPONSE;
        let write = if properties.intersects(writes) {
            self.write
        } else if properties.contains(Properties::AUTHENTICATED_SIGNED_WRITES) {
            self.write.signed()
        } else {
            self.write.forbidden()
        };
        let read = if properties.contains(Properties::READ) { self.read } else { self.read.forbidden() };
        Self { read, write }
    }
}

impl Default for Permissions {
    fn default() -> Self {
        Self { read: Access::OPEN, write: Access::OPEN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BONDED: Security =
        Security { bonded: true, encrypted: false, authenticated: false, authorised: false, key_size: 0 };
    const ENCRYPTED: Security = Security { encrypted: true, key_size: 7, ..BONDED };

    #[test]
    fn each_lack_of_security_has_its_own_code() {
        let plain = Security::default();
        let authenticated = Security { authenticated: true, ..ENCRYPTED };
        let cases = [
            (Access::OPEN, plain, Ok(())),
            (Access::OPEN.encrypted(), plain, Err(0x05)),
            (Access::OPEN.encrypted(), BONDED, Err(0x0F)),
            (Access::OPEN.encrypted(), ENCRYPTED, Ok(())),
            (Access::OPEN.authenticated(), plain, Err(0x05)),
            (Access::OPEN.authenticated(), BONDED, Err(0x0F)),
            (Access::OPEN.authenticated(), ENCRYPTED, Err(0x05)),
            (Access::OPEN.authenticated(), authenticated, Ok(())),
            (Access::OPEN.key_size(16), plain, Err(0x05)),
            (Access::OPEN.key_size(16), BONDED, Err(0x0F)),
            (Access::OPEN.key_size(16), ENCRYPTED, Err(0x0C)),
            (Access::OPEN.key_size(7), ENCRYPTED, Ok(())),
            (Access::OPEN.authorised(), authenticated, Err(0x08)),
            (Access::OPEN.authorised(), Security { authorised: true, ..plain }, Ok(())),
        ];
        for (access, link, expected) in cases {
            assert_eq!(access.check_security(link), expected.map_err(AttError), "{access:?} {link:?}");
        }
    }

    #[test]
    fn what_is_not_permitted_is_refused_before_security_is_looked_at() {
        let none = Permissions { read: Access::NONE.encrypted(), write: Access::NONE.encrypted() };
        assert_eq!(none.check_read(Security::default()), Err(AttError(0x02)));
        assert_eq!(none.check_write(Security::default()), Err(AttError(0x03)));
    }
}
