#!/usr/bin/env bash
# Makes a fresh Debian 13, Ubuntu 24.04 or later ready to be deployed to. Run it there as root; it can be run again at any time.
#   - A user `deploy` without password, sudo or root, let in by the given key alone (or keys, one a line), to deploy and no more.
#   - Docker from the distribution, rootless. `--docker group` gives `deploy` root's Docker instead: that is root in all but name
#     (https://docs.docker.com/engine/install/linux-postinstall/), but the service sees its callers' addresses.
#   - A firewall that lets in SSH, HTTP and HTTPS; security updates by themselves; no passwords in SSH.
#   - A backup of the database each night.
# Usage: prepare-host.sh [--docker rootless|group] PUBLIC_KEY_FILE
set -euo pipefail

say() { echo "$(basename "$0" .sh): $*" >&2; }
fail() { say "$@"; exit 1; }

# --help prints a script's header; wrong arguments print how to call it, and nothing is done.
[[ ${1:-} != -h && ${1:-} != --help ]] || { sed -n '2,/^[^#]/{/^# shellcheck/d; s/^# //p}' "$0"; exit; }
usage() { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }
trap 'fail "stopped at line $LINENO, see above: $BASH_COMMAND"' ERR

docker=rootless
if [[ ${1:-} == --docker && $# == 3 ]]; then docker=$2; shift 2; fi
[[ $# == 1 && $docker =~ ^(rootless|group)$ ]] || usage

[[ $(id -u) == 0 ]] || fail "run this as root"
[[ -s $1 ]] || fail "$1 is empty, or not there"
while read -r key || [[ -n $key ]]; do
  [[ $key =~ ^(ssh|ecdsa|sk)- && -n $(ssh-keygen -l -f - <<<"$key") ]] ||
    fail "$1 is not a public key of SSH: give the file whose name ends in .pub"
done <"$1"
[[ -n $(find /root/.ssh /home -path /home/deploy -prune -o -name authorized_keys -size +0 -print 2>/dev/null) ]] ||
  fail "SSH will take no passwords any more: put your own key into ~/.ssh/authorized_keys first, or you can't come back"

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
known() { [[ -n $(apt-cache search --names-only "^$1\$") ]]; }
packages=(docker.io openssh-server ufw unattended-upgrades)
if known docker-compose-v2; then packages+=(docker-compose-v2); else packages+=(docker-compose docker-cli); fi # Ubuntu's names, Debian's
[[ $docker == group ]] || packages+=(rootlesskit slirp4netns uidmap dbus-user-session)
apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null

id deploy >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --password '*' deploy
install -d -m 700 -o deploy -g deploy /home/deploy/.ssh
# Of all forwarding, only to where a new version is tested.
sed 's/^/restrict,port-forwarding,permitopen="127.0.0.1:9181" /' "$1" >/home/deploy/.ssh/authorized_keys
chown deploy:deploy /home/deploy/.ssh/authorized_keys
chmod 600 /home/deploy/.ssh/authorized_keys
loginctl enable-linger deploy # what it runs outlives its sessions

cat >/etc/ssh/sshd_config.d/00-keys-only.conf <<'CONF'
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
CONF
mkdir -p /run/sshd
sshd -t
systemctl reload-or-restart ssh

cat >/etc/apt/apt.conf.d/20auto-upgrades <<'CONF'
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
CONF
systemctl enable --now --quiet unattended-upgrades

ssh_ports=$(sshd -T | awk 'tolower($1) == "port" { print $2 }') || true
[[ -n $ssh_ports ]] || fail "sshd -T names no port: the firewall would shut SSH out"
for port in $ssh_ports 80 443; do ufw allow "$port/tcp" >/dev/null; done
ufw --force enable >/dev/null

if [[ $docker == group ]]; then
  usermod --append --groups docker deploy
  systemctl enable --now --quiet docker
else
  systemctl disable --now --quiet docker.service docker.socket
  # Docker rootless needs leave for ports from 80 up, and for the CPU limits that compose.prod.yaml sets.
  echo net.ipv4.ip_unprivileged_port_start=80 >/etc/sysctl.d/60-ports.conf
  sysctl --quiet --load /etc/sysctl.d/60-ports.conf
  mkdir -p /etc/systemd/system/user@.service.d
  printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >/etc/systemd/system/user@.service.d/delegate.conf
  systemctl daemon-reload
  cat >/etc/systemd/user/docker-rootless.service <<'UNIT'
[Unit]
Description=Docker without root
ConditionUser=deploy
[Service]
Type=notify
NotifyAccess=all
Environment=PATH=/usr/share/docker.io/contrib:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=/usr/share/docker.io/contrib/dockerd-rootless.sh
KillMode=mixed
Delegate=yes
LimitNOFILE=infinity
LimitNPROC=infinity
TasksMax=infinity
Restart=always
RestartSec=2
[Install]
WantedBy=default.target
UNIT
  cat >/etc/profile.d/docker-rootless.sh <<'PROFILE'
# For you, as `sudo -iu deploy`.
if [ -S "/run/user/$(id -u)/docker.sock" ]; then export DOCKER_HOST="unix:///run/user/$(id -u)/docker.sock"; fi
PROFILE
  systemctl start "user@$(id -u deploy)"
  systemctl --machine deploy@ --user daemon-reload
  systemctl --machine deploy@ --user enable --now --quiet docker-rootless ||
    fail "Docker did not start; the end of its log: $(journalctl --no-pager --lines 10 --output cat _SYSTEMD_USER_UNIT=docker-rootless.service)"
fi

cat >/etc/systemd/system/orders-backup.service <<'UNIT'
[Unit]
Description=Backup of the database of orders
ConditionPathExists=/home/deploy/orders/backup.sh
[Service]
Type=oneshot
User=deploy
ExecStart=/home/deploy/orders/backup.sh
UNIT
cat >/etc/systemd/system/orders-backup.timer <<'UNIT'
[Unit]
Description=Each night, a backup of the database of orders
[Timer]
OnCalendar=*-*-* 03:00
RandomizedDelaySec=1h
Persistent=true
[Install]
WantedBy=timers.target
UNIT
systemctl daemon-reload
systemctl enable --now --quiet orders-backup.timer

echo "prepare-host: ready; for SSH_KNOWN_HOSTS: ssh-keyscan this host from yours, and compare with"
for file in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -l -f "$file"; done
