#!/usr/bin/env bash
# Start munge and a single-node Slurm as root; safe to call when they run already.
# The configuration must lie in /etc/slurm: job steps lose SLURM_CONF from their environment.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
state=/var/lib/synthaug-slurm
mkdir -p "$state/controller" "$state/node" /etc/slurm /run/munge /var/log/munge /var/lib/munge
if ! munge -n > /dev/null 2>&1; then
    [ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1 count=1024 status=none
    chown -R munge:munge /etc/munge /run/munge /var/log/munge /var/lib/munge
    chmod 400 /etc/munge/munge.key
    chmod 755 /run/munge
    runuser -u munge -- munged --force
fi
host=$(hostname -s)
# nproc alone would believe OMP_NUM_THREADS, which the tests set to 1.
sed -e "s/\bHOST/$host/" -e "s#STATE#$state#" -e "s/CORES/$(nproc --all)/" "$here/slurm.conf.in" > /etc/slurm/slurm.conf
# A stand-in GPU, so that jobs which ask for one are scheduled.
echo "NodeName=$host Name=gpu File=/dev/null" > /etc/slurm/gres.conf
grep -q "[[:space:]]$host\b" /etc/hosts || echo "127.0.0.1 $host" >> /etc/hosts
pgrep -x slurmctld > /dev/null || slurmctld
for _ in $(seq 30); do scontrol ping 2> /dev/null | grep -q UP && break; sleep 1; done
pgrep -x slurmd > /dev/null || slurmd
for _ in $(seq 30); do sinfo -h -o %t 2> /dev/null | grep -qE '^(idle|mix|alloc)' && exit 0; sleep 1; done
echo "Slurm did not come up; see $state/slurmctld.log and $state/slurmd.log" >&2
tail -n 5 "$state"/*.log >&2
exit 1
