//! What completions carry: the slot that they belong to, which use of the slot, and in which role the request stood.
#![forbid(unsafe_code)]

/// The role of a request that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Role {
    /// The operation itself.
    Operation = 1,
    /// The cancellation of the operation in the slot.
    Cancel = 2,
    /// The time limit that is linked to the operation in the slot, on kernels without timeouts or cancellations.
    Limit = 3,
    /// The closing of a file, which belongs to no slot.
    Close = 4,
    /// A request that tries out what the kernel has. The index is its opcode, and it belongs to no slot.
    Trial = 5,
    /// The timeout that counts time for the limits of one class. The index is the class, and it belongs to no slot.
    Tick = 6,
}

/// The user data of a request: 32 bits of the slot's generation, 16 of the role, 16 of the slot's index.
///
/// The generation changes each time that the slot is given to another operation or request, so that a completion of an earlier one
/// reaches nobody. (An operation's own completions never come late, because its slot is reserved until the last of
/// them. Those of cancellations and time limits do come late.)
// kernel: io_uring/cancel.c io_cancel_req_match (7.2): a cancellation by user data ends a request of this ring whose
// user data is equal in all 64 bits. So one that is late finds nothing once the generation has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) role: Role,
    pub(crate) index: u16,
    pub(crate) generation: u32,
}

impl Token {
    pub(crate) const CLOSE: Self = Self { role: Role::Close, index: 0, generation: 0 };

    /// Returns the token of the trial of an opcode.
    pub(crate) const fn trial(code: u8) -> Self {
        Self { role: Role::Trial, index: code as u16, generation: 0 }
    }

    /// Returns the token of a timeout of a class of limits.
    pub(crate) const fn tick(class: u16, generation: u32) -> Self {
        Self { role: Role::Tick, index: class, generation }
    }

    pub(crate) const fn encode(self) -> u64 {
        (self.generation as u64) << 32 | (self.role as u64) << 16 | self.index as u64
    }

    pub(crate) fn decode(user_data: u64) -> Option<Self> {
        // Each cast keeps the bits of its field.
        let (generation, role, index) = ((user_data >> 32) as u32, (user_data >> 16) as u16, user_data as u16);
        let roles = [Role::Operation, Role::Cancel, Role::Limit, Role::Close, Role::Trial, Role::Tick];
        let role = roles.into_iter().find(|&known| known as u16 == role)?;
        Some(Self { role, index, generation })
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, Token};

    #[test]
    fn a_token_comes_back_as_it_was() {
        for role in [Role::Operation, Role::Cancel, Role::Limit, Role::Close, Role::Trial, Role::Tick] {
            for (index, generation) in [(0, 0), (u16::MAX, 1), (7, u32::MAX), (u16::MAX, u32::MAX)] {
                let token = Token { role, index, generation };
                assert_eq!(Token::decode(token.encode()), Some(token));
            }
        }
    }

    #[test]
    fn user_data_of_others_is_no_token() {
        assert_eq!(Token::decode(0), None);
        assert_eq!(Token::decode(u64::MAX), None);
        // Requests that the ring core pushes for itself.
        assert_eq!(Token::decode(0xba5e_0b5e_55ed_0001), None);
    }
}
