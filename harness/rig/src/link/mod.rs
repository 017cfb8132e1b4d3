//! The harness's end of the control link: requests, answers, events, barriers.

mod diagnosis;
mod inbox;

pub use inbox::{Identity, Reply, Report};

use crate::fault::Fault;
use embassy_futures::select::{Either, select};
use embassy_sync::waitqueue::WakerRegistration;
use embassy_time::{Duration, Timer, with_timeout};
use embedded_io_async::{Read, Write};
use inbox::Inbox;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;
use wire::{Call, Command, Request, Start};

/// A board answers within milliseconds; a chip that erases its flash may take seconds.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// A board that has just been reset answers within this time: its ROM and bootloader take most of a second.
pub const GREETING_DEADLINE: Duration = Duration::from_secs(4);

/// A board that boots reads nothing, so it is asked again after this time.
const GREETING_REPEAT: Duration = Duration::from_millis(250);

/// A control link. [`BoardLink::run`] owns the serial line; everything else asks it.
///
/// **Invariant:** one request at a time, and after the first fault nothing succeeds.
#[derive(Default)]
pub struct BoardLink {
    inbox: RefCell<Inbox>,
    decoder: RefCell<wire::Decoder>,
    outbox: RefCell<Vec<u8>>,
    /// Wakes whoever waits for an answer or an event.
    asker: RefCell<WakerRegistration>,
    /// Wakes `run` when there is something to send.
    runner: RefCell<WakerRegistration>,
    next_id: Cell<u16>,
}

impl BoardLink {
    /// A link that has sent nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads and writes the serial line until it breaks, and then waits for ever: the break is a
    /// fault that every other method returns. `serial.read` must be cancel-safe.
    pub async fn run<S: Read + Write>(&self, mut serial: S) {
        let mut chunk = [0; 1024];
        loop {
            let outcome = select(self.has_output(), serial.read(&mut chunk)).await;
            let broken = match outcome {
                Either::First(()) => {
                    let bytes = std::mem::take(&mut *self.outbox.borrow_mut());
                    serial.write_all(&bytes).await.is_err() || serial.flush().await.is_err()
                }
                Either::Second(Ok(len @ 1..)) => {
                    self.take(chunk.get(..len).unwrap_or_default());
                    false
                }
                Either::Second(_) => true,
            };
            if broken {
                self.fail(Fault::new("the serial line was closed", "plug the board in again"));
                return std::future::pending().await;
            }
        }
    }

    fn take(&self, bytes: &[u8]) {
        let mut inbox = self.inbox.borrow_mut();
        let mut decoder = self.decoder.borrow_mut();
        decoder.push(bytes, |item| match item {
            wire::Item::Payload(payload) => inbox.take_payload(payload),
            wire::Item::Console(text) => inbox.take_console(text),
        });
        // Boot text has no zero byte before the application's first frame, which nobody may ever ask for.
        inbox.look_for_reset(decoder.pending());
        drop(inbox);
        self.asker.borrow_mut().wake();
    }

