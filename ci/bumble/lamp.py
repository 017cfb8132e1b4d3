"""A GATT server that is not ours, for scenarios/external: lamp.py TRANSPORT [ADDRESS] [wrong-value|no-alarm]

A lamp on Bumble (PyPI). A write to `switch` is notified as `state`, and indicated as `alarm`. With `wrong-value` its
label is another one, with `no-alarm` a characteristic is missing. Serves until it is ended, and says who comes.
"""

import asyncio
import sys

from bumble.att import ATT_Error
from bumble.core import AdvertisingData
from bumble.device import Device
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service
from bumble.hci import Address
from bumble.transport import open_transport

PROPERTY = Characteristic.Properties
NAME = "Lamp"
LABEL = b"a lamp on the table in the hall, second from the left, with a green shade"
READ_NOT_PERMITTED = 0x02
REFUSED = 0x80


def lamp(device, wrong):
    state = Characteristic("A001", PROPERTY.READ | PROPERTY.NOTIFY, Characteristic.READABLE, b"off")
    alarm = Characteristic("A002", PROPERTY.READ | PROPERTY.INDICATE, Characteristic.READABLE, b"\x00")

    async def switch(_connection, value):
        if value not in (b"on", b"off"):
            raise ATT_Error(REFUSED)
        state.value = value
        await device.notify_subscribers(state)
        alarm.value = bytes([value == b"on"])
        # Not awaited: the confirmation comes after the response to the write.
        asyncio.ensure_future(device.indicate_subscribers(alarm))

    def unreadable(_connection):
        # Bumble lets the application see to that.
        raise ATT_Error(READ_NOT_PERMITTED)

    name = Descriptor("2901", Descriptor.READABLE, b"where it stands")
    label = LABEL.replace(b"green", b"black") if wrong == "wrong-value" else LABEL
    readable, writable = Characteristic.READABLE, Characteristic.WRITEABLE
    characteristics = [
        state,
        alarm,
        Characteristic(
            "A003",
            PROPERTY.WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE,
            writable,
            CharacteristicValue(read=unreadable, write=switch),
        ),
        Characteristic("A004", PROPERTY.READ | PROPERTY.WRITE, readable | writable, label, [name]),
    ]
    if wrong == "no-alarm":
        characteristics.remove(alarm)
    return Service("A000", characteristics)


async def main(transport, address="C2:22:33:44:55:66", wrong=None):
    async with await open_transport(transport) as hci:
        device = Device.with_hci(NAME, Address(address), hci.source, hci.sink)
        device.add_service(lamp(device, wrong))
        device.on("connection", lambda _connection: print("connected", flush=True))
        await device.power_on()
        data = [(AdvertisingData.FLAGS, bytes([6])), (AdvertisingData.COMPLETE_LOCAL_NAME, NAME.encode())]
        await device.start_advertising(advertising_data=bytes(AdvertisingData(data)), auto_restart=True)
        print("advertising", flush=True)
        await hci.source.terminated


asyncio.run(main(*sys.argv[1:]))
