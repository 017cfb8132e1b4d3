//! Prepared writes: one long value, or several values as one (Core Vol 3 Part G 4.9.4 and 4.9.5).

use super::att::malformed;
use super::{AttCentral, Failure};
use bt_hci::ReadHciError;
use bt_hci_transport::Transport;
use std::convert::Infallible;

/// Opcode, handle and offset of a Prepare Write Request.
const HEADER_LEN: usize = 5;

impl<T> AttCentral<T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    /// Prepare Write Requests for the parts of each value, in order, and one Execute Write Request for
    /// all. When a part is refused, or its echo differs, what was prepared is cancelled.
    ///
    /// # Errors
    /// [`Failure`]; an echo that differs is [`Failure::Malformed`] (Core Vol 3 Part F 3.4.6.2).
    pub async fn write_prepared(&self, writes: &[(u16, &[u8])]) -> Result<(), Failure> {
        let mut prepared = 0_usize;
        for (handle, value) in writes {
            if let Err(failure) = self.prepare(*handle, value, &mut prepared).await {
                let is_alive = matches!(failure, Failure::Att(_) | Failure::Malformed(_));
                if is_alive && prepared > 0 {
                    self.execute(false).await?;
                }
                return Err(failure);
            }
        }
        self.execute(true).await
    }

    async fn prepare(&self, handle: u16, value: &[u8], prepared: &mut usize) -> Result<(), Failure> {
        let part_len = usize::from(self.mtu()).saturating_sub(HEADER_LEN).max(1);
        let mut parts: Vec<&[u8]> = value.chunks(part_len).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let mut response = Vec::new();
        for (index, part) in parts.into_iter().enumerate() {
            let offset = u16::try_from(index * part_len).unwrap_or(u16::MAX);
            let request = [&[0x16], handle.to_le_bytes().as_slice(), &offset.to_le_bytes(), part].concat();
            self.ask(&request, 0x17, &mut response).await?;
            *prepared += 1;
            // The echo is the request with another opcode.
            if response.get(1..) != request.get(1..) {
                return Err(malformed(&request, &response));
            }
        }
        Ok(())
    }

    /// Execute Write Request: writes what was prepared, or throws it away.
    async fn execute(&self, write: bool) -> Result<(), Failure> {
        let request = [0x18, u8::from(write)];
        let mut response = Vec::new();
        self.ask(&request, 0x19, &mut response).await?;
        match response.len() {
            1 => Ok(()),
            _ => Err(malformed(&request, &response)),
        }
    }
}
