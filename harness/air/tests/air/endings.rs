//! The ways in which a link ends.

use crate::support::*;
use air::{Air, HostError};
use embassy_time::{Duration, Instant, Timer, with_timeout};

#[test]
fn either_end_can_disconnect_and_both_hear_the_right_reason() {
    for by_central in [true, false] {
        let air = Air::new(7);
        let (central, peripheral) = pair(&air);
        air.run(
            async {
                let (there, here) = connect(&central, &peripheral, 24, 400).await;
                let (by, by_handle, other, other_handle) = match by_central {
                    true => (&central, there, &peripheral, here),
                    false => (&peripheral, here, &central, there),
                };
                by.send(by_handle, &[1]);
                let [low, high] = by_handle.to_le_bytes();
                assert_eq!(by.command(DISCONNECT, &[low, high, 0x16]).await, [0x12], "no such reason");
                by.must(DISCONNECT, &[low, high, 0x15]).await;
                assert_eq!(by.command(DISCONNECT, &[low, high, 0x13]).await, [0x0C]);
                assert_eq!((reason(by).await, reason(other).await), (0x16, 0x15));
                assert_eq!(other.data().await.1, [1], "what was written before arrives");
                assert!(by.has_event(COMPLETED_PACKETS));
                assert_eq!(by.try_send(by_handle, &[1]), Err(HostError::UnknownHandle(by_handle)));
                assert_eq!(other.try_send(other_handle, &[1]), Err(HostError::UnknownHandle(other_handle)));
                assert_eq!(
                    reconnect(&central, &peripheral, 24, 400).await,
                    (there, here),
                    "handles are used again"
                );
            },
            &mut [],
        )
        .unwrap();
    }
}

#[test]
fn both_ends_can_disconnect_at_once() {
    let air = Air::new(8);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            central.disconnect(there).await;
            peripheral.disconnect(here).await;
            reason(&central).await;
            reason(&peripheral).await;
            reconnect(&central, &peripheral, 24, 400).await;
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_link_out_of_reach_times_out_at_both_ends_on_time() {
    for idle_ms in [0, 5, 1_000] {
        let air = Air::new(9);
        let (central, peripheral) = pair(&air);
        air.run(
            async {
                let (there, here) = connect(&central, &peripheral, 24, 100).await;
                central.send(there, &[1]);
                peripheral.data().await;
                let anchor = Instant::now();
                Timer::after_millis(idle_ms).await;
                air.set_loss(1000);
                let last_heard =
                    anchor + Duration::from_micros(anchor.elapsed().as_micros() / 30_000 * 30_000);
                central.send(there, &[2]);
                peripheral.send(here, &[3]);
                assert_eq!((reason(&central).await, reason(&peripheral).await), (0x08, 0x08));
                assert_eq!((Instant::now() - last_heard).as_micros(), 1_000_000);
                let wait = with_timeout(Duration::from_secs(5), peripheral.data()).await;
                assert!(wait.is_err());
                air.set_loss(0);
                let (there, _) = reconnect(&central, &peripheral, 24, 400).await;
                // The flushed packet's buffer is free again.
                for number in 0..8 {
                    central.send(there, &[number]);
                }
                for number in 0..8 {
                    assert_eq!(peripheral.data().await.1, [number]);
                }
            },
            &mut [],
        )
        .unwrap();
        central.no_errors();
    }
}

#[test]
fn a_disconnection_out_of_reach_ends_by_itself() {
    let air = Air::new(10);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, _) = connect(&central, &peripheral, 24, 100).await;
            Timer::after_secs(1).await;
            air.set_loss(1000);
            central.disconnect(there).await;
            assert!([0x08, 0x16].contains(&reason(&central).await));
            assert_eq!(reason(&peripheral).await, 0x08);
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_reset_is_silent_and_the_peer_times_out() {
    let air = Air::new(11);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 200).await;
            central.send(there, &[1]);
            peripheral.data().await;
            peripheral.send(here, &[2]);
            let last_heard = Instant::now();
            central.must(RESET, &[]).await;
            central.start().await;
            assert_eq!(reason(&peripheral).await, 0x08);
            assert_eq!(last_heard.elapsed().as_micros(), 2_000_000);
            assert!(!peripheral.has_event(COMPLETED_PACKETS), "flushed, not completed");
            assert!(!central.has_event(DISCONNECTION_COMPLETE));
            assert_eq!(reconnect(&central, &peripheral, 24, 400).await, (there, here));
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_link_that_is_never_heard_fails_to_be_established() {
    let air = Air::new(12);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            connect(&central, &peripheral, 80, 400).await;
            let created = Instant::now();
            air.set_loss(1000);
            assert_eq!((reason(&central).await, reason(&peripheral).await), (0x3E, 0x3E));
            // Six intervals of 100 ms (Core Vol 6 Part B 4.5.2).
            assert_eq!(created.elapsed().as_micros(), 600_000);
        },
        &mut [],
    )
    .unwrap();
}
