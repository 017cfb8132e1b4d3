//! The ATT client: one transaction at a time (Core Vol 3 Part F 3.3).

use super::state::DEFAULT_MTU;
use super::{AttCentral, Failure, l2cap};
use bt_hci::ReadHciError;
use bt_hci_transport::Transport;
use embassy_time::Duration;
use std::convert::Infallible;

/// Core Vol 3 Part F 3.3.3.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest attribute value in bytes (Core Vol 3 Part F 3.2.9).
const VALUE_LIMIT: usize = 512;
/// Attribute Not Long (Core Vol 3 Part F 3.4.1.1).
const NOT_LONG: u8 = 0x0B;
/// Invalid PDU, Request Not Supported, Unlikely Error, Insufficient Resources: they speak of the request
/// or the server, not of an attribute, and go with handle 0000 (Core Vol 3 Part F 3.3).
const OF_NO_ATTRIBUTE: [u8; 4] = [0x04, 0x06, 0x0E, 0x11];

/// Whether an Error Response names a handle that it can have for this request (Core Vol 3 Part F 3.4.1.1):
/// the request's own, or one in its range.
fn fits(request: &[u8], handle: u16, code: u8) -> bool {
    let of_request = match *request {
        // Read, Read Blob, Write, Prepare Write.
        [0x0A | 0x0C | 0x12 | 0x16, low, high, ..] => handle == u16::from_le_bytes([low, high]),
        // Find Information, Find By Type Value, Read By Type, Read By Group Type.
        [0x04 | 0x06 | 0x08 | 0x10, first_low, first_high, last_low, last_high, ..] => {
            let first = u16::from_le_bytes([first_low, first_high]);
            (first..=u16::from_le_bytes([last_low, last_high])).contains(&handle)
        }
        // Exchange MTU and Execute Write name none.
        _ => true,
    };
    of_request || (handle == 0 && OF_NO_ATTRIBUTE.contains(&code))
}

