# One image for every worker and the API: the command chooses what runs, such as
# `node_modules/.bin/node workers/main.ts control`. The target `host` adds Python and Envoy, for the
# agent that owns the processes of a machine.

FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app
# Roots of trust for the native client of Temporal, which does not bring its own.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*

FROM base AS dependencies
# The runtime's CPU library is inside the package; its install script would fetch the GPU's.
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM base AS python
RUN apt-get update \
  && apt-get install --yes --no-install-recommends python3 python3-venv \
  && rm -rf /var/lib/apt/lists/*
COPY infra/python/requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/venv \
  && /opt/venv/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement /tmp/requirements.txt

FROM base AS runtime
ENV NODE_ENV=production
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY core ./core
COPY schemas ./schemas
COPY kernels ./kernels
COPY backends ./backends
COPY activities ./activities
COPY workflows ./workflows
COPY serving ./serving
COPY workers ./workers
COPY service ./service
COPY infra/settings ./infra/settings
# New volumes that are mounted here take over the owners of the folders.
RUN install --directory --mode=0700 --owner=node --group=node /var/lib/orrery /var/lib/orrery/keys
USER node

FROM runtime AS host
USER root
RUN apt-get update \
  && apt-get install --yes --no-install-recommends python3 libgomp1 \
  && rm -rf /var/lib/apt/lists/*
COPY --from=python /opt/venv /opt/venv
COPY infra/host ./infra/host
USER node
