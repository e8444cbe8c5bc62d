import type { Message } from './protos.ts';
import { timestamp } from './protos.ts';
import type { JobResource, VertexWorld } from './world.ts';

/** Points that a search of the double tries, as shares of each parameter's range. */
const SHARES = [0.1, 0.9, 0.5, 0.3];

/**
 * Trials of a search: a few fixed points whose objective is 1 − the distance of their share from one
 * half, so that the best one is known. One ends without a measurement.
 */
export function trialsOf(world: VertexWorld, job: JobResource): readonly Message[] {
  const now = world.now();
  const state = job.life.stateAt(now);
  if (state === 'PENDING') return [];
  const study = job.message['studySpec'] as Message;
  const [metric] = study['metrics'] as Message[];
  const count = Math.min(Number(job.message['maxTrialCount']), SHARES.length);
  return SHARES.slice(0, count).map((share, at) => {
    const ended = state !== 'RUNNING' && state !== 'CANCELLING';
    const infeasible = ended && at === count - 1 && count > 1;
    return {
      name: `${job.name}/trials/${at + 1}`,
      id: String(at + 1),
      state: ended ? (infeasible ? 'INFEASIBLE' : 'SUCCEEDED') : 'ACTIVE',
      parameters: ((study['parameters'] ?? []) as Message[]).map((parameter) =>
        pointOf(parameter, share),
      ),
      startTime: timestamp(job.life.bornAt),
      ...(ended && { endTime: timestamp(job.life.bornAt + 1000) }),
      ...(infeasible && { infeasibleReason: 'no measurement' }),
      ...(ended &&
        !infeasible && {
          finalMeasurement: {
            metrics: [{ metricId: metric?.['metricId'], value: 1 - Math.abs(share - 0.5) }],
          },
        }),
    };
  });
}

function pointOf(parameter: Message, share: number): Message {
  const parameterId = parameter['parameterId'];
  const values = (parameter['categoricalValueSpec'] as Message | undefined)?.['values'];
  if (values !== undefined) {
    const list = values as string[];
    const stringValue = list[Math.floor(share * list.length)];
    return { parameterId, value: { stringValue } };
  }
  const range = (parameter['doubleValueSpec'] ?? parameter['integerValueSpec']) as
    Message | undefined;
  if (range === undefined) {
    const discrete = (parameter['discreteValueSpec'] as Message)['values'] as number[];
    return { parameterId, value: { numberValue: discrete[Math.floor(share * discrete.length)] } };
  }
  const min = Number(range['minValue'] ?? 0);
  const max = Number(range['maxValue'] ?? 0);
  const point = min + share * (max - min);
  const isWhole = parameter['integerValueSpec'] !== undefined;
  return { parameterId, value: { numberValue: isWhole ? Math.round(point) : point } };
}
