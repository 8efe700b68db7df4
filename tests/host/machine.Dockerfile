# A machine as it is rented: Debian with systemd and SSH. What prepare-host.sh installs is there already, to save time; it finds that out itself.
ARG IMAGE
FROM ${IMAGE}
RUN apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      systemd systemd-sysv dbus dbus-user-session libpam-systemd kmod procps iproute2 curl ca-certificates openssh-server \
      docker.io docker-cli docker-compose ufw unattended-upgrades rootlesskit slirp4netns uidmap && \
    rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_* && \
    systemctl disable docker.service docker.socket containerd.service && \
    printf '%s\n' '#!/bin/sh' 'ssh-keygen -A' \
      'mountpoint -q /sys/fs/cgroup && umount -R /sys/fs/cgroup' 'mount -t cgroup2 cgroup2 /sys/fs/cgroup' 'exec /sbin/init' >/boot.sh && \
    chmod +x /boot.sh
STOPSIGNAL SIGRTMIN+3
CMD ["/boot.sh"]
