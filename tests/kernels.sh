#!/bin/sh
# SPDX-License-Identifier: MIT
# kernels.sh - the exactness tests as root inside Debian's kernels under QEMU, one PASS or FAIL line a kernel.
#
#   kernels.sh [-k "6.1 6.12"] [-t SECONDS] [-v] [-- COMMAND...]
#
#   -k  which kernels (6.1, 6.12, 6.18, 7: the newest of that number; default: all)
#   -t  time limit a kernel (1800)
#   -v  show what the tests print even where they pass
#   COMMAND is run in the guest instead of the tests; build/tpd is /tpd there, build/targets is /targets
#
# Kernels come by apt from the archives that this machine is set up with, with a private apt state, and are kept in
# ${XDG_CACHE_HOME:-~/.cache}/tpd-kernels. Environment: TPD, TPD_TARGETS, E2E (the test binary), ACCEL, MEM, SMP.
# Exit status: how many kernels failed; 99: could not begin.
set -u
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tpd-kernels
apt=$cache/index
tpd=${TPD:-build/tpd} targets=${TPD_TARGETS:-build/targets} e2e=${E2E:-build/tests/e2e/exact_test}
series="6.1 6.12 6.18 7" seconds=1800 verbose=
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' INT TERM

die() { echo "kernels.sh: $*" >&2; exit 99; }

# ---- kernels ----

suites="debian/bookworm debian-security/bookworm-security debian-security/trixie-security debian/trixie-backports debian/sid"

# The names that a series may have.
names() {
	case $1 in
	6.1)  echo '^linux-image-6\.1\.0-[0-9]+-cloud-amd64$' ;;
	6.12) echo '^linux-image-6\.12\.[0-9]+\+deb[0-9]+-cloud-amd64$' ;;
	6.18) echo '^linux-image-6\.18\.[0-9]+\+deb[0-9]+-cloud-amd64$' ;;
	7)    echo '^linux-binary-7\.[0-9.]+\+deb[0-9]+-cloud-amd64$' ;; # the unsigned one holds the image since 7
	*)    die "no kernel '$1'" ;;
	esac
}

# The archive that apt uses here, without the last part of its path.
mirror() {
	apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | sed -nE 's,^(.*)/debian/?$,\1,p' | sort -u | head -n 1
}

# A private apt state: nothing of the system's is written, and only Debian's own keys are trusted.
apt_setup() {
	base=$(unset APT_CONFIG; mirror)
	[ "$base" ] || die "apt knows no Debian archive here"
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/src" "$apt/none"
	for s in $suites; do
		printf 'Types: deb\nURIs: %s/%s\nSuites: %s\nComponents: main\nArchitectures: amd64\n' "$base" "${s%/*}" "${s#*/}"
		printf 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n'
	done >"$work/all.sources"
	cmp -s "$work/all.sources" "$apt/src/all.sources" || rm -f "$apt/stamp"
	cp "$work/all.sources" "$apt/src/all.sources"
	cat >"$apt/conf" <<-X
		Dir::State::lists "$apt/lists"; Dir::Cache "$apt/cache";
		Dir::Etc::sourcelist "/dev/null"; Dir::Etc::sourceparts "$apt/src";
		Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "$apt/none";
		Acquire::Languages "none"; APT::Sandbox::User "root";
	X
	export APT_CONFIG="$apt/conf"
	if [ ! -e "$apt/stamp" ] || [ "$(find "$apt/stamp" -mtime +30)" ]; then
		apt-get -qq update && touch "$apt/stamp" || [ -e "$apt/stamp" ] || die "apt-get update failed"
	fi
}

