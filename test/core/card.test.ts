import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CARD_BYTES_MAX } from '../../core/card-text.ts';
import { lifecycleCard, rolloutCard } from '../../core/lifecycle/card.ts';
import type { RolloutResult } from '../../core/rollout/request.ts';
import { lifecycleState, rolloutState, stepSummary } from './states.ts';

const APPROVAL = {
  workflowId: 'lifecycle/fraud/v7',
  modelSha256: 'a'.repeat(64),
  reportSha256: 'b'.repeat(64),
  nonce: 'n',
  deadlineAt: '2026-11-25T00:00:00Z',
};
const rollout = (region: string, reason: string): RolloutResult => ({
  outcome: 'promoted',
  region,
  champion: 'v7',
  weightPercent: 100,
  reason,
  steps: [],
});

describe('lifecycleCard', () => {
  it('tells stage, gates, traffic, and cost', () => {
    const card = lifecycleCard(
      lifecycleState({
        rollouts: [rollout('eu', 'no harm')],
        gates: [
          { stage: 'data', passed: true, reason: 'fine' },
          { stage: 'evaluate', passed: false, reason: 'worse' },
        ],
        outcome: 'rejected',
      }),
    );
    expect(card).toBe(
      [
        '## fraud v7',
        '**Stage** release (7 of 8)',
        '**Outcome** rejected',
        'rolls out in eu',
        '**Cost** $1.5000 (cap $10.00)',
        '**Gates**\n- ✔ data: fine\n- ✘ evaluate: worse',
        '**Traffic**\n- eu: promoted, 100 % — no harm',
      ].join('\n\n'),
    );
  });

  it('gives the command that answers what the run waits for', () => {
    expect(lifecycleCard(lifecycleState({ approval: APPROVAL }))).toContain(
      '```\norrery lifecycle approve fraud v7 --key <approver key>\n```',
    );
    expect(lifecycleCard(lifecycleState({ paused: true }))).toContain(
      '```\norrery lifecycle resume fraud v7\n```',
    );
  });

  it('leaves out what there is not', () => {
    const cost = { usd: 0, usdMax: null, lines: [] };
    const card = lifecycleCard(lifecycleState({ cost, gates: [], reason: '' }));
    expect(card).toBe('## fraud v7\n\n**Stage** release (7 of 8)\n\n**Cost** $0.0000 (no cap)');
  });

  it('puts a text of many lines on one, so that the list stays a list', () => {
    const gates = [{ stage: 'data' as const, passed: false, reason: 'one\n\n# two' }];
    expect(lifecycleCard(lifecycleState({ gates }))).toContain('- ✘ data: one # two');
  });

  it('counts the rows that it does not tell', () => {
    const gates = Array.from({ length: 130 }, (_, index) => ({
      stage: 'data' as const,
      passed: true,
      reason: `endpoint ${index}`,
    }));
    const card = lifecycleCard(lifecycleState({ gates }));
    expect(card).toContain('- … 30 before\n- ✔ data: endpoint 30\n');
    expect(card).not.toContain('endpoint 29\n');
  });
});

describe('rolloutCard', () => {
  it('tells the steps and asks its question with both answers', () => {
    const card = rolloutCard(
      'fraud',
      'v7',
      rolloutState({
        paused: true,
        question: 'no decision after 900 s',
        steps: [stepSummary('no harm')],
        reason: 'waits',
        leftovers: ['end the server: refused'],
      }),
    );
    expect(card).toContain('## fraud v7 in eu');
    expect(card).toContain('**Stage** canary — **paused**, **traffic** 5 % (steps 1, 5, 100)');
    expect(card).toContain('**Steps**\n- 1 %: advance — no harm');
    expect(card).toContain('**Left over**\n- end the server: refused');
    expect(card).toContain('orrery lifecycle resume fraud v7');
    expect(card).toContain('orrery lifecycle rollback fraud v7 --reason "…"');
    expect(card).toContain('`rollout/fraud/v7/eu` of `lifecycle/fraud/v7`');
  });

  it('leaves out champion, reason and question where there are none', () => {
    const card = rolloutCard('fraud', 'v7', rolloutState({ champion: null, outcome: 'promoted' }));
    expect(card).not.toMatch(/Champion|Waits/);
    expect(card).toContain('**Outcome** promoted');
  });
});

describe('a card', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.nat(4000).map((length) => '漢'.repeat(length)),
    fc.nat(4000).map((length) => `x${'😀'.repeat(length)}`),
  );
  const bytes = (card: string): number => Buffer.byteLength(card);

  it('fits CARD_BYTES_MAX and keeps its command, however large the state', () => {
    const texts = fc.array(text, { maxLength: 120 });
    fc.assert(
      fc.property(texts, texts, text, (gates, regions, reason) => {
        const card = lifecycleCard(
          lifecycleState({
            gates: gates.map((why) => ({ stage: 'data', passed: true, reason: why })),
            rollouts: regions.map((why) => rollout('eu', why)),
            reason,
            approval: APPROVAL,
          }),
        );
        expect(bytes(card)).toBeLessThanOrEqual(CARD_BYTES_MAX);
        // A lone half of a surrogate pair would come back as U+FFFD.
        expect(Buffer.from(card).toString()).toBe(card);
        expect(card).toContain('orrery lifecycle approve fraud v7');
      }),
      { numRuns: 30 },
    );
    fc.assert(
      fc.property(texts, text, (reasons, question) => {
        const steps = reasons.map(stepSummary);
        const card = rolloutCard(
          'fraud',
          'v7',
          rolloutState({ steps, question, reason: question }),
        );
        expect(bytes(card)).toBeLessThanOrEqual(CARD_BYTES_MAX);
        expect(card).toContain('orrery lifecycle resume fraud v7');
      }),
      { numRuns: 30 },
    );
  });

  it('fits with the longest lists of the widest characters', () => {
    const wide = Array.from({ length: 1000 }, () => '漢'.repeat(1000));
    const state = lifecycleState({
      model: 'm'.repeat(40),
      version: 'v'.repeat(40),
      gates: wide.map((reason) => ({ stage: 'evaluate', passed: false, reason })),
      rollouts: wide.map((reason) => rollout('r'.repeat(40), reason)),
      reason: '漢'.repeat(1000),
      approval: APPROVAL,
    });
    expect(bytes(lifecycleCard(state))).toBeLessThanOrEqual(CARD_BYTES_MAX);
  });
});
