# A machine as one rents it: Debian with systemd and SSH, and nobody's but root's. To save time, it has the packages that
# prepare-host.sh installs; that script asks for them all the same.
ARG IMAGE
FROM ${IMAGE}
RUN apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      e2fsprogs systemd systemd-sysv dbus dbus-user-session libpam-systemd procps iproute2 ca-certificates openssh-server \
      docker.io docker-cli docker-compose restic ufw unattended-upgrades rootlesskit slirp4netns uidmap && \
    rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_* && \
    systemctl disable docker.service docker.socket containerd.service
# As strict as some providers' images: what a session writes is nobody else's.
RUN echo 'session optional pam_umask.so umask=077' >>/etc/pam.d/common-session
# As a machine has it: one hierarchy of control groups, and a /dev/net/tun for all, which udev sees to there (rule
# 50-udev-default.rules of systemd) and a Docker without root needs; here it has the mode of the machine underneath.
COPY --chmod=755 <<'BOOT' /boot.sh
#!/bin/sh
ssh-keygen -A
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /dev/net
[ -c /dev/net/tun ] || mknod /dev/net/tun c 10 200
chmod 0666 /dev/net/tun
# A disk that can be filled.
for number in $(seq 0 63); do [ -b "/dev/loop$number" ] || mknod "/dev/loop$number" b 7 "$number"; done
[ -f /disk/home ] || { truncate -s 6G /disk/home && mkfs.ext4 -q /disk/home; }
mount -o loop /disk/home /home
exec /sbin/init
BOOT
STOPSIGNAL SIGRTMIN+3
CMD ["/boot.sh"]
