//! Packet buffers for the host, from the heap: `trouble-host`'s own pool is one static for the
//! process, which several virtual boards would share.

use alloc::boxed::Box;
use trouble_host::{Packet, PacketPool};

/// Longest L2CAP frame of the host: signalling and security, never ATT.
const MTU: usize = 255;
/// What the host may count on.
const CAPACITY: usize = 16;

/// The pool.
pub(crate) struct HeapPool;

/// One buffer.
pub(crate) struct HeapPacket(Box<[u8; MTU]>);

impl AsRef<[u8]> for HeapPacket {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl AsMut<[u8]> for HeapPacket {
    fn as_mut(&mut self) -> &mut [u8] {
        self.0.as_mut_slice()
    }
}

impl Packet for HeapPacket {}

impl PacketPool for HeapPool {
    type Packet = HeapPacket;

    const MTU: usize = MTU;

    fn allocate() -> Option<HeapPacket> {
        Some(HeapPacket(Box::new([0; MTU])))
    }

    fn capacity() -> usize {
        CAPACITY
    }
}
