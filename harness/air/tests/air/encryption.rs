//! Encryption: the procedures, what waits for them, and what ends the link.

use crate::support::*;
use air::{Air, HostError};
use bt_hci_transport::PacketKind;
use embassy_time::{Duration, Instant, Timer, with_timeout};

const ENABLE: u16 = 0x2019;
const REPLY: u16 = 0x201A;
const NEGATIVE_REPLY: u16 = 0x201B;
const ENCRYPTION_CHANGE: u8 = 0x08;
const KEY_REFRESH_COMPLETE: u8 = 0x30;
const KEY_REQUEST: u8 = 0x05;

const KEY: [u8; 16] = [7; 16];
/// Random number and EDIV.
const REQUEST: [u8; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

fn with_handle(handle: u16, rest: &[u8]) -> Vec<u8> {
    [&handle.to_le_bytes(), rest].concat()
}

async fn enable(central: &Host, handle: u16, key: [u8; 16]) {
    central.must(ENABLE, &with_handle(handle, &[&REQUEST[..], &key].concat())).await;
}

/// The peripheral is asked, and answers with the key.
async fn reply(peripheral: &Host, handle: u16, key: [u8; 16]) {
    assert_eq!(peripheral.le_event(KEY_REQUEST).await, with_handle(handle, &REQUEST));
    assert_eq!(peripheral.must(REPLY, &with_handle(handle, &key)).await, handle.to_le_bytes());
}

async fn encrypt(central: &Host, peripheral: &Host, (there, here): (u16, u16)) {
    enable(central, there, KEY).await;
    reply(peripheral, here, KEY).await;
    for (host, handle) in [(central, there), (peripheral, here)] {
        let [low, high] = handle.to_le_bytes();
        assert_eq!(host.event(ENCRYPTION_CHANGE).await, [0, low, high, 1]);
    }
}

/// All data packets that a host has got and not taken, and those of the next second.
async fn drain(host: &Host) -> Vec<u8> {
    let mut all = Vec::new();
    while let Ok((_, data)) = with_timeout(Duration::from_secs(1), host.data()).await {
        all.extend(data);
    }
    all
}

#[test]
fn an_encrypted_link_goes_on_and_data_waits_for_the_end_of_the_procedure() {
    for loss in [0, 300] {
        let air = Air::new(21);
        let (central, peripheral) = pair(&air);
        air.run(
            async {
                let (there, here) = connect(&central, &peripheral, 24, 400).await;
                air.set_loss(loss);
                central.send(there, &[1]);
                enable(&central, there, KEY).await;
                central.send(there, &[2]);
                let request = peripheral.le_event(KEY_REQUEST).await;
                assert_eq!(request, with_handle(here, &REQUEST));
                assert_eq!(peripheral.data().await.1, [1], "what was written before goes before");
                peripheral.send(here, &[3]);
                let silence = with_timeout(Duration::from_secs(3), peripheral.data()).await;
                assert!(silence.is_err(), "nothing moves while the key is missing");
                peripheral.must(REPLY, &with_handle(here, &KEY)).await;
                loop {
                    let (kind, bytes) = peripheral.any().await;
                    assert_eq!(kind, PacketKind::Event, "data before Encryption Change");
                    if bytes[0] == ENCRYPTION_CHANGE {
                        break;
                    }
                }
                central.event(ENCRYPTION_CHANGE).await;
                assert_eq!((peripheral.data().await.1, central.data().await.1), (vec![2], vec![3]));
                central.send(there, &[4]);
                assert_eq!(peripheral.data().await.1, [4]);
            },
            &mut [],
        )
        .unwrap();
        central.no_errors();
        peripheral.no_errors();
    }
}

#[test]
fn encryption_takes_the_connection_events_that_its_pdus_need() {
    let air = Air::new(22);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let handles = connect(&central, &peripheral, 24, 400).await;
            central.send(handles.0, &[1]);
            peripheral.data().await;
            let anchor = Instant::now();
            encrypt(&central, &peripheral, handles).await;
            // LL_ENC_REQ and LL_ENC_RSP in one event, and all from LL_START_ENC_REQ on in the next.
            assert_eq!(anchor.elapsed().as_micros(), 60_000);
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_new_key_pauses_encryption_and_ends_with_a_refresh() {
    let air = Air::new(23);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            encrypt(&central, &peripheral, (there, here)).await;
            for key in [[8; 16], [9; 16]] {
                enable(&central, there, key).await;
                central.send(there, &[1]);
                reply(&peripheral, here, key).await;
                assert_eq!(central.event(KEY_REFRESH_COMPLETE).await, with_handle(there, &[])[..].prepend(0));
                assert_eq!(
                    peripheral.event(KEY_REFRESH_COMPLETE).await,
                    with_handle(here, &[])[..].prepend(0)
                );
                assert_eq!(peripheral.data().await.1, [1]);
            }
            assert!(!central.has_event(ENCRYPTION_CHANGE) && !peripheral.has_event(ENCRYPTION_CHANGE));
        },
        &mut [],
    )
    .unwrap();
}

