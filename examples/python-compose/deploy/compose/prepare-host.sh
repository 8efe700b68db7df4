#!/usr/bin/env bash
# Makes a fresh Debian 13, Ubuntu 24.04 or later ready to be deployed to. Run it there as root; it can be run again at any time.
#   - A user `deploy` without password, sudo or root, let in by the given key alone (or keys, one a line), to deploy and no more.
#   - Docker from the distribution, rootless. `--docker group` gives `deploy` root's Docker instead: that is root in all but name
#     (https://docs.docker.com/engine/install/linux-postinstall/), but the service sees its callers' addresses.
#   - A firewall that lets in SSH, HTTP and HTTPS; no passwords in SSH.
#   - Security updates by themselves. The host reboots, or restarts Docker, at 04:30 local time where they need it:
#     `--window HH:MM` names another time, at which the service may be away for a minute.
#   - Each hour, a look at the room on its disks; logs of containers that are rotated; each night, a backup of the database, and each week a
#     restore of its copy in another place, if there is one.
#   - A message where one of these fails, with `--alert FILE`: FILE has the address of a webhook, which gets {"text": "…"}
#     (Slack, Mattermost, Rocket.Chat and Google Chat take that). Without it, `systemctl --failed` has it alone.
# Usage: prepare-host.sh [--docker rootless|group] [--window HH:MM] [--alert FILE] PUBLIC_KEY_FILE
set -euo pipefail
umask 022 # what it writes is read by others than root, too

say() { echo "$(basename "$0" .sh): $*" >&2; }
fail() { say "$@"; exit 1; }

# --help prints a script's header; wrong arguments print how to call it, and nothing is done.
[[ ${1:-} != -h && ${1:-} != --help ]] || { sed -n '2,/^[^#]/{/^# shellcheck/d; s/^# //p}' "$0"; exit; }
usage() { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }
trap 'fail "stopped at line $LINENO, see above: $BASH_COMMAND"' ERR

