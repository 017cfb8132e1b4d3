//! Sockets on which hosts call.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::readiness::Readable;

/// A socket on which hosts call.
#[derive(Debug)]
pub struct Listener(Socket);

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Listens on a TCP port of 127.0.0.1; 0 lets the system choose one.
    ///
    /// # Errors
    /// What binding the port gives.
    pub fn tcp(port: u16) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        socket.set_nonblocking(true)?;
        Ok(Self(Socket::Tcp(socket)))
    }

    /// Listens on a Unix socket at a path that does not exist yet. The path is removed with the listener.
    ///
    /// # Errors
    /// What binding the path gives.
    pub fn unix(path: impl AsRef<Path>) -> io::Result<Self> {
        let socket = UnixListener::bind(&path)?;
        let path = path.as_ref().to_owned();
        let listener = Self(Socket::Unix(socket, path));
        if let Socket::Unix(socket, _) = &listener.0 {
            socket.set_nonblocking(true)?;
        }
        Ok(listener)
    }

    /// The TCP port; none for a Unix socket.
    pub fn port(&self) -> Option<u16> {
        match &self.0 {
            Socket::Tcp(socket) => socket.local_addr().ok().map(|address| address.port()),
            Socket::Unix(..) => None,
        }
    }

    /// Waits for the next host. Others wait in the meantime until it is called again.
    ///
    /// # Errors
    /// What accepting gives.
    pub async fn accept(&self) -> io::Result<OwnedFd> {
        loop {
            match self.try_accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let readable = Readable::new(self.duplicate()?)?;
                    poll_fn(|context| readable.poll(context.waker())).await?;
                }
                // The caller has hung up already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                accepted => return accepted,
            }
        }
    }

    fn try_accept(&self) -> io::Result<OwnedFd> {
        match &self.0 {
            Socket::Tcp(socket) => {
                let (stream, _) = socket.accept()?;
                // Packets are small, and each is waited for.
                stream.set_nodelay(true)?;
                Ok(stream.into())
            }
            Socket::Unix(socket, _) => Ok(socket.accept()?.0.into()),
        }
    }

    fn duplicate(&self) -> io::Result<OwnedFd> {
        Ok(match &self.0 {
            Socket::Tcp(socket) => socket.try_clone()?.into(),
            Socket::Unix(socket, _) => socket.try_clone()?.into(),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Socket::Unix(_, path) = &self.0 {
            let _gone_already = std::fs::remove_file(path);
        }
    }
}
