//! The I/O half of gattest: centrals, boards, drive, observe.
