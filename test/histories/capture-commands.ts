/**
 * A workflow interceptor that tells every command that the workflow code issues. It is bundled only
 * by the tests of histories: replay itself compares neither arguments nor timeouts, queues or
 * retry policies, so the tests compare what this tells with what a history recorded.
 */
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { proxySinks } from '@temporalio/workflow';
import type { Sinks, WorkflowInterceptorsFactory } from '@temporalio/workflow';

export interface CommandSinks extends Sinks {
  commands: {
    /** @param commands JSON of one activation's commands, with payloads decoded */
    issued(commands: string): void;
  };
}

const { commands: sink } = proxySinks<CommandSinks>();

export const interceptors: WorkflowInterceptorsFactory = () => ({
  internals: [
    {
      concludeActivation: (input, next) => {
        const output = next(input);
        sink.issued(JSON.stringify(output.commands.map(plain)));
        return output;
      },
    },
  ],
});

/** Payloads become what they carry, 64-bit integers become numbers. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (isPayload(value)) return defaultPayloadConverter.fromPayload(value) ?? null;
  if ('toNumber' in value && typeof value.toNumber === 'function')
    return value.toNumber() as number;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

function isPayload(value: object): value is Payload {
  return 'metadata' in value && 'data' in value && ArrayBuffer.isView(value.data);
}
