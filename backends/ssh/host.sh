# The host's side of backends/ssh: sent with every call, so nothing has to be installed there but
# a POSIX shell, GNU coreutils and util-linux. Usage: host.sh ROOT ORDER [ARGUMENT…]; answers lines
# of `name value`.
#
#   ROOT/jobs/KEY     one job; a folder that is there is whole, since it comes by one rename
#     spec            digest of its specification           labels      base64 of JSON
#     lock            held by run.sh and all that came of it, so it tells whether anything lives
#     started, exit   when run.sh began; how the program ended, written whole or not at all
#     stopped         somebody asked for its end            group, pid  of the program
#   ROOT/blobs/SHA256 inputs, shared by jobs                ROOT/new    what is not whole yet
#
# What is there of a job  | what it is
# no folder               | nothing ever was, or the folder was removed: lost
# neither started nor exit| pending: the caller may have died before the launch; start launches again
# lock held               | running
# exit                    | ended, by its record
# started, lock free      | lost: the host went down, or run.sh and the program were killed
set -u
umask 077
LC_ALL=C
export LC_ALL
root=$1 order=$2
shift 2
jobs=$root/jobs

now() { date +%s%3N; }
# A shared lock, so that readers do not take each other for the job.
held() { ! flock -s -n "$1/lock" true; }

phase() {
  if [ -e "$1/exit" ]; then echo ended
  elif held "$1"; then if [ -e "$1/started" ]; then echo running; else echo pending; fi
  elif [ -e "$1/exit" ]; then echo ended
  elif [ -e "$1/started" ]; then echo lost
  else echo pending
  fi
}

# First the phase counts, then how long after its start the job last told progress, milliseconds.
revision() {
  detail=0
  if [ "$2" = running ] && [ -e "$1/progress.json" ]; then
    detail=$(($(stat -c %.3Y "$1/progress.json" | tr -d .) - $(cat "$1/started")))
    [ "$detail" -gt 0 ] || detail=0
    [ "$detail" -lt 999999999 ] || detail=999999999
  fi
  case $2 in pending) rank=0 ;; running) rank=1 ;; *) rank=2 detail=0 ;; esac
  echo $((rank * 1000000000 + detail))
}

tell() {
  state=$(phase "$1")
  echo "phase $state"
  echo "revision $(revision "$1" "$state")"
  echo "spec $(cat "$1/spec")"
  echo "labels $(cat "$1/labels")"
  echo "now $(now)"
  [ ! -e "$1/started" ] || echo "started $(cat "$1/started")"
  [ ! -e "$1/progress.json" ] || echo "progress $(head -c 4000 "$1/progress.json" | base64 -w 0)"
  case $state in
  ended)
    cat "$1/exit"
    [ ! -e "$1/log" ] || echo "tail $(tail -c 2000 "$1/log" | base64 -w 0)"
    ;;
  # When it was last heard of.
  lost) [ ! -e "$1/log" ] || echo "ended $(stat -c %.3Y "$1/log" | tr -d .)" ;;
  esac
}

launch() {
  # Waits for the lock, since a reader may hold it for a moment; a second launch finds the first one's marks.
  setsid flock -w 10 "$1/lock" sh "$1/run.sh" "$1" </dev/null >/dev/null 2>&1 &
}

# start KEY SPEC SUM < the files of the folder as a shell script, whose digest is SUM
start() {
  job=$jobs/$1 outcome=adopted
  for tool in base64 flock setsid sha256sum stat timeout; do
    command -v "$tool" >/dev/null || { echo "$tool: not found on the host" >&2; exit 69; }
  done
  if [ ! -d "$job" ]; then
    mkdir -p "$jobs" "$root/new" "$root/checkpoints" || exit 73
    new=$(mktemp -d "$root/new/$1.XXXXXX") || exit 73
    trap 'rm -rf "$new"' EXIT
    cat >"$new.payload" || exit 73
    printf '%s  %s\n' "$3" "$new.payload" | sha256sum -c --status || { rm -f "$new.payload"; exit 74; }
    (cd "$new" && mkdir inputs outputs work && . "$new.payload") || { rm -f "$new.payload"; exit 73; }
    rm -f "$new.payload"
    while read -r sum name; do
      cp "$root/blobs/$sum" "$new/inputs/$name" || exit 73
    done <"$new/wanted"
    # The claim: of all callers exactly one renames onto a name that is free.
    if mv -T "$new" "$job" 2>/dev/null; then outcome=created; else [ -d "$job" ] || exit 73; fi
  fi
  [ "$(cat "$job/spec")" = "$2" ] || { echo "outcome taken"; exit 0; }
  [ "$(phase "$job")" != pending ] || launch "$job"
  echo "outcome $outcome"
  tell "$job"
}

