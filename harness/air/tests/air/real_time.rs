//! Benches that follow the wall clock, and hosts on streams.
#![cfg(unix)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration as WallDuration, Instant as WallInstant};

use crate::support::*;
use air::h4::{self, H4Error};
use air::{Air, Controller, ControllerConfig, HostError, Stalled};

use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Instant, Timer, with_timeout};

/// A deadline that only a broken bench reaches.
const PATIENCE: WallDuration = WallDuration::from_secs(20);

pub(crate) type Done<T> = Arc<Signal<CriticalSectionRawMutex, T>>;

/// Runs `work` in a thread of its own; the signal comes when it is done.
pub(crate) fn outside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Done<T> {
    let done: Done<T> = Arc::new(Signal::new());
    let theirs = done.clone();
    thread::spawn(move || theirs.signal(work()));
    done
}

/// The thread's result, or a failure after [`PATIENCE`].
pub(crate) async fn result<T: Send>(done: &Done<T>) -> T {
    let patience = Duration::from_millis(PATIENCE.as_millis() as u64);
    with_timeout(patience, done.wait()).await.unwrap_or_else(|_| unreachable!("the thread did not end"))
}

/// A host outside of the bench.
struct Outside(UnixStream);

impl Outside {
    fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn packet(&mut self) -> Vec<u8> {
        let mut packet = vec![0; 3];
        self.0.read_exact(&mut packet).unwrap();
        let length = match packet[0] {
            4 => usize::from(packet[2]),
            2 => {
                packet.extend([0; 2]);
                self.0.read_exact(&mut packet[3..]).unwrap();
                usize::from(u16::from_le_bytes([packet[3], packet[4]]))
            }
            other => unreachable!("indicator {other}"),
        };
        let header = packet.len();
        packet.resize(header + length, 0);
        self.0.read_exact(&mut packet[header..]).unwrap();
        packet
    }

    fn command(&mut self, packet: &[u8]) -> Vec<u8> {
        self.0.write_all(packet).unwrap();
        self.packet()
    }

    /// Waits for the end of the stream.
    fn closed(&mut self) -> bool {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).is_ok()
    }
}

const RESET_PACKET: [u8; 4] = [1, 3, 12, 0];
const RESET_DONE: [u8; 7] = [4, 0x0E, 4, 1, 3, 12, 0];

#[test]
fn time_goes_as_the_wall_clock_does_and_stands_still_between_runs() {
    let air = Air::real_time(1);
    let begin = WallInstant::now();
    let ended = air.run(
        async {
            Timer::after_millis(30).await;
            let first = Instant::now();
            Timer::after_millis(40).await;
            (first.as_micros(), Instant::now().as_micros())
        },
        &mut [],
    );
    let took = begin.elapsed();
    let (first, second) = ended.unwrap();
    assert!(first >= 30_000 && second >= first + 40_000, "{first} {second}");
    assert!(took >= WallDuration::from_millis(70) && took < PATIENCE, "{took:?}");
    assert!(u128::from(second) <= took.as_micros());
    let stood = air.now();
    Air::real_time(2).run(Timer::after_millis(500), &mut []).unwrap();
    assert_eq!(air.now(), stood);
    let again = air.run(async { Instant::now().as_micros() - stood }, &mut []);
    assert!(again.unwrap() < 400_000);
}

#[test]
fn a_thread_that_wakes_a_task_ends_the_wait() {
    let air = Air::real_time(1);
    let (to_thread, from_bench) = mpsc::channel::<u32>();
    let answer: Done<u32> = Arc::new(Signal::new());
    let theirs = answer.clone();
    thread::spawn(move || from_bench.iter().for_each(|number| theirs.signal(number + 1)));
    let run = air.run(
        async {
            for number in 0..1_000 {
                to_thread.send(number).unwrap();
                assert_eq!(result(&answer).await, number + 1);
            }
        },
        &mut [],
    );
    assert_eq!(run, Ok(()));
}

#[test]
fn a_time_limit_ends_a_run_that_nobody_wakes() {
    let air = Air::real_time(1);
    air.set_time_limit(50_000);
    let run = air.run(std::future::pending::<()>(), &mut []);
    assert_eq!(run, Err(Stalled::TimeLimit { limit_us: 50_000 }));
}

#[test]
fn a_link_works_in_real_time_at_the_pace_of_its_interval() {
    let air = Air::real_time(2);
    let (central, peripheral) = pair(&air);
    let begin = WallInstant::now();
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 6, 400).await;
            for number in 0..10 {
                central.send(there, &[number]);
                assert_eq!(peripheral.data().await.1, [number]);
                peripheral.send(here, &[number]);
                assert_eq!(central.data().await.1, [number]);
            }
            central.disconnect(there).await;
            assert_eq!((reason(&central).await, reason(&peripheral).await), (0x16, 0x13));
        },
        &mut [],
    )
    .unwrap();
    // Each of the ten rounds takes two connection events of 7.5 ms.
    assert!(begin.elapsed() >= WallDuration::from_millis(140));
    assert!(begin.elapsed() < PATIENCE);
}

