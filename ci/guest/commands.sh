# What is done in the guest, by its first process: the scenarios, once or often, then what the harness costs, what else
# there may be beside a run, and then benches that are out of order.
cd /work
. ./settings
failed=0
run() { gattest run --board virtual --central btleplug "$@"; }

# Shown on the console while the next part runs.
ended() {
    echo "guest: $1 ended with $2 after $(cut -d' ' -f1 /proc/uptime) s: $(tail -n 1 "/out/$1.txt")"
    [ "$2" = 0 ] || failed=1
}

gattest doctor >/out/doctor.txt 2>&1
run --json /out/run.json --junit /out/run.xml --btsnoop /out/run.btsnoop >/out/scenarios.txt 2>&1
ended scenarios $?
# With the smallest PDUs that bluetoothd can ask for.
/bin/sh /etc/long.sh >/out/long.txt 2>&1
ended long $?
if [ "$runs" -gt 1 ]; then
    run --repeat "$runs" >/out/repeats.txt 2>&1
    ended repeats $?
fi
/bin/sh /etc/cost.sh >/out/cost.txt
ended cost $?
/bin/sh /etc/beside.sh >/out/beside.txt 2>&1
ended beside $?
/bin/sh /etc/faults.sh >/out/faults.txt 2>&1
ended faults $?
exit $failed
