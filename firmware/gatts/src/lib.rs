//! A sans-I/O GATT server with a Bluetooth / Service / Characteristic API.
#![no_std]
