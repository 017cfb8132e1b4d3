"""A Bumble central on a virtual controller: client.py TRANSPORT NAME [pair]

Scans for NAME, connects, pairs if asked to, discovers all, and reads each value twice.
Prints what it finds, one line each. Needs Bumble from PyPI.
"""

import asyncio
import sys

from bumble.core import AdvertisingData
from bumble.device import Device, Peer
from bumble.gatt import Characteristic
from bumble.hci import Address
from bumble.transport import open_transport


def say(*words):
    print(*words, flush=True)


async def find(device, name):
    found = asyncio.get_running_loop().create_future()

    def on_advertisement(advertisement):
        if advertisement.data.get(AdvertisingData.COMPLETE_LOCAL_NAME) == name and not found.done():
            found.set_result(advertisement.address)

    device.on("advertisement", on_advertisement)
    await device.start_scanning(legacy=True)
    address = await found
    await device.stop_scanning(legacy=True)
    return address


async def main(transport, name, pair):
    async with await open_transport(transport) as hci:
        device = Device.with_hci("client", Address("C1:22:33:44:55:66"), hci.source, hci.sink)
        await device.power_on()
        address = await find(device, name)
        say("found", name)
        connection = await device.connect(address)
        say("connected")
        if pair:
            await connection.pair()
            say("encrypted", connection.is_encrypted)
        async with Peer(connection) as peer:
            for service in peer.services:
                say("service", service.uuid)
                for characteristic in service.characteristics:
                    say("characteristic", characteristic.uuid, characteristic.properties)
                    if characteristic.properties & Characteristic.Properties.READ:
                        for _ in range(2):
                            say("value", bytes(await characteristic.read_value()).hex())
        await connection.disconnect()
        say("disconnected")


asyncio.run(main(sys.argv[1], sys.argv[2], "pair" in sys.argv[3:]))
