# What the scripts of broken benches judge by. They end with `exit $failed`.
failed=0

# Shows what was said, and fails the script.
wrong() {
    failed=1
    echo "NOT AS IT SHOULD: $1"
    [ -z "${2:-}" ] || echo "$2"
}

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
        wrong "$what: exit code $code after $seconds s, and it said:" "$said"
    fi
}

# passes WHEN COMMAND...: exit code 0.
passes() {
    when=$1
    shift
    if said=$("$@" 2>&1); then
        echo "passes $when: $(echo "$said" | tail -n 1)"
    else
        wrong "$when: exit code $?, and it said:" "$said"
    fi
}

# within SECONDS COMMAND...: asked once a second until it succeeds.
within() {
    rest=$1
    shift
    until "$@" >/dev/null 2>&1; do
        rest=$((rest - 1))
        [ "$rest" -gt 0 ] || { wrong "not in time: $*"; return 1; }
        sleep 1
    done
}

start_bluetoothd() {
    bluetoothd --nodetach --configfile="${1:-/etc/main.conf}" >>/out/bluetoothd.log 2>&1 &
}