trait Prepend {
    fn prepend(&self, first: u8) -> Vec<u8>;
}

impl Prepend for [u8] {
    fn prepend(&self, first: u8) -> Vec<u8> {
        [&[first], self].concat()
    }
}

#[test]
fn a_peripheral_without_a_key_refuses_and_the_link_goes_on_in_the_clear() {
    for masked in [false, true] {
        let air = Air::new(24);
        let (central, peripheral) = pair(&air);
        air.run(
            async {
                let (there, here) = connect(&central, &peripheral, 24, 400).await;
                if masked {
                    peripheral.must(0x2001, &[0x0F, 0, 0, 0, 0, 0, 0, 0]).await;
                }
                enable(&central, there, KEY).await;
                central.send(there, &[1]);
                if !masked {
                    peripheral.le_event(KEY_REQUEST).await;
                    peripheral.send(here, &[2]);
                    let answer = peripheral.must(NEGATIVE_REPLY, &here.to_le_bytes()).await;
                    assert_eq!(answer, here.to_le_bytes());
                }
                let [low, high] = there.to_le_bytes();
                assert_eq!(central.event(ENCRYPTION_CHANGE).await, [0x06, low, high, 0]);
                assert_eq!(drain(&peripheral).await, [1]);
                assert_eq!(drain(&central).await, if masked { vec![] } else { vec![2] });
                assert!(!peripheral.has_event(ENCRYPTION_CHANGE));
                // It can be tried again.
                peripheral.must(0x2001, &[0xFF; 8]).await;
                encrypt(&central, &peripheral, (there, here)).await;
            },
            &mut [],
        )
        .unwrap();
    }
}

#[test]
fn an_encrypted_link_whose_new_key_is_missing_ends() {
    let air = Air::new(25);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            encrypt(&central, &peripheral, (there, here)).await;
            enable(&central, there, KEY).await;
            central.send(there, &[1]);
            peripheral.le_event(KEY_REQUEST).await;
            peripheral.must(NEGATIVE_REPLY, &here.to_le_bytes()).await;
            assert_eq!((reason(&central).await, reason(&peripheral).await), (0x06, 0x16));
            assert_eq!(drain(&peripheral).await, [], "nothing was said in the clear");
            // The packet that was held up has left its buffer.
            let (there, _) = reconnect(&central, &peripheral, 24, 400).await;
            for number in 0..8 {
                central.send(there, &[number]);
            }
            assert_eq!(drain(&peripheral).await, [0, 1, 2, 3, 4, 5, 6, 7]);
        },
        &mut [],
    )
    .unwrap();
    central.no_errors();
}

