#!/bin/bash
# Runs a command and records the peak memory of its whole process tree; exit code and signals are passed through:
#   measure.sh RECORD COMMAND…
# or watches a running process until it ends:
#   measure.sh --beside PID RECORD
# A line is added to RECORD whenever a new peak is seen (tree_kib=…), so a task that is killed leaves its peak as well. At the
# end, GNU time adds the exact peak of the largest process (peak_kib=…). docs/rounds.md explains how the two are combined.
# Needs only bash 4 and /proc, or else ps(1). The longer the task runs, the less often it is checked.

proc=${CHROMPLAN_PROC:-/proc}
most_pause_us=1000000
burst_us=100000 # checks may take 1/10 of the time until they have used this much CPU time, then 1/1000

# sets now_us: the clock, in microseconds
now() {
  local up
  if [ -n "$EPOCHREALTIME" ]; then
    now_us=${EPOCHREALTIME/[!0-9]/}
  elif read -r up _ <"$proc/uptime"; then
    now_us=$((10#${up/./} * 10000))
  else
    now_us=$((SECONDS * 1000000))
  fi
  ((now_us >= clock_us)) || search_us=0 share_us=0 # the clock was set back
  clock_us=$now_us
}

# sets spent_us: the CPU time of this shell, or the clock if the kernel does not report it
spent() {
  local ns
  if read -r ns _ <"$proc/$BASHPID/schedstat"; then
    spent_us=$((ns / 1000))
  else
    now
    spent_us=$now_us
  fi
}

# sets stat: the fields after the name in /proc/PID/stat: 0 state, 1 parent, 17 threads, 19 start, 21 resident pages, 25 stack
stat_of() {
  local line
  local -a rest
  read -r line <"$proc/$1/stat" || return
  # shellcheck disable=SC2206 # numbers
  stat=(${line##*) })
  if [ -z "${stat[25]}" ]; then # there is a line break in the name
    mapfile -t rest <"$proc/$1/stat"
    line="${rest[*]}"
    # shellcheck disable=SC2206
    stat=(${line##*) })
  fi
  [ -n "${stat[25]}" ]
}

# sets kib: the number in the line "NAME: number kB" of a file, by default the last one read
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

# whether a process has this task's CHROMPLAN_RECORD in its environment
is_marked() {
  local variable
  while read -rd '' variable; do
    [ "$variable" != "CHROMPLAN_RECORD=$record" ] || return 0
  done <"$proc/$1/environ"
  return 1
}

# whether a new process belongs to the task: its parent does, or it was orphaned and has the task's CHROMPLAN_RECORD; sets start
is_ours() {
  [ "$1" != "$BASHPID" ] && stat_of "$1" || return
  local parent=${stat[1]}
  start=${stat[19]}
  [ -z "${mine[$parent]}" ] || return 0
  [ "$all" = "$every" ] && [ -O "$proc/$1" ] && stat_of "$BASHPID" && [[ $parent == 1 || $parent == "${stat[1]}" ]] && is_marked "$1"
}

# adds new processes of the task to mine. Only ids given out since the search before the last are looked at: they are handed
# out in ascending order, and start again from the lowest after the highest; the last ones may not have been visible yet.
# On a busy machine a process may become visible later still: the 4th, 8th, 16th ... search looks at all that the user has
search() {
  local path pid last found=1 low=$before_pid all=$every
  local -a new=()
  searches=$((searches + 1))
  if [ -z "$every" ]; then
    read -r _ _ _ _ last <"$proc/loadavg"
    ((searches < 4 || (searches & (searches - 1)) != 0)) || all=1
    [ -n "$all" ] || ((last != last_pid || last_pid != before_pid)) || return
    before_pid=$last_pid last_pid=$last
  fi
  for path in "$proc"/[0-9]*; do
    pid=${path##*/}
    if [ -z "${mine[$pid]}" ] && { [ -n "$every" ] || ((pid > low || pid <= last && last < low)) || [[ $all && -O $path ]]; }; then
      new+=("$pid")
    fi
  done
  while [ -n "$found" ]; do # the listing's order is that of text: 10000 comes before its parent 9999
    found=
    for pid in "${new[@]}"; do
      if [ -z "${mine[$pid]}" ] && is_ours "$pid"; then
        mine[$pid]=$start found=1
      fi
    done
  done
}

# sets held: the resident memory of each process, KiB
look_in_proc() {
  local pid parent stack rss thread
  local -A state=() stacks=() parents=()
  held=() forked=
  for pid in "${!mine[@]}"; do
    if stat_of "$pid" && [ "${stat[19]}" = "${mine[$pid]}" ]; then # or else its id is another process's by now
      if [ "${stat[0]}" = Z ] && ((stat[17] > 1)); then # the first thread has ended: another one tells the memory
        for thread in "$proc/$pid/task"/*; do
          stat_of "$pid/task/${thread##*/}" && ((stat[21])) && break
        done
      fi
      rss=$((stat[21] * page_kib)) stack=${stat[25]}
      ((rss)) || continue
      held[$pid]=$rss state[$pid]=${stat[0]} parents[$pid]=${stat[1]}
      # a forked process that still runs its parent's program shares memory with it
      [ -z "${stacks[$stack]}" ] || forked="$forked $pid ${stacks[$stack]}"
      stacks[$stack]=$pid
    else
      unset "mine[$pid]"
    fi
  done
  for pid in $forked; do
    parent=${parents[$pid]}
    # after vfork, the parent waits (state D) and both use the same memory
    if [ "${state[$parent]}" = D ] && [ "${held[$parent]}" = "${held[$pid]}" ]; then
      unset "held[$pid]"
    fi
  done
}

# the same, where there is no /proc
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

# whether much of the memory may be shared between processes: forked copies, mapped files, shared memory
may_share() {
  local pid shared all=0
  [ -z "$forked" ] || return 0
  for pid in "${!held[@]}"; do
    read -r _ _ shared _ <"$proc/$pid/statm" && all=$((all + shared * page_kib))
  done
  ((all * 20 > tree_kib))
}

# sets tree_kib, counting pages shared by several processes once. The kernel walks all pages for this, so it is not done every
# time. In between, tree_kib is 0 (unknown); once this has become rare, what the same processes shared last is subtracted
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
    else # not readable
      kib=${held[$pid]}
    fi
    tree_kib=$((tree_kib + kib))
  done
  sharers=${!held[*]}
  for pid in "${!held[@]}"; do # if one has ended meanwhile, its pages were counted twice
    stat_of "$pid" && ((stat[21])) || tree_kib=0
  done
  spent
  apart_us=$((apart_us + spent_us - before_us)) shares_us=$((shares_us + spent_us - before_us))
  now
  share_us=$((now_us + (spent_us - before_us) * (shares_us < 2 * burst_us ? 10 : 1000)))
}

# sets tree_kib: the memory of all processes; if that would be a new peak, shared pages are counted once
add_up() {
  local pid largest=0 biggest=$root
  tree_kib=0
  for pid in "${!held[@]}"; do
    tree_kib=$((tree_kib + held[$pid]))
    if ((held[$pid] > largest)); then
      largest=${held[$pid]} biggest=$pid
    fi
  done
  # the kernel keeps the peak of each single process
  value_of VmHWM "$proc/$biggest/status" && ((kib > most_kib)) && most_kib=$kib
  if ((tree_kib > most_kib && tree_kib > largest)) && may_share; then
    count_shares
  fi
  ((tree_kib <= most_kib)) || most_kib=$tree_kib
}

# sets cgroup: the file with the peak of this Slurm step, which includes cached files
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

# whether the watched process is running, not just a zombie (Z) without threads
lives() {
  if [ -z "$born" ]; then
    kill -0 "$root"
  else
    stat_of "$root" && [ "${stat[19]}" = "$born" ] && { [[ ${stat[0]} != [ZX] ]] || ((stat[17] > 1)); }
  fi
}

# waits this many microseconds, or until the process has ended; with read's time-out, since sleep would be another process
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
  local fd last fresh before_us began_us cost_us pause_us search_us=0
  # options that the user's environment may turn on in every bash (SHELLOPTS, BASHOPTS, POSIXLY_CORRECT)
  set +efuvx +o posix
  shopt -u failglob
  # close all inherited files, since a reader may wait for their end, and ignore signals meant for the task
  cd /
  exec </dev/null >/dev/null 2>&1
  for fd in /dev/fd/* /proc/self/fd/*; do
    fd=${fd##*/}
    [[ $fd != [0-9]* || $fd == [012] || $fd == 255 ]] || eval "exec $fd>&-"
  done
  trap '' HUP INT QUIT PIPE ALRM TERM USR1 USR2 XCPU XFSZ VTALRM PROF
  silent=
  if ((BASH_VERSINFO[0] >= 4)); then
    eval 'exec 3<> <(:)' && silent=1 # to a posix shell this would be a syntax error
  fi
  spacing=10 used_us=0 apart_us=0 share_us=0 shares_us=0 surplus_kib=0 sharers=''
  most_kib=0 noted_kib=0 looks=0 searches=0 before_pid=$root last_pid=$root every='' born='' cgroup='' page_kib=4 clock_us=0
  if ((BASH_VERSINFO[0] >= 4)) && stat_of "$root"; then
    born=${stat[19]}
    declare -A mine=() held=()
    value_of KernelPageSize "$proc/$BASHPID/smaps" && page_kib=$kib
    find_cgroup
    # some containers show the last id of their host, which counts otherwise: then every process is looked at
    : &
    fresh=$!
    read -r _ _ _ _ last <"$proc/loadavg"
    ((last >= fresh && last < fresh + 1000)) || every=1
  fi
  mine[$root]=${born:-1}
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
    [ -n "$born" ] || cost_us=5000 # the CPU time of ps is not included in spent_us
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
true >"$record" || true # of a posix shell ":" would be the end
if [ "$root" != $$ ]; then
  watch
  exit
fi
(watch &) # started by a subshell, so that it is not a child of the command, which may wait for all its children
measure=()
if [ -w "$record" ] && /usr/bin/time --version >/dev/null 2>&1; then
  measure=(/usr/bin/time --append -f 'peak_kib=%M elapsed_s=%e rc=%x' -o "$record")
fi
CHROMPLAN_RECORD=$record exec ${measure[@]+"${measure[@]}"} "$@"
