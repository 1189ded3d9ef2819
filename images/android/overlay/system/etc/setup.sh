#!/usr/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is done once, by init, before any service: mounts, network, keys, the driver.

# Sets xmc_ip, xmc_gw and xmc_host; made from images/common.
# shellcheck source=/dev/null
. /etc/xmc/early.sh
PATH=/system/bin:$PATH

mkdir -p /dev/binderfs /dev/socket /dev/properties /data/dalvik-cache/arm64 /data/log /data/local/tmp
mount -t binder binder /dev/binderfs
for device in binder hwbinder vndbinder; do
    ln -sfn "/dev/binderfs/$device" "/dev/$device"
done
rm -f /data/log/*

# ART reserves its heap at once, far more than this guest has; Android's init.rc sets the same.
echo 1 > /proc/sys/vm/overcommit_memory
# What keeps 4 MiB more free for the sake of huge pages, which this kernel has not; lmkd takes them
# for used.
echo 0 > /proc/sys/vm/watermark_boost_factor

if [ -n "$xmc_ip" ]; then
    ip addr add "$xmc_ip" dev eth0
    ip link set eth0 up
    # shellcheck disable=SC2154  # from early.sh
    ip route add default via "$xmc_gw"
fi

# Not every Xen has the controller; then the driver has nothing to talk to.
mount -t xenfs xenfs /proc/xen 2> /dev/null
# shellcheck disable=SC2086,SC2154  # a parameter a word, from early.sh
insmod /lib/modules/xen_memcompress.ko $xmc_driver 2> /dev/null
# lmkd goes by free memory and acts before the kernel reclaims: 16 MiB stay free for it to see.
ahead=/sys/kernel/xen_memcompress/grow_ahead
[ ! -w $ahead ] || echo 4096 > $ahead
setprop ro.boot.hostname "${xmc_host:-android}"
