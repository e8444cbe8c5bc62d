import { Writable } from 'node:stream';
import { Exec } from '@kubernetes/client-node';
import type { KubeConfig, V1Status } from '@kubernetes/client-node';
import { errorOfCall, errorOfReply } from './errors.ts';

/** A command in a container of a running pod. */
export interface PodCommand {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
}

/** How a command ended. */
export interface PodCommandEnd {
  readonly succeeded: boolean;
  /** What the far side says of a failure, and what the command wrote to standard error. */
  readonly told: string;
}

const TOLD_CHARS_MAX = 500;

/**
 * Runs a command by the `exec` subresource of a pod and waits for its end.
 *
 * @throws OrreryError ACCESS_DENIED without the permission `create pods/exec`, NOT_FOUND for a pod
 * that is gone, BACKEND_UNAVAILABLE when its node does not answer within `timeoutMs`
 */
export async function execInPod(
  config: KubeConfig,
  server: string,
  { namespace, pod, container, command }: PodCommand,
  timeoutMs: number,
): Promise<PodCommandEnd> {
  const action = `run ${JSON.stringify(command)} in the pod ${pod}`;
  let written = '';
  const stderr = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written = `${written}${chunk.toString('utf8')}`.slice(0, TOLD_CHARS_MAX);
      done();
    },
  });
  try {
    const { status, message } = await new Promise<V1Status>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms`)), timeoutMs);
      const fail = (cause: unknown) => {
        clearTimeout(limit);
        reject(asError(cause));
      };
      const words = [...command];
      new Exec(config)
        .exec(namespace, pod, container, words, null, stderr, null, false, (end) => {
          clearTimeout(limit);
          resolve(end);
        })
        .then((socket) => {
          socket.on('error', fail);
          socket.on('close', () => fail(new Error('the connection closed without a status')));
        }, fail);
    });
    const told = [message, written.trim()].filter((part) => part !== undefined && part !== '');
    return { succeeded: status === 'Success', told: told.join(': ') };
  } catch (cause) {
    throw errorOfUpgrade(action, server, cause);
  }
}

/** A refused upgrade comes as an error that holds the status in its text alone. */
function errorOfUpgrade(action: string, server: string, cause: unknown) {
  const error = asError(cause);
  const status = /Unexpected server response: (\d{3})/.exec(error.message)?.[1];
  if (status === undefined) return errorOfCall(action, server, error);
  const reason = status === '404' ? 'NotFound' : '';
  return errorOfReply(action, Number(status), JSON.stringify({ message: error.message, reason }));
}

/** The client hands out the `ErrorEvent` of its WebSocket, which is no Error. */
function asError(cause: unknown): Error {
  if (cause instanceof Error) return cause;
  const message = (cause as { readonly message?: unknown } | null)?.message;
  return new Error(typeof message === 'string' ? message : String(cause), { cause });
}