#[test]
fn different_keys_end_the_link() {
    for refreshing in [false, true] {
        let air = Air::new(26);
        let (central, peripheral) = pair(&air);
        air.run(
            async {
                let (there, here) = connect(&central, &peripheral, 24, 100).await;
                if refreshing {
                    encrypt(&central, &peripheral, (there, here)).await;
                }
                enable(&central, there, KEY).await;
                peripheral.le_event(KEY_REQUEST).await;
                peripheral.send(here, &[1]);
                let asked = Instant::now();
                peripheral.must(REPLY, &with_handle(here, &[8; 16])).await;
                assert_eq!(reason(&peripheral).await, 0x3D);
                assert_eq!(asked.elapsed().as_micros(), 30_000);
                // The peripheral has left without a word.
                assert_eq!(reason(&central).await, 0x08);
                assert_eq!(asked.elapsed().as_micros(), 1_030_000);
                assert!(!central.has_event(ENCRYPTION_CHANGE) || refreshing);
                let again = reconnect(&central, &peripheral, 24, 400).await;
                encrypt(&central, &peripheral, again).await;
            },
            &mut [],
        )
        .unwrap();
        peripheral.no_errors();
    }
}

#[test]
fn a_host_that_never_answers_ends_the_link_after_40_seconds() {
    let air = Air::new(27);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            enable(&central, there, KEY).await;
            let begin = Instant::now();
            peripheral.le_event(KEY_REQUEST).await;
            assert_eq!(reason(&central).await, 0x22);
            assert_eq!(begin.elapsed().as_millis(), 40_000);
            let late = peripheral.command(REPLY, &with_handle(here, &KEY)).await;
            assert_eq!(late[0], 0, "it does not know yet");
            assert_eq!(reason(&peripheral).await, 0x08);
            assert_eq!(peripheral.command(REPLY, &with_handle(here, &KEY)).await[0], 0x02);
            assert_eq!(peripheral.try_send(here, &[1]), Err(HostError::UnknownHandle(here)));
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_link_can_end_while_its_key_is_asked_for() {
    for by_central in [true, false] {
        let air = Air::new(28);
        let (central, peripheral) = pair(&air);
        air.run(
            async {
                let (there, here) = connect(&central, &peripheral, 24, 400).await;
                enable(&central, there, KEY).await;
                peripheral.le_event(KEY_REQUEST).await;
                central.send(there, &[1]);
                match by_central {
                    true => central.disconnect(there).await,
                    false => peripheral.disconnect(here).await,
                }
                let reasons = if by_central { (0x16, 0x13) } else { (0x13, 0x16) };
                assert_eq!((reason(&central).await, reason(&peripheral).await), reasons);
                Timer::after_secs(60).await;
                assert!(!central.has_event(DISCONNECTION_COMPLETE), "the timeout has nothing to end");
                let again = reconnect(&central, &peripheral, 24, 400).await;
                encrypt(&central, &peripheral, again).await;
            },
            &mut [],
        )
        .unwrap();
    }
}

#[test]
fn commands_at_the_wrong_time_or_end_are_disallowed() {
    let air = Air::new(29);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            let enabling = |handle| with_handle(handle, &[0; 26]);
            assert_eq!(peripheral.command(ENABLE, &enabling(here)).await, [0x0C]);
            assert_eq!(central.command(ENABLE, &enabling(0x0EFF)).await, [0x02]);
            assert_eq!(peripheral.command(REPLY, &with_handle(here, &KEY)).await[0], 0x0C);
            assert_eq!(central.command(REPLY, &with_handle(there, &KEY)).await[0], 0x0C);
            assert_eq!(peripheral.command(NEGATIVE_REPLY, &here.to_le_bytes()).await[0], 0x0C);
            enable(&central, there, KEY).await;
            assert_eq!(central.command(ENABLE, &enabling(there)).await, [0x0C]);
            reply(&peripheral, here, KEY).await;
            assert_eq!(peripheral.command(REPLY, &with_handle(here, &KEY)).await[0], 0x0C);
            central.event(ENCRYPTION_CHANGE).await;
        },
        &mut [],
    )
    .unwrap();
}
