# Boards that are programs of their own, devices that are anybody's, several adapters, and other programs that use
# bluetoothd at the same time.
cd /work
. /etc/judge.sh
through() { gattest run --central "$@"; }
# With scenarios of this folder.
beside() { through btleplug --traces beside/traces "$@"; }

# board RADIO...: it is on when bluetoothd has all of its adapters.
board() {
    radios=
    for radio in "$@"; do radios="$radios --radio $radio"; done
    # shellcheck disable=SC2086
    gattest board --pty /tmp/board.port --seed 7 --control tcp:7000 $radios >>/out/board.txt 2>&1 &
    board=$!
    for _ in "$@"; do within 20 is_on hci$(($# - 1)); shift; done
}

no_board() {
    kill -CONT $board 2>/dev/null
    kill $board
    wait $board
    within 20 no_adapter
}

is_on() { gattest doctor | grep -q "bluetoothd has $1, and it is on"; }
no_service() { gattest doctor | grep -q 'bluetoothd does not run'; }
no_adapter() { gattest doctor | grep -q 'bluetoothd has no adapter'; }

# told SECONDS COMMAND...: bluetoothctl does one thing after the other, with a pause for each to be done.
told() {
    pause=$1
    shift
    { for command in "$@"; do echo "$command"; sleep "$pause"; done; } | bluetoothctl
}

address_of() { told 2 'scan on' 'devices' | sed -n "s/.*Device \([0-9A-F:]*\) $1\$/\1/p" | head -n 1; }

within 20 no_adapter
echo "-- a server of anybody's"
board vhci
passes "on a board that is a program of its own" through btleplug --board /tmp/board.port scenarios/lopy/chr2-counts.yaml
passes "with that board as anybody's, by its service" beside beside/by_service.yaml
passes "as another stack's server" beside --board /tmp/board.port beside/lamp.yaml
passes "with its scenarios" through btleplug --json /out/external.json scenarios/external
refused "a server that is not there" "was not seen advertising.*heard were .*Lamp" beside beside/by_service.yaml

echo "-- another program"
lamp=$(address_of Lamp)
is_connected() { bluetoothctl info "$lamp" | grep -q 'Connected: yes'; }
other_connects() {
    told 3 'scan on' "connect $lamp" 'scan off' '' '' '' '' >>/out/bluetoothctl.txt 2>&1 &
    within 25 is_connected
}
other_connects
refused "another program is connected" "\"Lamp\" ($lamp) is connected to this machine already" \
    through btleplug scenarios/external
is_connected || wrong "the other program has lost its connection"
gattest doctor | grep -q "no run uses what is connected.*Lamp" || wrong "doctor does not name it" "$(gattest doctor)"
told 4 "disconnect $lamp" >>/out/bluetoothctl.txt 2>&1
passes "when the other program has gone" through btleplug scenarios/external

echo "-- what BlueZ remembers"
# One folder for each adapter that there has been.
remembered=/var/lib/bluetooth/$(bluetoothctl show | sed -n 's/^Controller \([0-9A-F:]*\).*/\1/p' | head -n 1)
cached=$remembered/cache/$lamp
killall bluetoothd
sed 's/^Cache = no/Cache = always/' /etc/main.conf >/tmp/caching.conf
start_bluetoothd /tmp/caching.conf
within 20 is_on hci0
other_connects
within 10 grep -q a001 "$cached"
sed 's/a001/a0f1/g' "$cached" >/tmp/other_table
told 4 "disconnect $lamp" >>/out/bluetoothctl.txt 2>&1
killall bluetoothd
# It writes some files when it ends.
within 10 no_service
cp /tmp/other_table "$cached"
start_bluetoothd /tmp/caching.conf
within 20 is_on hci0
passes "with a record of another table" through btleplug scenarios/external
killall bluetoothd
within 10 no_service
mkdir -p "$remembered/$lamp"
printf '[General]\nName=Lamp\nAddressType=static\nSupportedTechnologies=LE;\n
[LongTermKey]\nKey=00112233445566778899AABBCCDDEEFF\nAuthenticated=0\nEncSize=16\nEDiv=0\nRand=0\n' \
    >"$remembered/$lamp/info"
start_bluetoothd
within 20 is_on hci0
refused "a bond of another program's" "\"Lamp\" ($lamp) is paired with this machine" through btleplug scenarios/external
bluetoothctl info "$lamp" | grep -q 'Paired: yes' || wrong "the bond has been removed"
told 2 "remove $lamp" >>/out/bluetoothctl.txt 2>&1
passes "without the bond" through btleplug scenarios/external/discovery.yaml

echo "-- security that the system gives unasked"
passes "as a server that asks for encryption" beside --board /tmp/board.port beside/locked.yaml
accepting() {
    sleep 2
    echo 'default-agent'
    until grep -q 'Accept pairing' /out/agent.txt; do sleep 1; done
    echo yes
    sleep 30
}
accepting | bluetoothctl >/out/agent.txt 2>&1 &
within 10 grep -q 'Default agent request successful' /out/agent.txt
refused "what should be open is not" "paired with it behind the scenario's back" beside beside/open.yaml

echo "-- silence"
refused "a request without a response" "no answer came" beside --board /tmp/board.port beside/silent.yaml
# BlueZ then answers the read with an error, as if the device had.
reset() { (sleep 5; echo reset | nc 127.0.0.1 7000) & "$@"; }
refused "a link that ends in the midst of a request" "the connection ended, and the operating system does not say why" \
    reset beside beside/silent_to_all.yaml
stopped() { (sleep 4; kill -STOP $board) & "$@"; code=$?; kill -CONT $board; return $code; }
refused "a board that stops, and its radio" "gave no report of the disconnection" stopped through btleplug --board /tmp/board.port scenarios/lopy/chr1-counts.yaml scenarios/lopy/chr2-counts.yaml
no_board

echo "-- two adapters"
board vhci vhci
refused "no adapter is named" "has 2 Bluetooth adapters: hci0, hci1" beside beside/by_service.yaml
refused "another one is named" "has no Bluetooth adapter hci7; it has hci0, hci1" through btleplug:hci7 scenarios/external
one=scenarios/lopy/chr1-counts.yaml
passes "with the one that is named" through btleplug:hci1 --board /tmp/board.port $one
passes "with the other" through btleplug:hci0 --board /tmp/board.port $one
no_board
exit $failed