docker=rootless window=04:30 alert=
while (($# > 2)); do
  case $1 in
    --docker) docker=$2 ;;
    --window) window=$2 ;;
    --alert) alert=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[[ $# == 1 && $docker =~ ^(rootless|group)$ && $window =~ ^([01][0-9]|2[0-3]):[0-5][0-9]$ ]] || usage

[[ $(id -u) == 0 ]] || fail "run this as root"
[[ -s $1 ]] || fail "$1 is empty, or not there"
while read -r key || [[ -n $key ]]; do
  [[ $key =~ ^(ssh|ecdsa|sk)- && -n $(ssh-keygen -l -f - <<<"$key") ]] ||
    fail "$1 is not a public key of SSH: give the file whose name ends in .pub"
done <"$1"
[[ -z $alert || $(cat "$alert") =~ ^https?://[^[:space:]\"\\]+$ ]] || fail "$alert must have the address of a webhook, and no more: https://…"
[[ -n $(find /root/.ssh /home -path /home/deploy -prune -o -name authorized_keys -size +0 -print 2>/dev/null) ]] ||
  fail "SSH will take no passwords any more: put your own key into ~/.ssh/authorized_keys first, or you can't come back"

# Docker reads it as it starts. What compose.prod.yaml says of its containers' logs is so for yours from the beginning.
rotate_logs() { # FILE
  [[ -e $1 ]] || echo '{"log-driver": "json-file", "log-opts": {"max-size": "10m", "max-file": "5"}}' >"$1"
}
if [[ $docker == group ]]; then
  mkdir -p /etc/docker
  rotate_logs /etc/docker/daemon.json
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
known() { [[ -n $(apt-cache search --names-only "^$1\$") ]]; }
packages=(ca-certificates curl docker.io openssh-server restic ufw unattended-upgrades)
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
APT::Periodic::AutocleanInterval "7";
CONF
cat >/etc/apt/apt.conf.d/52reboot <<CONF
Unattended-Upgrade::Automatic-Reboot "true";
Unattended-Upgrade::Automatic-Reboot-WithUsers "true";
Unattended-Upgrade::Automatic-Reboot-Time "$window";
CONF
systemctl enable --now --quiet unattended-upgrades

ssh_ports=$(sshd -T | awk 'tolower($1) == "port" { print $2 }') || true
[[ -n $ssh_ports ]] || fail "sshd -T names no port: the firewall would shut SSH out"
for port in $ssh_ports 80 443; do ufw allow "$port/tcp" >/dev/null; done
ufw --force enable >/dev/null

# Who is told where a unit fails. The address may be a secret: curl reads it from a file that is root's.
if [[ -n $alert ]]; then (umask 077 && echo "url = \"$(cat "$alert")\"" >/etc/orders-alert); fi
cat >/etc/systemd/system/orders-alert@.service <<'UNIT'
[Unit]
Description=Message that %i has failed
ConditionPathExists=/etc/orders-alert
[Service]
Type=oneshot
ExecStart=curl --silent --show-error --fail --output /dev/null --max-time 30 --retry 5 --retry-connrefused --config /etc/orders-alert \
  --header 'Content-Type: application/json' --data '{"text": "%H: %i has failed. There, journalctl -u %i says why."}'
UNIT

timer() { # NAME WHEN...: runs the service that it reads, from [Unit] to [Service], at the times that these lines of a timer say
  local unit=/etc/systemd/system/$1
  { printf '[Unit]\nOnFailure=orders-alert@%%N.service\n' && cat && echo Type=oneshot; } >"$unit.service"
  printf '[Unit]\nDescription=Time for %s\n[Timer]\n' "$1" >"$unit.timer"
  printf '%s\n' "${@:2}" Persistent=true '[Install]' WantedBy=timers.target >>"$unit.timer"
  systemctl daemon-reload
  systemctl enable --now --quiet "$1.timer"
}

if [[ $docker == group ]]; then
  usermod --append --groups docker deploy
  systemctl enable --now --quiet docker
else
  systemctl disable --now --quiet docker.service docker.socket
  # Docker rootless needs permission to use ports from 80 up, and for the CPU limits that compose.prod.yaml sets.
  echo net.ipv4.ip_unprivileged_port_start=80 >/etc/sysctl.d/60-ports.conf
  sysctl --quiet --load /etc/sysctl.d/60-ports.conf
  mkdir -p /etc/systemd/system/user@.service.d
  printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >/etc/systemd/system/user@.service.d/delegate.conf
  systemctl daemon-reload
  install -d -o deploy -g deploy /home/deploy/.config /home/deploy/.config/docker
  rotate_logs /home/deploy/.config/docker/daemon.json
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
# For you, after `su - deploy`.
if [ -S "/run/user/$(id -u)/docker.sock" ]; then export DOCKER_HOST="unix:///run/user/$(id -u)/docker.sock"; fi
PROFILE
  systemctl start "user@$(id -u deploy)"
  systemctl --machine deploy@ --user daemon-reload
  systemctl --machine deploy@ --user enable --now --quiet docker-rootless ||
    fail "Docker did not start; the end of its log: $(journalctl --no-pager --lines 10 --output cat _SYSTEMD_USER_UNIT=docker-rootless.service)"
  # Updated packages restart root's Docker, not this one.
  timer docker-rootless-update "OnCalendar=*-*-* $window" <<'UNIT'
Description=Restart of Docker without root, where its program was replaced
[Service]
ExecCondition=sh -c 'readlink /proc/[0-9]*/exe | grep -qE "/(dockerd|containerd|rootlesskit) .deleted.$"'
ExecStart=systemctl --machine deploy@ --user restart docker-rootless
UNIT
fi

timer orders-disk OnCalendar=hourly <<'UNIT'
Description=Room on the disks of orders
ConditionPathExists=/home/deploy/orders/disk.sh
[Service]
User=deploy
ExecStart=/home/deploy/orders/disk.sh
UNIT
timer orders-backup 'OnCalendar=*-*-* 03:00' RandomizedDelaySec=1h <<'UNIT'
Description=Backup of the database of orders
ConditionPathExists=/home/deploy/orders/backup.sh
[Service]
User=deploy
ExecStart=/home/deploy/orders/backup.sh
UNIT
timer orders-drill 'OnCalendar=Sun *-*-* 05:00' RandomizedDelaySec=1h <<'UNIT'
Description=Restore of the newest copy of the database of orders
ConditionPathExists=/home/deploy/orders/secrets/offsite
[Service]
User=deploy
ExecStart=/home/deploy/orders/offsite.sh try
UNIT

echo "prepare-host: ready; for SSH_KNOWN_HOSTS: ssh-keyscan this host from yours, and compare with"
for file in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -l -f "$file"; done
