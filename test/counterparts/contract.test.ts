import { jest } from '@jest/globals';

import { describeContracts } from '../support/contract/all.ts';

// A far side takes its time to tell that work has ended.
const TEST_MS_MAX = 180_000;
jest.setTimeout(TEST_MS_MAX);

await describeContracts('counterparts');
