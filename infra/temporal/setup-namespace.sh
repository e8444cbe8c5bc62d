#!/bin/sh
# Registers the namespace and Orrery's search attributes. Safe to run again: attributes that exist
# with the same type are left alone.
set -eu

HEALTH_TRIES_MAX=30

try=1
until temporal operator cluster health; do
  if [ "$try" -ge "$HEALTH_TRIES_MAX" ]; then
    echo "Cannot set up \"$TEMPORAL_NAMESPACE\": the server is not healthy after $try tries" >&2
    exit 1
  fi
  try=$((try + 1))
  sleep 2
done

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
  --name OrreryModel --type Keyword \
  --name OrreryVersion --type Keyword \
  --name OrreryRegion --type Keyword \
  --name OrreryStage --type Keyword \
  --name OrreryNeedsDecision --type Bool \
  --name OrreryCostUsd --type Double
