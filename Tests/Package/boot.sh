#!/bin/sh
# Boots the system under ROOT with its own systemd, in namespaces of its own: nothing but loopback, no process and no
# mount of the host. Whoever kills it, or the process that it becomes, ends and unmounts everything.
#   unshare --mount sh boot.sh cgroup ROOT NAME
set -eu
root=$2 name=$3
own=$(sed -n 's/^0:://p' /proc/self/cgroup)
group=$root/mnt/$own/$name

case $1 in
    cgroup)
        # A control group of its own, to be removed afterwards: systemd makes its own below it.
        mount -t cgroup2 cgroup2 "$root/mnt"
        mkdir -p "$group"
        echo $$ >"$group/cgroup.procs"
        umount "$root/mnt"
        exec unshare --mount --net --pid --uts --ipc --cgroup --fork --kill-child sh "$0" boot "$root" "$name"
        ;;
    remove)
        mount -t cgroup2 cgroup2 "$root/mnt"
        [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} +
        ;;
    boot)
        mount --bind "$root" "$root"
        cd "$root"
        mount -t proc proc proc
        mount -t sysfs -o ro sysfs sys
        mount -t cgroup2 cgroup2 sys/fs/cgroup
        mount -t tmpfs -o mode=755 tmpfs run
        mount -t tmpfs -o mode=1777 tmpfs tmp
        mount -t tmpfs -o mode=755 tmpfs dev
        for device in null zero full random urandom tty; do
            : >"dev/$device"
            mount --bind "/dev/$device" "dev/$device"
        done
        mkdir dev/pts dev/shm run/host
        mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
        mount -t tmpfs -o mode=1777 tmpfs dev/shm
        ln -s pts/ptmx dev/ptmx
        ln -s /proc/self/fd dev/fd
        ln -s fd/0 dev/stdin
        ln -s fd/1 dev/stdout
        ln -s fd/2 dev/stderr
        pivot_root . run/host
        cd /
        umount -l run/host
        # systemd hands a service its credentials by a mount in a namespace of its own, which has to reach this one.
        mount --make-rshared /
        # A machine boots with the ordinary priority, whatever its tests run with.
        renice -n 0 -p $$ >/dev/null
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test /lib/systemd/systemd \
            --log-target=console --show-status=false
        ;;
esac
