#!/bin/sh
# SPDX-License-Identifier: MIT
# deps.sh GROUP...: installs the packages of these groups that are missing. Does nothing when all are there.
# Group programs is what some tests trace: without one of them its tests are skipped, so it stops nothing.
set -eu

build="make gcc libc6-dev clang bpftool libbpf-dev libelf-dev libdw-dev libdebuginfod-dev libzydis-dev libzycore-dev
	libiberty-dev liblzma-dev zlib1g-dev uthash-dev libseccomp-dev libcap-dev"
tests="g++ binutils libcriterion-dev libjansson-dev python3"
programs="golang-go lld mold xz-utils redis-server redis-tools nginx wrk sqlite3 libc++-dev libc++abi-dev rustc dwz strace git"
demo="g++ procps"
bench="g++ python3 bpftrace redis-server redis-tools"
fuzz="libclang-rt-dev"
kernels="g++ libcriterion-dev libjansson-dev python3 qemu-system-x86 zstd lz4 bc"
format="clang-format"

missing() {
	for p; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || printf '%s ' "$p"
	done
}

# Services such as redis are wanted as programs to trace, not running: policy-rc.d forbids their start meanwhile.
install() {
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap 'rm -f $policy' EXIT
		trap 'exit 1' HUP INT TERM
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
	fi
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

need='' want=''
for group; do
	case $group in
	build) need="$need $build" ;;
	tests) need="$need $tests" ;;
	demo) need="$need $demo" ;;
	bench) need="$need $bench" ;;
	fuzz) need="$need $fuzz" ;;
	kernels) need="$need $kernels" ;;
	format) need="$need $format" ;;
	programs) want="$want $programs" ;;
	*)
		echo "deps: there is no group $group" >&2
		exit 2
		;;
	esac
done
if ! command -v dpkg-query >/dev/null; then
	echo "deps: not a Debian system; what Debian calls these must be there: $need $want" | tr -s '\n\t ' ' ' >&2
	exit 0
fi
# shellcheck disable=SC2086 # lists of words, here and below
need=$(missing $need) want=$(missing $want)
if [ -n "$need$want" ] && [ "$(id -u)" = 0 ]; then
	apt-get update -qq >&2 || true
	# shellcheck disable=SC2086
	(install $need $want) || { [ -z "$need" ] || (install $need) || true; for p in $want; do (install "$p") || true; done; }
	# shellcheck disable=SC2086
	need=$(missing $need) want=$(missing $want)
fi
[ -z "$want" ] || echo "deps: not installed, so that some tests will be skipped: $want" >&2
[ -z "$need" ] && exit 0
echo "deps: these packages are missing; as root: apt-get install $need" >&2
exit 1
