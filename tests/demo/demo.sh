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

say "tpd -p $pid -f 'shop::*' --duration 500ms: calls as they happen, with arguments and results"
"$tpd" -p "$pid" -f 'shop::*' --duration 500ms

say "tpd -p $pid -f libc:open --errors --duration 1s: calls into a stripped library, those that failed"
"$tpd" -p "$pid" -f libc:open --errors --duration 1s

say "tpd -p $pid -f 'shop::*' --exceptions -o $out --duration 1s: the same as NDJSON"
rm -f "$out"
"$tpd" -p "$pid" -f 'shop::*' --exceptions -o "$out" --duration 1s
echo "$out: $(wc -l <"$out") records, $(grep -c '"type":"call"' "$out") of them calls; a call, and the exception that ended it:"
grep -m 1 '"exit":"exception"' "$out"
# Broken into lines for the reader: what was thrown, by whom, who caught it, and the traceback.
grep -m 1 '"type":"exception"' "$out" | sed 's/"\(thrown\|caught\|stack\)":/\n  &/g; s/},{/},\n    {/g'

say "tpd has detached; the sample goes on and ends when it is asked to"
kill -0 "$pid"
exec 9>&-
status=0
wait "$pid" || status=$?
pid=
cat "$dir/out"
echo "its exit status: $status"
exit "$status"