    async fn has_output(&self) {
        poll_fn(|cx| {
            if self.outbox.borrow().is_empty() {
                self.runner.borrow_mut().register(cx.waker());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Waits until `look` finds something or the link has failed.
    async fn until<T>(&self, mut look: impl FnMut(&mut Inbox) -> Option<T>) -> Result<T, Fault> {
        poll_fn(|cx| {
            let mut inbox = self.inbox.borrow_mut();
            if let Some(fault) = &inbox.fault {
                return Poll::Ready(Err(fault.clone()));
            }
            if let Some(found) = look(&mut inbox) {
                return Poll::Ready(Ok(found));
            }
            self.asker.borrow_mut().register(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// As [`Self::until`], but not longer than `deadline`; `what` says what was waited for.
    async fn within<T>(
        &self,
        deadline: Duration,
        what: &str,
        look: impl FnMut(&mut Inbox) -> Option<T>,
    ) -> Result<T, Fault> {
        match with_timeout(deadline, self.until(look)).await {
            Ok(found) => found,
            Err(_) => {
                let silent = || {
                    let cause = format!("the board gave no {what} within {} s", deadline.as_secs());
                    Fault::new(cause, "look at its console text, reset the board and run again")
                };
                let fault = diagnosis::diagnose(&self.console()).unwrap_or_else(silent);
                self.fail(fault.clone());
                Err(fault)
            }
        }
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// No answer within [`ANSWER_DEADLINE`], or the link has failed.
    pub async fn request(&self, command: Command) -> Result<Reply, Fault> {
        let what = match &command {
            Command::Hello => "Hello",
            Command::Start(_) => "answer to Start",
            Command::Barrier { .. } => "answer to a barrier",
            Command::Call(_) => "answer to an API call",
        };
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1));
        self.send(&Request { id, command })?;
        {
            let mut inbox = self.inbox.borrow_mut();
            inbox.awaited = Some(id);
            inbox.reply = None;
        }
        self.runner.borrow_mut().wake();
        self.within(ANSWER_DEADLINE, what, |inbox| inbox.reply.take()).await
    }

    fn send(&self, request: &Request) -> Result<(), Fault> {
        let too_long =
            || Fault::new("the device table is too long for the control link", "make the table smaller");
        let payload = postcard::to_allocvec(request).map_err(|_| too_long())?;
        let mut frame = vec![0; wire::frame_len(payload.len())];
        let len = wire::encode_frame(&payload, &mut frame).map_err(|_| too_long())?;
        self.outbox.borrow_mut().extend_from_slice(frame.get(..len).unwrap_or_default());
        Ok(())
    }

    /// Asks a board that may still be starting who it is, again and again.
    ///
    /// # Errors
    /// No Hello within [`GREETING_DEADLINE`], boot text after which there will be none, one of another version, or the link has failed.
    pub async fn greet(&self) -> Result<Identity, Fault> {
        let asking = async {
            loop {
                if let Err(fault) = self.send(&Request { id: u16::MAX, command: Command::Hello }) {
                    return fault;
                }
                self.runner.borrow_mut().wake();
                Timer::after(GREETING_REPEAT).await;
            }
        };
        let answered = self.within(GREETING_DEADLINE, "Hello", |inbox| {
            let identity = inbox.identity.clone().map(Ok);
            identity.or_else(|| diagnosis::hopeless(&self.text_of(inbox)).map(Err))
        });
        match select(asking, answered).await {
            Either::First(fault) => Err(fault),
            Either::Second(answer) => answer?,
        }
    }

    /// Asks who is there and takes up the count of events where the board stands.
    ///
    /// # Errors
    /// No Hello, one of another version, or the link has failed.
    pub async fn hello(&self) -> Result<Identity, Fault> {
        self.request(Command::Hello).await?;
        let identity = self
            .until(|inbox| Some(inbox.identity.clone()))
            .await?
            .ok_or_else(|| Fault::new("the board answered without a Hello", "flash the board"))?;
        let reply = self.request(Command::Barrier { answered: false }).await?;
        let Reply::Barrier(events) = reply else {
            return Err(unfit("a barrier", &reply));
        };
        self.inbox.borrow_mut().next_seq = Some(events);
        Ok(identity)
    }

    /// Starts the application afresh.
    ///
    /// # Errors
    /// The board refuses the device, starts under another address, or the link has failed.
    pub async fn start(&self, start: Start) -> Result<(), Fault> {
        let address = start.address;
        match self.request(Command::Start(Box::new(start))).await? {
            Reply::Started(actual) if actual == address => Ok(()),
            Reply::Refused(why) => Err(Fault::new(
                format!("the board refuses the device table: {why}"),
                "correct the scenario's device",
            )),
            other => Err(unfit("Start", &other)),
        }
    }

    /// The device, wrong on purpose, has done something wrong since the link was opened.
    #[must_use]
    pub fn has_deviated(&self) -> bool {
        self.inbox.borrow().has_deviated
    }

    /// Calls the device's API.
    ///
    /// # Errors
    /// Nobody on the board answers, or the link has failed.
    pub async fn call(&self, call: Call) -> Result<Reply, Fault> {
        match self.request(Command::Call(call)).await? {
            Reply::Unhandled => Err(Fault::new(
                "the board did not handle an API call",
                "flash the board with the image of this version",
            )),
            reply => Ok(reply),
        }
    }

    /// Waits until every event before now has arrived, and until the clients' controllers have acknowledged what the
    /// board sent: all of it, or, where each client has the response to its last request, what else there was.
    ///
    /// # Errors
    /// Events are missing, or the link has failed.
    pub async fn barrier(&self, answered: bool) -> Result<(), Fault> {
        let reply = self.request(Command::Barrier { answered }).await?;
        let Reply::Barrier(events) = reply else {
            return Err(unfit("a barrier", &reply));
        };
        let mut inbox = self.inbox.borrow_mut();
        let seen = inbox.next_seq.unwrap_or(events);
        // Numbers wrap; the last events could be lost without leaving a gap. What has happened since the board answered
        // may be here as well: then the difference is in the upper half.
        let missing = events.wrapping_sub(seen);
        if missing == 0 || missing > u32::MAX / 2 {
            return Ok(());
        }
        let fault = Fault::new(
            format!("trace frames were lost: the board emitted {events} events, {seen} arrived"),
            "check the serial cable, then run again",
        );
        inbox.fail(fault.clone());
        Err(fault)
    }

    /// Waits for a report that `fits`; reports stay queued.
    ///
    /// # Errors
    /// None within `deadline`, or the link has failed.
    pub async fn wait_report(
        &self,
        deadline: Duration,
        what: &str,
        fits: impl Fn(&Report) -> bool,
    ) -> Result<(), Fault> {
        self.wait_reports(deadline, what, 1, fits).await
    }

    /// The first report for which `find` gives something; reports stay queued.
    ///
    /// # Errors
    /// None within `deadline`, or the link has failed.
    pub async fn find_report<R>(
        &self,
        deadline: Duration,
        what: &str,
        find: impl Fn(&Report) -> Option<R>,
    ) -> Result<R, Fault> {
        self.within(deadline, what, |inbox: &mut Inbox| inbox.reports.iter().find_map(&find)).await
    }

    /// As [`Self::wait_report`], for so many of them.
    ///
    /// # Errors
    /// Fewer within `deadline`, or the link has failed.
    pub async fn wait_reports(
        &self,
        deadline: Duration,
        what: &str,
        count: usize,
        fits: impl Fn(&Report) -> bool,
    ) -> Result<(), Fault> {
        let are_there = |inbox: &mut Inbox| {
            let fitting = inbox.reports.iter().filter(|report| fits(report));
            (fitting.count() >= count).then_some(())
        };
        self.within(deadline, what, are_there).await
    }

    /// Waits until the board has received `count` PDUs with this opcode since the link was opened.
    ///
    /// # Errors
    /// Not so within [`ANSWER_DEADLINE`], or the link has failed.
    pub async fn wait_received(&self, opcode: u8, count: u32) -> Result<(), Fault> {
        let what = format!("report of a received PDU with opcode 0x{opcode:02X}");
        self.within(ANSWER_DEADLINE, &what, |inbox| {
            // Counts wrap; "not yet" is a difference in the upper half.
            (inbox.received(opcode).wrapping_sub(count) < u32::MAX / 2).then_some(())
        })
        .await
    }

    /// How many PDUs with this opcode the board has received since the link was opened.
    #[must_use]
    pub fn received(&self, opcode: u8) -> u32 {
        self.inbox.borrow().received(opcode)
    }

    /// How many queued reports `fit`.
    pub fn count_reports(&self, fit: impl Fn(&Report) -> bool) -> usize {
        self.inbox.borrow().reports.iter().filter(|report| fit(report)).count()
    }

    /// Takes the queued reports before the first that is `last`, in order.
    #[must_use]
    pub fn take_reports_until(&self, last: impl FnMut(&Report) -> bool) -> Vec<Report> {
        let mut inbox = self.inbox.borrow_mut();
        let end = inbox.reports.iter().position(last).unwrap_or(inbox.reports.len());
        inbox.reports.drain(..end).collect()
    }

    /// Takes all queued reports, in order.
    #[must_use]
    pub fn take_reports(&self) -> Vec<Report> {
        self.inbox.borrow_mut().reports.drain(..).collect()
    }

    /// The first fault, if any.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.inbox.borrow().fault.clone()
    }

    /// The last of what the board sent besides frames: 64 KiB, and what may yet turn out to be a frame.
    #[must_use]
    pub fn console(&self) -> String {
        self.text_of(&self.inbox.borrow())
    }

    fn text_of(&self, inbox: &Inbox) -> String {
        inbox.console() + &String::from_utf8_lossy(self.decoder.borrow().pending())
    }

    fn fail(&self, fault: Fault) {
        self.inbox.borrow_mut().fail(fault);
        self.asker.borrow_mut().wake();
    }
}

fn unfit(request: &str, reply: &Reply) -> Fault {
    Fault::new(
        format!("the board answered {request} with {reply:?}"),
        "flash the board with the image of this version",
    )
}
