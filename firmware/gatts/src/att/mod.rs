//! The Attribute Protocol: each PDU to the function that knows it.

mod caching;
mod discovery;
mod multiple;
mod pdu;
mod queued;
mod read;
mod signed;
mod write;

use alloc::rc::Rc;

use crate::attribute::{CharacteristicState, ClientView};
use crate::client::{DEFAULT_MTU, Snapshot};
use crate::error::AttError;
use crate::permissions::Security;
use crate::push;
use crate::reply::ConnId;
use crate::shared::Shared;

use pdu::Refusal;
pub(crate) use pdu::Response;

/// Opcodes (Core Vol 3 Part F 3.4.8).
pub(crate) mod opcode {
    pub(super) const ERROR_RSP: u8 = 0x01;
    pub(super) const EXCHANGE_MTU_REQ: u8 = 0x02;
    pub(super) const EXCHANGE_MTU_RSP: u8 = 0x03;
    pub(super) const FIND_INFORMATION_REQ: u8 = 0x04;
    pub(super) const FIND_INFORMATION_RSP: u8 = 0x05;
    pub(super) const FIND_BY_TYPE_VALUE_REQ: u8 = 0x06;
    pub(super) const FIND_BY_TYPE_VALUE_RSP: u8 = 0x07;
    pub(super) const READ_BY_TYPE_REQ: u8 = 0x08;
    pub(super) const READ_BY_TYPE_RSP: u8 = 0x09;
    pub(super) const READ_REQ: u8 = 0x0A;
    pub(super) const READ_RSP: u8 = 0x0B;
    pub(super) const READ_BLOB_REQ: u8 = 0x0C;
    pub(super) const READ_BLOB_RSP: u8 = 0x0D;
    pub(super) const READ_MULTIPLE_REQ: u8 = 0x0E;
    pub(super) const READ_MULTIPLE_RSP: u8 = 0x0F;
    pub(super) const READ_BY_GROUP_TYPE_REQ: u8 = 0x10;
    pub(super) const READ_BY_GROUP_TYPE_RSP: u8 = 0x11;
    pub(super) const WRITE_REQ: u8 = 0x12;
    pub(super) const WRITE_RSP: u8 = 0x13;
    pub(super) const PREPARE_WRITE_REQ: u8 = 0x16;
    pub(super) const PREPARE_WRITE_RSP: u8 = 0x17;
    pub(super) const EXECUTE_WRITE_REQ: u8 = 0x18;
    pub(super) const EXECUTE_WRITE_RSP: u8 = 0x19;
    pub(crate) const HANDLE_VALUE_NTF: u8 = 0x1B;
    pub(crate) const HANDLE_VALUE_IND: u8 = 0x1D;
    pub(super) const HANDLE_VALUE_CFM: u8 = 0x1E;
    pub(super) const READ_MULTIPLE_VARIABLE_REQ: u8 = 0x20;
    pub(super) const READ_MULTIPLE_VARIABLE_RSP: u8 = 0x21;
    pub(crate) const MULTIPLE_HANDLE_VALUE_NTF: u8 = 0x23;
    pub(super) const WRITE_CMD: u8 = 0x52;
    pub(super) const SIGNED_WRITE_CMD: u8 = 0xD2;

    /// Set in every command (Core Vol 3 Part F 3.3.1).
    pub(super) const COMMAND_FLAG: u8 = 0x40;
}

/// What an opcode is to a server.
enum Role {
    Request,
    Command,
    Confirmation,
    /// A response, notification or indication: meant for a client (Core Vol 3 Part F 3.2.11).
    ForClient,
}

