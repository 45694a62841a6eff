"""Which block `make run` makes: two xCenters, two modules, ten bServers each, three of them embedded."""

import uuid
from dataclasses import dataclass, field

CORES = 18          # 6 desktops a core (paper 003): 108, so the law of 100 decides
MEMORY_GIB = 256
NICS = 2
VFS_PER_NIC = 64


@dataclass
class Host:
    name: str
    kind: str                       # "embedded" or "simulated"


@dataclass
class Module:
    name: str
    hosts: list = field(default_factory=list)

    def packed(self) -> list:
        """Those that one agent process may serve together."""
        return [h for h in self.hosts if h.kind == "simulated"]


@dataclass
class Block:
    name: str
    modules: list = field(default_factory=list)
    xcenters: int = 2               # both live (design §2)

    def simulated(self) -> bool:
        """Wholly: nothing of it needs QEMU or a guest image."""
        return all(h.kind == "simulated" for m in self.modules for h in m.hosts)


def module(name: str, prefix: str, embedded: int, simulated: int) -> Module:
    hosts = [Host(f"{prefix}-{n + 1:02}", "embedded" if n < embedded else "simulated")
             for n in range(embedded + simulated)]
    return Module(name, hosts)


def whole() -> Block:
    return Block("block-1", [module("module-1", "b1", 2, 8), module("module-2", "b2", 1, 9)])


def small() -> Block:
    """What most system tests need: both modules, one embedded and one simulated bServer in each."""
    return Block("block-1", [module("module-1", "b1", 1, 1), module("module-2", "b2", 1, 1)])


def rated() -> Block:
    """One module at its full size, simulated: 10 bServers, 1,000 desktops (paper 003 §3)."""
    return Block("block-1", [module("module-1", "b1", 0, 10)])


def scale() -> Block:
    """Both modules at their full size, simulated: 20 bServers, 2,000 desktops (SCALE=block)."""
    return Block("block-1", [module("module-1", "b1", 0, 10), module("module-2", "b2", 0, 10)])


def _device(name: str, parent: str, capability: str) -> str:
    return f"<device><name>{name}</name><parent>{parent}</parent>{capability}</device>"


def _pci(bus: int, slot: int, function: int, inner: str) -> str:
    return (f"<capability type='pci'><domain>0</domain><bus>{bus}</bus><slot>{slot}</slot>"
            f"<function>{function}</function><product id='0x10ca'>82576 Virtual Function</product>"
            f"<vendor id='0x8086'>Intel Corporation</vendor>{inner}</capability>")


def _address(bus: int, slot: int, function: int) -> str:
    return f"<address domain='0x0000' bus='0x{bus:02x}' slot='0x{slot:02x}' function='0x{function:x}'/>"


def simulated_node(host_name: str) -> str:
    """The XML that libvirt's test driver opens: cores, memory, and two NICs with their virtual functions."""
    devices = []
    for nic in range(NICS):
        bus = 0x10 + 0x10 * nic
        places = [(bus, 0x10 + n // 8, n % 8) for n in range(VFS_PER_NIC)]
        vfs = "".join(_address(*place) for place in places)
        pf = f"pci_0000_{bus:02x}_00_0"
        devices.append(_device(pf, "computer", _pci(bus, 0, 0, f"<capability type='virt_functions'>{vfs}</capability>")))
        mac = uuid.uuid5(uuid.NAMESPACE_DNS, f"{host_name}-{nic}").hex[:6]
        mac = "52:54:01:" + ":".join(mac[i:i + 2] for i in (0, 2, 4))
        devices.append(_device(f"net_enp{bus}s0_{mac.replace(':', '_')}", pf,
                               f"<capability type='net'><interface>enp{bus}s0</interface><address>{mac}</address>"
                               "</capability>"))
        for place in places:
            devices.append(_device(f"pci_0000_{place[0]:02x}_{place[1]:02x}_{place[2]}", pf, _pci(
                *place, f"<capability type='phys_function'>{_address(bus, 0, 0)}</capability>")))
    return (f"<node><cpu><mhz>2400</mhz><model>x86_64</model><active>{CORES}</active><nodes>1</nodes>"
            f"<sockets>1</sockets><cores>{CORES}</cores><threads>1</threads></cpu>"
            f"<memory>{MEMORY_GIB * 1024 * 1024}</memory>{''.join(devices)}</node>\n")
