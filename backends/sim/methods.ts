import type { PortName, Ports } from '../../core/backend.ts';

/** Every method of every port that the world has: what may be called over the socket, and where a fault can sit. */
export const PORT_METHODS = {
  artifacts: ['put', 'import', 'read', 'has'],
  compute: ['start', 'read', 'requestCheckpoint', 'stop'],
  inventory: ['list'],
  metrics: ['read'],
  models: ['register', 'read', 'fact', 'changeFact'],
  pipeline: ['start', 'read', 'retry', 'stop'],
  prices: ['quote'],
  serving: ['deploy', 'read', 'undeploy'],
  signer: ['sign', 'verify', 'approver'],
  traffic: ['set', 'read', 'remove'],
  tuning: ['start', 'read', 'stop'],
} as const satisfies { [Port in PortName]?: readonly (keyof Ports[Port])[] };

/** The ports of the simulated world. */
export type SimPort = keyof typeof PORT_METHODS;
export const SIM_PORTS = Object.keys(PORT_METHODS) as readonly SimPort[];
export type SimPorts = Pick<Ports, SimPort>;

type Calls = {
  [Port in SimPort]: `${Port}.${(typeof PORT_METHODS)[Port][number]}`;
}[SimPort];

/** A method by its full name, such as `compute.start`. */
export type CallName = Calls;

export const CALL_NAMES: readonly CallName[] = Object.entries(PORT_METHODS).flatMap(
  ([port, methods]) => methods.map((method) => `${port}.${method}` as CallName),
);

/** Any method, seen from outside the types: JSON values and bytes in and out. */
export type Method = (...args: unknown[]) => Promise<unknown>;

/** Builds all ports from one function a call. */
export function portsFrom(method: (name: CallName) => Method): SimPorts {
  const ports = Object.entries(PORT_METHODS).map(([port, methods]) => [
    port,
    Object.fromEntries(methods.map((name) => [name, method(`${port}.${name}` as CallName)])),
  ]);
  return Object.fromEntries(ports) as SimPorts;
}
