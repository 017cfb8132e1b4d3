//! The central against devices that break the rules, over the virtual radio.

use crate::support::{ATT, Act, Peer, att};
use air::{Air, Controller, ControllerConfig};
use embassy_time::{Duration, Instant};
use rig::central::{Address, AttCentral, Failure, TRANSACTION_TIMEOUT};
use std::cell::RefCell;
use std::pin::{Pin, pin};

const ADDRESS: Address = Address { bytes: [1, 2, 3, 4, 5, 0xC6], random: true };

/// Connects our central to a scripted device and does `work`.
fn with_peer<R>(
    script: impl FnMut(u16, &[u8]) -> Act,
    work: impl AsyncFnOnce(&AttCentral<Controller>) -> R,
) -> R {
    let air = Air::new(1);
    let peer = Peer::new(&air, script);
    // Small buffers, so that everything longer than 23 bytes is in fragments.
    let radio = air.controller(ControllerConfig {
        acl_packet_length: 27,
        acl_packet_count: 2,
        ..ControllerConfig::default()
    });
    let central = AttCentral::new(radio.clone());
    peer.advertise(ADDRESS.bytes);
    let (mut device, mut reader) = (pin!(peer.run()), pin!(central.run()));
    let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 2] = [device.as_mut(), reader.as_mut()];
    let result = air.run(
        async {
            central.init().await.unwrap();
            central.connect(ADDRESS, Duration::from_secs(5)).await.unwrap();
            work(&central).await
        },
        &mut tasks,
    );
    assert_eq!(radio.host_errors().count, 0, "{:?}", radio.host_errors().first);
    result.unwrap()
}

/// Discovery of `answer`'s device.
fn discover(mut answer: impl FnMut(&[u8]) -> Vec<u8>) -> Result<usize, Failure> {
    let script = move |_: u16, pdu: &[u8]| att(&answer(pdu));
    with_peer(script, async |central| central.discover().await.map(|found| found.services.len()))
}

#[test]
fn a_right_server_is_discovered() {
    let found = discover(|pdu| match *pdu {
        [0x10, 1, 0, ..] => vec![0x11, 6, 1, 0, 9, 0, 0x00, 0xA0],
        [0x08, 1, 0, 9, 0, 0x03, 0x28] => vec![0x09, 7, 2, 0, 0x12, 3, 0, 1, 0xA0],
        [0x04, 4, 0, 9, 0] => vec![0x05, 1, 4, 0, 0x02, 0x29],
        [opcode, low, high, ..] => vec![0x01, opcode, low, high, 0x0A],
        _ => vec![],
    });
    assert_eq!(found, Ok(1));
}

#[test]
fn malformed_discovery_is_told_and_ends() {
    let groups = vec![0x11, 6, 1, 0, 9, 0, 0x00, 0xA0];
    for (at, wrong) in [
        (0x10, vec![0x11, 6, 1, 0, 0, 0, 0x00, 0xA0]),
        (0x10, vec![0x11]),
        (0x10, vec![0x09, 7, 2, 0, 0x12, 3, 0, 1, 0xA0]),
        (0x10, vec![0x01, 0x08, 1, 0, 0x0A]),
        (0x10, vec![0x01, 0x10, 1, 0]),
        // The same characteristic again and again.
        (0x08, vec![0x09, 7, 1, 0, 0x12, 2, 0, 1, 0xA0, 1, 0, 0x12, 2, 0, 1, 0xA0]),
        // Its value outside of the service.
        (0x08, vec![0x09, 7, 2, 0, 0x12, 10, 0, 1, 0xA0]),
        (0x08, vec![0x09, 8, 2, 0, 9, 0, 3, 0, 1, 0xA0]),
    ] {
        let result = discover(|pdu| match pdu {
            [opcode, ..] if *opcode == at => wrong.clone(),
            [0x10, 1, 0, ..] => groups.clone(),
            [opcode, low, high, ..] => vec![0x01, *opcode, *low, *high, 0x0A],
            _ => vec![],
        });
        assert!(matches!(result, Err(Failure::Malformed(_))), "{wrong:02X?} gave {result:?}");
    }
}

#[test]
fn discovery_ends_whatever_the_server_answers() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        // Opcodes and lengths that are right more often than not reach deep.
        let result = discover(|pdu| {
            let opcode = if rng.u8(..8) == 0 { rng.u8(..) } else { pdu.first().unwrap_or(&0) + 1 };
            let item = *rng.choice(&[6, 7, 8, 20, 21, 1, 2, 0]).unwrap();
            let len = if rng.bool() { usize::from(item) } else { rng.usize(..21) };
            let mut answer = vec![opcode, item];
            answer.extend((0..len).map(|_| if rng.bool() { 0 } else { rng.u8(..) }));
            answer.truncate(23);
            answer
        });
        assert!(!matches!(result, Err(Failure::Rig(_))), "{result:?}");
    }
}