impl<T> AttCentral<T>
where
    T: Transport,
    T::Error: From<ReadHciError<Infallible>>,
{
    /// Sends a PDU that nothing answers: a command, a confirmation, or a wrong one.
    ///
    /// # Errors
    /// The link has ended, or the bench broke.
    pub async fn send(&self, pdu: &[u8]) -> Result<(), Failure> {
        self.state.borrow_mut().answered = false;
        self.send_frame(l2cap::CID_ATT, pdu).await
    }

    /// Sends a request and leaves the response PDU in `response`, whatever it is.
    ///
    /// # Errors
    /// [`Failure::NoResponse`] after 30 s, the link has ended, or the bench broke.
    pub async fn transact(&self, request: &[u8], response: &mut Vec<u8>) -> Result<(), Failure> {
        self.begin_transaction()?;
        self.send(request).await?;
        self.response(response).await
    }

    /// Sends requests without waiting for one another, as no client should (Core Vol 3 Part F 3.3.2), and
    /// leaves in `responses` what comes for them, in order.
    ///
    /// # Errors
    /// As [`Self::transact`]; the responses before it are kept.
    pub async fn pipeline(&self, requests: &[&[u8]], responses: &mut Vec<Vec<u8>>) -> Result<(), Failure> {
        self.begin_transaction()?;
        for request in requests {
            self.send(request).await?;
        }
        for _ in requests {
            self.state.borrow_mut().begin_request();
            let mut response = Vec::new();
            self.response(&mut response).await?;
            responses.push(response);
        }
        Ok(())
    }

    /// From here on a response is awaited; one that came before was asked for by nobody.
    fn begin_transaction(&self) -> Result<(), Failure> {
        self.check_up()?;
        let mut state = self.state.borrow_mut();
        if let Some(pdu) = state.responses.pop_front() {
            return Err(Failure::Malformed(format!("an unasked PDU {}", crate::hex::spaced(&pdu))));
        }
        state.begin_request();
        Ok(())
    }

    /// Waits for the next PDU that answers something.
    async fn response(&self, response: &mut Vec<u8>) -> Result<(), Failure> {
        let got = self.within(TRANSACTION_TIMEOUT, |state| {
            if let Some(pdu) = state.responses.pop_front() {
                (state.waiting, state.answered) = (false, true);
                state.spare.push(std::mem::replace(response, pdu));
                return Some(Ok(()));
            }
            match state.link {
                super::Link::Up(_) => None,
                super::Link::Down(reason) | super::Link::Failed(reason) => Some(Err(Failure::Gone(reason))),
                super::Link::Idle => Some(Err(Failure::Rig(super::not_connected()))),
            }
        });
        got.await?.unwrap_or(Err(Failure::NoResponse))
    }

    /// True from sending a request until its response: also when the wait was given up.
    pub fn is_waiting(&self) -> bool {
        self.state.borrow().waiting
    }

    /// The last PDU that was sent was a request, and its response has been taken; or none was sent on this link.
    pub fn is_answered(&self) -> bool {
        let state = self.state.borrow();
        state.answered && !state.waiting
    }

    /// From now on, [`Self::was_pushed_early`] speaks of the first request behind this call.
    pub fn begin_step(&self) {
        let mut state = self.state.borrow_mut();
        (state.requests, state.pushed_early) = (0, false);
    }

    /// A notification or indication came after the step's first request and before its response. (Behind a
    /// further request, what the first has caused may still be on its way.)
    pub fn was_pushed_early(&self) -> bool {
        self.state.borrow().pushed_early
    }

    /// Responses that have arrived and that no request waits for.
    pub fn take_unasked(&self) -> Vec<Vec<u8>> {
        let mut state = self.state.borrow_mut();
        if state.waiting { Vec::new() } else { state.responses.drain(..).collect() }
    }

    /// Sends a request that changes no value, and waits for its response: whatever the device queued before
    /// has then arrived. It closes this client's read snapshot. Gives the PDUs that came before the response, which nobody asked for.
    ///
    /// # Errors
    /// As [`Self::transact`].
    pub async fn fence(&self, request: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
        self.check_up()?;
        let opcode = request.first().copied().unwrap_or(0);
        self.state.borrow_mut().waiting = true;
        self.send(request).await?;
        let mut unasked = Vec::new();
        loop {
            let mut pdu = Vec::new();
            self.response(&mut pdu).await?;
            match *pdu {
                [got, ..] if got == opcode + 1 => return Ok(unasked),
                [0x01, of, ..] if of == opcode => return Ok(unasked),
                _ => {
                    self.state.borrow_mut().waiting = true;
                    unasked.push(pdu);
                }
            }
        }
    }

    /// As [`Self::transact`], and the response must have this opcode: an Error Response is
    /// [`Failure::Att`], anything else malformed.
    pub(super) async fn ask(
        &self,
        request: &[u8],
        opcode: u8,
        response: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        self.transact(request, response).await?;
        match **response {
            [got, ..] if got == opcode => Ok(()),
            [0x01, of, low, high, code]
                if Some(&of) == request.first() && fits(request, u16::from_le_bytes([low, high]), code) =>
            {
                Err(Failure::Att(code))
            }
            _ => Err(malformed(request, response)),
        }
    }

    /// Exchanges the MTU and gives the one that results.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn exchange_mtu(&self, size: u16) -> Result<u16, Failure> {
        let [low, high] = size.to_le_bytes();
        let request = [0x02, low, high];
        let mut response = Vec::new();
        self.ask(&request, 0x03, &mut response).await?;
        let [_, low, high] = *response else {
            return Err(malformed(&request, &response));
        };
        let server = u16::from_le_bytes([low, high]);
        if server < DEFAULT_MTU {
            return Err(malformed(&request, &response));
        }
        // Core Vol 3 Part F 3.4.2.2.
        Ok(self.set_mtu(size.min(server)))
    }

    /// Takes note of an exchange made with raw PDUs.
    pub fn set_mtu(&self, mtu: u16) -> u16 {
        let mtu = mtu.max(DEFAULT_MTU);
        self.state.borrow_mut().mtu = mtu;
        mtu
    }

    /// One Read Request; the response PDU, opcode and value, is left in `response`.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn read_into(&self, handle: u16, response: &mut Vec<u8>) -> Result<(), Failure> {
        let [low, high] = handle.to_le_bytes();
        let request = [0x0A, low, high];
        self.ask(&request, 0x0B, response).await?;
        self.check_length(&request, response)
    }

    /// One Read Request: the value, or as much of it as the MTU lets through.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn read(&self, handle: u16) -> Result<Vec<u8>, Failure> {
        let mut response = Vec::new();
        self.read_into(handle, &mut response).await?;
        response.remove(0);
        Ok(response)
    }

    /// A Read Request and Read Blob Requests up to the end of the value (Core Vol 3 Part G 4.8.3).
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn read_long(&self, handle: u16) -> Result<Vec<u8>, Failure> {
        let full = usize::from(self.mtu()) - 1;
        let mut value = self.read(handle).await?;
        let mut part_len = value.len();
        let mut response = Vec::new();
        while part_len == full {
            if value.len() > VALUE_LIMIT {
                return Err(Failure::Malformed(format!("a value of over {VALUE_LIMIT} bytes")));
            }
            let [low, high] = handle.to_le_bytes();
            let offset = u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes();
            let request = [0x0C, low, high, offset[0], offset[1]];
            match self.ask(&request, 0x0D, &mut response).await {
                // A value that fits into one response may be called not long (3.4.4.5).
                Err(Failure::Att(NOT_LONG)) if value.len() == full => break,
                result => result?,
            }
            self.check_length(&request, &response)?;
            let part = response.get(1..).unwrap_or_default();
            value.extend_from_slice(part);
            part_len = part.len();
        }
        if value.len() > VALUE_LIMIT {
            return Err(Failure::Malformed(format!("a value of {} bytes", value.len())));
        }
        Ok(value)
    }

    /// One Write Request.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn write(&self, handle: u16, value: &[u8]) -> Result<(), Failure> {
        let mut response = Vec::new();
        self.write_with(handle, value, &mut response).await
    }

    /// As [`Self::write`], with the caller's buffer for the response.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn write_with(&self, handle: u16, value: &[u8], response: &mut Vec<u8>) -> Result<(), Failure> {
        let request = write_pdu(0x12, handle, value);
        self.ask(&request, 0x13, response).await?;
        if response.len() == 1 {
            return Ok(());
        }
        Err(malformed(&request, response))
    }

    /// One Write Command.
    ///
    /// # Errors
    /// The link has ended, or the bench broke.
    pub async fn write_command(&self, handle: u16, value: &[u8]) -> Result<(), Failure> {
        self.send(&write_pdu(0x52, handle, value)).await
    }

    fn check_length(&self, request: &[u8], response: &[u8]) -> Result<(), Failure> {
        if response.len() > usize::from(self.mtu()) {
            return Err(malformed(request, response));
        }
        Ok(())
    }
}

