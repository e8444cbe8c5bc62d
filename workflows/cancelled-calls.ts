import {
  ActivityFailure,
  CancellationScope,
  CancelledFailure,
  TimeoutFailure,
} from '@temporalio/workflow';

type Call = (...args: never[]) => Promise<unknown>;

/**
 * Calls that tell a cancellation as one. The server does not try an activity again whose cancellation
 * was asked for, so one whose worker dies then ends by a timeout; the run would look as if it had
 * failed, though it was cancelled.
 */
export function tellingCancellation<Calls extends object>(calls: Calls): Calls {
  return new Proxy(calls, {
    get(target, name, receiver) {
      const call = Reflect.get(target, name, receiver) as unknown;
      if (typeof call !== 'function') return call;
      return async (...args: never[]) => {
        try {
          return await (call as Call)(...args);
        } catch (error) {
          if (!endedByCancellation(error)) throw error;
          throw new CancelledFailure(`cancelled; ${String(name)}: ${error.message}`);
        }
      };
    },
  });
}

function endedByCancellation(error: unknown): error is ActivityFailure {
  return (
    error instanceof ActivityFailure &&
    error.cause instanceof TimeoutFailure &&
    CancellationScope.current().consideredCancelled
  );
}
