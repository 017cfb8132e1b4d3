# Long values through small PDUs: bluetoothd reads and writes them in parts (Core Vol 3 Part G 4.8.3, 4.9.4), which it
# never has to with the MTU of 517 that it asks for otherwise.
cd /work
. /etc/judge.sh
sed 's/^ExchangeMTU.*//; s/^\[GATT\]/[GATT]\nExchangeMTU = 48/' /etc/main.conf >/tmp/small.conf
no_service() { gattest doctor | grep -q 'bluetoothd does not run'; }
killall bluetoothd
within 20 no_service
start_bluetoothd /tmp/small.conf
run() { gattest run --board virtual --central btleplug "$@"; }
passes "in parts" run --btsnoop /out/long.btsnoop scenarios/api/long-read-runs-the-handler-once.yaml \
    scenarios/api/long-write-runs-the-handler-once.yaml scenarios/api/reply-of-256-bytes.yaml
refused "an MTU that the system chose" "an MTU of 48 was agreed on" run scenarios/api/value-longest-written.yaml
killall bluetoothd
within 20 no_service
start_bluetoothd
exit $failed
