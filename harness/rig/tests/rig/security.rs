//! Encryption with keys that the two ends do not share.

use crate::support::{Peer, att};
use air::{Air, Controller, ControllerConfig};
use board::VirtualBoard;
use bt_hci_transport::{PacketKind, PacketToController, PacketToHost, Transport};
use conformance::compare::compare;
use conformance::parse::parse;
use conformance::plan::plan;
use conformance::verdict::Verdict;
use embassy_time::{Duration, Instant};
use embedded_io_async::ErrorType;
use rig::central::{Address, AttCentral, Encryption, Failure, Keys, TRANSACTION_TIMEOUT};
use rig::drive::{Setup, drive};
use rig::link::{BoardLink, Reply, Report};
use std::pin::{Pin, pin};
use wire::{Access, ApiValue, Bond, Call, Characteristic, Device, Service, Start, Table, Uuid};

const ADDRESS: Address = Address { bytes: [1, 2, 3, 4, 5, 0xC6], random: true };
const DEADLINE: Duration = Duration::from_secs(10);
/// HCI error codes (Core Vol 1 Part F 1.3).
const KEY_MISSING: u8 = 0x06;
const CONNECTION_TIMEOUT: u8 = 0x08;
const MIC_FAILURE: u8 = 0x3D;
/// As bytes (Core Vol 4 Part E 7.8.24).
const LE_ENABLE_ENCRYPTION: [u8; 2] = 0x2019u16.to_le_bytes();
/// Value handle of the one characteristic, whose reading needs encryption.
const HANDLE: u16 = 9;

/// The start of [`device`] under an address.
fn started(address: Address) -> Start {
    Start { device: device(), address: address.bytes, seed: 1, mutant: Vec::new() }
}

fn device() -> Device {
    let secret = Characteristic {
        uuid: Uuid::Int(0xA001),
        handle: None,
        cccd_handle: None,
        properties: 0x02,
        read: Access::Encrypted(7),
        write: Access::Never,
        subscribe: Access::Open,
        length: wire::Length::UpTo(1),
        value: ApiValue::Int(5),
        descriptors: vec![],
        callback: None,
    };
    let service = Service {
        uuid: Uuid::Int(0xA000),
        primary: true,
        handle: None,
        includes: vec![],
        characteristics: vec![secret],
    };
    Device::Table(Table { name: "x".into(), services: vec![service], ..Table::default() })
}

/// A board and a central that are connected.
pub(crate) fn with_board(work: impl AsyncFnOnce(&BoardLink, &AttCentral<Controller>)) {
    let air = Air::new(3);
    let radio = air.controller(ControllerConfig::default());
    let board = VirtualBoard::new(&air, radio.clone());
    let central = AttCentral::new(air.controller(ControllerConfig::default()));
    let link = BoardLink::new();
    let (mut pump, mut host, mut serial) = (pin!(board.pump()), pin!(board.host()), pin!(board.link()));
    let (mut line, mut reader) = (pin!(link.run(board.serial())), pin!(central.run()));
    let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 5] =
        [pump.as_mut(), host.as_mut(), serial.as_mut(), line.as_mut(), reader.as_mut()];
    let all = async {
        link.hello().await.unwrap();
        link.start(started(ADDRESS)).await.unwrap();
        central.init().await.unwrap();
        central.connect(ADDRESS, DEADLINE).await.unwrap();
        work(&link, &central).await;
    };
    air.run(all, &mut tasks).unwrap();
    assert_eq!(radio.host_errors().count, 0, "{:?}", radio.host_errors().first);
}

fn bond(central: &AttCentral<Controller>, ltk: [u8; 16]) -> Call {
    let Address { bytes, random } = central.address();
    let bond = Bond { address: bytes, random, ltk, key_size: 16, authenticated: false, csrk: None };
    Call::Bond(bond)
}

#[test]
fn a_board_without_the_key_refuses_and_the_link_goes_on_as_it_was() {
    with_board(async |link, central| {
        central.set_keys(Keys::new([7; 16], None));
        for _ in 0..2 {
            assert_eq!(central.encrypt().await, Ok(Encryption::Refused(KEY_MISSING)));
            assert_eq!(central.read(HANDLE).await, Err(Failure::Att(0x05)));
        }
        assert_eq!(link.call(bond(central, [7; 16])).await, Ok(Reply::Done));
        assert_eq!(central.read(HANDLE).await, Err(Failure::Att(0x0F)));
        assert_eq!(central.encrypt().await, Ok(Encryption::On));
        assert_eq!(central.read(HANDLE).await, Ok(vec![5]));
        // The host's commands still get through.
        assert_eq!(link.call(Call::DisconnectClient).await, Ok(Reply::Done));
        assert!(central.wait_gone(DEADLINE).await.unwrap().is_some());
        central.connect(ADDRESS, DEADLINE).await.unwrap();
        assert_eq!(central.read(HANDLE).await, Err(Failure::Att(0x0F)));
    });
}

#[test]
fn another_start_of_the_same_device_keeps_the_bond_and_another_device_has_none() {
    with_board(async |link, central| {
        central.set_keys(Keys::new([7; 16], None));
        assert_eq!(link.call(bond(central, [7; 16])).await, Ok(Reply::Done));
        let other = Address { bytes: [1, 2, 3, 4, 6, 0xC6], random: true };
        for (address, encryption) in [
            (ADDRESS, Encryption::On),
            (other, Encryption::Refused(KEY_MISSING)),
            (ADDRESS, Encryption::Refused(KEY_MISSING)),
        ] {
            link.start(started(address)).await.unwrap();
            assert!(central.wait_gone(DEADLINE).await.unwrap().is_some());
            central.connect(address, DEADLINE).await.unwrap();
            assert_eq!(central.encrypt().await, Ok(encryption));
        }
    });
}