impl Role {
    fn of(opcode: u8) -> Self {
        use opcode::*;
        match opcode {
            HANDLE_VALUE_CFM => Self::Confirmation,
            ERROR_RSP
            | EXCHANGE_MTU_RSP
            | FIND_INFORMATION_RSP
            | FIND_BY_TYPE_VALUE_RSP
            | READ_BY_TYPE_RSP
            | READ_RSP
            | READ_BLOB_RSP
            | READ_MULTIPLE_RSP
            | READ_BY_GROUP_TYPE_RSP
            | WRITE_RSP
            | PREPARE_WRITE_RSP
            | EXECUTE_WRITE_RSP
            | READ_MULTIPLE_VARIABLE_RSP
            | HANDLE_VALUE_NTF
            | HANDLE_VALUE_IND
            | MULTIPLE_HANDLE_VALUE_NTF => Self::ForClient,
            _ if opcode & COMMAND_FLAG != 0 => Self::Command,
            _ => Self::Request,
        }
    }
}

/// What the functions for requests and commands need to know of the client.
struct Context<'a> {
    shared: &'a Rc<Shared>,
    conn: ConnId,
    mtu: usize,
    security: Security,
    /// The client's picture of the table is out of date, and it supports robust caching.
    barred: bool,
}

impl ClientView for Context<'_> {
    fn cccd_bits(&self, characteristic: &CharacteristicState) -> u8 {
        self.shared.client(self.conn, |client| client.cccd_bits(characteristic)).unwrap_or(0)
    }

    fn features(&self) -> u8 {
        self.shared.client(self.conn, |client| client.caching.features).unwrap_or(0)
    }

    fn database_hash(&self) -> [u8; 16] {
        self.shared.table.borrow().hash()
    }
}

/// Takes one PDU and writes the response into `out`; gives its length, 0 for none.
///
/// A client must not send a request before the last one has been answered (Core Vol 3 Part F 3.3.2), and a
/// server need do nothing about one that does. Here a request is answered before the next is looked at: a
/// client that does not wait gets all its answers, in order.
pub(crate) fn receive(shared: &Rc<Shared>, conn: ConnId, pdu: &[u8], out: &mut [u8]) -> usize {
    let Some((&opcode, parameters)) = pdu.split_first() else {
        return 0;
    };
    let role = Role::of(opcode);
    let mut snapshot = None;
    let is_request = matches!(role, Role::Request);
    let known = shared.client(conn, |client| {
        // Any request closes the snapshot of the last Read, except a Read Blob that goes on with it.
        if is_request {
            snapshot = client.snapshot.take();
            client.caching.request_arrived();
        }
        (usize::from(client.mtu), client.security, client.caching.is_barred())
    });
    let Some((mtu, security, barred)) = known else {
        return 0;
    };
    let context = Context { shared, conn, mtu, security, barred };
    match role {
        Role::ForClient => 0,
        Role::Confirmation => {
            if parameters.is_empty() {
                push::confirmed(shared, conn);
            }
            0
        }
        // A command that cannot be carried out is ignored (Core Vol 3 Part F 3.3 and 3.4.5.3).
        Role::Command => {
            command(&context, opcode, pdu, parameters);
            0
        }
        Role::Request => {
            let mut response = Response::new(out, context.mtu);
            if let Err(refusal) = request(&context, opcode, parameters, snapshot, &mut response) {
                error_response(opcode, refusal, &mut response);
            }
            response.len()
        }
    }
}

/// Commands of a client with an old picture of the table are ignored (Core Vol 3 Part G 2.5.2.1), and so are
/// those above ATT_MTU.
fn command(context: &Context<'_>, opcode: u8, pdu: &[u8], parameters: &[u8]) {
    if context.barred || pdu.len() > context.mtu {
        return;
    }
    match opcode {
        opcode::WRITE_CMD => {
            let _ = write::store(context, parameters);
        }
        opcode::SIGNED_WRITE_CMD => {
            let _ = signed::store(context, pdu);
        }
        _ => {}
    }
}

