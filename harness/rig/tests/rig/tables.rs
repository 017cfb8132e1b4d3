//! Tables on the board, as a client sees them.

use rig::link::Reply;
use wire::{Access, ApiValue, Call, Characteristic, Length, Service, Uuid};

use crate::security::with_board;

fn characteristic(value: &str) -> Characteristic {
    Characteristic {
        uuid: Uuid::Int(0xA011),
        handle: None,
        cccd_handle: None,
        properties: 0x02,
        read: Access::Open,
        write: Access::Never,
        subscribe: Access::Open,
        length: Length::UpTo(4),
        value: ApiValue::Text(value.into()),
        descriptors: vec![],
        callback: None,
    }
}

fn service(characteristics: Vec<Characteristic>) -> Call {
    let uuid = Uuid::Int(0xA010);
    let service = Service { uuid, primary: true, handle: None, includes: vec![], characteristics };
    Call::AddService(1, Box::new(service))
}

/// The device has one service, at handles 7 to 9.
#[test]
fn of_an_impossible_service_a_client_finds_nothing() {
    const FIND: [u8; 5] = [0x04, 0x0A, 0x00, 0xFF, 0xFF];
    const NOT_FOUND: [u8; 5] = [0x01, 0x04, 0x0A, 0x00, 0x0A];
    with_board(async |link, central| {
        let mut answer = Vec::new();
        let impossible = service(vec![characteristic("good"), characteristic("too long")]);
        let refused = link.call(impossible).await.unwrap();
        let why = "service 1, characteristic 1: value of 8 bytes is over the limit of 4";
        assert_eq!(refused, Reply::Refused(why.into()));
        central.transact(&FIND, &mut answer).await.unwrap();
        assert_eq!(answer, NOT_FOUND);
        assert_eq!(link.call(service(vec![characteristic("good")])).await, Ok(Reply::Done));
        central.transact(&FIND, &mut answer).await.unwrap();
        assert_eq!(answer, [0x05, 0x01, 0x0A, 0, 0x00, 0x28, 0x0B, 0, 0x03, 0x28, 0x0C, 0, 0x11, 0xA0]);
    });
}
