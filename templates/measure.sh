#!/bin/bash
# Runs a command and records what its whole process tree held at most; exit code and signals are the command's own:
#   measure.sh RECORD COMMAND…
# or watches a process that runs already, until it ends:
#   measure.sh --beside PID RECORD
# RECORD gets a line whenever more is seen (tree_kib=…): a task that is killed leaves its peak, too. At the end GNU time
# adds that of the largest process (peak_kib=…), which no look can miss. docs/rounds.md says how the two are read.
# This needs nothing but bash 4 and /proc; elsewhere ps(1). Looks become rarer the longer the task runs.

proc=${CHROMPLAN_PROC:-/proc}
most_pause_us=1000000
burst_us=100000 # after so much CPU time a look may take 1/1000 of the time, before that 1/10

# the clock in microseconds, into now_us
now() {
  local up
  if [ -n "$EPOCHREALTIME" ]; then
    now_us=${EPOCHREALTIME/[!0-9]/}
  elif read -r up _ <"$proc/uptime"; then
    now_us=$((10#${up/./} * 10000))
  else
    now_us=$((SECONDS * 1000000))
  fi
}

# CPU time of this shell, where the kernel tells it, else the clock, into spent_us
spent() {
  local ns
  if read -r ns _ <"$proc/$BASHPID/schedstat"; then
    spent_us=$((ns / 1000))
  else
    now
    spent_us=$now_us
  fi
}

# what follows the name in /proc/PID/stat, into stat: 0 state, 1 parent, 19 start, 21 resident pages, 25 stack
stat_of() {
  local line
  read -r line <"$proc/$1/stat" || return
  # shellcheck disable=SC2206 # numbers
  stat=(${line##*) })
}

# the number in a line "NAME: number kB" of a file, or of the one that was read last, into kib
value_of() {
  local line
  [ -z "$2" ] || { lines=() && mapfile -t lines <"$2"; }
  for line in "${lines[@]}"; do
    if [[ $line == $1:* ]]; then
      line=${line#*:}
      kib=$((${line% kB}))
      return
    fi
  done
  return 1
}

# whether a process was started with the task's mark
is_marked() {
  local variable
  while read -rd '' variable; do
    [ "$variable" != "CHROMPLAN_RECORD=$record" ] || return 0
  done <"$proc/$1/environ"
  return 1
}

# whether a new process is the task's: started by one that is, or left by it to whoever takes up orphans, as this was
is_ours() {
  [ "$1" != "$BASHPID" ] && stat_of "$1" || return
  local parent=${stat[1]}
  [ -z "${mine[$parent]}" ] || return 0
  [ -O "$proc/$1" ] && stat_of "$BASHPID" && [[ $parent == 1 || $parent == "${stat[1]}" ]] && is_marked "$1"
}

# takes up processes that are new: started by ours, or left by the one that started them but with the task's mark. Ids are
# given one after the other, and begin anew after the highest
search() {
  local path pid last low=$last_pid
  read -r _ _ _ _ last <"$proc/loadavg"
  ((last != low)) || return
  last_pid=$last
  ((last >= BASHPID)) || low=$root last=0
  for path in "$proc"/[0-9]*; do
    pid=${path##*/}
    if ((pid > low || pid <= last && last < low)) && is_ours "$pid"; then
      mine[$pid]=1
    fi
  done
}

# what each process holds, into held
look_in_proc() {
  local pid parent stack rss
  local -A state=() stacks=() parents=()
  held=() forked=
  for pid in "${!mine[@]}"; do
    if stat_of "$pid"; then
      rss=$((stat[21] * page_kib)) stack=${stat[25]}
      ((rss)) || continue
      held[$pid]=$rss state[$pid]=${stat[0]} parents[$pid]=${stat[1]}
      # one that was forked and goes on with the same program shares its parent's memory
      [ -z "${stacks[$stack]}" ] || forked="$forked $pid ${stacks[$stack]}"
      stacks[$stack]=$pid
    else
      unset "mine[$pid]"
    fi
  done
  for pid in $forked; do
    parent=${parents[$pid]}
    # its parent waits until it runs another program (vfork): they have one memory
    if [ "${state[$parent]}" = D ] && [ "${held[$parent]}" = "${held[$pid]}" ]; then
      unset "held[$pid]"
    fi
  done
}

# the same where there is no /proc
look_by_ps() {
  local pid parent rss found=1
  local -a parents=() sizes=()
  while read -r pid parent rss; do
    parents[pid]=$parent sizes[pid]=$rss
  done <<<"$(ps -A -o pid= -o ppid= -o rss=)"
  while [ -n "$found" ]; do
    found=
    for pid in "${!parents[@]}"; do
      if [ -z "${mine[pid]}" ] && [ -n "${mine[parents[pid]]}" ]; then
        mine[pid]=1 found=1
      fi
    done
  done
  held=() forked=
  for pid in "${!mine[@]}"; do
    held[pid]=${sizes[pid]:-0}
  done
}

# whether processes hold much that they may share: the same program's memory, files, shared memory
may_share() {
  local pid shared all=0
  [ -z "$forked" ] || return 0
  for pid in "${!held[@]}"; do
    read -r _ _ shared _ <"$proc/$pid/statm" && all=$((all + shared * page_kib))
  done
  ((all * 20 > tree_kib))
}

# pages that several processes share count once, in tree_kib. The kernel has to go through all of them to tell. Between two
# times the total is not known; once they are far apart, the same processes are taken to share what they shared before
count_shares() {
  local pid before_us
  now
  if ((now_us < share_us)); then
    if ((shares_us < 2 * burst_us)) || [ "${!held[*]}" != "$sharers" ]; then
      tree_kib=0
    else
      tree_kib=$((tree_kib - surplus_kib))
    fi
    return
  fi
  spent
  before_us=$spent_us tree_kib=0 surplus_kib=0
  for pid in "${!held[@]}"; do
    if value_of Rss "$proc/$pid/smaps_rollup"; then
      surplus_kib=$((surplus_kib + kib))
      value_of Pss
      surplus_kib=$((surplus_kib - kib))
    else # the kernel does not tell
      kib=${held[$pid]}
    fi
    tree_kib=$((tree_kib + kib))
  done
  sharers=${!held[*]}
  for pid in "${!held[@]}"; do # one that ended meanwhile left its share to the others: it would count twice
    stat_of "$pid" && ((stat[21])) || tree_kib=0
  done
  spent
  apart_us=$((apart_us + spent_us - before_us)) shares_us=$((shares_us + spent_us - before_us))
  now
  share_us=$((now_us + (spent_us - before_us) * (shares_us < 2 * burst_us ? 10 : 1000)))
}

# what all hold together, into tree_kib; where that would be the most so far, without what they share
add_up() {
  local pid largest=0 biggest=$root
  tree_kib=0
  for pid in "${!held[@]}"; do
    tree_kib=$((tree_kib + held[$pid]))
    if ((held[$pid] > largest)); then
      largest=${held[$pid]} biggest=$pid
    fi
  done
  # the kernel remembers each process's own highest
  value_of VmHWM "$proc/$biggest/status" && ((kib > most_kib)) && most_kib=$kib
  if ((tree_kib > most_kib && tree_kib > largest)) && may_share; then
    count_shares
  fi
  ((tree_kib <= most_kib)) || most_kib=$tree_kib
}

# the file with the highest use of the Slurm step that this is in: it counts files that were read, too
find_cgroup() {
  local kinds path
  while IFS=: read -r _ kinds path; do
    [[ $path =~ ^(.*/job_[^/]*/step_[^/]*) ]] || continue
    case $kinds in
      "") cgroup=/sys/fs/cgroup${BASH_REMATCH[1]}/memory.peak ;;
      *memory*) cgroup=/sys/fs/cgroup/memory${BASH_REMATCH[1]}/memory.max_usage_in_bytes ;;
    esac
    [ ! -r "$cgroup" ] || return
  done <"$proc/self/cgroup"
  cgroup=
}

note() {
  local bytes=
  ((most_kib)) || return
  [ -z "$cgroup" ] || read -r bytes <"$cgroup"
  noted_kib=$most_kib
  echo "tree_kib=$most_kib looks=$looks${bytes:+ cgroup_kib=$((bytes / 1024))}" >>"$record"
}

# whether the watched process runs; one that has ended may still be shown (Z)
lives() {
  if [ -z "$born" ]; then
    kill -0 "$root"
  else
    stat_of "$root" && [ "${stat[19]}" = "$born" ] && [[ ${stat[0]} != [ZX] ]]
  fi
}

# waits so many microseconds, or until the process has ended; bash's own way needs no process
nap() {
  local left_us=$1 slice_us slice
  while ((left_us > 0)) && lives; do
    slice_us=$((left_us < 500000 ? left_us : 500000))
    left_us=$((left_us - slice_us))
    printf -v slice '0.%06d' "$slice_us"
    if [ -n "$silent" ]; then
      read -rt "$slice" -u 3
    else
      sleep "$slice"
    fi
  done
}

watch() {
  local fd before_us began_us cost_us pause_us search_us=0
  # nothing that somebody waits for the end of is held open, and no signal meant for the task ends this
  cd /
  exec </dev/null >/dev/null 2>&1
  for fd in /dev/fd/*; do
    fd=${fd##*/}
    [[ $fd != [0-9]* || $fd == [012] || $fd == 255 ]] || eval "exec $fd>&-"
  done
  trap '' TERM INT HUP QUIT USR1 USR2
  silent=
  if ((BASH_VERSINFO[0] >= 4)); then
    { exec 3<> <(:); } && silent=1
  fi
  spacing=10 used_us=0 apart_us=0 share_us=0 shares_us=0 surplus_kib=0 sharers=''
  most_kib=0 noted_kib=0 looks=0 last_pid=$root born='' cgroup='' page_kib=4
  if ((BASH_VERSINFO[0] >= 4)) && stat_of "$root"; then
    born=${stat[19]}
    declare -A mine=() held=()
    value_of KernelPageSize "$proc/$BASHPID/smaps" && page_kib=$kib
    find_cgroup
  fi
  mine[$root]=1
  now
  began_us=$now_us
  while lives; do
    spent
    before_us=$spent_us apart_us=0
    if [ -z "$born" ]; then
      look_by_ps
    else
      now
      if ((now_us >= search_us)); then
        search
        spent
        now
        apart_us=$((spent_us - before_us)) used_us=$((used_us + spent_us - before_us))
        search_us=$((now_us + apart_us * spacing * 2))
      fi
      look_in_proc
    fi
    add_up
    looks=$((looks + 1))
    if ((most_kib * 100 > noted_kib * 101 || (looks & (looks - 1)) == 0)); then
      note
    fi
    spent
    now
    cost_us=$((spent_us - before_us - apart_us))
    [ -n "$born" ] || cost_us=5000 # what ps takes is not seen
    used_us=$((used_us + cost_us))
    ((used_us < burst_us)) || spacing=1000
    cost_us=$((cost_us * spacing))
    pause_us=$(((now_us - began_us) / 8))
    pause_us=$((pause_us < 20000 ? 20000 : pause_us > most_pause_us ? most_pause_us : pause_us))
    nap $((cost_us > pause_us ? cost_us : pause_us))
  done
  note
}

root=$$
if [ "$1" = --beside ]; then
  root=$2
  shift 2
fi
record=$1
[[ $record == /* ]] || record=$PWD/$record
shift
: >"$record"
if [ "$root" != $$ ]; then
  watch
  exit
fi
(watch &) # no child of the command's: that waits for its own alone
measure=()
if [ -w "$record" ] && /usr/bin/time --version >/dev/null 2>&1; then
  measure=(/usr/bin/time --append -f 'peak_kib=%M elapsed_s=%e rc=%x' -o "$record")
fi
CHROMPLAN_RECORD=$record exec "${measure[@]}" "$@"
