/** Sets one route from a process of its own: `set-route.ts <settings JSON> <route JSON>`. */
import { connectAgent } from '../../backends/local/agent/client.ts';
import type { ProxySettings } from '../../backends/local/envoy/proxy.ts';
import { createTraffic } from '../../backends/local/traffic.ts';
import type { RouteSpec } from '../../core/ports/traffic.ts';

const [settingsText = '', routeText = ''] = process.argv.slice(2);
const settings = JSON.parse(settingsText) as ProxySettings;
const spec = JSON.parse(routeText) as RouteSpec;
await createTraffic(settings, connectAgent(settings.home)).set(spec);
