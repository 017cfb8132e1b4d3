//! Event flags, which are also the triggers of callbacks.

bitflags::bitflags! {
    /// Events of a characteristic or of the Bluetooth object.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Events: u16 {
        /// A client has connected (Bluetooth object).
        const CLIENT_CONNECTED = 0x02;
        /// A client has disconnected (Bluetooth object).
        const CLIENT_DISCONNECTED = 0x04;
        /// A client has read the value (characteristic).
        const CHAR_READ_EVENT = 0x08;
        /// A client has written the value (characteristic).
        const CHAR_WRITE_EVENT = 0x10;
        /// A client has written the CCCD (characteristic).
        const CHAR_SUBSCRIBE_EVENT = 0x80;
    }
}
