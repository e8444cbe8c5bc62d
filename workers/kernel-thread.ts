import { OrreryError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import { KERNELS } from '../kernels/all.ts';
import type { KernelName } from '../kernels/all.ts';

/** Errors cross the thread as data, because the structured clone drops their class. */
export type KernelAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };

/** Entry of a kernel thread. The pool wants a default export. */
// oxlint-disable-next-line import/no-default-export
export default function runKernel({
  name,
  input,
}: {
  name: KernelName;
  input: readonly unknown[];
}): KernelAnswer {
  try {
    const kernel = KERNELS[name] as (...args: readonly unknown[]) => unknown;
    return { ok: true, value: kernel(...input) };
  } catch (error) {
    if (error instanceof OrreryError) {
      return { ok: false, code: error.code, message: error.message, details: error.details };
    }
    throw error;
  }
}