#[test]
fn a_silent_server_times_out_after_thirty_seconds() {
    let waited = with_peer(
        |_, _| Act::Send(vec![]),
        async |central| {
            let began = Instant::now();
            assert_eq!(central.read(3).await, Err(Failure::NoResponse));
            assert!(central.is_waiting());
            began.elapsed()
        },
    );
    assert!((TRANSACTION_TIMEOUT..TRANSACTION_TIMEOUT + Duration::from_millis(10)).contains(&waited));
}

#[test]
fn responses_that_nobody_asked_for_are_told() {
    let twice = |_, _: &[u8]| Act::Send(vec![(ATT, vec![0x0B, 1]), (ATT, vec![0x0B, 2])]);
    with_peer(twice, async |central| {
        assert_eq!(central.read(3).await, Ok(vec![1]));
        let strays = central.fence(&[0x0A, 3, 0]).await.unwrap();
        // The second answer is indistinguishable from the fence's; the fence's own are left over.
        assert!(strays.is_empty());
        embassy_time::Timer::after_secs(1).await;
        assert_eq!(central.take_breaches().len(), 2);
    });
}

#[test]
fn an_endless_value_is_malformed() {
    let full = |_: u16, pdu: &[u8]| att(&[&[pdu[0] + 1][..], &[7; 22]].concat());
    with_peer(full, async |central| {
        assert!(matches!(central.read_long(3).await, Err(Failure::Malformed(_))));
    });
}

#[test]
fn a_pdu_over_the_mtu_is_malformed() {
    let long = |_: u16, _: &[u8]| att(&[&[0x0B][..], &[7; 23]].concat());
    with_peer(long, async |central| {
        assert!(matches!(central.read(3).await, Err(Failure::Malformed(_))));
    });
}

#[test]
fn long_pdus_cross_in_fragments() {
    let written = RefCell::new(Vec::new());
    let script = |_: u16, pdu: &[u8]| match pdu {
        [0x02, ..] => att(&[0x03, 0x05, 0x02]),
        [0x12, _, _, value @ ..] => {
            written.borrow_mut().extend_from_slice(value);
            att(&[0x13])
        }
        _ => Act::Send(vec![]),
    };
    let value: Vec<u8> = (0..512).map(|n| n as u8).collect();
    with_peer(script, async |central| {
        assert_eq!(central.exchange_mtu(517).await, Ok(517));
        assert_eq!(central.write(3, &value).await, Ok(()));
    });
    assert_eq!(*written.borrow(), value);
}

#[test]
fn indications_are_confirmed_and_queue_with_notifications() {
    let confirmations = RefCell::new(0);
    let script = |_: u16, pdu: &[u8]| match pdu {
        [0x0A, ..] => {
            Act::Send(vec![(ATT, vec![0x1D, 5, 0, 1]), (ATT, vec![0x1B, 6, 0, 2]), (ATT, vec![0x0B])])
        }
        [0x1E] => {
            *confirmations.borrow_mut() += 1;
            Act::Send(vec![])
        }
        _ => Act::Send(vec![]),
    };
    with_peer(script, async |central| {
        central.fence(&[0x0A, 3, 0]).await.unwrap();
        let pushes = central.take_pushes();
        assert_eq!(pushes.iter().map(|pushed| pushed.handle).collect::<Vec<_>>(), [5, 6]);
        embassy_time::Timer::after_secs(1).await;
    });
    assert_eq!(*confirmations.borrow(), 1);
}

#[test]
fn the_other_channels_are_answered() {
    let answers = RefCell::new(Vec::new());
    let script = |cid: u16, pdu: &[u8]| match (cid, pdu) {
        (ATT, [0x0A, ..]) => Act::Send(vec![
            (5, vec![0x12, 7, 8, 0, 24, 0, 24, 0, 0, 0, 100, 0]),
            (5, vec![0x40, 8, 0, 0]),
            (6, vec![0x0B, 1]),
            (ATT, vec![0x10, 1, 0, 0xFF, 0xFF, 0, 0x28]),
            (0x40, vec![1, 2, 3]),
            (ATT, vec![0x0B]),
        ]),
        _ => {
            answers.borrow_mut().push((cid, pdu.to_vec()));
            Act::Send(vec![])
        }
    };
    with_peer(script, async |central| {
        assert_eq!(central.read(3).await, Ok(vec![]));
        embassy_time::Timer::after_secs(1).await;
        assert!(central.is_connected());
        assert_eq!(central.take_breaches(), Vec::<String>::new());
    });
    assert_eq!(
        *answers.borrow(),
        [
            (5, vec![0x13, 7, 2, 0, 0, 0]),
            (5, vec![0x01, 8, 2, 0, 0, 0]),
            (6, vec![0x05, 0x05]),
            (ATT, vec![0x01, 0x10, 0, 0, 0x06]),
        ]
    );
}

#[test]
fn the_end_of_the_link_says_whose_doing_it_was() {
    with_peer(
        |_, _| Act::Disconnect,
        async |central| {
            assert_eq!(central.read(3).await, Err(Failure::Gone(0x13)));
            assert_eq!(central.read(3).await, Err(Failure::Gone(0x13)));
        },
    );
    with_peer(
        |_, _| Act::Vanish,
        async |central| {
            assert_eq!(central.read(3).await, Err(Failure::Gone(0x08)));
        },
    );
}
