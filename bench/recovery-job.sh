#!/bin/sh
# The trainer of the recovery bench, after docs/jobs.md: counts, saves every step before it tells it,
# and says from which step it resumed.
set -eu

replace() { # file, text: whole or not at all
  printf '%s' "$2" > "$1.new" && mv "$1.new" "$1"
}
tell() {
  replace "$ORRERY_PROGRESS_FILE" "{\"step\":$at,\"steps\":$steps,\"message\":\"resumed from $from\"}"
}
save() { replace "$ORRERY_CHECKPOINT_DIR/at" "$at"; }

steps=$(sed -n 's/.*"steps":\([0-9]*\).*/\1/p' "$ORRERY_PARAMS_FILE")
from=$(cat "$ORRERY_CHECKPOINT_DIR/at" 2>/dev/null || echo 0)
at=$from
trap 'save; exit 143' TERM
trap save USR1
tell

while [ "$at" -lt "$steps" ]; do
  sleep 0.1
  at=$((at + 1))
  save
  tell
done
echo "$at" > "$ORRERY_OUTPUT_DIR/model.onnx"
