"""A Bumble peripheral on a virtual controller: server.py TRANSPORT NAME [encrypted]

Advertises NAME and serves one characteristic with the value "hello", which may be written. With `encrypted` the value
needs an encrypted link. Ends after one connection. Needs Bumble from PyPI.
"""

import asyncio
import sys

from bumble.core import AdvertisingData
from bumble.device import Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address
from bumble.transport import open_transport


def say(*words):
    print(*words, flush=True)


async def main(transport, name, encrypted):
    async with await open_transport(transport) as hci:
        device = Device.with_hci(name, Address("C2:22:33:44:55:66"), hci.source, hci.sink)
        value = bytearray(b"hello")

        def write(_connection, new):
            say("written", bytes(new).hex())
            value[:] = new

        need = Characteristic.READ_REQUIRES_ENCRYPTION if encrypted else Characteristic.READABLE
        properties = Characteristic.Properties.READ | Characteristic.Properties.WRITE
        characteristic = Characteristic(
            "A001",
            properties,
            need | Characteristic.WRITEABLE,
            CharacteristicValue(read=lambda _connection: bytes(value), write=write),
        )
        device.add_service(Service("A000", [characteristic]))
        gone = asyncio.get_running_loop().create_future()

        def on_connection(connection):
            say("connected")
            connection.on("disconnection", lambda reason: gone.set_result(reason))

        device.on("connection", on_connection)
        await device.power_on()
        data = AdvertisingData([(AdvertisingData.FLAGS, bytes([6])), (AdvertisingData.COMPLETE_LOCAL_NAME, name.encode())])
        await device.start_advertising(advertising_data=bytes(data))
        say("advertising")
        say("disconnected", await gone)


asyncio.run(main(sys.argv[1], sys.argv[2], "encrypted" in sys.argv[3:]))
