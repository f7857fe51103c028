#!/usr/bin/env bash
# A machine to break: this machine's own systemd as process 1 of namespaces of its own, on a throw-away copy of its
# root. Nothing that happens in it reaches the machine itself, and nothing of it is left when it stops.
#
#   boot.sh start BOX FILES   boots it, with the tree FILES copied into its root; prints how systemd finds itself
#   boot.sh exec BOX COMMAND  runs a command in it
#   boot.sh stop BOX          turns it off
#
# Needs root, an ext4, xfs or btrfs root to lay the copy over, and Debian's systemd, util-linux and iproute2.
set -euo pipefail

BOOT_TRIES_MAX=600
STOP_TRIES_MAX=100

verb=$1
box=$2
shift 2

# The second hierarchy where both are mounted; cgroup.kill and delegation are there alone.
hierarchy=/sys/fs/cgroup/unified
[ -f /sys/fs/cgroup/cgroup.procs ] && hierarchy=/sys/fs/cgroup
cgroup=$hierarchy/freshd-machine-$(printf %s "$box" | cksum | cut -d' ' -f1)

# Process 1 of the box, as this machine numbers it.
init_of_box() { pgrep -P "$(cat "$box/outside")"; }

run_in_box() {
    exec nsenter --target "$(init_of_box)" --mount --pid --cgroup --uts --ipc --net --root --wd \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        TERM=dumb SYSTEMD_COLORS=0 SYSTEMD_PAGER= "$@"
}

start() {
    local files=$1 state try
    mkdir -p "$box" "$cgroup"
    setsid bash "$(readlink -f "$0")" enter "$box" "$files" < /dev/null > "$box.log" 2>&1 &
    echo $! > "$box/outside"
    for ((try = 0; try < BOOT_TRIES_MAX; try++)); do
        state=$(timeout 5 "$0" exec "$box" systemctl is-system-running 2> /dev/null || true)
        case $state in
            running | degraded) echo "$state"; return ;;
        esac
        kill -0 "$(cat "$box/outside")" 2> /dev/null || break
        sleep 0.05
    done
    echo "the machine does not boot (${state:-no answer}):" >&2
    cat "$box.log" >&2
    return 1
}

# Goes into the group first, so that it is the root of what the box sees.
enter() {
    echo $$ > "$cgroup/cgroup.procs"
    exec unshare --mount --propagation private --pid --fork --kill-child --cgroup --uts --ipc --net \
        bash "$(readlink -f "$0")" become-init "$box" "$1"
}

# Inside the namespaces: makes the root, and lets systemd take over.
become_init() {
    local files=$1 root=$box/root node unit
    mount -t tmpfs -o mode=755,size=1g tmpfs "$box"
    mkdir "$box/upper" "$box/work" "$root"
    mount -t overlay -o "lowerdir=/,upperdir=$box/upper,workdir=$box/work" overlay "$root"
    mount -t proc proc "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mount -t sysfs -o ro sysfs "$root/sys" 2> /dev/null || mount --rbind /sys "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    mkdir -p "$root/run/lock" "$root/run/log/journal" "$root/dev/pts" "$root/dev/shm"
    for node in null zero full random urandom tty; do
        touch "$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    for node in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/${node#*:}" "$root/dev/${node%:*}"; done

    # Nothing that this machine runs shall run in there a second time.
    local units=$root/etc/systemd/system
    rm -rf "$units"/*.wants "$units"/*.requires "$root"/etc/rc?.d/S* "$root/var/log/journal" "$root/usr/sbin/policy-rc.d"
    mkdir -p "$root/etc/systemd/system-generators"
    ln -sfn /dev/null "$root/etc/systemd/system-generators/systemd-sysv-generator"
    for unit in systemd-{timesyncd,networkd,resolved,udevd,udev-trigger,hwdb-update,modules-load,pstore,binfmt,random-seed}.service \
        systemd-{firstboot,update-utmp,journal-flush,journal-catalog-update}.service systemd-udevd-{control,kernel}.socket \
        getty@tty1.service console-getty.service e2scrub_reap.service getty.target machines.target remote-fs.target \
        dev-hugepages.mount dev-mqueue.mount sys-kernel-{debug,tracing,config}.mount sys-fs-fuse-connections.mount \
        proc-sys-fs-binfmt_misc.automount; do
        ln -sfn /dev/null "$units/$unit"
    done
    : > "$root/etc/fstab"
    systemd-id128 new > "$root/etc/machine-id"
    echo freshd-machine > "$root/etc/hostname"
    hostname freshd-machine
    ip link set lo up
    cp -a "$files/." "$root/"
    # Copied with the rest: a root that only root may enter hangs the boot.
    chmod 755 "$root"

    cd "$root"
    mkdir -p .old
    pivot_root . .old
    umount -l /.old
    # As on any machine: what systemd mounts for one service in a namespace of its own must be seen in this one.
    mount --make-rshared /
    exec env -i container=freshd-machine PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --show-status=false
}

stop() {
    local init try
    init=$(init_of_box || true)
    # SIGRTMIN+4 is systemd's word for turning off.
    [ -n "$init" ] && kill -s RTMIN+4 "$init" 2> /dev/null
    for ((try = 0; try < STOP_TRIES_MAX; try++)); do
        kill -0 "$(cat "$box/outside")" 2> /dev/null || break
        sleep 0.05
    done
    [ -f "$cgroup/cgroup.kill" ] && echo 1 > "$cgroup/cgroup.kill"
    for ((try = 0; try < STOP_TRIES_MAX; try++)); do
        find "$cgroup" -depth -type d -exec rmdir {} \; 2> /dev/null || true
        [ -d "$cgroup" ] || return 0
        sleep 0.05
    done
    echo "still there: $cgroup" >&2
    return 1
}

case $verb in
    start) start "$@" ;;
    enter) enter "$@" ;;
    become-init) become_init "$@" ;;
    exec) run_in_box "$@" ;;
    stop) stop ;;
    *)
        echo "usage: boot.sh start|exec|stop BOX ..." >&2
        exit 2
        ;;
esac
