//! The virtual board: the firmware application on the host, over the virtual radio.