pub(super) fn write_pdu(opcode: u8, handle: u16, value: &[u8]) -> Vec<u8> {
    let [low, high] = handle.to_le_bytes();
    [&[opcode, low, high], value].concat()
}

/// A response that does not fit its request.
pub(super) fn malformed(request: &[u8], response: &[u8]) -> Failure {
    Failure::Malformed(format!(
        "{} answered with {}",
        crate::hex::spaced(request),
        crate::hex::spaced(response)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_response_names_the_handle_of_its_request() {
        let cases: [(&[u8], u16, u8, bool); 9] = [
            (&[0x0A, 0x22, 0x00], 0x0022, 0x02, true),
            (&[0x0A, 0x22, 0x00], 0x0000, 0x02, false),
            (&[0x0A, 0x22, 0x00], 0x0023, 0x02, false),
            (&[0x0A, 0x22, 0x00], 0x0000, 0x0E, true),
            (&[0x12, 0x22, 0x00, 0x01], 0x2200, 0x03, false),
            (&[0x08, 0x20, 0x00, 0x30, 0x00, 0x03, 0x28], 0x0020, 0x0A, true),
            (&[0x08, 0x20, 0x00, 0x30, 0x00, 0x03, 0x28], 0x0025, 0x02, true),
            (&[0x08, 0x20, 0x00, 0x30, 0x00, 0x03, 0x28], 0x0031, 0x02, false),
            (&[0x02, 0x40, 0x00], 0x0000, 0x06, true),
        ];
        for (request, handle, code, right) in cases {
            assert_eq!(fits(request, handle, code), right, "{request:02X?} {handle:04X} {code:02X}");
        }
    }
}
