#!/bin/sh
# Makes and updates both databases of the Temporal server. Safe to run again: `create` and
# `setup-schema -v 0.0` leave what exists alone, `update-schema` applies what is missing.
set -eu

SCHEMAS=/etc/temporal/schema/postgresql/v12

setup() {
  database=$1
  versions=$2
  tool() {
    temporal-sql-tool --plugin postgres12 --endpoint "$POSTGRES_SEEDS" --port "$DB_PORT" \
      --user "$POSTGRES_USER" --database "$database" "$@"
  }
  tool create
  tool setup-schema -v 0.0
  tool update-schema -d "$versions"
}

setup temporal "$SCHEMAS/temporal/versioned"
setup temporal_visibility "$SCHEMAS/visibility/versioned"