/// Serves one end of a socket pair while `host` uses the other; gives what both say.
fn served<T: Send + 'static>(
    air: &Air,
    controller: &Controller,
    host: impl FnOnce(Outside) -> T + Send + 'static,
) -> (T, Result<(), H4Error>) {
    let (near, far) = UnixStream::pair().unwrap();
    let done = outside(move || host(Outside::new(far)));
    air.run(
        async {
            let served = with_timeout(Duration::from_secs(20), h4::serve(controller, near)).await.unwrap();
            (result(&done).await, served)
        },
        &mut [],
    )
    .unwrap()
}

#[test]
fn a_host_on_a_stream_is_answered_however_its_packets_are_cut() {
    let air = Air::real_time(3);
    let controller = air.controller(ControllerConfig::default());
    let ((), end) = served(&air, &controller, |mut host| {
        assert_eq!(host.command(&RESET_PACKET), RESET_DONE);
        for byte in RESET_PACKET {
            host.0.write_all(&[byte]).unwrap();
        }
        assert_eq!(host.packet(), RESET_DONE);
        host.0.write_all(&RESET_PACKET.repeat(100)).unwrap();
        for _ in 0..100 {
            assert_eq!(host.packet(), RESET_DONE);
        }
    });
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(controller.host_errors(), air::HostErrors::default());
}

#[test]
fn garbage_and_cut_packets_close_the_stream_with_the_reason() {
    let air = Air::real_time(4);
    let controller = air.controller(ControllerConfig::default());
    let (closed, end) = served(&air, &controller, |mut host| {
        assert_eq!(host.command(&RESET_PACKET), RESET_DONE);
        host.0.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        host.closed()
    });
    assert!(closed && matches!(end, Err(H4Error::Indicator(b'G'))), "{end:?}");
    let ((), end) = served(&air, &controller, |mut host| host.0.write_all(&[1, 3]).unwrap());
    assert!(matches!(end, Err(H4Error::Cut)), "{end:?}");
    // Well-formed packets that are not for this controller leave the stream in step.
    let (answer, end) = served(&air, &controller, |mut host| {
        host.0.write_all(&[5, 0, 0, 1, 0, 9]).unwrap();
        host.command(&RESET_PACKET)
    });
    assert_eq!(answer, RESET_DONE);
    assert!(end.is_ok());
    assert_eq!(controller.host_errors().count, 1);
}

