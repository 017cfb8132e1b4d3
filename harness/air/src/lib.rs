//! Virtual radio: virtual clock, HCI controllers, links.