# fetch PACKAGE DIR: download, unless it is there, and unpack
fetch() {
	mkdir -p "$cache/deb" "$2"
	ls "$cache/deb/${1%%/*}"_*.deb >/dev/null 2>&1 || (cd "$cache/deb" && apt-get -qq download "$1") || die "cannot download $1"
	dpkg -x "$(ls -t "$cache/deb/${1%%/*}"_*.deb | head -n 1)" "$2" || die "cannot unpack $1"
}

newest() {
	apt-cache pkgnames linux- | grep -E "$(names "$1")" | sort -V | tail -n 1
}

# The uncompressed kernel within a bzImage boots faster (PVH) than one that unpacks itself under emulation.
unpack_kernel() { # unpack_kernel VMLINUZ OUT
	sects=$(od -An -tu1 -j497 -N1 "$1" | tr -d ' ')
	offset=$(od -An -tu4 -j584 -N4 "$1" | tr -d ' ')
	size=$(od -An -tu4 -j588 -N4 "$1" | tr -d ' ')
	tail -c +$((offset + (${sects:-4} + 1) * 512 + 1)) "$1" | head -c "$size" >"$work/payload"
	case $(od -An -tx1 -N4 "$work/payload" | tr -d ' ') in
	28b52ffd) unzip="zstd -dcq" ;;
	02214c18) unzip="lz4 -dcq" ;;
	fd377a58) unzip="xz -dcq" ;;
	1f8b*)    unzip="gzip -dcq" ;;
	*)        return 1 ;;
	esac
	$unzip <"$work/payload" >"$2" 2>/dev/null
	[ "$(od -An -tx1 -N4 "$2" | tr -d ' ')" = 7f454c46 ] || { rm -f "$2"; return 1; }
}

# kernel SERIES -> path of what QEMU boots, its name beside it
kernel() {
	name=$(newest "$1")
	[ "$name" ] || die "the archive has no kernel $1"
	release=$(echo "$name" | sed -E 's/^linux-[a-z]+-([0-9]+\.[0-9]+).*/\1/')
	image=$cache/k/$release.elf
	if [ ! -e "$image" ] || [ "$(cat "$cache/k/$release.name" 2>/dev/null)" != "$name" ]; then
		mkdir -p "$cache/k"
		fetch "$name" "$work/x"
		unpack_kernel "$(find "$work/x" -name 'vmlinuz*' | head -n 1)" "$image" || cp "$(find "$work/x" -name 'vmlinuz*' | head -n 1)" "$image"
		echo "$name" >"$cache/k/$release.name"
		rm -rf "$work/x"
	fi
	echo "$image"
}

# ---- the guest ----

# What ldd names, and what the loader opens only later.
libraries() {
	for f in "$@"; do ldd "$f" 2>/dev/null | grep -o '/[^ ]*'; done
	ldconfig -p | sed -nE 's/.*(libgcc_s\.so\.1) .*x86-64.* => (.*)/\2/p' | head -n 1
}

initramfs() { # initramfs OUT
	root=$work/root
	mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/etc" "$root/targets"
	[ -x "$cache/bb/bin/busybox" ] || fetch busybox-static/bookworm "$cache/bb"
	cp "$cache/bb/bin/busybox" "$root/bin/"
	ln -s busybox "$root/bin/sh"
	cp "$tpd" "$root/tpd"
	cp "$e2e" "$root/exact_test"
	cp "$targets"/* "$root/targets/"
	libraries "$tpd" "$e2e" "$targets"/* | sort -u | while read -r l; do
		mkdir -p "$root$(dirname "$l")"
		cp -L "$l" "$root$l"
	done
	echo "root:x:0:0:root:/:/bin/sh" >"$root/etc/passwd"
	cat >"$root/init" <<-'X'
		#!/bin/sh
		export PATH=/bin HOME=/ TERM=dumb
		/bin/busybox --install -s /bin
		mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
		mkdir -p /dev/shm; mount -t tmpfs shm /dev/shm; mount -t tmpfs tmp /tmp
		ln -s /proc/self/fd /dev/fd; ip link set lo up; hostname guest
		stty -F /dev/ttyS1 raw -echo
		cd /; sh /run.sh </dev/null >/dev/ttyS1 2>&1
		echo "@@EXIT $?@@" >/dev/ttyS1
		sync; poweroff -f
	X
	chmod +x "$root/init"
	if [ "$command" ]; then
		printf '%s\n' "$command" >"$root/run.sh"
	else
		cat >"$root/run.sh" <<-'X'
			export TPD=/tpd TPD_TARGETS=/targets TPD_SLOW=10 TPD_QUICK=10
			/tpd doctor
			bad=0
			for way in auto ret emulate uretprobe; do
				echo "@@WAY $way"
				TPD_RETURNS=$way /exact_test -j1 --timeout 1200 || bad=$((bad + 1))
			done
			exit $bad
		X
	fi
	(cd "$root" && find . | bin/busybox cpio -o -H newc -R 0:0 2>/dev/null) >"$1"
}

# /dev/kvm alone proves nothing: without virtualisation in the processor the host would emulate anyway.
accel() {
	if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then echo kvm; else echo tcg,thread=single; fi
}

boot() { # boot IMAGE INITRAMFS LOG: exit status of what ran in the guest, 98: none came back
	a=${ACCEL:-$(accel)} cpu=max
	[ "$a" = kvm ] && cpu=host
	# a file for each serial line: over stdio the guest reads garbage
	timeout "$seconds" qemu-system-x86_64 -M q35 -accel "$a" -cpu $cpu -smp "${SMP:-2}" -m "${MEM:-2G}" \
		-nodefaults -no-user-config -display none -monitor none -no-reboot \
		-serial "file:$3.console" -serial "file:$3" -kernel "$1" -initrd "$2" \
		-append "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check cryptomgr.notests rcupdate.rcu_expedited=1 audit=0 apparmor=0" \
		</dev/null 2>"$3.qemu"
	status=$(sed -n 's/^@@EXIT \([0-9]*\)@@.*/\1/p' "$3")
	return "${status:-98}"
}

# What the tests said, in a few words: "auto 40/40 ret 38/40 ..."
digest() {
	sed -nE 's/^@@WAY (.*)/\1/p; s/.*Tested: .*([0-9]+).* Passing: .*/&/p' "$1" | sed 's/\x1b\[[0-9;]*m//g' |
		sed -E 's/.*Tested: ([0-9]+) \| Passing: ([0-9]+) .*/\2\/\1/' | tr '\n' ' '
}

while getopts k:t:v o; do
	case $o in
	k) series=$OPTARG ;;
	t) seconds=$OPTARG ;;
	v) verbose=1 ;;
	*) exit 99 ;;
	esac
done
shift $((OPTIND - 1))
command=$*
for p in qemu-system-x86_64 apt-get dpkg ldd od; do command -v $p >/dev/null || die "$p is missing"; done
for f in "$tpd" "$e2e"; do [ -x "$f" ] || die "$f is not built"; done
apt_setup
initramfs "$work/initramfs"
bad=0
for s in $series; do
	image=$(kernel "$s") || exit 99
	log=$work/log.$s start=$(date +%s)
	boot "$image" "$work/initramfs" "$log"
	rc=$?
	if [ $rc = 0 ]; then verdict=PASS; else verdict="FAIL ($rc)" bad=$((bad + 1)); fi
	if [ "$verbose" ] || [ "$command" ] || [ $rc != 0 ]; then
		grep -av '^@@EXIT' "$log" | tail -n "${LINES_SHOWN:-400}"
		[ $rc != 98 ] || tail -n 20 "$log.console" "$log.qemu"
	fi
	printf '%-10s %-40s %s %ds\n' "$verdict" "$(cat "${image%.elf}.name")" "$([ "$command" ] || digest "$log")" $(($(date +%s) - start))
done
exit $bad
