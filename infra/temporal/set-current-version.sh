#!/bin/sh
# Makes the build current once the server has seen its workers poll.
set -eu

TRIES_MAX=60

try=1
until temporal worker deployment set-current-version --yes --namespace "$TEMPORAL_NAMESPACE" \
  --deployment-name orrery --build-id "$BUILD_ID" --ignore-missing-task-queues; do
  if [ "$try" -ge "$TRIES_MAX" ]; then
    echo "Cannot make build $BUILD_ID current: its workers do not poll after $try tries" >&2
    exit 1
  fi
  try=$((try + 1))
  sleep 2
done
