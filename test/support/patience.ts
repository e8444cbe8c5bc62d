import { jest } from '@jest/globals';

/** Longest time of one test that talks to real processes, on a machine under load. */
jest.setTimeout(60_000);
