#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh [TPD [SAMPLE [OUTPUT]]]: start the sample, attach tpd to it by pid, show its calls, and show that it is unharmed.
set -eu
tpd=${1:-build/tpd}
sample=${2:-build/demo/sample}
out=${3:-build/demo.ndjson}
dir=$(mktemp -d)
pid=

finish() {
	exec 9>&- # the sample ends with its input
	[ -z "$pid" ] || wait "$pid" 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

say() { printf '\n== %s\n' "$*"; }

[ "$(id -u)" = 0 ] || { echo "demo.sh: attaching to a process needs root" >&2; exit 4; }
mkfifo "$dir/in"
"$sample" <"$dir/in" >"$dir/out" &
pid=$!
exec 9>"$dir/in"

say "a program that is already running, built without any preparation"
ps -o pid,etime,args -p "$pid"

say "tpd -p $pid -f 'shop::*' --duration 1500ms: calls as they happen"
"$tpd" -p "$pid" -f 'shop::*' --duration 1500ms

say "tpd -p $pid -f 'shop::*' -o $out --duration 1500ms: the same as NDJSON"
rm -f "$out"
"$tpd" -p "$pid" -f 'shop::*' -o "$out" --duration 1500ms
echo "$out: $(wc -l <"$out") records, $(grep -c '"type":"call"' "$out") of them calls, such as"
grep '"exit":"exception"' "$out" | head -n 2

say "tpd has detached; the sample goes on and ends when it is asked to"
kill -0 "$pid"
exec 9>&-
status=0
wait "$pid" || status=$?
pid=
cat "$dir/out"
echo "its exit status: $status"
exit "$status"
