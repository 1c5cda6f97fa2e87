//! Network transfer by interface, from `/proc/net/dev`.

use procfs::FromBufRead;
use procfs::net::{DeviceStatus, InterfaceDeviceStatus};

use super::super::limits::INTERFACES_MAX;
use super::proc::Proc;
use super::reading::{Described, Reading, counter};

const RECEIVED: Described = counter("net_receive_bytes_total", "bytes", "Bytes received");
const SENT: Described = counter("net_transmit_bytes_total", "bytes", "Bytes sent");
const RECEIVED_PACKETS: Described = counter("net_receive_packets_total", "", "Packets received");
const SENT_PACKETS: Described = counter("net_transmit_packets_total", "", "Packets sent");
const RECEIVE_ERRORS: Described = counter("net_receive_errors_total", "", "Packets received with errors");
const SEND_ERRORS: Described = counter("net_transmit_errors_total", "", "Packets that could not be sent");
const RECEIVE_DROPS: Described = counter("net_receive_drops_total", "", "Packets received and dropped");
const SEND_DROPS: Described = counter("net_transmit_drops_total", "", "Packets dropped before they were sent");

/// Interfaces of containers, bridges and bonds: their bytes are counted again on a real interface, and those of containers come and go.
const STACKED: [&str; 12] =
    ["veth", "cali", "cni", "flannel", "docker", "br-", "virbr", "vnet", "lxc", "bond", "team", "dummy"];

pub(super) fn read(proc: &Proc, reading: &mut Reading<'_>) {
    let Ok(text) = proc.text("net/dev") else { return };
    let Ok(status) = InterfaceDeviceStatus::from_buf_read(text.as_bytes()) else { return };
    let mut interfaces: Vec<DeviceStatus> = status.0.into_values().collect();
    interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    let counted: Vec<&DeviceStatus> = interfaces.iter().filter(|i| !is_stacked(&i.name, &interfaces)).collect();
    for interface in counted.into_iter().take(INTERFACES_MAX) {
        let label = [("interface", interface.name.as_str())];
        for (metric, value) in [
            (RECEIVED, interface.recv_bytes),
            (SENT, interface.sent_bytes),
            (RECEIVED_PACKETS, interface.recv_packets),
            (SENT_PACKETS, interface.sent_packets),
            (RECEIVE_ERRORS, interface.recv_errs),
            (SEND_ERRORS, interface.sent_errs),
            (RECEIVE_DROPS, interface.recv_drop),
            (SEND_DROPS, interface.sent_drop),
        ] {
            reading.add(metric, &label, value as f64);
        }
    }
}

/// Whether the bytes of `name` are counted on another interface too: a known kind, or a VLAN (`eth0.100`) whose parent is there.
fn is_stacked(name: &str, all: &[DeviceStatus]) -> bool {
    STACKED.iter().any(|prefix| name.starts_with(prefix))
        || name.split_once(['.', '@']).is_some_and(|(parent, _)| all.iter().any(|other| other.name == parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_on_one_interface() {
        let text = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
  eth0: 12345678901234 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0
eth0.100: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
wg.1: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
veth12ab: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
";
        let all: Vec<DeviceStatus> =
            InterfaceDeviceStatus::from_buf_read(text.as_bytes()).unwrap().0.into_values().collect();
        let mut kept: Vec<&str> = all.iter().map(|i| i.name.as_str()).filter(|name| !is_stacked(name, &all)).collect();
        kept.sort_unstable();
        assert_eq!(kept, ["eth0", "lo", "wg.1"]);
    }
}
