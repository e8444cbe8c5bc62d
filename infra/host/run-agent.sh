#!/bin/sh
# Runs the host agent as the main process of a container. On SIGTERM alone the agent would leave what
# it owns running, for its successor to adopt; in a container that is about to end, everything is
# stopped instead, so that jobs save a checkpoint within their grace.
set -eu

node=node_modules/.bin/node

"$node" backends/local/agent/main.ts --home "$ORRERY_HOME" &
agent=$!

stop_all() {
  "$node" --input-type=module --eval "
    import { connectAgent } from '$PWD/backends/local/agent/client.ts';
    await connectAgent(process.env.ORRERY_HOME).shutdown();
  " || kill "$agent"
}
trap stop_all TERM INT

# The first wait returns when a signal arrives, the second when the agent is gone.
wait "$agent" || true
wait "$agent"