#[test]
fn the_end_of_a_stream_resets_the_controller() {
    let air = Air::real_time(5);
    let (advertiser, scanner) = (air.controller(ControllerConfig::default()), pair(&air).0);
    let advertise = |mut host: Outside| {
        host.command(&RESET_PACKET);
        host.command(&[&[1, 6, 0x20, 15][..], &advertising_parameters(0x20, 0, 0)].concat());
        host.command(&[1, 0x0A, 0x20, 1, 1])
    };
    let (answer, _) = served(&air, &advertiser, advertise);
    assert_eq!(answer[6], 0);
    air.run(
        async {
            scanner.start().await;
            scanner.must(0x200B, &[0, 0x10, 0, 0x10, 0, 0, 0]).await;
            scanner.must(0x200C, &[1, 0]).await;
            let heard = with_timeout(Duration::from_millis(150), scanner.le_event(ADVERTISING_REPORT)).await;
            assert!(heard.is_err(), "nobody advertises any more");
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_host_that_reads_nothing_holds_up_nobody() {
    let air = Air::real_time(6);
    let (stuck, lively) =
        (air.controller(ControllerConfig::default()), air.controller(ControllerConfig::default()));
    let ((stuck_near, mut stuck_far), (near, far)) =
        (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    // Far more than the socket and all queues hold; the writer is stuck until the stream is closed.
    let flood = outside(move || {
        let packets = [1, 2, 16, 0].repeat(1000);
        while stuck_far.write_all(&packets).is_ok() {}
    });
    let done = outside(move || {
        let mut host = Outside::new(far);
        (0..200).all(|_| host.command(&RESET_PACKET) == RESET_DONE)
    });
    let run = air.run(
        async {
            let both = pin!(select(h4::serve(&stuck, stuck_near), h4::serve(&lively, near)));
            match select(both, result(&done)).await {
                Either::First(Either::First(end)) => unreachable!("{end:?}"),
                Either::First(Either::Second(end)) => assert!(end.is_ok() && result(&done).await),
                Either::Second(done) => assert!(done),
            }
        },
        &mut [],
    );
    assert_eq!(run, Ok(()));
    assert_eq!(stuck.host_errors().count, 0, "it had to wait, and lost nothing");
    air.run(result(&flood), &mut []).unwrap();
}

#[test]
fn a_host_that_stops_reading_holds_its_peer_back_and_loses_no_data() {
    let air = Air::real_time(7);
    let advertiser = Host::new(&air, ControllerConfig::default());
    let central = air.controller(ControllerConfig::default());
    let (near, far) = UnixStream::pair().unwrap();
    let mut host = Outside::new(far);
    let connecting = outside(move || {
        host.command(&RESET_PACKET);
        host.command(&[&[1, 1, 0x20, 8][..], &[0xFF; 8]].concat());
        host.command(&[&[1, 1, 0x0C, 8][..], &[0xFF; 8]].concat());
        host
    });
    air.run(
        async {
            advertiser.start().await;
            let mut serve = pin!(h4::serve(&central, near));
            let Either::Second(mut host) = select(serve.as_mut(), result(&connecting)).await else {
                unreachable!("the stream ended")
            };
            advertiser.advertise().await;
            let create = create_connection(advertiser.controller.public_address(), 6, 400);
            host.0.write_all(&[&[1, 0x0D, 0x20, 25][..], &create].concat()).unwrap();
            let data = async {
                let handle = handle_of(&advertiser.le_event(CONNECTION_COMPLETE).await);
                let mut sent = 0_u32;
                let mut credits = 8;
                while sent < 5_000 {
                    while credits == 0 {
                        let wait = advertiser.event(COMPLETED_PACKETS);
                        let Ok(completed) = with_timeout(Duration::from_millis(300), wait).await else {
                            return sent;
                        };
                        credits += u16::from_le_bytes([completed[3], completed[4]]);
                    }
                    advertiser.send(handle, &[0xAA; 251]);
                    credits -= 1;
                    sent += 1;
                }
                sent
            };
            let Either::Second(sent) = select(serve.as_mut(), data).await else {
                unreachable!("the stream ended")
            };
            // What no queue has room for stays with the sender, unacknowledged.
            assert!(sent < 5_000, "the sender was never held back");
            assert!(sent > 300);
            advertiser.no_errors();
        },
        &mut [],
    )
    .unwrap();
    assert!(!central.host_errors().first.contains(&HostError::NotReading));
}

#[test]
fn hosts_call_on_tcp_and_unix_sockets_one_after_the_other() {
    let air = Air::real_time(8);
    let controller = air.controller(ControllerConfig::default());
    let path = std::env::temp_dir().join(format!("air-{}.sock", std::process::id()));
    let (tcp, unix) = (h4::Listener::tcp(0).unwrap(), h4::Listener::unix(&path).unwrap());
    assert!(h4::Listener::unix(&path).is_err(), "taken");
    let (port, at) = (tcp.port().unwrap(), path.clone());
    assert_eq!(unix.port(), None);
    let done = outside(move || {
        for _ in 0..2 {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            stream.write_all(&RESET_PACKET).unwrap();
            let mut answer = [0; 7];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(answer, RESET_DONE);
        }
        let mut host = Outside::new(UnixStream::connect(at).unwrap());
        assert_eq!(host.command(&RESET_PACKET), RESET_DONE);
    });
    air.run(
        async {
            let serving = async {
                for listener in [&tcp, &tcp, &unix] {
                    let stream = listener.accept().await.unwrap();
                    h4::serve(&controller, stream).await.unwrap();
                }
            };
            with_timeout(Duration::from_secs(20), serving).await.unwrap();
            result(&done).await;
            // Giving up waiting ends the thread that waits.
            let nobody = with_timeout(Duration::from_millis(10), tcp.accept()).await;
            assert!(nobody.is_err());
        },
        &mut [],
    )
    .unwrap();
    drop(unix);
    assert!(!path.exists());
}

#[test]
fn a_bench_in_virtual_time_serves_no_stream() {
    let air = Air::new(9);
    let controller = air.controller(ControllerConfig::default());
    let (near, _far) = UnixStream::pair().unwrap();
    let served = air.run(h4::serve(&controller, near), &mut []);
    assert!(matches!(served, Ok(Err(H4Error::VirtualTime))));
}

/// Reset commands in a second over a socket: `cargo test -p air --release -- --ignored --nocapture commands_in`.
#[test]
#[ignore = "measures; it has nothing to assert"]
fn commands_in_a_second_over_a_socket() {
    const ROUNDS: u32 = 20_000;
    let air = Air::real_time(10);
    let controller = air.controller(ControllerConfig::default());
    let (took, _) = served(&air, &controller, |mut host| {
        let begin = WallInstant::now();
        for _ in 0..ROUNDS {
            host.command(&RESET_PACKET);
        }
        begin.elapsed()
    });
    println!("{:.0} commands a second over a socket", f64::from(ROUNDS) / took.as_secs_f64());
}