# What changes when there is news; cheap, since it is asked twice a second. No news: not there yet.
marks() { stat -c %.3Y "$1" "$1/started" "$1/exit" "$1/progress.json" 2>/dev/null; }

# read KEY SINCE WAITMS: answers once the revision exceeds SINCE, or after WAITMS
read_job() {
  job=$jobs/$1 looks=$((($3 + 499) / 500)) before=$(marks "$jobs/$1")
  [ -d "$job" ] || { echo "phase unknown"; exit 0; }
  if [ "$looks" -gt 0 ] && [ "$(revision "$job" "$(phase "$job")")" -le "$2" ]; then
    while [ "$looks" -gt 0 ] && [ "$(marks "$job")" = "$before" ]; do
      sleep 0.5
      looks=$((looks - 1))
      # Death leaves no mark but a free lock.
      if [ $((looks % 4)) = 0 ] && [ ! -e "$job/exit" ] && [ -e "$job/started" ]; then
        held "$job" || looks=0
      fi
    done
  fi
  if [ -d "$job" ]; then tell "$job"; else echo "phase unknown"; fi
}

# stop KEY: asks for the end; `timeout` sends SIGKILL after the grace
stop() {
  job=$jobs/$1
  [ -d "$job" ] || exit 0
  case $(phase "$job") in ended | lost) exit 0 ;; esac
  : >"$job/stopped"
  # A job that nobody launched ends here: whoever launches it later finds its exit.
  flock -n "$job/lock" sh -c '
    [ -e "$1/started" ] || [ -e "$1/exit" ] && exit
    printf "ended 0\nstatus 143\nstopped 1\n" >"$1/exit.new" && mv "$1/exit.new" "$1/exit"
  ' stop "$job"
  # Read only while the lock is held, so the numbers are not somebody else's by now.
  if held "$job" && [ -e "$job/group" ]; then
    group=$(cat "$job/group")
    kill -TERM "$group" 2>/dev/null || kill -KILL -- "-$group" 2>/dev/null
  fi
  exit 0
}

checkpoint() {
  job=$jobs/$1
  [ -e "$job/exit" ] || [ ! -e "$job/pid" ] || ! held "$job" || kill -USR1 "$(cat "$job/pid")" 2>/dev/null
  exit 0
}

list() {
  for job in "$jobs"/*/; do
    [ -e "$job/spec" ] || continue
    echo "job $(basename "$job")"
    tell "${job%/}"
  done
}

# missing SHA256…: those that are not among the blobs
missing() {
  for sum; do [ -e "$root/blobs/$sum" ] || echo "missing $sum"; done
}

# put SHA256 < bytes
put() {
  mkdir -p "$root/blobs" "$root/new" || exit 73
  new=$(mktemp "$root/new/blob.XXXXXX") || exit 73
  trap 'rm -f "$new"' EXIT
  cat >"$new" || exit 73
  printf '%s  %s\n' "$1" "$new" | sha256sum -c --status || exit 74
  mv "$new" "$root/blobs/$1" || exit 73
}

check() {
  echo "host $(uname -n)"
  there=$root
  while [ ! -d "$there" ]; do there=$(dirname "$there"); done
  [ ! -w "$there" ] || echo "writable yes"
  echo "free $(df -Pk "$there" | awk 'NR == 2 { print $4 }')"
  for tool in base64 flock setsid sha256sum stat timeout; do
    command -v "$tool" >/dev/null || echo "lacks $tool"
  done
}

case $order in
start) start "$@" ;;
read) read_job "$@" ;;
stop) stop "$@" ;;
checkpoint) checkpoint "$@" ;;
list) list ;;
missing) missing "$@" ;;
put) put "$@" ;;
fetch) cat "$jobs/$1/outputs/$2" ;;
check) check ;;
esac
