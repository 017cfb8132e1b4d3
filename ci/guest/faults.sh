# Benches that are out of order. A scenario on each must be inconclusive, with these words for the cause and a cure, and
# so must nothing be left behind: at the end the same scenario passes.
cd /work
. /etc/judge.sh
one=scenarios/lopy/chr1-counts.yaml
run() { gattest run --board virtual --central btleplug "$@"; }

as_nobody() { su -s /bin/sh nobody -c "$*"; }

# While a run is under way, something happens to the stack.
disturbed() {
    seconds=$1
    shift
    (sleep "$seconds"; "$@") &
    run scenarios/lopy
    code=$?
    wait $!
    return $code
}

passes "before anything is out of order" run $one

# What a run that was killed has left behind with BlueZ is no matter of the next one.
run scenarios/pairing/just-works.yaml >/dev/null 2>&1 &
killed=$!
tenths=300
until grep -qs LongTermKey /var/lib/bluetooth/*/*/info || [ $tenths = 0 ]; do
    tenths=$((tenths - 1))
    usleep 100000
done
kill -9 $killed
wait $killed
grep -qs LongTermKey /var/lib/bluetooth/*/*/info || wrong "a killed run leaves a bond behind"
no_adapter() { gattest doctor | grep -q 'bluetoothd has no adapter'; }
within 20 no_adapter
passes "with the bond of a run that was killed" run scenarios/pairing/just-works.yaml

mv /dev/vhci /dev/hidden
refused "no /dev/vhci" "/dev/vhci: No such file" run $one
mv /dev/hidden /dev/vhci
refused "no right to /dev/vhci" "/dev/vhci: Permission denied" as_nobody gattest run --board virtual --central btleplug $one
chmod 666 /dev/vhci
refused "no right to bluetoothd" "keeps this user from bluetoothd" \
    as_nobody gattest run --board virtual --central btleplug $one
chmod 600 /dev/vhci

rfkill block bluetooth
refused "adapters are held off" "is off" run $one
rfkill unblock bluetooth
passes "after rfkill" run $one

# In the midst of whatever goes on then.
for seconds in 5 6 7 8; do
    refused "the adapter goes off after $seconds s" "is off" disturbed $seconds rfkill block bluetooth
    rfkill unblock bluetooth
done
refused "bluetoothd is killed" "bluetoothd\|org.bluez\|Bluetooth" disturbed 6 killall -9 bluetoothd
refused "bluetoothd is not there" "bluetoothd does not run" run $one
start_bluetoothd
passes "after bluetoothd started anew" run $one
killall -STOP bluetoothd
refused "bluetoothd hangs" "bluetoothd does not answer" run $one
killall -CONT bluetoothd
passes "after bluetoothd went on" run $one
killall dbus-daemon
refused "no message bus" "message bus of the system cannot be reached" run $one
exit $failed
