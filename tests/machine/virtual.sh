#!/usr/bin/env bash
# A machine whose kernel keeps limits: boots one in qemu, with nothing in it but busybox, freshd and tests/controllers.rs,
# which is run there as root. For machines that have the controllers of cgroups in version 1 or not at all.
#
# Needs qemu-system-x86, busybox-static and, in FRESHD_KERNEL or as the newest in /boot, a kernel with cgroups of version 2,
# such as that of linux-image-cloud-amd64. Without acceleration, which a machine that is itself virtual often has not:
# less than a minute.
set -euo pipefail

MEMORY_MIB=1024
SECONDS_MAX=300

cd "$(dirname "$0")/../.."
test_program=$(cargo test --quiet --test controllers --no-run --message-format=json |
    grep --only-matching '"executable":"[^"]*/controllers-[^"]*"' | cut -d'"' -f4)
freshd=$(dirname "$(dirname "$test_program")")/freshd
kernel=${FRESHD_KERNEL:-$(find /boot -name 'vmlinuz-*' | sort --version-sort | tail -n 1)}
if [ ! -f "$kernel" ]; then
    echo "no kernel: name one in FRESHD_KERNEL" >&2
    exit 2
fi

root=$(mktemp --directory)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,usr/bin,proc,sys,dev,tmp,etc}

# Where the test program looks for freshd: the path that it was built with.
for program in "$test_program" "$freshd"; do
    mkdir -p "$root$(dirname "$program")"
    strip --strip-debug -o "$root$program" "$program"
    # What it is linked with, where the loader looks for it.
    ldd "$program" | grep --only-matching '/[^ ]*' | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp --dereference "$library" "$root$library"
    done
done
cp "$(command -v busybox)" "$root/bin/busybox"
echo 'root:x:0:0:root:/:/bin/sh' > "$root/etc/passwd"
cat > "$root/init" << END
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
"$test_program" --nocapture 2>&1
echo "virtual machine: exit code \$?"
poweroff -f
END
chmod +x "$root/init"
(cd "$root" && find . | busybox cpio -o -H newc 2> /dev/null) | gzip -1 > "$root.initramfs"
trap 'rm -rf "$root" "$root.initramfs"' EXIT

timeout "$SECONDS_MAX" qemu-system-x86_64 -accel tcg -m "$MEMORY_MIB" -smp 2 \
    -kernel "$kernel" -initrd "$root.initramfs" -append 'console=ttyS0 quiet panic=-1' \
    -nographic -no-reboot < /dev/null | tee "$root/log"
grep --quiet 'virtual machine: exit code 0' "$root/log"
grep --quiet '1 passed' "$root/log"
! grep --quiet 'not tested' "$root/log"
