# Runs one job in its folder and writes down how it ended; see host.sh. Started under the lock of the
# folder, which the program inherits: it is free again when nothing of the job lives.
cd "$1" || exit
if [ -e started ] || [ -e exit ]; then exit 0; fi
date +%s%3N >started.new && mv started.new started

# limits: seconds of grace, seconds of wall clock, the same in milliseconds
read -r grace limit limit_ms <limits
# A group of its own, which `timeout` leads and ends: SIGTERM, and SIGKILL after the grace.
timeout -k "$grace" "$limit" sh ./command.sh >log 2>&1 &
group=$!
echo "$group" >group.new && mv group.new group
wait "$group"
status=$?
# What the program left running.
kill -KILL -- "-$group" 2>/dev/null

ended=$(date +%s%3N)
record() {
  echo "ended $ended"
  echo "status $status"
  if [ -e stopped ]; then echo 'stopped 1'; fi
  case $status in
  124 | 137) if [ $((ended - $(cat started))) -ge "$limit_ms" ]; then echo 'timedout 1'; fi ;;
  0)
    while read -r name; do
      if [ -f "outputs/$name" ]; then
        echo "output $(sha256sum <"outputs/$name" | cut -c 1-64) $(stat -L -c %s "outputs/$name") $name"
      else
        echo "absent $name"
      fi
    done <promised
    ;;
  esac
}
# A full disk may keep the record from being written for a while.
tries=600
until record >exit.new && sync exit.new && mv exit.new exit; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || exit 1
  sleep 1
done
if [ "$status" = 0 ]; then rm -rf inputs work "$(cat checkpoints)"; fi
