# Benches that are out of order. A scenario on each must be inconclusive, with these words for the cause and a cure, and
# so must nothing be left behind: at the end the same scenario passes.
cd /work
failed=0
one=scenarios/lopy/chr1-counts.yaml
run() { gattest run --board virtual --central btleplug "$@"; }

# refused WHAT CAUSE COMMAND...: exit code 3, the cause, and what to do about it.
refused() {
    what=$1 cause=$2
    shift 2
    began=$(cut -d. -f1 /proc/uptime)
    said=$("$@" 2>&1)
    code=$?
    seconds=$(($(cut -d. -f1 /proc/uptime) - began))
    if [ $code = 3 ] && echo "$said" | grep -q "$cause" && echo "$said" | grep -q 'what to do: '; then
        echo "inconclusive after $seconds s: $what: $(echo "$said" | grep -m 1 "$cause")"
    else
        failed=1
        echo "NOT AS IT SHOULD: $what: exit code $code after $seconds s, and it said:"
        echo "$said"
    fi
}

as_nobody() { su -s /bin/sh nobody -c "$*"; }

passes() {
    said=$(run $one 2>&1) || { failed=1; echo "NOT AS IT SHOULD: $1:"; echo "$said"; }
}

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

start_bluetoothd() {
    bluetoothd --nodetach --configfile=/etc/main.conf >>/out/bluetoothd.log 2>&1 &
}

passes "before anything is out of order"

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
passes "after rfkill"

# In the midst of whatever goes on then.
for seconds in 5 6 7 8; do
    refused "the adapter goes off after $seconds s" "is off" disturbed $seconds rfkill block bluetooth
    rfkill unblock bluetooth
done
refused "bluetoothd is killed" "bluetoothd\|org.bluez\|Bluetooth" disturbed 6 killall -9 bluetoothd
refused "bluetoothd is not there" "bluetoothd does not run" run $one
start_bluetoothd
passes "after bluetoothd started anew"
killall -STOP bluetoothd
refused "bluetoothd hangs" "bluetoothd does not answer" run $one
killall -CONT bluetoothd
passes "after bluetoothd went on"
killall dbus-daemon
refused "no message bus" "message bus of the system cannot be reached" run $one
exit $failed