fn request(
    context: &Context<'_>,
    opcode: u8,
    parameters: &[u8],
    snapshot: Option<Snapshot>,
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    use opcode::*;
    // A PDU above ATT_MTU has the wrong length, whatever it says (Core Vol 3 Part F 3.2.8 and 3.3).
    if parameters.len() >= context.mtu && is_supported(opcode) {
        return Err(Refusal::of_request(AttError::INVALID_PDU));
    }
    if context.barred {
        caching::refuse_once(context, opcode, parameters)?;
    }
    match opcode {
        EXCHANGE_MTU_REQ => exchange_mtu(context, parameters, response),
        FIND_INFORMATION_REQ => discovery::find_information(context, parameters, response),
        FIND_BY_TYPE_VALUE_REQ => discovery::find_by_type_value(context, parameters, response),
        READ_BY_TYPE_REQ => read::by_type(context, parameters, response),
        READ_REQ => read::read(context, parameters, response),
        READ_BLOB_REQ => read::blob(context, snapshot, parameters, response),
        READ_MULTIPLE_REQ => multiple::values(context, parameters, response),
        READ_MULTIPLE_VARIABLE_REQ => multiple::tuples(context, parameters, response),
        READ_BY_GROUP_TYPE_REQ => discovery::read_by_group_type(context, parameters, response),
        WRITE_REQ => {
            write::store(context, parameters)?;
            response.begin(WRITE_RSP);
            Ok(())
        }
        PREPARE_WRITE_REQ => queued::prepare(context, parameters, response),
        EXECUTE_WRITE_REQ => queued::execute(context, parameters, response),
        _ => Err(Refusal::of_request(AttError::REQUEST_NOT_SUPPORTED)),
    }
}

fn is_supported(opcode: u8) -> bool {
    use opcode::*;
    matches!(
        opcode,
        EXCHANGE_MTU_REQ
            | FIND_INFORMATION_REQ
            | FIND_BY_TYPE_VALUE_REQ
            | READ_BY_TYPE_REQ
            | READ_REQ
            | READ_BLOB_REQ
            | READ_MULTIPLE_REQ
            | READ_BY_GROUP_TYPE_REQ
            | WRITE_REQ
            | PREPARE_WRITE_REQ
            | EXECUTE_WRITE_REQ
            | READ_MULTIPLE_VARIABLE_REQ
    )
}

/// Core Vol 3 Part F 3.4.1.1. Codes that concern the request or the server, not an attribute, go with
/// handle 0 (3.3).
fn error_response(opcode: u8, refusal: Refusal, response: &mut Response<'_>) {
    let handle = match refusal.error {
        AttError::INVALID_PDU
        | AttError::REQUEST_NOT_SUPPORTED
        | AttError::UNLIKELY_ERROR
        | AttError::INSUFFICIENT_RESOURCES => 0,
        _ => refusal.handle,
    };
    response.begin(opcode::ERROR_RSP);
    response.put(&[opcode]);
    response.put(&handle.to_le_bytes());
    response.put(&[refusal.error.0]);
}

/// Core Vol 3 Part F 3.4.2. A client that sends a second request, though it should not, gets a second
/// answer, and both ends then apply that: they stay in agreement. A Client Rx MTU below the default leaves
/// the default.
fn exchange_mtu(
    context: &Context<'_>,
    parameters: &[u8],
    response: &mut Response<'_>,
) -> Result<(), Refusal> {
    let (client_rx_mtu, rest) = pdu::take_u16(parameters)?;
    pdu::end(rest)?;
    let server_rx_mtu = context.shared.config.rx_mtu();
    response.begin(opcode::EXCHANGE_MTU_RSP);
    response.put(&server_rx_mtu.to_le_bytes());
    let mtu = client_rx_mtu.min(server_rx_mtu).max(DEFAULT_MTU);
    context.shared.client(context.conn, |client| client.mtu = mtu);
    Ok(())
}

/// Keeps what a Read has answered with, for the Read Blobs that follow.
fn open_snapshot(context: &Context<'_>, handle: u16, value: Rc<[u8]>) {
    context.shared.client(context.conn, |client| client.snapshot = Some(Snapshot { handle, value }));
}
