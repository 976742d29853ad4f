//! Packets on the control sockets.

use std::os::fd::OwnedFd;

use rustix::net::RecvFlags;

/// What came of waiting for a packet.
pub(super) enum Received<T> {
    Message(T),
    HungUp,
}

/// The next packet. One that cannot be read counts as hung up: the other side is not ours any more.
pub(super) fn receive<T: serde::de::DeserializeOwned>(
    socket: &OwnedFd,
    packet: &mut [u8],
) -> Received<T> {
    loop {
        match rustix::net::recv(socket, &mut *packet, RecvFlags::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            Ok((n, _)) if n > 0 => {
                let message = serde_json::from_slice(&packet[..n]);
                return message.map_or(Received::HungUp, Received::Message);
            }
            _ => return Received::HungUp,
        }
    }
}
