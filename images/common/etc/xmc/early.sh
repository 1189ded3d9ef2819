# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034  # the /init that reads this uses what is set here
# What every image does first. Sourced by /init; afterwards xmc_host, xmc_ip, xmc_gw and xmc_driver
# (parameters of the guest's driver) are set and whoever has the testbed's key may log in.

/usr/bin/busybox --install -s /usr/bin
export PATH=/usr/sbin:/usr/bin HOME=/root
mkdir -p /proc /sys /dev /run /tmp /root/.ssh /etc/dropbear /var
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
ln -sfn /run /var/run

xmc_driver=
read -r xmc_words < /proc/cmdline
for xmc_word in $xmc_words; do
    case $xmc_word in
    xmc.host=*) xmc_host=${xmc_word#*=} ;;
    xmc.ip=*) xmc_ip=${xmc_word#*=} ;;
    xmc.gw=*) xmc_gw=${xmc_word#*=} ;;
    xmc.key=*) xmc_key=${xmc_word#*=} ;;
    xmc.driver=*) xmc_driver="$xmc_driver ${xmc_word#*=}" ;;
    esac
done

hostname "${xmc_host:-localhost}"
echo "ssh-ed25519 $xmc_key testbed" > /root/.ssh/authorized_keys
chmod 700 /root /root/.ssh
chmod 600 /root/.ssh/authorized_keys
ip link set lo up