#[test]
fn with_another_key_the_link_ends_and_the_board_says_why() {
    with_board(async |link, central| {
        central.set_keys(Keys::new([7; 16], None));
        assert_eq!(link.call(bond(central, [8; 16])).await, Ok(Reply::Done));
        assert_eq!(central.encrypt().await, Err(Failure::Gone(CONNECTION_TIMEOUT)));
        let ended = |report: &Report| *report == Report::Disconnected { reason: MIC_FAILURE };
        link.wait_report(DEADLINE, "report of the disconnection", ended).await.unwrap();
        assert_eq!(link.count_reports(|report| matches!(report, Report::Encrypted { .. })), 0);
    });
}

/// An adapter that turns one bit of the key that it is to encrypt with.
struct WrongKey(Controller);

impl ErrorType for WrongKey {
    type Error = <Controller as ErrorType>::Error;
}

impl Transport for WrongKey {
    async fn read<'a, P: PacketToHost<'a>>(&self, rx: &'a mut [u8]) -> Result<P, Self::Error> {
        self.0.read(rx).await
    }

    async fn write<P: PacketToController>(&self, packet: &P) -> Result<(), Self::Error> {
        let mut bytes = Vec::new();
        packet.write_hci(&mut bytes).unwrap();
        if P::KIND == PacketKind::Cmd && bytes.starts_with(&LE_ENABLE_ENCRYPTION) {
            *bytes.last_mut().unwrap() ^= 1;
        }
        self.0.write_packet(P::KIND, &bytes).unwrap();
        Ok(())
    }
}

#[test]
fn a_device_that_uses_another_key_than_it_took_has_failed() {
    let steps = "steps: [connect, bond: {level: authenticated}, encrypt, disconnect]\n";
    let text = format!("name: a\ncovers: [SEC-1]\ndevice: lopy\n{steps}");
    let plan = plan(&parse("x.yaml", "x", &text).unwrap());
    let air = Air::new(3);
    let board = VirtualBoard::new(&air, air.controller(ControllerConfig::default()));
    let central = AttCentral::new(WrongKey(air.controller(ControllerConfig::default())));
    let link = BoardLink::new();
    let (mut pump, mut host, mut serial) = (pin!(board.pump()), pin!(board.host()), pin!(board.link()));
    let (mut line, mut reader) = (pin!(link.run(board.serial())), pin!(central.run()));
    let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 5] =
        [pump.as_mut(), host.as_mut(), serial.as_mut(), line.as_mut(), reader.as_mut()];
    let setup = Setup { seed: 1, certain_radio: true, address: None, mutant: &[] };
    let work = drive(&plan, Some(&link), std::slice::from_ref(&central), setup);
    let driven = air.run(work, &mut tasks).unwrap();
    assert_eq!(driven.fault, None);
    let Verdict::Fail(mismatch) = compare(&plan, &driven.observations, None) else { panic!("{driven:?}") };
    assert_eq!(mismatch.step, 2);
    let expected = "the device did not encrypt the link (error 0x3D), expected an encrypted link";
    assert_eq!(mismatch.summary, expected);
}

#[test]
fn impossible_bonds_are_refused_in_words() {
    with_board(async |link, central| {
        let wrong = |change: fn(&mut Bond)| {
            let Call::Bond(mut bond) = bond(central, [7; 16]) else { unreachable!() };
            change(&mut bond);
            Call::Bond(bond)
        };
        for size in [0, 6, 17, 255] {
            let Call::Bond(bond) = wrong(|_| {}) else { unreachable!() };
            let got = link.call(Call::Bond(Bond { key_size: size, ..bond })).await;
            assert_eq!(got, Ok(Reply::Refused("an encryption key has 7 to 16 bytes".into())));
        }
        for number in 0..9 {
            let Call::Bond(bond) = wrong(|_| {}) else { unreachable!() };
            let got = link.call(Call::Bond(Bond { address: [number; 6], ..bond })).await;
            let room =
                if number < 8 { Reply::Done } else { Reply::Refused("no room for another bond".into()) };
            assert_eq!(got, Ok(room), "bond {number}");
        }
        // A new bond with a known client needs none.
        assert_eq!(link.call(wrong(|bond| bond.address = [3; 6])).await, Ok(Reply::Done));
    });
}

#[test]
fn a_device_that_never_gives_its_key_is_given_up() {
    let air = Air::new(1);
    let peer = Peer::new(&air, |_, _| att(&[]));
    let central = AttCentral::new(air.controller(ControllerConfig::default()));
    peer.advertise(ADDRESS.bytes);
    let (mut device, mut reader) = (pin!(peer.run()), pin!(central.run()));
    let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 2] = [device.as_mut(), reader.as_mut()];
    let all = async {
        central.init().await.unwrap();
        central.connect(ADDRESS, DEADLINE).await.unwrap();
        assert!(matches!(central.encrypt().await, Err(Failure::Rig(_))), "there is no key yet");
        assert!(matches!(central.write_signed(HANDLE, &[1]).await, Err(Failure::Rig(_))));
        central.set_keys(Keys::new([7; 16], None));
        assert!(matches!(central.write_signed(HANDLE, &[1]).await, Err(Failure::Rig(_))));
        let began = Instant::now();
        assert_eq!(central.encrypt().await, Err(Failure::NoResponse));
        assert_eq!(began.elapsed(), TRANSACTION_TIMEOUT);
    };
    air.run(all, &mut tasks).unwrap();
}
